# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a module's unittest cases and reports each of them as a line of TAP, which meson counts."""

import signal
import sys
import traceback
import unittest

TEST_TIMEOUT = 300  # seconds for one test, which only one that hangs takes; a test may set its own: self.timeout
stretch = 1.0  # of that, on a slow machine


class TapResult(unittest.TestResult):
    def __init__(self, stream):
        super().__init__()
        self.stream = stream
        self.count = 0
        self.problems = {}

    def say(self, line):
        print(line, file=self.stream, flush=True)

    def diagnose(self, text):
        for line in text.rstrip("\n").splitlines():
            self.say(f"# {line}")

    def report(self, ok, test, note=""):
        self.count += 1
        name = str(test.id() if hasattr(test, "id") else test).replace("__main__.", "").replace("#", "")
        self.say(f"{'ok' if ok else 'not ok'} {self.count} - {name}{note}")

    def problem(self, test, error):
        self.problems.setdefault(test.id(), []).append("".join(traceback.format_exception(*error)))
        if not isinstance(test, unittest.TestCase):  # setUpClass() and its like
            self.finish(test)

    def finish(self, test):
        problems = self.problems.pop(test.id(), [])
        self.report(not problems, test)
        for problem in problems:
            self.diagnose(problem)
        if problems and hasattr(test, "diagnosis"):
            self.diagnose(test.diagnosis())

    def startTest(self, test):
        super().startTest(test)
        signal.alarm(round(getattr(test, "timeout", TEST_TIMEOUT) * stretch))

    def stopTest(self, test):
        signal.alarm(0)
        if test.id() in self.problems:
            self.finish(test)
        super().stopTest(test)

    def addSuccess(self, test):
        super().addSuccess(test)
        if test.id() not in self.problems:
            self.report(True, test)

    def addError(self, test, err):
        super().addError(test, err)
        self.problem(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.problem(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.problems.setdefault(test.id(), []).append(
                f"in {subtest}:\n" + "".join(traceback.format_exception(*err)))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.report(True, test, f" # SKIP {reason}")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.report(False, test, " unexpected success")


def timed_out(_signal, _frame):
    raise TimeoutError("the test took too long")


def terminated(_signal, _frame):
    raise KeyboardInterrupt  # the one that unittest does not take for a test's failure


def all_but(suite, names):
    """The tests of it that none of the names (Class or Class.test_method) names."""
    kept = unittest.TestSuite()
    for each in suite:
        if isinstance(each, unittest.TestSuite):
            kept.addTest(all_but(each, names))
        elif not {type(each).__name__, each.id().replace("__main__.", "")} & set(names):
            kept.addTest(each)
    return kept


def main(module="__main__"):
    """As unittest.main(); names on the command line choose tests (Class or Class.test_method, or patterns with a *), and
    with a ! before them they exclude tests."""
    signal.signal(signal.SIGALRM, timed_out)
    signal.signal(signal.SIGTERM, terminated)
    loader, names = unittest.defaultTestLoader, [n for n in sys.argv[1:] if n[0] != "!"]
    loader.testNamePatterns = [f"{module}.{n}" for n in names if "*" in n] or None
    names = [n for n in names if "*" not in n]
    suite = (loader.loadTestsFromNames(names, sys.modules[module]) if names
             else loader.loadTestsFromModule(sys.modules[module]))
    suite = all_but(suite, [n[1:] for n in sys.argv[1:] if n[0] == "!"])
    result = TapResult(sys.stdout)
    try:
        suite.run(result)
    except KeyboardInterrupt:
        sys.exit(1)  # worlds are taken down at exit
    result.say(f"1..{result.count}")
    sys.exit(0 if result.wasSuccessful() else 1)
