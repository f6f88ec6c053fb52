#!/usr/bin/env python3
"""What the gateway's routing by prompt prefix is worth, on beside off. Prints one JSON row a line.

    bench/affinity_bench.py [--plant FILE] [--trace FILE] [NAME...]

In virtual time and deterministic (bench/affinity/affinity_plant.cc has the model), so one round says it all. Without
--trace: conversations of several turns. With a Mooncake trace the gain depends on what the replicas' caches hold: its
prompts of 12,000 tokens push each other out of a GPU's memory before their like comes again.
"""
import argparse
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plant", default=os.path.join(ROOT, "build/bench/bench/affinity_plant"))
    parser.add_argument("--trace")
    parser.add_argument("--rounds", type=int, help="ignored: every round would be the same")
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    command = [given.plant] + (["--trace", given.trace] if given.trace else [])
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.returncode)
    for line in done.stdout.splitlines():
        if not given.names or json.loads(line)["name"] in given.names:
            print(line, flush=True)


if __name__ == "__main__":
    main()
