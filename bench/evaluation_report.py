"""The page that bench/evaluation.py writes: what was asked, what was found, every case, every setting of a peer."""
import json
import math


def row_of(case, played, peers):
    """All that is known of a case, or None while `slo` was not played; `played(policy)` answers a finished part or None."""
    ours = played("slo")
    if ours is None:
        return None
    row = dict(ours, case=case, slo=ours["runs"], peers=[], defaults={}, forecast_off=played("forecast_off"))
    for peer in peers:
        if theirs := played(peer):
            row["peers"] += theirs["runs"]
        if theirs := played(peer + "@defaults"):
            row["defaults"][peer] = theirs["runs"][0]
    row["peer_costs"] = costs_at(row, our_attained(row))
    return row


def cost_at(runs, attained):
    """Replica-hours at an attainment, read off the frontier of runs (lab/sweep/frontier.h); None where no run attained as much."""
    height = lambda share: -math.log10(max(1 - share, 1e-6))
    best = []
    for run in sorted(runs, key=lambda run: (run["hours"], -run["attained"])):
        if not best or run["attained"] > best[-1]["attained"]:
            best.append(run)
    above = next((i for i, run in enumerate(best) if run["attained"] >= attained), None)
    if above is None or above == 0:
        return None if above is None else best[0]["hours"]
    low, high = best[above - 1], best[above]
    part = (height(attained) - height(low["attained"])) / (height(high["attained"]) - height(low["attained"]))
    return low["hours"] + part * (high["hours"] - low["hours"])


def mean(values):
    values = list(values)
    return math.exp(sum(math.log(v) for v in values) / len(values)) if values else float("nan")


def asked(row):
    return {"ttft_p99": 0.99, "ttft_p999": 0.999}[row["case"]["objective"]]


def our_hours(row):
    return sum(run["hours"] for run in row["slo"]) / len(row["slo"])


def our_attained(row):
    return sum(run["attained"] for run in row["slo"]) / len(row["slo"])


def best_tuned(row):
    """The cheapest peer at equal attainment, tuned in hindsight on this very trace: (name, hours) or None."""
    return min(((hours, name) for name, hours in row["peer_costs"].items()), default=None)


def costs_at(row, attained):
    """Of each peer the hours at an attainment, where any of its runs attained as much."""
    by_peer = {}
    for run in row["peers"]:
        by_peer.setdefault(run["policy"], []).append(run)
    return {peer: cost for peer, runs in by_peer.items() if (cost := cost_at(runs, attained)) is not None}


def best_beside_oracle(row):
    """As best_tuned, in hours, at the attainment of the rate oracle."""
    return min(costs_at(row, row["rate_oracle"]["attained"]).values(), default=None)


# The two traces whose rate jumps by itself again and again; what they cost hides all else in a mean.
JUMPING = ("twitter_stream_2021_08.rate", "nab_aws_elb_request_count.rate")
GROUPS = (("≤ 60 s", lambda row: row["case"]["cold"] <= 60),
          ("≤ 60 s, without the two traces that jump", lambda row: row["case"]["cold"] <= 60 and row["case"]["trace"] not in JUMPING),
          ("600 s", lambda row: row["case"]["cold"] == 600),
          ("600 s, without the two traces that jump", lambda row: row["case"]["cold"] == 600 and row["case"]["trace"] not in JUMPING))


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
    single = []
    # On the cases that a setting was played in, so that one not played to the end is not left out.
    for (policy, knobs), played in single_settings(against).items():
        ours_met = sum(our_attained(against[i]) >= asked(against[i]) for i in played)
        if len(played) < len(against) / 2 or sum(run["attained"] >= asked(against[i]) for i, run in played.items()) < ours_met:
            continue
        single.append((mean(our_hours(against[i]) / run["hours"] for i, run in played.items()), policy, knobs))
    single = [one for one in single if not math.isnan(one[0])]
    worst = max(single, default=None)
    lines.append(("× any one peer setting kept for all cases that meets the SLO as often", "≤ 0.80",
                  f"{worst[0]:.3f} ({worst[1]} {worst[2]})" if worst else "no setting does"))
    defaults = [our_hours(row) / run["hours"] for row in rows for run in row["defaults"].values() if run["attained"] >= asked(row)]
    lines.append((f"× each peer's defaults, where they meet the SLO ({len(defaults)} of {sum(len(row['defaults']) for row in rows)})",
                  "≤ 0.85", ratio_text(mean(defaults))))
    switched = [row for row in rows if row["forecast_off"]]
    if switched:
        ratios = [our_hours(row) / mean(run["hours"] for run in row["forecast_off"]["runs"]) for row in switched]
        by_luck = max(max(run["hours"] for run in row["slo"]) / min(run["hours"] for run in row["slo"]) for row in switched)
        lines.append((f"hours with the forecast over those without, where no day is like another ({len(switched)} cases), worst",
                      "≤ 1.03", f"{max(ratios):.3f} (mean {mean(ratios):.3f}; one seed over another of the same case: up to {by_luck:.3f})"))
    return lines


def reach(rows):
    """How near any peer comes to the bound: where the best one stands at it, nobody can be 5 % below."""
    near = [(best_tuned(row)[0] / row["at_bound"], row) for row in rows if best_tuned(row) and row.get("at_bound")]
    if not near:
        return []
    at_it = sum(ratio < 1.05 for ratio, _ in near)
    out = ["", f"In {at_it} of {len(near)} cases the best tuned peer is itself within 5 % of the clairvoyant at the same attainment, so "
           "0.95 of it is below what is possible; over all cases it costs "
           f"{mean(ratio for ratio, _ in near):.3f} × the clairvoyant (geometric mean)."]
    return out + ["", "What knowing the future would bring against the best tuned peer at the same attainment. The rate oracle knows the "
                  "rate ahead and one safety margin for the whole trace, the clairvoyant every request.", "",
                  "| cold starts | cases | rate oracle × peer | clairvoyant × peer | slo × peer |", "|---|---|---|---|---|"] + [
        f"| {label} | {len(some)} | {ratio_text(mean(row['rate_oracle']['hours'] / best_beside_oracle(row) for row in some))} "
        f"| {ratio_text(mean(row['at_bound'] / best_tuned(row)[0] for row in some))} "
        f"| {ratio_text(mean(our_hours(row) / best_tuned(row)[0] for row in some))} |"
        for label, chosen in GROUPS
        for some in [[row for _, row in near if chosen(row) and best_beside_oracle(row)]] if some]


def cheapest_that_met(row):
    """The least hours with which any setting of any peer kept the promise of the case: (hours, peer) or None."""
    return min(((run["hours"], run["policy"]) for run in row["peers"] if run["attained"] >= asked(row)), default=None)


def render_missed(rows):
    """Beside each promise that `slo` did not keep the cheapest setting that did, chosen in hindsight."""
    missed = [row for row in rows if our_attained(row) < asked(row)]
    if not missed:
        return []
    out = ["", "## Where the SLO was missed", "", "Beside it the cheapest of the settings played of the peers that kept the promise, chosen "
           "in hindsight, over the rate oracle at our attainment.", "",
           "| trace | size | cold | SLO | slo | cheapest peer that met it | × rate oracle |", "|---|---|---|---|---|---|---|"]
    for row in missed:
        case, best = row["case"], cheapest_that_met(row)
        theirs = f"{best[0]:.1f} ({best[1]})" if best else f"none of {len(row['peers'])} settings" if row["peers"] else "–"
        out.append(f"| {case['trace'].removesuffix('.rate')} | {case['size']} | {case['cold']} s | {100 * asked(row):g} % "
                   f"| {our_hours(row):.1f} @ {100 * our_attained(row):.2f} | {theirs} "
                   f"| {ratio_text(best[0] / row['rate_oracle']['hours'] if best else None)} |")
    return out


def short_goals(rows):
    met = sum(our_attained(row) >= asked(row) for row in rows)
    ratios = [our_hours(row) / best_tuned(row)[0] for row in rows if best_tuned(row)]
    return [("runs that met the SLO", "≥ 90 %", f"{met} of {len(rows)} ({100 * met / len(rows):.1f} %)"),
            (f"× the best tuned peer ({len(ratios)} cases), geometric mean", "≤ 1.25", ratio_text(mean(ratios))),
            ("… worst case", "", ratio_text(max(ratios, default=None)))]


def table_of_goals(lines):
    return ["", "| goal | asked | found |", "|---|---|---|"] + [f"| {name} | {goal} | {found} |" for name, goal, found in lines]


def render_short(rows):
    out = ["", "## Short history", "", "Traces of an hour and the first day of the long ones, scored from minute ten; 99 %."]
    out += table_of_goals(short_goals(rows))
    out += ["", "| trace | size | cold | slo | best tuned peer | slo × peer |", "|---|---|---|---|---|---|"]
    for row in rows:
        case, best = row["case"], best_tuned(row)
        missed = "" if our_attained(row) >= asked(row) else " ✗"
        out.append(f"| {case['trace'].rsplit('.', 1)[0]} ({case['duration']}) | {case['size']} | {case['cold']} s "
                   f"| {our_hours(row):.1f} @ {100 * our_attained(row):.2f}{missed} "
                   f"| {f'{best[0]:.1f} ({best[1]})' if best else 'none met it' if row['peers'] else '–'} "
                   f"| {ratio_text(our_hours(row) / best[0] if best else None)} |")
    return out


def render(rows, short_rows, cases_all, quick):
    for row in rows:
        relative = [run["relative"] for run in row["slo"] if run["relative"]]
        row["at_bound"] = our_hours(row) / mean(relative) if relative else None
    out = ["# Evaluation", "",
           "Made by `bench/evaluation.py`" + (" --quick" if quick else "") + "; do not edit. "
           "`slo` has no setting but its SLO. Replica-hours are billed from request to gone.", "",
           f"{len(rows)} cases of {cases_all}"
           f", {rows[0]['case']['seeds']} seed(s), at most {rows[0]['case']['duration']} of a trace. Service: 8 slots, 4 s in service at full slots, "
           "TTFT ≤ 2 s. L and S: the busiest 10 minutes need 24 and 3 replicas. The first day of traces of two days or "
           "more is not scored. Several seeds: means. Peers: " + (", ".join(sorted({p for row in rows for p in row["peer_costs"]})) or "not played")
           + f", in {sum(bool(row['peers']) for row in rows)} cases.", "", "## Goals"]
    out += table_of_goals(goals(rows)) + reach(rows)
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
    out += render_missed(rows)
    settings = single_settings(rows)
    if settings:
        out += ["", "## Each peer setting over all cases", "", "| peer | setting | met the SLO | slo / peer, where the peer met it |",
                "|---|---|---|---|"]
        for (policy, knobs), played in sorted(settings.items()):
            met = {i: run for i, run in played.items() if run["attained"] >= asked(rows[i])}
            text = ", ".join(f"{k} {v}" for k, v in json.loads(knobs).items())
            out.append(f"| {policy} | {text} | {len(met)} of {len(played)} "
                       f"| {ratio_text(mean(our_hours(rows[i]) / run['hours'] for i, run in met.items()))} |")
    if short_rows:
        out += render_short(short_rows)
    return "\n".join(out) + "\n"
