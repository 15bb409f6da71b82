"""What stops a treatment for good, what holds a course, and what takes it back, as the protocol lists it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from infusion_service.clinical.course import Course, CourseDay, with_day
from infusion_service.clinical.course_rules import refused_by_course
from infusion_service.clinical.day import new_day
from tests.clinical.one_day import NEGATIVE, WORKFLOW, OneDay, accepted, refused

BARRING = (
    "stroke", "dissection", "myocardial_infarction", "angina", "alveolar_haemorrhage", "acquired_haemophilia",
    "anaphylaxis",
)  # fmt: skip
SIGN_OF: Mapping[str, tuple[str, Mapping[str, Any], tuple[str, ...]]] = {
    "stroke-sign": ("befast.checked", {**NEGATIVE, "face": True}, ("stroke",)),
    "dissection-sign": ("symptom.reported", {"code": "ptosis"}, ("dissection",)),
    "cardiac-evidence": ("symptom.reported", {"code": "syncope"}, ("myocardial_infarction", "angina")),
    "haemoptysis": ("symptom.reported", {"code": "haemoptysis"}, ("alveolar_haemorrhage",)),
    "anaphylaxis": ("symptom.reported", {"code": "throat_swelling"}, ("anaphylaxis",)),
}
EXCLUDING = [(rule, code) for rule, (_, _, codes) in SIGN_OF.items() for code in codes]
CHECK_IN = ("patient.checked_in", {"identity_check": "two_identifiers"})


def flags(day: OneDay) -> list[str]:
    """What the day shows of its course."""
    found: list[str] = day.view()["course_flags"]
    return found


def diagnosed(day: OneDay, code: str, status: str) -> list[str]:
    """The flags after a diagnosis."""
    accepted(day.post("diagnosis.recorded", {"code": code, "status": status}))
    return flags(day)


@pytest.mark.parametrize("code", BARRING)
def test_a_confirmed_diagnosis_stops_for_good_and_a_suspected_one_does_not(code: str) -> None:
    day = OneDay().brought_to("discharged", "16:00")
    assert diagnosed(day, code, "suspected") == []
    assert diagnosed(day, code, "confirmed") == ["permanent_stop"]


@pytest.mark.parametrize(("rule", "code"), EXCLUDING)
def test_what_a_sign_stood_for_is_excluded_and_the_stop_becomes_a_hold(rule: str, code: str) -> None:
    fact_type, data, codes = SIGN_OF[rule]
    day = OneDay().brought_to("infusing", "10:00")
    accepted(day.post(fact_type, data, "10:05"))
    assert flags(day) == ["permanent_stop"]
    for other in set(BARRING) - set(codes):
        assert diagnosed(day, other, "excluded") == ["permanent_stop"], other
    assert diagnosed(day, code, "excluded") == ["hold_pending_review"]


@pytest.mark.parametrize(
    ("fact_type", "data", "expected"),
    [
        ("reaction.graded", {"ctcae_grade": 2}, []),
        ("reaction.graded", {"ctcae_grade": 3}, ["hold_pending_review"]),
        ("lab.resulted", {"value": "149"}, []),
        ("lab.resulted", {"value": "100"}, []),
        ("lab.resulted", {"value": "99.9"}, ["hold_pending_review"]),
        ("lab.resulted", {"value": "49.9"}, ["hold_pending_review"]),
        ("review.recorded", {"decision": "continue"}, []),
        ("review.recorded", {"decision": "stop"}, []),
        ("review.recorded", {"decision": "hold"}, ["hold_pending_review"]),
    ],
)
def test_what_holds_a_course(fact_type: str, data: dict[str, Any], expected: list[str]) -> None:
    day = OneDay().brought_to("infusing", "10:00")
    blood = {"analyte": "platelets", "unit": "10*9/L", "sampled_at": "2026-11-23T09:04:00Z"}
    accepted(day.post(fact_type, {**blood, **data} if fact_type == "lab.resulted" else data, "10:05"))
    assert flags(day) == expected


@pytest.mark.parametrize(
    ("rule", "numbers"), [("course-number", (5, 1)), ("course-day", (1, 6)), ("course-day", (2, 4))]
)
def test_courses_and_days_are_judged_again_at_the_check_in(rule: str, numbers: tuple[int, int]) -> None:
    day = OneDay(
        course=numbers[0],
        day=numbers[1],
        attested_history=[{"course": numbers[0] - 1, "last_infusion_on": "2025-01-10", "attested_by": "Dr B"}],
    )
    refusal = refused(day.post(*CHECK_IN, "08:00"))
    assert [failing["rule"] for failing in refusal.members["rules"]] == [rule]


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        ("deferred", False),
        ("cancelled", False),
        ("missed", False),
        ("scheduled", True),
        ("discharged", True),
        ("left_early", True),
        ("transferred", True),
    ],
)
def test_which_days_stand_for_a_dose_on_their_date(state: str, counts: bool) -> None:
    other = OneDay(number=1, patient={"id": "P-1"}).brought_to(state, "09:00")
    course: Course = with_day(Course(()), other.day)
    data = {"course": 1, "day": 2, "date": "2026-11-23"}
    refusal = refused_by_course(course, new_day("d0", "demo", WORKFLOW), "day.scheduled", data)
    assert (refusal is not None) is counts
    elsewhere = refused_by_course(
        course, new_day("d0", "demo", WORKFLOW), "day.scheduled", {**data, "date": "2026-11-24"}
    )
    assert elsewhere is None
    assert isinstance(course.days[0], CourseDay)
    assert course.days[0].day_date == date(2026, 11, 23)
