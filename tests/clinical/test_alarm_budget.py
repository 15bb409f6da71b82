"""How much a day says by itself: nothing when nothing happens, little when signs swing within what is usual.

Six patients in ten cross a limit in some reading of an infusion day (dossier 1.6), so what a swing may raise is held
here. What the protocol allows: `bp-trend` closes by a review, so it speaks once; `heart-rate` in its mild band closes
by itself, and "a closed alert is raised again only by evidence charted after the closing" - which the next reading
above 110 is. So a rate that goes up and down across 110 is told of each time it has gone up. That is the rule as
written, not three at most: the bound of three holds for days on which it goes up twice.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infusion_service.clinical.vocabulary import Submission
from tests.clinical.bedside import NURSE
from tests.clinical.drawn_days import CLEAR, WELL, accepted, bedside_in, drawn_id

INFUSED_MIN = 240
OBSERVED_MIN = 120
HEART_RATE_PER_MIN = (85, 112)
SYSTOLIC_MMHG = (115, 150)
MILD_HEART_RATE_FROM = 111


@dataclass(frozen=True)
class Reading:
    """A complete set, so many minutes after the start of the infusion."""

    after_min: int
    heart_rate_per_min: int
    systolic_mmhg: int


def raised_on(readings: list[Reading]) -> list[tuple[str, str]]:
    """Live a day with these sets and everything else on time; return the alerts it raised, (rule, severity)."""
    bedside, day_id = bedside_in("infusing")
    start, began = bedside.now, len(bedside.log)
    posted = 0

    def post(fact_type: str, data: Mapping[str, object]) -> None:
        nonlocal posted
        posted += 1
        fact = Submission(event_id=drawn_id(posted), day_id=day_id, type=fact_type, actor=NURSE, data=data)
        accepted(bedside.submit(fact))

    acts: list[tuple[int, int, Reading | None]] = [(reading.after_min, 1, reading) for reading in readings]
    acts += [(after_min, 0, None) for after_min in range(60, INFUSED_MIN + OBSERVED_MIN + 1, 60)]
    for after_min, _, reading in sorted(acts, key=lambda act: act[:2]):
        bedside.advance(start + timedelta(minutes=after_min))
        if reading is None:
            post("befast.checked", CLEAR)
            continue
        signs = {
            "heart_rate_per_min": reading.heart_rate_per_min,
            "systolic_mmhg": reading.systolic_mmhg,
            "diastolic_mmhg": reading.systolic_mmhg // 2 + 14,
        }
        post("vitals.recorded", {**WELL, **signs})
        if after_min == INFUSED_MIN:
            post("infusion.completed", {"volume_delivered_ml": "101.2"})
    return [
        (entry.data["rule"], entry.data["severity"]) for entry in bedside.log[began:] if entry.type == "alert.raised"
    ]


def times_of_sets(chance: random.Random) -> list[int]:
    """When sets are taken: every 15 min in the first hour, then every 15 to 30, and at the end of the infusion."""
    times = [15, 30, 45, 60]
    while times[-1] < INFUSED_MIN + OBSERVED_MIN:
        after_min = times[-1] + chance.choice([15, 20, 25, 30])
        times.append(INFUSED_MIN if times[-1] < INFUSED_MIN < after_min else after_min)
    return times


def climbs(readings: list[Reading]) -> int:
    """How often the heart rate goes up past where the mild band begins."""
    above = [reading.heart_rate_per_min >= MILD_HEART_RATE_FROM for reading in readings]
    return sum(now and not before for before, now in zip([False, *above], above, strict=False))


@st.composite
def swinging_days(draw: st.DrawFn) -> list[Reading]:
    """Any values within the mild ranges, one set after another."""
    times = times_of_sets(draw(st.randoms(use_true_random=False)))
    rates = st.one_of(st.sampled_from(HEART_RATE_PER_MIN), st.integers(*HEART_RATE_PER_MIN))
    return [Reading(after_min, draw(rates), draw(st.integers(*SYSTOLIC_MMHG))) for after_min in times]


@st.composite
def waving_days(draw: st.DrawFn) -> list[Reading]:
    """Heart rate and pressure as they do swing: slowly, up and down within a few hours."""
    times = times_of_sets(draw(st.randoms(use_true_random=False)))
    waves = [(draw(st.integers(200, 400)), draw(st.integers(0, 180))) for _sign in range(2)]

    def at(after_min: int, limits: tuple[int, int], wave: tuple[int, int]) -> int:
        lowest, highest = limits
        period_min, lead_min = wave
        share = (1 - math.cos(2 * math.pi * (after_min + lead_min) / period_min)) / 2
        return round(lowest + share * (highest - lowest))

    return [
        Reading(after_min, at(after_min, HEART_RATE_PER_MIN, waves[0]), at(after_min, SYSTOLIC_MMHG, waves[1]))
        for after_min in times
    ]


def test_an_uneventful_day_raises_nothing() -> None:
    chance = random.Random(7)  # noqa: S311 - readings, no secrets

    assert raised_on([Reading(after_min, 72, 122) for after_min in times_of_sets(chance)]) == []


def hold_on_a_swinging_day(readings: list[Reading]) -> None:
    raised = Counter(raised_on(readings))
    assert set(raised) <= {("heart-rate", "medium"), ("bp-trend", "high")}
    assert raised["bp-trend", "high"] <= 1
    assert raised["heart-rate", "medium"] == climbs(readings)


@settings(max_examples=30, deadline=None)
@given(swinging_days())
def test_mild_swings_raise_the_trend_once_and_the_heart_rate_each_time_it_climbs(readings: list[Reading]) -> None:
    hold_on_a_swinging_day(readings)


@pytest.mark.drill
@pytest.mark.timeout(1200)
@settings(max_examples=1000, deadline=None)
@given(swinging_days())
def test_mild_swings_always_raise_no_more_than_that(readings: list[Reading]) -> None:
    hold_on_a_swinging_day(readings)


@settings(max_examples=30, deadline=None)
@given(waving_days())
def test_signs_that_swing_slowly_raise_three_alerts_at_most(readings: list[Reading]) -> None:
    assert len(raised_on(readings)) <= 3


def test_of_days_drawn_at_random_few_raise_more_than_three() -> None:
    """Each sign a random walk within its range, two hundred days with one seed: what a ward should expect."""
    chance = random.Random(7)  # noqa: S311 - readings, no secrets
    told: Counter[int] = Counter()
    for _day in range(200):
        rate, systolic = 95, 125
        readings = []
        for after_min in times_of_sets(chance):
            rate = min(max(rate + chance.randint(-8, 8), HEART_RATE_PER_MIN[0]), HEART_RATE_PER_MIN[1])
            systolic = min(max(systolic + chance.randint(-10, 10), SYSTOLIC_MMHG[0]), SYSTOLIC_MMHG[1])
            readings.append(Reading(after_min, rate, systolic))
        told[len(raised_on(readings))] += 1

    assert sum(days for alerts, days in told.items() if alerts > 3) <= 20, told
