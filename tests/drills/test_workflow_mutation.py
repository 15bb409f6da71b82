"""Each number, comparison and list of the shipped workflow file is noticed by a test when it is changed by a little.

All of them in the drill; some of each part, drawn with a seed, in every run. `tests/drills/workflow_mutation.py` names
survivors with their keys, and can be run on a part of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.clinical.bedside import SHIPPED
from tests.drills.conftest import Drill
from tests.drills.workflow_mutants import NOT_MUTATED, NUMBERS, OF_NO_EFFECT, Mutant, decoded, mutants, written
from tests.drills.workflow_mutation import Court, Verdict, chosen, told

TREE = decoded(SHIPPED.read_bytes())
OF_EACH_PART = 1
"""How many mutants of each part of the file are looked at in every run."""


@cache
def court() -> Court:
    """The rehearsals and tests that may notice, each played once on the file as it is."""
    return Court()


def survivors(verdicts: list[Verdict]) -> list[str]:
    """The changes that no test noticed."""
    return [str(verdict.mutant) for verdict in verdicts if not verdict.killed_by]


@pytest.mark.timeout(300)
def test_some_changes_of_each_part_are_noticed(drill: Drill) -> None:
    every = chosen(TREE)
    parts = {part: [mutant for mutant in every if mutant.section == part] for part in NUMBERS}
    drawn = [mutant for of_it in parts.values() for mutant in drill.chance.sample(of_it, OF_EACH_PART)]

    assert not survivors([court().judge(mutant, TREE) for mutant in drawn])


@pytest.mark.drill
def test_every_change_is_noticed(drill: Drill) -> None:
    verdicts = [court().judge(mutant, TREE) for mutant in chosen(TREE)]
    for line in told(verdicts):
        drill.figure(line)

    assert not survivors(verdicts)


@pytest.mark.drill
def test_what_is_said_to_have_no_effect_is_noticed_by_nobody() -> None:
    every = {str(mutant): mutant for mutant in mutants(TREE)}

    assert set(OF_NO_EFFECT) <= set(every)
    assert survivors([court().judge(every[change], TREE) for change in OF_NO_EFFECT]) == list(OF_NO_EFFECT)


def test_a_file_that_is_written_again_says_the_same() -> None:
    assert decoded(written(TREE)) == TREE


def test_every_number_of_the_file_is_mutated_both_ways_or_said_to_be_none_of_a_rule() -> None:
    def numbers(value: object, part: str) -> Iterator[str]:
        members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for member in members:
            yield from numbers(member, part)
        if not isinstance(value, dict | list | str | bool):
            yield part

    found = [part for name, value in TREE.items() for part in numbers(value, name)]
    assert {part for part in found if part not in NUMBERS} <= set(NOT_MUTATED)
    moved = [mutant for mutant in mutants(TREE) if _is_a_step(mutant)]
    assert len(moved) == 2 * sum(part in NUMBERS for part in found)


def _is_a_step(mutant: Mutant) -> bool:
    """Tell whether a mutant moves a number that is a value."""
    value: Any = TREE
    for name in mutant.path:
        value = value[name]
    return not isinstance(value, dict | list | str | bool) and "->" in mutant.change
