#!/usr/bin/env python3
"""Writes src/core/base/time_zone_rules.cc from this machine's time zone database (tzdata, public domain).

Each zone's rule is the last line of its file: a POSIX TZ text, which says what holds from now on. Past changes of a
zone's rules are left out: decisions are made in the present.
"""
import os
import re
import sys

ZONEINFO = "/usr/share/zoneinfo"
TARGET = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "src/core/base/time_zone_rules.cc")
RULE = re.compile(r"M(\d+)\.(\d+)\.(\d+)(?:/(-?[\d:]+))?$")
ZONE = re.compile(r"(?:<[^>]+>|[A-Za-z]+)(-?\+?[\d:]+)(?:(?:<[^>]+>|[A-Za-z]+)(-?\+?[\d:]+)?(?:,(.*),(.*))?)?$")


def seconds(text):
    sign = -1 if text.startswith("-") else 1
    parts = [int(p) for p in text.lstrip("+-").split(":")]
    return sign * sum(p * s for p, s in zip(parts, (3600, 60, 1)))


def change(text):
    month, week, day, at = RULE.match(text).groups()
    return f"{{{month}, {week}, {day}, {seconds(at) if at else 7200}}}"


def row(name, posix):
    standard, summer, start, end = ZONE.match(posix).groups()
    offset = -seconds(standard)
    if not start:
        return f'    {{"{name}", {offset}, {offset}, {{}}, {{}}}},'
    summer_offset = -seconds(summer) if summer else offset + 3600
    return f'    {{"{name}", {offset}, {summer_offset}, {change(start)}, {change(end)}}},'


def main():
    rows = {}
    for folder, subfolders, files in os.walk(ZONEINFO):
        subfolders[:] = [s for s in subfolders if s not in ("posix", "right")]
        for file in files:
            path = os.path.join(folder, file)
            name = os.path.relpath(path, ZONEINFO)
            content = open(path, "rb").read()
            if not content.startswith(b"TZif2") and not content.startswith(b"TZif3"):
                continue
            if "/" not in name and name not in ("UTC", "GMT") or name in ("localtime",):
                continue
            posix = content.rstrip(b"\n").rsplit(b"\n", 1)[-1].decode()
            if not ZONE.match(posix):
                sys.exit(f"{name}: cannot read the rule {posix}")
            rows[name] = row(name, posix)
    with open(TARGET, "w") as out:
        out.write("// Written by tools/make_time_zones.py from the time zone database; not to be edited by hand.\n")
        out.write('#include "core/base/time_zone.h"\n\nnamespace tidegate {\n\n// clang-format off\n')
        out.write("const std::array<TimeZone, %d> time_zone_rules{{\n" % len(rows))
        out.write("\n".join(rows[name] for name in sorted(rows)))
        out.write("\n}};\n// clang-format on\n\n")
        out.write("std::span<const TimeZone> time_zones() { return time_zone_rules; }\n\n}  // namespace tidegate\n")
    print(f"{len(rows)} zones")


if __name__ == "__main__":
    main()
