"""What every run of the tests says of itself: what this machine cannot test, and how long each suite took."""

import shutil
from collections import Counter, defaultdict
from collections.abc import Generator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

WANTED_PROGRAMS = {
    "chromium": "tests/e2e",
    "curl": "tests/examples",
    "initdb": "tests/postgres",
}
"""Programs of the machine that a suite needs. Who has none gets the suite skipped, and is told so twice."""

_seconds_by_suite: dict[str, float] = defaultdict(float)
_tests_by_suite: Counter[str] = Counter()


def pytest_report_header() -> list[str]:
    """Say at the top what this machine cannot test."""
    return [
        f"NOT TESTED HERE: {suite}, because there is no {program} on this machine"
        for program, suite in WANTED_PROGRAMS.items()
        if (ROOT / suite).is_dir() and shutil.which(program) is None
    ]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add the time of one phase of one test to its suite."""
    suite = _suite_of(report.nodeid)
    _seconds_by_suite[suite] += report.duration
    if report.when == "call":
        _tests_by_suite[suite] += 1


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """Say what was skipped and how long each suite took, before pytest's own closing line."""
    yield
    skipped = Counter(str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", []))
    if skipped:
        terminalreporter.section("NOT TESTED HERE", sep="!", red=True, bold=True)
        for reason, tests in skipped.most_common():
            terminalreporter.write_line(f"{tests:5} tests: {reason.removeprefix('Skipped: ')}")
    if not _seconds_by_suite:
        return
    terminalreporter.section("time per suite")
    for suite, seconds in sorted(_seconds_by_suite.items(), key=lambda item: -item[1]):
        terminalreporter.write_line(f"{seconds:8.1f} s  {_tests_by_suite[suite]:5} tests  {suite}")


def _suite_of(nodeid: str) -> str:
    path = Path(nodeid.partition("::")[0])
    return "/".join(path.parts[:2]) if len(path.parts) > 2 else path.as_posix()
