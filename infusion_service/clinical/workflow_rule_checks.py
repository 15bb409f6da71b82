"""Load-time checks of the rules of a workflow file: guards, course rules, checks, alerts, and the names they use.

Promises: every name that leads nowhere is found, with what it could have been. One small function per kind of rule.
Does not: look at states, moves and fields (`workflow_checks`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from infusion_service.clinical import alert_definition as tests
from infusion_service.clinical import guard_definition as guards
from infusion_service.clinical.alert_definition import AlertRule, Band
from infusion_service.clinical.alert_families import leaves_of
from infusion_service.clinical.definition import Check, WorkflowFile
from infusion_service.clinical.vocabulary import texts

Finding = tuple[str, str, str]
"""Key, problem, remedy."""


def unknown(key: str, kind: str, names: Iterable[str], known: Collection[str]) -> Iterator[Finding]:
    """Yield a finding for each name that is not known, with those that are."""
    for name in names:
        if name not in known:
            article = "an" if kind[0] in "aeiou" else "a"
            yield key, f"{name} is not {article} {kind}", f"use one of {texts(sorted(known))}"


def rules(definition: WorkflowFile) -> Iterator[Finding]:
    """Yield what is wrong with the rules of a definition whose states and facts are sound."""
    yield from _guards(definition)
    yield from _second_persons(definition)
    yield from _course_rules(definition)
    for index, check in enumerate(definition.checks):
        yield from _check(f"checks[{index}] ({check.check})", check, definition)
    for rule in definition.alerts:
        yield from _alert(f"alerts.{rule.id}", rule, definition)
    for name, action in definition.actions.items():
        declares = (action.declares,) if action.declares else ()
        named = (*action.answered_by, *action.answered_by_idle, *declares)
        yield from unknown(f"actions.{name}", "fact", named, definition.facts)


def _twice(key: str, ids: list[str], id: str) -> Iterator[Finding]:
    if ids.count(id) > 1:
        yield key, "stands twice", "give every rule its own id"


def _guards(definition: WorkflowFile) -> Iterator[Finding]:
    ids = [guard.id for guard in definition.guards]
    for guard in definition.guards:
        key = f"guards.{guard.id}"
        yield from _twice(key, ids, guard.id)
        yield from unknown(key, "fact", guard.on, definition.facts)
        yield from unknown(key, "state", guard.only_from, definition.states)
        special = _GUARDS.get(type(guard))
        if special is not None:
            yield from special(key, guard, definition)


def _reading_below(key: str, guard: guards.ReadingBelow, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(key, "sign that is recorded", guard.below, _signs(definition))
    yield from unknown(key, "alert", guard.alerts_closed, _alert_ids(definition))


def _complete_set_within(key: str, guard: guards.CompleteSetWithin, _definition: WorkflowFile) -> Iterator[Finding]:
    yield from _per_fact(key, guard.on, guard.within_min)


def _no_open_alert(key: str, guard: guards.NoOpenAlert, definition: WorkflowFile) -> Iterator[Finding]:
    yield from _per_fact(key, guard.on, guard.severities)
    yield from unknown(key, "action", guard.actions, definition.actions)


def _recorded_today(key: str, guard: guards.RecordedToday, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(key, "fact", guard.facts, definition.facts)


def _medication_given(key: str, guard: guards.MedicationGiven, definition: WorkflowFile) -> Iterator[Finding]:
    classes = _codes(definition, "medication_given", "class")
    yield from unknown(key, "medication class", (guard.medication_class,), classes)


def _checklist(key: str, guard: guards.Checklist, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(
        key, "checklist item", (*guard.items, *guard.may_be_not_applicable), _checklist_items(definition)
    )


_GUARDS: dict[type, Callable[[str, Any, WorkflowFile], Iterator[Finding]]] = {
    guards.ReadingBelow: _reading_below,
    guards.CompleteSetWithin: _complete_set_within,
    guards.NoOpenAlert: _no_open_alert,
    guards.RecordedToday: _recorded_today,
    guards.MedicationGiven: _medication_given,
    guards.Checklist: _checklist,
}


def _per_fact(key: str, on: tuple[str, ...], given: Iterable[str]) -> Iterator[Finding]:
    if set(on) != set(given):
        yield key, "its values per fact do not match its `on`", "give one value for each fact in `on`"


def _second_persons(definition: WorkflowFile) -> Iterator[Finding]:
    guarded = {name for guard in definition.guards if isinstance(guard, guards.SecondPerson) for name in guard.on}
    for name, fact in definition.facts.items():
        if fact.second and name not in guarded:
            yield f"facts.{name}.second", "no guard of kind second_person names it", "add it to that guard's `on`"


def _course_rules(definition: WorkflowFile) -> Iterator[Finding]:
    for rule in definition.course_rules:
        yield from unknown(f"course_rules.{rule.id}", "fact", rule.on, definition.facts)
    flags = definition.course_flags
    named = (*(rule.alert for rule in flags.permanent_alerts), *(rule.alert for rule in flags.hold_alerts))
    yield from unknown("course_flags", "alert", named, _alert_ids(definition))


def _check(key: str, check: Check, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(key, "fact", (check.fact, *check.after_facts), definition.facts)
    yield from unknown(key, "state", check.states, definition.states)
    yield from unknown(key, "sign that is recorded", check.signs, _signs(definition))
    kinds = [check.every_min is not None, bool(check.after_facts), check.calendar, bool(check.hours_after)]
    if sum(kinds) != 1:
        yield key, "must be of one kind", "give exactly one of every_min, after_facts, calendar, hours_after"


def _alert(key: str, rule: AlertRule, definition: WorkflowFile) -> Iterator[Finding]:
    yield from _twice(key, [other.id for other in definition.alerts], rule.id)
    yield from unknown(key, "alert", rule.explained_by, _alert_ids(definition))
    for index, band in enumerate(rule.bands):
        yield from _band(f"{key}.bands[{index}]", band, definition)


def _band(key: str, band: Band, definition: WorkflowFile) -> Iterator[Finding]:
    if (band.when is None) == (band.since is None):
        yield key, "must have exactly one of `when` and `from`", "leave one"
    yield from unknown(key, "action", (band.action,), definition.actions)
    yield from unknown(key, "fact", band.wants, definition.facts)
    if isinstance(band.since, tests.BagExpiry):
        bag_guards = [guard.id for guard in definition.guards if isinstance(guard, guards.BagInDate)]
        yield from unknown(key, "guard of kind bag_in_date", (band.since.guard,), bag_guards)
    for leaf in leaves_of(band.when) if band.when is not None else ():
        special = _LEAVES.get(type(leaf))
        if special is not None:
            yield from special(key, leaf, definition)


def _of_sign(
    key: str, leaf: tests.Reading | tests.CodeReading | tests.Trend, definition: WorkflowFile
) -> Iterator[Finding]:
    yield from unknown(key, "sign that is recorded", (leaf.sign,), _signs(definition))


def _of_symptom(key: str, leaf: tests.Symptom, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(key, "symptom code", leaf.among, _codes(definition, "symptom", "code"))
    if not leaf.among and not leaf.unnamed:
        yield key, "names no symptom", "give `among` or unnamed = true"


def _of_finding(key: str, leaf: tests.Finding, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(key, "fact", (leaf.fact,), definition.facts)
    if leaf.fact in definition.facts:
        yield from unknown(key, f"field of {leaf.fact}", (leaf.field,), definition.facts[leaf.fact].fields)


def _of_order(key: str, leaf: tests.Before | tests.After, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(key, "fact", (leaf.fact,), definition.facts)


def _of_score(key: str, leaf: tests.ScoreTest, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(key, "score", (leaf.score,), definition.scores)


def _of_state(key: str, leaf: tests.InState, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(key, "state", leaf.among, definition.states)


_LEAVES: dict[type, Callable[[str, Any, WorkflowFile], Iterator[Finding]]] = {
    tests.Reading: _of_sign,
    tests.CodeReading: _of_sign,
    tests.Trend: _of_sign,
    tests.Symptom: _of_symptom,
    tests.Finding: _of_finding,
    tests.Before: _of_order,
    tests.After: _of_order,
    tests.ScoreTest: _of_score,
    tests.InState: _of_state,
}


def _alert_ids(definition: WorkflowFile) -> set[str]:
    return {rule.id for rule in definition.alerts}


def _codes(definition: WorkflowFile, meaning: str, field: str) -> set[str]:
    return {
        code
        for fact in definition.facts.values()
        if fact.means == meaning and field in fact.fields
        for code in fact.fields[field].of
    }


def _checklist_items(definition: WorkflowFile) -> set[str]:
    return {
        code
        for fact in definition.facts.values()
        if fact.means == "checklist" and "items" in fact.fields and "item" in fact.fields["items"].fields
        for code in fact.fields["items"].fields["item"].of
    }


def _signs(definition: WorkflowFile) -> set[str]:
    return {name for fact in definition.facts.values() if fact.means == "vital_signs" for name in fact.fields}
