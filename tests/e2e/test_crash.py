"""kill -9 of the controller: nothing is lost, nothing is doubled, what was seen and steered is remembered."""
import os
import signal
import threading
import time
import unittest

from harness import FleetTest, Load, wait_until


class Crash(FleetTest):
    def test_gateway_apart_serves_on_and_replicas_are_adopted(self):
        link = os.path.join(self.folder, "gateway.sock")
        gateway = self.start("gateway", "--listen", f"127.0.0.1:{self.gateway_port}", "--link", link)
        gateway.expect("serving on port")
        path = self.configure(self.service(server=["--service", 0.3], replicas={"min": 1, "max": 3}),
                              gateway={"link": link})
        controller = self.run_fleet(path)
        load = Load(self, workers=6, stream=True)
        before = {r["id"]: r["pid"] for r in
                  wait_until("three replicas serve", lambda: len(self.ready()) == 3 and self.ready())}
        counts, ending = [], threading.Event()

        def watch():
            while not ending.is_set():
                counts.append(sum(os.path.exists(f"/proc/{pid}") for pid in before.values()))
                time.sleep(0.02)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        for _ in range(3):
            controller.process.kill()
            controller.wait()
            done = load.done
            wait_until("requests are served without a controller", lambda: load.done >= done + 12)
            controller = self.run_fleet(path)
            controller.expect("adopted", "3 running replicas")
            controller.expect("event=restored", "not_fresh=0")
            done = load.done
            wait_until("requests are served with the new one", lambda: load.done >= done + 12)
        ending.set()
        watcher.join()
        done, failures = load.end()
        self.assertEqual(failures, [])
        self.assertEqual(set(counts), {3})
        self.assertEqual({r["id"]: r["pid"] for r in self.ready()}, before)
        self.assertIsNone(controller.said("verdict=lower"))
        gateway.send(signal.SIGTERM)
        self.assertEqual(gateway.wait(), 0)

    def test_after_a_long_stop_nothing_is_lowered_at_once(self):
        path = self.configure(self.service(server=["--service", 0.2], replicas={"min": 1, "max": 3}))
        controller = self.run_fleet(path)
        load = Load(self, workers=6)
        wait_until("three replicas serve", lambda: len(self.ready()) == 3)
        controller.process.kill()
        controller.wait()
        load.end()
        time.sleep(16)  # what was seen before is no longer fresh
        controller = self.run_fleet("--verbose", path)
        controller.expect("event=restored", "not_fresh=1")
        load = Load(self, workers=1)
        controller.expect("event=decision", "verdict=hold", "reason=restart_hold")
        self.assertIsNone(controller.said("verdict=lower"))
        self.assertEqual(load.end()[1], [])
        self.assertEqual(len(self.ready()), 3)

    def test_what_an_operator_set_outlives_a_crash(self):
        path = self.configure(self.service(replicas={"min": 0, "max": 3}))
        controller = self.run_fleet(path)
        wait_until("a tick was decided", lambda: self.api("/api/v1/services/chat")[0] == 200)
        status, answer = self.api("/api/v1/services/chat/override", {
            "kind": "pin", "replicas": 2, "for_seconds": 600, "author": "ada", "comment": "a test"})
        self.assertLess(status, 300, answer)
        wait_until("two serve", lambda: len(self.ready()) == 2)
        controller.process.kill()
        controller.wait()
        controller = self.run_fleet(path)
        controller.expect("adopted", "2 running replicas")
        wait_until("a tick was decided", lambda: self.api("/api/v1/services/chat")[0] == 200)
        status, service = self.api("/api/v1/services/chat")
        self.assertEqual(status, 200)
        self.assertEqual(service["override"]["author"], "ada")
        self.assertEqual(service["override"]["replicas"], 2)
        self.assertEqual(len(self.ready()), 2)

    def test_a_second_controller_is_refused(self):
        path = self.configure(self.service(replicas={"min": 1, "max": 1}))
        controller = self.run_fleet(path)
        second = self.start("run", path)
        second.expect("another controller", f"process {controller.process.pid}", "state_directory")
        self.assertEqual(second.wait(), 1)
        wait_until("the first goes on", lambda: self.ready())


if __name__ == "__main__":
    unittest.main()
