"""Load-time checks of the facts of a workflow file: what their meaning needs, their fields, units and ranges.

Promises: the core reads some fields by name because of what a fact means; a file in which one of them is missing or of
another type is refused here and never trips anything later. Does not: look at moves (`workflow_checks`) or rules
(`workflow_rule_checks`).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from infusion_service.clinical.definition import ADDED_TO_SCHEDULING, FactType, Field, WorkflowFile
from infusion_service.clinical.vocabulary import CLINICAL_ROLES, SERVICE_ENTRIES, texts
from infusion_service.clinical.workflow_findings import Finding, unknown
from infusion_service.clinical.workflow_plan_checks import SAYS_A_PLAN

AMOUNTS_SHOWN = 10
COUNTS_SHOWN = 4
_AMOUNTS = (
    "kg", "g", "mg", "mcg", "ug", "ng", "pg", "iu", "miu", "units", "mol", "mmol", "umol", "nmol", "meq", "l", "dl",
    "ml", "ul", "fl", "mm", "cm", "m", "m2", "mmhg", "cmh2o", "kpa", "celsius", "kelvin", "percent", "h", "min",
    "minutes", "hours", "s", "ms", "days", "weeks", "months", "years", "drops", "cells", "kcal", "kj", "hz", "mv",
)  # fmt: skip
_COUNTS = (
    "score",
    "scale",
    "grade",
    "stage",
    "level",
    "points",
    "index",
    "ratio",
    "count",
    "number",
    "severity",
    "day",
)
"""Last words of numbers that have no unit."""
_NUMBERS_WITHOUT_UNIT = ("course", "infusions_given")
_UNIT_BESIDE = ("value", "dose", "reference_high")
"""Numbers whose unit is a field of its own."""

PRESENT, NOT_APPLICABLE = "present", "not_applicable"
"""Results of a checklist that are not fine, the second where an item may not be left out."""

FIELDS_OF_MEANING: dict[str, dict[str, str]] = {
    "scheduling": {"patient": "object", "course": "integer", "day": "integer", "date": "date", "ward": "text"},
    "checklist": {"items": "list"},
    "dose_planned": {"dose_mg": "decimal"},
    "pump_started": {"rate_ml_per_h": "decimal"},
    "pump_rate_changed": {"rate_ml_per_h": "decimal"},
    "pump_resumed": {"rate_ml_per_h": "decimal"},
    "pump_paused": {"reason": "choice"},
    "pump_stopped": {"reason": "choice"},
    "pump_alarm": {"flow_stopped": "boolean"},
    "bag_prepared": {
        "product": "text",
        "batch": "text",
        "vial_expires_on": "date",
        "prepared_at": "time",
        "volume_ml": "decimal",
        "dose_mg": "decimal",
    },
    "symptom": {"code": "choice"},
    "symptom_resolved": {"code": "choice"},
    "lab_sampled": {"analyte": "text", "sampled_at": "time"},
    "lab_resulted": {"analyte": "text", "sampled_at": "time", "value": "decimal"},
    "medication_given": {"class": "choice"},
    "medication_declined": {"class": "choice"},
    "review": {"decision": "choice"},
    "diagnosis": {"code": "text", "status": "choice"},
    "baseline": {"deficits": "choices"},
    "stood_down": {"finding": "choice"},
    "override": {"guard": "text", "reason": "text", "valid_minutes": "integer"},
    "strike": {"entry": "id"},
    "confirmation": {"entry": "id"},
    "acknowledgement": {"alert": "id"},
}
"""Fields that the core reads by name, by what a fact means."""

_TYPES_IF_THERE: dict[str, dict[str, tuple[str, ...]]] = {
    "scheduling": {
        "workflow": ("text",),
        "chair": ("text",),
        "timezone": ("text",),
        "missed_cutoff": ("text",),
        "baseline_deficits": ("choices",),
        "attested_history": ("list",),
        "dose_mg": ("decimal",),
        "duration_min": ("integer",),
    },
    "dose_planned": {"duration_min": ("integer",)},
    "pump_started": {"bag": ("id",)},
    "pump_rate_changed": {"bag": ("id",)},
    "pump_resumed": {"bag": ("id",)},
    "bag_discarded": {"bag": ("id",)},
    "pump_stopped": {"volume_delivered_ml": ("decimal",)},
    "pump_completed": {"volume_delivered_ml": ("decimal",)},
    "lab_resulted": {"reference_high": ("decimal",)},
    "medication_given": {"ended_at": ("time",)},
    "review": {"alerts": ("ids",), "authorises_resume": ("boolean",)},
    "symptom": {"severity": ("integer", "decimal")},
    "vital_signs": {"unrecordable": ("choices",), "confirmed": ("boolean",)},
    "day_moved": {"ward": ("text",), "chair": ("text",)},
}
"""Fields that need not be there, and what they are where they are."""

_MEMBERS: dict[tuple[str, str], tuple[str, ...]] = {
    ("scheduling", "patient"): ("id",),
    ("checklist", "items"): ("item", "result"),
    ("scheduling", "attested_history"): ("course", "last_infusion_on"),
}
_CODES: dict[tuple[str, str], tuple[str, ...]] = {
    ("diagnosis", "status"): ("confirmed", "excluded"),
    ("stood_down", "finding"): ("excluded",),
}
"""Codes that the core reads by name."""
_CHOICES_WITHIN: dict[str, tuple[str, str]] = {"checklist": ("items", "item")}


def facts(definition: WorkflowFile) -> Iterator[Finding]:
    """Yield what is wrong with the facts and roles of a definition."""
    for name, fact in definition.facts.items():
        key = f"facts.{name}"
        if name in SERVICE_ENTRIES:
            yield key, "is the name of an entry that the service appends itself", "call the fact otherwise"
        yield from _meant(fact, key)
        yield from _named(fact, key)
        if not fact.by and fact.means != "missed":
            yield f"{key}.by", "nobody may post it", "name at least one role"
        for field_name, field in fact.fields.items():
            yield from _field(fact, field_name, field, f"{key}.fields.{field_name}", definition)
    for held_by, held in definition.roles.items():
        yield from unknown(f"roles.{held_by}", "role", (held_by, *held), CLINICAL_ROLES)


def _meant(fact: FactType, key: str) -> Iterator[Finding]:
    meaning = fact.means or ""
    for name, wanted in FIELDS_OF_MEANING.get(meaning, {}).items():
        if name not in fact.fields:
            yield key, f"means {meaning} but has no field {name}", f"add {name} of type {wanted}"
        elif fact.fields[name].type != wanted:
            yield f"{key}.fields.{name}", f"is {fact.fields[name].type}", f"a {meaning} needs {wanted}"
    for name, field in fact.fields.items():
        yield from _read_by_name(meaning, name, field, f"{key}.fields.{name}")
        if (meaning, name) == ("checklist", "items"):
            yield from _results(f"{key}.fields.{name}", field)
    if meaning == "vital_signs" and not fact.complete_set:
        yield key, "says no complete_set", "name the signs that make a set complete"


def _read_by_name(meaning: str, name: str, field: Field, where: str) -> Iterator[Finding]:
    known = _TYPES_IF_THERE.get(meaning, {}).get(name, (field.type,))
    if meaning == "scheduling" and name in ADDED_TO_SCHEDULING and not field.optional:
        yield where, "is wanted of people, who do not say it", "leave it out: the service adds it by itself"
    if field.type not in known:
        yield where, f"is {field.type}", f"a {meaning} reads it as {' or '.join(known)}"
    if meaning in SAYS_A_PLAN and name in ("dose_mg", "duration_min") and not _above_zero(field):
        yield where, "may be 0", "say above = 0: nobody plans an infusion of nothing"
    for member in _MEMBERS.get((meaning, name), ()):
        if member not in field.fields:
            yield where, f"has no member {member}", f"a {meaning} needs it: add it to `fields`"
    for code in _CODES.get((meaning, name), ()):
        if code not in field.of:
            yield where, f"has no code {code}", f"a {meaning} is read by it: add it to `of`"


def _results(where: str, items: Field) -> Iterator[Finding]:
    """One result of a checklist says that an item is as it should be, and one that it is not."""
    codes = items.fields["result"].of if "result" in items.fields else (PRESENT, "")
    if PRESENT not in codes:
        remedy = f"add {PRESENT} to its `of`: that is the result of an item that is not as it should be"
        yield f"{where}.fields.result", f"has no code {PRESENT}", remedy
    if not {*codes} - {PRESENT, NOT_APPLICABLE}:
        yield f"{where}.fields.result", "has no code for an item that is as it should be", 'add one, such as "clear"'


def _above_zero(field: Field) -> bool:
    return (field.above is not None and field.above >= 0) or (field.at_least is not None and field.at_least > 0)


def _named(fact: FactType, key: str) -> Iterator[Finding]:
    named = (*fact.complete_set, *fact.at_least_one_of, *(sign for pair in fact.together for sign in pair))
    compared = (name for rule in fact.greater for name in (rule.higher, rule.lower))
    needed = (name for first, wanted in fact.needs.items() for name in (first, *wanted))
    yield from unknown(key, "field of it", (*named, *compared, *needed), fact.fields)


def _field(fact: FactType, name: str, field: Field, where: str, definition: WorkflowFile) -> Iterator[Finding]:
    if field.type in ("choice", "choices") and not field.of:
        yield where, "is a choice of nothing", "list its codes in `of` or name code groups"
    yield from unknown(where, "code group", field.groups, definition.code_groups)
    if _wants_unit(name, field):
        amounts, counts = texts(_AMOUNTS[:AMOUNTS_SHOWN]), " or ".join(_COUNTS[:COUNTS_SHOWN])
        remedy = f"end the name in its unit ({amounts} ..., also `x_per_y`) or in {counts}"
        yield where, "is a measured number whose name says no unit that is known", remedy
    yield from _ranges(fact, field, where)
    for member_name, member in field.fields.items():
        yield from _field(fact, member_name, member, f"{where}.fields.{member_name}", definition)


def _ranges(fact: FactType, field: Field, where: str) -> Iterator[Finding]:
    for bounds in (field.soft, field.hard, field.hint_range, (field.at_least, field.at_most)):
        if bounds is not None and None not in bounds and bounds[0] > bounds[1]:  # type: ignore[operator]  # no None left
            yield where, "has a range whose lower end is above its upper end", "swap them"
    if field.above is not None and field.at_most is not None and field.above >= field.at_most:
        yield where, "leaves no number between above and at_most", "give at_most a number above that"
    if field.soft and field.hard and not (field.hard[0] <= field.soft[0] and field.soft[1] <= field.hard[1]):
        yield where, "has a soft range outside its hard range", "the soft range lies within the hard one"
    if field.soft and "confirmed" not in fact.fields:
        yield where, "has a soft range but the fact cannot be confirmed", "add a boolean field `confirmed`"


def _wants_unit(name: str, field: Field) -> bool:
    measured = field.type == "decimal" or field.soft is not None or field.hard is not None
    if not measured or name in _UNIT_BESIDE or name in _NUMBERS_WITHOUT_UNIT:
        return False
    words = name.split("_")
    return words[-1] not in _COUNTS and not _ends_in_unit(words)


def _ends_in_unit(words: list[str]) -> bool:
    """Tell whether a name ends in a unit: `dose_mg`, `rate_ml_per_h`, `dose_mg_per_kg_per_h`, `pulse_per_min`."""
    if len(words) < len(("name", "unit")) or words[-1] not in _AMOUNTS:
        return False
    pairs = list(pairwise(words))
    return all(below in _AMOUNTS for per, below in pairs if per == "per")
