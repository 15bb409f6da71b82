"""Where a fact takes its place in the clinical order, and whether the day still makes sense with it there.

Promises: a fact that is in order is judged on the day as it is; a late one on the day as it was when it happened, with
what is known now, and the rest of the day must still be possible - unless it is an emergency, which is then declared
now with its own time kept. Facts without a move are never refused for the state of the day.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from infusion_service.clinical.corrections import Correction, newly_illegal
from infusion_service.clinical.day import Day, refold
from infusion_service.clinical.fold import is_on_the_date
from infusion_service.clinical.picture import Fact, Picture
from infusion_service.clinical.refusals import conflicts_with_later, transition_not_allowed
from infusion_service.clinical.timing import Times
from infusion_service.clinical.trail import Trail
from infusion_service.clinical.vocabulary import Refusal, Submission, format_time


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A fact in its place: the picture just before it, and the move it makes."""

    before: Picture
    data: Mapping[str, Any]
    times: Times
    outcome: Mapping[str, str]


# One way in and one answer for each of the ways a fact can lie in time; splitting them would hide their order.
def place(  # noqa: C901, PLR0911  # see above
    day: Day,
    correction: Correction,
    submission: Submission,
    data: Mapping[str, Any],
    times: Times,
    *,
    together: bool = False,
) -> Placed | Refusal:
    """Find the fact's place. 409 transition_not_allowed, or conflicts_with_later naming the fact that could not be.

    `together`: others of its group follow, which may put the day right again; the caller looks when all are placed.
    """
    workflow, at = day.workflow, times.occurred_at
    whole = correction.picture
    in_order = whole.last_at is None or at >= whole.last_at
    before = whole if in_order else refold(correction.charted, day.ledger, workflow, until=at)
    if workflow.meaning.get(submission.type) == "scheduling":
        if day.state is not None:
            return transition_not_allowed(day.workflow, day.state)
        return Placed(before=before, data=data, times=times, outcome={"state_to": workflow.initial})
    if not workflow.table.moves(submission.type):
        if correction.removes_move and (later := _illegal(day, correction, submission, data, times)) is not None:
            return conflicts_with_later(workflow, later)
        return Placed(before=before, data=data, times=times, outcome={})
    on_the_date = is_on_the_date(before, at, workflow)
    state = before.state or ""
    target = workflow.table.target(state, submission.type, data, on_the_date=on_the_date)
    if target is None:
        if workflow.facts[submission.type].move_optional:
            return Placed(before=before, data=data, times=times, outcome={})
        if not in_order and workflow.meaning[submission.type] == "emergency":
            return _emergency_now(day, correction, submission, data, times)
        return transition_not_allowed(workflow, state)
    is_emergency = workflow.meaning[submission.type] == "emergency"
    if (not in_order or correction.corrects is not None) and (is_emergency or not together):
        later = _illegal(day, correction, submission, data, times)
        if later is not None:
            if is_emergency:
                return _emergency_now(day, correction, submission, data, times)
            return conflicts_with_later(workflow, later)
    outcome = {"state_from": state, "state_to": target}
    return Placed(before=before, data=data, times=times, outcome=outcome)


def _illegal(
    day: Day, correction: Correction, submission: Submission, data: Mapping[str, Any], times: Times
) -> Fact | None:
    """Return the first fact that would no longer be possible with this one in its place."""
    fact = Fact(submission.event_id, submission.type, times.occurred_at, data, submission.actor)
    charted: Trail[Fact] = correction.charted.plus(fact)
    return newly_illegal(day.picture, refold(charted, day.ledger, day.workflow))


def _emergency_now(
    day: Day, correction: Correction, submission: Submission, data: Mapping[str, Any], times: Times
) -> Placed | Refusal:
    """A late emergency whose place conflicts is declared now; when it was called stays on record as data."""
    last_at = correction.picture.last_at or times.occurred_at
    kept = {**data, "occurred_at": format_time(times.occurred_at)}
    claimed = {**(times.claimed or {}), "occurred_at": format_time(times.occurred_at)}
    moved = replace(times, occurred_at=max(last_at, times.occurred_at), claimed=claimed)
    whole = correction.picture
    on_the_date = is_on_the_date(whole, moved.occurred_at, day.workflow)
    target = day.workflow.table.target(whole.state or "", submission.type, data, on_the_date=on_the_date)
    if target is None:
        return transition_not_allowed(day.workflow, whole.state or "")
    outcome = {"state_from": whole.state or "", "state_to": target}
    return Placed(before=whole, data=kept, times=moved, outcome=outcome)
