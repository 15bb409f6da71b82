"""Judges safety properties: does the test of a property hold in a situation, and when will it change by itself.

Promises: pure, and independent of the guards - it reads what is charted, who acted and which alerts stand, never what a
guard would say. Does not: search (`model_check`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from infusion_service.clinical import safety_definition as tests
from infusion_service.clinical.course import months_later
from infusion_service.clinical.day import Day
from infusion_service.clinical.dose import MINUTES_PER_HOUR, Bag
from infusion_service.clinical.fold import all_dose_mg, bag_of, hung_ml
from infusion_service.clinical.picture import Fact
from infusion_service.clinical.safety_definition import leaves
from infusion_service.clinical.vocabulary import Actor, parse_time

PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A fact that is about to be judged, and the days of its patient as they stand before it."""

    fact_type: str
    data: Mapping[str, Any]
    at: datetime
    role: str
    day: Day
    days: tuple[Day, ...]
    ordinal: int
    second: Actor | None = None
    second_at: datetime | None = None


def holds(test: tests.SafetyTest, asked: Asked) -> bool:
    """Tell whether a test holds in this situation."""
    return _EVALUATORS[type(test)](test, asked)


def limits(test: tests.SafetyTest, asked: Asked) -> Iterator[datetime]:
    """Yield the moments at which the simple tests change by the passing of time alone."""
    for leaf in leaves(test):
        turning = _TURNING.get(type(leaf))
        if turning is not None:
            yield from turning(leaf, asked)


def _charted_turns(leaf: tests.Charted, asked: Asked) -> Iterator[datetime]:
    for minutes in (leaf.within_min, leaf.under_min):
        if minutes is not None:
            yield from (fact.at + timedelta(minutes=minutes) for fact in _charted(leaf, asked, timed=False))
    yield from _times_named(leaf, asked)


def _latest_turns(leaf: tests.Latest, asked: Asked) -> Iterator[datetime]:
    latest = _latest_fact(leaf, asked)
    if latest is not None and leaf.older_than_min is not None:
        yield latest.at + timedelta(minutes=leaf.older_than_min)
    yield from _times_named(leaf, asked)


def _times_named(leaf: tests.Charted | tests.Latest, asked: Asked) -> Iterator[datetime]:
    fields = [condition.field for condition in leaf.where if condition.past]
    for fact in _facts_of(asked, leaf.facts):
        yield from (parse_time(fact.data[field]) for field in fields if field in fact.data)


def _pump_turns(leaf: tests.PumpTest, asked: Asked) -> Iterator[datetime]:
    ran = _pump_of(asked).last_ran_at
    if ran is not None and leaf.ran_under_min is not None:
        yield ran + timedelta(minutes=leaf.ran_under_min)


def _bag_turns(leaf: tests.BagTest, asked: Asked) -> Iterator[datetime]:
    bag = _bag_of(asked)
    if bag is not None and leaf.prepared_min_ago is not None:
        yield bag.prepared_at + timedelta(minutes=leaf.prepared_min_ago)


def _rate_turns(leaf: tests.RateTest, asked: Asked) -> Iterator[datetime]:
    if leaf.ran_under_min is not None and asked.day.picture.pump.running_since is not None:
        yield asked.at + timedelta(minutes=leaf.ran_under_min) - _ran(asked)


def _all(test: tests.AllTest, asked: Asked) -> bool:
    return all(holds(part, asked) for part in test.of)


def _any(test: tests.AnyTest, asked: Asked) -> bool:
    return any(holds(part, asked) for part in test.of)


def _not(test: tests.NotTest, asked: Asked) -> bool:
    return not holds(test.of, asked)


def _meets(conditions: Iterable[tests.Condition], data: Mapping[str, Any], asked: Asked) -> bool:
    return all(_meets_one(condition, data.get(condition.field), asked) for condition in conditions)


def _meets_one(condition: tests.Condition, value: Any, asked: Asked) -> bool:
    if value is None or (condition.equals is not None and value != condition.equals):
        return False
    if condition.among and value not in condition.among:
        return False
    if condition.expired and value >= asked.day.picture.local_date(asked.at).isoformat():
        return False
    return _in_time(condition, value, asked) and _within(condition, value)


def _in_time(condition: tests.Condition, value: Any, asked: Asked) -> bool:
    if condition.past and parse_time(value) > asked.at:
        return False
    if not condition.after_infusion:
        return True
    ran = _pump_of(asked).last_ran_at
    return ran is not None and parse_time(value) >= ran


def _within(condition: tests.Condition, value: Any) -> bool:
    bounds = (condition.at_least, condition.at_most, condition.above, condition.below)
    if bounds == (None, None, None, None):
        return True
    number = Decimal(value)
    return not (
        (condition.at_least is not None and number < condition.at_least)
        or (condition.at_most is not None and number > condition.at_most)
        or (condition.above is not None and number <= condition.above)
        or (condition.below is not None and number >= condition.below)
    )


def _facts_of(asked: Asked, names: tuple[str, ...], *, course: bool = False) -> Iterator[Fact]:
    """Yield the facts of these types that stand, oldest first; those of the patient's other days before this one's."""
    for day in (*(other for other in asked.days if other.day_id != asked.day.day_id), asked.day):
        if course or day is asked.day:
            yield from (fact for fact in day.picture.facts if fact.type in names)


def _charted(test: tests.Charted, asked: Asked, *, timed: bool = True) -> Iterator[Fact]:
    picture = asked.day.picture
    entered = picture.entered.pos if test.since_entered and picture.entered is not None else -1
    ended = [
        fact for fact in _facts_of(asked, test.since, course=test.course) if _meets(test.since_where, fact.data, asked)
    ]
    for fact in _facts_of(asked, test.facts, course=test.course):
        if fact.pos <= entered or any(_follows(later, fact, course=test.course) for later in ended):
            continue
        if test.today and picture.local_date(fact.at) != picture.day_date:
            continue
        if any(field not in fact.data for field in test.has) or not _meets(test.where, fact.data, asked):
            continue
        age = asked.at - fact.at
        if timed and test.within_min is not None and age > timedelta(minutes=test.within_min):
            continue
        if timed and test.under_min is not None and age >= timedelta(minutes=test.under_min):
            continue
        yield fact


def _follows(later: Fact, fact: Fact, *, course: bool) -> bool:
    """Tell whether a fact comes after another; across days by time, within one by place."""
    return later.at > fact.at if course else later.pos >= fact.pos


def _is_charted(test: tests.Charted, asked: Asked) -> bool:
    return next(_charted(test, asked), None) is not None


def _latest_fact(test: tests.Latest, asked: Asked) -> Fact | None:
    named = [fact for fact in _facts_of(asked, test.facts) if all(field in fact.data for field in test.has)]
    return named[-1] if named else None


def _latest(test: tests.Latest, asked: Asked) -> bool:
    fact = _latest_fact(test, asked)
    if fact is None or not _meets(test.where, fact.data, asked):
        return False
    return test.older_than_min is None or asked.at - fact.at > timedelta(minutes=test.older_than_min)


def _says(test: tests.Says, asked: Asked) -> bool:
    return _meets(test.where, asked.data, asked)


def _by(test: tests.By, asked: Asked) -> bool:
    return asked.role in test.roles


def _alone(test: tests.Alone, asked: Asked) -> bool:
    if asked.second is None or (test.roles and asked.second.role not in test.roles):
        return True
    if test.older_than_min is None or asked.second_at is None:
        return False
    return asked.at - asked.second_at > timedelta(minutes=test.older_than_min)


@dataclass(frozen=True, slots=True)
class _PumpCharted:
    """What the facts say of the pump, read anew from their meanings alone."""

    running: bool = False
    started: bool = False
    last_ran_at: datetime | None = None


_RUNS = ("pump_started", "pump_resumed", "pump_rate_changed")
_STANDS = ("pump_paused", "pump_stopped", "pump_completed")


def _pump_of(asked: Asked) -> _PumpCharted:
    workflow = asked.day.workflow
    running = started = False
    ran: datetime | None = None
    for fact in asked.day.picture.facts:
        meaning = workflow.meaning.get(fact.type)
        if meaning in _RUNS:
            running = started = True
        elif running and (meaning in _STANDS or (meaning == "pump_alarm" and fact.data["flow_stopped"])):
            running, ran = False, fact.at
    picture = asked.day.picture
    if running and asked.day.terminal and picture.entered is not None:
        running, ran = False, picture.entered.at
    return _PumpCharted(running, started, asked.at if running else ran)


def _pump(test: tests.PumpTest, asked: Asked) -> bool:
    pump = _pump_of(asked)
    if (test.running and not pump.running) or (test.started and not pump.started):
        return False
    if test.ran_under_min is None:
        return True
    return pump.last_ran_at is not None and asked.at - pump.last_ran_at < timedelta(minutes=test.ran_under_min)


def _bag_of(asked: Asked) -> Bag | None:
    return bag_of(asked.day.picture, asked.data.get("bag"))


def _dose_said(asked: Asked) -> Decimal | None:
    """Return the dose that was said of the day last, by the scheduling or since."""
    names = asked.day.workflow.of_meaning("scheduling", "dose_planned")
    said = [fact.data["dose_mg"] for fact in asked.day.picture.facts if fact.type in names and "dose_mg" in fact.data]
    return Decimal(said[-1]) if said else None


def _bag(test: tests.BagTest, asked: Asked) -> bool:
    bag = _bag_of(asked)
    if bag is None:
        return test.missing
    wanted = (test.dose_mg_other_than, *((_dose_said(asked),) if test.dose_mg_other_than_said else ()))
    held = all_dose_mg(asked.day.picture) if test.together else bag.dose_mg
    if any(dose is not None and held != dose for dose in wanted):
        return True
    if test.vial_expired and bag.vial_expires_on < asked.day.picture.local_date(asked.at).isoformat():
        return True
    minutes = test.prepared_min_ago
    return minutes is not None and asked.at - bag.prepared_at >= timedelta(minutes=minutes)


def _rate(test: tests.RateTest, asked: Asked) -> bool:
    stated, bag = asked.data.get("rate_ml_per_h"), _bag_of(asked)
    if stated is None:
        return False
    rate = Decimal(stated)
    if rate <= 0:
        return True
    return ran_less(test, asked) and any(rate > limit for limit in _rate_limits(test, bag))


def ran_less(test: tests.RateTest, asked: Asked) -> bool:
    """Tell whether the pump has run so little that the test looks at the rate."""
    minutes = test.ran_under_min
    return minutes is None or _ran(asked) < timedelta(minutes=minutes)


def _ran(asked: Asked) -> timedelta:
    return timedelta(milliseconds=asked.day.picture.pump.running_ms(asked.at))


def _rate_limits(test: tests.RateTest, bag: Bag | None) -> Iterator[Decimal]:
    if test.above_ml_per_h is not None:
        yield test.above_ml_per_h
    if bag is None:
        return
    if test.above_plan is not None and test.planned_min is not None:
        yield test.above_plan * bag.volume_ml * MINUTES_PER_HOUR / test.planned_min
    if test.above_mg_per_h is not None and bag.dose_mg > 0:
        yield test.above_mg_per_h * bag.volume_ml / bag.dose_mg


def _delivered(test: tests.DeliveredTest, asked: Asked) -> bool:
    pump, stated = asked.day.picture.pump, asked.data.get("volume_delivered_ml")
    if pump.bag is None:
        return False
    volume = max(pump.delivered_ml(asked.at), Decimal(stated or 0))
    return volume * PERCENT < hung_ml(asked.day.picture) * test.below_percent


def _item(test: tests.ItemTest, asked: Asked) -> bool:
    results = {
        item["item"]: item["result"]
        for name in asked.day.workflow.of_meaning("checklist")
        for fact in asked.day.picture.of_type(name)
        for item in fact.data["items"]
    }
    return any(results.get(item) not in test.fine for item in test.items)


def _alert_open(test: tests.AlertTest, asked: Asked) -> bool:
    return any(
        alert.severity in test.severities or alert.action in test.actions or alert.rule in test.rules
        for alert in asked.day.ledger.open_list()
    )


def _ordinal(test: tests.OrdinalTest, asked: Asked) -> bool:
    number = asked.day.course_number
    fits = (not test.courses or number in test.courses) and number not in test.other_than
    return fits and asked.ordinal in test.among


def _named_date(asked: Asked) -> date | None:
    stated = asked.data.get("date")
    return date.fromisoformat(stated) if stated else asked.day.date


def _interval(test: tests.IntervalTest, asked: Asked) -> bool:
    on, number = _named_date(asked), asked.data.get("course", asked.day.course_number)
    of_course = number if test.within_course else number - 1
    if on is None or of_course < 1:
        return False
    others = [day for day in asked.days if day.day_id != asked.day.day_id]
    attested = [item for day in others for item in day.picture.attested]
    attested += asked.data.get("attested_history", asked.day.picture.attested)
    known = [date.fromisoformat(item["last_infusion_on"]) for item in attested if item["course"] == of_course]
    known += [
        day.picture.local_date(day.picture.pump.started_at)
        for day in others
        if day.course_number == of_course and day.picture.pump.started_at is not None
    ]
    if test.within_course:
        known = [infused_on for infused_on in known if infused_on <= on]
    if not known:
        return not test.within_course
    return on < months_later(max(known), test.below_months or 0) + timedelta(days=test.below_days or 0)


def _same_date(_test: tests.SameDateTest, asked: Asked) -> bool:
    on = _named_date(asked)
    return any(
        day.date == on and (not day.terminal or day.picture.pump.started_at is not None)
        for day in asked.days
        if day.day_id != asked.day.day_id and day.state is not None
    )


def _in_state(test: tests.StateTest, asked: Asked) -> bool:
    return asked.day.state in test.among


_TURNING: dict[type, Callable[[Any, Asked], Iterator[datetime]]] = {
    tests.Charted: _charted_turns,
    tests.Latest: _latest_turns,
    tests.PumpTest: _pump_turns,
    tests.BagTest: _bag_turns,
    tests.RateTest: _rate_turns,
}
_EVALUATORS: dict[type, Callable[[Any, Asked], bool]] = {
    tests.Charted: _is_charted,
    tests.Latest: _latest,
    tests.Says: _says,
    tests.By: _by,
    tests.Alone: _alone,
    tests.PumpTest: _pump,
    tests.BagTest: _bag,
    tests.RateTest: _rate,
    tests.DeliveredTest: _delivered,
    tests.ItemTest: _item,
    tests.AlertTest: _alert_open,
    tests.OrdinalTest: _ordinal,
    tests.IntervalTest: _interval,
    tests.SameDateTest: _same_date,
    tests.StateTest: _in_state,
    tests.NotTest: _not,
    tests.AllTest: _all,
    tests.AnyTest: _any,
}
