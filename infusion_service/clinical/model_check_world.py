"""The world of the model check: the days of one patient, a clock, and letters posted through the real `decide`.

Promises: a world is never changed, posting and waiting make another; every post takes a second, so that what follows is
later; waiting passes through each moment at which the service would append something by itself. Ids are computed. Does
not: choose what to post (`model_check`).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_DOWN, Decimal
from functools import cached_property
from typing import Any

import msgspec

from infusion_service.clinical.course import Course, course_of, months_later, ordinal_of, with_day
from infusion_service.clinical.day import Day, new_day
from infusion_service.clinical.decide import Accepted, decide, tick
from infusion_service.clinical.definition import Field
from infusion_service.clinical.dose import Bag, ml_per_h
from infusion_service.clinical.evidence import PERCENT
from infusion_service.clinical.facts import shortest
from infusion_service.clinical.fold import bag_for_start
from infusion_service.clinical.model_check_letters import Letter
from infusion_service.clinical.model_check_values import (
    Alerts,
    BagId,
    BagRate,
    BagVolume,
    MonthsAgo,
    Now,
    PlanDose,
    PlanRate,
    Standing,
    Today,
    unit,
)
from infusion_service.clinical.observe import next_change_at
from infusion_service.clinical.plan import DayPlan, plan_of
from infusion_service.clinical.safety import Asked
from infusion_service.clinical.vocabulary import (
    DOUBLE_CHECK_ENTERED,
    Actor,
    Entry,
    Refusal,
    Submission,
    format_time,
)
from infusion_service.clinical.workflow import Workflow

DAY_ONE = date(2030, 1, 7)
OPENING = time(8, tzinfo=UTC)
ZONE = "UTC"
A_POST = timedelta(seconds=1)
SITE = "model"
WARD = "rehearsal"
DEVICE_ID = "tablet-1"
MOMENTS_MAX = 2000
"""Derived entries within one wait; more would mean that time does not move on."""
_IDS = uuid.UUID("6f1f2d1e-2f0e-5a55-9b0b-0f7a3d6b9c11")


class Unfilled(Exception):
    """A letter that says nothing here: what it refers to is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """One posted fact on the way to a situation, as a rehearsal can post it again."""

    day: int
    event_id: str
    fact_type: str
    data: Mapping[str, Any]
    role: str
    second_role: str
    entered_at: datetime
    """When the second person entered it; the same as `at` but for stale double checks."""
    at: datetime
    refusal: Refusal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """Time that passed until a moment."""

    until: datetime


Step = Posted | Waited


@dataclass(frozen=True, kw_only=True)
class World:
    """The patient's days, the one that is examined last, and the time."""

    workflow: Workflow
    days: tuple[Day, ...]
    now: datetime
    posts: int = 0

    @property
    def day(self) -> Day:
        """The day that is examined."""
        return self.days[-1]

    @cached_property
    def course(self) -> Course:
        """What is known of the patient's days."""
        return course_of(self.days)

    @cached_property
    def ordinal(self) -> int:
        """Which infusion of its course the examined day is."""
        return ordinal_of(self.course, self.day) if self.day.date is not None else 0


def opening_at(days_later: int = 0) -> datetime:
    """Return the moment at which the ward opens, on the date of the examined day or so many days from it."""
    return datetime.combine(DAY_ONE + timedelta(days=days_later), OPENING)


def opening(workflow: Workflow, days: int, days_later: int = 0) -> World:
    """Return a world of so many days of which nothing is logged yet."""
    names = [new_day(str(uuid.uuid5(_IDS, f"day {index}")), SITE, workflow) for index in range(days)]
    return World(workflow=workflow, days=tuple(names), now=opening_at(days_later))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a post: the world after it (None when it was refused) and how to post it again."""

    step: Posted
    asked: Asked
    world: World | None = None
    entries: tuple[Entry, ...] = ()

    @property
    def refusal(self) -> Refusal | None:
        """Why it was refused, None when it was accepted."""
        return self.step.refusal

    @property
    def overridden(self) -> frozenset[str]:
        """The guards that an override stood for."""
        return frozenset(entry.data["rule"] for entry in self.entries if entry.type == "override.used")


# One posting with all it may set off, in the order in which the service does it: apart, the order would be lost.
def post(world: World, letter: Letter, *, index: int = -1) -> Answer:
    """Post a letter on one of the days. Raises `Unfilled` when it refers to something that is not there."""
    day = world.days[index]
    data = filled(world, letter, day)
    posts, entered_at, days, now = world.posts + 1, world.now, list(world.days), world.now
    fact = world.workflow.facts[letter.fact_type]
    second = Actor(id=f"{letter.second_role}-2", role=letter.second_role) if letter.second_role else None
    if fact.second == "independent" and second is not None:
        entered = {"type": letter.fact_type, "data": data}
        first = decide(world.course, day, [_submission(day, posts, DOUBLE_CHECK_ENTERED, entered, second)], now)
        if isinstance(first, Accepted):
            days[index] = day = first.day
            posts += 1
        if letter.second_min_before:
            later = advanced(replace(world, days=tuple(days)), now + timedelta(minutes=letter.second_min_before))
            days, now = list(later.days), later.now + A_POST
            day = days[index]
    asked = Asked(
        fact_type=letter.fact_type,
        data=data,
        at=now,
        role=letter.role,
        day=day,
        days=tuple(days),
        ordinal=world.ordinal,
        second=second,
        second_at=entered_at if second is not None else None,
    )
    submission = _submission(day, posts, letter.fact_type, data, _actor(letter.role))
    submission = msgspec.structs.replace(submission, second=second if fact.second == "consent" else None)
    course = world.course if posts == world.posts + 1 else course_of(days)
    answer = decide(course, day, [submission], now)
    step = Posted(
        day=index % len(days),
        event_id=submission.event_id,
        fact_type=letter.fact_type,
        data=data,
        role=letter.role,
        second_role=letter.second_role,
        entered_at=entered_at,
        at=now,
        refusal=answer if isinstance(answer, Refusal) else None,
    )
    if isinstance(answer, Refusal):
        return Answer(step=step, asked=asked)
    days[index] = answer.day
    after = World(workflow=world.workflow, days=tuple(days), now=now + A_POST, posts=posts)
    return Answer(step=step, asked=asked, world=after, entries=answer.entries)


def advanced(world: World, until: datetime) -> World:
    """Return the world at a later moment, everything appended that became true on the way."""
    days = list(world.days)
    for index, day in enumerate(days):
        if day.state is not None:
            days[index] = _ticked(course_of(days), day, max(world.now, day.received_at or world.now), until)
    return replace(world, days=tuple(days), now=until)


def _ticked(course: Course, day: Day, now: datetime, until: datetime) -> Day:
    for _ in range(MOMENTS_MAX):
        moment = next_change_at(course, day, now)
        if moment is None or moment > until:
            break
        day, now = tick(course, day, moment).day, moment
        course = with_day(course, day)
    return tick(course, day, until).day


def _actor(role: str) -> Actor:
    if role == "device":
        return Actor(id=DEVICE_ID, role=role, how="device")
    return Actor(id=f"{role}-1", role=role)


def _submission(day: Day, number: int, fact_type: str, data: Mapping[str, Any], actor: Actor) -> Submission:
    event_id = str(uuid.uuid5(_IDS, f"{day.day_id} {number} {fact_type}"))
    return Submission(event_id=event_id, day_id=day.day_id, type=fact_type, actor=actor, data=data)


def filled(world: World, letter: Letter, day: Day) -> dict[str, Any]:
    """Return the data of a letter with its markers filled in. Raises `Unfilled`."""
    fields = world.workflow.facts[letter.fact_type].fields
    told = {name: _filled(value, fields.get(name), world, day) for name, value in letter.data.items()}
    return {name: value for name, value in told.items() if value is not None}


def _filled(value: Any, field: Field | None, world: World, day: Day) -> Any:
    if isinstance(value, list):
        return [_filled(item, field, world, day) for item in value]
    if isinstance(value, dict):
        return {name: _filled(item, None, world, day) for name, item in value.items()}
    fill = _FILLERS.get(type(value))
    return value if fill is None else fill(value, field, world, day)


def _now(value: Now, _field: Field | None, world: World, _day: Day) -> str:
    return format_time(world.now + timedelta(minutes=value.minutes))


def _today(value: Today, _field: Field | None, _world: World, day: Day) -> str:
    return ((day.date or DAY_ONE) + timedelta(days=value.days)).isoformat()


def _months_ago(value: MonthsAgo, _field: Field | None, _world: World, day: Day) -> str:
    return (months_later(day.date or DAY_ONE, -value.months) + timedelta(days=value.days)).isoformat()


def _volume(value: BagVolume, field: Field | None, _world: World, day: Day) -> str | None:
    bag = day.picture.pump.bag
    return None if bag is None else shortest(_cut(bag.volume_ml * value.percent / PERCENT, field))


def _alerts(value: Alerts, _field: Field | None, world: World, _day: Day) -> Any:
    ids = [alert.id for each in world.days for alert in each.ledger.open_list()]
    if value.one and not ids:
        raise Unfilled
    return ids[0] if value.one else ids


def _cut(number: Decimal, field: Field | None) -> Decimal:
    return number.quantize(unit(field), rounding=ROUND_DOWN) if field is not None else number


def _bag(field: Field | None, world: World, day: Day) -> Bag | None:
    return day.picture.pump.bag or bag_for_start(day.picture, _bag_id(BagId(needed_only=True), field, world, day))


def _bag_rate(rate: BagRate, field: Field | None, world: World, day: Day) -> str:
    bag = _bag(field, world, day)
    limit = None if bag is None else ml_per_h(rate.mg_per_h, bag)
    if limit is None:
        raise Unfilled
    return shortest(_cut(limit, field) + (unit(field) if rate.above and field is not None else 0))


def _rate(rate: PlanRate, field: Field | None, world: World, day: Day) -> str:
    bag = _bag(field, world, day)
    planned = _plan(world, day).highest_rate_ml_per_h(bag, day.picture.pump.running_ms(world.now))
    if planned is None:
        return "1"
    more = unit(field) if rate.above and field is not None else Decimal(0)
    return shortest(_cut(planned * rate.factor, field) + more)


def _dose(dose: PlanDose, field: Field | None, world: World, day: Day) -> str:
    planned = _plan(world, day).dose_mg
    if planned is None:
        return "1"
    return shortest(planned + unit(field) if dose.above and field is not None else planned)


def _plan(world: World, day: Day) -> DayPlan:
    ordinal = ordinal_of(world.course, day) if day.date is not None else 0
    return plan_of(day.picture, ordinal, world.workflow)


def _bag_id(bag: BagId, _field: Field | None, _world: World, day: Day) -> str | None:
    bags = list(day.picture.bags.values())
    if bag.needed_only:
        usable = [each for each in bags if not each.discarded]
        return usable[-1].id if len(usable) > 1 else None
    if bag.index >= len(bags):
        raise Unfilled
    return bags[bag.index].id


def _standing(standing: Standing, _field: Field | None, _world: World, day: Day) -> str:
    known = [fact.id for fact in day.picture.facts if fact.type in standing.facts]
    if not known:
        raise Unfilled
    return known[-1]


_FILLERS: dict[type, Callable[[Any, Field | None, World, Day], Any]] = {
    Alerts: _alerts,
    BagId: _bag_id,
    BagRate: _bag_rate,
    BagVolume: _volume,
    MonthsAgo: _months_ago,
    Now: _now,
    PlanDose: _dose,
    PlanRate: _rate,
    Standing: _standing,
    Today: _today,
}
