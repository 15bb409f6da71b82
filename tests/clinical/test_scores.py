"""NEWS2 as the Royal College's chart prints it, point by point, on both oxygen scales."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from infusion_service.clinical.scores import ScoreTable
from tests.clinical.one_day import SIGNS, WORKFLOW, OneDay

NEWS2 = ScoreTable(WORKFLOW.definition.scores["news2"])
WELL: dict[str, Any] = {
    "respiratory_rate_per_min": Decimal(16),
    "spo2_percent": Decimal(98),
    "on_oxygen": False,
    "spo2_scale": Decimal(1),
    "systolic_mmhg": Decimal(122),
    "heart_rate_per_min": Decimal(72),
    "consciousness": "A",
    "temperature_celsius": Decimal("36.8"),
}
CHART: dict[str, list[tuple[str, str, int]]] = {
    "respiratory_rate_per_min": [("3", "8", 3), ("9", "11", 1), ("12", "20", 0), ("21", "24", 2), ("25", "70", 3)],
    "spo2_percent": [("50", "91", 3), ("92", "93", 2), ("94", "95", 1), ("96", "100", 0)],
    "systolic_mmhg": [("40", "90", 3), ("91", "100", 2), ("101", "110", 1), ("111", "219", 0), ("220", "300", 3)],
    "heart_rate_per_min": [
        ("20", "40", 3), ("41", "50", 1), ("51", "90", 0), ("91", "110", 1), ("111", "130", 2), ("131", "300", 3),
    ],
    "temperature_celsius": [
        ("30", "35.0", 3), ("35.1", "36.0", 1), ("36.1", "38.0", 0), ("38.1", "39.0", 1), ("39.1", "43", 2),
    ],
}  # fmt: skip
SECOND_SCALE: list[tuple[int, int, bool, int]] = [
    (50, 83, False, 3), (50, 83, True, 3), (84, 85, False, 2), (84, 85, True, 2), (86, 87, False, 1), (86, 87, True, 1),
    (88, 92, False, 0), (88, 92, True, 0), (93, 100, False, 0), (93, 94, True, 1), (95, 96, True, 2),
    (97, 100, True, 3),
]  # fmt: skip


def points(**signs: Any) -> dict[str, int]:
    """The points of a well person's set, changed in some signs."""
    found = NEWS2.points({**WELL, **signs})
    assert found is not None
    return found


def test_a_well_person_scores_nothing() -> None:
    assert sum(points().values()) == 0


@pytest.mark.parametrize(
    ("sign", "low", "high", "expected"), [(sign, *band) for sign, bands in CHART.items() for band in bands]
)
def test_each_band_of_the_chart_from_its_first_value_to_its_last(sign: str, low: str, high: str, expected: int) -> None:
    for value in (Decimal(low), Decimal(high)):
        found = points(**{sign: value})
        assert found[sign] == expected
        assert sum(found.values()) == expected


@pytest.mark.parametrize(("low", "high", "on_oxygen", "expected"), SECOND_SCALE)
def test_the_second_oxygen_scale(low: int, high: int, on_oxygen: bool, expected: int) -> None:
    for value in (low, high):
        found = points(spo2_percent=Decimal(value), spo2_scale=Decimal(2), on_oxygen=on_oxygen)
        assert found["spo2_percent"] == expected
        assert sum(found.values()) == expected + (2 if on_oxygen else 0)


@pytest.mark.parametrize(("code", "expected"), [("A", 0), ("C", 3), ("V", 3), ("P", 3), ("U", 3)])
def test_consciousness(code: str, expected: int) -> None:
    assert points(consciousness=code)["consciousness"] == expected


def test_oxygen_costs_two_and_air_on_the_first_scale_is_the_default() -> None:
    assert points(on_oxygen=True)["on_oxygen"] == 2
    without = {sign: value for sign, value in WELL.items() if sign not in ("on_oxygen", "spo2_scale")}
    for spo2_percent, expected in ((98, 0), (92, 2)):
        found = NEWS2.points({**without, "spo2_percent": Decimal(spo2_percent)})
        assert found is not None
        assert sum(found.values()) == expected


@pytest.mark.parametrize("sign", sorted(set(WELL) - {"on_oxygen", "spo2_scale"}))
def test_without_a_sign_there_is_no_score(sign: str) -> None:
    assert NEWS2.points({name: value for name, value in WELL.items() if name != sign}) is None


def test_the_worst_there_is_scores_twenty() -> None:
    found = points(
        respiratory_rate_per_min=Decimal(30),
        spo2_percent=Decimal(80),
        on_oxygen=True,
        systolic_mmhg=Decimal(80),
        heart_rate_per_min=Decimal(140),
        consciousness="U",
        temperature_celsius=Decimal(34),
    )
    assert sum(found.values()) == 20


def test_the_day_shows_the_score_of_its_last_complete_set() -> None:
    day = OneDay().brought_to("infusing", "10:00")
    day.chart("vitals.recorded", {**SIGNS, "heart_rate_per_min": 100}, "10:05")
    day.chart("vitals.recorded", {"heart_rate_per_min": 72}, "10:06")
    shown = day.view()["vitals"]["news2"]
    assert (shown["total"], shown["parts"]["heart_rate_per_min"], shown["at"]) == (1, 1, "2026-11-23T09:05:00.000Z")


def test_the_day_shows_how_the_score_moved_since_the_set_before_and_since_the_first() -> None:
    day = OneDay().brought_to("infusing", "10:00")
    day.chart("vitals.recorded", SIGNS, "10:02")
    day.chart("vitals.recorded", {**SIGNS, "heart_rate_per_min": 135}, "10:05")
    day.chart("vitals.recorded", {**SIGNS, "heart_rate_per_min": 95}, "10:10")
    assert day.view()["score_changes"]["news2"] == {"since_last": -2, "since_baseline": 1}


def test_a_first_set_has_nothing_to_be_compared_with() -> None:
    day = OneDay().brought_to("screening", "08:05")
    day.chart("vitals.recorded", SIGNS, "08:06")
    assert day.view()["score_changes"]["news2"] == {"since_last": None, "since_baseline": None}
