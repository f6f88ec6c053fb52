#!/usr/bin/env python3
"""Ten minutes of a recorded trace twice: in virtual time, and live through gateway, emulated replicas and controller.

    bench/sim_vs_live_bench.py [--minutes 10] [--scale 4] [--trace FILE] [--keep FOLDER] [ROW...]

One round takes as long as the trace. Wanted: SLO attainment within a point, replica-hours within 3 %, the 90th
percentile of TTFT within 10 %. Prints one JSON row a line: the simulator's figure, the live one as its peer.
"""
import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import main_job  # noqa: E402

ROWS = {"sim_vs_live_attainment": "share", "sim_vs_live_replica_hours": "h", "sim_vs_live_ttft_p90": "s"}


def live(given, folder):
    """The figures of the live run, replicas counted while requests were sent."""
    controller = main_job.Controller(given.tidegate, folder)
    watcher = main_job.Watcher(controller)
    try:
        controller.wait_ready()
        watcher.start()
        report = main_job.play(given, controller)
        hours = watcher.replica_seconds / 3600
    finally:
        watcher.ended.set()
        controller.stop()
    return report["slo_attainment"], hours, report["ttft_seconds"]["p90"]


def simulated(given, folder):
    command = [given.tidegate, "simulate", "--config", os.path.join(folder, "tidegate.yaml"), "--trace", given.trace,
               "--scale", str(given.scale), "--duration", f"{given.minutes:g}m", "--replica",
               "profile=llama-3.1-8b-h100,load=20s,jitter=0", "-o", "json", "--quiet"]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return found["slo_attainment"], found["replica_hours"], found["ttft_seconds"]["p90"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1, help="not used: one round takes minutes")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--scale", type=float, default=4)
    parser.add_argument("--trace", default=main_job.RECORDED if os.path.exists(main_job.RECORDED) else main_job.EXAMPLE)
    parser.add_argument("--tidegate", default=os.path.join(ROOT, "build/tidegate"))
    parser.add_argument("--keep", metavar="FOLDER", help="where logs and the journal stay")
    parser.add_argument("rows", nargs="*", default=list(ROWS))
    given = parser.parse_args()
    given.speed = 1
    folder = given.keep or tempfile.mkdtemp(prefix="tidegate-sim-vs-live-")
    os.makedirs(folder, exist_ok=True)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # rows are all that stdout has
            found_live = live(given, folder)
        found = simulated(given, folder)
    finally:
        if not given.keep:
            shutil.rmtree(folder, ignore_errors=True)
    for (name, unit), value, peer in zip(ROWS.items(), found, found_live):
        if name in given.rows:
            print(json.dumps({"name": name, "value": value, "unit": unit, "peer": "live", "peer_value": peer,
                              "ratio": value / peer if peer else None}), flush=True)


if __name__ == "__main__":
    main()
