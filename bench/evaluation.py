#!/usr/bin/env python3
"""The evaluation: `slo` without any setting beside the bounds and the peers, on traces of a day or more.

    bench/evaluation.py --quick        a single case, into quick.md of --folder
    bench/evaluation.py                all of it, hours; can be stopped and started again
    bench/evaluation.py --sizes S --colds 60,600 --seeds 1     a part of it
    bench/evaluation.py --render       only docs/evaluation.md, from what is there

Two smaller studies go with it: short histories (traces of an hour, and the first day of the long ones, scored from minute ten)
and the forecast switched off on traces without a daily pattern. Every finished part (a case with one policy) is a line of
--parts, the figures behind the page, with a fingerprint of what the program does with that policy: it is played again when that
changed (or with --fresh). First all cases with `slo` and the bounds, then the peers, case by case.
"""
import argparse
import concurrent.futures
import hashlib
import itertools
import json
import os
import subprocess
import sys
import threading
import time

import evaluation_report

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PEERS = ("hpa", "keda", "knative", "ray_serve", "aws_target_tracking", "dynamo", "wva", "aibrix")
TRACES = ("azure_llm_2024_code_week_digitised.rate", "servegen_m_large.rate", "servegen_m_mid.rate",
          "servegen_deepseek_r1.rate", "nasa_http_1995_jul.rate", "twitter_stream_2021_08.rate",
          "nab_aws_elb_request_count.rate", "nab_tweets_AMZN.rate", "nab_tweets_FB.rate")
JUMPS_MOST = "nab_aws_elb_request_count.rate"
NO_DAILY_PATTERN = ("servegen_m_large.rate", JUMPS_MOST)
AN_HOUR = ("azure_llm_2023_conv.requests", "mooncake_conversation.requests", "autothrottle_diurnal.rate", "autothrottle_noisy.rate")
FORECAST_OFF = "forecast_off"
SKIPPED = 77  # the exit status of a test that cannot run
DEFAULTS = "@defaults"  # behind the name of a peer: as it comes, not swept
PEAKS = {"L": 24, "S": 3}
COLD_STARTS = (20, 60, 180, 600)
OBJECTIVES = {"ttft_p99": 0.99, "ttft_p999": 0.999}
DURATION_MOST = "7d"
KNOW_THE_OBJECTIVE = ("wva",)  # the others do the same whatever percentile is promised
PEER_TICKS = {"knative": "2s"}  # how often a peer looks; the others every 5 s or less often
PEER_TICK = "5s"

CONFIGURATION = """services:
  - name: chat
    slo: {{{objective}: 2s}}
    replicas: {{min: 1, max: 200}}
    pools: [{{name: h100, gpus: 1, startup: {cold}s, capacity: {{slots: 8, service: 4s}}}}]
"""


def cases(options):
    if options.quick:
        for cold in (60,):
            yield case_of(TRACES[0], "S", cold, "ttft_p99", "2d", 1)
        return
    for objective, cold, size, trace in itertools.product(OBJECTIVES, COLD_STARTS, PEAKS, TRACES):
        if size in options.sizes and cold in options.colds and objective in options.objectives:
            yield case_of(trace, size, cold, objective, DURATION_MOST, options.seeds)


def short_cases(options):
    """What is known after minutes: an hour's trace, and the first day of a long one."""
    if options.quick:
        return
    for cold, size, trace in itertools.product(COLD_STARTS, PEAKS, AN_HOUR + TRACES):
        if size in options.sizes and cold in options.colds and "ttft_p99" in options.objectives:
            duration = "1h" if trace in AN_HOUR else "1d"
            yield dict(case_of(trace, size, cold, "ttft_p99", duration, 1), warm_up="10m")


def case_of(trace, size, cold, objective, duration, seeds):
    return {"trace": trace, "size": size, "cold": cold, "objective": objective, "duration": duration, "seeds": seeds}


def key_of(case, policy):
    case = case_played(case, policy)
    return json.dumps([policy] + [case[k] for k in sorted(case)])


class Parts:
    """What was played, in a file that survives an interruption: of each part the last."""

    def __init__(self, path):
        self.path, self.played = path, {}
        if os.path.exists(path):
            for line in open(path):
                if line.endswith("\n"):  # else a write that was cut off
                    part = json.loads(line)
                    self.played[part["key"]] = part
        self.write()

    def write(self):
        with open(self.path + ".new", "w") as file:
            for key in sorted(self.played):
                file.write(json.dumps(self.played[key]) + "\n")
        os.replace(file.name, self.path)

    def add(self, key, program, found):
        self.played[key] = {"key": key, "program": program, "found": found}
        with open(self.path, "a") as file:
            file.write(json.dumps(self.played[key]) + "\n")

    def found(self, key, program):
        part = self.played.get(key)
        return part["found"] if part and part["program"] == program else None


def is_ours(policy):
    return policy in ("slo", FORECAST_OFF)


def case_played(case, policy):
    """Peers have one seed, and most of them do not know the SLO."""
    if is_ours(policy):
        return case
    return dict(case, seeds=1, **({} if policy.removesuffix(DEFAULTS) in KNOW_THE_OBJECTIVE else {"objective": "ttft_p99"}))


def compare(options, case, path, policy, extra):
    command = [options.program, "compare", "--config", path, "--policies", policy, "--peak-replicas",
               str(PEAKS[case["size"]]), "--duration", case["duration"], "--trace",
               os.path.join(options.traces, case["trace"] + ".csv.gz"), "--jobs", "1", "-o", "json", *extra]
    if "warm_up" in case:
        command += ["--warm-up", case["warm_up"]]
    return answer_of(command)


def answer_of(command):
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\nexit {answer.returncode}: {answer.stderr.strip()}")
    return json.loads(answer.stdout)


def figures_of(run):
    return {"attained": round(run["slo_attainment"], 6), "hours": round(run["replica_hours"], 3), "events": run["scale_events"],
            "exposed": run["cold_start_exposed"]}


def configured(options, case):
    path = os.path.join(options.folder, f"{case['cold']}s-{case['objective']}-{case['size']}.yaml")
    with open(path + f".{threading.get_ident()}", "w") as file:
        file.write(CONFIGURATION.format(**case))
    os.replace(file.name, path)
    return path


def play(options, case, policy):
    """What one policy did in a case, with the bounds beside ours."""
    case = case_played(case, policy)
    path = configured(options, case)
    if policy == FORECAST_OFF:
        runs = compare(options, case, path, "{slo: {forecast: false}}", ["--no-bounds", "--seeds", str(case["seeds"])])["runs"]
        return {"runs": [figures_of(run) for run in runs]}
    if not is_ours(policy):
        peer = policy.removesuffix(DEFAULTS)
        sweep = [] if policy.endswith(DEFAULTS) else ["--sweep"]
        theirs = compare(options, case, path, peer, [*sweep, "--no-bounds", "--tick", PEER_TICKS.get(peer, PEER_TICK)])
        return {"runs": [dict(figures_of(run), policy=peer, knobs=run.get("knobs", {})) for run in theirs["runs"]]}
    if "warm_up" in case:
        return {"runs": [figures_of(run) for run in compare(options, case, path, "slo", ["--no-bounds"])["runs"]]}
    ours = compare(options, case, path, "slo", ["--seeds", str(case["seeds"])])
    return {"requests": ours["runs"][0]["requests"], "clairvoyant": figures_of(ours["clairvoyant"]),
            "rate_oracle": figures_of(ours["rate_oracle"]), "clairvoyant_met": ours["clairvoyant"]["meets_attainment"],
            "runs": [dict(figures_of(run), relative=relative and round(relative, 4))
                     for run in ours["runs"] for relative in [run["relative_to_clairvoyant"]]]}


def fingerprint(options, policy):
    """What the program does now, told by two days of made-up traffic: the decisions, and for `slo` the bounds. Ours is told by a
    quiet and by a bursty one, and by the trace that jumps most: what it does about surges does not show on the quiet one, nor
    what it learned of them within two days."""
    path = configured(options, case_of("made up", "S", 60, "ttft_p99", "2d", 1))
    told = told_by(options, path, policy, "--generate", "diurnal:rate=3,swing=0.6", "--duration", "2d")
    if is_ours(policy):
        told += told_by(options, path, policy, "--generate", "mmpp:rate=2,high=12", "--duration", "2d")
        strict = configured(options, case_of("jumps", "S", 20, "ttft_p999", "2d", 1))
        told += told_by(options, strict, policy, "--trace", os.path.join(options.traces, f"{JUMPS_MOST}.csv.gz"), "--peak-replicas",
                        str(PEAKS["S"]), "--duration", DURATION_MOST)
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]


def told_by(options, path, policy, *traffic):
    bounds = [] if policy == "slo" else ["--no-bounds"]
    named = "{slo: {forecast: false}}" if policy == FORECAST_OFF else policy.removesuffix(DEFAULTS)
    found = answer_of([options.program, "compare", "--config", path, "--policies", named, "--jobs", "1", "-o", "json",
                       "--warm-up", "0s", *traffic, *bounds])
    return [found["runs"][0]["digest"]] + [found[bound]["replica_hours"] for bound in ("clairvoyant", "rate_oracle")
                                           if found.get(bound)]


def timed(*part):
    begun = time.time()
    return play(*part), time.time() - begun


def parts_of(options, wanted, short, peers):
    """In the order in which they are played: ours first, then the peers, case by case."""
    if not options.peers_only:
        if "long" in options.studies:
            yield from ((case, "slo") for case in wanted)
        if "forecast" in options.studies and not options.quick:
            yield from ((case, FORECAST_OFF) for case in wanted if case["trace"] in NO_DAILY_PATTERN)
        if "short" in options.studies:
            yield from ((case, "slo") for case in short)
    if "long" in options.studies:
        yield from ((case, peer) for case in wanted for peer in peers)
    if "defaults" in options.studies:
        yield from ((case, peer + DEFAULTS) for case in wanted for peer in peers)
    if "short" in options.studies:
        yield from ((case, peer) for case in short for peer in peers)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a single case")
    parser.add_argument("--render", action="store_true", help="play nothing")
    parser.add_argument("--fresh", action="store_true", help="play cases again that are there")
    parser.add_argument("--program", default=os.path.join(ROOT, "build", "tidegate"))
    parser.add_argument("--traces", default=os.environ.get("TIDEGATE_TRACES", os.path.join(ROOT, "..", "shared", "traces")))
    words = lambda text: text.split(",")
    parser.add_argument("--sizes", type=words, default=list(PEAKS), help="of L,S")
    parser.add_argument("--colds", type=lambda text: [int(word) for word in text.split(",")], default=list(COLD_STARTS),
                        help="cold starts, of 20,60,180,600")
    parser.add_argument("--objectives", type=words, default=list(OBJECTIVES), help="of ttft_p99,ttft_p999")
    parser.add_argument("--seeds", type=int, default=3, help="of `slo`; the peers have one")
    parser.add_argument("--peers", default=",".join(PEERS), help="with commas between them")
    parser.add_argument("--studies", type=words, default=["long", "defaults", "forecast", "short"],
                        help="of long,defaults,forecast,short")
    parser.add_argument("--peers-only", action="store_true", help="play no `slo`: its sources alone do not make peers stale")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--folder", default=os.path.join(ROOT, "build", "evaluation"), help="of the configurations played")
    parser.add_argument("--parts", default=os.path.join(ROOT, "docs", "evaluation.jsonl"), help="the finished ones")
    parser.add_argument("--out", default=os.path.join(ROOT, "docs", "evaluation.md"))
    options = parser.parse_args()
    if not os.path.isdir(options.traces):
        print(f"there is no folder {options.traces}; name the one with the traces with --traces", file=sys.stderr)
        sys.exit(SKIPPED if options.quick else 1)
    if options.quick:
        options.out = os.path.join(options.folder, "quick.md")
        options.parts = os.path.join(options.folder, "quick.jsonl")
    os.makedirs(options.folder, exist_ok=True)
    done = Parts(options.parts)
    wanted, short = list(cases(options)), list(short_cases(options))
    peers = ["hpa"] if options.quick else [peer for peer in options.peers.split(",") if peer]
    parts = list(parts_of(options, wanted, short, peers))
    told = {policy.removesuffix(DEFAULTS) for _, policy in parts} | {"slo", FORECAST_OFF, *peers}
    program = {policy: fingerprint(options, policy) for policy in sorted(told)}
    found_of = lambda case, policy: done.found(key_of(case, policy), program[policy.removesuffix(DEFAULTS)])
    parts = [part for part in {key_of(*part): part for part in parts}.values()
             if not options.render and (options.fresh or found_of(*part) is None)]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        playing = {pool.submit(timed, options, *part): part for part in parts}
        try:
            for number, future in enumerate(concurrent.futures.as_completed(playing), 1):
                case, policy = playing[future]
                found, seconds = future.result()
                done.add(key_of(case, policy), program[policy.removesuffix(DEFAULTS)], found)
                best = min(found["runs"], key=lambda run: run["hours"])
                print(f"{number} of {len(parts)}: {case['trace']} {case['size']} {case['cold']} s {case['objective']}: "
                      f"{policy} {best['hours']:.1f} h at {100 * best['attained']:.2f} %, {seconds:.0f} s", file=sys.stderr)
        except BaseException:  # Ctrl-C, or a part that failed: what is finished is kept
            pool.shutdown(cancel_futures=True)
            raise
    done.write()
    rows, short_rows = ([row for case in some if (row := evaluation_report.row_of(
        case, lambda policy: found_of(case, policy), peers))] for some in (wanted, short))
    if not rows:
        sys.exit("nothing was played yet with this program")
    with open(options.out, "w") as file:
        cases_all = len(TRACES) * len(PEAKS) * len(COLD_STARTS) * len(OBJECTIVES)
        file.write(evaluation_report.render(rows, short_rows, cases_all, options.quick))
    print(f"{len(rows)} of {len(wanted)} cases are in {os.path.relpath(options.out)}", file=sys.stderr)


if __name__ == "__main__":
    main()
