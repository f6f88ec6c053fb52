#!/usr/bin/env python3
"""Runs the tests against a real control plane: tests/kubernetes/run.py [--built-only] [--results FILE] [NAME...]

NAME is a file or a test: test_control_plane, test_control_plane.Workloads. Without a name, all of them. What is missing
is built first (programs.py); with --built-only nothing is built, and without what was built everything is skipped."""
import argparse
import glob
import json
import os
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import programs


class Recorder(unittest.TextTestResult):
    """Also remembers how each test ended, for the file of results."""

    def __init__(self, *words, **named):
        super().__init__(*words, **named)
        self.cases = []

    def record(self, test, ended, why=""):
        self.cases.append({"name": test.id(), "ended": ended, "why": why})

    def addSuccess(self, test):
        super().addSuccess(test)
        self.record(test, "passed")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.record(test, "failed", str(err[1]))

    def addError(self, test, err):
        super().addError(test, err)
        self.record(test, "failed", repr(err[1]))

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.record(subtest, "failed", str(err[1]))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.record(test, "skipped", reason)

    def count(self, ended):
        return sum(case["ended"] == ended for case in self.cases)


def write_results(path, cases):
    """The cases as GoogleTest writes them, which is what ./dev test counts."""
    suite = [{"name": case["name"], "result": "SKIPPED" if case["ended"] == "skipped" else "COMPLETED",
              **({"failures": [{"failure": case["why"]}]} if case["ended"] == "failed" else {})} for case in cases]
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"testsuites": [{"name": "kubernetes", "testsuite": suite}]}, file)


def run_tests(names):
    names = names or sorted(os.path.basename(path)[:-3] for path in glob.glob(os.path.join(HERE, "test_*.py")))
    import case
    runner = unittest.TextTestRunner(verbosity=2, resultclass=Recorder)
    result = None
    try:
        result = runner.run(unittest.defaultTestLoader.loadTestsFromNames(names))
    finally:
        case.end_shared(keep=result is None or not result.wasSuccessful())
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--built-only", action="store_true", help="build nothing; skip if something is missing")
    parser.add_argument("--results", metavar="FILE", help="where to write how each test ended")
    parser.add_argument("names", nargs="*", metavar="NAME")
    given = parser.parse_args()
    missing = [module for module in programs.PROGRAMS if not programs.is_built(module)]
    if given.built_only and missing:
        print(f"skipped: not built: {', '.join(missing)} (./test kubernetes builds them)")
        write_results(given.results or os.devnull, [{"name": "control plane (./test kubernetes builds it)",
                                                     "ended": "skipped", "why": ""}])
        return 0
    try:
        programs.build()
    except programs.Missing as error:
        print(f"kubernetes: {error}", file=sys.stderr)
        return 1
    begun = time.monotonic()
    result = run_tests(given.names)
    if given.results:
        write_results(given.results, result.cases)
    programs.say(f"tests took {time.monotonic() - begun:.0f} s")
    sys.stderr.flush()
    failed = result.count("failed")
    print(f"{result.count('passed')} passed, {failed} failed, {result.count('skipped')} skipped", flush=True)
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
