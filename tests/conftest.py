# SPDX-License-Identifier: BSD-2-Clause
"""The verdict: the run's last line is `N passed, N failed`, and a run in which nothing passed fails.

A test that reports subtests (a C program with its cmocka tests) counts as its
subtests; all others count as one.
"""

from collections import defaultdict

import pytest
from _pytest.subtests import SubtestReport


class Verdict:
    """Counts what the reports say, whether or not workers sent them."""

    def __init__(self):
        self.outcomes = defaultdict(set)
        self.subtests = defaultdict(list)
        self.collection_errors = 0

    def pytest_runtest_logreport(self, report):
        if isinstance(report, SubtestReport):
            self.subtests[report.nodeid].append(report.outcome)
        elif report.when == "call" or report.outcome != "passed":
            self.outcomes[report.nodeid].add(report.outcome)

    def pytest_collectreport(self, report):
        if report.failed:
            self.collection_errors += 1

    def counts(self):
        """(passed, failed, skipped)"""
        total = {"passed": 0, "failed": self.collection_errors, "skipped": 0}
        for nodeid in self.outcomes.keys() | self.subtests.keys():
            inner = self.subtests.get(nodeid, [])
            outer = self.outcomes.get(nodeid, set())
            for outcome in inner:
                total[outcome] += 1
            if "failed" in outer:
                # A test fails with its subtests; it counts itself only if they did not fail.
                total["failed"] += "failed" not in inner
            elif not inner:
                total["skipped" if "skipped" in outer else "passed"] += 1
        return total["passed"], total["failed"], total["skipped"]


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Verdict(), "vesper-verdict")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    verdict = session.config.pluginmanager.get_plugin("vesper-verdict")
    if verdict is None or session.config.option.collectonly:
        return
    passed, failed, _ = verdict.counts()
    if session.exitstatus == pytest.ExitCode.OK and (failed or not passed):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    verdict = config.pluginmanager.get_plugin("vesper-verdict")
    if verdict is None or config.option.collectonly:
        return
    passed, failed, skipped = verdict.counts()
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
