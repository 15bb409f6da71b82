"""What a simulated nurse charts, as the workflow file of the product says it.

Promises: fact types are found by what they mean, values come from the file's `[rehearsal]` and its fields, so that a
further product needs no word here. Does not: post.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from infusion_service.cli.exits import refused
from infusion_service.cli.rehearsal.routine import read_routine
from infusion_service.clinical.definition import Field
from infusion_service.clinical.workflow import Workflow

A_NOTE = "resting, no complaints"
NOTES_SHARE = 0.1
SPREAD_STEPS = 3
"""How far a charted number may lie from the unremarkable one, either way, in the last place it is written with."""


class SimulatedFacts:
    """The unremarkable facts of one product."""

    def __init__(self, workflow: Workflow) -> None:
        """Look up what can be charted. Raises `CommandFailed` where the product knows no vital signs."""
        self._workflow = workflow
        self._routine = read_routine(workflow)
        self._signs = dict(self._unremarkable())
        self._notes = [(name, field) for name, field in _notes(workflow)]

    def scheduling(self) -> dict[str, Any]:
        """Return what the scheduling says beside patient, date and ward."""
        fields = self._workflow.facts[self._workflow.only_of_meaning("scheduling")].fields
        given = {name: _least(field) for name, field in fields.items() if name in ("dose_mg", "duration_min")}
        named = {"workflow": self._workflow.name} if "workflow" in fields else {}
        empty: dict[str, Any] = {name: [] for name in ("baseline_deficits", "attested_history") if name in fields}
        return {**empty, **given, **named}

    def checking_in(self) -> Iterator[dict[str, Any]]:
        """Yield the facts with which the routine lets a patient in; none where the file has no routine."""
        arriving = self._workflow.of_meaning("check_in")
        for step in self._routine.steps:
            if step.post in arriving:
                yield {"type": step.post, "data": dict(step.data)}

    def charted(self, chance: random.Random) -> dict[str, Any]:
        """Return a complete, unremarkable set of vital signs, or now and then a note, where the product has one."""
        if self._notes and chance.random() < NOTES_SHARE:
            name, field = chance.choice(self._notes)
            return {"type": name, "data": {field: A_NOTE}}
        name = self._workflow.only_of_meaning("vital_signs")
        fields = self._workflow.facts[name].fields
        return {"type": name, "data": {sign: _near(self._signs[sign], fields[sign], chance) for sign in self._signs}}

    def _unremarkable(self) -> Iterator[tuple[str, Any]]:
        vital_signs = self._workflow.of_meaning("vital_signs")
        if not vital_signs:
            raise refused(f"{self._workflow.name} knows no vital signs: there is nothing to chart at a steady rate")
        kind = self._workflow.facts[vital_signs[0]]
        for sign in (name for name in kind.fields if name in self._routine.unremarkable):
            value = self._routine.unremarkable[sign]
            yield sign, float(value) if isinstance(value, Decimal) else value


def _notes(workflow: Workflow) -> Iterator[tuple[str, str]]:
    """Yield (fact, field) of the facts that a nurse may post anywhere and that want nothing but a text."""
    for name, fact in workflow.facts.items():
        wanted = [(field, kind.type) for field, kind in fact.fields.items() if not kind.optional]
        if fact.means is None and not fact.moves and workflow.may_post("nurse", name) and len(wanted) == 1:
            field, kind_of = wanted[0]
            if kind_of == "text":
                yield name, field


def _near(value: Any, field: Field, chance: random.Random) -> Any:
    """Return a number a few steps beside a measured one, within the range of what is plausible; the rest as it is."""
    if field.type not in ("integer", "decimal") or field.soft is None:
        return value
    step = Decimal(1).scaleb(-field.scale)
    lowest, highest = field.soft
    moved = min(max(Decimal(str(value)) + step * chance.randint(-SPREAD_STEPS, SPREAD_STEPS), lowest), highest)
    return int(moved) if field.type == "integer" else float(moved)


def _least(field: Field) -> Any:
    """Return the least that a number may be, as a fact carries it."""
    step = Decimal(1).scaleb(-field.scale)
    least = field.at_least if field.at_least is not None else (field.above or Decimal(0)) + step
    return int(least) if field.type == "integer" else float(least)
