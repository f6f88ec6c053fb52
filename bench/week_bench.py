#!/usr/bin/env python3
"""A week of 16.8 million requests through policy slo: seconds of one core and the most memory.

    bench/week_bench.py [--rounds N] [ROW...]

The traffic is made up (a daily wave of 27.8 requests a second on average); a round is one run of build/tidegate.
Prints one JSON row a line.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROWS = {"week_seconds": "s", "week_megabytes": "MB"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("rows", nargs="*", default=list(ROWS))
    given = parser.parse_args()
    command = [os.path.join(ROOT, "build/tidegate"), "simulate", "--generate", "diurnal:rate=27.8,swing=0.7",
               "--peak-replicas", "24", "--replica", "slots=8,service=4s", "-o", "json", "--quiet"]
    seconds = []
    for _ in range(given.rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    for name, value in (("week_seconds", statistics.median(seconds)), ("week_megabytes", most)):
        if name in given.rows:
            print(json.dumps({"name": name, "value": value, "unit": ROWS[name]}), flush=True)


if __name__ == "__main__":
    main()
