"""Facts that name what the rules look for: laboratory values and diagnoses.

Promises: what is watched is charted under its one name and, where rules compare it with a number, in a known unit and
with a value that can be, or it is refused with what would do: no critical result is hidden by its spelling. What no
rule looks at is free. Source: the workflow's `[analytes]` and `[course_flags]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from infusion_service.clinical.definition import WorkflowFile
from infusion_service.clinical.facts import shortest
from infusion_service.clinical.laboratory import factor_of, unit_of_rules, watched_name
from infusion_service.clinical.refusals import invalid
from infusion_service.clinical.vocabulary import Refusal, texts


def refused_laboratory(definition: WorkflowFile, data: Mapping[str, Any]) -> Refusal | None:
    """Refuse a sample or result whose name, unit or value would hide it from the rules. 422 invalid_fact or
    implausible."""
    name = data["analyte"]
    if name not in definition.analytes:
        meant = watched_name(name, {known: each.also_called for known, each in definition.analytes.items()})
        return None if meant is None else invalid("/data/analyte", f"is written {meant} here: the rules look for that")
    analyte = definition.analytes[name]
    if "unit" not in data or not analyte.units:
        return None
    factor = factor_of(analyte, data["unit"])
    if factor is None:
        return invalid("/data/unit", f"is no unit of {name} here; known: {texts(list(analyte.units))}")
    return _implausible(definition, Decimal(data["value"]) * factor, data)


def refused_diagnosis(definition: WorkflowFile, data: Mapping[str, Any]) -> Refusal | None:
    """Refuse another spelling of a diagnosis that stops the treatment: it would stop nothing. 422 invalid_fact."""
    rules = definition.course_flags
    names = (*rules.permanent_diagnoses, *(code for rule in rules.permanent_alerts for code in rule.excluded_by))
    meant = watched_name(data["code"], dict.fromkeys(names, ()))
    return None if meant is None else invalid("/data/code", f"is written {meant} here: the rules look for that")


def _implausible(definition: WorkflowFile, value: Decimal, data: Mapping[str, Any]) -> Refusal | None:
    name = data["analyte"]
    hard = definition.analytes[name].hard
    if hard is None or hard[0] <= value <= hard[1]:
        return None
    low, high = (shortest(bound) for bound in hard)
    hint = f"is {data['unit']} the unit of this value?"
    return Refusal(
        code="implausible",
        status=422,
        detail=f"{name} {shortest(value)} {unit_of_rules(definition, name)} is outside {low} to {high}: {hint}",
        members={"field": "value", "value": data["value"], "range": [low, high], "hint": hint},
    )
