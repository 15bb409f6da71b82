"""Aggregate scores over one complete set of vital signs, with their tables in the workflow file."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from infusion_service.clinical.alert_definition import Score, ScoreBand


def score_of(score: Score, values: Mapping[str, Any]) -> dict[str, int] | None:
    """Return the points of each sign of a set, or None when a sign that the score needs is missing.

    Signs of `defaults` (air, first SpO2 scale) count as their default when they were not charted.
    """
    filled = {**score.defaults, **values}
    points: dict[str, int] = {}
    for part in score.parts:
        if part.sign not in filled:
            return None
        points[part.sign] = next((band.points for band in part.bands if _fits(band, filled[part.sign], filled)), 0)
    return points


def _fits(band: ScoreBand, value: Any, values: Mapping[str, Any]) -> bool:
    if any(values.get(sign) != wanted for sign, wanted in band.when.items()):
        return False
    if band.among:
        return value in band.among
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return (band.at_least is None or value >= band.at_least) and (band.at_most is None or value <= band.at_most)
    return True
