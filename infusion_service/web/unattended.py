"""What a tablet gets to see while nobody is signed in on it.

A locked screen hangs where anybody passes, and a tablet that is carried off holds its device token until it is revoked.
Promises: a device's own token reads initials, figures, times and choices, in every answer and on the stream; no name,
no identifier and nothing that somebody wrote in words. All that a stop or an emergency needs is left. Does not: decide
which days are in reach (`reach`), or which routes (`routes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infusion_service.access.identity import Identity
from infusion_service.clinical.day import Day
from infusion_service.clinical.definition import Field

_WORDS = frozenset({"text", "texts"})
"""Types of field in which a person writes what they like."""

_OF_A_REFUSAL = ("code", "status", "type", "rule", "guards")
_PATIENT = "patient"
_COPIED_WORDS = "reason"
"""What the service's own entries repeat of what a person wrote."""


def is_unattended(caller: Identity) -> bool:
    """Whether a device asks with nobody signed in on it."""
    return caller.kind == "device"


def initials_of(patient: Mapping[str, Any]) -> str:
    """Return what a screen calls a patient by when anybody may look at it."""
    return "".join(str(patient.get(part, ""))[:1] for part in ("given", "family"))


def patient_for(caller: Identity, patient: Mapping[str, Any]) -> dict[str, Any]:
    """Return the patient as the caller sees them: with a name, or by pseudonym and initials."""
    if not is_unattended(caller):
        return dict(patient)
    return {"id": patient.get("id"), "initials": initials_of(patient)}


def view_for(caller: Identity, view: dict[str, Any]) -> dict[str, Any]:
    """Return a day's view as the caller sees it."""
    if not is_unattended(caller):
        return view
    return {
        **view,
        "patient": patient_for(caller, view["patient"]),
        "bag": None if view["bag"] is None else {**view["bag"], "batch": None},
        "overrides": [{**override, "reason": None} for override in view["overrides"]],
    }


def entry_for(caller: Identity, entry: dict[str, Any], day: Day | None) -> dict[str, Any]:
    """Return an entry of `day`, as the wire shows it, as the caller sees it."""
    if "data" not in entry or not is_unattended(caller):
        return entry
    data: Mapping[str, Any] = entry["data"]
    match entry["kind"]:
        case "fact":
            kind = None if day is None else day.workflow.facts.get(entry["type"])
            left = {} if kind is None else _without_words(data, kind.fields)
        case "derived":
            left = {name: value for name, value in data.items() if name != _COPIED_WORDS}
        case "refused":
            left = {name: data[name] for name in _OF_A_REFUSAL if name in data}
        case _:
            left = {}
    return {**{name: value for name, value in entry.items() if name != "late_reason"}, "data": left}


def _without_words(data: Mapping[str, Any], fields: Mapping[str, Field]) -> dict[str, Any]:
    left: dict[str, Any] = {}
    for name, value in data.items():
        field = fields.get(name)
        # A date of birth is no words, and still says who it is: of the patient nothing is left.
        if field is None or field.type in _WORDS or name == _PATIENT:
            continue
        left[name] = _left_of(value, field)
    return left


def _left_of(value: Any, field: Field) -> Any:
    match value:
        case dict() if field.fields:
            return _without_words(value, field.fields)
        case list() if field.fields:
            return [_without_words(item, field.fields) for item in value]
        case _:
            return value
