#!/usr/bin/env python3
"""Every benchmark, into build/bench.json: {"name", "value", "unit", "peer", "peer_value", "ratio"} per row.

    bench/run.py [--repetitions 5] [NAME...]

NAME is a row or the beginning of one; rows that are not run again keep the value they have in the file. Values are
medians of at least five repetitions. A row with a peer runs it in the same call, alternating. Benches of one room stand
beside its code (*_bench.cc); those of the whole program stand here (*_bench.py, one JSON row a line on stdout).
"""
import argparse
import glob
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = os.path.join(ROOT, "build/bench.json")
KEYS = ("name", "value", "unit", "peer", "peer_value", "ratio")

# What bench/*_bench.py measure: their rows, so that a name finds its program.
PROGRAMS = {
    "gateway_bench.py": ("gateway_cpu_per_request", "gateway_cpu_per_token", "gateway_added_p99",
                         "gateway_idle_connection_bytes", "gateway_queue_throughput"),
    "affinity_bench.py": ("affinity_prefix_found", "affinity_prompt_cached", "affinity_ttft_p50", "affinity_ttft_p99"),
    "week_bench.py": ("week_seconds", "week_megabytes"),
    "sim_vs_live_bench.py": ("sim_vs_live_attainment", "sim_vs_live_replica_hours", "sim_vs_live_ttft_p90"),
    "decide_bench.py": ("decide_line_p50", "decide_line_p99", "decide_line_max", "decide_line_cpu_max"),
}


def wanted(name, names):
    return not names or any(name.startswith(one) for one in names)


def lines_of(command):
    """The lines a program prints, as they come; ends this one when it fails."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            yield line
    if process.returncode != 0:
        sys.exit(f"bench: {os.path.basename(command[0])} failed with status {process.returncode}")


def room_rows(names, repetitions):
    """Google benchmarks: processor time of one iteration; of the simulator, requests a second and core; of a name that
    ends so, bytes."""
    for binary in sorted(glob.glob(os.path.join(ROOT, "build/bench/src/*/*/*_bench"))):
        listed = [line.strip() for line in lines_of([binary, "--benchmark_list_tests"])]
        chosen = [name for name in listed if wanted(name, names)]
        if not chosen:
            continue
        exactly = "^(" + "|".join(chosen) + ")$"
        out = "".join(lines_of([binary, f"--benchmark_filter={exactly}", f"--benchmark_repetitions={repetitions}",
                                "--benchmark_enable_random_interleaving=true", "--benchmark_min_time=0.2",
                                "--benchmark_report_aggregates_only=true", "--benchmark_format=json"]))
        for run in json.loads(out)["benchmarks"]:
            if run["aggregate_name"] != "median":
                continue
            if run["run_name"].endswith("_bytes"):
                yield {"name": run["run_name"], "value": run["bytes"], "unit": "bytes"}
            elif run["run_name"].startswith("simulate_"):
                yield {"name": run["run_name"], "value": run["items_per_second"], "unit": "requests/s"}
            else:
                yield {"name": run["run_name"], "value": run["cpu_time"], "unit": run["time_unit"]}


def program_rows(names, repetitions):
    for program, rows in PROGRAMS.items():
        chosen = [name for name in rows if wanted(name, names)]
        if chosen:
            command = [sys.executable, os.path.join(ROOT, "bench", program), "--rounds", str(repetitions), *chosen]
            yield from map(json.loads, lines_of(command))


def show(row):
    peer = f"   {row['ratio']:.3g} x {row['peer']} ({row['peer_value']:.4g})" if row["peer"] else ""
    print(f"{row['name']:40} {row['value']:12.5g} {row['unit']:6}{peer}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    given.names = [name.replace("-", "_") for name in given.names]
    if given.repetitions < 5:
        sys.exit("bench: a median needs at least 5 repetitions")

    kept = {}
    if given.names and os.path.exists(OUT):
        kept = {row["name"]: row for row in json.load(open(OUT))}
    found = 0
    for source in (room_rows, program_rows):
        for row in source(given.names, given.repetitions):
            row = {key: row.get(key) for key in KEYS}
            kept[row["name"]] = row
            found += 1
            show(row)
            with open(OUT + ".new", "w") as out:
                json.dump(list(kept.values()), out, indent=1)
                out.write("\n")
            os.replace(OUT + ".new", OUT)
    if found == 0:
        sys.exit(f"bench: no row begins with {' or '.join(given.names)}")


if __name__ == "__main__":
    main()
