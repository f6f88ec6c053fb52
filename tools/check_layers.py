#!/usr/bin/env python3
"""Holds the house against its plan: who includes whom, which words are banned where, which files nobody builds.

The plan is the USES list of each room's CMakeLists.txt: a room may include what it uses, and whatever that may.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SRC = os.path.join(ROOT, "src")

# What the pure wings must not know, and why. Exceptions are named here, so a new one shows in review.
BANNED = [
    (r"\b(system_clock|steady_clock|high_resolution_clock)\b", "time enters only as observation.now"),
    (r"#include <(thread|mutex|shared_mutex|condition_variable|atomic|future)>", "the core is single-threaded"),
    (r"#include <(fstream|iostream|cstdio|filesystem|sys/.*|unistd\.h)>", "the core touches nothing"),
    (r"\brandom_device\b|#include <random>", "standard distributions differ between libraries; use core/base/prng"),
    (r"\bunordered_(map|set|multimap|multiset)\b", "iteration order would differ between runs"),
    (r"\b(getenv|std::time|gettimeofday|clock_gettime)\b", "the core asks nobody"),
]
BANNED_WINGS = ("core", "lab")
BANNED_EXCEPTIONS = {"src/core/base/check.cc": "an internal error prints its place before it aborts"}
NAMES_BANNED = re.compile(r"\b(class|struct) \w*(Utils?|Helpers?|Manager)\b")


def rooms():
    """Room path -> (text of its CMakeLists, set of rooms it uses, set used by its tests)."""
    found = {}
    for folder, _, files in os.walk(SRC):
        if "CMakeLists.txt" in files and folder != SRC:
            text = open(os.path.join(folder, "CMakeLists.txt")).read()
            found[os.path.relpath(folder, SRC)] = text
    return found


def uses_of(text, command):
    used = set()
    for call in re.findall(command + r"\((.*?)\)", text, re.S):
        for words in re.findall(r"\bUSES\b((?:\s+[a-z_]+/[a-z_/]+)+)", call):
            used.update(words.split())
    return used


def closure(room, direct):
    seen, stack = set(), [room]
    while stack:
        for used in direct.get(stack.pop(), ()):
            if used not in seen:
                seen.add(used)
                stack.append(used)
    return seen


def room_of(path, known):
    parts = path.split("/")
    for length in range(len(parts) - 1, 0, -1):
        candidate = "/".join(parts[:length])
        if candidate in known:
            return candidate
    return None


def check_file(path, room, allowed, known, problems):
    wing = room.split("/")[0]
    name = os.path.relpath(path, ROOT)
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        include = re.match(r'\s*#include "([^"]+)"', line)
        if include:
            target = room_of(include.group(1), known)
            if target is None:
                if "/" not in include.group(1):
                    problems.append(f'{name}:{number}: include it as "wing/room/file.h", not "{include.group(1)}"')
            elif target != room and target not in allowed:
                problems.append(f"{name}:{number}: {room} does not USE {target}")
        if NAMES_BANNED.search(line):
            problems.append(f"{name}:{number}: a name that says nothing: {line.strip()}")
        if wing in BANNED_WINGS and not path.endswith(("_test.cc", "_bench.cc", "_fuzz.cc")) and \
                name not in BANNED_EXCEPTIONS:
            code = line.split("//")[0]
            for pattern, why in BANNED:
                if re.search(pattern, code):
                    problems.append(f"{name}:{number}: banned in {wing}: {line.strip()} ({why})")


def main():
    known = rooms()
    direct = {room: uses_of(text, "tidegate_module") for room, text in known.items()}
    problems = []
    for room, text in sorted(known.items()):
        everything = room == "app"
        allowed = set(known) if everything else closure(room, direct)
        beside = set(allowed)
        for used in uses_of(text, "tidegate_test") | uses_of(text, "tidegate_bench") | uses_of(text, "tidegate_fuzz"):
            beside |= {used} | closure(used, direct)
        for folder, subfolders, files in os.walk(os.path.join(SRC, room)):
            subfolders[:] = [s for s in subfolders
                             if os.path.relpath(os.path.join(folder, s), SRC) not in known]
            for file in sorted(files):
                if not file.endswith((".cc", ".h")):
                    continue
                path = os.path.join(folder, file)
                listed = os.path.relpath(path, os.path.join(SRC, room))
                if not re.search(r"(?<![\w/])" + re.escape(listed) + r"(?!\w)", text):
                    problems.append(f"{os.path.relpath(path, ROOT)}: no target builds this file")
                outside = file.endswith(("_test.cc", "_bench.cc", "_fuzz.cc")) or "testing" in listed.split("/")
                check_file(path, room, beside if outside else allowed, known, problems)
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problems: the plan of the house is in ARCHITECTURE.md")
        sys.exit(1)


if __name__ == "__main__":
    main()
