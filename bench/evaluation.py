#!/usr/bin/env python3
"""The evaluation: `slo` without any setting beside the bounds and the peers, on traces of a day or more.

    bench/evaluation.py --quick        a subset of a minute, into build/evaluation/quick.md
    bench/evaluation.py                all of it, hours; can be stopped and started again
    bench/evaluation.py --sizes S --colds 60,600 --seeds 1     a part of it
    bench/evaluation.py --render       only docs/evaluation.md, from what is there

Every finished part (a case with one policy) is a line of build/evaluation/parts.jsonl, with a hash of the sources that decide
and simulate; it is played again when they changed (or with --fresh). docs/evaluation.md is made from the lines of one hash.
First all cases with `slo` and the bounds, then the peers, case by case.
"""
import argparse
import concurrent.futures
import glob
import hashlib
import itertools
import json
import math
import os
import re
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PEERS = ("hpa", "keda", "knative", "ray_serve", "aws_target_tracking", "dynamo", "wva", "aibrix")
TRACES = ("azure_llm_2024_code_week_digitised.rate", "servegen_m_large.rate", "servegen_m_mid.rate",
          "servegen_deepseek_r1.rate", "nasa_http_1995_jul.rate", "twitter_stream_2021_08.rate",
          "nab_aws_elb_request_count.rate", "nab_tweets_AMZN.rate", "nab_tweets_FB.rate")
PEAKS = {"L": 24, "S": 3}
COLD_STARTS = (20, 60, 180, 600)
OBJECTIVES = {"ttft_p99": 0.99, "ttft_p999": 0.999}
DURATION_MOST = "7d"
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
        for cold in (60, 600):
            yield case_of(TRACES[0], "S", cold, "ttft_p99", "3d", 1)
        return
    for objective, cold, size, trace in itertools.product(OBJECTIVES, COLD_STARTS, PEAKS, TRACES):
        if size in options.sizes and cold in options.colds and objective in options.objectives:
            yield case_of(trace, size, cold, objective, DURATION_MOST, options.seeds)


def case_of(trace, size, cold, objective, duration, seeds):
    return {"trace": trace, "size": size, "cold": cold, "objective": objective, "duration": duration, "seeds": seeds}


def key_of(case, policy, program):
    return json.dumps([program, policy] + [case[k] for k in sorted(case)])


def compare(options, case, path, policy, extra):
    command = [options.program, "compare", "--config", path, "--policies", policy, "--peak-replicas",
               str(PEAKS[case["size"]]), "--duration", case["duration"], "--trace",
               os.path.join(options.traces, case["trace"] + ".csv.gz"), "--jobs", "1", "-o", "json", *extra]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\nexit {answer.returncode}: {answer.stderr.strip()}")
    return json.loads(answer.stdout)


def figures_of(run):
    return {"attained": run["slo_attainment"], "hours": run["replica_hours"], "events": run["scale_events"],
            "exposed": run["cold_start_exposed"], "wall": run["wall_seconds"]}


def play(options, case, policy):
    """What one policy did in a case, with the bounds beside ours."""
    path = os.path.join(ROOT, "build", "evaluation", f"{case['cold']}s-{case['objective']}-{case['size']}.yaml")
    with open(path + f".{threading.get_ident()}", "w") as file:
        file.write(CONFIGURATION.format(**case))
    os.replace(file.name, path)
    if policy != "slo":
        theirs = compare(options, case, path, policy, ["--sweep", "--no-bounds", "--tick", PEER_TICKS.get(policy, PEER_TICK)])
        cost = theirs["policies"][0]
        return {"runs": [dict(figures_of(run), policy=policy, knobs=run.get("knobs", {})) for run in theirs["runs"]],
                "hours": cost["replica_hours"], "reach": cost["reach"]}
    ours = compare(options, case, path, "slo", ["--seeds", str(case["seeds"])])
    return {"requests": ours["runs"][0]["requests"], "clairvoyant": figures_of(ours["clairvoyant"]),
            "rate_oracle": figures_of(ours["rate_oracle"]), "clairvoyant_met": ours["clairvoyant"]["meets_attainment"],
            "runs": [dict(figures_of(run), relative=run["relative_to_clairvoyant"]) for run in ours["runs"]]}


def hash_of_sources():
    """Of what decides and simulates; tests and benchmarks aside."""
    found = hashlib.sha256()
    for room in ("core", "lab"):
        for path in sorted(glob.glob(os.path.join(ROOT, "src", room, "*", "**", "*.[ch]*"), recursive=True)):
            if not re.search(r"_(test|bench|fuzz)\.cc$", path):
                found.update(open(path, "rb").read())
    return found.hexdigest()


def timed(*part):
    begun = time.time()
    return play(*part), time.time() - begun


def row_of(case, done, peers, program):
    """All that is known of a case, or None while `slo` was not played."""
    ours = done.get(key_of(case, "slo", program))
    if ours is None:
        return None
    row = dict(ours, case=case, slo=ours["runs"], peers=[], peer_costs={})
    for peer in peers:
        theirs = done.get(key_of(case, peer, program))
        if theirs:
            row["peers"] += theirs["runs"]
            row["peer_costs"][peer] = {"hours": theirs["hours"], "reach": theirs["reach"]}
    return row


def mean(values):
    values = list(values)
    return math.exp(sum(math.log(v) for v in values) / len(values)) if values else float("nan")


def asked(row):
    return OBJECTIVES[row["case"]["objective"]]


def our_hours(row):
    return sum(run["hours"] for run in row["slo"]) / len(row["slo"])


def our_attained(row):
    return sum(run["attained"] for run in row["slo"]) / len(row["slo"])


def best_tuned(row):
    """The cheapest peer at equal attainment, tuned in hindsight on this very trace: (name, hours) or None."""
    able = [(cost["hours"], name) for name, cost in row.get("peer_costs", {}).items() if cost["reach"] != "above"]
    return min(able, default=None)


def ratio_text(value):
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def single_settings(rows):
    """Each setting of a peer kept for all cases: (policy, knobs) -> {case index: run}."""
    settings = {}
    for i, row in enumerate(rows):
        for run in row.get("peers", []):
            settings.setdefault((run["policy"], json.dumps(run["knobs"], sort_keys=True)), {})[i] = run
    return settings


def goals(rows):
    runs = [(row, run) for row in rows for run in row["slo"]]
    met = [run["attained"] >= asked(row) for row, run in runs]
    lines = [("runs of `slo` that met the SLO", "≥ 95 %", f"{sum(met)} of {len(met)} ({100 * sum(met) / len(met):.1f} %)")]
    for most, goal_c, goal_o in ((60, "≤ 1.15", "≤ 1.05"), (600, "≤ 1.20", "≤ 1.12")):
        some = [row for row in rows if asked(row) == 0.99 and (row["case"]["cold"] <= 60 if most == 60 else row["case"]["cold"] == 600)]
        label = "≤ 60 s" if most == 60 else "600 s"
        relative = mean(run["relative"] for row in some for run in row["slo"] if run["relative"])
        oracle = mean(our_hours(row) / row["rate_oracle"]["hours"] for row in some)
        lines.append((f"× clairvoyant, cold starts {label}, 99 %, geometric mean", goal_c, ratio_text(relative)))
        lines.append((f"× rate oracle, cold starts {label}, 99 %, geometric mean", goal_o, ratio_text(oracle)))
    for label, goal, chosen in (("≤ 60 s", "≤ 0.95", lambda c: c <= 60), ("600 s", "≤ 0.90", lambda c: c == 600)):
        ratios = [our_hours(row) / best_tuned(row)[0] for row in rows if chosen(row["case"]["cold"]) and best_tuned(row)]
        lines.append((f"× the best peer tuned in hindsight, {label}, geometric mean", goal, ratio_text(mean(ratios))))
        if ratios:
            lines.append((f"… worst case, {label}", "≤ 1.05", ratio_text(max(ratios))))
    against = [row for row in rows if row["peers"]]
    ours_met = sum(our_attained(row) >= asked(row) for row in against)
    single = []
    for (policy, knobs), played in single_settings(against).items():
        if len(played) < len(against) or sum(run["attained"] >= asked(against[i]) for i, run in played.items()) < ours_met:
            continue
        single.append((mean(our_hours(against[i]) / run["hours"] for i, run in played.items()), policy, knobs))
    worst = max(single, default=None)
    lines.append(("× any one peer setting kept for all cases that meets the SLO as often", "≤ 0.80",
                  f"{worst[0]:.3f} ({worst[1]} {worst[2]})" if worst else f"no setting does ({ours_met} of {len(against)})"))
    return lines


def render(rows, program, quick):
    out = ["# Evaluation", "",
           "Made by `bench/evaluation.py`" + (" --quick" if quick else "") + "; do not edit. "
           "`slo` has no setting but its SLO. Replica-hours are billed from request to gone.", "",
           f"Sources `{program[:12]}`, {len(rows)} cases of {len(TRACES) * len(PEAKS) * len(COLD_STARTS) * len(OBJECTIVES)}"
           f", {rows[0]['case']['seeds']} seed(s), at most {rows[0]['case']['duration']} of a trace. Service: 8 slots, 4 s in service at full slots, "
           "TTFT ≤ 2 s. L and S: the busiest 10 minutes need 24 and 3 replicas. The first day of traces of two days or "
           "more is not scored. Several seeds: means. Peers: " + (", ".join(sorted({p for row in rows for p in row["peer_costs"]})) or "not played")
           + f", in {sum(bool(row['peers']) for row in rows)} cases.", "", "## Goals", "", "| goal | asked | found |", "|---|---|---|"]
    out += [f"| {name} | {goal} | {found} |" for name, goal, found in goals(rows)]
    out += ["", "## All cases", "", "Hours at attainment. Relative: at the attainment that `slo` had. A missed SLO is "
            "marked ✗.", "",
            "| trace | size | cold | SLO | clairvoyant | rate oracle | slo | × clairvoyant | best tuned peer | slo × peer |",
            "|---|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        case, best = row["case"], best_tuned(row)
        relative = mean(run["relative"] for run in row["slo"] if run["relative"])
        missed = "" if our_attained(row) >= asked(row) else " ✗"
        out.append(f"| {case['trace'].removesuffix('.rate')} | {case['size']} | {case['cold']} s | {100 * asked(row):g} % "
                   f"| {row['clairvoyant']['hours']:.1f}{'' if row['clairvoyant_met'] else ' ✗'} "
                   f"| {row['rate_oracle']['hours']:.1f} "
                   f"| {our_hours(row):.1f} @ {100 * our_attained(row):.2f}{missed} | {ratio_text(relative)} "
                   f"| {f'{best[0]:.1f} ({best[1]})' if best else 'none met it' if row['peers'] else '–'} "
                   f"| {ratio_text(our_hours(row) / best[0] if best else None)} |")
    settings = single_settings(rows)
    if settings:
        out += ["", "## Each peer setting over all cases", "", "| peer | setting | met the SLO | slo / peer, where the peer met it |",
                "|---|---|---|---|"]
        for (policy, knobs), played in sorted(settings.items()):
            met = {i: run for i, run in played.items() if run["attained"] >= asked(rows[i])}
            text = ", ".join(f"{k} {v}" for k, v in json.loads(knobs).items())
            out.append(f"| {policy} | {text} | {len(met)} of {len(played)} "
                       f"| {ratio_text(mean(our_hours(rows[i]) / run['hours'] for i, run in met.items()))} |")
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a subset of a few minutes")
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
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--out", default=os.path.join(ROOT, "docs", "evaluation.md"))
    options = parser.parse_args()
    if not os.path.isdir(options.traces):
        sys.exit(f"there is no folder {options.traces}; name the one with the traces with --traces")
    if options.quick:
        options.out = os.path.join(ROOT, "build", "evaluation", "quick.md")
    program = hash_of_sources()
    folder = os.path.join(ROOT, "build", "evaluation")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "parts.jsonl")
    done = {}
    if os.path.exists(path) and not options.fresh:
        for line in open(path):
            part = json.loads(line)
            done[key_of(part["case"], part["policy"], part["program"])] = part["found"]
    wanted = list(cases(options))
    peers = ["hpa"] if options.quick else [peer for peer in options.peers.split(",") if peer]
    parts = [(case, "slo") for case in wanted] + [(case, peer) for case in wanted for peer in peers]
    parts = [part for part in parts if not options.render and key_of(*part, program) not in done]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        playing = {pool.submit(timed, options, *part): part for part in parts}
        try:
            for number, future in enumerate(concurrent.futures.as_completed(playing), 1):
                case, policy = playing[future]
                found, seconds = future.result()
                done[key_of(case, policy, program)] = found
                with open(path, "a") as file:
                    file.write(json.dumps({"case": case, "policy": policy, "program": program, "found": found}) + "\n")
                best = min(found["runs"], key=lambda run: run["hours"])
                print(f"{number} of {len(parts)}: {case['trace']} {case['size']} {case['cold']} s {case['objective']}: "
                      f"{policy} {best['hours']:.1f} h at {100 * best['attained']:.2f} %, {seconds:.0f} s", file=sys.stderr)
        except BaseException:  # Ctrl-C, or a part that failed: what is finished is kept
            pool.shutdown(cancel_futures=True)
            raise
    rows = [row for row in (row_of(case, done, peers, program) for case in wanted) if row]
    if not rows:
        sys.exit("nothing was played yet with this program")
    with open(options.out, "w") as file:
        file.write(render(rows, program, options.quick))
    print(f"{len(rows)} of {len(wanted)} cases are in {os.path.relpath(options.out)}", file=sys.stderr)


if __name__ == "__main__":
    main()
