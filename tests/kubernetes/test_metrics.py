"""Other autoscalers follow tidegate: the real HPA controller by the external metrics API, KEDA's real operator by the gRPC
scaler. The sizes they should follow are pinned, so that only the way is tested."""
import base64
import http.client
import ssl
import time
import unittest
from datetime import datetime, timedelta, timezone

from api import condition
from case import shared_keda
from metrics_case import HPA, KEDA, MetricsTest

PATIENCE = 90  # seconds; the HPA controller looks every 15


class ExternalMetrics(MetricsTest):
    def test_the_hpa_controller_follows_to_the_last_replica(self):
        self.open_doors()
        self.create_deployment("chat", 1)
        self.create_pinned("chat", 20)
        self.create_hpa("chat", "tidegate_desired_replicas", "1")
        for size in (20, 21, 3):
            self.pin("chat", size)
            pinned = time.time()
            self.wait_until(f"{size} are wanted", lambda size=size: self.wanted("chat") == size, PATIENCE)
            self.wait_until(f"{size} are ready", lambda size=size: self.ready_replicas("chat") == size, PATIENCE)
            written = [at for at, replicas in self.sizes_written("chat", HPA) if replicas == size]
            print(f"\nHPA controller: {size} pods are written {written[-1] - pinned:.1f} s after they were decided",
                  end="", flush=True)
        print(flush=True)
        self.assertEqual(self.hpa_condition("chat", "ScalingActive")["status"], "True")
        self.assertEqual(self.sizes_written("chat", self.account), [], "in shadow only the HPA writes")

    def test_what_is_not_known_is_refused_and_the_hpa_keeps_its_size(self):
        self.open_doors()
        self.create_deployment("chat", 4)
        self.create_hpa("chat", "tidegate_desired_replicas", "1")  # a ScaledModel of that name is not there
        active = self.wait_until("the HPA says so", lambda: self.hpa_condition("chat", "ScalingActive"), PATIENCE)
        self.assertEqual((active["status"], active["reason"]), ("False", "FailedGetExternalMetric"))
        self.assertIn(f"chat.{self.namespace}", active["message"])
        self.assertEqual(self.wanted("chat"), 4)
        for metric, selector, code, said in [
                ("tidegate_desired_replicas", "scaledmodel=none", 404, "none"),
                ("tidegate_desired_replicas", "", 400, "scaledmodel"),
                ("tidegate_nonsense", "scaledmodel=chat", 404, "tidegate_nonsense")]:
            with self.subTest(metric=metric, selector=selector):
                refused = self.refusal(lambda metric=metric, selector=selector: self.metric(metric, selector))
                self.assertEqual(refused.status, code, str(refused))
                self.assertIn(said, str(refused))
        # A load that nobody measures has no number.
        self.create_pinned("idle", 2)
        self.assertEqual(self.metric("tidegate_desired_replicas", "scaledmodel=idle"), ["2"])
        self.assertEqual(self.refusal(lambda: self.metric("tidegate_demand_rate", "scaledmodel=idle")).status, 503)

    def test_the_cluster_says_who_may_ask(self):
        self.open_doors()
        self.create_deployment("chat", 1)
        self.create_pinned("chat", 2)
        self.assertEqual(self.metric("tidegate_desired_replicas", "scaledmodel=chat"), ["2"])
        reader = self.client_of_account("reader", [{"apiGroups": ["external.metrics.k8s.io"],
                                          "resources": ["tidegate_desired_replicas"], "verbs": ["list"]}])
        self.assertEqual(self.metric("tidegate_desired_replicas", "scaledmodel=chat", reader), ["2"])
        refused = self.refusal(lambda: self.metric("tidegate_queued", "scaledmodel=chat", reader))
        self.assertEqual((refused.status, refused.reason), (403, "Forbidden"))
        # Past the API server: a token it knows counts, a name that anybody can write does not.
        path = (f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{self.namespace}/tidegate_desired_replicas"
                "?labelSelector=scaledmodel%3Dchat")
        self.assertEqual(self.ask_directly(path, {"Authorization": f"Bearer {reader.token}"})[0], 200)
        self.assertEqual(self.ask_directly(path, {"Authorization": "Bearer nonsense"})[0], 401)
        self.assertEqual(self.ask_directly(path, {"X-Remote-User": "admin", "X-Remote-Group": "system:masters"})[0], 401)
        self.assertEqual(self.ask_directly(path, {})[0], 401)

    def ask_directly(self, path, headers):
        context = ssl.create_default_context(cafile=self.authority.certificate())
        connection = http.client.HTTPSConnection("127.0.0.1", self.metrics_port, timeout=30, context=context)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


class Keda(MetricsTest):
    def setUp(self):
        super().setUp()
        self.keda = shared_keda()

    def scaled_objects(self, *names):
        return "/".join([f"/apis/keda.sh/v1alpha1/namespaces/{self.namespace}/scaledobjects", *names])

    def create_scaled_object(self, name, trigger, **more):
        follows = {"tolerance": "0", "stabilizationWindowSeconds": 0}
        self.api.create(self.scaled_objects(), {
            "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": name},
            "spec": {"scaleTargetRef": {"name": name}, "minReplicaCount": 0, "maxReplicaCount": 50,
                     "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleUp": follows, "scaleDown": follows}}},
                     "triggers": [trigger], **more}})

    def tidegate_trigger(self, **metadata):
        """With TLS: KEDA verifies our certificate by the authority in a TriggerAuthentication."""
        with open(self.authority.certificate(), encoding="ascii") as file:
            authority = base64.b64encode(file.read().encode()).decode()
        self.cluster.apply(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tidegate", "namespace": self.namespace},
             "data": {"caCert": authority}},
            {"apiVersion": "keda.sh/v1alpha1", "kind": "TriggerAuthentication",
             "metadata": {"name": "tidegate", "namespace": self.namespace},
             "spec": {"secretTargetRef": [{"parameter": "caCert", "name": "tidegate", "key": "caCert"}]}})
        return {"type": "external-push", "authenticationRef": {"name": "tidegate"},
                "metadata": {"scalerAddress": f"localhost:{self.keda_port}", "enableTLS": "true", **metadata}}

    def is_object(self, name, type_):
        return (condition(self.api.get(self.scaled_objects(name)), type_) or {}).get("status") == "True"

    def test_kedas_operator_wakes_by_push_and_follows_to_the_last_replica(self):
        keda_metrics = {"url": f"https://localhost:{self.keda.port['metrics-server']}",
                        "authorities": f"{self.keda.folder}/ca.crt"}
        self.open_doors(fallback=keda_metrics)
        self.create_deployment("chat", 0)
        self.create_pinned("chat", 0)
        # The poll is far away: what happens sooner was pushed.
        self.create_scaled_object("chat", self.tidegate_trigger(), pollingInterval=600, cooldownPeriod=1)
        self.wait_until("it is taken up", lambda: self.is_object("chat", "Ready"))
        time.sleep(3)  # its stream stands
        self.assertEqual(self.wanted("chat"), 0)
        self.pin("chat", 1)
        pinned = time.time()
        self.wait_until("it is woken", lambda: self.wanted("chat") == 1, 30)
        woken = self.sizes_written("chat", KEDA)[0][0] - pinned
        print(f"\nKEDA: 0 -> 1 written {woken:.2f} s after it was decided, by push", flush=True)
        self.assertLess(woken, 10, "that was no push")
        # KEDA's HPA asks KEDA's metrics server, which our API asks in the HPA's name, and KEDA asks our scaler.
        self.pin("chat", 21)
        self.wait_until("21 are wanted", lambda: self.wanted("chat") == 21, PATIENCE)
        self.pin("chat", 5)
        self.wait_until("5 are wanted", lambda: self.wanted("chat") == 5, PATIENCE)
        self.assertEqual(self.sizes_written("chat", self.account), [])

    def test_kedas_operator_puts_to_sleep_at_its_next_poll(self):
        # KEDA takes "active" from a push and "not active" only from a poll.
        self.open_doors()
        self.create_deployment("chat", 0)
        self.create_pinned("chat", 1)
        self.create_scaled_object("chat", self.tidegate_trigger(), pollingInterval=1, cooldownPeriod=0,
                                  initialCooldownPeriod=0)
        self.wait_until("it is active", lambda: self.wanted("chat") == 1)
        self.wait_until("it serves", lambda: self.ready_replicas("chat") == 1)
        self.pin("chat", 0)
        pinned = time.time()
        self.wait_until("it sleeps", lambda: self.wanted("chat") == 0, 60)
        print(f"\nKEDA: 1 -> 0 written {self.sizes_written('chat', KEDA)[-1][0] - pinned:.2f} s after it was decided, by a poll "
              "every second", flush=True)

    def test_metrics_of_others_are_asked_of_the_adapter_that_was_there(self):
        keda_metrics = {"url": f"https://localhost:{self.keda.port['metrics-server']}",
                        "authorities": f"{self.keda.folder}/ca.crt"}
        self.open_doors(fallback=keda_metrics)
        self.create_deployment("other", 0)
        now = datetime.now(timezone.utc)
        begin, end = now - timedelta(minutes=10), now + timedelta(hours=1)
        self.create_scaled_object("other", {"type": "cron", "metadata": {
            "timezone": "Etc/UTC", "desiredReplicas": "3", "start": f"{begin.minute} {begin.hour} * * *",
            "end": f"{end.minute} {end.hour} * * *"}}, pollingInterval=2)
        # From one to three goes by KEDA's metrics server alone, and the API server knows only ours.
        self.wait_until("three are ready", lambda: self.ready_replicas("other") == 3, PATIENCE)
        # We may speak for the HPA controller there and for nobody else, not even for one who may do anything.
        name = self.api.get(self.scaled_objects("other"))["status"]["externalMetricNames"][0]
        refused = self.refusal(lambda: self.metric(name, "scaledobject.keda.sh/name=other"))
        self.assertEqual(refused.status, 403)
        self.assertIn("cannot impersonate", str(refused))


if __name__ == "__main__":
    unittest.main()
