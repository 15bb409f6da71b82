"""Every degree of every alert, every way in which it may end, every guard, course rule and terminal state is shown by a
rehearsal: read off what the played rehearsals appended, not off their names.

Where this fails, write a rehearsal that shows what is missing; `NEVER` says what cannot be shown, and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from infusion_service.cli.rehearsal.script import read_script
from infusion_service.clinical.alert_definition import AlertRule
from infusion_service.clinical.alert_families import Rung
from infusion_service.clinical.ledger import ALERT_CLOSED, ALERT_RAISED, OVERRIDE_USED
from infusion_service.clinical.vocabulary import Entry
from tests.clinical.bedside import REHEARSALS, WORKFLOW
from tests.clinical.playing import at_once
from tests.clinical.safety_agreement import Overheard, overheard

RUNGS = [rung for family in WORKFLOW.families for rung in family.rungs]
ACTIONS = WORKFLOW.definition.actions
NEVER: dict[tuple[str, str], str] = {
    ("unattributed", "late_data"): "a confirmation has no time but that of its posting",
    ("patient.checked_in", "course-day"): "refused when it is scheduled, and the number of a day does not change",
    ("patient.checked_in", "course-number"): "the same",
}


@cache
def bedsides() -> tuple[Overheard, ...]:
    """Every rehearsal as it was played."""
    scripts = [read_script(path) for path in sorted(REHEARSALS.rglob("*.toml"))]
    return tuple(at_once(overheard(script, WORKFLOW)) for script in scripts)


def entries() -> Iterator[Entry]:
    """What every rehearsal appended, one after another."""
    return (entry for bedside in bedsides() for entry in bedside.log)


@cache
def shown() -> frozenset[tuple[str, str | int, str]]:
    """Rule, rank and way of everything that became of an alert."""
    found: set[tuple[str, str | int, str]] = set()
    rungs: dict[str, tuple[str, int]] = {}
    for entry in entries():
        if entry.type == ALERT_RAISED:
            rungs[entry.entry_id] = (entry.data["rule"], entry.data["rank"])
            found.add((*rungs[entry.entry_id], "raised"))
        elif entry.type == ALERT_CLOSED:
            found.add((*rungs[entry.data["alert_id"]], entry.data["reason"]))
    return frozenset(found)


def ways(rung: Rung) -> Iterator[str]:
    """What may become of an alert of a rung, as far as it applies to it."""
    yield from ("raised", "review")
    action = ACTIONS[rung.band.action]
    if rung.band.closes == "auto":
        yield "auto"
    elif action.stop_class:
        yield "stood_down"
    family = next(family for family in WORKFLOW.families if rung in family.rungs)
    if rung is not family.rungs[-1]:
        yield "superseded"


@pytest.mark.parametrize("rung", RUNGS, ids=lambda rung: f"{rung.rule.id}-{rung.rank}")
def test_each_degree_is_raised_and_ends_in_each_way_that_it_may(rung: Rung) -> None:
    missing = [way for way in ways(rung) if (rung.rule.id, rung.rank, way) not in shown()]

    assert not missing, f"no rehearsal shows {rung.rule.id} ({rung.band.says}): {', '.join(missing)}"


@pytest.mark.parametrize("rule", WORKFLOW.definition.alerts, ids=lambda rule: rule.id)
def test_each_rule_ends_when_its_evidence_is_struck_or_was_never_so(rule: AlertRule) -> None:
    wanted = []
    if any(band.when is not None for band in rule.bands):
        wanted.append("corrected")
    if any(band.closes == "auto" for band in rule.bands):
        wanted.append("late_data")
    seen = {way for shown_rule, _, way in shown() if shown_rule == rule.id}
    missing = [way for way in wanted if way not in seen and (rule.id, way) not in NEVER]

    assert not missing, f"no rehearsal shows {rule.id}: {', '.join(missing)}"


# --- guards, course rules, states


def refused() -> set[tuple[str, str]]:
    """Fact and guard or course rule of everything that was refused."""
    told = (each for bedside in bedsides() for each in bedside.told)
    return {(each.asked.fact_type, name) for each in told for name in each.refused_by}


def test_each_guard_refuses_and_lets_pass_each_fact_that_it_guards() -> None:
    accepted = {entry.type for entry in entries() if entry.kind == "fact"}
    pairs = [(fact, guard.id) for guard in WORKFLOW.definition.guards for fact in guard.on]

    assert {fact for fact, _ in pairs} <= accepted
    assert {pair for pair in pairs if pair not in NEVER} <= refused()


def test_each_guard_that_may_be_overridden_is() -> None:
    overridden = {entry.data["rule"] for entry in entries() if entry.type == OVERRIDE_USED}

    assert {guard.id for guard in WORKFLOW.definition.guards if guard.override is not None} == overridden


def test_each_course_rule_refuses_a_day_and_lets_one_pass() -> None:
    accepted = {entry.type for entry in entries() if entry.kind == "fact"}
    pairs = {(fact, rule.id) for rule in WORKFLOW.definition.course_rules for fact in rule.on}

    assert {fact for fact, _ in pairs} <= accepted
    assert {pair for pair in pairs if pair not in NEVER} <= refused()


def test_each_state_is_entered() -> None:
    entered = {entry.outcome.get("state_to") for entry in entries()}

    assert set(WORKFLOW.states) <= entered
