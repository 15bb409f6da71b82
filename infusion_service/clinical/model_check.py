"""The bounded model check of the safety properties of a workflow over sequences of facts.

For each property, a breadth-first search over the situations that representative facts (`model_check_slice`) and waits
(`model_check_times`) lead to, each decided by the real `decide`. Situations that agree in state, in what every guard
says of every legal fact and in what the tests of the property say are one; the first way found there stands for all,
so the first violation found is a shortest one.

Promises: a violation is a sequence of facts that the service would accept; it can be played again. Pure and repeatable.
Does not: prove - the facts are representatives, the depth is bounded, and what a property's slice leaves out is not
tried for that property.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from infusion_service.clinical import guard_definition as guards
from infusion_service.clinical import safety_definition as tests
from infusion_service.clinical.course import with_day
from infusion_service.clinical.guards import Situation, failing_guards
from infusion_service.clinical.model_check_letters import Alphabet, Letter
from infusion_service.clinical.model_check_slice import Config, Slice
from infusion_service.clinical.model_check_times import interesting_moments, repetitions
from infusion_service.clinical.model_check_world import (
    Answer,
    Step,
    Unfilled,
    Waited,
    World,
    advanced,
    opening,
    opening_at,
    post,
)
from infusion_service.clinical.safety import Asked, holds, ran_less
from infusion_service.clinical.safety_definition import Safety
from infusion_service.clinical.vocabulary import Entry
from infusion_service.clinical.workflow import Workflow

DEPTH_MAX = 48
STATES_AT_FIRST = 250
STATES_MAX = 5000
"""Per property; one that needs more is reported as not searched to its end."""
_DIGITS = re.compile(r"\d+(\.\d+)?")
_OF_THE_FACT = (tests.Says, tests.By, tests.Alone, tests.RateTest, tests.DeliveredTest, tests.IntervalTest)
"""Tests that only a fact can answer: they do not tell situations apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A property that does not hold, with a shortest way to see it. The last step is the violating one."""

    rule: Safety
    steps: tuple[Step, ...]
    world: World
    """How things stood before the last step."""
    state_after: str
    """The state of the examined day after the last step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What came of one property."""

    rule: Safety
    states: int
    depth: int
    complete: bool
    """Every situation within the bounds was looked at."""
    accepted: int
    """How often a fact that the property is about was accepted: 0 says that the search never got there."""
    tested: int
    """How often the service was asked for what the property forbids (or demands): 0 says that nothing was shown."""
    violation: Violation | None = None


def model_check(
    workflow: Workflow, *, only: Collection[str] = (), progress: Callable[[Searched], None] = lambda _: None
) -> tuple[Searched, ...]:
    """Search the properties of a workflow, or `only` those named. `progress` hears of each as it is done.

    Every property is searched a little before any is searched to its end: most ways around are short, and once one is
    known the rest can wait until it is mended (they are then reported as not searched to their end).
    """
    alphabet = Alphabet(workflow)
    rules = [rule for rule in workflow.definition.safety if not only or rule.id in only]
    searches = [_Search(Slice(alphabet, rule)) for rule in rules]
    for search in searches:
        if search.run(STATES_AT_FIRST):
            progress(search.result())
    broken = any(search.violation is not None for search in searches)
    for search in searches:
        if not search.done:
            search.run(0 if broken else STATES_MAX)
            progress(search.result())
    return tuple(search.result() for search in searches)


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    world: World
    depth: int
    step: Step | None
    parent: _Node | None

    def path(self) -> tuple[Step, ...]:
        """Return the steps that led here."""
        steps: list[Step] = []
        node: _Node | None = self
        while node is not None and node.step is not None:
            steps.append(node.step)
            node = node.parent
        return tuple(reversed(steps))


class _Found(Exception):
    """Ends a search; carries the way to the violation."""

    def __init__(self, node: _Node, answer: Answer) -> None:
        self.node = node
        self.step = answer.step
        self.state_after = (answer.world or node.world).day.state or ""
        super().__init__()


class _Search:
    """One property, searched over all days worth looking at."""

    def __init__(self, part: Slice) -> None:
        self._part = part
        self._rule = part.rule
        self._workflow = part.workflow
        self._seen: set[Any] = set()
        self._queue: deque[_Node] = deque()
        self._depth = self._accepted = self._tested = 0
        self._begun = self._complete = False
        self.violation: Violation | None = None

    @property
    def done(self) -> bool:
        """Whether there is nothing more to search: all was seen, or a violation found."""
        return self._complete or self.violation is not None

    def run(self, states_max: int) -> bool:
        """Go on until a violation is found, everything has been seen or so many situations have; tell whether done."""
        try:
            if not self._begun:
                self._begun = True
                for config in self._part.configs():
                    for node in self._scheduled(config):
                        self._visit(node)
            while self._queue and len(self._seen) < states_max and self._queue[0].depth < DEPTH_MAX:
                node = self._queue.popleft()
                self._depth = max(self._depth, node.depth)
                self._expand(node)
        except _Found as found:
            steps = (*found.node.path(), found.step)
            self.violation = Violation(
                rule=self._rule, steps=steps, world=found.node.world, state_after=found.state_after
            )
            self._queue.clear()
        self._complete = not self._queue and self.violation is None
        return self.done

    def result(self) -> Searched:
        """Return how far it came."""
        return Searched(
            rule=self._rule,
            states=len(self._seen),
            depth=self._depth,
            complete=self._complete,
            accepted=self._accepted,
            tested=self._tested,
            violation=self.violation,
        )

    def _visit(self, node: _Node) -> bool:
        """Queue a situation that is new; tell whether it was."""
        if not self._part.leads_on(node.world.day.state):
            return False
        key = self._key(node.world)
        if key in self._seen:
            return False
        self._seen.add(key)
        self._queue.append(node)
        self._always(node)
        return True

    def _scheduled(self, config: Config) -> Iterator[_Node]:
        """Schedule the patient's other day, if any, let the property have its say there, then the examined day."""
        begun = [_Node(opening(self._workflow, self._part.days), 0, None, None)]
        if self._part.days > 1:
            begun = [node for days_later in self._part.other_dates() for node in self._other_day(config, days_later)]
        for node in begun:
            for letter in self._part.schedulings(config):
                yield from self._posted(node, letter)

    def _other_day(self, config: Config, days_later: int) -> Iterator[_Node]:
        course, number = config
        start = _Node(opening(self._workflow, self._part.days, days_later), 0, None, None)
        other = self._part.alphabet.schedule(course, number - 1, days_later=days_later)
        for scheduled in self._posted(start, other, index=0):
            told = [node for letter in self._part.elsewhere() for node in self._posted(scheduled, letter, index=0)]
            for node in (scheduled, *told):
                yield self._later(node, opening_at()) if days_later else node

    def _later(self, node: _Node, moment: datetime) -> _Node:
        return _Node(advanced(node.world, moment), node.depth + 1, Waited(until=moment), node)

    def _posted(self, node: _Node, letter: Letter, *, index: int = -1) -> Iterator[_Node]:
        answer = self._try(node, letter, index=index)
        if answer is not None and answer.world is not None:
            yield _Node(answer.world, node.depth + 1, answer.step, node)

    def _try(self, node: _Node, letter: Letter, *, index: int = -1) -> Answer | None:
        """Post a letter; None when it refers to something that is not there. Raises `_Found`."""
        try:
            answer = post(node.world, letter, index=index)
        except Unfilled:
            return None
        if index == -1 and self._violates(answer):
            raise _Found(node, answer)
        return answer

    def _violates(self, answer: Answer) -> bool:
        """Tell whether an answer breaks the property; count what was accepted and what was put to the test."""
        accepted = answer.world is not None
        named = answer.asked.fact_type in self._rule.never or any(map(self._enters, answer.entries))
        if not named and (accepted or answer.asked.fact_type not in self._part.subjects):
            return False
        self._accepted += accepted
        if not holds(self._rule.when, answer.asked):
            return False
        self._tested += 1
        return accepted and answer.overridden.isdisjoint(self._rule.unless_overridden)

    def _enters(self, entry: Entry) -> bool:
        target = entry.outcome.get("state_to")
        return target in self._rule.never_enters and target != entry.outcome.get("state_from")

    def _expand(self, node: _Node) -> None:
        """Visit all that can follow: moves, what helps them past guards, and what the property is about.

        The last only where no help leads on: both orders lead to the same situations, and one of them is enough.
        """
        state = node.world.day.state or ""
        for letter in self._part.illegal(state):
            self._try(node, letter)
        answers = [self._offer(node, letter) for letter in self._part.moves(state)]
        failing = frozenset(guard for _, blocking in answers for guard in blocking)
        helping = {id(way): way for letter, blocking in answers for way in self._ways_past(state, letter, blocking)}
        led_on = [self._visit(child) for letter in helping.values() for child in self._posted(node, letter)]
        if not any(led_on):
            for letter in self._part.free(state):
                self._offer(node, letter)
        for guard_id in sorted(failing & self._part.related.keys()):
            override = self._part.alphabet.override(self._part.related[guard_id])
            for child in self._posted(node, override) if override is not None else ():
                self._visit(child)
        for letter in self._part.elsewhere() if self._part.days > 1 else ():
            for child in self._posted(node, letter, index=0):
                self._visit(child)
        for child in self._waited(node, failing):
            self._visit(child)

    def _offer(self, node: _Node, letter: Letter) -> tuple[Letter, frozenset[str]]:
        """Post a letter and visit what it leads to; return it with the guards that failed."""
        answer = self._try(node, letter)
        if answer is not None and answer.world is not None and letter.fact_type not in self._part.only_tried:
            self._visit(_Node(answer.world, node.depth + 1, answer.step, node))
        return letter, _blocking(answer, self._part)

    def _ways_past(self, state: str, letter: Letter, blocking: frozenset[str]) -> Iterator[Letter]:
        """Yield what may help against the first guard that blocks and that the property leaves to itself here."""
        for guard in self._workflow.guards_on(letter.fact_type):
            if guard.id in blocking and not (guard.id in self._part.related and self._part.near(state)):
                yield from self._part.ways_past(guard)
                return

    def _waited(self, node: _Node, failing: frozenset[str]) -> Iterator[_Node]:
        asked = self._asked(node.world)
        repeated = set(repetitions(self._part, node.world))
        lasting = [
            letter
            for letter in self._part.free(node.world.day.state or "")
            if repeated and self._workflow.meaning[letter.fact_type] == "vital_signs"
        ]
        for moment in interesting_moments(self._part, node.world, asked, failing):
            waited = self._later(node, moment)
            yield waited
            for letter in lasting if moment in repeated else ():
                yield from self._posted(waited, letter)

    def _asked(self, world: World, fact_type: str = "", role: str = "") -> Asked:
        return Asked(
            fact_type=fact_type or (self._part.subjects or ("",))[0],
            data={},
            at=world.now,
            role=role,
            day=world.day,
            days=world.days,
            ordinal=world.ordinal,
        )

    def _always(self, node: _Node) -> None:
        """Look whether what must always be possible is possible here. Raises `_Found`."""
        if not self._rule.always or not holds(self._rule.when, self._asked(node.world)):
            return
        for letter in (letter for fact_type in self._rule.always for letter in self._part.sayings(fact_type)):
            for role in self._rule.by or (letter.role,):
                self._tested += 1
                answer = post(node.world, replace(letter, role=role))
                self._accepted += answer.world is not None
                if answer.world is None:
                    raise _Found(node, answer)

    def _key(self, world: World) -> Any:
        """Return what tells a situation apart from others: all that may change what is accepted from here on."""
        day, asked = world.day, self._asked(world)
        near = self._part.near(day.state or "")
        atoms = tuple(
            holds(leaf, asked)
            for leaf in self._part.tests
            if not isinstance(leaf, _OF_THE_FACT) and (near or not _timed(leaf))
        )
        atoms += tuple(ran_less(leaf, asked) for leaf in self._part.tests if isinstance(leaf, tests.RateTest))
        usable = frozenset(o.guard for o in day.ledger.overrides.values() if not o.used_by and o.until >= world.now)
        return (
            (day.course_number, day.day_number),
            day.state,
            self._verdicts(world),
            atoms,
            usable,
            self._part.step_of_the_rate(world),
            tuple(other.state for other in world.days[:-1]),
        )

    def _verdicts(self, world: World) -> tuple[tuple[str, str], ...]:
        """Return what each guard says of each legal fact, without its numbers: they change with every minute."""
        day = world.day
        course, ordinal = with_day(world.course, day), world.ordinal
        found: list[tuple[str, str]] = []
        for fact_type in self._workflow.table.allowed(day.state or ""):
            if not self._workflow.guards_on(fact_type):
                continue
            situation = Situation(
                fact_type=fact_type,
                data={},
                at=world.now,
                picture=day.picture,
                course=course,
                ordinal=ordinal,
                workflow=self._workflow,
                unconfirmed_since=day.ledger.unconfirmed_since(),
            )
            for failing in failing_guards(situation, preview=True):
                counts = isinstance(failing.guard, guards.NoOpenAlert | guards.CourseOpen)
                found.append((f"{fact_type} {failing.guard.id}", "" if counts else _DIGITS.sub("#", failing.reason)))
        return tuple(found)


def _timed(leaf: tests.SafetyTest) -> bool:
    """Tell whether a test changes by the passing of time alone: between two facts it may be looked at later."""
    match leaf:
        case tests.Charted():
            return leaf.within_min is not None or leaf.under_min is not None
        case tests.Latest():
            return leaf.older_than_min is not None
        case tests.PumpTest():
            return leaf.ran_under_min is not None
        case tests.BagTest():
            return leaf.prepared_min_ago is not None
        case _:
            return False


def _blocking(answer: Answer | None, part: Slice) -> frozenset[str]:
    """Return the guards that a refusal names; where a second person is wanted, the guards of that kind."""
    if answer is None or answer.refusal is None:
        return frozenset()
    named = {str(guard["guard"]) for guard in answer.refusal.members.get("guards", ())}
    if answer.refusal.code == "second_person_required":
        named |= {g.id for g in part.workflow.guards_on(answer.asked.fact_type) if isinstance(g, guards.SecondPerson)}
    return frozenset(named)


def moment_of(step: Step) -> datetime:
    """Return when a step happens."""
    return step.until if isinstance(step, Waited) else step.at
