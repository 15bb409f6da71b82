"""Judges a submission: the entries it becomes, or the refusal it gets.

Promises: pure - the same course, day, submission and moment give the same answer. A refusal names everything that
fails, what would satisfy it and who may override it. What is accepted comes with everything that follows from it. Order
of the checks (design 2): shape, role, If-Match, time, move, course rules, guards, second person. Does not: look for an
earlier decision on the event id, assign sequence numbers, or write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from infusion_service.clinical.appending import Appending
from infusion_service.clinical.consequences import consequences
from infusion_service.clinical.corrections import Correction, newly_illegal, read_correction, special_refusal
from infusion_service.clinical.course import Course, ordinal_of, with_day
from infusion_service.clinical.course_rules import refused_by_course
from infusion_service.clinical.day import Day, evolve, refold
from infusion_service.clinical.decisions import refusal_of, refused_entry, same_submission
from infusion_service.clinical.facts import read_fact
from infusion_service.clinical.guards import Failing, Situation, failing_guards
from infusion_service.clinical.ledger import OVERRIDE_USED, GrantedOverride
from infusion_service.clinical.moves import Placed, place
from infusion_service.clinical.refusals import conflicts_with_later, not_known, role_not_permitted
from infusion_service.clinical.second_person import (
    Witness,
    consenting_second,
    independent_second,
    usable_override,
)
from infusion_service.clinical.timing import Times, read_times
from infusion_service.clinical.vocabulary import DOUBLE_CHECK_ENTERED, Entry, Refusal, Submission

__all__ = ["Accepted", "decide", "refusal_of", "refused_entry", "same_submission", "settle", "tick"]


class Accepted(msgspec.Struct, frozen=True):
    """What a decision appends, in order, and the day folded over all of it."""

    entries: tuple[Entry, ...]
    day: Day


def decide(
    course: Course,
    day: Day,
    submissions: Sequence[Submission],
    now: datetime,
    *,
    moves_held: bool = False,
    corrects_elsewhere: bool = False,
    settled: bool = True,
) -> Accepted | Refusal:
    """Judge one submission, or several that stand or fall together, received at `now`.

    Alerts are decided once, after the last one. A refusal of a group carries the `index` of the submission that failed.
    `corrects_elsewhere` says that the caller has seen to the strike of a corrected entry on another day. Without
    `settled` nothing is derived yet: more of the same batch follows, and the caller settles the day after its last.
    """
    entries: list[Entry] = []
    working = day
    together = len(submissions) > 1
    for index, submission in enumerate(submissions):
        answer = _decide_one(course, working, submission, now, corrects_elsewhere=corrects_elsewhere, together=together)
        if isinstance(answer, Refusal):
            return replace(answer, index=index)
        entries += answer.entries
        working = answer.day
    later = newly_illegal(day.picture, working.picture) if together else None
    if later is not None:
        moving = (index for index, one in enumerate(submissions) if day.workflow.table.moves(one.type))
        return replace(conflicts_with_later(day.workflow, later), index=next(moving, 0))
    if not settled:
        return Accepted(tuple(entries), working)
    followed = settle(course, working, now, cause=submissions[-1].event_id, moves_held=moves_held)
    return Accepted((*entries, *followed.entries), followed.day)


def settle(course: Course, day: Day, now: datetime, *, cause: str, moves_held: bool = False) -> Accepted:
    """Append what follows from the facts that were accepted last; `cause` is the last of them."""
    entries, after = consequences(course, day, now, cause=cause, moves_held=moves_held)
    return Accepted(entries, after)


def tick(course: Course, day: Day, now: datetime, *, moves_held: bool = False) -> Accepted:
    """Append what has become true by itself until `now`; may be nothing."""
    entries, after = consequences(course, day, now, moves_held=moves_held)
    return Accepted(entries, after)


# The order of the checks is the contract; each line is one of them, and splitting the list would hide it.
def _decide_one(  # noqa: PLR0911
    course: Course, day: Day, submission: Submission, now: datetime, *, corrects_elsewhere: bool, together: bool
) -> Accepted | Refusal:
    if submission.type == DOUBLE_CHECK_ENTERED:
        return _double_check(day, submission, now)
    fact = day.workflow.facts.get(submission.type)
    if fact is None:
        return not_known(day.workflow)
    data = read_fact(fact, submission.data, emergency=_in_emergency(day, submission))
    if isinstance(data, Refusal):
        return data
    if not day.workflow.may_post(submission.actor.role, submission.type):
        return role_not_permitted(submission.actor, fact)
    if submission.if_match is not None and submission.if_match != day.version:
        detail = f"the day is at version {day.version}, not {submission.if_match}: read it again"
        return Refusal(code="version_conflict", status=412, detail=detail, members={"day_version": day.version})
    times = read_times(submission, fact, day.workflow.definition.time, now)
    if isinstance(times, Refusal):
        return times
    correction = read_correction(day, submission, data, elsewhere=corrects_elsewhere)
    if isinstance(correction, Refusal):
        return correction
    placed = place(day, correction, submission, data, times, together=together)
    if isinstance(placed, Refusal):
        return placed
    return _judge(course, day, submission, placed, correction, now)


def _in_emergency(day: Day, submission: Submission) -> bool:
    """Tell whether the day is in an emergency, or was when the fact happened (a collapse is charted afterwards)."""
    states, last_at, at = day.workflow.states, day.picture.last_at, submission.occurred_at
    if states[day.state or day.workflow.initial].emergency:
        return True
    confirmed = isinstance(submission.data, Mapping) and submission.data.get("confirmed") is True
    if not confirmed or at is None or last_at is None or at >= last_at:
        return False
    then = refold(day.charted, day.ledger, day.workflow, until=at).state
    return then is not None and states[then].emergency


def _judge(
    course: Course, day: Day, submission: Submission, placed: Placed, correction: Correction, now: datetime
) -> Accepted | Refusal:
    refusal = special_refusal(course, day, submission, placed.data)
    if refusal is None and day.workflow.course_rules_on(submission.type):
        refusal = refused_by_course(with_day(course, day), day, submission.type, placed.data)
    if refusal is not None:
        return refusal
    used = _overridden(course, day, submission, placed)
    if isinstance(used, Refusal):
        return used
    witness = _witness(day, submission, placed)
    if isinstance(witness, Refusal):
        return witness
    if witness.override is not None:
        used.append(witness.override)
    entry = _entry(day, submission, placed, correction, witness, now)
    out = Appending(evolve(day, entry), now, submission.event_id)
    for override in used:
        data = {"fact": submission.event_id, "override": override.id, "reason": override.reason, "rule": override.guard}
        out.derive(OVERRIDE_USED, override.guard, data, placed.times.occurred_at)
    return Accepted((entry, *out.entries), out.day)


def _overridden(course: Course, day: Day, submission: Submission, placed: Placed) -> list[GrantedOverride] | Refusal:
    """Return the overrides that stand for guards that fail, or the refusal naming those that nothing stands for."""
    if not day.workflow.guards_on(submission.type):
        return []
    course = with_day(course, day)
    situation = Situation(
        fact_type=submission.type,
        data=placed.data,
        at=placed.times.occurred_at,
        picture=placed.before,
        course=course,
        ordinal=ordinal_of(course, day) if day.date is not None else 0,
        workflow=day.workflow,
        unconfirmed_since=day.ledger.unconfirmed_since(),
    )
    used: list[GrantedOverride] = []
    blocking: list[Failing] = []
    for failing in failing_guards(situation):
        override = usable_override(day.ledger, failing.guard.id, placed.times.occurred_at)
        if failing.override is not None and override is not None:
            used.append(override)
        else:
            blocking.append(failing)
    if not blocking:
        return used
    return Refusal(
        code="guard_not_satisfied",
        status=409,
        detail="; ".join(failing.reason for failing in blocking),
        members={"guards": [failing.as_json() for failing in blocking]},
    )


def _witness(day: Day, submission: Submission, placed: Placed) -> Witness | Refusal:
    wanted = day.workflow.facts[submission.type].second
    if wanted == "independent":
        return independent_second(submission, placed.data, placed.times.occurred_at, day.ledger, day.workflow)
    if wanted == "consent":
        return consenting_second(submission, placed.data, day.workflow)
    return Witness()


def _entry(
    day: Day, submission: Submission, placed: Placed, correction: Correction, witness: Witness, now: datetime
) -> Entry:
    scheduling = day.state is None
    data = {name: value for name, value in placed.data.items() if not (scheduling and name == "workflow")}
    return Entry(
        entry_id=submission.event_id,
        kind="fact",
        type=submission.type,
        stream=day.day_id,
        occurred_at=placed.times.occurred_at,
        received_at=now,
        actor=submission.actor,
        data=data,
        outcome=placed.outcome,
        day_version=day.version + 1,
        recorded_at=placed.times.recorded_at,
        sent_at=submission.sent_at,
        claimed=placed.times.claimed,
        second=witness.second,
        device=submission.device,
        session=submission.session,
        workflow=day.workflow.ref.as_json() if scheduling else None,
        corrects=correction.corrects,
        group=submission.group,
        late_reason=submission.late_reason,
    )


def _double_check(day: Day, submission: Submission, now: datetime) -> Accepted | Refusal:
    """Accept the first person's blind entry; it is judged only for shape and role."""
    given: Any = submission.data if isinstance(submission.data, dict) else {}
    fact = day.workflow.facts.get(str(given.get("type")))
    if fact is None or fact.second != "independent":
        return not_known(day.workflow, second="independent")
    data = read_fact(fact, given.get("data", {}), emergency=False)
    if isinstance(data, Refusal):
        return data
    if not day.workflow.may_post(submission.actor.role, given["type"]):
        return role_not_permitted(submission.actor, fact)
    times: Times | Refusal = read_times(submission, fact, day.workflow.definition.time, now)
    if isinstance(times, Refusal):
        return times
    entry = Entry(
        entry_id=submission.event_id,
        kind="fact",
        type=DOUBLE_CHECK_ENTERED,
        stream=day.day_id,
        occurred_at=times.occurred_at,
        received_at=now,
        actor=submission.actor,
        data={"data": data, "type": given["type"]},
        recorded_at=times.recorded_at,
        sent_at=submission.sent_at,
        claimed=times.claimed,
        device=submission.device,
        session=submission.session,
    )
    return Accepted((entry,), evolve(day, entry))
