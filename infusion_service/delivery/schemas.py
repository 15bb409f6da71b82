"""JSON Schemas of what is delivered: one per event type, at an address that never moves.

Versioning: a type's version rises only when a receiver that ignores what it does not know would break; then both are
sent for the time `docs/integrators.md` names. Promises: schemas are as open as receivers must be (unknown members are
allowed); every body rendered from an entry satisfies the schema of its type. Does not: judge facts (`clinical.facts`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from infusion_service.clinical.definition import Field
from infusion_service.clinical.ledger import (
    ALERT_ANSWERED,
    ALERT_CLOSED,
    ALERT_ESCALATED,
    ALERT_RAISED,
    CHECK_OVERDUE,
    COURSE_CARRIED,
    OVERRIDE_USED,
)
from infusion_service.clinical.workflow import Workflow
from infusion_service.delivery.rendering import event_type, schema_url

DIALECT = "https://json-schema.org/draft/2020-12/schema"

DERIVED_TYPES = (
    ALERT_ANSWERED,
    ALERT_CLOSED,
    ALERT_ESCALATED,
    ALERT_RAISED,
    CHECK_OVERDUE,
    COURSE_CARRIED,
    OVERRIDE_USED,
)
OWN_TYPES = (
    "delivery.dropped",
    "delivery.parked",
    "delivery.retried",
    "endpoint.changed",
    "endpoint.config_error",
    "endpoint.created",
    "endpoint.disabled",
    "endpoint.enabled",
    "endpoint.failing",
    "endpoint.filter_changed",
    "endpoint.heartbeat",
    "endpoint.held",
    "endpoint.recovered",
    "endpoint.removed",
    "endpoint.replayed",
    "endpoint.secret_ended",
    "endpoint.secret_rotated",
    "webhook.ping",
)
"""What the service says of endpoints themselves."""

_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
_COUNTER = {"type": "string", "pattern": "^[0-9]{10}$"}
_OBJECT = {"type": "object"}
_ACTOR = {
    "type": "object",
    "required": ["id", "role", "how"],
    "properties": {"id": _TEXT, "role": _TEXT, "how": _TEXT},
}
_SIMPLE: Mapping[str, dict[str, Any]] = {
    "text": _TEXT,
    "texts": {"type": "array", "items": _TEXT},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "decimal": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "description": "A decimal, exactly."},
    "choice": _TEXT,
    "choices": {"type": "array", "items": _TEXT},
    "time": _TIME,
    "date": {"type": "string", "format": "date"},
    "id": _TEXT,
    "ids": {"type": "array", "items": _TEXT},
}


def delivered_types(workflows: Iterable[Workflow]) -> list[str]:
    """Entry types that can be delivered, sorted."""
    facts = {name for workflow in workflows for name in workflow.facts}
    return sorted(facts | set(DERIVED_TYPES) | set(OWN_TYPES))


def schema_of(entry_type: str, workflows: Sequence[Workflow], *, base: str) -> dict[str, Any]:
    """The schema of the whole body, CloudEvents attributes and data."""
    required = ["specversion", "id", "source", "type", "subject", "time", "recordedtime", "dataschema", "data"]
    own = entry_type in OWN_TYPES
    return {
        "$schema": DIALECT,
        "$id": schema_url(base, entry_type),
        "title": event_type(entry_type),
        "type": "object",
        "required": required if own else [*required, "sequence", "epsequence", "partitionkey"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": _TEXT,
            "source": _TEXT,
            "type": {"const": event_type(entry_type)},
            "subject": {**_TEXT, "description": "The day."},
            "time": {**_TIME, "description": "When it happened."},
            "recordedtime": {**_TIME, "description": "When the service received it."},
            "sequence": {**_COUNTER, "description": "Place in the day's own stream."},
            "epsequence": {**_COUNTER, "description": "Place in the endpoint's sequence, without a gap."},
            "partitionkey": _TEXT,
            "causationid": {**_TEXT, "description": "The event that made this follow."},
            "dataref": {**_TEXT, "description": "Set where the data was too large; read it there."},
            "dataschema": {"const": schema_url(base, entry_type)},
            "data": _OBJECT if own else _data(entry_type, workflows),
        },
    }


def _data(entry_type: str, workflows: Sequence[Workflow]) -> dict[str, Any]:
    """Data of an entry: thin, or full with everything below `actor`."""
    facts = [workflow.facts[entry_type].fields for workflow in workflows if entry_type in workflow.facts]
    shapes = [_fields(fields) for fields in facts]
    return {
        "type": "object",
        "required": ["entry_id", "seq", "kind", "type", "day_id", "href"],
        "properties": {
            "entry_id": _TEXT,
            "seq": {"type": "integer", "minimum": 1},
            "kind": {"enum": ["fact", "derived"]},
            "type": {"const": entry_type},
            "day_id": _TEXT,
            "ward": {"type": ["string", "null"]},
            "href": {**_TEXT, "description": "Where the day can be read."},
            "actor": _ACTOR,
            "second": _ACTOR,
            "occurred_at": _TIME,
            "recorded_at": _TIME,
            "patient": {"type": "object", "description": "As it was scheduled."},
            "outcome": {"type": "object", "properties": {"state_from": _TEXT, "state_to": _TEXT}},
            "data": shapes[0] if len(shapes) == 1 else {"anyOf": shapes} if shapes else _OBJECT,
        },
    }


def _fields(fields: Mapping[str, Field]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": sorted(name for name, field in fields.items() if not field.optional),
        "properties": {name: _field(field) for name, field in fields.items()},
    }


def _field(field: Field) -> dict[str, Any]:
    if field.type == "object":
        return _fields(field.fields)
    if field.type == "list":
        return {"type": "array", "items": _fields(field.fields) if field.fields else {}}
    return _SIMPLE[field.type]
