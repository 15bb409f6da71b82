"""A struck fact might as well never have been posted: the day comes to the same, but for what people were told.

Equal: state and since when, dose, pump, observation, due checks, open alerts by rule and band, vital signs, symptoms,
laboratory results, baseline deficits, what may be posted next and what blocks it, flags of the course, the bag, entries
that wait for a person.

Left out is the log, and with it what it says people were told: the entries of the fact and its strike; the alerts that
it raised, replaced, closed or escalated and when an open alert was raised, learned, answered, acknowledged or passed on
(one that a struck fact had replaced is raised anew, later); `check.overdue` of a check that was due only because of it;
the emergency that its alert declared and the strike of that; the version of the day. And, as the protocol says of the
course (1), a permanent stop whose only evidence is struck leaves a hold that waits for a prescriber's review. Days on
which a stop-class alert has evidence left are not drawn: by the protocol (7) it closes "only when its sole evidence is
struck", so one that took two facts to raise stands until somebody looks (rehearsal k03).

The same of a correction, which is strike and replacement in one: as if only the replacement had been charted, late.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from infusion_service.clinical.day import Day
from infusion_service.clinical.decide import Accepted
from infusion_service.clinical.vocabulary import Refusal, Submission
from tests.clinical.bedside import CHARGE_NURSE, PRESCRIBER, Bedside
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
REVIEW = "review.recorded"
REVIEWS = tuple((REVIEW, {"decision": decision, "authorises_resume": True}, PRESCRIBER)
                for decision in ("continue", "hold", "stop"))  # fmt: skip


@dataclass(frozen=True)
class Mistake:
    """A fact that should not have been posted: what, when, how late, and how long it stands."""

    fact: Drawn
    late_ms: int
    stands_ms: int


@st.composite
def mistakes(draw: st.DrawFn) -> Mistake:
    """Anything that may be charted: unremarkable, of stop class, a move, or a review of what is open by then."""
    kind, data, *by = draw(
        st.one_of(
            quiet_facts(bleeding=True), st.sampled_from(SIGNS_OF_STOP), st.sampled_from(MOVES), st.sampled_from(REVIEWS)
        )
    )
    after_ms = draw(st.integers(1, WINDOW_MIN)) * 60_000 + draw(st.sampled_from([0, 1]))
    fact = Drawn(kind, data, after_ms, STRUCK_ID, *by)
    late = st.sampled_from([0, 0, 1000, 1_200_000, 3_000_000])
    stands = st.sampled_from([0, 1000, 60_000, 600_000, 3_600_000])
    return Mistake(fact, draw(late), draw(stands))


def lived(
    state: str, facts: list[Drawn], mistake: Mistake, *, made: bool, instead: Drawn | None = None
) -> dict[str, Any]:
    """Chart the facts as they happen, the mistake where it is made, its strike or what is charted instead of it.

    Returns what the day comes to.
    """
    bedside, day_id = bedside_in(state)
    start = bedside.now
    charted_ms = mistake.fact.after_ms + mistake.late_ms
    plan: list[tuple[int, int, Drawn | None]] = [(fact.after_ms, 1, fact) for fact in facts]
    plan.append((charted_ms + mistake.stands_ms, 2, instead))
    if made:
        plan.append((charted_ms, 0, mistake.fact))
    for after_ms, _, fact in sorted(plan, key=lambda step: step[:2]):
        bedside.advance(start + timedelta(milliseconds=after_ms))
        if fact is None:
            assume(not made or not isinstance(_strike(bedside, day_id), Refusal))
            continue
        charted = fact.submission(day_id, start + timedelta(milliseconds=fact.after_ms))
        if fact.type == REVIEW:
            named = [alert.id for alert in bedside.days[day_id].ledger.open_list()]
            assume(named)
            charted = replace(charted, data={**fact.data, "alerts": named})
        if fact is instead:
            charted = replace(charted, corrects=STRUCK_ID if made else None, actor=CHARGE_NURSE)
        decision = bedside.submit(charted)
        assume(fact.event_id != STRUCK_ID or isinstance(decision, Accepted))
        accepted(decision)
    bedside.advance(start + timedelta(minutes=3 * WINDOW_MIN))
    bedside.tick(day_id)
    assume(not _left_to_a_person(bedside.days[day_id]))
    view = bedside.view(day_id)
    return {
        **comes_to(bedside, day_id),
        "allowed": [_without_the_hold(allowed) for allowed in view["allowed"]],
        "course_flags": [flag for flag in view["course_flags"] if flag != HOLD],
        "baseline_deficits": view["baseline_deficits"],
        "bag": view["bag"],
        "unconfirmed": view["unconfirmed"],
    }


def _left_to_a_person(day: Day) -> bool:
    """Whether a stop-class alert stands of whose evidence a part is struck."""
    actions, struck = day.workflow.definition.actions, day.ledger.struck
    return any(actions[alert.action].stop_class and struck & set(alert.evidence) for alert in day.ledger.open_list())


def _without_the_hold(allowed: dict[str, Any]) -> dict[str, Any]:
    blocked_by = [
        blocking for blocking in allowed["blocked_by"] if blocking["guard"] not in ("course-open", "course-held")
    ]
    return {**allowed, "blocked_by": blocked_by}


def _strike(bedside: Bedside, day_id: str) -> object:
    data = {"entry": STRUCK_ID, "reason": "another patient's"}
    strike = Submission(event_id=STRIKE_ID, day_id=day_id, type="entry.struck", actor=CHARGE_NURSE, data=data)
    return bedside.submit(strike)


def hold(state: str, facts: list[Drawn], mistake: Mistake) -> None:
    """A day with the mistake struck comes to what it comes to without it."""
    struck, never = lived(state, facts, mistake, made=True), lived(state, facts, mistake, made=False)
    assert differing(struck, never) == {}


def hold_corrected(state: str, facts: list[Drawn], mistake: Mistake, instead: Drawn) -> None:
    """A day with the mistake corrected comes to what it comes to with the replacement alone."""
    corrected = lived(state, facts, mistake, made=True, instead=instead)
    alone = lived(state, facts, mistake, made=False, instead=instead)
    assert differing(corrected, alone) == {}


def differing(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The members in which two days differ, each with both values."""
    return {name: (one[name], other[name]) for name in one if one[name] != other[name]}


@st.composite
def corrections(draw: st.DrawFn) -> tuple[Mistake, Drawn]:
    """A mistake that moved nothing, and what should have been charted, at the same moment or another."""
    kind, data = draw(st.one_of(quiet_facts(bleeding=True), st.sampled_from(SIGNS_OF_STOP)))
    after_ms = draw(st.integers(1, WINDOW_MIN)) * 60_000 + 1
    stands = draw(st.sampled_from([0, 1000, 60_000, 600_000, 3_600_000]))
    mistake = Mistake(Drawn(kind, data, after_ms, STRUCK_ID), 0, stands)
    earlier_ms = draw(st.sampled_from([0, 0, 0, 60_001]))
    return mistake, Drawn(*draw(quiet_facts(bleeding=True)), max(after_ms - earlier_ms, 1), STRIKE_ID)


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


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(STATES), quiet_hours(max_size=6), corrections())
def test_a_corrected_fact_might_as_well_have_been_charted_right(
    state: str, facts: list[Drawn], drawn: tuple[Mistake, Drawn]
) -> None:
    hold_corrected(state, facts, *drawn)


@pytest.mark.drill
@pytest.mark.timeout(1200)
@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(STATES), quiet_hours(), corrections())
def test_a_corrected_fact_never_leaves_a_trace_in_what_is_true(
    state: str, facts: list[Drawn], drawn: tuple[Mistake, Drawn]
) -> None:
    hold_corrected(state, facts, *drawn)
