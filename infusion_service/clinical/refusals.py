"""The refusals that several rooms of the core give, worded once."""

from __future__ import annotations

from infusion_service.clinical.definition import FactType
from infusion_service.clinical.picture import Fact
from infusion_service.clinical.vocabulary import Actor, Refusal, format_time, texts
from infusion_service.clinical.workflow import Workflow


def invalid(pointer: str, detail: str) -> Refusal:
    """422 invalid_fact for one member."""
    return Refusal(
        code="invalid_fact",
        status=422,
        detail=f"{pointer}: {detail}",
        members={"errors": [{"pointer": pointer, "detail": detail}]},
    )


def not_known(workflow: Workflow, *, second: str | None = None) -> Refusal:
    """422 invalid_fact for a type of fact that the workflow does not have (or that wants no such second person)."""
    known = [name for name, fact in workflow.facts.items() if fact.by and (second is None or fact.second == second)]
    kind = "a fact of this workflow" if second is None else "a fact that wants a double check"
    return invalid(
        "/type" if second is None else "/data/type",
        # Without the type itself: whoever mistook a field may have written a name there.
        f"is not {kind}; known: {texts(known)}",
    )


def role_not_permitted(actor: Actor, fact: FactType) -> Refusal:
    """403 for a role that may not post this fact."""
    allowed = list(fact.by)
    who = " or ".join(allowed) or "the service alone"
    return Refusal(
        code="role_not_permitted",
        status=403,
        detail=f"{fact.title}: {who} may post this, not {actor.role}",
        members={"allowed": allowed},
    )


def role_not_permitted_to_strike(actor: Actor, roles: tuple[str, ...]) -> Refusal:
    """403 for striking what somebody else entered."""
    return Refusal(
        code="role_not_permitted",
        status=403,
        detail=f"only who entered it, or {' or '.join(roles)}, may strike it, not {actor.role}",
        members={"allowed": list(roles)},
    )


def transition_not_allowed(workflow: Workflow, state: str) -> Refusal:
    """409 for a move that is not legal from the state the day is in (or was in, for a late fact)."""
    allowed = workflow.table.allowed(state)
    title = workflow.states[state].title if state in workflow.states else state
    possible = texts([workflow.facts[name].title for name in dict.fromkeys(allowed)])
    return Refusal(
        code="transition_not_allowed",
        status=409,
        # The codes are in the members: the sentence is read by a person.
        detail=f"not possible while the day is: {title}; possible: {possible or 'no move'}",
        members={"state": state, "allowed": allowed},
    )


def conflicts_with_later(workflow: Workflow, later: Fact) -> Refusal:
    """409 for a late fact or a strike with which a later fact could not have been."""
    title = workflow.facts[later.type].title
    return Refusal(
        code="conflicts_with_later",
        status=409,
        detail=f'with this, "{title}" of {format_time(later.at)} would not have been possible',
        members={"event_id": later.id, "type": later.type},
    )
