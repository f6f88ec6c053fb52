#!/usr/bin/env python3
"""A week of 16.8 million requests through policy slo: seconds of one core and the most memory.

    bench/week_bench.py [--rounds N] [--traces FOLDER] [ROW...]

The traffic is azure_llm_2024_code_week_digitised (27.8 requests a second on average, 88 in the busiest ten minutes) where
the folder with the traces has it (TIDEGATE_TRACES, or ../shared/traces), else a daily wave of the same mean. Replicas carry
3.6 requests a second, so the peak needs 24. A round is one run of build/tidegate. Seconds are of the processor, which other
programs do not lengthen much; those of the clock are said on stderr. Prints one JSON row a line.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROWS = {"week_seconds": "s", "week_megabytes": "MB"}
TRACE = "azure_llm_2024_code_week_digitised.rate.csv.gz"
REQUESTS = 16_803_688


def traffic(folder):
    path = os.path.join(folder, TRACE)
    if os.path.exists(path):
        return ["--trace", path], REQUESTS
    print(f"week_bench: there is no {path}; a made-up week is played", file=sys.stderr)
    return ["--generate", "diurnal:rate=27.8,swing=0.7"], None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tidegate", default=os.path.join(ROOT, "build/tidegate"))
    parser.add_argument("--traces", default=os.environ.get("TIDEGATE_TRACES", os.path.join(ROOT, "..", "shared", "traces")))
    parser.add_argument("rows", nargs="*", default=list(ROWS))
    given = parser.parse_args()
    options, requests = traffic(given.traces)
    command = [given.tidegate, "simulate", *options, "--replica", "slots=8,service=2.2s", "-o", "json", "--quiet"]
    seconds = []
    for _ in range(given.rounds):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=600).stdout)
        after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        print(f"week_bench: {answer['requests']} requests, {seconds[-1]:.1f} s of a core, {wall:.1f} s by the clock, "
              f"{answer['slo_attainment']:.3%} within the SLO, {answer['replica_hours']:.0f} replica-hours", file=sys.stderr)
        if requests and answer["requests"] != requests:
            sys.exit(f"week_bench: {answer['requests']} requests were played of {requests}")
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    for name, value in (("week_seconds", statistics.median(seconds)), ("week_megabytes", most)):
        if name in given.rows:
            print(json.dumps({"name": name, "value": value, "unit": ROWS[name]}), flush=True)


if __name__ == "__main__":
    main()
