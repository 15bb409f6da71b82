"""Two people: the independent double check and the consenting second person.

Promises: a second person is somebody else, in another session, with their own credential; the blind entry must agree to
the last digit, and a mismatch never tells the values. Source: the workflow's `second` and its `second_person` guard.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from infusion_service.clinical import guard_definition
from infusion_service.clinical.ledger import DoubleCheck, GrantedOverride, Ledger
from infusion_service.clinical.vocabulary import CLINICAL_ROLES, Actor, Refusal, Submission
from infusion_service.clinical.workflow import Workflow


class Witness(msgspec.Struct, frozen=True):
    """Who the second person was; `override` is set where a sole nurse's override stands for one."""

    second: Actor | None = None
    override: GrantedOverride | None = None


def usable_override(ledger: Ledger, guard_id: str, at: datetime) -> GrantedOverride | None:
    """Return an override of the guard that is valid at the moment and not used up."""
    for override in ledger.overrides.values():
        if override.guard == guard_id and not override.used_by and override.at <= at <= override.until:
            return override
    return None


def usable_double_checks(ledger: Ledger, fact_type: str, at: datetime, workflow: Workflow) -> Iterable[DoubleCheck]:
    """Yield the double checks of a fact that are neither spent nor too old."""
    valid = timedelta(minutes=workflow.definition.time.double_check_valid_min)
    for check in ledger.double_checks.values():
        if check.type == fact_type and not check.spent and at - check.at <= valid:
            yield check


def independent_second(
    submission: Submission, data: Mapping[str, Any], at: datetime, ledger: Ledger, workflow: Workflow
) -> Witness | Refusal:
    """Find the blind entry that agrees, or say what is missing. 409 second_person_required or double_check_mismatch."""
    by_others = [
        check
        for check in usable_double_checks(ledger, submission.type, at, workflow)
        if check.by.id != submission.actor.id
        and check.by.id not in submission.barred
        and not (check.session and check.session == submission.session)
    ]
    for check in by_others:
        if check.data == data:
            return Witness(second=check.by)
    if by_others:
        return Refusal(
            code="double_check_mismatch",
            status=409,
            detail="the two entries differ: both people look again and enter it anew",
        )
    for guard in workflow.guards_on(submission.type):
        if isinstance(guard, guard_definition.SecondPerson):
            override = usable_override(ledger, guard.id, at)
            if override is not None:
                return Witness(override=override)
    return Refusal(
        code="second_person_required",
        status=409,
        detail=(
            "a second person must enter the same values first, without seeing these (POST /v1/double-checks)"
            f" within {workflow.definition.time.double_check_valid_min} min"
        ),
    )


def consenting_second(submission: Submission, data: Mapping[str, Any], workflow: Workflow) -> Witness | Refusal:
    """Check the consent of the second person a `2c` fact names. 409 second_person_required, 422, 403 as they apply."""
    guard = workflow.guards.get(data.get("guard", ""))
    if guard is None or guard.override is None:
        known = [guard.id for guard in workflow.guards.values() if guard.override is not None]
        detail = f"is not a guard that may be overridden; these may: {', '.join(known)}"
        return Refusal(
            code="invalid_fact",
            status=422,
            detail=f"/data/guard: {detail}",
            members={"errors": [{"pointer": "/data/guard", "detail": detail}]},
        )
    override = guard.override
    if not holds_role(submission.actor, override.by, workflow):
        return Refusal(
            code="role_not_permitted",
            status=403,
            detail=f"{guard.id} may be overridden by {' or '.join(override.by)}",
            members={"allowed": list(override.by)},
        )
    if override.alone:
        return Witness()
    wanted = override.consent or tuple(role for role in CLINICAL_ROLES if role != "device")
    second = submission.second
    if second is None or second.id == submission.actor.id or not holds_role(second, wanted, workflow):
        who = " or ".join(wanted)
        return Refusal(
            code="second_person_required",
            status=409,
            detail=f"a second person ({who}) must consent with their own credential",
            members={"allowed": list(wanted)},
        )
    return Witness(second=second)


def holds_role(actor: Actor, roles: Iterable[str], workflow: Workflow) -> bool:
    """Tell whether an actor has one of the roles, directly or as one who may do all that another role may."""
    held = {actor.role, *workflow.definition.roles.get(actor.role, ())}
    return not held.isdisjoint(roles)
