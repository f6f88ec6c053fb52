"""An operator with its doors open for other autoscalers: the external metrics API as the cluster's own, and the scaler that
KEDA asks. With the certificates, permissions and registrations that a user makes with deploy/kustomize/metric_doors."""
import json
import os
import time

from api import Api, condition
from case import ROOT
from certificates import Authority
from harness import free_ports
from operator_case import OperatorTest

DOORS = os.path.join(ROOT, "deploy", "kustomize", "metric_doors")
API_SERVICE = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io"
HPA = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
KEDA = "system:serviceaccount:keda:keda-operator"


class MetricsTest(OperatorTest):
    # -- The doors ----------------------------------------------------------------------------------------------------

    def open_doors(self, fallback=None):
        """Starts an operator with both doors, and leads external.metrics.k8s.io to it for the length of the test."""
        folder = self.cluster.path(f"doors-{self.namespace}")
        os.mkdir(folder)
        self.authority = Authority(folder, "doors-ca")
        self.authority.server("doors", f"DNS:doors.{self.namespace}.svc,DNS:localhost,IP:127.0.0.1")
        tls = {"certificate": self.authority.certificate("doors"), "key": self.authority.key("doors")}
        api_port = free_ports(3)
        self.metrics_port, self.keda_port = api_port + 1, api_port + 2
        settings = {"keda": {"listen": f"127.0.0.1:{self.keda_port}", "tls": tls},
                    "external_metrics": {"listen": f"127.0.0.1:{self.metrics_port}", "tls": tls}}
        if fallback:
            settings["external_metrics"]["fallback"] = fallback
        path = os.path.join(folder, "operator.yaml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(settings, file)
        self.allow()
        operator = self.start_operator("a", "--config", path, port=api_port)
        self.register()
        self.wait_for_leader(operator)
        self.wait_until("external.metrics.k8s.io is available", self.is_available, 90)
        return operator

    def allow(self):
        """What the component lets its service account do, for ours."""
        objects = self.manifests(os.path.join(DOORS, "rbac.yaml"))
        for one in objects:
            for subject in one.get("subjects", []):
                if subject["name"] == "tidegate":
                    subject.update(name="operator", namespace=self.namespace)
        self.cluster.apply(*objects)

    def register(self):
        """The cluster has one place for external metrics: it is ours now, and afterwards whose it was."""
        before = self.api.find(API_SERVICE)
        self.cluster.register_api("external.metrics.k8s.io", "v1beta1", self.metrics_port,
                                  self.authority.certificate(), "doors", self.namespace)
        self.addCleanup(self.give_back, before)

    def give_back(self, before):
        if before is None:
            self.api.delete(API_SERVICE)
            return
        self.api.patch(API_SERVICE, {"spec": before["spec"]})
        self.wait_until("the adapter from before is available", self.is_available, 90)

    def is_available(self):
        found = condition(self.api.get(API_SERVICE), "Available")
        return bool(found) and found["status"] == "True"

    # -- What is followed ---------------------------------------------------------------------------------------------

    def create_pinned(self, name, replicas):
        """A ScaledModel in shadow whose size is what pin() says: others act on it."""
        if not self.api.find(self.apps("deployments", name)):
            self.create_deployment(name, 0)
        self.create_model(name, {"mode": "shadow", "replicas": {"min": 0, "max": 50}, "slo": {"ttft_p99": "2s"},
                                 "traffic": {"prometheus": {"url": "http://127.0.0.1:1", "arrivals": "none"}},
                                 "target": {"kubernetes": {"deployment": name}}})
        self.pin(name, replicas)
        self.wait_until(f"{name} is at {replicas}", lambda: self.status(name).get("desired") == replicas)

    def pin(self, name, replicas):
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        self.api.patch(self.models(name), {"metadata": {"annotations": {
            "tidegate.dev/override": f"pin {replicas}", "tidegate.dev/override-until": until}}})

    def metric(self, name, selector, api=None):
        """What the cluster's API says of an external metric: its list of values."""
        found = (api or self.api).get(f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{self.namespace}/{name}",
                                      labelSelector=selector)
        return [one["value"] for one in found["items"]]

    def client_of_account(self, name, rules):
        """A service account that may do what the rules say, as a client."""
        self.cluster.service_account(self.namespace, name, rules)
        return Api(self.api.port, self.cluster.authority.certificate(), token=self.cluster.token(self.namespace, name))

    # -- Those who follow ---------------------------------------------------------------------------------------------

    def create_hpa(self, name, metric, target, maximum=50):
        """One that follows at once and to the last replica: no tolerance, no waiting before it lowers."""
        rules = {"tolerance": "0", "stabilizationWindowSeconds": 0}
        self.api.create(f"/apis/autoscaling/v2/namespaces/{self.namespace}/horizontalpodautoscalers", {
            "metadata": {"name": name},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
                     "minReplicas": 1, "maxReplicas": maximum, "behavior": {"scaleUp": rules, "scaleDown": rules},
                     "metrics": [{"type": "External", "external": {
                         "metric": {"name": metric, "selector": {"matchLabels": {"scaledmodel": name}}},
                         "target": {"type": "AverageValue", "averageValue": target}}}]}})

    def hpa_condition(self, name, type_):
        path = f"/apis/autoscaling/v2/namespaces/{self.namespace}/horizontalpodautoscalers/{name}"
        return condition(self.api.get(path), type_) or {}
