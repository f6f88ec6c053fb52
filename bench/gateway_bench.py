#!/usr/bin/env python3
"""The gateway against nginx: same run, alternating, one core for the proxy. Prints one JSON row a line.

    bench/gateway_bench.py [--tidegate FILE] [--traffic FILE] [--rounds 5] [--seconds 2] [NAME...]

The proxy has the first core; replica and clients share the second. CPU is user + system time of the proxy's
processes from /proc/PID/stat, so other work on the machine disturbs it little; figures are medians.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TICKS = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))
PROXY_CORE, OTHER_CORE = str(CORES[0]), str(CORES[-1])

NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
worker_rlimit_nofile 30000;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  keepalive_requests 100000000; keepalive_timeout 300s; tcp_nodelay on;
  upstream replicas {{ least_conn; {servers} keepalive 1024; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://replicas; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header Host $host;
    }}
    location /sse/ {{
      proxy_pass http://replicas; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header Host $host;
    }}
  }}
}}
"""


def on_core(core, *command, **kwargs):
    return subprocess.Popen(["taskset", "-c", core, *command], **kwargs)


def free_port():
    import socket
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port):
    import socket
    deadline = time.time() + 10
    while time.time() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    sys.exit(f"gateway_bench: nothing listens on port {port}")


class Bench:
    def __init__(self, given):
        self.given = given
        self.folder = tempfile.mkdtemp(prefix="gateway_bench_")
        self.processes = []

    def close(self):
        for process in reversed(self.processes):
            if process.stdin:
                process.stdin.close()
            else:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, core, *command):
        process = on_core(core, *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        return process, process.stdout.readline().strip()

    def upstream(self, core=OTHER_CORE):
        return int(self.start(core, self.given.traffic, "upstream")[1])

    def gateway(self, slots, ports):
        """A gateway of its own with a table; answers (port, pids)."""
        port = free_port()
        link = os.path.join(self.folder, f"link{port}")
        process = on_core(PROXY_CORE, self.given.tidegate, "gateway", "--quiet", "--listen", f"127.0.0.1:{port}",
                          "--link", link, "--drain", "0", stderr=subprocess.DEVNULL)
        self.processes.append(process)
        wait_for_port(port)
        self.start(OTHER_CORE, self.given.traffic, "push", link, str(slots), *map(str, ports))
        time.sleep(0.1)
        return port, [process.pid]

    def nginx(self, ports):
        port = free_port()
        folder = os.path.join(self.folder, f"nginx{port}")
        os.mkdir(folder)
        config = os.path.join(folder, "nginx.conf")
        servers = " ".join(f"server 127.0.0.1:{one};" for one in ports)
        with open(config, "w") as out:
            out.write(NGINX.format(folder=folder, port=port, servers=servers))
        process = on_core(PROXY_CORE, shutil.which("nginx") or "/usr/sbin/nginx", "-e", folder + "/error.log", "-c", config)
        self.processes.append(process)
        wait_for_port(port)
        children = open(f"/proc/{process.pid}/task/{process.pid}/children").read().split()
        return port, [process.pid, *map(int, children)]

    def traffic(self, mode, port, *rest, core=OTHER_CORE):
        done = subprocess.run(["taskset", "-c", core, self.given.traffic, mode, str(port), *map(str, rest)],
                              stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit("gateway_bench: the clients failed")
        return json.loads(done.stdout)


def cpu_seconds(pids):
    ticks = 0
    for pid in pids:
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def user_bytes(pids):
    """Anonymous resident memory."""
    total = 0
    for pid in pids:
        for line in open(f"/proc/{pid}/status"):
            if line.startswith("RssAnon:"):
                total += int(line.split()[1]) * 1024
    return total


def row(name, ours, unit, peers=(), peer="nginx"):
    value = statistics.median(ours)
    out = {"name": name, "value": value, "unit": unit}
    if peers:
        theirs = statistics.median(peers)
        out.update(peer=peer, peer_value=theirs, ratio=value / theirs if theirs else None)
    print(json.dumps(out), flush=True)


def alternating(bench, ports, measure, slots=100000):
    ours, theirs = bench.gateway(slots, ports), bench.nginx(ports)
    both = ([], [])
    for _ in range(bench.given.rounds + 1):
        for proxy, into in ((ours, both[0]), (theirs, both[1])):
            into.append(measure(*proxy))
    return both[0][1:], both[1][1:]  # the first round warms up


def cpu_per_request(bench):
    def measure(port, pids):
        before = cpu_seconds(pids)
        done = bench.traffic("closed", port, 64, bench.given.seconds, "/")
        return (cpu_seconds(pids) - before) / done["requests"] * 1e6
    row("gateway_cpu_per_request", *interleave(alternating(bench, [bench.upstream()], measure), "us"))


def cpu_per_token(bench):
    def measure(port, pids):
        before = cpu_seconds(pids)
        done = bench.traffic("closed", port, 400, max(bench.given.seconds, 3), "/sse/50/20")
        return (cpu_seconds(pids) - before) / done["events"] * 1e6
    row("gateway_cpu_per_token", *interleave(alternating(bench, [bench.upstream()], measure), "us"))


def added_p99(bench):
    """One request at a time, everything on one core: across cores, what is measured is how long a sleeping core
    takes to wake, not the proxy's work."""
    upstream = bench.upstream(PROXY_CORE)

    def measure(port, _):
        return bench.traffic("closed", port, 1, bench.given.seconds, "/", core=PROXY_CORE)["p99"] * 1e6
    direct, ours, theirs = [], [], []
    gateway, nginx = bench.gateway(100000, [upstream])[0], bench.nginx([upstream])[0]
    for _ in range(bench.given.rounds * 2 + 1):
        for port, into in ((upstream, direct), (gateway, ours), (nginx, theirs)):
            into.append(measure(port, None))
    base = statistics.median(direct[1:])
    row("gateway_added_p99", [one - base for one in ours[1:]], "us", [one - base for one in theirs[1:]])


def idle_connection_bytes(bench):
    count = 5000

    def measure(port, pids):
        before = user_bytes(pids)
        process, _ = bench.start(OTHER_CORE, bench.given.traffic, "idle", str(port), str(count))
        time.sleep(0.3)
        after = user_bytes(pids)
        process.stdin.close()
        process.wait()
        bench.processes.remove(process)
        return (after - before) / count
    ports = [bench.upstream()]
    # Memory is taken once and kept for the next clients, so only the first round of a fresh process tells.
    ours = [measure(*bench.gateway(100000, ports)) for _ in range(3)]
    theirs = [measure(*bench.nginx(ports)) for _ in range(3)]
    row("gateway_idle_connection_bytes", ours, "bytes", theirs)


def queue_throughput(bench):
    """4 slots on each of 2 replicas, 20 ms a request: 400 a second at best. Share of the ideal reached."""
    # One process plays both replicas: two would wait for each other on their one core.
    upstream = bench.upstream()
    port, _ = bench.gateway(4, [upstream, upstream])
    shares = []
    for _ in range(bench.given.rounds):
        done = bench.traffic("closed", port, 16, max(bench.given.seconds, 8), "/wait/20")
        shares.append(done["rate"] / 400)
    row("gateway_queue_throughput", shares, "share", [1.0], "ideal_fifo")


def interleave(both, unit):
    return both[0], unit, both[1]


ROWS = {"gateway_cpu_per_request": cpu_per_request, "gateway_cpu_per_token": cpu_per_token,
        "gateway_added_p99": added_p99, "gateway_idle_connection_bytes": idle_connection_bytes,
        "gateway_queue_throughput": queue_throughput}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tidegate", default=os.path.join(ROOT, "build/release/src/app/tidegate"))
    parser.add_argument("--traffic", default=os.path.join(ROOT, "build/bench/bench/gateway_traffic"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    for name, measure in ROWS.items():
        if given.names and name not in given.names:
            continue
        bench = Bench(given)
        try:
            measure(bench)
        finally:
            bench.close()


if __name__ == "__main__":
    main()
