"""What the service answered at a moment it answers again for that moment: (`at`, `known_at`), through intake and watch.

A shift on which anything may happen (late facts, strikes, corrections, moves, reviews, time that passes) is driven
through the real intake. After each step the day views of that moment are kept, as of now and as of earlier clinical
times; at the end each is asked for again with `known_at`, folded from the log.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import uuid
from collections.abc import Coroutine, Iterator
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from infusion_service.clinical.day import Day
from infusion_service.clinical.vocabulary import Submission
from infusion_service.intake.clock import SimulatedClock
from infusion_service.intake.intake import Intake
from infusion_service.intake.watch import Watch
from infusion_service.log.memory import MemoryStore
from tests.clinical.random_shift import Shift, Step, shifts
from tests.drills.year import FORGOTTEN, START, PlannedDay, hours_before, scheduling, submission
from tests.intake import ward

Answer = TypeVar("Answer")

LOOKED_BACK_MIN = (0, 1, 10, 45, 100)
"""How long before the moment of asking the clinical times lie that are asked for."""

DAYS_OF_A_WARD = 60
"""Examples that share a log, so that not each pays for a start."""


class Ward:
    """An intake on a log in memory, as the bedside that a `Shift` is taken at."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._store = MemoryStore()
        self._clock = SimulatedClock(ward.MORNING)
        self._intake = Intake(settings=ward.settings(), store=self._store, clock=self._clock)
        self.run(self._intake.start())
        self._watch = Watch(site=ward.SITE, store=self._store, clock=self._clock, tick=self._intake.tick)
        self._numbers = itertools.count(1)
        self.taken = 0
        self._day_id = ""

    def run(self, doing: Coroutine[Any, Any, Answer]) -> Answer:
        return self._runner.run(doing)

    def begin(self) -> None:
        """A new patient whose infusion starts now, on a date of its own."""
        self.taken += 1
        on = (self.now + timedelta(days=1)).date()
        planned = PlannedDay(next(self._numbers), FORGOTTEN, on)
        made = self.run(self._intake.submit(scheduling(planned)))
        self._day_id = str(ward.receipt(made)["day_id"])
        tomorrow = scheduling(PlannedDay(next(self._numbers), FORGOTTEN, on + timedelta(days=1)))
        assert isinstance(tomorrow.data, dict)
        data = {**tomorrow.data, "patient": {"id": planned.patient}, "day": 2}
        ward.receipt(self.run(self._intake.submit(replace(tomorrow, data=data))))
        start = datetime.combine(on, START)
        self.advance(start)
        facts = [
            submission(planned, self._day_id, number, charted) for number, charted in enumerate(hours_before(start))
        ]
        for outcome in self.run(self._intake.submit_batch(facts)):
            ward.receipt(outcome)

    @property
    def now(self) -> datetime:
        return self._clock.now()

    @property
    def days(self) -> dict[str, Day]:
        day = self.run(self._intake.day(self._day_id))
        assert day is not None
        return {self._day_id: day}

    def advance(self, to: datetime) -> None:
        self.run(self._watch.advance(to))

    def submit(self, fact: Submission) -> None:
        """Hand a fact in, whatever becomes of it."""
        own_id = str(uuid.uuid5(uuid.UUID(int=0), f"{self.taken}/{fact.event_id}"))
        self.run(self._intake.submit(replace(fact, event_id=own_id)))

    def view(self, at: datetime | None = None, known_at: datetime | None = None) -> dict[str, Any] | None:
        return self.run(self._intake.view(self._day_id, at=at, known_at=known_at))

    def close(self) -> None:
        self.run(self._intake.stop())
        self._runner.close()


@pytest.fixture(scope="module")
def wards() -> Iterator[list[Ward]]:
    """The ward that examples share, replaced once many have used it."""
    open_wards: list[Ward] = []
    yield open_wards
    for each in open_wards:
        each.close()


def ward_of(wards: list[Ward]) -> Ward:
    """A ward with a patient whose infusion has just begun."""
    if wards and wards[-1].taken >= DAYS_OF_A_WARD:
        wards.pop().close()
    if not wards:
        wards.append(Ward())
    wards[-1].begin()
    return wards[-1]


def hold(wards: list[Ward], steps: list[Step]) -> None:
    """Run a shift; whatever was answered on the way is answered again."""
    here = ward_of(wards)
    shift = Shift(here)  # type: ignore[arg-type]  # all that a shift asks of a bedside
    answered: list[tuple[datetime | None, datetime, dict[str, Any] | None]] = []
    for step in steps:
        here.advance(here.now + timedelta(milliseconds=1))  # what comes now was not known the moment before
        shift.take(step)
        moment = here.now
        answered.append((None, moment, here.view()))
        for minutes in LOOKED_BACK_MIN:
            earlier = moment - timedelta(minutes=minutes)
            answered.append((earlier, moment, here.view(at=earlier)))
    here.advance(here.now + timedelta(hours=3))
    for at, moment, view in answered:
        again = here.view(at=at, known_at=moment)
        assert differing(view, again) == {}, (at, moment)


def on_time(steps: list[Step]) -> list[Step]:
    """The steps without lateness, and without those that say later what becomes of something earlier."""
    return [dataclasses.replace(step, late_ms=0) for step in steps if not step.corrects and step.type != "entry.struck"]


def hold_on_time(wards: list[Ward], steps: list[Step]) -> None:
    """Run a shift on which everything is charted as it happens: the clinical time alone brings back each moment."""
    here = ward_of(wards)
    shift = Shift(here)  # type: ignore[arg-type]  # all that a shift asks of a bedside
    as_it_happened: list[tuple[datetime, dict[str, Any] | None]] = []
    for step in steps:
        here.advance(here.now + timedelta(milliseconds=1))
        shift.take(step)
        as_it_happened.append((here.now, here.view()))
    here.advance(here.now + timedelta(hours=3))
    for at, view in as_it_happened:
        assert differing(view, here.view(at=at)) == {}, at


def differing(view: dict[str, Any] | None, again: dict[str, Any] | None) -> dict[str, Any]:
    """The members in which two views differ, each with both values."""
    one, other = view or {}, again or {}
    return {name: (one.get(name), other.get(name)) for name in {*one, *other} if one.get(name) != other.get(name)}


@settings(max_examples=12, deadline=None)
@given(steps=shifts(max_size=8))
def test_what_was_answered_is_answered_again(wards: list[Ward], steps: list[Step]) -> None:
    hold(wards, steps)


@settings(max_examples=20, deadline=None)
@given(steps=shifts(max_size=8).map(on_time))
def test_where_all_is_charted_as_it_happens_the_clinical_time_alone_brings_back_a_moment(
    wards: list[Ward], steps: list[Step]
) -> None:
    hold_on_time(wards, steps)


@pytest.mark.drill
@pytest.mark.timeout(1200)
@settings(max_examples=300, deadline=None)
@given(steps=shifts(max_size=16))
def test_what_was_answered_is_always_answered_again(wards: list[Ward], steps: list[Step]) -> None:
    hold(wards, steps)
