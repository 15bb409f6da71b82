"""Load-time checks of the safety properties of a workflow file: what they name must be there.

Promises: a property that names a fact, field, state, alert, action or role that does not exist is refused - it would
hold for the wrong reason. Guards named in `unless_overridden` need not exist: an override of a guard that is gone
cannot excuse anything. Does not: search for a way around a property (`model_check`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from infusion_service.clinical import safety_definition as tests
from infusion_service.clinical.alert_definition import SEVERITIES
from infusion_service.clinical.definition import WorkflowFile
from infusion_service.clinical.safety_definition import Condition, Safety, leaves
from infusion_service.clinical.vocabulary import CLINICAL_ROLES
from infusion_service.clinical.workflow_findings import Finding, unknown
from infusion_service.clinical.workflow_rule_checks import alert_ids, checklist_items


def safety(definition: WorkflowFile) -> Iterator[Finding]:
    """Yield what is wrong with the safety properties of a definition."""
    ids = [rule.id for rule in definition.safety]
    for rule in definition.safety:
        key = f"safety.{rule.id}"
        if ids.count(rule.id) > 1:
            yield key, "stands twice", "give every property its own id"
        if not rule.source.strip():
            yield key, "has no source", 'say where the property comes from (a document and section, or "local")'
        yield from _subject(key, rule, definition)
        for leaf in leaves(rule.when):
            special = _LEAVES.get(type(leaf))
            if special is not None:
                yield from special(key, leaf, definition, rule)


def _subject(key: str, rule: Safety, definition: WorkflowFile) -> Iterator[Finding]:
    if sum(map(bool, (rule.never, rule.never_enters, rule.always))) != 1:
        yield key, "must be of one kind", "give exactly one of never, never_enters and always"
    if rule.by and not rule.always:
        yield key, "says `by`, which belongs to always", 'use a test of kind "by" to ask who posted a fact'
    yield from unknown(key, "fact", (*rule.never, *rule.always), definition.facts)
    yield from unknown(key, "state", rule.never_enters, definition.states)
    yield from unknown(key, "role", rule.by, CLINICAL_ROLES)


def _charted(
    key: str, leaf: tests.Charted | tests.Latest, definition: WorkflowFile, _rule: Safety
) -> Iterator[Finding]:
    yield from _fields(key, leaf.facts, leaf.where, definition)
    for name in leaf.facts:
        if name in definition.facts:
            yield from unknown(key, f"field of {name}", leaf.has, definition.facts[name].fields)
    if isinstance(leaf, tests.Charted):
        yield from _fields(key, leaf.since, leaf.since_where, definition)


def _fields(
    key: str, names: tuple[str, ...], where: tuple[Condition, ...], definition: WorkflowFile
) -> Iterator[Finding]:
    """Each fact must exist; each field must belong to one of them, and its codes to the field."""
    yield from unknown(key, "fact", names, definition.facts)
    known = [definition.facts[name] for name in names if name in definition.facts]
    for condition in where:
        fields = [fact.fields[condition.field] for fact in known if condition.field in fact.fields]
        if known and not fields:
            every = {name for fact in known for name in fact.fields}
            yield from unknown(key, "field of these facts", (condition.field,), every)
        codes = {code for field in fields for code in field.of}
        said = (*condition.among, *((condition.equals,) if isinstance(condition.equals, str) else ()))
        if codes:
            yield from unknown(f"{key} ({condition.field})", "code", said, codes)


def _says(key: str, leaf: tests.Says, definition: WorkflowFile, rule: Safety) -> Iterator[Finding]:
    names = rule.never
    if rule.never_enters:
        names = tuple(
            name for name, fact in definition.facts.items() if {move.to for move in fact.moves} & {*rule.never_enters}
        )
    yield from _fields(key, names, leaf.where, definition)


def _roles(key: str, leaf: tests.By | tests.Alone, _definition: WorkflowFile, _rule: Safety) -> Iterator[Finding]:
    yield from unknown(key, "role", leaf.roles, CLINICAL_ROLES)


def _items(key: str, leaf: tests.ItemTest, definition: WorkflowFile, _rule: Safety) -> Iterator[Finding]:
    yield from unknown(key, "checklist item", leaf.items, checklist_items(definition, "item"))
    yield from unknown(key, "checklist result", leaf.fine, checklist_items(definition, "result"))


def _alerts(key: str, leaf: tests.AlertTest, definition: WorkflowFile, _rule: Safety) -> Iterator[Finding]:
    yield from unknown(key, "alert", leaf.rules, alert_ids(definition))
    yield from unknown(key, "severity", leaf.severities, SEVERITIES)
    yield from unknown(key, "action", leaf.actions, definition.actions)


def _states(key: str, leaf: tests.StateTest, definition: WorkflowFile, _rule: Safety) -> Iterator[Finding]:
    yield from unknown(key, "state", leaf.among, definition.states)


def _positive(*names: str) -> Callable[[str, Any, WorkflowFile, Safety], Iterable[Finding]]:
    def numbers(key: str, leaf: Any, _definition: WorkflowFile, _rule: Safety) -> Iterator[Finding]:
        for name in names:
            number = getattr(leaf, name)
            if number is not None and number <= 0:
                yield key, f"{name} is {number}", "give a number above 0"

    return numbers


_RATE_NUMBERS = _positive("above_plan", "planned_min", "above_ml_per_h", "above_mg_per_h", "ran_under_min")


def _rate(key: str, leaf: tests.RateTest, definition: WorkflowFile, rule: Safety) -> Iterator[Finding]:
    yield from _RATE_NUMBERS(key, leaf, definition, rule)
    if (leaf.above_plan is None) != (leaf.planned_min is None):
        yield key, "has one of above_plan and planned_min", "give both, or neither"
    if leaf.above_plan is None and leaf.above_ml_per_h is None and leaf.above_mg_per_h is None:
        yield key, "says no limit of the rate", "give above_plan with planned_min, above_ml_per_h or above_mg_per_h"


def _interval(key: str, leaf: tests.IntervalTest, definition: WorkflowFile, rule: Safety) -> Iterator[Finding]:
    yield from _positive("below_months", "below_days")(key, leaf, definition, rule)
    if (leaf.below_months is None) == (leaf.below_days is None):
        yield key, "must say one span", "give exactly one of below_months and below_days"


_LEAVES: dict[type, Callable[[str, Any, WorkflowFile, Safety], Iterable[Finding]]] = {
    tests.Charted: _charted,
    tests.Latest: _charted,
    tests.Says: _says,
    tests.By: _roles,
    tests.Alone: _roles,
    tests.ItemTest: _items,
    tests.AlertTest: _alerts,
    tests.StateTest: _states,
    tests.PumpTest: _positive("ran_under_min"),
    tests.BagTest: _positive("dose_mg_other_than", "prepared_min_ago"),
    tests.RateTest: _rate,
    tests.DeliveredTest: _positive("below_percent"),
    tests.IntervalTest: _interval,
}
