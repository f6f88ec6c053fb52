"""The ground that other tests stand on: a real control plane does here what it does anywhere else."""
import http.server
import json
import os
import ssl
import threading
import time
import unittest
from datetime import datetime, timedelta, timezone

import programs
from api import Api, condition
from case import KubernetesTest, shared_keda
from certificates import Authority
from cluster import GPU
from harness import free_ports

HPA_PATIENCE = 90  # seconds; the HPA controller looks every 15


class Workloads(KubernetesTest):
    def test_a_deployment_goes_from_zero_to_five_and_back_through_its_scale(self):
        self.create_deployment("chat", 0)
        self.scale("chat", 5)
        self.wait_until("five are ready", lambda: self.ready_replicas("chat") == 5)
        pods = self.pods(labelSelector="app=chat")
        self.assertEqual(len({pod["status"]["podIP"] for pod in pods}), 5)
        self.assertTrue(all(pod["status"]["podIP"].startswith("127.6") for pod in pods))
        self.scale("chat", 0)
        self.wait_until("none is left", lambda: not self.pods(labelSelector="app=chat"))
        self.assertEqual(self.api.get(self.apps("deployments", "chat", "scale"))["spec"], {})
        # Three changes by the test, all of them ours by name; what the controllers wrote is told apart.
        ours = self.cluster.writes(user="admin", resource="deployments", namespace=self.namespace)
        self.assertEqual([(write["verb"], write["objectRef"].get("subresource")) for write in ours],
                         [("create", None), ("patch", "scale"), ("patch", "scale")])

    def test_a_cold_start_takes_its_time_even_if_the_pod_is_annotated_meanwhile(self):
        begun = time.monotonic()
        self.create_pod("slow", {"tidegate.test/cold-start-seconds": "3"})
        self.wait_until("it runs", lambda: self.pod("slow")["status"]["phase"] == "Running")
        self.assertFalse(self.is_pod_ready("slow"))
        while not self.is_pod_ready("slow"):
            self.assertLess(time.monotonic() - begun, 30, "not ready")
            self.api.patch(self.core("pods", "slow"), {"metadata": {"annotations": {"seen": str(time.monotonic())}}})
            time.sleep(0.2)
        elapsed = time.monotonic() - begun
        self.assertGreaterEqual(elapsed, 3)
        self.assertLessEqual(elapsed, 6)

    def test_the_image_is_pulled_before_the_model_loads(self):
        self.create_pod("fetched", {"tidegate.test/image-pull-seconds": "2", "tidegate.test/cold-start-seconds": "1"})
        waiting = self.wait_until("it waits", lambda: self.waiting_reason("fetched"))
        self.assertEqual(waiting, "ContainerCreating")
        self.wait_until("it is ready", lambda: self.is_pod_ready("fetched"))
        self.assertLessEqual({"Scheduled", "Pulling", "Started"}, self.events("fetched"))

    def test_an_image_that_is_missing_and_a_server_that_crashes_are_named(self):
        self.create_pod("nowhere", {"tidegate.test/image": "missing"})
        self.create_pod("crashing", {"tidegate.test/crash-after-seconds": "1"})
        self.wait_until("ImagePullBackOff", lambda: self.waiting_reason("nowhere") == "ImagePullBackOff")
        self.wait_until("CrashLoopBackOff", lambda: self.waiting_reason("crashing") == "CrashLoopBackOff")
        self.assertFalse(self.is_pod_ready("crashing"))
        self.assertEqual(self.pod("crashing")["status"]["containerStatuses"][0]["restartCount"], 1)

    def test_a_pod_that_is_told_to_end_drains_first(self):
        self.create_pod("draining", {"tidegate.test/drain-seconds": "2"})
        self.create_pod("cut", {"tidegate.test/drain-seconds": "60"})
        for name in ("draining", "cut"):
            self.wait_until(f"{name} is ready", lambda name=name: self.is_pod_ready(name))
        begun = time.monotonic()
        self.api.delete(self.core("pods", "draining"))
        self.api.delete(self.core("pods", "cut") + "?gracePeriodSeconds=4")
        self.assertIn("deletionTimestamp", self.pod("draining")["metadata"])
        self.wait_until("it is gone", lambda: not self.api.find(self.core("pods", "draining")))
        self.assertGreaterEqual(time.monotonic() - begun, 2)
        self.assertTrue(self.api.find(self.core("pods", "cut")))
        self.wait_until("its grace period is over", lambda: not self.api.find(self.core("pods", "cut")))
        self.assertGreaterEqual(time.monotonic() - begun, 4)

    def test_a_pod_with_more_gpus_than_any_node_stays_pending(self):
        self.create_pod("large", gpus=16)
        self.create_pod("fits", gpus=8)
        unscheduled = self.wait_until("it is refused by the scheduler",
                                      lambda: condition(self.pod("large"), "PodScheduled"))
        self.assertEqual((unscheduled["status"], unscheduled["reason"]), ("False", "Unschedulable"))
        self.assertIn(f"Insufficient {GPU}", unscheduled["message"])
        self.wait_until("the other one is ready", lambda: self.is_pod_ready("fits"))
        self.assertTrue(self.pod("fits")["spec"]["nodeName"].startswith("gpu-"))
        self.assertEqual(self.pod("large")["status"]["phase"], "Pending")

    def waiting_reason(self, name):
        containers = self.pod(name)["status"].get("containerStatuses", [])
        return containers[0]["state"].get("waiting", {}).get("reason") if containers else None


class Control(KubernetesTest):
    def test_the_version_is_the_one_that_was_asked_for(self):
        version = self.api.get("/version")
        self.assertEqual(version["gitVersion"], programs.version_of("control_plane", "k8s.io/kubernetes"))
        self.assertIn(version["gitVersion"], self.cluster.kubectl("version"))

    def test_a_service_account_may_do_what_its_rules_say_and_no_more(self):
        rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
        path = self.cluster.service_account(self.namespace, "reader", rules)
        reader = Api(self.api.port, self.cluster.authority.certificate(),
                     token=self.cluster.token(self.namespace, "reader"))
        self.assertEqual(reader.get(self.core("pods"))["items"], [])
        refused = self.refusal(lambda: reader.create(self.core("pods"), {"metadata": {"name": "one"},
                                                                         "spec": self.pod_spec()}))
        self.assertEqual((refused.status, refused.reason), (403, "Forbidden"))
        self.assertIn(f"system:serviceaccount:{self.namespace}:reader", str(refused))
        # Its kubeconfig is the same user.
        found = self.cluster.kubectl(f"--kubeconfig={path}", "auth", "whoami", "-o", "json")
        self.assertEqual(json.loads(found)["status"]["userInfo"]["username"],
                         f"system:serviceaccount:{self.namespace}:reader")

    def test_the_hpa_controller_looks_after_an_hpa(self):
        self.create_deployment("chat", 1)
        path = f"/apis/autoscaling/v2/namespaces/{self.namespace}/horizontalpodautoscalers"
        self.api.create(path, {"metadata": {"name": "chat"}, "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chat"}, "maxReplicas": 3,
            "metrics": [{"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}]}})
        found = self.wait_until("it has a condition", lambda: condition(self.api.get(f"{path}/chat"), "ScalingActive"),
                                HPA_PATIENCE)
        # Nobody serves resource metrics here, and it says so.
        self.assertEqual((found["status"], found["reason"]), ("False", "FailedGetResourceMetric"))
        self.assertEqual(condition(self.api.get(f"{path}/chat"), "AbleToScale")["status"], "True")

    def test_everything_goes_on_after_the_api_server_was_away(self):
        self.create_deployment("chat", 1)
        self.wait_until("it is ready", lambda: self.ready_replicas("chat") == 1)
        server = self.cluster.daemons["kube-apiserver"]
        self.addCleanup(self.cluster.settle)
        server.kill()
        self.assertFalse(self.cluster.is_ready())
        server.start().wait_until("it is ready again", self.cluster.is_ready, 120)
        self.scale("chat", 3)
        self.wait_until("three are ready", lambda: self.ready_replicas("chat") == 3, HPA_PATIENCE)


class Aggregation(KubernetesTest):
    """The API server leads a group of its API to a server of ours, by certificates that both verify."""
    GROUP = "aggregation.tidegate.test"

    def setUp(self):
        super().setUp()
        self.port = free_ports(1)
        secrets = self.cluster.path(f"aggregated-{self.namespace}")
        os.mkdir(secrets)
        self.authority = Authority(secrets, "aggregated-ca")
        self.authority.server("aggregated", f"DNS:aggregated.{self.namespace}.svc")
        self.path = self.cluster.register_api(self.GROUP, "v1", self.port, self.authority.certificate(),
                                              namespace=self.namespace)

    def tearDown(self):
        self.api.delete(self.path)
        super().tearDown()

    def serve(self):
        cluster, group = self.cluster, self.GROUP

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                resources = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{group}/v1",
                             "resources": []}
                asked = {"user": self.headers.get("X-Remote-User"), "groups": self.headers.get_all("X-Remote-Group")}
                body = json.dumps(asked if self.path.endswith("/whoami") else resources).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.authority.certificate("aggregated"), self.authority.key("aggregated"))
        # Whoever is not the API server's front proxy gets no further than the handshake.
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cluster.front_proxy.certificate())
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)

    def available(self):
        return condition(self.api.get(self.path), "Available") or {}

    def test_it_becomes_available_and_learns_who_asks(self):
        self.wait_until("nobody answers", lambda: self.available().get("reason") == "FailedDiscoveryCheck")
        self.assertEqual(self.available()["status"], "False")
        self.serve()
        self.wait_until("it is available", lambda: self.available().get("status") == "True")
        answer = self.wait_until("requests are led there", self.whoami)
        self.assertEqual(answer["user"], "admin")
        self.assertIn("system:masters", answer["groups"])

    def whoami(self):
        return self.api.find(f"/apis/{self.GROUP}/v1/whoami")


class KedaOperator(KubernetesTest):
    def setUp(self):
        super().setUp()
        self.keda = shared_keda()

    def test_a_scaled_object_with_a_schedule_goes_from_zero_to_three(self):
        # The whole chain: the operator wakes it, the real HPA controller asks KEDA's metrics server for the rest.
        self.create_deployment("chat", 0)
        now = datetime.now(timezone.utc)
        begin, end = now - timedelta(minutes=10), now + timedelta(hours=1)
        path = f"/apis/keda.sh/v1alpha1/namespaces/{self.namespace}/scaledobjects"
        self.api.create(path, {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "chat"},
                               "spec": {"scaleTargetRef": {"name": "chat"}, "pollingInterval": 2, "minReplicaCount": 0,
                                        "maxReplicaCount": 5,
                                        "triggers": [{"type": "cron", "metadata": {
                                            "timezone": "Etc/UTC", "desiredReplicas": "3",
                                            "start": f"{begin.minute} {begin.hour} * * *",
                                            "end": f"{end.minute} {end.hour} * * *"}}]}})
        self.wait_until("it is taken up", lambda: self.status(path, "Ready") == "True")
        self.wait_until("it is active", lambda: self.status(path, "Active") == "True")
        self.wait_until("three are ready", lambda: self.ready_replicas("chat") == 3, HPA_PATIENCE)
        # One write each: the operator's from zero to one, the HPA controller's from one to three.
        for user in ("keda:keda-operator", "kube-system:horizontal-pod-autoscaler"):
            writes = self.cluster.writes(user=f"system:serviceaccount:{user}", resource="deployments",
                                         namespace=self.namespace)
            self.assertEqual([write["objectRef"].get("subresource") for write in writes], ["scale"], user)

    def status(self, path, name):
        return (condition(self.api.get(f"{path}/chat"), name) or {}).get("status")


if __name__ == "__main__":
    unittest.main()
