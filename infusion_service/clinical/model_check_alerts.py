"""Letters that raise alerts, one for each kind of alert that a guard or property can tell apart.

Promises: a letter comes from the tests of the alert's own bands. Alerts of one severity, action and way of closing are
symmetric to guards that do not name them, so the first of them stands for all. Bands that take several facts are left
to the rehearsals. Does not: evaluate alerts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from infusion_service.clinical import alert_definition as alerts
from infusion_service.clinical.definition import Field
from infusion_service.clinical.facts import read_fact
from infusion_service.clinical.laboratory import unit_of_rules
from infusion_service.clinical.model_check_letters import Alphabet, Letter
from infusion_service.clinical.model_check_values import unit, written
from infusion_service.clinical.vocabulary import Refusal

Said = tuple[str, dict[str, Any]]
"""A fact type and what it has to say."""

_CONTEXT = (alerts.InState, alerts.Before, alerts.After, alerts.NegativeCheck)


def raising(alphabet: Alphabet, named: frozenset[str]) -> list[Letter]:
    """Return letters that raise alerts: one per kind, and one for each band of the named rules."""
    letters: list[Letter] = []
    kinds: set[tuple[str, str, str]] = set()
    for rule in alphabet.workflow.definition.alerts:
        for band in rule.bands:
            kind = (band.severity, band.action, band.closes)
            if band.when is None or (kind in kinds and rule.id not in named):
                continue
            letter = _letter(alphabet, band.when)
            if letter is not None:
                letters.append(letter)
                kinds.add(kind)
    return letters


def _letter(alphabet: Alphabet, test: alerts.Test) -> Letter | None:
    said = _saying(alphabet, test)
    if said is None:
        return None
    fact_type, data = said
    letter = alphabet.plain(fact_type).saying(**data)
    fact = alphabet.workflow.facts[fact_type]
    answer = read_fact(fact, letter.data, emergency=False) if "confirmed" in fact.fields else None
    return letter.saying(confirmed=True) if isinstance(answer, Refusal) else letter


def _saying(alphabet: Alphabet, test: alerts.Test) -> Said | None:
    match test:
        case alerts.Any():
            return next((said for part in test.of if (said := _saying(alphabet, part)) is not None), None)
        case alerts.All():
            return _together([_saying(alphabet, part) for part in test.of if not isinstance(part, _CONTEXT)])
        case _:
            return next(_leaf(alphabet, test), None)


def _together(parts: list[Said | None]) -> Said | None:
    """Return one fact that says all of it, None when that takes several facts."""
    if not parts or None in parts:
        return None
    found = [said for said in parts if said is not None]
    data = {name: value for _, each in found for name, value in each.items()}
    agree = all(data[name] == value for _, each in found for name, value in each.items())
    return (found[0][0], data) if agree and len({fact for fact, _ in found}) == 1 else None


def _leaf(alphabet: Alphabet, leaf: alerts.Test) -> Iterator[Said]:
    said = _SAID.get(type(leaf))
    if said is not None:
        yield from said(leaf, alphabet)


def _reading(leaf: alerts.Reading | alerts.Trend, alphabet: Alphabet) -> Iterator[Said]:
    if isinstance(leaf, alerts.Reading) and (leaf.apart_min is not None or leaf.fall_from_baseline is not None):
        return
    for name in alphabet.workflow.of_meaning("vital_signs"):
        field = alphabet.field(name, leaf.sign)
        number = None if field is None else _number(leaf, field)
        if field is not None and number is not None:
            yield name, {leaf.sign: written(number, field), **_scale(leaf)}


def _code(leaf: alerts.CodeReading, alphabet: Alphabet) -> Iterator[Said]:
    for name in alphabet.workflow.of_meaning("vital_signs"):
        codes = [code for code in alphabet.codes(name, leaf.sign) if _coded(leaf, code)]
        yield from ((name, {leaf.sign: code}) for code in codes[:1])


def _symptom(leaf: alerts.Symptom, alphabet: Alphabet) -> Iterator[Said]:
    if leaf.unnamed:
        return
    severity = leaf.severity_at_least if leaf.severity_at_least is not None else leaf.severity_at_most
    data = {"code": leaf.among[0], **({} if severity is None else {"severity": severity})}
    yield from ((name, data) for name in alphabet.workflow.of_meaning("symptom"))


def _deficit(leaf: alerts.Deficit, alphabet: Alphabet) -> Iterator[Said]:
    yield from ((name, {leaf.items[0]: True}) for name in alphabet.workflow.of_meaning("neuro_check"))


def _finding(leaf: alerts.Finding, alphabet: Alphabet) -> Iterator[Said]:
    if not leaf.again_after:
        yield from ((leaf.fact, {leaf.field: value}) for value in _found(leaf, alphabet))


def _lab(leaf: alerts.Lab, alphabet: Alphabet) -> Iterator[Said]:
    for name in alphabet.workflow.of_meaning("lab_resulted"):
        field = alphabet.workflow.facts[name].fields["value"]
        number = None if leaf.fall_percent is not None or leaf.above_reference else _number(leaf, field)
        if number is not None:
            in_unit = unit_of_rules(alphabet.workflow.definition, leaf.analyte)
            said = {"analyte": leaf.analyte, "value": written(number, field)}
            yield name, said if in_unit is None else {**said, "unit": in_unit}


_SAID: dict[type, Callable[[Any, Alphabet], Iterator[Said]]] = {
    alerts.Reading: _reading,
    alerts.Trend: _reading,
    alerts.CodeReading: _code,
    alerts.Symptom: _symptom,
    alerts.Deficit: _deficit,
    alerts.Finding: _finding,
    alerts.Lab: _lab,
}


def _number(leaf: alerts.Reading | alerts.Trend | alerts.Lab, field: Field) -> Decimal | None:
    if isinstance(leaf, alerts.Trend):
        return field.soft[1] if field.soft is not None else leaf.at_least * 2
    if leaf.at_least is not None:
        return leaf.at_least
    if leaf.at_most is not None:
        return leaf.at_most
    if leaf.above is not None:
        return leaf.above + unit(field)
    return None if leaf.below is None else leaf.below - unit(field)


def _scale(leaf: alerts.Reading | alerts.Trend) -> dict[str, Any]:
    return {leaf.scale_sign: leaf.scale} if isinstance(leaf, alerts.Reading) and leaf.scale_sign else {}


def _coded(leaf: alerts.CodeReading, code: str) -> bool:
    return (not leaf.among or code in leaf.among) and code not in leaf.not_among


def _found(leaf: alerts.Finding, alphabet: Alphabet) -> tuple[Any, ...]:
    field = alphabet.field(leaf.fact, leaf.field)
    if field is None:
        return ()
    if leaf.equals is not None:
        return (leaf.equals,)
    if leaf.among:
        return leaf.among[:1]
    if leaf.not_among:
        return tuple(code for code in field.of if code not in leaf.not_among)[:1]
    bound = leaf.at_least if leaf.at_least is not None else leaf.at_most
    return () if bound is None else (written(bound, field),)
