"""What is known of a patient's other days, and the rules and flags that are decided over the course.

Promises: everything here is a function of the patient's days and of what was attested; a fact on one day may change
what another may do. Calendar arithmetic is in whole months and ward dates; 29 February plus a year is 1 March. Does
not: load days (intake gives them).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from infusion_service.clinical.day import Day
from infusion_service.clinical.definition import Meaning
from infusion_service.clinical.ledger import VANISHED, Alert
from infusion_service.clinical.picture import Fact
from infusion_service.clinical.plan import CARRIED_ORDINAL
from infusion_service.clinical.vocabulary import JSON, format_time

MONTHS_PER_YEAR = 12
HOLD = "hold_pending_review"
PERMANENT = "permanent_stop"
SUPERSEDED = "superseded"
"""Why an alert closed that a graver one of its family replaced."""


class FlagEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that stops or holds the course. `alert_id` names the alert behind it; empty for a review or
    diagnosis."""

    flag: str
    at: datetime
    pos: int = -1
    """Its place in the order of its day, which tells apart what happened in one moment."""
    alert_id: str = ""
    covered_by: tuple[str, ...] = ()
    """Alerts that replaced this one: a review that names one of them has seen this one too."""
    cause: str = ""


class Lift(msgspec.Struct, frozen=True, kw_only=True):
    """A review that lets the course go on, with the alerts it names."""

    at: datetime
    pos: int
    day_id: str
    alerts: tuple[str, ...]


class Lab(msgspec.Struct, frozen=True, kw_only=True):
    """A laboratory result with its place in time."""

    analyte: str
    value: Decimal
    sampled_at: datetime


class CourseDay(msgspec.Struct, frozen=True, kw_only=True):
    """What one day means to the others of its patient."""

    day_id: str
    course: int
    day: int
    day_date: date
    state: str
    open: bool
    over: bool
    infused_at: datetime | None
    infused_on: date | None
    attested: tuple[dict[str, JSON], ...]
    flags: tuple[FlagEvent, ...]
    lifts: tuple[Lift, ...]
    labs: tuple[Lab, ...]


class Course(msgspec.Struct, frozen=True):
    """All days of one patient, in no particular order."""

    days: tuple[CourseDay, ...] = ()

    def others(self, day_id: str) -> Iterator[CourseDay]:
        """Yield the days that are not this one."""
        return (day for day in self.days if day.day_id != day_id)

    def open_flags(self, course_number: int) -> tuple[FlagEvent, ...]:
        """Return what holds or stops this course: permanent stops of any course, holds of this one not lifted since."""
        lifts = [lift for day in self.days if day.course == course_number for lift in day.lifts]
        return tuple(
            flag
            for day in self.days
            for flag in day.flags
            if flag.flag == PERMANENT or (day.course == course_number and not _lifted(flag, day.day_id, lifts))
        )


def _lifted(flag: FlagEvent, day_id: str, lifts: list[Lift]) -> bool:
    """Tell whether a later review lifts it. Of two days' events in one moment neither counts as the later."""
    named = {flag.alert_id, *flag.covered_by}
    for lift in lifts:
        later = lift.at > flag.at or (lift.at == flag.at and lift.day_id == day_id and lift.pos > flag.pos)
        if later and (not flag.alert_id or not named.isdisjoint(lift.alerts)):
            return True
    return False


EMPTY_COURSE = Course()


def course_of(days: Iterable[Day]) -> Course:
    """Summarise the days of one patient; days of which nothing is logged yet are left out."""
    return Course(tuple(_summary(day) for day in days if day.state is not None))


def with_day(course: Course, day: Day) -> Course:
    """Return the course in which this day stands as it is now."""
    others = tuple(course.others(day.day_id))
    return Course((*others, _summary(day))) if day.state is not None else Course(others)


def means_the_same(before: Day, after: Day) -> bool:
    """Tell cheaply whether a day still means to its course what it did; never True when it does not.

    Looks at all that `_summary` reads. A picture shares with the one before it whatever a fact has not touched.
    """
    old, new = before.picture, after.picture
    return (
        before.ledger.alerts is after.ledger.alerts
        and old.state == new.state
        and old.pump is new.pump
        and old.labs is new.labs
        and old.attested is new.attested
        and old.day_date is new.day_date
        and old.zone is new.zone
        and (old.course_number, old.day_number) == (new.course_number, new.day_number)
        and all(old.by_type.get(name) is new.by_type.get(name) for name in after.workflow.of_meaning(*_SUMMED_UP))
    )


_SUMMED_UP: tuple[Meaning, ...] = ("diagnosis", "review", "stood_down")


def _summary(day: Day) -> CourseDay:
    picture = day.picture
    assert picture.state is not None
    assert picture.day_date is not None
    infused_at = picture.pump.started_at
    return CourseDay(
        day_id=day.day_id,
        course=picture.course_number,
        day=picture.day_number,
        day_date=picture.day_date,
        state=picture.state,
        open=day.open,
        over=day.terminal,
        infused_at=infused_at,
        infused_on=picture.local_date(infused_at) if infused_at else None,
        attested=tuple(dict(item) for item in picture.attested),
        flags=tuple(_flags(day)),
        lifts=tuple(_lifts(day)),
        labs=tuple(
            Lab(analyte=analyte, value=result.value, sampled_at=result.sampled_at)
            for analyte, results in picture.labs.items()
            for result in results
        ),
    )


def _lifts(day: Day) -> Iterator[Lift]:
    rules = day.workflow.definition.course_flags
    for name in day.workflow.of_meaning("review"):
        for fact in day.picture.of_type(name):
            if fact.data["decision"] in rules.lift_decisions:
                alerts = tuple(fact.data.get("alerts", ()))
                yield Lift(at=fact.at, pos=fact.pos, day_id=day.day_id, alerts=alerts)


def _flags(day: Day) -> Iterator[FlagEvent]:
    yield from _flags_of_alerts(day)
    rules = day.workflow.definition.course_flags
    for name in day.workflow.of_meaning("diagnosis"):
        for fact in day.picture.of_type(name):
            if fact.data["status"] == "confirmed" and fact.data["code"] in rules.permanent_diagnoses:
                yield FlagEvent(flag=PERMANENT, at=fact.at, cause=fact.data["code"])
    for name in day.workflow.of_meaning("review"):
        for fact in day.picture.of_type(name):
            if fact.data["decision"] in rules.hold_decisions:
                yield FlagEvent(flag=HOLD, at=fact.at, pos=fact.pos, cause=name)


def _flags_of_alerts(day: Day) -> Iterator[FlagEvent]:
    rules = day.workflow.definition.course_flags
    permanent = {rule.alert: rule.excluded_by for rule in rules.permanent_alerts}
    holds = {rule.alert: rule for rule in rules.hold_alerts}
    alerts = tuple(day.ledger.alerts.values())
    for place, alert in enumerate(alerts):
        if alert.rule not in permanent and alert.rule not in holds:
            continue
        raised = FlagEvent(
            flag=HOLD,
            at=alert.raised_at,
            alert_id=alert.id,
            covered_by=_replaced_by(alert, alerts[place + 1 :]),
            cause=alert.rule,
        )
        stop_class = day.workflow.definition.actions[alert.action].stop_class
        if alert.rule in permanent and stop_class:
            softened = _softened(alert, permanent[alert.rule], day)
            if softened is None:
                yield replace(raised, flag=PERMANENT)
            else:
                yield replace(raised, at=softened[0], pos=softened[1])
        hold = holds.get(alert.rule)
        vanished = alert.closed_reason in VANISHED or _retracted_at(alert, day) is not None
        if hold and not vanished and (alert.action in hold.actions or alert.severity in hold.severities):
            yield raised


def _replaced_by(alert: Alert, later: Sequence[Alert]) -> tuple[str, ...]:
    """Return those of the later alerts that replaced this one, one after another."""
    found: list[str] = []
    reason = alert.closed_reason
    for other in later:
        if reason != SUPERSEDED:
            break
        if other.family == alert.family:
            found.append(other.id)
            reason = other.closed_reason
    return tuple(found)


def _softened(alert: Alert, excluded_by: tuple[str, ...], day: Day) -> tuple[datetime, int] | None:
    """When what the alert stood for was excluded or struck: one false sign must not bar a patient for ever.

    What was confirmed is not excluded any more, and of the stand-downs only the one that ended its emergency counts.
    """
    diagnoses = [fact for name in day.workflow.of_meaning("diagnosis") for fact in day.picture.of_type(name)]
    about = [fact for fact in diagnoses if fact.data["code"] in excluded_by]
    if any(fact.data["status"] == "confirmed" for fact in about):
        return None
    ends = [fact for name in day.workflow.of_meaning("stood_down") for fact in day.picture.of_type(name)]
    ended = min((fact for fact in ends if _knew(fact, alert)), key=lambda fact: fact.pos, default=None)
    excluding = [fact for fact in about if fact.data["status"] == "excluded" and _knew(fact, alert)]
    if ended is not None and ended.data["finding"] == "excluded":
        excluding.append(ended)
    places = [(fact.at, fact.pos) for fact in excluding]
    if alert.closed_at is not None and alert.closed_reason in VANISHED:
        places.append((alert.closed_at, -1))
    retracted_at = _retracted_at(alert, day)
    if retracted_at is not None:
        places.append((retracted_at, -1))
    return min(places, default=None)


def _retracted_at(alert: Alert, day: Day) -> datetime | None:
    """When the last of an alert's evidence was struck; None while another sign stands, or stood, in its place."""
    episode = day.picture.episodes.get(alert.family)
    if episode is not None:
        closed_at = alert.closed_at
        stands = episode.open if closed_at is None else alert.raised_at <= episode.raised_at <= closed_at
        if stands:
            return None
    return alert.retracted_at


def _knew(fact: Fact, alert: Alert) -> bool:
    """Tell whether who charted a fact could know of the alert: it had been raised, and by what was on record."""
    return fact.at >= alert.raised_at and (fact.received_at is None or fact.received_at >= alert.learned_at)


def ordinal_of(course: Course, day: Day) -> int:
    """Return which infusion of its course this day is or would be.

    One more than the infusions given before it, in the log and as attested. A ward may start in the middle of a course:
    the day numbers before the first day that is known are then taken as given.
    """
    if len(course.days) <= 1 and not day.picture.attested and day.day_id in {other.day_id for other in course.days}:
        return day.day_number
    number = day.course_number
    before = [
        other
        for other in course.others(day.day_id)
        if other.course == number and day.date is not None and (other.day_date, other.day) < (day.date, day.day_number)
    ]
    attested = [
        item
        for source in (*(other.attested for other in before), day.picture.attested)
        for item in source
        if item["course"] == number and "infusions_given" in item
    ]
    if attested:
        latest = max(attested, key=lambda item: (item["last_infusion_on"], item["infusions_given"]))
        logged = [o for o in before if o.infused_on and o.infused_on.isoformat() > latest["last_infusion_on"]]
        return 1 + int(latest["infusions_given"]) + len(logged)
    first = min(before, key=lambda other: (other.day_date, other.day), default=None)
    if first is None:
        return day.day_number
    return first.day + sum(1 for other in before if other.infused_at is not None)


def months_later(start: date, months: int) -> date:
    """Return the date so many calendar months later; a day that the month does not have rounds to the first of the
    next."""
    index = start.year * MONTHS_PER_YEAR + start.month - 1 + months
    year, month = divmod(index, MONTHS_PER_YEAR)
    try:
        return date(year, month + 1, start.day)
    except ValueError:
        index += 1
        year, month = divmod(index, MONTHS_PER_YEAR)
        return date(year, month + 1, 1)


def carried_into(course: Course, day: Day) -> dict[str, JSON]:
    """Return what other days say that this day's rules compare with: the course's first infusion, for each analyte the
    last result before it and the last before this day, and the ordinal, where the plan asks and the day's number is
    another."""
    before = [o for o in course.others(day.day_id) if day.date is not None and o.day_date < day.date]
    first = min((o.infused_at for o in before if o.course == day.course_number and o.infused_at), default=None)
    chosen: dict[tuple[str, datetime], Lab] = {}
    for analyte in {lab.analyte for o in before for lab in o.labs}:
        labs = sorted((lab for o in before for lab in o.labs if lab.analyte == analyte), key=lambda lab: lab.sampled_at)
        untreated = [lab for lab in labs if first is None or lab.sampled_at < first]
        for lab in (*untreated[-1:], labs[-1]):
            chosen[analyte, lab.sampled_at] = lab
    carried: dict[str, JSON] = {}
    if first is not None:
        carried["first_infusion_at"] = format_time(first)
    if chosen:
        carried["labs"] = [
            {"analyte": analyte, "sampled_at": format_time(at), "value": format(lab.value.normalize(), "f")}
            for (analyte, at), lab in sorted(chosen.items())
        ]
    ordinal = ordinal_of(course, day) if day.date is not None and day.workflow.plans_by_ordinal else day.day_number
    if ordinal != day.day_number:
        carried[CARRIED_ORDINAL] = ordinal
    return carried


def flags_shown(course: Course, course_number: int) -> list[str]:
    """Return the flags of a course, each once, permanent first."""
    held = {flag.flag for flag in course.open_flags(course_number)}
    return [flag for flag in (PERMANENT, HOLD) if flag in held]
