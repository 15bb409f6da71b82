"""The facts that the model check posts: they follow from the definition, can be posted, and are unremarkable."""

from __future__ import annotations

from typing import get_args

import pytest

from infusion_service.clinical import model_check_guards, safety
from infusion_service.clinical.facts import read_fact
from infusion_service.clinical.guard_definition import Guard
from infusion_service.clinical.model_check_alerts import raising
from infusion_service.clinical.model_check_letters import Alphabet, Letter
from infusion_service.clinical.model_check_world import Unfilled, World, advanced, filled, opening, opening_at, post
from infusion_service.clinical.safety_definition import AllTest, AnyTest, NotTest, SafetyTest
from infusion_service.clinical.vocabulary import Refusal
from infusion_service.clinical.workflow import Workflow
from tests.clinical.workflow_copies import INVENTED, loaded

UNEVEN = ("[plan]", "duration_min = 240", "duration_min = 239")
"""A plan that no round volume fits."""
WORKFLOWS = [loaded(), loaded(UNEVEN), *(loaded(path=path) for path in sorted(INVENTED.glob("*.toml")))]

workflows = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)


def scheduled(workflow: Workflow) -> World:
    """Return a world in which a day is scheduled."""
    answer = post(opening(workflow, 1), Alphabet(workflow).schedule(1, 1))
    assert answer.world is not None, answer.refusal
    return answer.world


def data_of(letter: Letter, world: World) -> dict[str, object] | None:
    """Return what a letter says in a world, None when it refers to something that is not there yet."""
    try:
        return filled(world, letter, world.day)
    except Unfilled:
        return None


def test_the_model_knows_every_kind_of_guard() -> None:
    assert set(model_check_guards._LOOKS_AT) == set(get_args(Guard))  # noqa: SLF001 - the table is the promise


def test_every_kind_of_safety_test_can_be_judged() -> None:
    assert set(safety._EVALUATORS) == set(get_args(SafetyTest))  # noqa: SLF001 - the table is the promise
    assert {AllTest, AnyTest, NotTest} < set(get_args(SafetyTest))


@workflows
def test_the_plainest_fact_of_each_type_is_well_formed(workflow: Workflow) -> None:
    world, alphabet = scheduled(workflow), Alphabet(workflow)

    for name, fact in workflow.facts.items():
        data = data_of(alphabet.plain(name), world) if fact.by else None
        if data is not None and fact.means != "scheduling":
            assert not isinstance(read_fact(fact, data, emergency=False), Refusal), (name, data)


@workflows
def test_plain_vital_signs_raise_nothing(workflow: Workflow) -> None:
    world = scheduled(workflow)

    for letter in Alphabet(workflow).meaning("vital_signs"):
        answer = post(world, letter)
        assert answer.world is not None, answer.refusal
        assert not answer.world.day.ledger.open_list()
        assert answer.world.day.picture.last_complete is not None


@workflows
def test_a_letter_that_should_raise_an_alert_raises_one(workflow: Workflow) -> None:
    alphabet = Alphabet(workflow)
    letters = raising(alphabet, frozenset())
    raised = set()
    for letter in letters:
        world = scheduled(workflow)
        for before in alphabet.meaning("vital_signs"):
            world = post(world, before).world or world
        answer = post(world, letter)
        assert answer.world is not None, (letter, answer.refusal)
        raised |= {(alert.severity, alert.action) for alert in answer.world.day.ledger.open_list()}

    foreseen = {band.severity for rule in workflow.definition.alerts for band in rule.bands if band.when is not None}
    assert {severity for severity, _action in raised} == foreseen


@workflows
def test_waiting_passes_through_everything_that_falls_due(workflow: Workflow) -> None:
    later = advanced(scheduled(workflow), opening_at(1))

    missed = workflow.of_meaning("missed")
    assert later.day.terminal is bool(missed)
    assert all(later.day.picture.last(name) is not None for name in missed)
