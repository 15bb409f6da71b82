"""The compiled table of moves says what the machine itself would say, for every state, fact and case."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from transitions import Machine, MachineError

from infusion_service.clinical.machine import STAY
from tests.clinical.one_day import WORKFLOW

CASES: list[dict[str, Any]] = [
    {},
    *({"permanent": value} for value in (True, False)),
    *({"flow_stopped": value} for value in (True, False)),
    *({"reason": code} for code in (*WORKFLOW.facts["infusion.stopped"].fields["reason"].of, "unheard of")),
]


class Patient:
    """What the machine moves."""

    state = ""


def asked(state: str, fact_type: str, data: dict[str, Any], *, on_the_date: bool) -> str | None:
    """The answer of a machine built here, for this one question, from the moves as the file has them."""
    fact = WORKFLOW.facts[fact_type]
    patient = Patient()
    machine = Machine(patient, states=list(WORKFLOW.states), initial=state, auto_transitions=False)
    for move in fact.moves:
        when = move.when
        holds = when is None or (
            data.get(when.field) in when.among if when.among else data.get(when.field) == when.equals
        )
        if holds and (on_the_date or not move.same_date):
            for source in move.sources:
                machine.add_transition("moved", source, source if move.to == STAY else move.to)
    if "moved" not in machine.events:
        return None
    try:
        machine.events["moved"].trigger(patient)
    except MachineError:
        return None
    return patient.state


@pytest.mark.parametrize("fact_type", [name for name, fact in WORKFLOW.facts.items() if fact.moves])
def test_the_table_is_the_machine(fact_type: str) -> None:
    fields = set(WORKFLOW.facts[fact_type].fields)
    cases = [case for case in CASES if set(case) <= fields]
    for state, case, on_the_date in product(WORKFLOW.states, cases, (True, False)):
        told = WORKFLOW.table.target(state, fact_type, case, on_the_date=on_the_date)
        assert told == asked(state, fact_type, case, on_the_date=on_the_date), (state, case, on_the_date)


def test_facts_without_a_move_are_in_no_leg() -> None:
    for state, (fact_type, fact) in product(WORKFLOW.states, WORKFLOW.facts.items()):
        assert WORKFLOW.table.moves(fact_type) == bool(fact.moves)
        if not fact.moves:
            assert WORKFLOW.table.legs(state, fact_type) == ()


def test_what_is_allowed_and_the_edges_are_the_legs() -> None:
    legs = {
        (state, fact_type, leg.target)
        for state in WORKFLOW.states
        for fact_type in WORKFLOW.facts
        for leg in WORKFLOW.table.legs(state, fact_type)
    }
    assert set(WORKFLOW.table.edges()) == legs
    for state in WORKFLOW.states:
        assert set(WORKFLOW.table.allowed(state)) == {fact for source, fact, _ in legs if source == state}


def test_the_diagram_shows_every_state_and_every_move_between_two() -> None:
    diagram = WORKFLOW.diagram()
    for source, fact_type, target in WORKFLOW.table.edges():
        if source != target:
            (line,) = [line for line in diagram.splitlines() if line.strip().startswith(f"{source} --> {target}:")]
            assert fact_type in line
    for name, state in WORKFLOW.states.items():
        assert (f"    {name} --> [*]\n" in diagram) == state.terminal
        assert (f"    [*] --> {name}\n" in diagram) == state.initial
