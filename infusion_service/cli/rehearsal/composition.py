"""Turning what a script writes into the fact a ward would post: times, references, filled-in signs, people.

Promises: wall times in fields that hold a time become moments on the day's date; labels become event ids and alert
rules become alert ids; everything else is passed on untouched, so that the service judges it. Does not: post
(`posting`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from infusion_service.cli.rehearsal.script import Post, SecondPerson
from infusion_service.cli.rehearsal.wall_time import WallTime
from infusion_service.cli.rehearsal.ward import Person
from infusion_service.clinical.definition import FactType, Field
from infusion_service.clinical.guard_definition import Override
from infusion_service.clinical.vocabulary import JSON, format_time
from infusion_service.clinical.workflow import Workflow

SECOND = 2
"""Second persons are always somebody other than the one who posts."""

_ALERT_FIELDS = ("alert", "alerts")
_FALLBACK_ROLE = "nurse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the values of one post refer to. `shift` moves the wall times of a routine."""

    day: date
    zone: ZoneInfo
    labels: Mapping[str, str]
    alert_ids: Mapping[str, str]
    shift: timedelta = timedelta()


def names_alerts(fact: FactType | None) -> bool:
    """Tell whether a fact refers to alerts, so that the ids of the open ones are needed to compose it."""
    return fact is not None and any(name in fact.fields for name in _ALERT_FIELDS)


def resolve(data: Mapping[str, Any], fields: Mapping[str, Field], context: Context) -> dict[str, Any]:
    """Return `data` with times and references in the form the wire wants."""
    return {name: _resolved(name, value, fields.get(name), context) for name, value in data.items()}


def fill(data: Mapping[str, Any], fact: FactType, unremarkable: Mapping[str, Any]) -> dict[str, Any]:
    """Fill the signs that `data` does not name, leaving out what it says could not be recorded."""
    unrecordable = set(data.get("unrecordable", ()))
    unrecordable |= {sign for signs in fact.together if unrecordable & {*signs} for sign in signs}
    filled = {sign: value for sign, value in unremarkable.items() if sign in fact.fields and sign not in unrecordable}
    return {**filled, **data}


def poster(post: Post, fact: FactType | None) -> Person:
    """Return who posts: the role the script names, else the first one the workflow allows."""
    return Person(post.by or (fact.by[0] if fact is not None and fact.by else _FALLBACK_ROLE))


def second_person(post: Post, fact: FactType | None, workflow: Workflow) -> Person | None:
    """Return who stands in as the second person: as the script says, else wherever the workflow requires one."""
    if post.second is False or fact is None or fact.second is None:
        return None
    if isinstance(post.second, SecondPerson) and post.second.by is not None:
        return Person(post.second.by, SECOND)
    if fact.second == "independent":
        return Person(_FALLBACK_ROLE if _FALLBACK_ROLE in fact.by else fact.by[0], SECOND)
    override = _override(post, workflow)
    if override is not None and override.alone and post.second is None:
        return None
    if override is not None and override.consent:
        return Person(override.consent[0], SECOND)
    return Person(_FALLBACK_ROLE, SECOND)


def _override(post: Post, workflow: Workflow) -> Override | None:
    guard = workflow.guards.get(str(post.data.get("guard")))
    return None if guard is None else guard.override


def _resolved(name: str, value: JSON, field: Field | None, context: Context) -> JSON:
    if field is None:
        return value
    if isinstance(value, list):
        return [_resolved(name, item, field, context) for item in value]
    if isinstance(value, dict):
        return resolve(value, field.fields, context)
    if isinstance(value, str) and field.type == "time":
        return _moment(value, context)
    if isinstance(value, str) and field.type in ("id", "ids"):
        known = context.alert_ids if name in _ALERT_FIELDS else context.labels
        return known.get(value, value)
    return value


def _moment(value: str, context: Context) -> str:
    try:
        wall = WallTime.parse(value)
    except ValueError:
        return value
    return format_time(wall.moment(context.day, context.zone) + context.shift)
