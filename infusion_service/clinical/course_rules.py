"""The course rules: may this day take place, as far as the patient's other days say.

Promises: each rule answers with the reason why not, in words a nurse can act on, or with nothing. Judged when a day is
scheduled and again when it is checked in. Source of each rule: the workflow file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from infusion_service.clinical import guard_definition as rules
from infusion_service.clinical.course import PERMANENT, Course, months_later
from infusion_service.clinical.day import Day
from infusion_service.clinical.vocabulary import Refusal, texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """The day that is to be scheduled or checked in."""

    day_id: str
    course: int
    day: int
    date: date
    attested: tuple[Mapping[str, Any], ...]
    lifted_by: tuple[str, ...]


def refused_by_course(course: Course, day: Day, fact_type: str, data: Mapping[str, Any]) -> Refusal | None:
    """Return the refusal with every course rule that fails, or None. 409 course_rule."""
    course_rules = day.workflow.course_rules_on(fact_type)
    if not course_rules:
        return None
    candidate = _candidate(day, data)
    failing = [
        {"rule": rule.id, "reason": reason}
        for rule in course_rules
        if (reason := _RULES[type(rule)](rule, course, candidate)) is not None
    ]
    if not failing:
        return None
    return Refusal(
        code="course_rule",
        status=409,
        detail=failing[0]["reason"],
        members={"rule": failing[0]["rule"], "rules": failing},
    )


def _candidate(day: Day, data: Mapping[str, Any]) -> Candidate:
    lifted_by = day.workflow.definition.course_flags.lift_decisions
    if day.date is None:
        return Candidate(
            day_id=day.day_id,
            course=data["course"],
            day=data["day"],
            date=date.fromisoformat(data["date"]),
            attested=tuple(data.get("attested_history", ())),
            lifted_by=lifted_by,
        )
    return Candidate(
        day_id=day.day_id,
        course=day.course_number,
        day=day.day_number,
        date=day.date,
        attested=day.picture.attested,
        lifted_by=lifted_by,
    )


def _number(rule: rules.CourseNumber, _course: Course, candidate: Candidate) -> str | None:
    if 1 <= candidate.course <= rule.at_most:
        return None
    return f"course {candidate.course} is not foreseen: courses 1 to {rule.at_most} are"


def _day(rule: rules.CourseDay, _course: Course, candidate: Candidate) -> str | None:
    last = rule.days.get(str(candidate.course), rule.days.get(rules.OTHER, 0))
    if 1 <= candidate.day <= last:
        return None
    return f"course {candidate.course} has days 1 to {last}, not {candidate.day}"


def _interval(rule: rules.CourseInterval, course: Course, candidate: Candidate) -> str | None:
    before = candidate.course - 1
    if before < 1:
        return None
    known = [d.infused_on for d in course.others(candidate.day_id) if d.course == before and d.infused_on]
    attested = [item for d in course.days for item in d.attested] + [*candidate.attested]
    known += [date.fromisoformat(item["last_infusion_on"]) for item in attested if item["course"] == before]
    if not known:
        return f"nothing is known of course {before}: attest its last infusion (attested_history)"
    earliest = _after(max(known), rule)
    if candidate.date >= earliest:
        return None
    return (
        f"the last infusion of course {before} was on {max(known).isoformat()}; "
        f"course {candidate.course} may start on {earliest.isoformat()} ({_span(rule)} later)"
    )


def _after(last: date, rule: rules.CourseInterval) -> date:
    if rule.months is not None:
        return months_later(last, rule.months)
    return last + timedelta(weeks=rule.weeks or 0, days=rule.days or 0)


def _span(rule: rules.CourseInterval) -> str:
    spans = ((rule.months, "months"), (rule.weeks, "weeks"), (rule.days, "days"))
    return next(f"{length} {unit}" for length, unit in spans if length is not None)


def _day_interval(rule: rules.DayInterval, course: Course, candidate: Candidate) -> str | None:
    days = rule.days.get(str(candidate.day), rule.days.get(rules.OTHER))
    if days is None or candidate.day <= 1:
        return None
    same = [other for other in course.others(candidate.day_id) if other.course == candidate.course]
    # A day that did not come to an infusion counts for nothing, one that still may for its date.
    known = [other.infused_on or other.day_date for other in same if other.infused_on or not other.over]
    attested = [item for day in course.days for item in day.attested] + [*candidate.attested]
    known += [date.fromisoformat(item["last_infusion_on"]) for item in attested if item["course"] == candidate.course]
    before = [on for on in known if on <= candidate.date]
    if not known and not same:
        return f"nothing is known of the infusion before day {candidate.day}: attest it (attested_history)"
    if not before or candidate.date >= max(before) + timedelta(days=days):
        return None
    earliest = max(before) + timedelta(days=days)
    return (
        f"the infusion before is of {max(before).isoformat()}; "
        f"day {candidate.day} may be on {earliest.isoformat()} ({days} days later)"
    )


def _one_dose(rule: rules.OneDoseADay, course: Course, candidate: Candidate) -> str | None:
    for other in course.others(candidate.day_id):
        if other.state not in rule.ignores and candidate.date in (other.day_date, other.infused_on):
            return f"the patient already has an infusion day on {candidate.date.isoformat()}"
        if other.open:
            return f"another day of the patient is open (of {other.day_date.isoformat()}): end that one first"
    return None


def _order(_rule: rules.CourseOrder, course: Course, candidate: Candidate) -> str | None:
    open_days = [
        f"day {other.day}"
        for other in course.others(candidate.day_id)
        if other.course == candidate.course and other.open and other.day < candidate.day
    ]
    if not open_days:
        return None
    return f"{texts(open_days)} of course {candidate.course} is still open: end it first"


def _held(_rule: rules.CourseHeld, course: Course, candidate: Candidate) -> str | None:
    return held_reason(course, candidate.course, candidate.lifted_by)


def held_reason(course: Course, course_number: int, lifted_by: tuple[str, ...]) -> str | None:
    """Say why the course is held or stopped, and which decision of a review lifts that, or return None."""
    flags = course.open_flags(course_number)
    permanent = sorted({flag.cause for flag in flags if flag.flag == PERMANENT})
    if permanent:
        return f"treatment is stopped for good ({texts(permanent)})"
    if flags:
        causes = texts(sorted({flag.cause for flag in flags}))
        how = f"a prescriber's review with decision {texts(lifted_by)} lifts it" if lifted_by else "nothing lifts it"
        return f"the course is held ({causes}): {how}"
    return None


_RULES: dict[type, Callable[[Any, Course, Candidate], str | None]] = {
    rules.CourseNumber: _number,
    rules.CourseDay: _day,
    rules.CourseInterval: _interval,
    rules.DayInterval: _day_interval,
    rules.OneDoseADay: _one_dose,
    rules.CourseOrder: _order,
    rules.CourseHeld: _held,
}
