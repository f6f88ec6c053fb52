#!/usr/bin/env python3
"""Sparse services that may sleep: `slo` beside fixed keep-alives, on the recorded traffic of single functions.

    bench/sparse_study.py --quick      every eighth function, under a minute
    bench/sparse_study.py              all of them, some minutes; writes docs/evaluation_sparse.md

Each function is a service of its own with `min: 0`. Played are those with at least 24 requests (fewer teach and show
nothing) that are idle in at least half of their minutes (the others are awake under every keep-alive of two minutes or
more). Cold-start-exposed is a request that no ready replica met; replica-hours are billed from request to gone.
"""
import argparse
import collections
import concurrent.futures
import csv
import gzip
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TRACES = ("azure_functions_2019_500fn_8h", "azure_functions_2019_9fn_1day")
KEEP_MINUTES = (1, 2, 5, 10, 20, 40, 60)
FIXED = 10  # what the goal compares with
COLD_STARTS = (20, 60)
REQUESTS_LEAST = 24
ACTIVE_MOST = 0.5
REPLICA = "slots=8,service=1s"
QUICK_STEP = 8
PLAY_MOST = 300  # seconds


def functions_of(path):
    """The functions to play: [(name, requests, share of minutes with any)], most requests first."""
    counts, first, last = collections.defaultdict(dict), {}, {}
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            name, at, requests = row["function"], float(row["t_seconds"]), float(row["requests"])
            first[name], last[name] = min(first.get(name, at), at), max(last.get(name, at), at)
            if requests > 0:
                counts[name][at // 60] = counts[name].get(at // 60, 0) + requests
    found = []
    for name, minutes in counts.items():
        span = (last[name] - first[name]) / 60 + 1
        requests, active = sum(minutes.values()), len(minutes) / span
        if requests >= REQUESTS_LEAST and active <= ACTIVE_MOST:
            found.append((name, int(requests), active))
    return sorted(found, key=lambda one: (-one[1], one[0]))


def policies():
    return ["slo"] + [f"{{keep_alive: {{keep: {minutes}m}}}}" for minutes in KEEP_MINUTES]


def play(options, path, function, cold):
    """(hours, exposed, requests) of each policy, in the order of policies()."""
    command = [options.program, "compare", "--trace", path, "--function", function, "--policies", ",".join(policies()),
               "--slo", options.slo, "--replicas", "0..16", "--replica", REPLICA, "--cold-start", f"{cold}s",
               "--warm-up", "0s", "--tick", options.tick, "--no-bounds", "--jobs", "1", "--seed", str(options.seed),
               "-o", "json", "--quiet"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=PLAY_MOST)
    if answer.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\nexit {answer.returncode}: {answer.stderr.strip()}")
    runs = json.loads(answer.stdout)["runs"]
    if [run["policy"] for run in runs] != policies():
        raise SystemExit(f"{' '.join(command)}\nanswered for {[run['policy'] for run in runs]}")
    return [(run["replica_hours"], run["cold_start_exposed"], run["requests"]) for run in runs]


def at_hours(frontier, hours):
    """Exposed requests of a keep-alive that costs so many hours, between two of the fixed times; beyond them the end."""
    points = sorted(frontier)
    if hours <= points[0][0]:
        return points[0][1]
    for (h0, e0), (h1, e1) in zip(points, points[1:]):
        if hours <= h1:
            return e0 + (e1 - e0) * (hours - h0) / (h1 - h0) if h1 > h0 else min(e0, e1)
    return points[-1][1]


def ratio_text(ours, theirs):
    return f"{ours / theirs:.2f}" if theirs > 0 else ("1.00" if ours == 0 else "∞")


class Case:
    """A trace at a cold start: what every function did under every policy."""

    def __init__(self, trace, cold, played):
        self.trace, self.cold, self.played = trace, cold, played  # played: {function: [(hours, exposed, requests)]}
        self.sums = [tuple(map(sum, zip(*(runs[i][:2] for runs in played.values())))) for i in range(len(policies()))]
        self.requests = sum(runs[0][2] for runs in played.values())
        self.ours, self.kept = self.sums[0], self.sums[1:]
        self.fixed = self.kept[KEEP_MINUTES.index(FIXED)]

    def holds(self):
        """At most half of the fixed keep-alive's exposed requests, for no more hours than it takes."""
        return self.ours[1] <= self.fixed[1] / 2 and self.ours[0] <= self.fixed[0]

    def lost(self):
        """Functions where some keep-alive is not beaten at our hours, worst first."""
        rows = []
        for name, runs in self.played.items():
            hours, exposed, requests = runs[0]
            theirs = at_hours([run[:2] for run in runs[1:]], hours)
            if exposed > theirs + 1:
                rows.append((exposed - theirs, name, requests, hours, exposed, theirs, runs[1 + KEEP_MINUTES.index(FIXED)]))
        return sorted(rows, reverse=True)


def render(cases, options):
    lines = ["# Sparse services", "",
             f"Made by `bench/sparse_study.py{' --quick' if options.quick else ''}`; do not edit.", "",
             f"Each function of a trace is a service with `min: 0`, `{options.slo}` and replicas of `{REPLICA}`; a decision "
             f"every {options.tick}. Played are functions with at least {REQUESTS_LEAST} requests that are idle in at least "
             "half of their minutes: fewer requests teach and show nothing, and the others are awake under every keep-alive "
             "of two minutes or more. Exposed: requests that no ready replica met. Nothing is left out as warm-up: `slo` "
             "begins without any knowledge, and what it pays to learn is in.", "",
             "The goal: at most half of the exposed requests of a fixed keep-alive of ten minutes at equal replica-hours. "
             "Asked strictly: half of them, for no more hours than the ten minutes take. The last column asks the frontier: "
             "exposed requests over those of a keep-alive (between two of the times below) that costs as much as `slo`.", "",
             "| trace | functions | cold start | requests | `slo` hours | exposed | keep 10 min hours | exposed | exposed / "
             "keep 10 min | hours / keep 10 min | exposed at equal hours |",
             "|---|---|---|---|---|---|---|---|---|---|---|"]
    for case in cases:
        equal = at_hours(case.kept, case.ours[0])
        lines.append(f"| {case.trace} | {len(case.played)} | {case.cold} s | {case.requests} | {case.ours[0]:.1f} "
                     f"| {case.ours[1]} | {case.fixed[0]:.1f} | {case.fixed[1]} | {ratio_text(case.ours[1], case.fixed[1])}"
                     f"{'' if case.holds() else ' ✗'} | {ratio_text(case.ours[0], case.fixed[0])} "
                     f"| {ratio_text(case.ours[1], equal)} |")
    lines += ["", "## The keep-alives", "", "Hours and exposed requests at each keep time.", "",
              "| trace | cold start | " + " | ".join(f"{minutes} min" for minutes in KEEP_MINUTES) + " |",
              "|---|---|" + "---|" * len(KEEP_MINUTES)]
    for case in cases:
        lines.append(f"| {case.trace} | {case.cold} s | " + " | ".join(f"{h:.1f} h, {e}" for h, e in case.kept) + " |")
    lines += ["", "## Lost", "",
              "Functions where a keep-alive that costs as much as `slo` exposes fewer requests, by more than one; the ten worst "
              "of each case.", ""]
    for case in cases:
        lost = case.lost()
        lines += [f"{case.trace}, {case.cold} s: {len(lost)} of {len(case.played)} functions.", ""]
        if not lost:
            continue
        lines += ["| function | requests | `slo` hours | exposed | exposed at equal hours | keep 10 min |", "|---|---|---|---|---|---|"]
        for _, name, requests, hours, exposed, theirs, fixed in lost[:10]:
            lines.append(f"| {name} | {requests} | {hours:.1f} | {exposed} | {theirs:.1f} | {fixed[0]:.1f} h, {fixed[1]} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="every eighth function, one cold start")
    parser.add_argument("--program", default=os.path.join(ROOT, "build", "tidegate"))
    parser.add_argument("--traces", default=os.environ.get("TIDEGATE_TRACES", os.path.join(ROOT, "..", "shared", "traces")))
    parser.add_argument("--slo", default="ttft_p99=2s")
    parser.add_argument("--tick", default="2s")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--out", help="default: docs/evaluation_sparse.md; with --quick only the table is printed")
    parser.add_argument("--require", action="store_true", help="exit 1 when the goal is missed")
    options = parser.parse_args()
    if not os.path.isdir(options.traces):
        sys.exit(f"there is no folder {options.traces}; name the one with the traces with --traces")
    colds = COLD_STARTS[:1] if options.quick else COLD_STARTS
    paths = {trace: os.path.join(options.traces, f"{trace}.perfunction.csv.gz") for trace in TRACES}
    parts = []
    for trace, path in paths.items():
        chosen = functions_of(path)[:: QUICK_STEP if options.quick else 1]
        parts += [(trace, cold, name) for cold in colds for name, _, _ in chosen]
    played = {}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        try:
            found = pool.map(lambda part: play(options, paths[part[0]], part[2], part[1]), parts)
            for number, (part, runs) in enumerate(zip(parts, found), 1):
                played.setdefault(part[:2], {})[part[2]] = runs
                if sys.stderr.isatty():
                    print(f"\r{number} of {len(parts)}", end="", file=sys.stderr)
        except BaseException:  # Ctrl-C, or a part that failed
            pool.shutdown(cancel_futures=True)
            raise
    cases = [Case(trace, cold, runs) for (trace, cold), runs in played.items()]
    text = render(cases, options)
    out = options.out or (None if options.quick else os.path.join(ROOT, "docs", "evaluation_sparse.md"))
    if out:
        with open(out, "w") as file:
            file.write(text)
    print("\n".join(line for line in text.splitlines()[10:] if line.startswith("| azure") or line.startswith("| trace")))
    if options.require and not all(case.holds() for case in cases):
        sys.exit("the goal is missed")


if __name__ == "__main__":
    main()
