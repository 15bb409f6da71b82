"""How a rate is taken: the median of several runs, each long enough to mean something."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

RUNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One line of the table."""

    name: str
    per_second: float
    spread: float
    """Slowest run to fastest, as a share of the median."""

    def __str__(self) -> str:
        """Return the line as it is printed."""
        return f"{self.name:<48} {self.per_second:>12,.0f} /s   ±{self.spread / 2:5.1%}"


def rate(name: str, count: int, run: Callable[[], None]) -> Rate:
    """Return how often a second `run` does its thing, which it does `count` times each time it is called."""
    rates = []
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        rates.append(count / (time.perf_counter() - start))
    median = statistics.median(rates)
    return Rate(name=name, per_second=median, spread=(max(rates) - min(rates)) / median)
