"""Runs the real program in a folder of its own: `tidegate run` with model servers as replicas, requests through its
gateway, and what is left behind on the machine. Nothing waits for a fixed time; everything has a deadline."""
import glob
import http.client
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
import unittest

PROGRAM = os.environ.get("TIDEGATE_PROGRAM", "")
SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "model_server.py")
PATIENCE = 90  # seconds; a loaded machine and sanitizers are slow


def free_ports(count):
    """Ports nobody listens on now, next to each other, outside the range the kernel hands out."""
    first = 20000 + (os.getpid() * 37) % 10000
    while True:
        ports = range(first, first + count)
        if all(is_free(port) for port in ports):
            return first
        first = 20000 + (first + count) % 10000


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def wait_until(what, condition, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience} s: {what}")
        time.sleep(0.02)


class Process:
    """A tidegate command in the background, with what it says on stderr."""

    def __init__(self, words, folder):
        self.process = subprocess.Popen([PROGRAM, *words], cwd=folder, stderr=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True)
        self.lines = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))

    def said(self, *parts):
        return next((line for line in list(self.lines) if all(part in line for part in parts)), None)

    def expect(self, *parts, patience=PATIENCE):
        def look():
            if self.process.poll() is not None and not self.said(*parts):
                self.reader.join(5)
                if not self.said(*parts):
                    raise AssertionError(f"ended with {self.process.returncode}, never said {parts}:\n" +
                                         "\n".join(self.lines))
            return self.said(*parts)
        try:
            return wait_until(f"says {parts}", look, patience)
        except AssertionError as error:
            raise AssertionError(str(error) + "\n" + "\n".join(self.lines[-40:])) from None

    def send(self, number):
        self.process.send_signal(number)

    def wait(self, patience=PATIENCE):
        status = self.process.wait(patience)
        self.reader.join(5)
        return status


class FleetTest(unittest.TestCase):
    """A folder, ports, a configuration; ends every process it started, by its pid."""

    def setUp(self):
        if not PROGRAM:
            self.skipTest("TIDEGATE_PROGRAM is not set")
        self.folder = tempfile.mkdtemp(prefix="tidegate-e2e-")
        self.first_port = free_ports(40)
        self.gateway_port = self.first_port
        self.api_port = self.first_port + 1
        self.processes = []
        self.server = [sys.executable, SERVER]

    def tearDown(self):
        for process in self.processes:
            if process.process.poll() is None:
                process.process.kill()
                process.wait()
            process.process.stderr.close()
        for record in self.records():
            if record["pid"] > 1:
                try:
                    os.killpg(record["pid"], signal.SIGKILL)
                except ProcessLookupError:
                    pass
        shutil.rmtree(self.folder, ignore_errors=True)

    def service(self, name="chat", server=(), command=None, **settings):
        command = command or [*self.server, "--port", "{port}", *map(str, server)]
        pool = {"name": "default", "startup": "1s", "capacity": {"slots": 4, "service": "100ms"},
                "target": {"process": {"command": command, "ready": {"period": "50ms"}, "kill_after": "2s"}}}
        pool.update(settings.pop("pool", {}))
        # A plain policy with a short memory, so that a test sees both directions within seconds.
        policy = {"target": {"signal": "in_flight", "target": 2, "hold_down": "3s"}}
        return {"name": name, "slo": {"ttft_p99": "5s"}, "policy": policy, "pools": [pool], **settings}

    def configure(self, *services, **settings):
        configuration = {
            "services": list(services),
            "machine": {"port_first": self.first_port + 10, "port_last": self.first_port + 39,
                        "state_directory": os.path.join(self.folder, "state")},
            "gateway": {"listen": f"127.0.0.1:{self.gateway_port}"},
            "api": {"listen": f"127.0.0.1:{self.api_port}"},
        }
        configuration.update(settings)
        path = os.path.join(self.folder, "tidegate.yaml")
        with open(path + ".new", "w") as file:
            json.dump(configuration, file)  # JSON is YAML
        os.replace(path + ".new", path)
        return path

    def start(self, *words):
        process = Process(words, self.folder)
        self.processes.append(process)
        return process

    def run_fleet(self, *words):
        process = self.start("run", *words)
        process.expect("gateway")
        return process

    def records(self):
        found = []
        for path in glob.glob(os.path.join(self.folder, "state/replicas/*.json")):
            try:
                with open(path) as file:
                    record = json.load(file)
                found.append(record)
            except (OSError, ValueError):
                continue  # replaced this moment
        return found

    def ready(self, service="chat"):
        return [record for record in self.records() if record["service"] == service and record["state"] == "ready"]

    def api(self, path, body=None):
        """Status and JSON of the controller's API; a body makes it a POST."""
        connection = http.client.HTTPConnection("127.0.0.1", self.api_port, timeout=PATIENCE)
        try:
            text = None if body is None else json.dumps(body)
            connection.request("GET" if body is None else "POST", path, text, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def living(self):
        """Replicas whose process lives, by what is written of them."""
        return [record for record in self.records() if os.path.exists(f"/proc/{record['pid']}")]

    def busy_connections(self):
        """Connections from the gateway to replicas, as the kernel has them."""
        ports = {f"{record['port']:04X}" for record in self.ready()}
        with open("/proc/net/tcp") as table:
            rows = [line.split() for line in table.readlines()[1:]]
        return sum(row[3] == "01" and row[2].split(":")[1] in ports for row in rows)

    def request(self, service="chat", stream=False, timeout=PATIENCE):
        """Status and body of one completion through the gateway."""
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway_port, timeout=timeout)
        try:
            body = json.dumps({"model": service, "prompt": "hello", "stream": stream})
            connection.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


class Load:
    """Keeps a number of requests under way until it is told to end; remembers every failure."""

    def __init__(self, fleet, workers, stream=False, service="chat"):
        self.fleet, self.stream, self.service = fleet, stream, service
        self.ending = threading.Event()
        self.lock = threading.Lock()
        self.done, self.failures = 0, []
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(workers)]
        for thread in self.threads:
            thread.start()

    def work(self):
        while not self.ending.is_set():
            try:
                status, body = self.fleet.request(self.service, self.stream)
                problem = None
                if status != 200 or (self.stream and "[DONE]" not in body):
                    problem = f"{status} {body[:200]}"
            except OSError as error:
                problem = repr(error)
            except http.client.HTTPException as error:
                problem = repr(error)
            with self.lock:
                self.done += 1
                if problem:
                    self.failures.append(problem)

    def end(self):
        self.ending.set()
        for thread in self.threads:
            thread.join(PATIENCE)
        return self.done, self.failures
