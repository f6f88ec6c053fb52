#!/usr/bin/env python3
"""Builds web/dist from web/src. --check: builds aside and fails if what is committed differs.

The built page is committed, so that `./run` needs no npm; this check keeps it true to its source.
"""
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WEB = os.path.join(ROOT, "web")
BUDGET = 80 * 1024  # gzipped bytes the page may weigh


def gzipped(folder):
    import gzip
    return sum(len(gzip.compress(open(os.path.join(folder, name), "rb").read(), 9)) for name in os.listdir(folder))


def main():
    if not os.path.isdir(os.path.join(WEB, "node_modules", "vite")):
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"], cwd=WEB, check=True)
    subprocess.run(["npx", "tsc", "--noEmit"], cwd=WEB, check=True)
    target = tempfile.mkdtemp() if "--check" in sys.argv else os.path.join(WEB, "dist")
    subprocess.run(["npx", "vite", "build", "--outDir", target, "--emptyOutDir", "--logLevel", "warn"],
                   cwd=WEB, check=True)
    size = gzipped(target)
    print(f"dashboard: {size / 1024:.1f} KiB gzipped of {BUDGET / 1024:.0f}")
    if size > BUDGET:
        sys.exit("the dashboard outgrew its budget")
    if "--check" in sys.argv:
        committed = os.path.join(WEB, "dist")
        names = sorted(os.listdir(target))
        _, differing, missing = filecmp.cmpfiles(target, committed, names, shallow=False)
        shutil.rmtree(target)
        if differing or missing or sorted(os.listdir(committed)) != names:
            sys.exit("web/dist is not what web/src builds: run ./dev web and commit it")


if __name__ == "__main__":
    main()
