"""The oracle for legal moves: which fact may lead from which state where.

`transitions` answers; this is its only importer. Its answers are compiled once per workflow into a plain table, because
a trigger costs microseconds and a look-up costs nanoseconds, and a table cannot be changed by a callback. The machine
is synchronous, flat and without callbacks or automatic jumps: with those on, a day could leap to any state unguarded.
Does not: judge guards, roles or times.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from transitions import Machine, MachineError

from infusion_service.clinical.definition import FactType, Move, State, When

STAY = "="


class _Cursor:
    """A model that is never added to the machine: it only carries the state that is asked about."""

    __slots__ = ("state",)

    def __init__(self, state: str) -> None:
        self.state = state


@dataclass(frozen=True, slots=True)
class Leg:
    """One way a fact may lead from one state: to `target` (the same state for a fact that only acts on the pump)."""

    target: str
    when: When | None
    same_date: bool


class MoveTable:
    """Every (state, fact) pair that is legal, with where it leads."""

    def __init__(self, states: Mapping[str, State], facts: Mapping[str, FactType]) -> None:
        """Build the machine from the definition, ask it every question there is, and keep the answers."""
        self._legs: dict[tuple[str, str], tuple[Leg, ...]] = {}
        self._moving = frozenset(name for name, fact in facts.items() if fact.moves)
        machine = _machine(states, facts)
        for state in states:
            for fact_type, fact in facts.items():
                legs = tuple(
                    Leg(target, move.when, move.same_date)
                    for index, move in enumerate(fact.moves)
                    if (target := _ask(machine, state, _trigger(fact_type, index))) is not None
                )
                if legs:
                    self._legs[state, fact_type] = legs

    def moves(self, fact_type: str) -> bool:
        """Tell whether facts of this type move the state at all."""
        return fact_type in self._moving

    def legs(self, state: str, fact_type: str) -> tuple[Leg, ...]:
        """Return every way this fact leads from this state; empty when it is not legal there."""
        return self._legs.get((state, fact_type), ())

    def target(self, state: str, fact_type: str, data: Mapping[str, Any], *, on_the_date: bool) -> str | None:
        """Return the state this very fact leads to, or None when it is not legal. Overlaps are refused at load."""
        for leg in self._legs.get((state, fact_type), ()):
            if (on_the_date or not leg.same_date) and _holds(leg.when, data):
                return leg.target
        return None

    def allowed(self, state: str) -> list[str]:
        """Return the types of fact that may move a day in this state."""
        return [fact_type for (from_state, fact_type) in self._legs if from_state == state]

    def edges(self) -> Iterator[tuple[str, str, str]]:
        """Yield (state, fact, target) of every legal move."""
        for (state, fact_type), legs in self._legs.items():
            for leg in legs:
                yield state, fact_type, leg.target


def _holds(when: When | None, data: Mapping[str, Any]) -> bool:
    if when is None:
        return True
    value = data.get(when.field)
    return value in when.among if when.among else value == when.equals


def _trigger(fact_type: str, index: int) -> str:
    return f"{fact_type}#{index}"


def _machine(states: Mapping[str, State], facts: Mapping[str, FactType]) -> Machine:
    initial = next(name for name, state in states.items() if state.initial)
    machine = Machine(model=None, states=list(states), initial=initial, auto_transitions=False, queued=False)
    for fact_type, fact in facts.items():
        for index, move in enumerate(fact.moves):
            for source in move.sources:
                machine.add_transition(_trigger(fact_type, index), source, _target(move, source))
    return machine


def _target(move: Move, source: str) -> str:
    return source if move.to == STAY else move.to


def _ask(machine: Machine, state: str, trigger: str) -> str | None:
    cursor = _Cursor(state)
    try:
        machine.events[trigger].trigger(cursor)
    except MachineError:
        return None
    return cursor.state


def mermaid(table: MoveTable, states: Mapping[str, State]) -> str:
    """Draw the states and moves as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    lines += [f"    [*] --> {name}" for name, state in states.items() if state.initial]
    labels: dict[tuple[str, str], list[str]] = {}
    for source, fact_type, target in table.edges():
        if source != target:
            labels.setdefault((source, target), []).append(fact_type)
    lines += [f"    {source} --> {target}: {', '.join(facts)}" for (source, target), facts in labels.items()]
    lines += [f"    {name} --> [*]" for name, state in states.items() if state.terminal]
    return "\n".join(lines) + "\n"
