"""Served models that exist only as numbers, for operators on a cluster of KWOK pods: arrivals by a script, as many slots
as pods are Ready, a queue for the rest; and a Prometheus server that answers with those numbers.

A fluid: requests are fractions, every one takes the same time in a slot, the queue is first come first served. A request
that would wait longer than `bound` seconds has missed the promise."""
import http.client
import http.server
import json
import re
import threading
import time
import urllib.parse

from api import ApiError

STEP = 0.1  # seconds


class Plant:
    """One served model. `rate(seconds since start)`: requests a second; `ready()`: Ready pods."""

    def __init__(self, name, rate, ready, slots=8.0, service=2.0, bound=1.0):
        self.name, self.rate, self.ready = name, rate, ready
        self.slots, self.service, self.bound = slots, service, bound
        self.queue = self.served = self.missed = self.replica_seconds = self.arrived = self.completed = 0.0
        self.pods = self.peak_pods = 0
        self.offered = 0.0
        self.history = []  # (seconds, rate, Ready pods, queue)

    def need(self):
        """Pods that carry the present arrivals, without head-room."""
        return self.offered * self.service / self.slots

    def step(self, now, length):
        self.offered = self.rate(now)
        try:
            self.pods = self.ready()
        except (OSError, ApiError, http.client.HTTPException):
            pass  # the API server is away; pods serve on without it
        self.peak_pods = max(self.peak_pods, self.pods)
        capacity = self.pods * self.slots / self.service
        arrived, possible = self.offered * length, capacity * length
        wait = self.queue / capacity if capacity > 0 else float("inf") if self.queue + arrived > 0 else 0.0
        done = min(self.queue + arrived, possible)
        self.queue += arrived - done
        self.arrived += arrived
        self.completed += done
        if wait > self.bound:
            self.missed += arrived
        self.replica_seconds += self.pods * length
        self.served = done / length
        self.history.append((now, self.offered, self.pods, self.queue))

    def numbers(self):
        in_flight = self.served * self.service
        return {"arrival_rate": self.offered, "in_flight": in_flight, "queued": self.queue,
                "concurrency": in_flight + self.queue}

    def attainment(self):
        return 1 - self.missed / self.arrived if self.arrived else 1.0


class Plants:
    """Plants that run together from start() to stop(), and the server at `url` that tells of them."""

    def __init__(self, plants):
        self.plants = {plant.name: plant for plant in plants}
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.begun = None
        self.questions = 0
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.threads = [threading.Thread(target=self.server.serve_forever, daemon=True),
                        threading.Thread(target=self.run, daemon=True)]

    def start(self):
        self.begun = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()

    def now(self):
        return time.monotonic() - self.begun

    def run(self):
        last = 0.0
        while not self.stopping.wait(STEP):
            now = self.now()
            with self.lock:
                for plant in self.plants.values():
                    plant.step(now, now - last)
            last = now

    def answer(self, query):
        """The value of NAME{service="PLANT"}; None for what is not known."""
        asked = re.fullmatch(r'(\w+)\{service="([^"]+)"\}', query)
        with self.lock:
            self.questions += 1
            plant = self.plants.get(asked[2]) if asked else None
            return plant.numbers().get(asked[1]) if plant else None

    def handler(self):
        plants = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.reply(urllib.parse.urlparse(self.path).query)

            def do_POST(self):
                self.reply(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

            def reply(self, form):
                value = plants.answer(urllib.parse.parse_qs(form).get("query", [""])[0])
                result = [] if value is None else [{"metric": {}, "value": [time.time(), str(value)]}]
                body = json.dumps({"status": "success",
                                   "data": {"resultType": "vector", "result": result}}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler


def model_spec(plant, url, deployment, minimum=0, maximum=40, startup="5s", **more):
    """The spec of a ScaledModel that a plant serves."""
    def query(name):
        return f'{name}{{service="{plant.name}"}}'
    server = {"url": url, "period": "500ms", "timeout": "2s"}
    return {"slo": {"queue_wait_p99": f"{plant.bound:g}s"}, "replicas": {"min": minimum, "max": maximum},
            "capacity": {"slots": plant.slots, "service": f"{plant.service:g}s"}, "startup": startup,
            "signals": {"queries": [{"signal": name, "query": query(name), "prometheus": server}
                                    for name in ("in_flight", "queued")]},
            "traffic": {"prometheus": {**server, "arrivals": query("arrival_rate")}},
            "target": {"kubernetes": {"deployment": deployment}}, **more}


def along(points):
    """A rate that follows (seconds, requests a second), linear in between."""
    def rate(now):
        before = points[0]
        for point in points:
            if point[0] > now:
                share = (now - before[0]) / (point[0] - before[0]) if point[0] > before[0] else 1
                return before[1] + share * (point[1] - before[1])
            before = point
        return before[1]
    return rate
