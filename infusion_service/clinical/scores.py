"""Aggregate scores over one complete set of vital signs, with their tables in the workflow file."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from infusion_service.clinical.alert_definition import Score, ScoreBand

MEMO_ENTRIES_MAX = 10_000


class ScoreTable:
    """A score ready to be computed. Points are remembered by value: a ward measures the same few hundred values."""

    def __init__(self, score: Score) -> None:
        """Prepare a score of the workflow."""
        self.defaults = score.defaults
        conditions = {part.sign: sorted({sign for band in part.bands for sign in band.when}) for part in score.parts}
        self._parts = tuple((part, part.sign, tuple(conditions[part.sign])) for part in score.parts)
        self._memo: dict[tuple[Any, ...], int] = {}

    def points(self, values: Mapping[str, Any]) -> dict[str, int] | None:
        """Return the points of each sign of a set, or None when a sign that the score needs is missing.

        Signs of `defaults` (air, first SpO2 scale) count as their default when they were not charted.
        """
        filled = {**self.defaults, **values}
        points: dict[str, int] = {}
        for part, sign, conditions in self._parts:
            value = filled.get(sign)
            if value is None:
                return None
            key = (sign, value, *[filled.get(other) for other in conditions]) if conditions else (sign, value)
            known = self._memo.get(key)
            if known is None:
                known = next((band.points for band in part.bands if _fits(band, value, filled)), 0)
                if len(self._memo) < MEMO_ENTRIES_MAX:
                    self._memo[key] = known
            points[sign] = known
        return points


def _fits(band: ScoreBand, value: Any, values: Mapping[str, Any]) -> bool:
    if any(values.get(sign) != wanted for sign, wanted in band.when.items()):
        return False
    if band.among:
        return value in band.among
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return (band.at_least is None or value >= band.at_least) and (band.at_most is None or value <= band.at_most)
    return True
