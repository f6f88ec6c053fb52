"""What goes wrong is named plainly and stays where it is: the service beside it is not harmed."""
import os
import socket
import subprocess
import unittest

from harness import FleetTest, wait_until


class Trouble(FleetTest):
    def beside(self, *services, **settings):
        """A fleet of the troubled services and a well one, which must serve."""
        well = self.service("well", replicas={"min": 1, "max": 1})
        fleet = self.run_fleet(self.configure(*services, well, **settings))
        wait_until("the well one is ready", lambda: self.ready("well"))
        self.assertEqual(self.request("well")[0], 200)
        return fleet

    def still_well(self):
        self.assertEqual(self.request("well")[0], 200)
        self.assertEqual(len(self.ready("well")), 1)

    def test_missing_binary(self):
        fleet = self.beside(self.service("ill", command=["/no/such/server", "--port", "{port}"],
                                         replicas={"min": 1, "max": 2}))
        line = fleet.expect("event=start_failed", "service=ill")
        self.assertIn("/no/such/server does not exist", line)
        self.still_well()

    def test_never_ready(self):
        pool = {"target": {"process": {"command": [*self.server, "--port", "{port}", "--never-ready"],
                                       "ready": {"period": "50ms", "deadline": "3s"}, "kill_after": "1s"}}}
        fleet = self.beside(self.service("ill", pool=pool, replicas={"min": 1, "max": 1}))
        line = fleet.expect("event=start_failed", "service=ill")
        self.assertIn("not ready within 3s", line)
        self.assertIn("503", line)
        self.still_well()

    def test_a_server_that_ends_at_once_shows_its_last_words(self):
        fleet = self.beside(self.service("ill", command=["sh", "-c", "echo no such model >&2; exit 3", "{port}"],
                                         replicas={"min": 1, "max": 1}))
        line = fleet.expect("event=start_failed", "service=ill", "exited with status 3")
        self.assertIn("no such model", line)
        self.still_well()

    def test_gateway_port_in_use(self):
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", self.gateway_port))
            taken.listen()
            fleet = self.start("run", self.configure(self.service(replicas={"min": 1, "max": 1})))
            line = fleet.expect("Address already in use")
            self.assertIn(f"127.0.0.1:{self.gateway_port}", line)
            self.assertIn("gateway.listen", line)
            self.assertEqual(fleet.wait(), 1)
        self.assertEqual(self.records(), [])

    def test_api_port_in_use(self):
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", self.api_port))
            taken.listen()
            fleet = self.start("run", self.configure(self.service(replicas={"min": 1, "max": 1})))
            line = fleet.expect("Address already in use")
            self.assertIn(f"127.0.0.1:{self.api_port}", line)
            self.assertEqual(fleet.wait(), 1)
        self.assertEqual(self.records(), [])

    def test_no_port_left_for_a_replica(self):
        first, taken = self.first_port + 10, []
        try:
            taken.append(socket.socket())
            taken[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken[-1].bind(("127.0.0.1", first + 1))
            taken[-1].listen()
            machine = {"port_first": first, "port_last": first + 1,
                       "state_directory": os.path.join(self.folder, "state")}
            fleet = self.beside(machine=machine)
            self.configure(self.service("well", replicas={"min": 1, "max": 1}),
                           self.service("ill", replicas={"min": 1, "max": 1}), machine=machine)
            line = fleet.expect("event=start_failed", "service=ill")
            self.assertIn(f"{first}", line)
            self.still_well()
        finally:
            for one in taken:
                one.close()

    def test_full_disk(self):
        state = os.path.join(self.folder, "state")
        os.mkdir(state)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", state], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("a small disk cannot be mounted here")
        try:
            fleet = self.beside()
            with open(os.path.join(state, "filler"), "wb", buffering=0) as filler:
                for size in (65536, 1):
                    try:
                        while filler.write(b"\0" * size):
                            pass
                    except OSError:
                        pass
            line = fleet.expect("event=journal", "level=error")
            self.assertIn("full", line)
            self.configure(self.service("well", replicas={"min": 1, "max": 1}),
                           self.service("ill", replicas={"min": 1, "max": 1}))
            line = fleet.expect("event=start_failed", "service=ill")
            self.assertIn("No space left on device", line)
            self.still_well()
            os.unlink(os.path.join(state, "filler"))
            fleet.expect("event=journal", "written again")
            wait_until("the other one starts, too", lambda: self.ready("ill"))
        finally:
            for process in self.processes:
                process.process.terminate()
                process.wait()
            subprocess.run(["umount", "-l", state], check=False)

    def test_an_invalid_file_starts_nothing(self):
        path = os.path.join(self.folder, "tidegate.yaml")
        with open(path, "w") as file:
            file.write("services:\n  - {name: chat, slo: {ttft_p99: 2s}, gpu: 1}\n")
        fleet = self.start("run", path)
        fleet.expect("tidegate.yaml:2:", "unknown_key")
        self.assertEqual(fleet.wait(), 78)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "state")))


if __name__ == "__main__":
    unittest.main()
