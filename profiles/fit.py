#!/usr/bin/env python3
"""Fits alpha, beta and gamma to measured latencies and prints rows for profiles.csv.

    fit.py gpu_profiles.csv

The file holds published measurements, one a row: kind, model, accelerator, tp, precision, engine, engine_version, isl,
osl, batch_or_concurrency, req_per_s, itl_ms, source. Rows of one configuration (all but the lengths and the load) are
fitted together: least absolute relative error of

    ITL = alpha + c * (beta * (I + O) / (O + 1) + gamma * (I + O / 2))

with alpha, beta, gamma >= 0 and c, the requests in a closed loop, bounded by what the KV cache holds. Only dense models
measured under a mix of prefill and decode: what a static batch shows says nothing of prefill. Standard library only.
"""
import collections
import csv
import itertools
import sys

MEMORY_GB = {"h100": 85.5, "h200": 150.7, "b200": 192.3}
RESERVED_GB = 3  # per GPU: activations, graphs, buffers
GPU_NAMES = {"h100": "H100-SXM-80GB", "h200": "H200-SXM-141GB", "b200": "B200-SXM-180GB"}
# name: (layers * 2 * KV heads * head size, weights in GB by precision, full name)
MODELS = {
    "llama-3.1-8b": (32 * 2 * 8 * 128, {"bf16": 16.1, "fp8": 9.1}, "meta-llama/Llama-3.1-8B-Instruct"),
    "llama-3.1-70b": (80 * 2 * 8 * 128, {"fp8": 72.7, "fp4": 42.5}, "meta-llama/Llama-3.1-70B-Instruct"),
    "qwen3-32b": (64 * 2 * 8 * 128, {"bf16": 65.5, "fp8": 34.2}, "Qwen/Qwen3-32B"),
}
ROWS_MIN = 9


def name_of(model):
    for known in MODELS:
        if known.replace("-", "") in model.lower().replace("-", "").replace("_", ""):
            return known
    return None


def kv_tokens(model, gpu, gpus, precision, kv_bytes):
    per_token, weights, _ = MODELS[model]
    free = 0.9 * MEMORY_GB[gpu] * gpus - weights[precision] - RESERVED_GB * gpus
    return int(free * 1e9 / (per_token * kv_bytes) // 1000 * 1000)


def load(path):
    """Configuration -> [(c, I, O, itl)]."""
    found = collections.defaultdict(list)
    for row in csv.DictReader(open(path)):
        model = name_of(row["model"])
        gpu = row["accelerator"].split("_")[0]
        if row["kind"] != "measured" or not model or "silicon_sample" not in row["source"] or gpu not in MEMORY_GB:
            continue
        try:
            point = tuple(float(row[k]) for k in ("batch_or_concurrency", "isl", "osl", "itl_ms"))
        except ValueError:
            continue
        precision = row["precision"] if row["precision"] in ("fp8", "fp4") else "bf16"
        found[(model, gpu, int(row["tp"]), precision, row["engine"], row["engine_version"] or "-")].append(point)
    return found


def features(point, kv):
    c, i, o, _ = point
    c = min(c, max(1.0, kv / (i + o / 2)))
    return [1.0, c * (i + o) / (o + 1), c * (i + o / 2)]


def solve(a, b):
    n = len(a)
    m = [row[:] + [b[k]] for k, row in enumerate(a)]
    for i in range(n):
        p = max(range(i, n), key=lambda k: abs(m[k][i]))
        m[i], m[p] = m[p], m[i]
        if abs(m[i][i]) < 1e-300:
            return None
        for k in range(n):
            if k != i:
                f = m[k][i] / m[i][i]
                for j in range(i, n + 1):
                    m[k][j] -= f * m[i][j]
    return [m[i][n] / m[i][i] for i in range(n)]


def non_negative_least_squares(x, w, y):
    best, size = None, len(x[0])
    for count in range(1, size + 1):
        for subset in itertools.combinations(range(size), count):
            a = [[sum(wi * r[p] * r[q] for r, wi in zip(x, w)) for q in subset] for p in subset]
            b = [sum(wi * r[p] * yi for r, wi, yi in zip(x, w, y)) for p in subset]
            part = solve(a, b)
            if part is None or min(part) < 0:
                continue
            full = [0.0] * size
            for p, value in zip(subset, part):
                full[p] = value
            error = sum(wi * (sum(f * v for f, v in zip(full, r)) - yi) ** 2 for r, wi, yi in zip(x, w, y))
            if best is None or error < best[0]:
                best = (error, full)
    return best[1]


def fit(points, kv):
    """Iteratively reweighted: the least absolute relative error."""
    x = [features(p, kv) for p in points]
    y = [p[3] for p in points]
    w = [1 / v ** 2 for v in y]
    for _ in range(40):
        found = non_negative_least_squares(x, w, y)
        off = [abs(sum(f * v for f, v in zip(found, r)) - yi) / yi for r, yi in zip(x, y)]
        w = [1 / (yi * yi * max(o, 0.004)) for yi, o in zip(y, off)]
    return found, sum(off) / len(off)


def main():
    total = count = 0
    for key, points in sorted(load(sys.argv[1]).items()):
        model, gpu, gpus, precision, engine, version = key
        if len(points) < ROWS_MIN:
            continue
        kv = kv_tokens(model, gpu, gpus, precision, 1 if precision in ("fp8", "fp4") else 2)
        (alpha, beta, gamma), error = fit(points, kv)
        if beta <= 0 or gamma <= 0:
            print(f"left out, not of this shape: {key}", file=sys.stderr)
            continue
        total, count = total + error * len(points), count + len(points)
        parts = [model] + ([precision] if precision in ("fp8", "fp4") else []) + [f"{gpu}x{gpus}" if gpus > 1 else gpu]
        parts += [] if engine == "vllm" else [engine]
        running_max = 256 if max(p[0] for p in points) <= 256 else 1024
        print(f"{'-'.join(parts)},{MODELS[model][2]},{GPU_NAMES[gpu]},{gpus},{precision},{engine},{version},{alpha:.4g},"
              f"{beta:.4g},{gamma:.4g},{kv},{running_max},8192,{MODELS[model][1][precision]},measured,aiconfigurator")
    print(f"mean error {total / count:.4f} of {count} rows", file=sys.stderr)


if __name__ == "__main__":
    main()
