"""Striking and replacing what was charted, and the few facts that name other entries.

Promises: nothing is erased; a struck fact leaves the clinical picture from now on and stays in the log. Who entered it,
a charge nurse or a prescriber may strike; a strike that would make the rest of the day impossible is refused. Strike
and replacement (`corrects`) are one append.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from infusion_service.clinical.course import Course
from infusion_service.clinical.day import Day, refold
from infusion_service.clinical.picture import Fact, Picture
from infusion_service.clinical.refusals import conflicts_with_later, invalid, role_not_permitted_to_strike
from infusion_service.clinical.trail import Trail
from infusion_service.clinical.vocabulary import SERVICE_ROLE, Refusal, Submission
from infusion_service.clinical.watched import refused_diagnosis, refused_laboratory

STRIKING_ROLES = ("charge_nurse", "prescriber")


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """The day as a new fact meets it: without the entry it corrects, where it corrects one."""

    corrects: str | None
    charted: Trail[Fact]
    picture: Picture
    removes_move: bool = False


def read_correction(
    day: Day, submission: Submission, data: Mapping[str, Any], *, elsewhere: bool
) -> Correction | Refusal:
    """Judge `corrects`, or the target of a strike. 422 invalid_fact, 403 role_not_permitted, 409
    conflicts_with_later."""
    meaning = day.workflow.meaning.get(submission.type)
    plain = Correction(corrects=submission.corrects, charted=day.charted, picture=day.picture)
    if meaning == "strike":
        target = _strikable(day, data["entry"], submission, "/data/entry")
        if isinstance(target, Refusal):
            return target
        without = _without(day, target.id)
        later = newly_illegal(day.picture, without.picture)
        if later is not None:
            return conflicts_with_later(day.workflow, later)
        return plain
    if submission.corrects is None or elsewhere:
        return plain
    target = _strikable(day, submission.corrects, submission, "/corrects")
    return target if isinstance(target, Refusal) else _without(day, target.id)


def newly_illegal(before: Picture, after: Picture) -> Fact | None:
    """Return the first move that was possible before a change of what is charted and is not after it."""
    known = {fact.id for fact in before.illegal}
    return next((fact for fact in after.illegal if fact.id not in known), None)


def _without(day: Day, target: str) -> Correction:
    kept: Trail[Fact] = Trail([fact for fact in day.charted if fact.id != target])
    struck = day.fact(target)
    moved = struck is not None and day.workflow.table.moves(struck.type)
    picture = refold(kept, day.ledger, day.workflow)
    return Correction(corrects=target, charted=kept, picture=picture, removes_move=moved)


def _strikable(day: Day, target: str, submission: Submission, pointer: str) -> Fact | Refusal:
    fact = day.fact(target)
    if fact is None:
        return invalid(pointer, "names no fact of this day")
    if fact.id in day.ledger.struck:
        return invalid(pointer, "names a fact that is struck already")
    if day.workflow.meaning.get(fact.type) in ("scheduling", "strike") or fact.actor.role == SERVICE_ROLE:
        return invalid(pointer, f"names a {fact.type}, which cannot be struck")
    actor = submission.actor
    if actor.id != fact.actor.id and actor.role not in STRIKING_ROLES:
        return role_not_permitted_to_strike(actor, STRIKING_ROLES)
    return fact


def special_refusal(course: Course, day: Day, submission: Submission, data: Mapping[str, Any]) -> Refusal | None:
    """Refuse facts that name an alert or entry which is not there, or something watched by a name the rules do not
    know. 422 invalid_fact, implausible."""
    meaning = day.workflow.meaning.get(submission.type)
    if meaning in ("lab_sampled", "lab_resulted"):
        return refused_laboratory(day.workflow.definition, data)
    if meaning == "diagnosis":
        return refused_diagnosis(day.workflow.definition, data)
    if meaning == "acknowledgement" and data["alert"] not in day.ledger.alerts:
        return invalid("/data/alert", "names no alert of this day")
    if meaning == "review":
        elsewhere = {flag.alert_id for other in course.days for flag in other.flags}
        for index, alert in enumerate(data.get("alerts", ())):
            if alert not in day.ledger.alerts and alert not in elsewhere:
                return invalid(f"/data/alerts/{index}", "names no alert of this day or course")
    if meaning == "confirmation" and data["entry"] not in day.ledger.unconfirmed:
        return invalid("/data/entry", "names no entry that waits for a confirmation")
    return None
