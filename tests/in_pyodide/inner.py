"""Inside Pyodide: runs one test file of the project, and reports each of its tests."""

from __future__ import annotations

import json
import os

import pytest

# What these marks ask for is not to be had in WebAssembly: processes, sockets, a browser.
ELSEWHERE = "not (browser or build or pyodide or server)"

_WORST_LAST = ("passed", "skipped", "failed")


class Outcomes:
    """A plugin of pytest that keeps the worst report of each test."""

    def __init__(self) -> None:
        self.of: dict[str, tuple[str, str]] = {}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if not report.passed:
            self._keep(report.nodeid, report.outcome, str(report.longrepr))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        text = report.longreprtext
        if isinstance(report.longrepr, tuple):  # a skip: its file, line and reason
            text = report.longrepr[2]
        sections = (f"\n--- {title} ---\n{content}" for title, content in report.sections)
        self._keep(report.nodeid, report.outcome, text + "".join(sections))

    def _keep(self, nodeid: str, outcome: str, text: str) -> None:
        known = self.of.get(nodeid)
        if known is None or _WORST_LAST.index(outcome) >= _WORST_LAST.index(known[0]):
            self.of[nodeid] = (outcome, text)


def run(file: str) -> str:
    """Run a test file, named relative to the project; the outcomes are JSON."""
    os.chdir("/project")
    outcomes = Outcomes()
    code = pytest.main(
        ["-p", "no:cacheprovider", "-p", "no:faulthandler", "-q", "-m", ELSEWHERE, file],
        plugins=[outcomes],
    )
    rows = [{"test": test, "outcome": o, "text": t} for test, (o, t) in outcomes.of.items()]
    return json.dumps({"exit": int(code), "tests": rows})
