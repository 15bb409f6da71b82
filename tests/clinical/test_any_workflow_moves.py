"""Every (state, fact) pair of every workflow file: the core moves a day as the file's `moves` say, and not otherwise.

In a copy guards hold nothing up, course rules and second persons are gone, so that nothing but the moves decides. What
is expected is read from the file's own words, not from the table that the core makes of them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from infusion_service.clinical.model_check_letters import Alphabet, Letter
from infusion_service.clinical.model_check_world import Unfilled, World, advanced, opening, post
from infusion_service.clinical.workflow import Workflow
from tests.clinical.workflow_copies import INVENTED, SHIPPED, loaded

FILES = [SHIPPED, *sorted(INVENTED.glob("*.toml"))]
files = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
A_DAY = timedelta(days=1)
NOTHING_TO_NAME = "nothing to name"


@lru_cache
def unguarded(path: Path) -> Workflow:
    """The workflow of a file in which nothing but its moves says no."""
    workflow = loaded(path=path)
    facts = {name: msgspec.structs.replace(fact, second=None) for name, fact in workflow.facts.items()}
    guards = tuple(msgspec.structs.replace(guard, on=()) for guard in workflow.definition.guards)
    bare = msgspec.structs.replace(workflow.definition, guards=guards, course_rules=(), facts=facts)
    return Workflow(bare, workflow.raw)


@lru_cache
def written(path: Path) -> Mapping[str, Any]:
    """The facts as the file writes them."""
    facts: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))["facts"]
    return facts


def letters(workflow: Workflow, path: Path) -> Iterator[Letter]:
    """Each fact that people post, once for each way its moves look at."""
    alphabet = Alphabet(workflow)
    for name, fact in written(path).items():
        if not fact["by"] or fact.get("means") in ("scheduling", "strike"):
            continue
        plain = alphabet.plain(name)
        yield plain
        for when in (move["when"] for move in fact.get("moves", ()) if "when" in move):
            for value in when.get("among", [when.get("equals")]):
                yield plain.saying(**{when["field"]: value})


def told(fact: Mapping[str, Any], state: str, data: Mapping[str, Any], *, same_date: bool) -> str | None:
    """Where the file says that a fact leads from a state: None where it is not legal, the state where it stays."""
    for move in fact.get("moves", ()):
        when = move.get("when")
        if when is not None and data.get(when["field"]) not in when.get("among", [when.get("equals")]):
            continue
        if state in move["from"] and (same_date or not move.get("same_date")):
            return state if move["to"] == "=" else str(move["to"])
    return None if fact.get("moves") and not fact.get("move_optional") else state


@lru_cache
def reached(path: Path) -> Mapping[str, World]:
    """A day in each state of a file, brought there by facts alone."""
    workflow = unguarded(path)
    scheduled = post(opening(workflow, 1), Alphabet(workflow).schedule(1, 1)).world
    assert scheduled is not None
    worlds, todo = {workflow.initial: scheduled}, [scheduled]
    while todo:
        here = todo.pop()
        ways = [*(_posted(here, letter) for letter in letters(workflow, path)), advanced(here, here.now + A_DAY)]
        for there in ways:
            if there is not None and there.day.state not in worlds:
                worlds[str(there.day.state)] = there
                todo.append(there)
    return worlds


def _posted(world: World, letter: Letter) -> World | None:
    try:
        return post(world, letter).world
    except Unfilled:
        return None


@files
def test_every_state_can_be_reached_by_facts(path: Path) -> None:
    assert reached(path).keys() == unguarded(path).states.keys()


@files
@pytest.mark.parametrize("days_later", [0, 1], ids=["on the date", "the day after"])
def test_every_pair_is_judged_as_the_file_says(path: Path, days_later: int) -> None:
    workflow, wrong, unjudged = unguarded(path), [], set()
    for state, reached_at in reached(path).items():
        world = advanced(reached_at, reached_at.now + days_later * A_DAY)
        if world.day.state != state:
            continue  # nobody came: the day is missed by then
        for letter in letters(workflow, path):
            found = _verdict(world, letter)
            same_date = days_later == 0 and world.now.date() == world.day.date
            expected = told(written(path)[letter.fact_type], state, letter.data, same_date=same_date)
            if found == NOTHING_TO_NAME:
                unjudged.add(workflow.meaning[letter.fact_type])
            elif found != expected:
                wrong.append((state, letter.fact_type, letter.data, expected, found))
    assert not wrong
    assert unjudged <= {"acknowledgement", "confirmation", "override", "review"}


def _verdict(world: World, letter: Letter) -> str | None:
    """The state that a fact leads to, None where its move is refused; what names nothing that is there is let be."""
    try:
        answer = post(world, letter)
    except Unfilled:
        return NOTHING_TO_NAME
    if answer.refusal is None:
        return str(answer.entries[0].outcome.get("state_to", world.day.state))
    if answer.refusal.code == "invalid_fact":
        return NOTHING_TO_NAME
    assert answer.refusal.code == "transition_not_allowed", (answer.refusal, letter)
    return None
