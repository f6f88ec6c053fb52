"""The operator on a real API server: ScaledModels scale Deployments of KWOK pods along traffic that plant.py plays."""
import signal
import time
import unittest

from operator_case import OperatorTest
from plant import Plant, Plants, along, model_spec


class Life(OperatorTest):
    def play(self, name, points, **more):
        """A Deployment, a plant that it serves and a ScaledModel that scales it."""
        self.create_deployment(name, more.pop("replicas", 0),
                               {"tidegate.test/cold-start-seconds": str(more.pop("cold_start", 3))})
        plant = Plant(name, along(points), lambda: self.ready_replicas(name))
        self.plants = Plants([plant]).start()
        self.addCleanup(self.plants.stop)
        self.create_model(name, model_spec(plant, self.plants.url, name, **more))
        return plant

    def test_follows_a_trace_from_zero_to_forty_and_back(self):
        # A quarter of an hour's rise and fall in three minutes; one pod for three requests/s, of the four it can serve.
        # Not `slo`, which keeps what a new service once needed for longer than this test lasts. The tolerance is less than
        # one pod of forty, or it might rest at 39.
        plant = self.play("chat", [(0, 0), (20, 0), (22, 8), (90, 120), (130, 120), (180, 8), (190, 0), (600, 0)],
                          startup="4s", policy=[{"target": {"signal": "arrivals", "target": 3, "tolerance": 0.02,
                                                            "hold_down": "20s"}}])
        operator = self.start_operator()
        self.wait_for_leader(operator)
        self.wait_until("forty pods serve", lambda: self.ready_replicas("chat") >= 40, 200)
        self.wait_until("all are gone again", lambda: self.wanted("chat") == 0 and plant.pods == 0, 600)
        changes = self.sizes_written("chat", self.account)
        events = [one for one in self.model_events("chat") if one["reason"] in ("ScaledUp", "ScaledDown")]
        said = sum(one.get("series", {}).get("count", 1) for one in events)
        print(f"\n0 -> 40 -> 0: {len(changes)} scale writes, {said} events of them, "
              f"{plant.attainment():.2%} of requests within {plant.bound:g} s, peak {plant.peak_pods} pods, "
              f"{plant.replica_seconds / 3600:.2f} replica-hours", flush=True)
        self.assertEqual(len(changes), said, "every change has an event")
        self.assertTrue(all(one["note"] and one["reason"] for one in events))
        self.wait_until("the status says so", lambda: self.status("chat")["desired"] == 0)
        self.assertGreater(len(self.status("chat")["changes"]), 3)
        # Nothing changes any more: nothing is written.
        before = len(self.cluster.writes(self.account, "deployments", self.namespace))
        quiet = len(self.model_writes())
        time.sleep(20)
        self.assertEqual(len(self.cluster.writes(self.account, "deployments", self.namespace)), before)
        self.assertLessEqual(len(self.model_writes()), quiet + 1, "at most one status a minute for what drifts")

    def test_shadow_mode_decides_and_touches_nothing(self):
        self.play("chat", [(0, 40)], mode="shadow", minimum=1, replicas=1)
        self.start_operator()
        self.wait_until("it wants more", lambda: self.status("chat").get("desired", 0) >= 10)
        self.assertEqual(self.condition("chat", "ScalingActive"), "False: shadow")
        self.assertEqual(self.wanted("chat"), 1)
        self.assertEqual(self.scale_writes("chat", self.account), [])
        self.wait_until("it says so", lambda: any(one["reason"] == "WouldScaleUp" for one in self.model_events("chat")))

    def test_an_annotation_pauses_and_an_override_pins(self):
        self.play("chat", [(0, 16)], minimum=1, replicas=4)
        self.start_operator()
        self.wait_until("it acts", lambda: self.condition("chat", "ScalingActive") == "True: acting")
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        self.api.patch(self.models("chat"), {"metadata": {"annotations": {
            "tidegate.dev/override": "pin 9", "tidegate.dev/override-until": until}}})
        self.wait_until("nine", lambda: self.wanted("chat") == 9)
        self.api.patch(self.models("chat"), {"metadata": {"annotations": {
            "tidegate.dev/paused": "night", "tidegate.dev/override": None}}})
        self.wait_until("it is paused", lambda: self.condition("chat", "Paused") == "True: paused")
        self.assertEqual(self.wanted("chat"), 9)

    def test_a_spec_that_no_schema_refuses_is_refused_by_name(self):
        self.create_deployment("chat", 1)
        self.create_model("chat", {"slo": {"ttft_p99": "2s"}, "replicas": {"min": 1, "max": 4},
                                   "timezone": "Europe/Atlantis", "target": {"kubernetes": {"deployment": "chat"}}})
        self.start_operator()
        self.wait_until("it says so", lambda: self.condition("chat", "Ready").startswith("False"))
        ready = next(one for one in self.status("chat")["conditions"] if one["type"] == "Ready")
        self.assertIn("spec.timezone", ready["message"])


class Pools(OperatorTest):
    """One model on slices of a GPU and on whole ones: vertical is a move between the two."""

    def create_gpu_deployment(self, name, resource):
        labels = {"app": name}
        self.api.create(self.apps("deployments"), {
            "metadata": {"name": name},
            "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels, "annotations": {"tidegate.test/cold-start-seconds": "3"}},
                "spec": {"containers": [{"name": "server", "image": "model-server",
                                         "resources": {"limits": {resource: "1"}}}]}}}})

    def test_moves_from_slices_to_whole_gpus_and_back_and_never_below_need(self):
        mig = "nvidia.com/mig-1g.20gb"
        self.cluster.add_node(f"mig-{self.namespace}", {mig: "14"}, {"nvidia.com/mig.strategy": "mixed"})
        self.create_gpu_deployment("slice", mig)
        self.create_gpu_deployment("whole", "nvidia.com/gpu")

        def ready():  # in whole GPUs: a slice has a quarter of the slots
            return self.ready_replicas("slice") / 4 + self.ready_replicas("whole")
        plant = Plant("chat", along([(0, 0.7), (20, 0.7), (80, 36), (105, 36), (130, 0.7), (900, 0.7)]), ready)
        self.plants = Plants([plant]).start()
        self.addCleanup(self.plants.stop)
        # One slice for 0.75 requests/s, of the one it can serve; `slo` would keep the whole GPUs longer than the test.
        spec = model_spec(plant, self.plants.url, "none", minimum=1, maximum=40, policy=[
            {"target": {"signal": "arrivals", "target": 0.75, "tolerance": 0.05, "hold_down": "10s"}}])
        for of_one_pool in ("capacity", "startup", "target"):
            del spec[of_one_pool]
        spec["pools"] = [
            {"name": name, size: part, "startup": "4s",
             "capacity": {"slots": slots, "service": "2s"}, "target": {"kubernetes": {"deployment": name}}}
            for name, size, part, slots in (("slice", "gpu_share", 0.45, 2), ("whole", "gpus", 1, 8))]
        self.create_model("chat", spec)
        self.start_operator()
        self.wait_until("slices serve", lambda: self.ready_replicas("slice") >= 1, 60)
        self.assertEqual(self.wanted("whole"), 0, "a whole GPU is more than twice a slice")
        self.wait_until("whole GPUs serve, and the slices they replace are gone", lambda:
                        self.ready_replicas("whole") >= 10 and self.ready_replicas("slice") <= 7, 120)
        self.wait_until("their pods too", lambda: len(self.pods(labelSelector="app=slice")) <= 7, 30)
        self.wait_until("slices are enough again", lambda: self.wanted("whole") == 0 and
                        self.ready_replicas("slice") == 1, 120)
        self.wait_until("no pod is left on whole GPUs", lambda: not self.pods(labelSelector="app=whole"), 30)
        writes = {name: self.sizes_written(name, self.account) for name in ("slice", "whole")}
        sizes = {name: [size for _, size in of_pool] for name, of_pool in writes.items()}
        # Whatever was taken away, what was left carried the load; the load's own rise is the policy's to follow.
        begun = time.time() - self.plants.now()
        lowered = [after[0] - begun for of_pool in writes.values() for before, after in zip(of_pool, of_pool[1:])
                   if after[1] < before[1]]
        short = [(round(now, 1), round(pods, 2), round(rate * plant.service / plant.slots, 2))
                 for now, rate, pods, _ in plant.history if pods * plant.slots < rate * plant.service and
                 any(at <= now < at + 3 for at in lowered)]
        print(f"\nslices -> whole GPUs -> slices: {len(lowered)} sizes lowered, below the need at {len(short)} instants "
              f"after that; slices {sizes['slice']}, whole GPUs {sizes['whole']}", flush=True)
        self.assertEqual(short, [])
        whole = sizes["whole"]
        top = whole.index(max(whole)) + 1
        self.assertEqual(whole, sorted(whole[:top]) + sorted(whole[top:], reverse=True), "up, and then down")


class Trouble(OperatorTest):
    def play(self, points, replicas):
        self.create_deployment("chat", replicas, {"tidegate.test/cold-start-seconds": "3"})
        plant = Plant("chat", along(points), lambda: self.ready_replicas("chat"))
        self.plants = Plants([plant]).start()
        self.addCleanup(self.plants.stop)
        self.create_model("chat", model_spec(plant, self.plants.url, "chat", minimum=1, startup="4s"))
        return plant

    def test_another_takes_over_when_the_leader_is_killed_in_mid_scale(self):
        self.play([(0, 16), (40, 16), (41, 80)], 4)
        first = self.start_operator("a")
        self.wait_for_leader(first)
        second = self.start_operator("b")
        second.wait_until("it follows", lambda: "operator of" in second.tail(200), 60)
        epoch = self.wait_until("a status", lambda: self.status("chat").get("leader", {}).get("epoch") is not None and
                                self.lease()["spec"].get("leaseTransitions", 0)) or 0
        old = self.holder()
        self.wait_until("it scales up", lambda: self.wanted("chat") > 8, 90)
        killed = time.time()
        first.send(signal.SIGKILL)
        at_kill = self.wanted("chat")
        self.wait_until("the other leads", lambda: self.holder() not in ("", old), self.LEASE_SECONDS * 3)
        took = time.time() - killed
        self.wait_until("the load is carried", lambda: self.ready_replicas("chat") >= 20, 90)
        time.sleep(5)
        sizes = [size for _, size in self.sizes_written("chat", self.account)]
        print(f"\nleader killed at {at_kill} replicas: the other leads after {took:.1f} s (lease "
              f"{self.LEASE_SECONDS} s); sizes written {sizes}", flush=True)
        self.assertLess(took, self.LEASE_SECONDS + 3)
        self.assertEqual(sizes, sorted(sizes), "no dip")
        self.assertEqual(len(sizes), len(set(sizes)), "no size was written twice")
        self.assertGreater(self.lease()["spec"]["leaseTransitions"], epoch)
        self.wait_until("the epoch stands in the status", lambda: self.status("chat")["leader"]["epoch"] ==
                        self.lease()["spec"]["leaseTransitions"], 90)

    def test_holds_while_the_api_server_is_away_and_goes_on(self):
        self.play([(0, 40), (60, 40), (61, 60)], 12)
        operator = self.start_operator()
        self.wait_for_leader(operator)
        self.wait_until("it acts", lambda: self.condition("chat", "ScalingActive") == "True: acting")
        before = self.wanted("chat")
        server = self.cluster.daemons["kube-apiserver"]
        self.addCleanup(self.cluster.settle)
        server.kill()
        time.sleep(60)
        self.assertTrue(operator.is_running(), operator.tail())
        server.start()
        server.wait_until("it is ready", self.cluster.is_ready, 120)
        back = time.time()
        self.assertGreaterEqual(self.wanted("chat"), before, "nothing was lowered meanwhile")
        self.wait_until("it goes on", lambda: self.wanted("chat") > before, 90)
        after = [at - back for at, _ in self.sizes_written("chat", self.account) if at > back - 5]
        print(f"\nAPI server away for 60 s: goes on after {after[0]:.1f} s", flush=True)


if __name__ == "__main__":
    unittest.main()
