"""The watch may sleep until the moment it is given: before it nothing becomes true, and at it the day moves on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infusion_service.clinical.decide import tick
from infusion_service.clinical.observe import next_change_at
from tests.clinical.bedside import Bedside
from tests.clinical.drawn_days import bedside_in
from tests.clinical.random_shift import Shift, Step, shifts

STATES = ("screening", "ready", "infusing", "observing")
A_MILLISECOND = timedelta(milliseconds=1)
NEVER = timedelta(days=4)
"""How far is looked where nothing changes by itself any more."""


def hold_ahead(bedside: Bedside, day_id: str, steps: int) -> None:
    """Look ahead so many changes of a day as if nobody charted anything any more, without letting it happen."""
    day, now = bedside.days[day_id], bedside.now
    course = bedside.course(day_id)
    for _ in range(steps):
        due = next_change_at(course, day, now)
        last = now + NEVER if due is None else due - A_MILLISECOND
        for moment in (now, now + (last - now) / 2, last):
            before = max(moment.replace(microsecond=moment.microsecond // 1000 * 1000), now)
            assert tick(course, day, before).entries == (), (now, due, before)
        if due is None:
            return
        assert due > now
        ticked = tick(course, day, due)
        assert ticked.entries, (now, due)
        day, now = ticked.day, due


def hold(state: str, steps: list[Step]) -> None:
    bedside, day_id = bedside_in(state)
    shift = Shift(bedside)
    for step in steps:
        shift.take(step)
        bedside.tick(day_id)
        hold_ahead(bedside, day_id, 1)
    hold_ahead(bedside, day_id, 40)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(STATES), shifts(max_size=8))
def test_nothing_becomes_true_before_the_moment_the_watch_is_given(state: str, steps: list[Any]) -> None:
    hold(state, steps)


@pytest.mark.drill
@pytest.mark.timeout(1200)
@settings(max_examples=500, deadline=None)
@given(st.sampled_from(STATES), shifts(max_size=20))
def test_nothing_ever_becomes_true_before_the_moment_the_watch_is_given(state: str, steps: list[Any]) -> None:
    hold(state, steps)
