"""Load-time checks of what a workflow file says of laboratory values.

Promises: a rule that compares a value with a number is refused where nobody says in which unit; units convert into
exactly one; a name stands for one analyte. Does not: know any analyte.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from infusion_service.clinical.alert_definition import Lab
from infusion_service.clinical.alert_families import leaves_of
from infusion_service.clinical.definition import Analyte, WorkflowFile
from infusion_service.clinical.laboratory import plain
from infusion_service.clinical.workflow_findings import Finding


def laboratory(definition: WorkflowFile) -> Iterator[Finding]:
    """Yield what is wrong with the analytes of a definition and with the rules that compare them."""
    names: dict[str, str] = {}
    for name, analyte in definition.analytes.items():
        key = f"analytes.{name}"
        yield from _units(key, analyte)
        if not analyte.source.strip():
            yield key, "has no source", 'say where its units and limits come from (a document, or "local")'
        for each in dict.fromkeys(plain(each) for each in (name, *analyte.also_called)):
            if each in names:
                yield key, f"is called {each} like {names[each]}", "leave the name to one of them"
            names.setdefault(each, name)
    for rule in definition.alerts:
        for band in rule.bands:
            for leaf in leaves_of(band.when) if band.when is not None else ():
                if isinstance(leaf, Lab) and _compares(leaf) and not _has_units(definition, leaf.analyte):
                    remedy = f"add [analytes.{leaf.analyte}] with its `units`"
                    yield f"alerts.{rule.id}", f"compares {leaf.analyte} with a number in no unit", remedy


def _units(key: str, analyte: Analyte) -> Iterator[Finding]:
    factors = tuple(analyte.units.values())
    if factors and Decimal(1) not in factors:
        yield key, "has no unit that the rules compare in", "give that one the factor 1"
    if any(factor <= 0 for factor in factors):
        yield key, "has a unit with a factor of 0 or below", "give what turns a value into the unit of the rules"
    if analyte.hard is not None and (not factors or analyte.hard[0] > analyte.hard[1]):
        yield key, "has limits that are in no unit, or the wrong way round", "give `units`, and the lower limit first"


def _compares(leaf: Lab) -> bool:
    limits = (leaf.at_least, leaf.at_most, leaf.above, leaf.below)
    return any(limit is not None for limit in limits) or leaf.fall_percent is not None


def _has_units(definition: WorkflowFile, name: str) -> bool:
    return name in definition.analytes and bool(definition.analytes[name].units)
