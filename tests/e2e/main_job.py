#!/usr/bin/env python3
"""The main job from end to end: a recorded hour of conversations through the gateway, emulated replicas that take as
long as real ones and 20 s to start, from zero and back to zero.

    tests/e2e/main_job.py [--tidegate FILE] [--minutes 10] [--scale 4] [--speed 1] [--share 0.99]
                          [--until-zero 15] [--trace FILE] [--keep FOLDER]

Holds against it: no request is lost; at least the share of the requests due after the first cold start have their first
token within 2 s; the replicas go from 0 up and back to 0; every change of their number has a reason. Prints one line a
change while it runs, then what load found, then the verdict. Exit 0: all held; 1: something did not.
Without the trace of the shared folder it plays examples/ten-minutes.csv, a rate of the same kind.
"""
import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RECORDED = os.path.join(ROOT, "../shared/traces/azure_llm_2023_conv.requests.csv.gz")
EXAMPLE = os.path.join(ROOT, "examples/ten-minutes.csv")
PATIENCE_START = 30  # s until the API answers

CONFIGURATION = """
services:
  - name: chat
    slo: {{ttft_p99: 2s}}
    replicas: {{min: 0, max: 8}}
    price: $3.50/h
    startup: 20s
    capacity: {{profile: llama-3.1-8b-h100}}
    command: [{tidegate}, emulate, --profile, llama-3.1-8b-h100, --startup, 20s, --model, chat, --port, "{{port}}"]
    ready: {{path: /health, model: chat}}
machine: {{state_directory: {folder}/state}}
gateway: {{listen: "127.0.0.1:{gateway}"}}
api: {{listen: "127.0.0.1:{api}"}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Controller:
    """`tidegate run`, and what its API says."""

    def __init__(self, tidegate, folder):
        self.gateway, self.api = free_port(), free_port()
        path = os.path.join(folder, "tidegate.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(tidegate=tidegate, folder=folder, gateway=self.gateway, api=self.api))
        self.log = open(os.path.join(folder, "run.log"), "w", encoding="utf-8")
        self.process = subprocess.Popen([tidegate, "run", path], cwd=folder, stdout=self.log, stderr=self.log)

    def ask(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.api}{path}", timeout=5) as answer:
            return json.load(answer)

    def service(self):
        return self.ask("/api/v1/services/chat")

    def wait_ready(self):
        deadline = time.monotonic() + PATIENCE_START
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                return self.service()
            except OSError:
                time.sleep(0.1)
        sys.exit("main_job: tidegate run did not answer; see run.log (--keep FOLDER keeps it)")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.log.close()


class Watcher(threading.Thread):
    """Notes how many replicas there are, once a second, and says each change with its reason."""

    def __init__(self, controller):
        super().__init__(daemon=True)
        self.controller = controller
        self.ended = threading.Event()
        self.begun = time.monotonic()
        self.seen = []  # (seconds, ready, desired)
        self.replica_seconds = 0.0

    def run(self):
        last, before = None, self.begun
        while not self.ended.wait(1):
            try:
                service = self.controller.service()
            except OSError:
                continue
            pool = service["pools"][0]
            ready, desired = pool["ready"], pool["desired"]
            running = sum(pool[state] for state in ("requested", "starting", "loading", "ready", "draining"))
            now = time.monotonic()
            self.replica_seconds += running * (now - before)
            before = now
            if (ready, desired) != last:
                decision = service.get("last_decision") or {}
                print(f"{now - self.begun:6.0f} s  desired {desired}  ready {ready}  in flight {service['in_flight']}  "
                      f"queued {service['queued']}  {decision.get('reason')}", flush=True)
                last = (ready, desired)
            self.seen.append((now - self.begun, ready, desired))

    def at_zero(self):
        return bool(self.seen) and self.seen[-1][1:] == (0, 0)


def play(given, controller):
    trace = given.trace or (RECORDED if os.path.exists(RECORDED) else EXAMPLE)
    command = [given.tidegate, "load", "--trace", trace, "--url", f"http://127.0.0.1:{controller.gateway}", "--model", "chat",
               "--scale", str(given.scale if trace != EXAMPLE else 1), "--speed", str(given.speed),
               "--duration", f"{given.minutes * given.speed:g}m", "--slo", "ttft_p99=2s", "-o", "json"]
    print("main_job:", " ".join(command[1:]), flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"main_job: load ended with {done.returncode}")
    return json.loads(done.stdout)


def wait_for_zero(watcher, minutes):
    deadline = time.monotonic() + minutes * 60
    while time.monotonic() < deadline and not watcher.at_zero():
        time.sleep(1)


def changes(controller):
    decisions = controller.ask("/api/v1/services/chat/decisions?limit=1000")["decisions"]
    return [one for one in decisions if one["verdict"] != "hold"]


def judge(report, watcher, decisions, given):
    """Pairs of a claim and whether it held."""
    share = given.share
    most = max((ready for _, ready, _ in watcher.seen), default=0)
    after = report["attainment_after_first"]
    return [
        (f"no request is lost: {report['errors']} errors of {report['requests']}",
         report["errors"] == 0 and report["requests"] > 0),
        (f"{after if after is None else round(after * 100, 3)} % within 2 s after the first cold start (wanted: {share * 100:g} %)",
         after is not None and after >= share),
        (f"replicas went 0, {most}, {watcher.seen[-1][1] if watcher.seen else '-'}",
         most > 0 and watcher.seen[0][1] == 0 and (watcher.at_zero() or given.until_zero == 0)),
        (f"{len(decisions)} changes, each with a reason and its stages",
         bool(decisions) and all(one["reason"] and one["stages"] for one in decisions)),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tidegate", default=os.path.join(ROOT, "build/tidegate"))
    parser.add_argument("--minutes", type=float, default=10, help="how long it sends")
    parser.add_argument("--scale", type=float, default=4)
    parser.add_argument("--speed", type=float, default=1, help="compress the trace's time; the replicas stay as they are")
    parser.add_argument("--share", type=float, default=0.99, help="of the requests that must be in time; on a machine "
                        "that is busy with other things too, less says more about the machine")
    parser.add_argument("--until-zero", type=float, default=15, metavar="MINUTES",
                        help="how long the way back to zero replicas may take; 0: not waited for")
    parser.add_argument("--trace")
    parser.add_argument("--keep", metavar="FOLDER", help="where logs and the journal stay")
    given = parser.parse_args()
    given.tidegate = os.path.abspath(given.tidegate)
    if not os.path.exists(given.tidegate):
        sys.exit(f"main_job: no program at {given.tidegate}; ./dev build makes it, --tidegate FILE names another")
    folder = given.keep or tempfile.mkdtemp(prefix="tidegate-main-job-")
    os.makedirs(folder, exist_ok=True)
    controller = Controller(given.tidegate, folder)
    watcher = Watcher(controller)
    try:
        controller.wait_ready()
        watcher.start()
        report = play(given, controller)
        print("main_job: the last answer came", flush=True)
        wait_for_zero(watcher, given.until_zero)
        decisions = changes(controller)
    finally:
        watcher.ended.set()
        controller.stop()
        if not given.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(report))
    print(f"main_job: {watcher.replica_seconds / 3600:.3f} replica-hours")
    verdicts = judge(report, watcher, decisions, given)
    for claim, held in verdicts:
        print("held  " if held else "FAILED", claim)
    sys.exit(0 if all(held for _, held in verdicts) else 1)


if __name__ == "__main__":
    main()
