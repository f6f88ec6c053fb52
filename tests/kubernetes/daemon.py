"""Programs in the background for one test run: each with a log of its own, and none outlives the run."""
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from harness import wait_until


class Daemon:
    """One program. It is killed by the kernel if the process that started it dies; start it from the main thread, whose
    end is what the kernel goes by."""

    def __init__(self, name, command, folder, environment=None):
        self.name, self.command, self.environment = name, command, environment
        self.log = os.path.join(folder, f"{name}.log")
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *self.command],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                            env={**os.environ, **(self.environment or {})}, start_new_session=True)
        return self

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def wait_until(self, what, condition, patience):
        """Waits for a condition, and no longer than the program lives."""
        def look():
            if not self.is_running():
                raise AssertionError(f"{self.name} ended with {self.process.returncode} before {what}")
            return condition()
        try:
            return wait_until(f"{self.name}: {what}", look, patience)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from None

    def send(self, number):
        if self.is_running():
            os.killpg(self.process.pid, number)

    def stop(self, patience=5):
        """Asks it to end, then makes it."""
        self.send(signal.SIGTERM)
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        self.send(signal.SIGKILL)
        self.process.wait(10)

    def tail(self, lines=20):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return f"--- the end of {self.log}\n" + "".join(file.readlines()[-lines:])
        except OSError:
            return ""


def stop_all(daemons, patience=5):
    """Ends programs together, those that came last first."""
    running = [daemon for daemon in reversed(daemons) if daemon.is_running()]
    for daemon in running:
        daemon.send(signal.SIGTERM)
    deadline = time.monotonic() + patience
    for daemon in running:
        daemon.stop(max(0.1, deadline - time.monotonic()))
