#!/usr/bin/env python3
"""A real Kubernetes control plane on loopback: etcd, kube-apiserver, kube-controller-manager (with the HPA controller),
kube-scheduler, and KWOK in the place of every node's kubelet (kwok.yaml: what pods do).

    tests/kubernetes/cluster.py up [--keda]     starts one, prints its kubeconfig, ends it with Ctrl-C

Ports are free ones, certificates its own, everything lies in one temporary folder, and no program outlives the process
that started it. Pods have addresses in 127.64.0.0/14, so a server that listens on 0.0.0.0 answers for every pod; the
price is that Services of such pods get no EndpointSlices, which must not hold loopback addresses. Cluster(pods=...)
takes another network where those are wanted."""
import argparse
import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import certificates
import programs
from api import Api, ApiError, condition
from daemon import Daemon, stop_all
from harness import free_ports, wait_until
from keda import Keda

HERE = os.path.dirname(os.path.abspath(__file__))
START_PATIENCE = 120  # seconds for one program; a loaded machine is slow
GPU = "nvidia.com/gpu"
PORTS = ("etcd", "etcd-peer", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")


class Cluster:
    """One control plane: start() and stop(), a client for the administrator (api), nodes, users, what was written."""

    def __init__(self, pods="127.64.0.0/14"):
        self.folder = tempfile.mkdtemp(prefix="tidegate-kubernetes-")
        first = free_ports(len(PORTS))
        self.port = {name: first + index for index, name in enumerate(PORTS)}
        self.url = f"https://127.0.0.1:{self.port['kube-apiserver']}"
        self.pods = pods
        self.daemons = {}
        self.api = None

    # -- Life ---------------------------------------------------------------------------------------------------------

    def start(self):
        try:
            self.make_certificates()
            self.start_etcd()
            self.start_api_server()
            self.start_controllers()
            self.start_kwok()
            for number in (1, 2):
                self.add_node(f"cpu-{number}")
                self.add_node(f"gpu-{number}", {GPU: "8"}, {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"})
            self.wait_until("the namespace default can hold pods",
                            lambda: self.api.find("/api/v1/namespaces/default/serviceaccounts/default"))
        except BaseException:
            self.stop(keep=True)
            raise
        return self

    def settle(self):
        """Waits until every controller follows again after the API server was away: each comes back in its own time, a
        minute and more. A pod that gets ready has been through all of their hands."""
        path = "/api/v1/namespaces"
        name = self.api.create(path, {"metadata": {"generateName": "settle-"}})["metadata"]["name"]
        self.wait_until("a namespace can hold pods", lambda: self.api.find(f"{path}/{name}/serviceaccounts/default"))
        deployments = f"/apis/apps/v1/namespaces/{name}/deployments"
        labels = {"app": "one"}
        self.api.create(deployments, {"metadata": {"name": "one"}, "spec": {
            "replicas": 1, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels}, "spec": {"containers": [{"name": "server", "image": "model-server"}]}}}})
        self.wait_until("a pod is ready", lambda: self.api.get(f"{deployments}/one")["status"].get("readyReplicas"))
        self.api.delete(f"{path}/{name}")

    def stop(self, keep=False):
        """Ends everything. Keeps the folder with the logs if asked to."""
        stop_all(list(self.daemons.values()))
        if keep:
            shutil.rmtree(self.path("etcd"), ignore_errors=True)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def launch(self, name, *options, program=None, environment=None):
        """A program in the background, by the name under which its log and its port are known."""
        command = [program or programs.program(name), *options]
        self.daemons[name] = Daemon(name, command, self.folder, environment).start()
        return self.daemons[name]

    def wait_until(self, what, condition_, patience=START_PATIENCE):
        try:
            return wait_until(what, condition_, patience)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tails()}") from None

    def tails(self, lines=15):
        return "\n".join(daemon.tail(lines) for daemon in self.daemons.values())

    def path(self, *names):
        return os.path.join(self.folder, *names)

    # -- The parts ----------------------------------------------------------------------------------------------------

    def make_certificates(self):
        os.mkdir(self.path("certificates"))
        self.authority = certificates.Authority(self.path("certificates"), "cluster-ca")
        self.authority.server("server")
        self.authority.client("admin", "admin", "system:masters")
        for user in ("kube-controller-manager", "kube-scheduler"):
            self.authority.client(user, f"system:{user}")
        self.authority.client("kwok", "kwok-controller", "system:masters")
        # Aggregated API servers trust what the API server says of a user by this second authority, and by it alone.
        self.front_proxy = certificates.Authority(self.path("certificates"), "front-proxy-ca")
        self.front_proxy.client("front-proxy", "front-proxy-client")
        certificates.signing_key(self.path("certificates"), "service-account")
        for user in ("admin", "kube-controller-manager", "kube-scheduler", "kwok"):
            self.write_kubeconfig(self.path(f"{user}.kubeconfig"), user, certificate=user)
        self.kubeconfig = self.path("admin.kubeconfig")
        self.api = Api(self.port["kube-apiserver"], self.authority.certificate(),
                       (self.authority.certificate("admin"), self.authority.key("admin")))

    def start_etcd(self):
        url, peer = (f"http://127.0.0.1:{self.port[name]}" for name in ("etcd", "etcd-peer"))
        self.launch("etcd", "--name", "one", "--data-dir", self.path("etcd"), "--unsafe-no-fsync",
                    "--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls", peer,
                    "--initial-advertise-peer-urls", peer, "--initial-cluster", f"one={peer}", "--log-level", "warn")

    def start_api_server(self):
        secrets = self.path("certificates")
        daemon = self.launch(
            "kube-apiserver", f"--etcd-servers=http://127.0.0.1:{self.port['etcd']}",
            # Its own endpoints are on loopback, which the endpoints of a Service must not be.
            "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
            f"--secure-port={self.port['kube-apiserver']}", "--service-cluster-ip-range=10.96.0.0/16",
            f"--tls-cert-file={secrets}/server.crt", f"--tls-private-key-file={secrets}/server.key",
            f"--client-ca-file={secrets}/cluster-ca.crt", "--authorization-mode=Node,RBAC",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={secrets}/service-account.pub",
            f"--service-account-signing-key-file={secrets}/service-account.key",
            f"--requestheader-client-ca-file={secrets}/front-proxy-ca.crt",
            "--requestheader-allowed-names=front-proxy-client", "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={secrets}/front-proxy.crt", f"--proxy-client-key-file={secrets}/front-proxy.key",
            f"--audit-policy-file={HERE}/audit.yaml", f"--audit-log-path={self.path('audit.jsonl')}")
        daemon.wait_until("it is ready", self.is_ready, START_PATIENCE)

    def is_ready(self):
        try:
            return self.api.get("/readyz") == "ok"
        except (OSError, ApiError):
            return False

    def start_controllers(self):
        secrets = self.path("certificates")
        common = ["--bind-address=127.0.0.1", f"--tls-cert-file={secrets}/server.crt",
                  f"--tls-private-key-file={secrets}/server.key", "--leader-elect=false",
                  # Their own limits of 20 and 50 requests a second would set the pace of a test with many objects.
                  "--kube-api-qps=500", "--kube-api-burst=1000"]
        accounts = ["--use-service-account-credentials", f"--root-ca-file={secrets}/cluster-ca.crt",
                    f"--service-account-private-key-file={secrets}/service-account.key"]
        for name, more in {"kube-controller-manager": accounts, "kube-scheduler": []}.items():
            config = self.path(f"{name}.kubeconfig")
            self.launch(name, *common, *more, f"--kubeconfig={config}", f"--authentication-kubeconfig={config}",
                        f"--authorization-kubeconfig={config}", f"--secure-port={self.port[name]}")

    def start_kwok(self):
        self.launch("kwok", f"--config={HERE}/kwok.yaml", f"--kubeconfig={self.path('kwok.kubeconfig')}",
                    f"--cidr={self.pods}", "--node-ip=127.0.0.1", f"--server-address=127.0.0.1:{self.port['kwok']}")

    # -- Nodes and users ----------------------------------------------------------------------------------------------

    def add_node(self, name, resources=None, labels=None, taints=()):
        """A node that KWOK keeps ready; resources beside 64 cores, 512 GiB and 500 pods: {"nvidia.com/gpu": "8"}."""
        capacity = {"cpu": "64", "memory": "512Gi", "pods": "500", **(resources or {})}
        self.api.create("/api/v1/nodes", {
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "annotations": {"kwok.x-k8s.io/node": "fake"},
                         "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", **(labels or {})}},
            "spec": {"taints": list(taints)}, "status": {"capacity": capacity, "allocatable": capacity}})
        self.wait_until(f"node {name} is ready", lambda: self.is_node_ready(name))

    def is_node_ready(self, name):
        node = self.api.get(f"/api/v1/nodes/{name}")
        ready = condition(node, "Ready")
        # The node controller removes its taint a moment later; pods are not placed before.
        waits = any(taint["key"] == "node.kubernetes.io/not-ready" for taint in node["spec"].get("taints", []))
        return bool(ready) and ready["status"] == "True" and not waits

    def write_kubeconfig(self, path, user, certificate=None, token=None, namespace="default"):
        def embedded(file):
            with open(file, "rb") as source:
                return base64.b64encode(source.read()).decode()
        credentials = f"    token: {token}\n" if token else (
            f"    client-certificate-data: {embedded(self.authority.certificate(certificate))}\n"
            f"    client-key-data: {embedded(self.authority.key(certificate))}\n")
        with open(path, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write("apiVersion: v1\nkind: Config\ncurrent-context: tests\n"
                       f"clusters:\n- name: tests\n  cluster:\n    server: {self.url}\n"
                       f"    certificate-authority-data: {embedded(self.authority.certificate())}\n"
                       f"users:\n- name: {user}\n  user:\n{credentials}"
                       f"contexts:\n- name: tests\n  context:\n    cluster: tests\n    user: {user}\n"
                       f"    namespace: {namespace}\n")

    def token(self, namespace, name, seconds=24 * 3600):
        """A token of a service account, as a pod would get it."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        answer = self.api.create(path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                                        "spec": {"expirationSeconds": seconds}})
        return answer["status"]["token"]

    def service_account(self, namespace, name, rules=()):
        """Makes a service account that may do what RBAC rules say, in all namespaces; returns its kubeconfig."""
        metadata = {"name": name, "namespace": namespace}
        self.api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts",
                        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
        role = f"{namespace}-{name}"
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        self.api.create(f"{rbac}/clusterroles", {"metadata": {"name": role}, "rules": list(rules)})
        self.api.create(f"{rbac}/clusterrolebindings", {
            "metadata": {"name": role}, "subjects": [{"kind": "ServiceAccount", **metadata}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}})
        return self.service_account_kubeconfig(namespace, name)

    def service_account_kubeconfig(self, namespace, name):
        """The kubeconfig of a service account that is there already."""
        path = self.path(f"{namespace}.{name}.kubeconfig")
        self.write_kubeconfig(path, name, token=self.token(namespace, name), namespace=namespace)
        return path

    # -- What tests ask -----------------------------------------------------------------------------------------------

    def kubectl(self, *words, given=None, patience=60):
        """What kubectl prints; an AssertionError with what it says if it fails."""
        done = subprocess.run([programs.program("kubectl"), f"--kubeconfig={self.kubeconfig}", *words], input=given,
                              capture_output=True, text=True, timeout=patience)
        if done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def apply(self, *objects):
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-",
                     given="\n".join(f"---\n{json.dumps(one)}" for one in objects))

    def register_api(self, group, version, port, authority, service="aggregated", namespace="kube-system"):
        """Registers a server on loopback as an aggregated API. It must show a certificate for SERVICE.NAMESPACE.svc
        that the authority (a path) has signed. Returns the APIService's path."""
        with open(authority, "rb") as file:
            bundle = base64.b64encode(file.read()).decode()
        name = f"{version}.{group}"
        self.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": service, "namespace": namespace},
                    "spec": {"type": "ExternalName", "externalName": "localhost"}},
                   {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": name},
                    "spec": {"group": group, "version": version, "groupPriorityMinimum": 100, "versionPriority": 100,
                             "caBundle": bundle, "service": {"name": service, "namespace": namespace, "port": port}}})
        return f"/apis/apiregistration.k8s.io/v1/apiservices/{name}"

    def writes(self, user=None, resource=None, namespace=None):
        """Every write that the API server has answered so far, oldest first, as audit events without bodies."""
        found = []
        with open(self.path("audit.jsonl"), encoding="utf-8") as file:
            for line in file:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue  # being written, or cut off when a test killed the API server
                about = event.get("objectRef", {})
                if user in (None, event["user"]["username"]) and resource in (None, about.get("resource")) and \
                        namespace in (None, about.get("namespace")):
                    found.append(event)
        return found


def up(given):
    """Starts a cluster in the foreground."""
    programs.build()
    # SIGTERM ends it as Ctrl-C does, so that nothing stays behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    begun = time.monotonic()
    cluster = None
    try:
        cluster = Cluster(pods=given.pods)
        cluster.start()
        if given.keda:
            Keda(cluster).start()
        tools = os.path.dirname(programs.program("kubectl"))
        print(f"Up in {time.monotonic() - begun:.1f} s; logs in {cluster.folder}. Ctrl-C ends it.\n\n"
              f"export KUBECONFIG={cluster.kubeconfig}\nexport PATH={tools}:$PATH", flush=True)
        while True:
            ended = [name for name, daemon in cluster.daemons.items() if not daemon.is_running()]
            if ended:
                print(f"{', '.join(ended)} ended\n{cluster.daemons[ended[0]].tail()}", file=sys.stderr)
                return 1
            time.sleep(1)
    except KeyboardInterrupt:
        return 0
    finally:
        if cluster:
            cluster.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verb = verbs.add_parser("up", help="start a control plane and keep it until Ctrl-C")
    verb.add_argument("--keda", action="store_true", help="with KEDA's operator and metrics server")
    verb.add_argument("--pods", default="127.64.0.0/14", metavar="CIDR", help="the network of the pods (%(default)s)")
    given = parser.parse_args()
    try:
        sys.exit(up(given))
    except programs.Missing as error:
        sys.exit(f"kubernetes: {error}")


if __name__ == "__main__":
    main()
