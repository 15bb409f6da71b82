"""A struck fact might as well never have been posted: the day comes to the same, but for what people were told.

Equal: state and since when, dose, pump, observation, due checks, open alerts by rule and band, vital signs, symptoms,
laboratory results, baseline deficits, what may be posted next and what blocks it, flags of the course, the bag, the
next moment at which something changes by itself where no alert's deadline decides it.

Left out is the log, and with it what it says people were told: the entries of the fact and its strike; the alerts that
it raised, replaced, closed or escalated and when an open alert was raised, learned, answered, acknowledged or passed on
(one that a struck fact had replaced is raised anew, later); `check.overdue` of a check that was due only because of it;
the emergency that its alert declared and the strike of that; the version of the day. And, as the protocol says of the
course (1), a permanent stop whose only evidence is struck leaves a hold that waits for a prescriber's review.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from infusion_service.clinical.vocabulary import Refusal, Submission
from tests.clinical.bedside import CHARGE_NURSE, Bedside
from tests.clinical.drawn_days import (
    WINDOW_MIN,
    Drawn,
    accepted,
    bedside_in,
    comes_to,
    drawn_id,
    quiet_facts,
    quiet_hours,
)
from tests.clinical.random_shift import MOVES, SIGNS_OF_STOP

STATES = ("ready", "infusing", "observing")
STRUCK_ID = drawn_id(900)
STRIKE_ID = drawn_id(901)
HOLD = "hold_pending_review"


@dataclass(frozen=True)
class Mistake:
    """A fact that should not have been posted: what, when, how late, and how long it stands."""

    fact: Drawn
    late_ms: int
    stands_ms: int


@st.composite
def mistakes(draw: st.DrawFn) -> Mistake:
    """Anything that may be charted: unremarkable, of stop class, or a move."""
    kind, data, *by = draw(
        st.one_of(quiet_facts(bleeding=True), st.sampled_from(SIGNS_OF_STOP), st.sampled_from(MOVES))
    )
    after_ms = draw(st.integers(1, WINDOW_MIN)) * 60_000 + draw(st.sampled_from([0, 1]))
    fact = Drawn(kind, data, after_ms, STRUCK_ID, *by)
    late = st.sampled_from([0, 0, 1000, 1_200_000, 3_000_000])
    stands = st.sampled_from([0, 1000, 60_000, 600_000, 3_600_000])
    return Mistake(fact, draw(late), draw(stands))


def lived(state: str, facts: list[Drawn], mistake: Mistake | None) -> dict[str, Any]:
    """Chart the facts as they happen, and the mistake with its strike if there is one; say what the day comes to."""
    bedside, day_id = bedside_in(state)
    start = bedside.now
    plan: list[tuple[int, int, Drawn | None]] = [(fact.after_ms, 1, fact) for fact in facts]
    if mistake is not None:
        charted_ms = mistake.fact.after_ms + mistake.late_ms
        plan += [(charted_ms, 0, mistake.fact), (charted_ms + mistake.stands_ms, 2, None)]
    for after_ms, _, fact in sorted(plan, key=lambda step: step[:2]):
        bedside.advance(start + timedelta(milliseconds=after_ms))
        if fact is None:
            assume(not isinstance(_strike(bedside, day_id), Refusal))
        elif fact.event_id == STRUCK_ID:
            at = start + timedelta(milliseconds=fact.after_ms)
            assume(not isinstance(bedside.submit(fact.submission(day_id, at)), Refusal))
        else:
            accepted(bedside.submit(fact.submission(day_id, start + timedelta(milliseconds=fact.after_ms))))
    bedside.advance(start + timedelta(minutes=3 * WINDOW_MIN))
    bedside.tick(day_id)
    view = bedside.view(day_id)
    return {
        **comes_to(bedside, day_id),
        "allowed": [_without_the_hold(allowed) for allowed in view["allowed"]],
        "course_flags": [flag for flag in view["course_flags"] if flag != HOLD],
        "baseline_deficits": view["baseline_deficits"],
        "bag": view["bag"],
        "unconfirmed": view["unconfirmed"],
    }


def _without_the_hold(allowed: dict[str, Any]) -> dict[str, Any]:
    blocked_by = [blocking for blocking in allowed["blocked_by"] if blocking["guard"] != "course-open"]
    return {**allowed, "blocked_by": blocked_by}


def _strike(bedside: Bedside, day_id: str) -> object:
    data = {"entry": STRUCK_ID, "reason": "another patient's"}
    strike = Submission(event_id=STRIKE_ID, day_id=day_id, type="entry.struck", actor=CHARGE_NURSE, data=data)
    return bedside.submit(strike)


def hold(state: str, facts: list[Drawn], mistake: Mistake) -> None:
    """A day with the mistake struck comes to what it comes to without it."""
    struck, never = lived(state, facts, mistake), lived(state, facts, None)
    assert {name: struck[name] for name in struck if struck[name] != never[name]} == {
        name: never[name] for name in struck if struck[name] != never[name]
    }


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(STATES), quiet_hours(max_size=6), mistakes())
def test_a_struck_fact_might_as_well_never_have_been_posted(state: str, facts: list[Drawn], mistake: Mistake) -> None:
    hold(state, facts, mistake)


@pytest.mark.drill
@pytest.mark.timeout(1200)
@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(STATES), quiet_hours(), mistakes())
def test_a_struck_fact_never_leaves_a_trace_in_what_is_true(state: str, facts: list[Drawn], mistake: Mistake) -> None:
    hold(state, facts, mistake)
