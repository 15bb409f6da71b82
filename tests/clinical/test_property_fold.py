"""The log is the day: folding it gives what was held in memory, at every prefix, whatever happened in between."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infusion_service.clinical.day import refold
from infusion_service.clinical.decide import Accepted
from infusion_service.clinical.observe import observe
from tests.clinical.bedside import Bedside, folded
from tests.clinical.drawn_days import bedside_in, written_out
from tests.clinical.random_shift import Shift, shifts


def differing(one: Any, other: Any) -> list[str]:
    """The names of what two days or pictures differ in (what they hold would fill pages)."""
    names = [name for name in type(one).__slots__ if name != "workflow"]
    return [name for name in names if written_out(getattr(one, name)) != written_out(getattr(other, name))]


def hold_at_every_prefix(state: str, steps: list[Any]) -> None:
    """Run a shift; every day it went through equals its log folded anew, and its facts read in clinical order."""
    bedside, _ = bedside_in(state)
    shift = Shift(bedside)
    for step in steps:
        shift.take(step)
        days = folded(bedside.log)
        assert days.keys() == bedside.days.keys()
        for day_id, day in bedside.days.items():
            assert not differing(day, days[day_id])
            assert not differing(day.picture, refold(day.charted, day.ledger, day.workflow))
    _hold_within_decisions(bedside, state)


def _hold_within_decisions(bedside: Bedside, state: str) -> None:
    """Also between the entries of one decision: a process may die there only in theory, but readers page through."""
    began, _ = bedside_in(state)
    for size in range(len(began.log), len(bedside.log)):
        for day in folded(bedside.log[:size]).values():
            assert not differing(day.picture, refold(day.charted, day.ledger, day.workflow))


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["screening", "ready", "infusing", "observing"]), shifts(max_size=12))
def test_the_fold_of_the_log_equals_what_was_held(state: str, steps: list[Any]) -> None:
    hold_at_every_prefix(state, steps)


@pytest.mark.drill
@pytest.mark.timeout(1200)
@settings(max_examples=600, deadline=None)
@given(st.sampled_from(["screening", "ready", "infusing", "observing"]), shifts(max_size=25))
def test_the_fold_of_the_log_always_equals_what_was_held(state: str, steps: list[Any]) -> None:
    hold_at_every_prefix(state, steps)


def replayed(bedside: Bedside, day_id: str, known_at: Any) -> Any:
    """The day view from what had been received by then, folded from the log alone."""
    past = Bedside(known_at)
    past.days = folded(entry for entry in bedside.log if entry.received_at <= known_at)
    return observe(past.course(day_id), past.days[day_id], known_at)


def hold_in_hindsight(state: str, steps: list[Any]) -> None:
    """Whatever was shown at a moment is shown again for that moment, however the day went on."""
    bedside, day_id = bedside_in(state)
    shift = Shift(bedside)
    shown = []
    for step in steps:
        bedside.advance(bedside.now + timedelta(milliseconds=1))
        shift.take(step)
        shown.append((bedside.now, bedside.view(day_id)))
    bedside.advance(bedside.now + timedelta(hours=3))
    for known_at, view in shown:
        again = replayed(bedside, day_id, known_at)
        assert not [name for name in view if again[name] != view[name]]


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["ready", "infusing", "observing"]), shifts(max_size=10))
def test_a_replay_shows_what_was_shown(state: str, steps: list[Any]) -> None:
    hold_in_hindsight(state, steps)


@pytest.mark.drill
@pytest.mark.timeout(1200)
@settings(max_examples=600, deadline=None)
@given(st.sampled_from(["ready", "infusing", "observing"]), shifts(max_size=25))
def test_a_replay_always_shows_what_was_shown(state: str, steps: list[Any]) -> None:
    hold_in_hindsight(state, steps)


def test_a_random_shift_is_no_idle_one() -> None:
    """The shifts drawn do get facts of every kind accepted, some refused, alerts raised and closed."""
    seen: set[str] = set()

    @settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @given(st.sampled_from(["screening", "ready", "infusing", "observing"]), shifts(max_size=12))
    def watch(state: str, steps: list[Any]) -> None:
        bedside, _ = bedside_in(state)
        shift = Shift(bedside)
        seen.update("accepted" if isinstance(shift.take(step), Accepted) else "refused" for step in steps)
        seen.update(entry.type for entry in bedside.log)

    watch()
    wanted = {
        "accepted", "refused", "alert.raised", "alert.closed", "alert.answered", "alert.escalated", "check.overdue",
        "emergency.declared", "entry.struck", "review.recorded", "vitals.recorded", "fact.refused",
    }  # fmt: skip
    assert wanted <= seen, wanted - seen
