#!/usr/bin/env python3
"""Builds the real programs of a Kubernetes control plane once and keeps them outside the repository.

What is built, and from which versions, stands in tools/*/go.mod; their hash names the folder that keeps the programs,
so a changed version is built anew and an unchanged one never again. Builds need Go and its module proxy; finding what
was built needs neither."""
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools")
BUILD_PATIENCE = 40 * 60  # seconds for one program; the largest takes 6 to 12 minutes on two cores
KEPT_UNUSED = 30 * 24 * 3600  # seconds; programs of other versions are removed after that

# Programs of one module are built together: they share their packages. Module -> (name, package) of its programs.
PROGRAMS = {
    "control_plane": [("etcd", "go.etcd.io/etcd/server/v3"),
                      ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
                      ("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
                      ("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
                      ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
                      ("kwok", "sigs.k8s.io/kwok/cmd/kwok")],
    "keda": [("keda-operator", "github.com/kedacore/keda/v2/cmd/operator"),
             ("keda-metrics-apiserver", "github.com/kedacore/keda/v2/cmd/adapter")],
}
# Kept beside the programs: the manifests that their release comes with. Module -> (Go module, folder in it).
MANIFESTS = {"keda": ("github.com/kedacore/keda/v2", "config")}


class Missing(Exception):
    """A program is not built and was not, or could not be, built now."""


def version_of(module, name):
    """The version that a tools/*/go.mod asks for."""
    with open(os.path.join(TOOLS, module, "go.mod"), encoding="utf-8") as file:
        return re.search(rf"^\s*(?:require )?{re.escape(name)} (v\S+)", file.read(), re.M).group(1)


def stamps(module):
    """What a release's own build writes into its programs: an API server without a version refuses to serve."""
    if module == "control_plane":
        version = version_of(module, "k8s.io/kubernetes")
        major, minor, _ = version.removeprefix("v").split(".", 2)
        values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "archive"}
        return [*(f"{package}.{name}={value}" for name, value in values.items()
                  for package in ("k8s.io/client-go/pkg/version", "k8s.io/component-base/version")),
                "sigs.k8s.io/kwok/pkg/consts.Version=" + version_of(module, "sigs.k8s.io/kwok")]
    return ["github.com/kedacore/keda/v2/version.Version=" +
            version_of(module, "github.com/kedacore/keda/v2").removeprefix("v")]


def build_flags(module):
    return ["-trimpath", "-ldflags", " ".join(["-s -w", *(f"-X {stamp}" for stamp in stamps(module))])]


def cache():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, "tidegate", "kubernetes")


def folder_of(module):
    """Where the programs of a module are kept: named by everything that they are built from."""
    seen = hashlib.sha256(" ".join(build_flags(module)).encode())
    for name in ("go.mod", "go.sum"):
        with open(os.path.join(TOOLS, module, name), "rb") as file:
            seen.update(file.read())
    return os.path.join(cache(), f"{module}-{seen.hexdigest()[:16]}")


def is_built(module):
    return os.path.exists(os.path.join(folder_of(module), "complete"))


def program(name):
    """The path of a built program."""
    for module, programs in PROGRAMS.items():
        if name in dict(programs):
            if not is_built(module):
                raise Missing(f"{name} is not built; ./test kubernetes builds it")
            return os.path.join(folder_of(module), name)
    raise KeyError(name)


def manifests(module):
    """The folder with the manifests of a module's release."""
    if not is_built(module):
        raise Missing(f"{module} is not built; ./test kubernetes builds it")
    return os.path.join(folder_of(module), "manifests")


def say(text):
    print(f"kubernetes: {text}", file=sys.stderr, flush=True)


def run_go(what, words, module, environment):
    """Runs the go command in a module's folder, with a sign of life every half minute, and ends it at the deadline."""
    begun = time.monotonic()
    process = subprocess.Popen(["go", *words], cwd=os.path.join(TOOLS, module), env=environment, start_new_session=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        while True:
            try:
                text, _ = process.communicate(timeout=30)
                break
            except subprocess.TimeoutExpired:
                elapsed = time.monotonic() - begun
                if elapsed > BUILD_PATIENCE:
                    raise Missing(f"{what}: not within {BUILD_PATIENCE // 60} minutes") from None
                say(f"{what}: {elapsed:.0f} s")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode != 0:
        raise Missing(f"{what} failed:\n" + "\n".join(text.splitlines()[-30:]))
    return text


def build_module(module):
    folder = folder_of(module)
    os.makedirs(folder, exist_ok=True)
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    for name, package in PROGRAMS[module]:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            continue  # an earlier build came this far
        begun = time.monotonic()
        words = ["build", "-p", "2", *build_flags(module), "-o", path + ".new", package]
        run_go(f"building {name}", words, module, environment)
        os.replace(path + ".new", path)
        say(f"built {name} in {time.monotonic() - begun:.0f} s")
    if module in MANIFESTS:
        name, inside = MANIFESTS[module]
        source = run_go(f"finding {name}", ["list", "-m", "-f", "{{.Dir}}", name], module, environment).strip()
        shutil.rmtree(os.path.join(folder, "manifests"), ignore_errors=True)
        # Copied without the modes of Go's module cache, in which nothing may be written or removed.
        shutil.copytree(os.path.join(source, inside), os.path.join(folder, "manifests"), copy_function=shutil.copyfile)
        for path, _, _ in os.walk(os.path.join(folder, "manifests")):
            os.chmod(path, 0o755)
    with open(os.path.join(folder, "complete"), "w", encoding="utf-8"):
        pass


@contextlib.contextmanager
def alone():
    """One build at a time, whoever else wants one."""
    os.makedirs(cache(), exist_ok=True)
    with open(os.path.join(cache(), "lock"), "w", encoding="utf-8") as lock:
        deadline = time.monotonic() + BUILD_PATIENCE
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Missing(f"another build is not done within {BUILD_PATIENCE // 60} minutes") from None
                say("waiting for another build to end")
                time.sleep(10)
        yield


def remove_old():
    current = {folder_of(module) for module in PROGRAMS}
    for name in os.listdir(cache()):
        path = os.path.join(cache(), name)
        if os.path.isdir(path) and path not in current and time.time() - os.stat(path).st_mtime > KEPT_UNUSED:
            shutil.rmtree(path, ignore_errors=True)


def build(modules=tuple(PROGRAMS)):
    """Builds what is not built yet; raises Missing if that cannot be."""
    if all(is_built(module) for module in modules):
        for module in modules:
            os.utime(folder_of(module))
        return
    if not shutil.which("go"):
        raise Missing("Go is needed to build the control plane (https://go.dev/doc/install); its version stands in "
                      "tests/kubernetes/tools/*/go.mod")
    say("building the control plane; this happens once and takes a quarter of an hour or more")
    begun = time.monotonic()
    with alone():
        for module in modules:
            if not is_built(module):
                build_module(module)
        remove_old()
    say(f"built in {time.monotonic() - begun:.0f} s; kept in {cache()}")


if __name__ == "__main__":
    try:
        build()
    except Missing as error:
        sys.exit(f"kubernetes: {error}")
