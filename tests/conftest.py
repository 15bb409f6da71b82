"""What every run of the tests says of itself: what this machine cannot test, and how long each suite took."""

import shutil
from collections import Counter, defaultdict
from collections.abc import Generator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

WANTED_PROGRAMS = {
    "chromium": "the browser tests",
    "curl": "the shell example",
    "docker": "the container image (the files are checked, never run)",
    "initdb": "the PostgreSQL store",
}
"""Programs that some tests need, and what stays untested without them."""

_seconds_by_suite: dict[str, float] = defaultdict(float)
_tests_by_suite: Counter[str] = Counter()


def pytest_report_header() -> list[str]:
    """Say at the top what is missing here."""
    return [
        f"NOT TESTED HERE: {what}: there is no {program} on this machine"
        for program, what in WANTED_PROGRAMS.items()
        if shutil.which(program) is None
    ]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add the time of one phase of one test to its suite."""
    suite = _suite_of(report.nodeid)
    _seconds_by_suite[suite] += report.duration
    if report.when == "call":
        _tests_by_suite[suite] += 1


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """Print the time of each suite, slowest first, before pytest's own closing line."""
    yield
    if not _seconds_by_suite:
        return
    terminalreporter.section("time per suite")
    for suite, seconds in sorted(_seconds_by_suite.items(), key=lambda item: -item[1]):
        terminalreporter.write_line(f"{seconds:8.1f} s  {_tests_by_suite[suite]:5} tests  {suite}")


def _suite_of(nodeid: str) -> str:
    path = Path(nodeid.partition("::")[0])
    return "/".join(path.parts[:2]) if len(path.parts) > 2 else path.as_posix()
