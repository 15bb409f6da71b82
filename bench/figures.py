"""Figures and the table they stand in. Each has a ceiling or a floor of the same run; trust that ratio alone."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

PAIRS = 7
CLOSE_TO_ZERO = 0.1
"""Below this, two decimals would hide what was seen."""

_Side = TypeVar("_Side")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table."""

    name: str
    seen: float
    unit: str
    """Of `seen`; "x" for a ratio."""
    goal: float | None = None
    stretch: float | None = None
    more_is_better: bool = False
    note: str = ""
    """The absolute figures behind a ratio."""
    spread: float | None = None
    """Largest to smallest of the pairs, as a share of the median."""

    @property
    def reached(self) -> str:
        """`goal`, `stretch`, `no`, or nothing where there is no goal."""
        if self.goal is None:
            return ""
        if self.stretch is not None and self._meets(self.stretch):
            return "stretch"
        return "goal" if self._meets(self.goal) else "NO"

    def _meets(self, bound: float) -> bool:
        return self.seen >= bound if self.more_is_better else self.seen <= bound

    def as_line(self) -> str:
        """The figure as one line of JSON."""
        return json.dumps({**asdict(self), "reached": self.reached})


def in_pairs(one: Callable[[], _Side], other: Callable[[], _Side], pairs: int = PAIRS) -> list[tuple[_Side, _Side]]:
    """Both sides by turns, so that what else the machine does meets both."""
    return [(one(), other()) for _ in range(pairs)]


def median_ratio(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The median of the pairs' ratios, and their spread as a share of it."""
    ratios = sorted(one / other for one, other in pairs)
    middle = statistics.median(ratios)
    return middle, (ratios[-1] - ratios[0]) / middle


def header() -> str:
    """The table's first line."""
    return f"{'figure':<58} {'seen':>10} {'goal':>9} {'stretch':>9} {'reached':>8}   behind it"


def row(figure: Figure) -> str:
    """The figure as a line of the table."""
    sign = "" if figure.goal is None else ">= " if figure.more_is_better else "<= "
    goal = "" if figure.goal is None else f"{sign}{figure.goal:g}"
    stretch = "" if figure.stretch is None else f"{figure.stretch:g}"
    spread = "" if figure.spread is None else f" (±{figure.spread / 2:.0%})"
    decimals = 4 if figure.seen < CLOSE_TO_ZERO else 2 if figure.seen < 100 else 0
    seen = f"{figure.seen:,.{decimals}f} {figure.unit}"
    return f"{figure.name:<58} {seen:>10} {goal:>9} {stretch:>9} {figure.reached:>8}   {figure.note}{spread}"
