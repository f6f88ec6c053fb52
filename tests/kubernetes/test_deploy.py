"""deploy/ and the resource definition on a real API server: everything applies, explains itself, and refuses by name."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import programs
from case import ROOT, KubernetesTest, tidegate_program

DEPLOY = os.path.join(ROOT, "deploy")
OPERATOR = ("github.com/prometheus-operator/prometheus-operator", "v0.85.0")
SERVICE_ACCOUNT = "system:serviceaccount:tidegate:tidegate"


def tidegate(*words, given=None):
    """What the program prints."""
    done = subprocess.run([tidegate_program(), *words], input=given, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise AssertionError(f"tidegate {' '.join(words)}: {done.stderr}")
    return done.stdout


def prometheus_operator_definitions():
    """The resource definitions that a release of the Prometheus operator comes with."""
    try:
        said = subprocess.run(["go", "mod", "download", "-json", "@".join(OPERATOR)], capture_output=True, text=True,
                              cwd=tempfile.gettempdir(), timeout=120, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise unittest.SkipTest(f"the Prometheus operator's definitions cannot be had: {error}") from None
    folder = os.path.join(json.loads(said)["Dir"], "example", "prometheus-operator-crd")
    return [os.path.join(folder, f"monitoring.coreos.com_{kind}.yaml") for kind in ("podmonitors", "prometheusrules")]


class DeployTest(KubernetesTest):
    def setUp(self):
        super().setUp()
        self.kubectl = self.cluster.kubectl
        self.kubectl("apply", "--server-side", "-f", os.path.join(DEPLOY, "kustomize", "base", "crd.yaml"))
        self.establish("crd/scaledmodels.tidegate.dev")

    def establish(self, *definition):
        # A definition that was made this very moment has no conditions yet, which kubectl takes for an error.
        def is_established():
            try:
                return self.kubectl("wait", "--for=condition=Established", *definition, "--timeout=30s")
            except AssertionError:
                return None
        self.wait_until(f"{' '.join(definition)} is established", is_established)

    def model(self, spec, name="chat"):
        whole = {"target": {"kubernetes": {"deployment": "chat"}}, **spec}
        return json.dumps({"apiVersion": "tidegate.dev/v1alpha1", "kind": "ScaledModel",
                           "metadata": {"name": name, "namespace": self.namespace},
                           "spec": {key: value for key, value in whole.items() if value is not None}})

    def apply(self, manifest, *options):
        # The API server may need a moment until it serves a kind it has just learned.
        return self.wait_until("the kind is served", lambda: self.try_to_apply(manifest, *options))

    def try_to_apply(self, manifest, *options):
        try:
            return self.kubectl("apply", "-f", "-", *options, given=manifest)
        except AssertionError as error:
            if "no matches for kind" in str(error):
                return None
            raise

    def refused(self, spec, name="chat"):
        with self.assertRaises(AssertionError) as caught:
            self.apply(self.model(spec, name))
        return str(caught.exception)


class ResourceDefinition(DeployTest):
    def test_explains_its_settings(self):
        spec = self.kubectl("explain", "scaledmodel.spec")
        for setting in ("slo", "replicas", "pools", "target", "policy", "compare_with", "signals", "price"):
            self.assertIn(f"  {setting}\t", spec)
        self.assertIn("What the service promises", spec)
        self.assertIn("Least replicas (replicas, 0 to 100000)", self.kubectl("explain", "sm.spec.replicas.min"))
        self.assertIn("the largest proposal wins",
                      self.kubectl("explain", "sm.spec.compare_with.hpa.metrics"))
        self.assertIn("ENUM:\n    act\n    shadow", self.kubectl("explain", "sm.spec.mode"))
        self.assertIn("Conflict", self.kubectl("explain", "sm.status.conditions"))
        undescribed = [line for line in spec.splitlines() if line.strip() == "<no description>"]
        self.assertEqual(undescribed, [])

    def test_takes_what_is_valid_and_shows_it(self):
        self.apply(self.model({"slo": {"ttft_p99": "2s"}, "replicas": {"min": 1, "max": 4}, "price": "$3.50/h",
                               "signals": {"vllm": {"port": 8000}}, "compare_with": [{"hpa": {"tolerance": 0.2}}]}))
        self.apply(json.dumps({"apiVersion": "tidegate.dev/v1alpha1", "kind": "ScaledModel",
                               "metadata": {"name": "pooled", "namespace": self.namespace},
                               "spec": {"mode": "shadow", "replicas": {"min": 1}, "pools": [
                                   {"name": "a", "gpus": 1, "price": {"node": "$28/h", "gpus": 8},
                                    "target": {"kubernetes": {"statefulset": "a"}}},
                                   {"name": "b", "target": {"kubernetes": {"deployment": "b"}}}]}}))
        status = {"ready": 3, "desired": 4, "band": {"floor": 3.2, "ceiling": 5.0}, "slo": {"summary": "99.3%"},
                  "lastDecision": {"verdict": "raise", "reason": "load_rise"}, "observedGeneration": 1,
                  "leader": {"identity": "tidegate-0", "epoch": 7},
                  "pools": [{"name": "default", "desired": 4, "ready": 3, "starting": 1}],
                  "changes": [{"time": "2026-01-01T00:00:00Z", "from": 3, "to": 4, "reason": "load_rise"}],
                  "conditions": [{"type": "Ready", "status": "True", "reason": "Found", "message": "",
                                  "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
        self.kubectl("patch", "sm", "chat", "-n", self.namespace, "--subresource=status", "--type=merge",
                     "-p", json.dumps({"status": status}))
        rows = [line.split() for line in self.kubectl("get", "sm", "-n", self.namespace).splitlines()]
        self.assertEqual(rows[0], ["NAME", "MODE", "READY", "DESIRED", "FLOOR", "CEILING", "REASON", "SLO", "AGE"])
        self.assertEqual(rows[1][:8], ["chat", "act", "3", "4", "3.2", "5", "load_rise", "99.3%"])
        self.assertEqual(rows[2][:2], ["pooled", "shadow"])
        kept = json.loads(self.kubectl("get", "sm", "chat", "-n", self.namespace, "-o", "json"))["status"]
        self.assertEqual(kept, status)

    def test_refuses_what_is_invalid_by_the_name_of_the_field(self):
        target = {"kubernetes": {"deployment": "d"}}
        query = {"query": "q", "prometheus": {"url": "http://p"}}
        for spec, said in [
                ({"replicas": {"min": 5, "max": 3}}, "spec.replicas.min: Invalid value"),
                ({"slo": {"ttft_p99": "800"}}, "spec.slo.ttft_p99"),
                ({"slow": 1}, 'unknown field "spec.slow"'),
                ({"mode": "shaddow"}, "spec.mode: Unsupported value"),
                ({"mode": "shadow"}, "spec.replicas: Invalid value: at zero replicas nothing would see a request"),
                ({"policy": [{"slo": {}, "hpa": {}}]}, "spec.policy[0]: Invalid value"),
                ({"policy": [{"hpa": {"metrics": [{"signal": "custom"}]}}]}, "spec.policy[0].hpa.metrics[0].name"),
                ({"gpus": 2, "gpu_memory": "8GiB"}, "spec.gpu_memory: Invalid value"),
                ({"price": "3.50"}, "spec.price"),
                ({"pools": [{"name": "a", "target": target}]}, "spec.pools: Invalid value: beside `pools`"),
                ({"target": None}, "nothing is scaled"),
                ({"target": None, "pools": [{"name": "a"}]}, "spec.pools[0].target: Required value"),
                ({"target": None, "pools": [{"name": "a", "target": target}, {"name": "a", "target": target}]},
                 "spec.pools[1]: Duplicate value"),
                ({"command": ["vllm"]}, 'unknown field "spec.command"'),
                ({"signals": {"queries": [{"signal": "ttft", **query}]}}, "spec.signals.queries[0].name"),
                ({"signals": {"queries": [{"signal": "queued", "query": "q",
                                           "prometheus": {"url": "http://p", "bearer_token": {"file": "/token"}}}]}},
                 'unknown field "spec.signals.queries[0].prometheus.bearer_token.file"')]:
            with self.subTest(said):
                self.assertIn(said, self.refused(spec))
        self.assertIn("metadata.name is the name of the service", self.refused({}, "a" * 64))

    def test_takes_what_import_writes(self):
        hpa = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
               "metadata": {"name": "chat", "namespace": self.namespace},
               "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chat"},
                        "minReplicas": 2, "maxReplicas": 9,
                        "metrics": [{"type": "Pods", "pods": {"metric": {"name": "vllm:num_requests_running"},
                                                              "target": {"type": "AverageValue", "averageValue": "8"}}}],
                        "behavior": {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}}}}
        self.create_deployment("chat", 1)
        self.kubectl("apply", "-f", "-", given=json.dumps(hpa))
        # As a user does: what the cluster has, not what was once applied.
        seen = self.kubectl("get", "hpa,deployment", "-n", self.namespace, "-o", "yaml")
        written = tidegate("import", "-", given=seen)
        self.apply(written)
        spec = json.loads(self.kubectl("get", "sm", "chat", "-n", self.namespace, "-o", "json"))["spec"]
        self.assertEqual(spec["mode"], "shadow")
        self.assertEqual(spec["replicas"], {"min": 2, "max": 9})
        self.assertEqual(spec["compare_with"][0]["hpa"]["target_average"], 8)
        self.assertEqual(spec["target"], {"kubernetes": {"deployment": "chat"}})
        # What the API server gives back, our reader takes.
        whole = self.kubectl("get", "sm", "chat", "-n", self.namespace, "-o", "json")
        self.assertIn("service chat (shadow)", tidegate("validate", "-", given=whole))


class Manifests(DeployTest):
    def may(self, verb, resource, name="", namespace="default"):
        words = resource.split("/")
        options = [f"--subresource={words[1]}"] if len(words) > 1 else []
        what = f"{words[0]}/{name}" if name else words[0]
        try:
            return self.kubectl("auth", "can-i", verb, what, *options, f"--as={SERVICE_ACCOUNT}", "-n",
                                namespace).strip() == "yes"
        except AssertionError:
            return False

    def test_the_base_applies_and_its_pods_run_as_restricted_ones(self):
        self.kubectl("apply", "--server-side", "-f", os.path.join(DEPLOY, "kustomize", "base", "namespace.yaml"))
        self.cluster.apply({"apiVersion": "v1", "kind": "Secret",
                            "metadata": {"name": "tidegate-api", "namespace": "tidegate"}, "stringData": {"token": "t"}})
        self.kubectl("apply", "--server-side", "-k", os.path.join(DEPLOY, "kustomize", "base"))
        self.kubectl("rollout", "status", "deployment/tidegate", "-n", "tidegate", "--timeout=60s", patience=90)
        budget = json.loads(self.kubectl("get", "pdb", "tidegate", "-n", "tidegate", "-o", "json"))
        self.wait_until("one may go", lambda: self.allowed_disruptions(budget) == 1)
        self.assertTrue(self.may("update", "deployments.apps/scale", namespace=self.namespace))
        self.assertTrue(self.may("update", "leases.coordination.k8s.io", "tidegate", "tidegate"))
        self.assertFalse(self.may("update", "leases.coordination.k8s.io", "other", "tidegate"))
        for verb, resource in [("get", "secrets"), ("delete", "pods"), ("patch", "deployments.apps"),
                               ("create", "pods"), ("update", "scaledmodels.tidegate.dev")]:
            self.assertFalse(self.may(verb, resource, namespace=self.namespace), f"{verb} {resource}")
        # What `tidegate export kustomize` writes is the same folder.
        with tempfile.TemporaryDirectory() as folder:
            tidegate("export", "kustomize", "--out", os.path.join(folder, "k"))
            self.kubectl("diff", "--server-side", "-k", os.path.join(folder, "k", "base"))

    def allowed_disruptions(self, budget):
        found = json.loads(self.kubectl("get", "pdb", budget["metadata"]["name"], "-n", "tidegate", "-o", "json"))
        return found.get("status", {}).get("disruptionsAllowed")

    def test_the_doors_for_other_autoscalers_apply(self):
        # A dry run: the cluster has one place for external metrics, and other tests have it.
        self.kubectl("apply", "--server-side", "-f", os.path.join(DEPLOY, "kustomize", "base", "namespace.yaml"))
        said = self.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-o", "name", "-k",
                            os.path.join(DEPLOY, "kustomize", "with_metric_doors")).split()
        for name in ("apiservice.apiregistration.k8s.io/v1beta1.external.metrics.k8s.io",
                     "clusterrole.rbac.authorization.k8s.io/tidegate-metrics-reader", "deployment.apps/tidegate"):
            self.assertIn(name, said)

    def test_monitoring_applies_beside_the_prometheus_operators_own_definitions(self):
        for path in prometheus_operator_definitions():
            self.kubectl("apply", "--server-side", "-f", path)
            self.establish("-f", path)
        self.kubectl("apply", "--server-side", "-f", os.path.join(DEPLOY, "kustomize", "base", "namespace.yaml"))
        self.wait_until("their kinds are served", lambda: "podmonitors" in self.kubectl(
            "api-resources", "--api-group=monitoring.coreos.com", "-o", "name"))
        self.kubectl("apply", "--server-side", "-k", os.path.join(DEPLOY, "kustomize", "with_monitoring"))
        rule = json.loads(self.kubectl("get", "prometheusrule", "tidegate", "-n", "tidegate", "-o", "json"))
        self.assertEqual(len(rule["spec"]["groups"][0]["rules"]), 4)
        self.kubectl("get", "podmonitor", "tidegate", "-n", "tidegate")

    def test_roles_by_name_are_enough_and_nothing_more(self):
        models = self.model({"replicas": {"min": 1}})
        self.kubectl("delete", "clusterrolebinding", "tidegate", "--ignore-not-found")
        self.kubectl("apply", "--server-side", "-f", os.path.join(DEPLOY, "kustomize", "base", "namespace.yaml"))
        self.apply(models)
        seen = self.kubectl("get", "sm", "-n", self.namespace, "-o", "yaml")
        self.kubectl("apply", "-f", "-", given=tidegate("export", "rbac", "--config", "-", given=seen))
        self.assertTrue(self.may("update", "deployments.apps/scale", "chat", self.namespace))
        self.assertTrue(self.may("patch", "scaledmodels.tidegate.dev/status", "chat", self.namespace))
        self.assertTrue(self.may("list", "pods", namespace=self.namespace))
        self.assertFalse(self.may("update", "deployments.apps/scale", "other", self.namespace))
        self.assertFalse(self.may("list", "pods", namespace="default"))

    def test_the_chart_applies(self):
        helm = shutil.which("helm")
        if helm is None:
            self.skipTest("helm is not installed")
        chart = os.path.join(DEPLOY, "helm", "tidegate")
        version = f"--kube-version={programs.version_of('control_plane', 'k8s.io/kubernetes')}"
        for values in ([], [f"--set=namespaces={{{self.namespace}}}", "--set=replicas=3"],
                       ["--set=monitoring.dashboard.enabled=true"]):
            with self.subTest(values):
                subprocess.run([helm, "lint", "--strict", chart, *values], check=True, capture_output=True, timeout=60)
                made = subprocess.run([helm, "template", "scaler", chart, version, "-n", self.namespace, *values], check=True,
                                      capture_output=True, text=True, timeout=60).stdout
                self.kubectl("apply", "--server-side", "-n", self.namespace, "-f", "-", given=made)
        self.kubectl("rollout", "status", "deployment/scaler-tidegate", "-n", self.namespace, "--timeout=60s",
                     patience=90)
        wrong = subprocess.run([helm, "template", "scaler", chart, version, "--set=replicas=0"], capture_output=True, text=True,
                               timeout=60, check=False)
        self.assertNotEqual(wrong.returncode, 0)
        self.assertIn("replicas", wrong.stderr)


if __name__ == "__main__":
    unittest.main()
