"""`tidegate run` on a real control plane: what it does to the sizes of workloads, and what it leaves alone."""
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

from api import ApiError
from case import ROOT, KubernetesTest, tidegate_program

sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from harness import free_ports, wait_until

PATIENCE = 60  # seconds
COST = "controller.kubernetes.io/pod-deletion-cost"


class ServingPod:
    """A model server at a pod's own address, which lies on loopback, that says how busy it is."""

    def __init__(self, address, running):
        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                text = (f'vllm:num_requests_running{{model_name="chat"}} {running}\n'
                        'vllm:num_requests_waiting{model_name="chat"} 0\n').encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((address, 8000), Page)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Controller:
    """`tidegate run` with a configuration, in a folder of its own."""

    def __init__(self, services, kubeconfig, *options):
        self.folder = tempfile.mkdtemp(prefix="tidegate-target-")
        first = free_ports(2)
        self.url = f"http://127.0.0.1:{first + 1}"
        self.configuration = os.path.join(self.folder, "tidegate.yaml")
        # JSON is YAML.
        with open(self.configuration, "w", encoding="utf-8") as file:
            json.dump({"services": services, "kubernetes": {"kubeconfig": kubeconfig}, "control": {"tick": "200ms"},
                       "gateway": {"listen": f"127.0.0.1:{first}"}, "api": {"listen": f"127.0.0.1:{first + 1}"},
                       "machine": {"port_first": 19000, "port_last": 19099,
                                   "state_directory": os.path.join(self.folder, "state")}}, file)
        self.log = open(os.path.join(self.folder, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen([tidegate_program(), "run", *options, self.configuration], cwd=self.folder,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log)
        self.name = services[0]["name"]
        self.wait("it answers", lambda: self.service(self.name))

    def wait(self, what, condition, patience=PATIENCE):
        def look():
            if self.process.poll() is not None:
                raise AssertionError(f"tidegate ended with {self.process.returncode}")
            return condition()
        try:
            return wait_until(what, look, patience)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(self.service(self.name))}\n{self.tail()}") from None

    def tail(self):
        self.log.flush()
        with open(self.log.name, encoding="utf-8") as file:
            return "".join(file.readlines()[-30:])

    def get(self, path):
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return json.load(answer)
        except OSError:
            return None

    def service(self, name="chat"):
        return self.get(f"/api/v1/services/{name}")

    def replicas(self, state=None, name="chat"):
        return [one for one in self.service(name)["replicas"] if state in (None, one["state"])]

    def problem(self, reason, part="", name="chat"):
        problems = self.service(name)["problems"]
        return next((one for one in problems if one["reason"] == reason and part in one["message"]), None)

    def events(self, reason, name="chat"):
        return [one for one in self.get(f"/api/v1/services/{name}/notices")["events"] if one["reason"] == reason]

    def pin(self, replicas, name="chat"):
        self.command("override", name, "pin", str(replicas), "--for", "1h", "--comment", "a test", "--author", "test")

    def command(self, *words):
        done = subprocess.run([tidegate_program(), *words, "--server", self.url], capture_output=True, text=True,
                              timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"tidegate {' '.join(words)}: {done.stderr}")
        return done.stdout

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class TargetTest(KubernetesTest):
    def setUp(self):
        super().setUp()
        self.kubeconfig = None

    def service(self, name="chat", target=None, **settings):
        return {"name": name, "slo": {"ttft_p99": "2s"}, "replicas": {"min": 0, "max": 40},
                "target": {"kubernetes": target or {"deployment": name}}, **settings}

    def run_tidegate(self, *services, options=()):
        """As a service account that may do what `tidegate export rbac` grants, and no more."""
        services = services or (self.service(),)
        placed = json.loads(json.dumps(services))
        for one in placed:
            one["target"]["kubernetes"]["namespace"] = self.namespace
        rules = subprocess.run([tidegate_program(), "export", "rbac", "--config", "-", "--namespace", self.namespace,
                                "--service-account", "scaler"], input=json.dumps({"services": placed}),
                               capture_output=True, text=True, timeout=60, check=True).stdout
        self.kubeconfig = self.cluster.service_account(self.namespace, "scaler")
        self.cluster.kubectl("apply", "-f", "-", given=rules)
        controller = Controller(list(services), self.kubeconfig, *options)
        self.addCleanup(controller.close)
        return controller

    def user(self):
        return f"system:serviceaccount:{self.namespace}:scaler"

    def scale_writes(self):
        """What tidegate was granted, as (verb, resource)."""
        return [write["verb"] for write in self.cluster.writes(user=self.user(), namespace=self.namespace)
                if write["objectRef"].get("subresource") == "scale" and write["responseStatus"]["code"] < 300]

    def wanted(self, name="chat", kind="deployments"):
        return self.api.get(self.apps(kind, name))["spec"].get("replicas", 0)

    def ready(self, controller, count, name="chat"):
        controller.wait(f"{count} replicas of {name} are ready",
                        lambda: len(controller.replicas("ready", name)) == count)

    # -- Sizes --------------------------------------------------------------------------------------------------------

    def test_a_deployment_goes_up_and_down_with_one_write_each(self):
        self.create_deployment("chat", 1, {"tidegate.test/image-pull-seconds": "1",
                                           "tidegate.test/cold-start-seconds": "2"})
        controller = self.run_tidegate()
        self.ready(controller, 1)
        begun = time.monotonic()
        controller.pin(5)
        controller.wait("five are wanted", lambda: self.wanted() == 5)
        print(f"\n  from `tidegate override` to the scale write: {time.monotonic() - begun:.2f} s", flush=True)
        controller.wait("they come", lambda: len(controller.replicas()) == 5 and controller.replicas("loading"))
        self.ready(controller, 5)
        phases = [one["start"] for one in controller.replicas() if one["start"]["loading"]]
        self.assertTrue(phases)
        for phase in phases:
            # The edge between the two is where the watch saw it; on a loaded machine that is late, and a phase shorter.
            self.assertGreater(phase["pulling"], 0)
            self.assertGreater(phase["loading"], phase["pulling"])
            self.assertGreaterEqual(phase["pulling"] + phase["loading"], 2)
        controller.pin(2)
        self.ready(controller, 2)
        controller.pin(0)
        controller.wait("none is left", lambda: not self.pods(labelSelector="app=chat"))
        time.sleep(2)
        self.assertEqual(self.scale_writes(), ["update"] * 3)
        self.assertEqual(controller.service()["problems"], [])

    def test_the_idlest_pod_goes(self):
        deployment = self.create_deployment("chat", 3)
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        container["ports"] = [{"name": "http", "containerPort": 8000}]
        self.api.patch(self.apps("deployments", "chat"), {"spec": {"template": {"spec": {"containers": [container]}}}})
        self.wait_until("the revision with a port is ready", lambda: self.ready_replicas("chat") == 3 and
                        all("ports" in pod["spec"]["containers"][0] for pod in self.pods(labelSelector="app=chat")))
        pods = sorted(self.pods(labelSelector="app=chat"), key=lambda pod: pod["metadata"]["name"])
        idle = pods[1]["metadata"]["name"]
        for pod in pods:
            server = ServingPod(pod["status"]["podIP"], 0 if pod["metadata"]["name"] == idle else 5)
            self.addCleanup(server.close)
        controller = self.run_tidegate(self.service(signals="vllm"))
        self.ready(controller, 3)
        controller.wait("their load is seen", lambda: controller.service()["in_flight"] == 10)
        time.sleep(1)
        controller.pin(2)
        self.wait_until("one is gone", lambda: len(self.pods(labelSelector="app=chat")) == 2)
        left = self.pods(labelSelector="app=chat")
        self.assertNotIn(idle, [pod["metadata"]["name"] for pod in left])
        self.assertFalse([pod for pod in left if COST in pod["metadata"].get("annotations", {})])

    def test_a_stateful_set_gives_its_highest_ordinals(self):
        labels = {"app": "m"}
        self.api.create(self.apps("statefulsets"), {"metadata": {"name": "m"}, "spec": {
            "replicas": 1, "serviceName": "m", "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": self.pod_spec()}}})
        controller = self.run_tidegate(self.service("m", {"statefulset": "m"}))
        self.ready(controller, 1, "m")
        controller.pin(3, "m")
        self.ready(controller, 3, "m")
        controller.pin(1, "m")
        self.wait_until("one is left", lambda: len(self.pods(labelSelector="app=m")) == 1)
        self.assertEqual(self.pods(labelSelector="app=m")[0]["metadata"]["name"], "m-0")
        self.assertFalse([write for write in self.cluster.writes(user=self.user(), resource="pods")
                          if write["objectRef"]["namespace"] == self.namespace])

    def test_any_kind_with_a_scale(self):
        group = f"{self.namespace}.tidegate.test"
        number = {"type": "integer"}
        self.cluster.apply({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                            "metadata": {"name": f"leadersets.{group}"}, "spec": {
            "group": group, "scope": "Namespaced", "names": {"plural": "leadersets", "kind": "LeaderSet"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {
                    "spec": {"type": "object", "properties": {"groups": number}},
                    "status": {"type": "object", "properties": {"groups": number, "leaders": {"type": "string"}}}}}},
                "subresources": {"status": {}, "scale": {
                    "specReplicasPath": ".spec.groups", "statusReplicasPath": ".status.groups",
                    "labelSelectorPath": ".status.leaders"}}}]}})
        self.addCleanup(self.api.delete,
                        f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/leadersets.{group}")
        path = f"/apis/{group}/v1/namespaces/{self.namespace}/leadersets"
        def is_served():
            try:
                return self.api.find(path)
            except ApiError as error:
                if error.status == 429:  # "storage is (re)initializing"
                    return None
                raise
        self.wait_until("the kind is served", is_served)
        self.api.create(path, {"apiVersion": f"{group}/v1", "kind": "LeaderSet", "metadata": {"name": "m"},
                               "spec": {"groups": 1}})
        self.api.patch(f"{path}/m/status", {"status": {"groups": 1, "leaders": "role=leader"}})
        self.api.create(self.core("pods"), {"metadata": {"name": "m-0", "labels": {"role": "leader"}},
                                            "spec": self.pod_spec()})
        controller = self.run_tidegate(
            self.service("m", {"api_version": f"{group}/v1", "kind": "LeaderSet", "name": "m"}))
        self.ready(controller, 1, "m")
        controller.pin(3, "m")
        self.wait_until("three groups are wanted", lambda: self.api.get(f"{path}/m")["spec"]["groups"] == 3)
        controller.wait("two are on their way", lambda: len(controller.replicas("requested", "m")) == 2)
        self.assertEqual(controller.service("m")["problems"], [])

    # -- Troubles -----------------------------------------------------------------------------------------------------

    def test_pods_without_a_node_and_without_an_image_are_named(self):
        for name, annotations, gpus in (("large", {}, 16), ("nowhere", {"tidegate.test/image": "missing"}, 0)):
            labels = {"app": name}
            self.api.create(self.apps("deployments"), {"metadata": {"name": name}, "spec": {
                "replicas": 0, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels, "annotations": annotations},
                             "spec": self.pod_spec(gpus)}}})
        controller = self.run_tidegate(self.service("large"), self.service("nowhere"))
        controller.wait("it has seen them", lambda: controller.service("large")["last_decision"])
        for name in ("large", "nowhere"):
            controller.pin(2, name)
        found = controller.wait("the scheduler's words", lambda: controller.problem(
            "capacity_unavailable", "Insufficient nvidia.com/gpu", "large"))
        self.assertEqual(found["replicas"], 2)
        controller.wait("the image", lambda: controller.problem("start_failed", "ImagePullBackOff", "nowhere"))
        # They do not become more.
        time.sleep(3)
        self.assertEqual([self.wanted("large"), self.wanted("nowhere")], [2, 2])
        self.assertEqual(len(controller.events("capacity_unavailable", "large")), 1)
        self.assertEqual(len(controller.events("start_failed", "nowhere")), 1)

    def test_a_deployment_with_an_hpa_is_left_alone(self):
        self.create_deployment("chat", 1)
        path = f"/apis/autoscaling/v2/namespaces/{self.namespace}/horizontalpodautoscalers"
        self.api.create(path, {"metadata": {"name": "peer"}, "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chat"}, "maxReplicas": 3,
            "metrics": [{"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}]}})
        controller = self.run_tidegate()
        self.ready(controller, 1)
        controller.pin(4)
        controller.wait("the conflict is named",
                        lambda: controller.problem("conflict", "HorizontalPodAutoscaler peer scales Deployment"))
        self.assertIn("HorizontalPodAutoscaler peer", controller.command("status", "chat"))
        time.sleep(2)
        self.assertEqual(self.scale_writes(), [])
        self.api.delete(f"{path}/peer")
        self.ready(controller, 4)
        self.assertEqual(controller.service()["problems"], [])

    def test_a_second_owner_is_named_and_yielded_to(self):
        self.create_deployment("chat", 1)
        controller = self.run_tidegate()
        self.ready(controller, 1)
        controller.pin(3)
        self.ready(controller, 3)
        self.cluster.kubectl("-n", self.namespace, "scale", "deployment/chat", "--replicas=1")
        controller.wait("the writer is named",
                        lambda: controller.problem("conflict", "kubectl set 1 replica of Deployment"))
        time.sleep(2)
        self.assertEqual(self.wanted(), 1)
        self.assertEqual(self.scale_writes(), ["update"])
        self.assertEqual(len(controller.events("conflict")), 1)

    def test_a_second_owner_is_answered_if_so_configured(self):
        self.create_deployment("chat", 1)
        controller = self.run_tidegate(self.service(target={"deployment": "chat", "second_owner": "reassert"}))
        self.ready(controller, 1)
        controller.pin(3)
        self.ready(controller, 3)
        for _ in range(3):
            self.cluster.kubectl("-n", self.namespace, "scale", "deployment/chat", "--replicas=1")
            time.sleep(1)
        self.assertEqual(self.scale_writes(), ["update"] * 2)

    def test_a_rollout_never_lowers(self):
        self.create_deployment("chat", 4, {"tidegate.test/cold-start-seconds": "4"})
        self.wait_until("four are ready", lambda: self.ready_replicas("chat") == 4)
        controller = self.run_tidegate()
        self.ready(controller, 4)
        self.api.patch(self.apps("deployments", "chat"), {"spec": {"template": {"metadata": {"annotations": {
            "tidegate.test/cold-start-seconds": "3"}}}}})
        controller.wait("the rollout is seen", lambda: controller.service()["rollout"])
        controller.pin(2)
        committed = ("requested", "starting", "loading", "ready")
        looks, surged = 0, False
        while True:
            service = controller.service()
            counted = [one for one in service["replicas"] if one["state"] in committed]
            self.assertLessEqual(len(counted), 4, "surge counts as capacity")
            deployment = self.api.get(self.apps("deployments", "chat"))
            status = deployment["status"]
            if status.get("updatedReplicas", 0) == status["replicas"]:
                break
            self.assertEqual(deployment["spec"]["replicas"], 4)
            looks, surged = looks + 1, surged or status["replicas"] > 4
            time.sleep(0.1)
        self.assertGreater(looks, 5)
        self.assertTrue(surged)
        self.ready(controller, 2)
        self.assertEqual(self.scale_writes(), ["update"])

    def test_a_restart_replaces_every_pod(self):
        self.create_deployment("chat", 2)
        controller = self.run_tidegate()
        self.ready(controller, 2)
        before = {pod["metadata"]["uid"] for pod in self.pods(labelSelector="app=chat")}
        controller.command("restart", "chat")
        self.wait_until("all are new", lambda: not before & {
            pod["metadata"]["uid"] for pod in self.pods(labelSelector="app=chat")} and self.ready_replicas("chat") == 2)

    def test_it_holds_while_the_api_server_is_away_and_goes_on(self):
        self.create_deployment("chat", 3)
        controller = self.run_tidegate()
        self.ready(controller, 3)
        server = self.cluster.daemons["kube-apiserver"]
        self.addCleanup(self.cluster.settle)
        server.kill()
        try:
            controller.wait("it holds", lambda: controller.service()["last_decision"]["reason"] == "target_error")
            controller.pin(6)
            away = float(os.environ.get("TIDEGATE_TEST_AWAY_SECONDS", "10"))
            end = time.monotonic() + away
            while time.monotonic() < end:
                service = controller.service()
                self.assertEqual(service["last_decision"]["verdict"], "hold")
                self.assertEqual(service["pools"][0]["ready"], 3)
                time.sleep(0.5)
        finally:
            server.start().wait_until("it is ready again", self.cluster.is_ready, 120)
        begun = time.monotonic()
        controller.wait("it goes on", lambda: self.wanted() == 6, 90)
        print(f"\n  from the API server's return to the scale write: {time.monotonic() - begun:.1f} s", flush=True)
        self.wait_until("six are ready", lambda: self.ready_replicas("chat") == 6, 180)
        self.assertEqual(self.scale_writes(), ["update"])

    # -- Before it runs -----------------------------------------------------------------------------------------------

    def test_doctor_names_what_is_missing(self):
        self.create_deployment("chat", 1)
        controller = self.run_tidegate()
        self.ready(controller, 1)

        def doctor():
            done = subprocess.run([tidegate_program(), "doctor", "--config", controller.configuration],
                                  capture_output=True, text=True, timeout=120)
            return done.returncode, done.stdout
        status, said = doctor()
        self.assertEqual(status, 0, said)
        self.assertIn("deployments.apps", said)
        self.assertIn("are granted", said)
        self.cluster.kubectl("-n", self.namespace, "delete", "rolebinding", "tidegate")
        status, said = doctor()
        self.assertNotEqual(status, 0)
        self.assertIn(f"may not update deployments/scale.apps chat in {self.namespace}", said)


if __name__ == "__main__":
    unittest.main()
