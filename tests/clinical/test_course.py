"""Calendar months, ordinals and flags over a patient's days."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from infusion_service.clinical.course import (
    EMPTY_COURSE,
    HOLD,
    PERMANENT,
    Course,
    CourseDay,
    FlagEvent,
    Lift,
    course_of,
    months_later,
    ordinal_of,
    with_day,
)
from infusion_service.clinical.course_rules import held_reason, refused_by_course
from infusion_service.clinical.day import new_day
from tests.clinical.one_day import WORKFLOW, OneDay, accepted

NOON = datetime(2026, 11, 23, 11, tzinfo=UTC)
DATES = st.dates(date(2000, 1, 1), date(2100, 12, 31))


def counted(start: date, months: int) -> date:
    """The oracle: walk from month to month on the calendar, then to the day or to the first of the next month."""
    year, month = start.year, start.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    if start.day <= calendar.monthrange(year, month)[1]:
        return date(year, month, start.day)
    year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return date(year, month, 1)


@given(DATES, st.integers(0, 60))
def test_months_later_walks_the_calendar(start: date, months: int) -> None:
    assert months_later(start, months) == counted(start, months)


@given(DATES)
def test_twelve_months_are_a_year_to_the_day_and_29_february_rounds_up(start: date) -> None:
    later = months_later(start, 12)
    if (start.month, start.day) == (2, 29):
        assert later == date(start.year + 1, 3, 1)
    else:
        assert later == start.replace(year=start.year + 1)


@given(DATES, DATES, st.integers(0, 36))
def test_a_later_start_never_ends_earlier(first: date, second: date, months: int) -> None:
    if first <= second:
        assert months_later(first, months) <= months_later(second, months)


# --- ordinals


def course_with(*days: OneDay) -> Course:
    """The days of one patient; each has its own id."""
    return course_of(day.day for day in days)


def test_the_ordinal_counts_infusions_not_days() -> None:
    first = OneDay(number=1, day=1, date="2026-11-23").brought_to("discharged")
    second = OneDay(number=2, day=2, date="2026-11-24").brought_to("deferred")
    third = OneDay(number=3, day=3, date="2026-11-25").brought_to("missed")
    fourth = OneDay(number=4, day=4, date="2026-11-26")
    course = course_with(first, second, third, fourth)
    assert [ordinal_of(course, day.day) for day in (first, second, third, fourth)] == [1, 2, 2, 2]


def test_where_nothing_is_known_the_day_number_is_taken_and_counted_on_from() -> None:
    third = OneDay(number=5, day=3, date="2026-11-25").brought_to("observing")
    fourth = OneDay(number=6, day=4, date="2026-11-26")
    assert ordinal_of(EMPTY_COURSE, third.day) == 3
    assert ordinal_of(course_with(third, fourth), fourth.day) == 4


def test_attested_infusions_count_and_days_of_the_log_after_them() -> None:
    attested = [{"course": 1, "last_infusion_on": "2026-11-22", "infusions_given": 1, "attested_by": "Dr A"}]
    second = OneDay(number=7, day=4, date="2026-11-23", attested_history=attested).brought_to("discharged")
    third = OneDay(number=8, day=5, date="2026-11-24")
    assert ordinal_of(course_with(second), second.day) == 2
    assert ordinal_of(course_with(second, third), third.day) == 3


def test_days_of_another_course_do_not_count() -> None:
    attested = [{"course": 1, "last_infusion_on": "2025-11-02", "infusions_given": 5, "attested_by": "Dr A"}]
    old = OneDay(number=9, course=1, day=5, date="2025-11-03").brought_to("discharged")
    new = OneDay(number=10, course=2, day=1, date="2026-11-23", attested_history=attested)
    assert ordinal_of(course_with(old, new), new.day) == 1


# --- flags


def summary(day_id: str = "d1", *, course: int = 1, **more: Any) -> CourseDay:
    """A day as the others of its patient see it."""
    blank = CourseDay(
        day_id=day_id,
        course=course,
        day=1,
        day_date=date(2026, 11, 23),
        state="deferred",
        open=False,
        over=True,
        infused_at=None,
        infused_on=None,
        attested=(),
        flags=(),
        lifts=(),
        labs=(),
    )
    return replace(blank, **more)


def flags_left(*days: CourseDay, course: int = 1) -> list[str]:
    """What still holds or stops a course."""
    return [flag.flag for flag in Course(days).open_flags(course)]


BY_REVIEW = FlagEvent(flag=HOLD, at=NOON, pos=5, cause="review.recorded")
BY_ALERT = FlagEvent(flag=HOLD, at=NOON, alert_id="a1", covered_by=("a2",), cause="platelets")
FOR_EVER = FlagEvent(flag=PERMANENT, at=NOON, alert_id="a1", cause="stroke-sign")
LATER = NOON + timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("flag", "lift", "left"),
    [
        (BY_REVIEW, Lift(at=LATER, pos=1, day_id="d2", alerts=()), []),
        (BY_REVIEW, Lift(at=NOON - timedelta(1), pos=9, day_id="d2", alerts=()), [HOLD]),
        (BY_REVIEW, Lift(at=NOON, pos=6, day_id="d1", alerts=()), []),
        (BY_REVIEW, Lift(at=NOON, pos=4, day_id="d1", alerts=()), [HOLD]),
        (BY_REVIEW, Lift(at=NOON, pos=6, day_id="d2", alerts=()), [HOLD]),
        (BY_ALERT, Lift(at=LATER, pos=6, day_id="d2", alerts=()), [HOLD]),
        (BY_ALERT, Lift(at=LATER, pos=6, day_id="d2", alerts=("a3",)), [HOLD]),
        (BY_ALERT, Lift(at=LATER, pos=6, day_id="d2", alerts=("a1",)), []),
        (BY_ALERT, Lift(at=LATER, pos=6, day_id="d2", alerts=("a2", "a3")), []),
        (FOR_EVER, Lift(at=LATER, pos=6, day_id="d1", alerts=("a1",)), [PERMANENT]),
    ],
)
def test_what_lifts_a_hold(flag: FlagEvent, lift: Lift, left: list[str]) -> None:
    assert flags_left(summary("d1", flags=(flag,)), summary("d2"), summary(lift.day_id + "x", lifts=(lift,))) == left


def test_a_hold_is_the_courses_and_a_permanent_stop_the_patients() -> None:
    assert flags_left(summary(flags=(BY_REVIEW,)), course=2) == []
    assert flags_left(summary(flags=(FOR_EVER,)), course=2) == [PERMANENT]
    other_course = summary("d9", course=2, lifts=(Lift(at=LATER, pos=6, day_id="d9", alerts=()),))
    assert flags_left(summary(flags=(BY_REVIEW,)), other_course) == [HOLD]


def test_the_reason_says_what_would_help() -> None:
    assert "continue lifts it" in str(held_reason(Course((summary(flags=(BY_REVIEW,)),)), 1, ("continue",)))
    assert "for good (stroke-sign)" in str(held_reason(Course((summary(flags=(FOR_EVER, BY_ALERT)),)), 1, ()))
    assert held_reason(EMPTY_COURSE, 1, ()) is None


def test_a_fact_on_one_day_changes_what_another_may_do() -> None:
    first = OneDay(number=11, day=1).brought_to("deferred")
    second = OneDay(number=12, day=2, date="2026-11-24")
    second.others = course_with(first)
    check_in = ("patient.checked_in", {"identity_check": "two_identifiers"})
    assert refused_by_course(second.course, second.day, *check_in) is None
    accepted(first.post("review.recorded", {"decision": "hold"}))
    second.others = course_with(first)
    refusal = refused_by_course(second.course, second.day, *check_in)
    assert refusal is not None
    assert (refusal.code, refusal.members["rule"]) == ("course_rule", "course-held")
    assert [rule["rule"] for rule in refusal.members["rules"]] == ["course-held"]


def test_every_failing_rule_is_named_in_workflow_order() -> None:
    day = OneDay(course=1, day=1)
    held = with_day(Course((summary("d9", flags=(BY_REVIEW,), open=True),)), day.day)
    data = {"course": 5, "day": 6, "date": "2026-11-23"}
    unwritten = new_day("d0", "demo", WORKFLOW)
    refusal = refused_by_course(held, unwritten, "day.scheduled", data)
    assert refusal is not None
    named = [rule["rule"] for rule in refusal.members["rules"]]
    assert named == ["course-number", "course-day", "course-interval", "one-dose-a-day"]
    assert refusal.members["rule"] == named[0]
    assert refusal.detail == refusal.members["rules"][0]["reason"]
