"""What every drill says: its seed, so that it can be run again, and its figure."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import pytest

SEED_VARIABLE = "DRILL_SEED"
SEED_OF_THE_SHORT_ONES = 7
SLACK_OF_THE_SHORT_ONES = 10.0

_figures: list[str] = []


@dataclass(frozen=True)
class Drill:
    """One run of a drill: where its chance comes from and where its figure goes."""

    name: str
    seed: int
    chance: random.Random
    slack: float
    """What bounds of time are multiplied with: 1 in `make drill`, more where other work may share the machine."""

    def figure(self, text: str) -> None:
        """Print the drill's figure at the end of the test run."""
        _figures.append(f"{self.name} (seed {self.seed}): {text}")


def chance_of(seed: int) -> random.Random:
    """The source of everything in a drill that is left to chance."""
    return random.Random(seed)  # noqa: S311 - it chooses moments and facts, no secrets


@pytest.fixture
def drill(request: pytest.FixtureRequest) -> Iterator[Drill]:
    """A seeded run: the same seed every time in `make test`, a new one in `make drill` unless DRILL_SEED gives it."""
    given = os.environ.get(SEED_VARIABLE)
    full = request.node.get_closest_marker("drill") is not None
    seed = int(given) if given else secrets.randbelow(10**6) if full else SEED_OF_THE_SHORT_ONES
    yield Drill(request.node.name, seed, chance_of(seed), 1.0 if full else SLACK_OF_THE_SHORT_ONES)
    if request.node.stash.get(_FAILED, False):
        _figures.append(f"{request.node.name} FAILED: run it again with {SEED_VARIABLE}={seed}")


_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember a failure, so that its seed is printed."""
    report = yield
    if report.when == "call" and report.failed:
        item.stash[_FAILED] = True
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures."""
    if _figures:
        terminalreporter.section("figures of the drills")
        for figure in _figures:
            terminalreporter.write_line(figure)
