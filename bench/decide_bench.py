#!/usr/bin/env python3
"""How long `tidegate decide` takes to answer a line, with 1,000 services in one process. Prints one JSON row a line.

    bench/decide_bench.py [--tidegate FILE] [--services 1000] [--warm 60] [--rounds 5] [NAME...]

The real program behind real pipes: a line goes in, and the time runs until its answer is there. Each service first sees
`--warm` lines, so that its windows hold something; then 10 * rounds lines of each are timed. The figures are over all of
them, Python's own share (some 20 us) included; decide_line_cpu_max is the most that one line kept a processor busy, which
does not depend on what else the machine does.
"""
import argparse
import json
import math
import os
import random
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def configuration(services):
    text = "services:\n"
    for i in range(services):
        text += (f"  - name: service-{i}\n    slo: {{ttft_p99: 2s, itl_p95: 50ms}}\n    replicas: {{min: 0, max: 40}}\n"
                 f"    pools:\n"
                 f"      - {{name: h100, price: $3.50/h, gpus: 1, startup: 40s, capacity: {{slots: 24, service: 6s}}}}\n"
                 f"      - {{name: l4, price: $0.70/h, gpus: 1, startup: 50s, capacity: {{slots: 4, service: 9s}}}}\n")
    return text


class Service:
    """Traffic that swells and ebbs, on replicas that are there at once."""

    def __init__(self, i):
        self.name = f"service-{i}"
        self.random = random.Random(i)
        self.mean = 0.5 + 10 * self.random.random() ** 3
        self.phase = 6.28 * self.random.random()
        self.pools = {"h100": 1, "l4": 0}

    def line(self, now):
        rate = self.mean * (1 + 0.6 * math.sin(now / 120 + self.phase))
        arrivals = max(0, round(self.random.gauss(rate, math.sqrt(rate))))
        busy = round(rate * 6)
        return json.dumps({
            "now": now, "service": self.name, "arrivals": arrivals, "completions": max(0, round(rate)),
            "in_flight": busy, "queued": max(0, busy - 24 * self.pools["h100"] - 4 * self.pools["l4"]),
            "ttft_p99": 0.4, "itl_p95": 0.03, "latency_p95": 7.5, "input_tokens": arrivals * 900,
            "output_tokens": arrivals * 200, "kv_usage": 0.4,
            "pools": [{"pool": pool, "ready": count, "starting": 0, "draining": 0} for pool, count in self.pools.items()],
        }).encode() + b"\n"

    def follow(self, decision):
        for pool in decision["pools"]:
            self.pools[pool["pool"]] = pool["replicas"]


def on_processor(statistics):
    """Milliseconds a process has run so far."""
    return int(os.pread(statistics, 64, 0).split()[0]) / 1e6


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def measure(given):
    services = [Service(i) for i in range(given.services)]
    waits, busy = [], []
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
        config.write(configuration(given.services))
        config.flush()
        with subprocess.Popen([given.tidegate, "decide", "--config", config.name], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, bufsize=0) as brain:
            answers = os.fdopen(os.dup(brain.stdout.fileno()), "rb")
            statistics = os.open(f"/proc/{brain.pid}/schedstat", os.O_RDONLY)
            timed = given.rounds * 10
            for tick in range(given.warm + timed):
                for service in services:
                    line = service.line(1.7e9 + tick)
                    before = on_processor(statistics)
                    begin = time.perf_counter()
                    brain.stdin.write(line)
                    answer = answers.readline()
                    took = time.perf_counter() - begin
                    worked = on_processor(statistics) - before
                    decision = json.loads(answer)
                    if "error" in decision:
                        raise SystemExit(f"decide_bench: {decision['error']}")
                    service.follow(decision)
                    if tick >= given.warm:
                        waits.append(took * 1e3)
                        busy.append(worked)
            os.close(statistics)
            answers.close()
            brain.stdin.close()
    return waits, busy


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tidegate", default=os.path.join(ROOT, "build/release/src/app/tidegate"))
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--warm", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    waits, busy = measure(given)
    for name, value in (("decide_line_p50", quantile(waits, 0.5)), ("decide_line_p99", quantile(waits, 0.99)),
                        ("decide_line_max", max(waits)), ("decide_line_cpu_max", max(busy))):
        if not given.names or name in given.names:
            print(json.dumps({"name": name, "value": value, "unit": "ms"}), flush=True)


if __name__ == "__main__":
    main()
