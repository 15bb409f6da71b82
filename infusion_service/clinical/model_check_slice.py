"""What can matter to one property: which guards, which facts, which letters, which days.

Promises: a property, the guards that look at the same things and the letters on either side of their limits belong to
the slice; whatever else stands in the way is met in the straightest way there is. Everything follows from the
definition and the property. Does not: search (`model_check`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from infusion_service.clinical import guard_definition as guards
from infusion_service.clinical import safety_definition as tests
from infusion_service.clinical.definition import RateStep
from infusion_service.clinical.guard_definition import Guard
from infusion_service.clinical.model_check_alerts import raising
from infusion_service.clinical.model_check_guards import (
    ALERTS,
    BAG,
    COURSE,
    ORDINAL,
    PUMP,
    RATE,
    SAYS,
    SECOND,
    VOLUME,
    on_either_side,
    satisfying,
    touched,
)
from infusion_service.clinical.model_check_letters import CLINICIANS, Alphabet, Letter
from infusion_service.clinical.model_check_values import (
    LEFT_OUT,
    BagId,
    MonthsAgo,
    PlanDose,
    values_against,
    values_for,
)
from infusion_service.clinical.model_check_world import World
from infusion_service.clinical.plan import plan_of
from infusion_service.clinical.safety_definition import Safety, leaves
from infusion_service.clinical.vocabulary import CLINICAL_ROLES
from infusion_service.clinical.workflow import Workflow

Config = tuple[int, int]
"""Course and day."""


class Slice:
    """The part of a workflow that one property is about."""

    def __init__(self, alphabet: Alphabet, rule: Safety) -> None:
        """Work out what belongs to the property."""
        self.rule = rule
        self.alphabet = alphabet
        self.workflow = alphabet.workflow
        self.tests = tuple(leaves(rule.when))
        self.subjects = _subjects(rule, self.workflow)
        self.touched = frozenset(thing for leaf in self.tests for thing in _looked_at(leaf, self.workflow))
        related = (g for g in self.workflow.definition.guards if not self.touched.isdisjoint(touched(g, self.workflow)))
        self.related: dict[str, Guard] = {guard.id: guard for guard in related}
        """The guards that look at the same things as the property."""
        self.days = 2 if COURSE in self.touched else 1
        self.only_tried = frozenset(
            name for name in self.subjects if not self.workflow.table.moves(name) and name not in self.touched
        )
        """Facts that are looked at but lead nowhere the property is about."""
        self._near = frozenset(
            state for state in self.workflow.states if any(self._legal(state, fact) for fact in self.subjects)
        )
        self._leading = self._states_leading()
        self._ways: dict[str, tuple[Letter, ...]] = {}
        self._letters = self._all_letters()

    def configs(self) -> list[Config]:
        """Return the days worth looking at: one, or those on either side of every limit on ordinals.

        Days on which the property cannot but hold are left out.
        """
        wanted: set[Config] = set(self._planned_otherwise())
        if ORDINAL not in self.touched:
            return sorted({(1, self.days), *wanted})
        for leaf in self.tests:
            if isinstance(leaf, tests.OrdinalTest):
                beyond = (max(leaf.other_than) + 1,) if leaf.other_than else (1,)
                wanted |= _around(leaf.among, leaf.courses or beyond)
        for guard in self.related.values():
            wanted |= _configs_of(guard)
        return sorted(config for config in wanted if _may_hold(self.rule.when, config) is not False)

    def _planned_otherwise(self) -> Iterator[Config]:
        """Yield a day for each exception of the plan, and one beyond them all, where the property is about bag or
        rate."""
        instead = self.workflow.definition.plan.instead
        about_plan = {RATE, *self.workflow.of_meaning("bag_prepared", "bag_discarded")} & self.touched
        for said in instead if about_plan and self.days == 1 else ():
            yield (min(said.courses, default=1), min(said.ordinals, default=1))
            yield (max(said.courses, default=1), max(said.ordinals, default=0) + 1)
            yield (max(said.courses, default=0) + 1, 1)

    def other_dates(self) -> tuple[int, ...]:
        """Return on which dates the patient's other day may be, counted from the examined one."""
        apart = max(1, self.alphabet.days_apart)
        return (-apart, 0) if any(isinstance(leaf, tests.SameDateTest) for leaf in self.tests) else (-apart,)

    def schedulings(self, config: Config) -> Iterator[Letter]:
        """Yield the schedulings of the examined day: the plain one, and those the property is about."""
        plain = self.alphabet.schedule(*config)
        yield plain
        for leaf in self.tests if plain.fact_type in self.subjects else ():
            match leaf:
                case tests.Says():
                    for letter in self._saying(plain, leaf.where):
                        course, day = letter.data["course"], letter.data["day"]
                        yield self.alphabet.schedule(course, day).saying(date=letter.data["date"])
                case tests.IntervalTest():
                    course, day = (1, 2) if leaf.within_course else (2, 1)
                    for days in (0, 1):
                        since = MonthsAgo(leaf.below_months or 0, days - (leaf.below_days or 0))
                        yield self.alphabet.schedule(course, day, last_infusion_on=since)
                    yield self.alphabet.schedule(course, day).saying(attested_history=LEFT_OUT)
                case _:
                    pass

    def step_of_the_rate(self, world: World) -> RateStep | None:
        """Return the step of the plan that holds, where the property is about the rate."""
        plan = plan_of(world.day.picture, world.ordinal, self.workflow) if RATE in self.touched else None
        return None if plan is None else plan.step(world.day.picture.pump.running_ms(world.now))

    def near(self, state: str) -> bool:
        """Tell whether a fact of the property may be posted in a state: there all that it looks at is tried."""
        return state in self._near

    def leads_on(self, state: str | None) -> bool:
        """Tell whether a fact of the property may still come up from a state, by whatever moves."""
        return state is None or state in self._leading

    def _legal(self, state: str, fact_type: str) -> bool:
        if self.workflow.meaning[fact_type] == "scheduling":
            return False
        table = self.workflow.table
        return not table.moves(fact_type) or bool(table.legs(state, fact_type))

    def _states_leading(self) -> frozenset[str]:
        leading = set(self._near)
        edges = [(source, target) for source, _, target in self.workflow.table.edges()]
        while more := {source for source, target in edges if target in leading} - leading:
            leading |= more
        return frozenset(leading)

    def ways_past(self, guard: Guard) -> tuple[Letter, ...]:
        """Return the letters that may make a guard pass, the same ones every time."""
        if guard.id not in self._ways:
            self._ways[guard.id] = tuple(satisfying(guard, self.alphabet))
        return self._ways[guard.id]

    def moves(self, state: str) -> Iterator[Letter]:
        """Yield the letters that may move a day in this state."""
        for fact_type in self.workflow.table.allowed(state):
            yield from self._letters.get(fact_type, ())

    def illegal(self, state: str) -> Iterator[Letter]:
        """Yield the facts of the property that no move allows in this state: they are to be refused."""
        for fact_type in self.subjects:
            if self.workflow.table.moves(fact_type) and not self.workflow.table.legs(state, fact_type):
                yield from self._letters.get(fact_type, ())[:1]

    def free(self, state: str) -> Iterator[Letter]:
        """Yield the letters without a move that the property or a guard related to it looks at, where it matters."""
        for fact_type, letters in self._letters.items() if self.near(state) else ():
            if not self.workflow.table.moves(fact_type):
                yield from letters

    def sayings(self, fact_type: str) -> Iterator[Letter]:
        """Yield the fact in its plainest form and with every code that its moves depend on."""
        plain, fact = self.alphabet.plain(fact_type), self.workflow.facts[fact_type]
        yield plain
        for name in dict.fromkeys(move.when.field for move in fact.moves if move.when is not None):
            yield from (plain.saying(**{name: code}) for code in fact.fields[name].of if plain.data.get(name) != code)

    def elsewhere(self) -> Iterator[Letter]:
        """Yield the letters that may be posted on the patient's other day."""
        named = {name for leaf in self.tests if isinstance(leaf, tests.Charted) and leaf.course for name in leaf.facts}
        for fact_type, letters in self._letters.items():
            if fact_type in named:
                yield from letters

    def _all_letters(self) -> dict[str, tuple[Letter, ...]]:
        """Collect the letters by fact: plain moves, then all that the property and its guards tell apart."""
        found: dict[str, dict[tuple[Any, ...], Letter]] = {}
        collected = (self._plain_moves(), self._of_tests(), self._of_guards(), self._of_subjects(), self._strikes())
        for letters in collected:
            for letter in letters:
                found.setdefault(letter.fact_type, {}).setdefault(_told(letter), letter)
        scheduling = self.workflow.only_of_meaning("scheduling")
        return {name: tuple(letters.values()) for name, letters in found.items() if name != scheduling}

    def _plain_moves(self) -> Iterator[Letter]:
        for name, fact in self.workflow.facts.items():
            if fact.by and fact.moves:
                plain = self.alphabet.plain(name)
                yield plain
                for when in (move.when for move in fact.moves if move.when is not None):
                    yield plain.saying(**{when.field: when.among[0] if when.among else when.equals})

    def _strikes(self) -> Iterator[Letter]:
        for fact_type in sorted(self.touched & self.workflow.facts.keys()):
            strike = self.alphabet.strike(fact_type)
            if strike is not None and self.workflow.meaning[fact_type] not in ("scheduling", "strike"):
                yield strike

    def _of_guards(self) -> Iterator[Letter]:
        for guard in self.related.values():
            yield from satisfying(guard, self.alphabet)
            for fact_type in guard.on:
                yield from on_either_side(guard, fact_type, self.alphabet)

    def _of_tests(self) -> Iterator[Letter]:
        for leaf in self.tests:
            told = _TOLD_BY_TEST.get(type(leaf))
            if told is not None:
                yield from told(leaf, self)

    def facts_named(self, leaf: tests.Charted | tests.Latest) -> Iterator[Letter]:
        """Yield the facts that a test looks for, meeting and missing each of its conditions."""
        for name in leaf.facts:
            yield self.alphabet.plain(name)
            yield from self._saying(self.alphabet.plain(name), leaf.where)
            yield from self._lacking(name, leaf.has)
        if isinstance(leaf, tests.Charted):
            for name in leaf.since:
                yield from self._saying(self.alphabet.plain(name), leaf.since_where)

    def _of_subjects(self) -> Iterator[Letter]:
        for name in self.subjects:
            if self.workflow.facts[name].by:
                plain = self.alphabet.plain(name)
                yield plain
                for leaf in self.tests:
                    yield from self._of_subject(plain, leaf)

    def _of_subject(self, plain: Letter, leaf: tests.SafetyTest) -> Iterator[Letter]:
        grants = self.workflow.meaning[plain.fact_type] == "override"
        match leaf:
            case tests.Says():
                yield from self.alphabet.overrides() if grants else self._saying(plain, leaf.where)
            case tests.By():
                yield from (replace(plain, role=role) for role in CLINICAL_ROLES)
            case tests.Alone():
                yield from self._consented() if grants else self._accompanied(plain, leaf)
            case tests.RateTest():
                yield from self.alphabet.rates(plain.fact_type, leaf.above_plan or Decimal(1))
                yield from self.alphabet.rates_beside(plain.fact_type, leaf)
            case tests.DeliveredTest():
                yield from self.alphabet.volumes(plain.fact_type, leaf.below_percent)
            case tests.BagTest() if self.alphabet.field(plain.fact_type, "bag") is not None:
                yield from (plain.saying(bag=BagId(index)) for index in (0, 1))
            case _:
                pass

    def _consented(self) -> Iterator[Letter]:
        for letter in self.alphabet.overrides():
            yield from (replace(letter, second_role=role) for role in ("", *CLINICIANS))

    def _accompanied(self, plain: Letter, leaf: tests.Alone) -> Iterator[Letter]:
        """Yield the fact with nobody beside, and with somebody whose own entry has grown old."""
        yield replace(plain, second_role="")
        others = (role for role in CLINICIANS if role != plain.role)
        second = next((role for role in others if self.workflow.may_post(role, plain.fact_type)), plain.second_role)
        for minutes in (leaf.older_than_min, self.workflow.definition.time.double_check_valid_min):
            if minutes is not None and plain.second_role:
                yield replace(plain, second_role=second, second_min_before=minutes)

    def _saying(self, plain: Letter, where: Iterable[tests.Condition]) -> Iterator[Letter]:
        """Yield the letter that just meets all conditions, once for each value, and those that just miss one."""
        meeting = plain
        conditions = list(where)
        for condition in conditions:
            values = values_for(condition, self.alphabet.field(plain.fact_type, condition.field))
            if not values:
                return
            meeting = meeting.saying(**{condition.field: values[0]})
        yield meeting
        for condition in conditions:
            field = self.alphabet.field(plain.fact_type, condition.field)
            others = (*values_for(condition, field)[1:], *values_against(condition, field))
            yield from (meeting.saying(**{condition.field: value}) for value in others)

    def _lacking(self, fact_type: str, has: tuple[str, ...]) -> Iterator[Letter]:
        """Yield the fact without each of the fields that the property wants, taking along what belongs with it."""
        fact, plain = self.workflow.facts[fact_type], self.alphabet.plain(fact_type)
        for name in has:
            together = {other for names in fact.together if name in names for other in names} or {name}
            yield plain.saying(**dict.fromkeys(together, LEFT_OUT))


def _subjects(rule: Safety, workflow: Workflow) -> tuple[str, ...]:
    if not rule.never_enters:
        return (*rule.never, *rule.always)
    leading = (fact for _, fact, target in workflow.table.edges() if target in rule.never_enters)
    return tuple(dict.fromkeys(leading))


def _looked_at(test: tests.SafetyTest, workflow: Workflow) -> Iterator[str]:
    """Yield what a test looks at: types of fact, and the things named in `model_check_guards`."""
    meanings, things = _LOOKS_AT.get(type(test), ((), ()))
    yield from (*workflow.of_meaning(*meanings), *things)
    match test:
        case tests.Charted():
            yield from (*test.facts, *test.since, *((COURSE,) if test.course else ()))
        case tests.Latest():
            yield from test.facts
        case tests.Says():
            yield from (SAYS + condition.field for condition in test.where)
        case _:
            pass


_LOOKS_AT: dict[type, tuple[tuple[Any, ...], tuple[str, ...]]] = {
    tests.PumpTest: (PUMP, ()),
    tests.BagTest: ((*BAG, "dose_planned"), ()),
    tests.ItemTest: (("checklist",), ()),
    tests.RateTest: ((), (RATE,)),
    tests.DeliveredTest: ((), (VOLUME,)),
    tests.AlertTest: ((), (ALERTS,)),
    tests.Alone: ((), (SECOND,)),
    tests.OrdinalTest: ((), (ORDINAL,)),
    tests.IntervalTest: ((), (COURSE,)),
    tests.SameDateTest: ((), (COURSE,)),
}


def _bags_told(leaf: tests.BagTest, part: Slice) -> Iterator[Letter]:
    yield from part.alphabet.meaning("bag_prepared")
    minutes = () if leaf.prepared_min_ago is None else (leaf.prepared_min_ago,)
    yield from part.alphabet.bags(leaf.dose_mg_other_than, minutes)
    if leaf.dose_mg_other_than_said:
        yield from part.alphabet.bags(PlanDose(), ())
        yield from part.alphabet.meaning("dose_planned")


def _alerts_told(leaf: tests.AlertTest, part: Slice) -> Iterator[Letter]:
    yield from raising(part.alphabet, frozenset(leaf.rules))
    yield from part.alphabet.meaning("review")


_TOLD_BY_TEST: dict[type, Callable[[Any, Slice], Iterator[Letter]]] = {
    tests.Charted: lambda leaf, part: part.facts_named(leaf),
    tests.Latest: lambda leaf, part: part.facts_named(leaf),
    tests.BagTest: _bags_told,
    tests.ItemTest: lambda leaf, part: part.alphabet.checklists(leaf.items),
    tests.AlertTest: _alerts_told,
}


def _configs_of(guard: Guard) -> set[Config]:
    match guard:
        case guards.SampledAfterInfusion():
            numbered = {int(course): ordinals for course, ordinals in guard.ordinals.items() if course.isdigit()}
            found = [config for course, ordinals in numbered.items() for config in _around(ordinals, (course,))]
            others = [ordinals for course, ordinals in guard.ordinals.items() if not course.isdigit()]
            beyond = max(numbered, default=0) + 1
            return {*found, *(config for ordinals in others for config in _around(ordinals, (beyond,)))}
        case _:
            return set() if guard.ordinal_at_most is None else _around((guard.ordinal_at_most,), (1,))


def _may_hold(test: tests.SafetyTest, config: Config) -> bool | None:
    """Tell whether a test can hold on a day as far as ordinals say: None where it depends on something else."""
    match test:
        case tests.OrdinalTest():
            course, ordinal = config
            fits = (not test.courses or course in test.courses) and course not in test.other_than
            return fits and ordinal in test.among
        case tests.NotTest():
            inner = _may_hold(test.of, config)
            return None if inner is None else not inner
        case tests.AllTest() | tests.AnyTest():
            deciding = isinstance(test, tests.AnyTest)
            parts = [_may_hold(part, config) for part in test.of]
            if deciding in parts:
                return deciding
            return None if None in parts else not deciding
        case _:
            return None


def _around(ordinals: Iterable[int], courses: Iterable[int]) -> set[Config]:
    numbers = {number + by for number in ordinals for by in (0, 1)}
    return {(course, number) for course in courses for number in numbers}


def _told(letter: Letter) -> tuple[Any, ...]:
    said = repr(sorted(letter.data.items()))
    return (letter.fact_type, said, letter.role, letter.second_role, letter.second_min_before)
