"""What tests of the operator start from: the resource definition, operators as service accounts with deploy/'s own
permissions, ScaledModels, and what the API server's audit log says was written."""
import calendar
import json
import os
import time

from api import ApiError
from case import ROOT, KubernetesTest, tidegate_program
from daemon import Daemon
from harness import free_ports

BASE = os.path.join(ROOT, "deploy", "kustomize", "base")
MODELS = "/apis/tidegate.dev/v1alpha1/namespaces"


def seconds(stamp):
    """An audit event's or a status' time, as seconds since 1970."""
    whole, _, fraction = stamp.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + (fraction or "0"))


class OperatorTest(KubernetesTest):
    LEASE_SECONDS = 6

    def setUp(self):
        super().setUp()
        self.program = tidegate_program()
        self.kubectl = self.cluster.kubectl
        self.kubectl("apply", "--server-side", "-f", os.path.join(BASE, "crd.yaml"))
        self.wait_until("the resource is served", self.is_served)
        self.operators = {}
        self.account = f"system:serviceaccount:{self.namespace}:operator"
        self.kubeconfig = self.cluster.service_account(self.namespace, "operator", self.rules())

    def tearDown(self):
        for daemon in self.operators.values():
            daemon.stop()
        super().tearDown()

    def is_served(self):
        definition = self.api.find("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/scaledmodels.tidegate.dev")
        # One that was made this very moment has a null where its conditions will be.
        conditions = (definition or {}).get("status", {}).get("conditions") or []
        established = any(one["type"] == "Established" and one["status"] == "True" for one in conditions)
        try:
            return established and self.api.find(f"{MODELS}/{self.namespace}/scaledmodels") is not None
        except ApiError as error:
            if error.status == 429:  # "storage is (re)initializing"
                return False
            raise

    def rules(self):
        """What deploy/ lets an operator do, and nothing else."""
        return [rule for one in self.manifests(os.path.join(BASE, "rbac.yaml")) if one["kind"] in ("ClusterRole", "Role")
                for rule in one["rules"]]

    def manifests(self, path):
        """The objects of a file of manifests."""
        said = self.kubectl("create", "--dry-run=client", "-o", "json", "-f", path)
        decoder, at, objects = json.JSONDecoder(), 0, []
        while at < len(said.rstrip()):
            found, at = decoder.raw_decode(said, at)
            objects += found["items"] if found["kind"] == "List" else [found]
            at += len(said[at:]) - len(said[at:].lstrip())
        return objects

    # -- Operators ----------------------------------------------------------------------------------------------------

    def start_operator(self, name="a", *options, namespace=None, port=None):
        port = port or free_ports(1)
        folder = self.cluster.path(f"{self.namespace}-{name}")
        words = [self.program, "operator", "--kubeconfig", self.kubeconfig, "--lease-namespace", self.namespace,
                 "--namespace", namespace or self.namespace, "--lease-seconds", str(self.LEASE_SECONDS),
                 "--state-directory", folder, "--api", f"127.0.0.1:{port}", *options]
        daemon = Daemon(f"operator-{self.namespace}-{name}", words, self.cluster.folder).start()
        daemon.port = port
        self.operators[name] = daemon
        return daemon

    def wait_for_leader(self, daemon, patience=60):
        """That this one leads, by what it says."""
        def says():
            with open(daemon.log, encoding="utf-8", errors="replace") as file:
                return '"event":"leads"' in file.read().replace(": ", ":") or None
        return daemon.wait_until("it leads", lambda: says() or self.holder_is(daemon), patience)

    def lease(self):
        return self.api.find(f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases/tidegate")

    def holder(self):
        return ((self.lease() or {}).get("spec") or {}).get("holderIdentity", "")

    def holder_is(self, daemon):
        with open(daemon.log, encoding="utf-8", errors="replace") as file:
            text = file.read()
        return bool(self.holder()) and self.holder() in text

    # -- ScaledModels -------------------------------------------------------------------------------------------------

    def models(self, *names):
        return "/".join([f"{MODELS}/{self.namespace}/scaledmodels", *names])

    def create_model(self, name, spec):
        return self.api.create(self.models(), {"apiVersion": "tidegate.dev/v1alpha1", "kind": "ScaledModel",
                                               "metadata": {"name": name}, "spec": spec})

    def status(self, name):
        return self.api.get(self.models(name)).get("status", {})

    def condition(self, name, type_):
        """'True: reason' of one condition."""
        found = [one for one in self.status(name).get("conditions", []) if one["type"] == type_]
        return f"{found[0]['status']}: {found[0]['reason']}" if found else "none"

    def model_events(self, name):
        """The events of a model, oldest first."""
        found = self.api.get(f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events")["items"]
        mine = [one for one in found if one.get("regarding", {}).get("kind") == "ScaledModel" and
                one["regarding"]["name"] == name]
        return sorted(mine, key=lambda one: one["eventTime"])

    # -- Workloads ----------------------------------------------------------------------------------------------------

    def wanted(self, deployment):
        return self.api.get(self.apps("deployments", deployment))["spec"]["replicas"]

    def scale_writes(self, deployment, user=None):
        """When replicas of a Deployment were written by somebody, and what came of it."""
        return [one for one in self.cluster.writes(user, "deployments", self.namespace)
                if one["objectRef"].get("subresource") == "scale" and one["objectRef"]["name"] == deployment]

    def sizes_written(self, deployment, user):
        """When, in seconds since 1970, and to what a Deployment's size was set by somebody."""
        return [(seconds(one["requestReceivedTimestamp"]), one["requestObject"]["spec"].get("replicas", 0))
                for one in self.scale_writes(deployment, user) if one["responseStatus"]["code"] == 200]

    def model_writes(self, user=None):
        return self.cluster.writes(user or self.account, "scaledmodels", self.namespace)
