"""`tidegate run` end to end: from zero and back, clean stops, reloads."""
import json
import os
import signal
import subprocess
import unittest

from harness import PROGRAM, FleetTest, Load, wait_until

IDLE_PATIENCE = 300  # seconds; a young service keeps an idle replica for two minutes


class Run(FleetTest):
    def test_zero_to_one_and_back_with_a_held_request(self):
        service = self.service(server=["--loading", 1], replicas={"min": 0, "max": 3}, policy="slo")
        fleet = self.run_fleet(self.configure(service))
        self.assertEqual(self.records(), [])
        status, body = self.request()
        self.assertEqual(status, 200, body)
        fleet.expect("event=decision", "service=chat", "verdict=raise", "from=0")
        self.assertEqual(len(self.ready()), 1)
        fleet.expect("event=decision", "service=chat", "verdict=lower", "to=0", patience=IDLE_PATIENCE)
        wait_until("nothing runs any more", lambda: not self.records())
        status, body = self.request()
        self.assertEqual(status, 200, body)

    def test_load_raises_and_no_request_is_lost_when_it_falls(self):
        fleet = self.run_fleet(self.configure(self.service(server=["--service", 0.2], replicas={"min": 1, "max": 4})))
        load = Load(self, workers=8)
        wait_until("four replicas serve", lambda: len(self.ready()) == 4)
        done, failures = load.end()
        self.assertEqual(failures, [])
        self.assertGreater(done, 8)
        load = Load(self, workers=1, stream=True)
        wait_until("one or two replicas are left", lambda: len(self.ready()) <= 2)
        done, failures = load.end()
        self.assertEqual(failures, [])
        fleet.expect("event=decision", "verdict=lower")

    def test_a_clean_stop_leaves_nothing_running(self):
        fleet = self.run_fleet(self.configure(self.service(replicas={"min": 2, "max": 2})))
        pids = [record["pid"] for record in wait_until("two are ready", lambda: len(self.ready()) == 2 and self.ready())]
        fleet.send(signal.SIGINT)
        self.assertEqual(fleet.wait(), 0)
        self.assertEqual(self.records(), [])
        for pid in pids:
            self.assertFalse(os.path.exists(f"/proc/{pid}"), pid)

    def test_running_requests_end_before_a_stop_and_a_second_signal_cuts_them(self):
        self.configure(self.service(server=["--service", 3], replicas={"min": 1, "max": 1}))
        fleet = self.run_fleet()
        wait_until("one is ready", lambda: self.ready())
        load = Load(self, workers=1, stream=True)
        wait_until("it is served", lambda: self.busy_connections() > 0)
        load.ending.set()
        fleet.send(signal.SIGTERM)
        self.assertEqual(fleet.wait(), 0)
        self.assertEqual(load.end(), (1, []))

        self.configure(self.service(server=["--service", 60], replicas={"min": 1, "max": 1}))
        fleet = self.run_fleet()
        wait_until("one is ready", lambda: self.ready())
        load = Load(self, workers=1, stream=True)
        wait_until("it is served", lambda: self.busy_connections() > 0)
        load.ending.set()
        fleet.send(signal.SIGINT)
        fleet.expect("stopping")
        fleet.send(signal.SIGINT)
        self.assertEqual(fleet.wait(30), 130)
        self.assertEqual(len(load.end()[1]), 1)
        wait_until("the replica ends too", lambda: not self.living())

    def test_replicas_may_stay_and_are_adopted(self):
        words = [self.configure(self.service(replicas={"min": 2, "max": 2}))]
        fleet = self.run_fleet("--leave-replicas", *words)
        before = {r["id"]: r["pid"] for r in wait_until("two", lambda: len(self.ready()) == 2 and self.ready())}
        fleet.send(signal.SIGTERM)
        self.assertEqual(fleet.wait(), 0)
        fleet = self.run_fleet(*words)
        fleet.expect("adopted", "2 running replicas")
        self.assertEqual(self.request()[0], 200)
        self.assertEqual({r["id"]: r["pid"] for r in self.ready()}, before)

    def test_a_file_that_changes_is_read_again(self):
        self.configure(self.service(replicas={"min": 1, "max": 2}))
        fleet = self.run_fleet()
        wait_until("one is ready", lambda: len(self.ready()) == 1)
        self.configure(self.service(replicas={"min": 2, "max": 2}), self.service("code", replicas={"min": 1, "max": 1}))
        fleet.expect("event=reloaded", "added=code", "changed=chat")
        wait_until("both changes count", lambda: len(self.ready()) == 2 and len(self.ready("code")) == 1)
        self.assertEqual(self.request("code")[0], 200)

        with open(os.path.join(self.folder, "tidegate.yaml"), "w") as file:
            file.write("services:\n  - {name: chat, slo: {ttft_p99: 800}}\n")
        line = fleet.expect("event=reload_refused")
        self.assertIn("tidegate.yaml:2:", line)
        self.assertEqual(self.request("code")[0], 200)
        self.assertEqual(len(self.ready()), 2)

        self.configure(self.service(replicas={"min": 1, "max": 2}))
        fleet.expect("event=reloaded", "removed=code")
        wait_until("code is gone", lambda: not self.ready("code") and self.request("code")[0] == 404)
        self.assertEqual(self.request()[0], 200)
        fleet.lines.clear()
        fleet.send(signal.SIGHUP)
        fleet.expect("event=reloaded", "nothing that counts has changed")

        # The journal knows by which configuration each tick was decided.
        fleet.send(signal.SIGTERM)
        self.assertEqual(fleet.wait(), 0)
        done = subprocess.run([PROGRAM, "replay", os.path.join(self.folder, "state"), "-o", "json"],
                              capture_output=True, text=True, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stdout[:2000] + done.stderr)
        self.assertEqual([one["service"] for one in json.loads(done.stdout)["services"]], ["chat", "code"])

    def test_a_command_line_needs_no_file(self):
        fleet = self.start("run", "--listen", f"127.0.0.1:{self.gateway_port}", "--api", f"127.0.0.1:{self.api_port}",
                           "--state-directory", os.path.join(self.folder, "state"), "--", *self.server, "--port",
                           "{port}")
        line = fleet.expect("from the command line")
        self.assertIn("1 service", line)
        wait_until("one is ready", lambda: len(self.records()) == 1 and self.records()[0]["state"] == "ready")
        self.assertEqual(self.request(self.records()[0]["service"])[0], 200)


if __name__ == "__main__":
    unittest.main()
