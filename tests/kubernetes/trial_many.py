"""One operator and very many ScaledModels: what it takes at rest, how soon one change is written, and that a restart writes
nothing. It takes a while and is run by name: TRIAL_MODELS=5000 ./test kubernetes trial_many"""
import concurrent.futures
import http.server
import json
import os
import threading
import time
import unittest

from case import ROOT
from operator_case import OperatorTest

# Figures are of the product, and not of a build with sanitizers, which the tests prefer.
RELEASE = os.path.join(ROOT, "build", "release", "src", "app", "tidegate")
if os.path.exists(RELEASE):
    os.environ.setdefault("TIDEGATE_PROGRAM", RELEASE)

MODELS = int(os.environ.get("TRIAL_MODELS", 5000))
PERIOD = os.environ.get("TRIAL_PERIOD", "30s")
REST = int(os.environ.get("TRIAL_REST", 60))


class Numbers:
    """A Prometheus server whose every service has two requests a second in the two slots of its one pod."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": [
                    {"metric": {}, "value": [time.time(), "1"]}]}}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):  # an operator that ends breaks its connections off
                pass
        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def usage(daemon):
    """CPU seconds so far, and MiB of memory now."""
    pid = daemon.process.pid
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        resident = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), resident / 1024


class Many(OperatorTest):
    LEASE_SECONDS = 15

    def each(self, what, function):
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for done, _ in enumerate(pool.map(function, range(MODELS))):
                if done % 500 == 499:
                    print(f"{what}: {done + 1} after {time.monotonic() - begun:.0f} s", flush=True)

    def test_at_rest_one_change_and_a_restart(self):
        for number in range(MODELS // 400 + 1):
            self.cluster.add_node(f"many-{number}")
        numbers = Numbers()
        server = {"url": numbers.url, "period": PERIOD, "timeout": "10s"}
        self.each("deployments", lambda i: self.create_deployment(f"m{i}", 1))
        self.each("models", lambda i: self.create_model(f"m{i}", {
            "slo": {"queue_wait_p99": "1s"}, "replicas": {"min": 1, "max": 8},
            "capacity": {"slots": 8, "service": "1s"}, "startup": "30s",
            "signals": {"queries": [{"signal": "in_flight", "query": f'in_flight{{service="m{i}"}}', "prometheus": server}]},
            "traffic": {"prometheus": {**server, "arrivals": f'rate{{service="m{i}"}}'}},
            "target": {"kubernetes": {"deployment": f"m{i}"}}}))
        self.wait_until("every pod is Ready", self.all_ready, 1800)
        operator = self.start_operator()
        self.wait_for_leader(operator, 300)
        self.wait_until("every status is written", self.all_reported, 1200)
        self.rest(operator, "at rest")
        self.change_one(operator)
        self.restart(operator, "a", "after a restart")
        self.restart(self.operators["a"], "b", "after a restart that lost its journal")

    def restart(self, operator, name, what):
        operator.stop(30)
        before = len(self.cluster.writes(self.account))
        operator = self.start_operator(name)
        self.wait_for_leader(operator, 300)
        time.sleep(REST)
        written = [one for one in self.cluster.writes(self.account)[before:]
                   if one["objectRef"]["resource"] not in ("leases", "events")]
        scales = [one for one in written if one["objectRef"].get("subresource") == "scale"]
        print(f"{what}: {len(written)} writes in {REST} s, {len(scales)} of them scales", flush=True)
        self.assertEqual(scales, [])
        self.assertLess(len(written), 10 * REST)

    def all_ready(self):
        time.sleep(5)
        found = self.api.get(self.apps("deployments"))["items"]
        return sum(one["status"].get("readyReplicas", 0) for one in found) >= MODELS

    def all_reported(self):
        time.sleep(5)
        found = self.api.get(self.models())["items"]
        return sum("desired" in one.get("status", {}) for one in found) >= MODELS

    def rest(self, operator, what):
        cpu, _ = usage(operator)
        writes = len(self.cluster.writes(self.account))
        time.sleep(REST)
        later, memory = usage(operator)
        cores = (later - cpu) / REST
        print(f"{what}, {MODELS} ScaledModels: {cores:.2f} cores, {memory:.0f} MiB, "
              f"{len(self.cluster.writes(self.account)) - writes} writes in {REST} s", flush=True)
        self.assertLess(cores, 1)
        self.assertLess(memory, 1024)

    def change_one(self, operator):
        name = f"m{MODELS // 2}"
        asked = time.time()
        self.api.patch(self.models(name), {"spec": {"replicas": {"min": 3, "max": 8}}})
        self.wait_until("it is written", lambda: self.wanted(name) == 3, 30)
        took = self.sizes_written(name, self.account)[-1][0] - asked
        print(f"a change of one is written after {took:.2f} s", flush=True)
        self.assertLess(took, 2)


if __name__ == "__main__":
    unittest.main()
