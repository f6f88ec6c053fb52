"""The operator against the real HorizontalPodAutoscaler, side by side: Deployments with cold starts of 60 s and the same
arrivals. `hpa` gets the requests in service and waiting through tidegate's own external metrics API, six for each pod;
`same` is the operator with that rule on that number; `slo` is told the objective alone. It takes a quarter of an hour and
is run by name: ./test kubernetes trial_race

A step up at 2 minutes, down again at 7. Reported: when the first larger size was written, when Ready pods first carried
the load, the most pods there were, replica-hours, and requests within the promise."""
import os
import time
import unittest

from metrics_case import HPA, MetricsTest
from plant import Plant, Plants, along, model_spec

COLD_START = 60
STEP_UP, STEP_DOWN, END = 120, 420, int(os.environ.get("TRIAL_SECONDS", 900))
LOW, HIGH = 8.0, 40.0  # requests/s: 2 and 10 pods at 2 s and 8 slots
PER_POD = 6  # three quarters of its slots, as users of the HPA set it


class Race(MetricsTest):
    def test_step_up_and_down(self):
        arrivals = along([(0, LOW), (STEP_UP, LOW), (STEP_UP + 1, HIGH), (STEP_DOWN, HIGH), (STEP_DOWN + 1, LOW),
                          (END + 60, LOW)])
        names, plants = ("same", "slo", "hpa"), {}
        for name in names:
            self.create_deployment(name, 3, {"tidegate.test/cold-start-seconds": str(COLD_START)})
        self.wait_until("both begin with three pods", lambda: all(
            self.ready_replicas(name) == 3 for name in names), COLD_START + 60)
        for name in names:
            plants[name] = Plant(name, arrivals, lambda name=name: self.ready_replicas(name))
        played = Plants(plants.values())
        # As the HPA: no more within a tenth, and lowered to the highest of the last five minutes.
        same = [{"target": {"signal": "custom", "name": "concurrency", "target": PER_POD, "tolerance": 0.1,
                            "hold_down": "5m"}}]
        for name, more in (("same", {"policy": same}), ("slo", {}), ("hpa", {"mode": "shadow"})):
            spec = model_spec(plants[name], played.url, name, minimum=1, maximum=20, startup=f"{COLD_START}s", **more)
            if name == "same":
                spec["signals"]["queries"].append({
                    "signal": "custom", "name": "concurrency", "query": 'concurrency{service="same"}',
                    "prometheus": {"url": played.url, "period": "500ms", "timeout": "2s"}})
            self.create_model(name, spec)
        self.addCleanup(played.stop)
        played.start()
        begun = time.time() - played.now()
        self.open_doors()
        self.api.create(f"/apis/autoscaling/v2/namespaces/{self.namespace}/horizontalpodautoscalers", {
            "metadata": {"name": "hpa"},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "hpa"},
                     "minReplicas": 1, "maxReplicas": 20,
                     "metrics": [{"type": "External", "external": {
                         "metric": {"name": "tidegate_concurrency",
                                    "selector": {"matchLabels": {"scaledmodel": "hpa"}}},
                         "target": {"type": "AverageValue", "averageValue": str(PER_POD)}}}]}})
        self.wait_until("the time is over", lambda: played.now() > END, END + 60)
        rows = {name: self.row(plants[name], [at - begun for at, _ in self.sizes_written(name, user)])
                for name, user in (("same", self.account), ("slo", self.account), ("hpa", HPA))}
        print("\n         write after  right size after  most pods  overshoot  replica-hours  within 1 s")
        for name, row in rows.items():
            print("{:8} {write:9.1f} s {right:14.0f} s {most:10d} {over:9d} {hours:14.3f} {met:11.2%}".format(name, **row),
                  flush=True)
        self.assertLess(rows["same"]["write"], 2)
        self.assertGreaterEqual(rows["same"]["met"], rows["hpa"]["met"])

    def row(self, plant, writes):
        after = [at - STEP_UP for at in writes if at > STEP_UP]
        enough = [now for now, rate, pods, _ in plant.history
                  if now > STEP_UP and pods * plant.slots >= HIGH * plant.service]
        return {"write": after[0] if after else float("inf"), "right": enough[0] - STEP_UP if enough else float("inf"),
                "most": plant.peak_pods, "over": max(0, plant.peak_pods - round(HIGH * plant.service / plant.slots)),
                "hours": plant.replica_seconds / 3600, "met": plant.attainment()}


if __name__ == "__main__":
    unittest.main()
