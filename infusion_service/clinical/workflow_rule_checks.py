"""Load-time checks of the rules of a workflow file: guards, course rules, due checks, escalations, the plan.

Promises: every name that leads nowhere is found, with what it could have been; a rule that needs a kind of fact or a
field is refused where there is none; no limit is below zero. One small function per kind of rule. Does not: look at
states, moves (`workflow_checks`), fields (`workflow_fact_checks`) or alerts (`workflow_alert_checks`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from infusion_service.clinical import guard_definition as guards
from infusion_service.clinical.alert_definition import SEVERITIES
from infusion_service.clinical.definition import Check, Escalation, Meaning, WorkflowFile
from infusion_service.clinical.guard_definition import Guard, Override
from infusion_service.clinical.vocabulary import CLINICAL_ROLES
from infusion_service.clinical.workflow_findings import Finding, numbers, unknown
from infusion_service.clinical.workflow_plan_checks import plan, says_how_fast


def rules(definition: WorkflowFile) -> Iterator[Finding]:
    """Yield what is wrong with the rules of a definition whose states and facts are sound."""
    for kind, ids in (
        ("guards", [guard.id for guard in definition.guards]),
        ("course_rules", [rule.id for rule in definition.course_rules]),
    ):
        for id in sorted({id for id in ids if ids.count(id) > 1}):
            yield f"{kind}.{id}", "stands twice", "give every rule its own id"
    for guard in definition.guards:
        yield from _guard(f"guards.{guard.id}", guard, definition)
    yield from _second_persons(definition)
    yield from _course(definition)
    for index, check in enumerate(definition.checks):
        yield from _check(f"checks[{index}] ({check.check})", check, definition)
    for index, step in enumerate(definition.escalations):
        yield from _escalation(f"escalations[{index}]", step)
    yield from plan(definition)
    yield from _times(definition)


def _guard(key: str, guard: Guard, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(key, "fact", guard.on, definition.facts)
    yield from unknown(key, "state", guard.only_from, definition.states)
    yield from numbers(key, guard)
    if guard.override is not None:
        yield from _override(f"{key}.override", guard.override, definition)
    for meanings in _NEEDS.get(type(guard), ()):
        if not any(fact.means in meanings for fact in definition.facts.values()):
            yield key, f"no fact means {' or '.join(meanings)}", f'give a fact means = "{meanings[0]}"'
    special = _GUARDS.get(type(guard))
    if special is not None:
        yield from special(key, guard, definition)


_NEEDS: dict[type, tuple[tuple[Meaning, ...], ...]] = {
    guards.Checklist: (("checklist",),),
    guards.ReadingBelow: (("vital_signs",),),
    guards.MedicationGiven: (("medication_given",),),
    guards.BagIdentified: (("bag_prepared",),),
    guards.BagInDate: (("bag_prepared",),),
    guards.CompleteSetWithin: (("vital_signs",),),
    guards.ResumeAuthorised: (("review",),),
    guards.VolumeDelivered: (("pump_started",), ("bag_prepared",)),
    guards.ObservedFor: (("pump_started",),),
    guards.SampledAfterInfusion: (("lab_sampled", "lab_resulted"), ("pump_started",)),
    guards.ReviewSays: (("review",),),
}
"""The kinds of fact without which a guard could never pass or never fail."""


def _override(key: str, override: Override, definition: WorkflowFile) -> Iterator[Finding]:
    if not _meaning(definition, "override"):
        yield key, "no fact means override", 'give a fact means = "override", or take the override out'
    yield from unknown(key, "role", (*override.by, *override.consent), CLINICAL_ROLES)
    if not override.by:
        yield key, "may be granted by nobody", "name a role in `by`, or take the override out"


def _reading_below(key: str, guard: guards.ReadingBelow, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(key, "sign that is recorded", guard.below, signs(definition))
    yield from unknown(key, "alert", guard.alerts_closed, alert_ids(definition))


def _complete_set_within(key: str, guard: guards.CompleteSetWithin, _definition: WorkflowFile) -> Iterator[Finding]:
    yield from _per_fact(key, guard.on, guard.within_min)


def _no_open_alert(key: str, guard: guards.NoOpenAlert, definition: WorkflowFile) -> Iterator[Finding]:
    yield from _per_fact(key, guard.on, guard.severities)
    yield from unknown(key, "action", guard.actions, definition.actions)
    severities = (severity for named in guard.severities.values() for severity in named)
    yield from unknown(key, "severity", severities, SEVERITIES)


def _recorded_today(key: str, guard: guards.RecordedToday, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(key, "fact", guard.facts, definition.facts)


def _medication_given(key: str, guard: guards.MedicationGiven, definition: WorkflowFile) -> Iterator[Finding]:
    classes = codes(definition, "medication_given", "class")
    yield from unknown(key, "medication class", (guard.medication_class,), classes)


def _checklist(key: str, guard: guards.Checklist, definition: WorkflowFile) -> Iterator[Finding]:
    named = (*guard.items, *guard.may_be_not_applicable)
    yield from unknown(key, "checklist item", named, checklist_items(definition, "item"))


def _rate(key: str, guard: guards.RateWithinPlan, definition: WorkflowFile) -> Iterator[Finding]:
    yield from _has_fields(key, guard.on, "rate_ml_per_h", definition)
    if not says_how_fast(definition):
        yield key, "the plan says neither duration_min nor rates", "say one of them in [plan]"


def _bags(key: str, guard: guards.BagIdentified, definition: WorkflowFile) -> Iterator[Finding]:
    if not guard.together:
        return
    yield from _has_fields(key, guard.on, "bag", definition)
    if not definition.plan.rates and any(isinstance(other, guards.RateWithinPlan) for other in definition.guards):
        yield key, "several bags share one duration", "say plan.rates, by which each of them runs"


def _field_true(key: str, guard: guards.FieldTrue, definition: WorkflowFile) -> Iterator[Finding]:
    yield from _has_fields(key, guard.on, guard.field, definition)


def _review_says(key: str, guard: guards.ReviewSays, definition: WorkflowFile) -> Iterator[Finding]:
    yield from _has_fields(key, _meaning(definition, "review"), guard.field, definition)


def _resume(key: str, guard: guards.ResumeAuthorised, definition: WorkflowFile) -> Iterator[Finding]:
    yield from _has_fields(key, _meaning(definition, "review"), "authorises_resume", definition)
    reasons = codes(definition, "pump_paused", "reason")
    yield from unknown(key, "reason of a pause", guard.free_reasons, reasons | {"technical"})
    if guard.never_after != _NEVER_AFTER:
        yield from unknown(key, "decision of a review", guard.never_after, codes(definition, "review", "decision"))


_NEVER_AFTER = ("stop",)
"""Stands where a file says nothing, and then no review need know it."""


_GUARDS: dict[type, Callable[[str, Any, WorkflowFile], Iterator[Finding]]] = {
    guards.ReadingBelow: _reading_below,
    guards.CompleteSetWithin: _complete_set_within,
    guards.NoOpenAlert: _no_open_alert,
    guards.RecordedToday: _recorded_today,
    guards.MedicationGiven: _medication_given,
    guards.Checklist: _checklist,
    guards.BagIdentified: _bags,
    guards.RateWithinPlan: _rate,
    guards.FieldTrue: _field_true,
    guards.ReviewSays: _review_says,
    guards.ResumeAuthorised: _resume,
}


def _has_fields(key: str, names: Iterable[str], field: str, definition: WorkflowFile) -> Iterator[Finding]:
    for name in names:
        if name in definition.facts:
            yield from unknown(key, f"field of {name}", (field,), definition.facts[name].fields)


def _per_fact(key: str, on: tuple[str, ...], given: Iterable[str]) -> Iterator[Finding]:
    if set(on) != set(given):
        yield key, "its values per fact do not match its `on`", "give one value for each fact in `on`"


def _second_persons(definition: WorkflowFile) -> Iterator[Finding]:
    guarded = {name for guard in definition.guards if isinstance(guard, guards.SecondPerson) for name in guard.on}
    for name, fact in definition.facts.items():
        if fact.second and name not in guarded:
            yield f"facts.{name}.second", "no guard of kind second_person names it", "add it to that guard's `on`"


def _course(definition: WorkflowFile) -> Iterator[Finding]:
    for rule in definition.course_rules:
        key = f"course_rules.{rule.id}"
        yield from unknown(key, "fact", rule.on, definition.facts)
        yield from numbers(key, rule)
        if isinstance(rule, guards.OneDoseADay):
            yield from unknown(key, "state", rule.ignores, definition.states)
        if isinstance(rule, guards.CourseInterval) and _spans(rule) != 1:
            yield key, "must say one span", "give exactly one of months, weeks and days"
        if isinstance(rule, guards.CourseDay | guards.DayInterval):
            yield from _numbered(f"{key}.days", rule.days)
    flags = definition.course_flags
    named = (*(rule.alert for rule in flags.permanent_alerts), *(rule.alert for rule in flags.hold_alerts))
    yield from unknown("course_flags", "alert", named, alert_ids(definition))
    for hold in flags.hold_alerts:
        yield from unknown("course_flags.hold_alerts", "action", hold.actions, definition.actions)
        yield from unknown("course_flags.hold_alerts", "severity", hold.severities, SEVERITIES)
    decisions = codes(definition, "review", "decision")
    yield from unknown("course_flags.hold_decisions", "decision of a review", flags.hold_decisions, decisions)
    yield from unknown("course_flags.lift_decisions", "decision of a review", flags.lift_decisions, decisions)


def _spans(rule: guards.CourseInterval) -> int:
    return sum(span is not None for span in (rule.months, rule.weeks, rule.days))


def _numbered(key: str, given: Iterable[str]) -> Iterator[Finding]:
    for name in given:
        if name != guards.OTHER and not (name.isdecimal() and int(name) > 0):
            yield key, f"{name} is no number of a course or day", 'write the number as a text ("1"), or other'


def _check(key: str, check: Check, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(key, "fact", (check.fact, *check.after_facts), definition.facts)
    yield from unknown(key, "state", check.states, definition.states)
    yield from unknown(key, "sign that is recorded", check.signs, signs(definition))
    reasons = codes(definition, "pump_paused", "reason") | {"technical"}
    yield from unknown(key, "reason of a pause", check.pause_reasons, reasons)
    yield from numbers(key, check)
    kinds = [check.every_min is not None, bool(check.after_facts), check.calendar, bool(check.hours_after)]
    if sum(kinds) != 1:
        yield key, "must be of one kind", "give exactly one of every_min, after_facts, calendar, hours_after"
    if check.every_min == 0:
        yield key, "falls due every 0 minutes", "give every_min a number above 0"
    if check.after_facts and check.after_min is None:
        yield key, "says after which facts but not how soon", "give after_min"


def _escalation(key: str, step: Escalation) -> Iterator[Finding]:
    yield from unknown(key, "severity", (step.severity,), SEVERITIES)
    yield from unknown(key, "role", (step.to,), CLINICAL_ROLES)
    yield from numbers(key, step)


def _times(definition: WorkflowFile) -> Iterator[Finding]:
    yield from numbers("time", definition.time)
    yield from numbers("grace", definition.grace)
    hour, _, minute = definition.time.missed_cutoff.partition(":")
    told = hour.isdecimal() and minute.isdecimal() and len(hour) == len(minute) == len("00")
    if not told or int(hour) >= HOURS_PER_DAY or int(minute) >= MINUTES_PER_HOUR:
        yield "time.missed_cutoff", f"{definition.time.missed_cutoff} is no time of day", 'write it as "12:00"'


HOURS_PER_DAY, MINUTES_PER_HOUR = 24, 60


def alert_ids(definition: WorkflowFile) -> set[str]:
    """Return the ids of the alert rules."""
    return {rule.id for rule in definition.alerts}


def _meaning(definition: WorkflowFile, meaning: Meaning) -> list[str]:
    return [name for name, fact in definition.facts.items() if fact.means == meaning]


def codes(definition: WorkflowFile, meaning: Meaning, field: str) -> set[str]:
    """Return the codes of a field of the facts with a meaning."""
    facts = [definition.facts[name] for name in _meaning(definition, meaning)]
    return {code for fact in facts if field in fact.fields for code in fact.fields[field].of}


def checklist_items(definition: WorkflowFile, member: str) -> set[str]:
    """Return the codes of a member (`item`, `result`) of the items of a checklist."""
    facts = [definition.facts[name] for name in _meaning(definition, "checklist")]
    items = [fact.fields["items"].fields for fact in facts if "items" in fact.fields]
    return {code for members in items if member in members for code in members[member].of}


def signs(definition: WorkflowFile) -> set[str]:
    """Return the names of all signs that can be recorded."""
    return {sign for name in _meaning(definition, "vital_signs") for sign in definition.facts[name].fields}
