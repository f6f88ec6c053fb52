"""What every test of a real control plane starts from: one cluster for the whole run, a namespace for each test."""
import os
import unittest

import programs
from api import ApiError, condition
from cluster import Cluster
from keda import Keda

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

_shared = {}


def tidegate_program():
    """The program of TIDEGATE_PROGRAM, else of a build in this folder."""
    built = [os.path.join(ROOT, "build", path) for path in ("dev/src/app/tidegate", "release/src/app/tidegate")]
    found = [path for path in (os.environ.get("TIDEGATE_PROGRAM"), *built) if path and os.path.exists(path)]
    if not found:
        raise unittest.SkipTest("tidegate is not built (./dev build)")
    return found[0]


def shared_cluster():
    """The cluster of this run, started by the first test that needs it; run.py ends it."""
    if "cluster" not in _shared:
        try:
            programs.program("kube-apiserver")
        except programs.Missing as error:
            raise unittest.SkipTest(str(error)) from None
        _shared["cluster"] = None  # not tried again if it fails
        _shared["cluster"] = Cluster().start()
    if _shared["cluster"] is None:
        raise AssertionError("the control plane did not start; the first test says why")
    return _shared["cluster"]


def shared_keda():
    if "keda" not in _shared:
        cluster = shared_cluster()
        try:
            programs.program("keda-operator")
        except programs.Missing as error:
            raise unittest.SkipTest(str(error)) from None
        _shared["keda"] = None  # not tried again if it fails
        _shared["keda"] = Keda(cluster).start()
    if _shared["keda"] is None:
        raise AssertionError("KEDA did not start; the first test says why")
    return _shared["keda"]


def end_shared(keep):
    """Ends what this run started; says where the logs are if they are kept."""
    cluster = _shared.pop("cluster", None)
    _shared.clear()
    if cluster and keep:
        print(f"{cluster.tails()}\nlogs kept in {cluster.folder}", flush=True)
    if cluster:
        cluster.stop(keep)


class KubernetesTest(unittest.TestCase):
    """A namespace of its own, and short words for what a test does in it."""

    def setUp(self):
        self.cluster = shared_cluster()
        self.api = self.cluster.api
        made = self.api.create("/api/v1/namespaces", {"metadata": {"generateName": "test-"}})
        self.namespace = made["metadata"]["name"]
        # Pods are refused until the controllers have made the namespace's own service account.
        self.wait_until("the namespace can hold pods", lambda: self.api.find(self.core("serviceaccounts", "default")), 120)

    def tearDown(self):
        self.api.delete(f"/api/v1/namespaces/{self.namespace}")

    def wait_until(self, what, condition_, patience=60):
        return self.cluster.wait_until(what, condition_, patience)

    def core(self, *names):
        return "/".join([f"/api/v1/namespaces/{self.namespace}", *names])

    def apps(self, *names):
        return "/".join([f"/apis/apps/v1/namespaces/{self.namespace}", *names])

    def pod_spec(self, gpus=0):
        resources = {"limits": {"nvidia.com/gpu": str(gpus)}} if gpus else {"requests": {"cpu": "100m"}}
        return {"containers": [{"name": "server", "image": "model-server", "resources": resources}]}

    def create_pod(self, name, annotations=None, gpus=0):
        return self.api.create(self.core("pods"), {"metadata": {"name": name, "annotations": annotations or {}},
                                                   "spec": self.pod_spec(gpus)})

    def create_deployment(self, name, replicas, annotations=None):
        labels = {"app": name}
        return self.api.create(self.apps("deployments"), {
            "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                     "template": {"metadata": {"labels": labels, "annotations": annotations or {}},
                                  "spec": self.pod_spec()}}})

    def scale(self, name, replicas):
        return self.api.patch(self.apps("deployments", name, "scale"), {"spec": {"replicas": replicas}})

    def ready_replicas(self, name):
        return self.api.get(self.apps("deployments", name))["status"].get("readyReplicas", 0)

    def pods(self, **query):
        return self.api.get(self.core("pods"), **query)["items"]

    def pod(self, name):
        return self.api.get(self.core("pods", name))

    def is_pod_ready(self, name):
        ready = condition(self.pod(name), "Ready")
        return ready is not None and ready["status"] == "True"

    def events(self, name):
        """The reasons of the events about one object."""
        found = self.api.get(self.core("events"), fieldSelector=f"involvedObject.name={name}")["items"]
        return {event["reason"] for event in found}

    def refusal(self, function):
        """The ApiError of a call that the API server must refuse."""
        with self.assertRaises(ApiError) as caught:
            function()
        return caught.exception
