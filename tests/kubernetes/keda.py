"""KEDA's real operator and metrics server beside a cluster: with their release's own CRDs and RBAC, as the service
account that the release runs them as. The metrics server is what external.metrics.k8s.io leads to.

Two things differ from an installation: certificates come from here instead of being rotated by the operator, and the
admission webhook, which only refuses mistakes early, is not run. The metrics server's own /metrics listens on all
addresses; it cannot be told otherwise."""
import os
import urllib.error
import urllib.request

import certificates
import programs
from api import condition
from harness import free_ports

NAMESPACE = "keda"
NAMES = "DNS:localhost,IP:127.0.0.1,DNS:keda-operator.keda.svc,DNS:keda-metrics-apiserver.keda.svc"
PORTS = ("service", "health", "metrics-server", "metrics")
START_PATIENCE = 180  # seconds


class Keda:
    """KEDA in one cluster, which also ends its programs."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.folder = cluster.path("keda")
        first = free_ports(len(PORTS))
        self.port = {name: first + index for index, name in enumerate(PORTS)}

    def start(self):
        self.install()
        self.make_certificates()
        config = self.cluster.service_account_kubeconfig(NAMESPACE, "keda-operator")
        environment = {"KUBECONFIG": config, "POD_NAMESPACE": NAMESPACE, "POD_NAME": "keda-operator-0",
                       "KEDA_CLUSTER_OBJECT_NAMESPACE": NAMESPACE, "WATCH_NAMESPACE": "", "WATCH_LABEL_SELECTOR": "",
                       "WATCH_LABEL_SELECTOR_FOR_TRIGGERAUTH": "", "KEDA_HTTP_DEFAULT_TIMEOUT": ""}
        service = f"127.0.0.1:{self.port['service']}"
        operator = self.cluster.launch(
            "keda-operator", f"--cert-dir={self.folder}", f"--metrics-service-bind-address={service}",
            f"--health-probe-bind-address=127.0.0.1:{self.port['health']}", "--enable-prometheus-metrics=false",
            "--zap-log-level=info", "--zap-encoder=console", "--zap-time-encoding=rfc3339", environment=environment)
        operator.wait_until("it is ready", lambda: answers(f"http://127.0.0.1:{self.port['health']}/readyz"),
                            START_PATIENCE)
        server = self.cluster.launch(
            "keda-metrics-apiserver", f"--secure-port={self.port['metrics-server']}", "--bind-address=127.0.0.1",
            f"--port={self.port['metrics']}", f"--metrics-service-address={service}",
            f"--client-ca-file={self.folder}/ca.crt", f"--tls-cert-file={self.folder}/tls.crt",
            f"--tls-private-key-file={self.folder}/tls.key", f"--cert-dir={self.folder}",
            f"--lister-kubeconfig={config}", f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}", environment=environment)
        path = self.cluster.register_api("external.metrics.k8s.io", "v1beta1", self.port["metrics-server"],
                                         f"{self.folder}/ca.crt", "keda-metrics-apiserver", NAMESPACE)
        server.wait_until("external.metrics.k8s.io is available", lambda: self.is_available(path), START_PATIENCE)
        return self

    def install(self):
        """Applies the release's manifests, all but what would run its images."""
        manifests = programs.manifests("keda")
        for folder in ("general", "service_account", "crd", "rbac"):
            self.cluster.kubectl("apply", "--server-side", "-k", os.path.join(manifests, folder))
        for file in ("role.yaml", "role_binding.yaml"):
            self.cluster.kubectl("apply", "--server-side", "-f", os.path.join(manifests, "metrics-server", file))
        self.cluster.kubectl("wait", "--for=condition=Established", "crd/scaledobjects.keda.sh", "--timeout=30s")

    def make_certificates(self):
        os.mkdir(self.folder)
        authority = certificates.Authority(self.folder, "ca")
        authority.server("tls", NAMES)

    def is_available(self, path):
        found = condition(self.cluster.api.get(path), "Available")
        return found and found["status"] == "True"


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
