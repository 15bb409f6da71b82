"""Load-time checks of the alerts of a workflow file: bands, their tests and clocks, actions and scores.

Promises: a test on something that nothing records, a code that a field does not have, limits that no number can meet
are refused with the alert and band. One small function per kind of test. Does not: evaluate tests (`evidence`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from infusion_service.clinical import alert_definition as tests
from infusion_service.clinical import guard_definition as guards
from infusion_service.clinical.alert_definition import AlertRule, Band, Score
from infusion_service.clinical.alert_families import leaves_of
from infusion_service.clinical.definition import WorkflowFile
from infusion_service.clinical.workflow_findings import Finding, numbers, unknown
from infusion_service.clinical.workflow_rule_checks import alert_ids, codes, signs

PAUSE_BY_ALARM = "technical"
"""The reason a pause has when the pump itself stopped."""


def alerts(definition: WorkflowFile) -> Iterator[Finding]:
    """Yield what is wrong with the alerts, actions and scores of a definition."""
    ids = [rule.id for rule in definition.alerts]
    for rule in definition.alerts:
        if ids.count(rule.id) > 1:
            yield f"alerts.{rule.id}", "stands twice", "give every alert its own id"
        yield from _alert(f"alerts.{rule.id}", rule, definition)
    for name, action in definition.actions.items():
        declares = (action.declares,) if action.declares else ()
        named = (*action.answered_by, *action.answered_by_idle, *declares)
        yield from unknown(f"actions.{name}", "fact", named, definition.facts)
        emergencies = [fact for fact, kind in definition.facts.items() if kind.means == "emergency"]
        yield from unknown(f"actions.{name}.declares", "fact that means emergency", declares, emergencies)
        yield from numbers(f"actions.{name}", action)
    for name, score in definition.scores.items():
        yield from _score(f"scores.{name}", score, definition)


def _alert(key: str, rule: AlertRule, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(key, "alert", rule.explained_by, alert_ids(definition))
    if not rule.bands:
        yield key, "has no band", "give it at least one [[alerts.bands]]"
    for index, band in enumerate(rule.bands):
        yield from _band(f"{key}.bands[{index}]", band, definition)


def _band(key: str, band: Band, definition: WorkflowFile) -> Iterator[Finding]:
    if (band.when is None) == (band.since is None):
        yield key, "must have exactly one of `when` and `from`", "leave one"
    yield from unknown(key, "action", (band.action,), definition.actions)
    wanted = (band.wants_check.fact,) if band.wants_check is not None else ()
    yield from unknown(key, "fact", (*band.wants, *wanted), definition.facts)
    if band.since is not None:
        yield from numbers(key, band.since)
        yield from _CLOCKS[type(band.since)](key, band.since, definition)
    for leaf in leaves_of(band.when) if band.when is not None else ():
        yield from _bounds(key, leaf)
        special = _LEAVES.get(type(leaf))
        if special is not None:
            yield from special(key, leaf, definition)


def _gap(key: str, clock: tests.Gap, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(key, "state", clock.states, definition.states)
    yield from unknown(key, "sign that is recorded", clock.signs, signs(definition))


def _bag_expiry(key: str, clock: tests.BagExpiry, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(key, "state", clock.states, definition.states)
    bag_guards = [guard.id for guard in definition.guards if isinstance(guard, guards.BagInDate)]
    yield from unknown(key, "guard of kind bag_in_date", (clock.guard,), bag_guards)


def _paused_for(key: str, clock: tests.PausedFor, definition: WorkflowFile) -> Iterator[Finding]:
    reasons = codes(definition, "pump_paused", "reason") | {PAUSE_BY_ALARM}
    yield from unknown(key, "reason of a pause", clock.reasons, reasons)


_CLOCKS: dict[type, Callable[[str, Any, WorkflowFile], Iterator[Finding]]] = {
    tests.Gap: _gap,
    tests.BagExpiry: _bag_expiry,
    tests.PausedFor: _paused_for,
    tests.EndPassed: lambda *_: iter(()),
    tests.Unconfirmed: lambda *_: iter(()),
}


def _bounds(key: str, leaf: tests.Test) -> Iterator[Finding]:
    lows = [getattr(leaf, name, None) for name in ("at_least", "above", "severity_at_least")]
    highs = [getattr(leaf, name, None) for name in ("at_most", "below", "severity_at_most")]
    low = max((number for number in lows if number is not None), default=None)
    high = min((number for number in highs if number is not None), default=None)
    if low is not None and high is not None and low > high:
        yield key, f"wants at least {low} and at most {high}: no number is both", "swap the two"
    apart = getattr(leaf, "apart_min", None)
    if apart is not None and apart[0] > apart[1]:
        yield key, f"wants readings {apart[0]} to {apart[1]} minutes apart", "swap the two"


def _of_sign(key: str, leaf: tests.Reading | tests.Trend, definition: WorkflowFile) -> Iterator[Finding]:
    named: tuple[str, ...] = (leaf.sign,)
    if isinstance(leaf, tests.Reading):
        named = (leaf.sign, *((leaf.scale_sign,) if leaf.scale_sign else ()), *leaf.or_earlier)
    yield from unknown(key, "sign that is recorded", named, signs(definition))


def _of_code(key: str, leaf: tests.CodeReading, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(key, "sign that is recorded", (leaf.sign,), signs(definition))
    known = codes(definition, "vital_signs", leaf.sign)
    said = (*leaf.among, *leaf.not_among, *leaf.baseline_among, *leaf.baseline_not_among)
    yield from unknown(f"{key} ({leaf.sign})", "code", said, known)


def _of_symptom(key: str, leaf: tests.Symptom, definition: WorkflowFile) -> Iterator[Finding]:
    known = codes(definition, "symptom", "code")
    yield from unknown(key, "symptom code", (*leaf.among, *leaf.baseline_items), known)
    if not leaf.among and not leaf.unnamed:
        yield key, "names no symptom", "give `among` or unnamed = true"


def _of_neuro(key: str, leaf: tests.Deficit | tests.NegativeCheck, definition: WorkflowFile) -> Iterator[Finding]:
    known = {name for fact in definition.facts.values() if fact.means == "neuro_check" for name in fact.fields}
    yield from unknown(key, "item of a neurological check", leaf.items, known)
    if isinstance(leaf, tests.NegativeCheck):
        yield from unknown(key, "symptom code", leaf.since_symptoms, codes(definition, "symptom", "code"))


def _of_finding(key: str, leaf: tests.Finding, definition: WorkflowFile) -> Iterator[Finding]:
    again = (leaf.again_after,) if leaf.again_after else ()
    yield from unknown(key, "fact", (leaf.fact, *again), definition.facts)
    if leaf.fact not in definition.facts:
        return
    fields = definition.facts[leaf.fact].fields
    yield from unknown(key, f"field of {leaf.fact}", (leaf.field,), fields)
    if leaf.field in fields and fields[leaf.field].of:
        said = (*leaf.among, *leaf.not_among, *((leaf.equals,) if isinstance(leaf.equals, str) else ()))
        yield from unknown(f"{key} ({leaf.field})", "code", said, fields[leaf.field].of)


def _of_order(key: str, leaf: tests.Before | tests.After, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(key, "fact", (leaf.fact,), definition.facts)


def _of_score(key: str, leaf: tests.ScoreTest, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(key, "score", (leaf.score,), definition.scores)


def _of_state(key: str, leaf: tests.InState, definition: WorkflowFile) -> Iterator[Finding]:
    yield from unknown(key, "state", leaf.among, definition.states)


_LEAVES: dict[type, Callable[[str, Any, WorkflowFile], Iterator[Finding]]] = {
    tests.Reading: _of_sign,
    tests.Trend: _of_sign,
    tests.CodeReading: _of_code,
    tests.Symptom: _of_symptom,
    tests.Deficit: _of_neuro,
    tests.NegativeCheck: _of_neuro,
    tests.Finding: _of_finding,
    tests.Before: _of_order,
    tests.After: _of_order,
    tests.ScoreTest: _of_score,
    tests.InState: _of_state,
}


def _score(key: str, score: Score, definition: WorkflowFile) -> Iterator[Finding]:
    known = signs(definition)
    yield from unknown(key, "sign that is recorded", score.defaults, known)
    for part in score.parts:
        yield from unknown(key, "sign that is recorded", (part.sign,), known)
        for band in part.bands:
            yield from unknown(key, "sign that is recorded", band.when, known)
            yield from _bounds(f"{key} ({part.sign})", band)  # type: ignore[arg-type]  # it has the same limits as a test
