"""Holds the tests to account: each number, comparison and list of the shipped workflow file is noticed by some test.

Each mutant (`workflow_mutants`) is loaded; one that loads is given to the rehearsals and to the tables of the clinical
tests, those likely to notice first, until one turns red. A mutant that nothing notices survives, and is printed with
its key: the number may then be wrong and no test would say so.

Run it: `python -m tests.drills.workflow_mutation`, with words of keys to look at a part (`alerts[news2] scores`).
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from infusion_service.cli.rehearsal.script import Script, parse_script
from infusion_service.clinical.workflow import Workflow, WorkflowInvalid, load_workflow
from tests.clinical.bedside import REHEARSALS, SHIPPED, played
from tests.clinical.playing import at_once
from tests.clinical.safety_agreement import Told, disagreements, overheard
from tests.drills.clinical_tests import MODULES, fails
from tests.drills.workflow_mutants import OF_NO_EFFECT, RULES, Mutant, decoded, mutants

REFUSED = "refused at load"
CRASHED = (ArithmeticError, AssertionError, LookupError, RuntimeError, TypeError, ValueError)
"""What a test that meets a broken workflow may end in; it is red all the same."""
LIKELY_REHEARSALS = 12
"""How many rehearsals are asked before the tests are."""
SHOWN_BY = {
    "actions": ("alert.answered", "alert.escalated", "answered", "escalated"),
    "checks": ("check.overdue", "overdue"),
    "escalations": ("alert.escalated", "escalated"),
    "grace": ("check.overdue", "overdue"),
}
"""Words of rehearsals that show what a part of the file does without naming it."""
_WORD = re.compile(r"[a-z][a-z0-9_.-]{2,}")

Table = Callable[[Workflow], Iterator[str]]
"""A table of a clinical test, played on any workflow: yields what is not as the table says."""


@dataclass(frozen=True, slots=True)
class Witness:
    """Something that may notice a mutant: a rehearsal or a table."""

    name: str
    words: frozenset[str]
    scripted: bool
    """Whether it is a rehearsal."""
    red: Callable[[Workflow], bool]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant. `killed_by` is empty for a survivor."""

    mutant: Mutant
    killed_by: str
    cpu_s: float


class Court:
    """All witnesses, asked in the order in which they are likely to notice."""

    def __init__(self) -> None:
        """Play every rehearsal; raises `AssertionError` when one is red before anything was changed."""
        shipped = load_workflow(SHIPPED.read_bytes(), file=SHIPPED.name)
        self._told: list[Told] = []
        self._witnesses = [self._rehearsal(path, shipped) for path in sorted(REHEARSALS.rglob("*.toml"))]
        self._witnesses += [_tests(path, shipped) for path in MODULES]
        self._properties = Witness("test_safety_agreement.py", frozenset(), scripted=False, red=self._disagrees)
        assert not self._disagrees(shipped), "the safety properties disagree before anything was changed"
        self._killed: dict[str, Counter[str]] = defaultdict(Counter)

    def _rehearsal(self, path: Path, shipped: Workflow) -> Witness:
        """A rehearsal, with the words of its script and of what it brought about."""
        raw = path.read_bytes()
        script = parse_script(raw, file=path.name)
        bedside = at_once(overheard(script, shipped))
        assert not bedside.differences, f"{path.name} is red before anything was changed"
        self._told += bedside.told
        named = {word for entry in bedside.log for word in (entry.type, *map(entry.data.get, ("rule", "check")))}
        words = frozenset(_WORD.findall(raw.decode("utf-8"))) | frozenset(filter(None, named))
        return Witness(path.name, words, scripted=True, red=partial(_differs, script))

    def _disagrees(self, workflow: Workflow) -> bool:
        """Tell whether the safety properties are at odds with the answers, none of which depends on them."""
        try:
            return any(True for _ in disagreements(self._told, workflow.definition.safety))
        except CRASHED:
            return True

    def judge(self, mutant: Mutant, tree: dict[str, Any]) -> Verdict:
        """Ask one witness after another until one notices the change."""
        began = time.process_time()
        try:
            workflow = load_workflow(mutant.raw(tree), file="mutant.toml")
        except WorkflowInvalid:
            return Verdict(mutant, REFUSED, time.process_time() - began)
        for witness in [self._properties] if mutant.section == "safety" else self._in_order(mutant):
            if witness.red(workflow):
                self._killed[_rule(mutant)][witness.name] += 1
                return Verdict(mutant, witness.name, time.process_time() - began)
        return Verdict(mutant, "", time.process_time() - began)

    def _in_order(self, mutant: Mutant) -> list[Witness]:
        """Those who noticed changes of the same rule; a few likely rehearsals; the tests; the other rehearsals."""
        words = {*_WORD.findall(mutant.key), *_WORD.findall(mutant.change), *SHOWN_BY.get(mutant.section, ())}
        rule = set(_WORD.findall(_rule(mutant))) - {mutant.section}
        killed = self._killed[_rule(mutant)]
        part = mutant.section.partition("_")[0].rstrip("s")

        def likely(witness: Witness) -> tuple[int, bool, int]:
            shared = 3 * len(rule & witness.words) + len(words & witness.words)
            return -killed[witness.name], part not in witness.name, -shared

        scripts = sorted((each for each in self._witnesses if each.scripted), key=likely)
        tests = sorted((each for each in self._witnesses if not each.scripted), key=likely)
        first = LIKELY_REHEARSALS if mutant.section in RULES else 0
        return sorted([*scripts[:first], *tests, *scripts[first:]], key=lambda each: -killed[each.name])


def _rule(mutant: Mutant) -> str:
    """The rule that a mutant changes: where one change was noticed, the next one probably is too."""
    return re.split(r"(?<=\])", mutant.key, maxsplit=1)[0] if "[" in mutant.key else ".".join(map(str, mutant.path[:2]))


def _tests(path: Path, shipped: Workflow) -> Witness:
    """A module of clinical tests with the words of its source, believed once it was green on the file as it is."""
    green: list[bool] = []

    def red(workflow: Workflow) -> bool:
        if not fails(path, workflow):
            return False
        if not green:
            green.append(not fails(path, shipped))
        assert green[0], f"{path.name} is red before anything was changed"
        return True

    words = frozenset(_WORD.findall(path.read_text(encoding="utf-8")))
    return Witness(path.name, words, scripted=False, red=red)


def _differs(script: Script, workflow: Workflow) -> bool:
    try:
        _, differences = at_once(played(script, workflow))
    except CRASHED:
        return True
    return bool(differences)


def chosen(tree: dict[str, Any], words: Sequence[str] = ()) -> list[Mutant]:
    """Return the mutants whose key has one of the words, all where none is given; not those of no effect."""
    every = [mutant for mutant in mutants(tree) if str(mutant) not in OF_NO_EFFECT]
    return [mutant for mutant in every if not words or any(word in str(mutant) for word in words)]


def main(words: Sequence[str]) -> int:
    """Judge the mutants, print the survivors and the counts; 1 when something survived."""
    tree = decoded(SHIPPED.read_bytes())
    court, verdicts = Court(), []
    for mutant in chosen(tree, words):
        verdicts.append(court.judge(mutant, tree))
        if not verdicts[-1].killed_by:
            sys.stdout.write(f"survived  {mutant}\n")
            sys.stdout.flush()
    sys.stdout.writelines(f"{line}\n" for line in told(verdicts))
    return int(any(not verdict.killed_by for verdict in verdicts))


def told(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yield the counts, part by part."""
    for section in dict.fromkeys(verdict.mutant.section for verdict in verdicts):
        of_it = [verdict for verdict in verdicts if verdict.mutant.section == section]
        yield f"{section:13}{_counts(of_it)}"
    yield f"{'all':13}{_counts(verdicts)}"


def _counts(verdicts: Sequence[Verdict]) -> str:
    refused = sum(verdict.killed_by == REFUSED for verdict in verdicts)
    survived = sum(not verdict.killed_by for verdict in verdicts)
    cpu_s = sum(verdict.cpu_s for verdict in verdicts)
    return (
        f"{len(verdicts):5} mutants, {refused:4} refused at load, {len(verdicts) - refused - survived:4} noticed by a "
        f"test, {survived:3} survived, {cpu_s:6.1f} s of CPU"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
