"""A refusal lists every guard that fails, in the order of the file, each with a reason that a nurse can act on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from infusion_service.clinical.decide import Accepted
from infusion_service.clinical.vocabulary import JSON, Refusal
from tests.clinical.one_day import (
    BAG,
    ECG,
    NEGATIVE,
    PRESCRIBER,
    RATE,
    SIGNS,
    WORKFLOW,
    OneDay,
    accepted,
    refused,
)

ITEMS = WORKFLOW.facts["checklist.recorded"].fields["items"].fields["item"].of
ALL_CLEAR = {"items": [{"item": item, "result": "clear"} for item in ITEMS]}
STEROID = {"class": "corticosteroid", "drug": "methylprednisolone", "dose_mg": "1000", "route": "iv"}
HOME = {"alert_card_given": True}


NO_RATE = "the rate must be above 0"
"""A reason that nobody may override."""


def reasons(answer: Accepted | Refusal) -> dict[str, str]:
    """Guard to reason of a refusal."""
    refusal = refused(answer)
    assert (refusal.code, refusal.status) == ("guard_not_satisfied", 409), refusal
    guards = refusal.members["guards"]
    assert refusal.detail == "; ".join(guard["reason"] for guard in guards)
    order = [guard.id for guard in WORKFLOW.definition.guards]
    assert [guard["guard"] for guard in guards] == sorted((guard["guard"] for guard in guards), key=order.index)
    for guard in guards:
        override = WORKFLOW.guards[guard["guard"]].override
        assert guard["override"] == (list(override.by) if override and guard["reason"] != NO_RATE else [])
    return {guard["guard"]: guard["reason"] for guard in guards}


def screening(**facts: Mapping[str, JSON] | None) -> OneDay:
    """A day in screening at 08:15 on which everything is done but what is given as None."""
    day = OneDay().brought_to("screening", "08:05")
    done = {"checklist_recorded": ALL_CLEAR, "ecg_recorded": ECG, "befast_checked": NEGATIVE, "vitals_recorded": SIGNS}
    for name, data in {**done, **facts}.items():
        if data is not None:
            day.chart(name.replace("_", "."), data, "08:10")
    return day


def checklist(**results: str) -> dict[str, Any]:
    """All clear but for some."""
    return {"items": [{"item": item, "result": results.get(item, "clear")} for item in ITEMS]}


@pytest.mark.parametrize(
    ("facts", "guard", "reason"),
    [
        (
            {"checklist_recorded": {"items": ALL_CLEAR["items"][2:]}},
            "checklist-complete",
            "not recorded today: hypersensitivity and hiv",
        ),
        (
            {"checklist_recorded": checklist(hiv="present", coagulopathy="present")},
            "checklist-complete",
            "present where clear is wanted: hiv and coagulopathy (record a failed screening instead)",
        ),
        (
            {"checklist_recorded": checklist(consent="not_applicable", pregnancy_excluded="not_applicable")},
            "checklist-complete",
            "not_applicable is no answer to consent",
        ),
        (
            {"ecg_recorded": None, "befast_checked": None, "vitals_recorded": {"heart_rate_per_min": 72}},
            "baseline-recorded",
            "still to do today: record an ecg, check be-fast and record a complete set of vital signs",
        ),
        (
            {"vitals_recorded": {**SIGNS, "systolic_mmhg": 160}},
            "bp-controlled",
            "the last systolic_mmhg is 160; below 160 is wanted",
        ),
        (
            {"vitals_recorded": {**SIGNS, "diastolic_mmhg": 100}},
            "bp-controlled",
            "the last diastolic_mmhg is 100; below 100 is wanted",
        ),
        ({"vitals_recorded": None}, "bp-controlled", "no systolic_mmhg is recorded"),
    ],
)
def test_why_the_screening_is_not_passed(facts: dict[str, Any], guard: str, reason: str) -> None:
    assert reasons(screening(**facts).post("screening.passed", at="08:15"))[guard] == reason


def test_a_screening_with_everything_done_is_passed() -> None:
    accepted(screening().post("screening.passed", at="08:15"))


def test_the_checklist_of_another_date_counts_only_with_evidence() -> None:
    day = OneDay(date="2026-11-24")
    day.chart("checklist.recorded", ALL_CLEAR, "2026-11-23 15:00")
    day.chart("patient.checked_in", {"identity_check": "wristband_scan"}, "08:00")
    day.chart("screening.started", {}, "08:05")
    assert reasons(day.post("screening.passed", at="08:06"))["checklist-complete"].count(",") == len(ITEMS) - 2
    with_evidence = [{**item, "evidence_on": "2026-11-16"} for item in ALL_CLEAR["items"]]
    day.chart("checklist.recorded", {"items": with_evidence}, "2026-11-23 16:00")
    assert "checklist-complete" not in reasons(day.post("screening.passed", at="08:07"))


def test_the_baseline_is_of_today() -> None:
    day = OneDay(date="2026-11-24")
    for fact_type, data in (("ecg.recorded", ECG), ("befast.checked", NEGATIVE), ("vitals.recorded", SIGNS)):
        day.chart(fact_type, data, "2026-11-23 15:00")
    day.chart("patient.checked_in", {"identity_check": "wristband_scan"}, "00:00")
    day.chart("screening.started", {}, "00:01")
    assert "complete set" in reasons(day.post("screening.passed", at="00:02"))["baseline-recorded"]


def test_why_pre_medication_is_not_complete() -> None:
    day = OneDay(day=2).brought_to("premedicating", "08:20")
    found = reasons(day.post("premed.completed", at="08:30"))
    assert found == {
        "steroid-given": "no corticosteroid is recorded as given today (infusion 2 of the course)",
        "antiviral-started": "no antiviral is recorded as given today",
    }
    day.chart("premed.given", {**STEROID, "ended_at": "2026-11-23T09:30:00+01:00"}, "08:31")
    found = reasons(day.post("premed.completed", at="09:29"))
    assert found["steroid-given"] == "the corticosteroid given today is not recorded as finished today (ended_at)"
    day.chart("premed.declined", {"class": "antiviral", "reason": "allergic"}, "09:29")
    accepted(day.post("premed.completed", at="09:30"))


@pytest.mark.parametrize(("day_number", "wanted"), [(1, True), (3, True), (4, False), (5, False)])
def test_the_steroid_is_wanted_for_three_infusions(day_number: int, wanted: bool) -> None:
    day = OneDay(day=day_number).brought_to("premedicating", "08:20")
    assert ("steroid-given" in reasons(day.post("premed.completed", at="08:30"))) is wanted


def ready(**bag: Any) -> OneDay:
    """A fourth day, ready, with nothing against a start at 10:00 but what is done to it."""
    day = OneDay(day=4).brought_to("premedicating", "08:20")
    day.chart("premed.completed", {}, "09:31")
    day.chart("bag.prepared", {**BAG, **bag}, "09:40")
    day.chart("vitals.recorded", SIGNS, "09:50")
    day.double_check("infusion.started", RATE, "09:59")
    return day


def test_a_day_with_nothing_against_it_starts() -> None:
    accepted(ready().post("infusion.started", RATE, "10:00"))


@pytest.mark.parametrize(
    ("bag", "reason"),
    [
        ({"dose_mg": "10"}, "the bag holds 10 mg; 12 mg is planned"),
        ({"dose_mg": "12.001"}, "the bag holds 12.001 mg; 12 mg is planned"),
        ({"vial_expires_on": "2026-11-22"}, "the vial expired on 2026-11-22"),
    ],
)
def test_why_a_bag_is_not_the_one(bag: dict[str, str], reason: str) -> None:
    assert reasons(ready(**bag).post("infusion.started", RATE, "10:00")) == {"bag-identified": reason}


def test_why_no_bag_can_be_told() -> None:
    day = ready()
    first = next(iter(day.day.picture.bags))
    second = day.chart("bag.prepared", BAG, "09:51").entry_id
    both = reasons(day.post("infusion.started", RATE, "10:00"))
    assert both == {"bag-identified": "2 bags are open: name the one that is hung (bag)"}
    day.chart("bag.discarded", {"reason": "fell", "volume_ml": "101.2", "bag": second}, "09:52")
    named = reasons(day.post("infusion.started", {**RATE, "bag": second}, "10:00"))
    assert named == {"bag-identified": "the bag named is discarded"}
    unknown = reasons(day.post("infusion.started", {**RATE, "bag": day.day.day_id}, "10:00"))
    assert unknown == {"bag-identified": "the bag named is not one of this day's"}
    day.chart("bag.discarded", {"reason": "fell too", "volume_ml": "101.2"}, "09:53")
    assert day.day.picture.bags[first].discarded
    gone = reasons(day.post("infusion.started", RATE, "10:00"))
    assert gone == {"bag-identified": "no bag is prepared for this day"}


def test_why_a_start_is_refused_for_its_moment() -> None:
    found = reasons(ready().post("infusion.started", {"rate_ml_per_h": "27.84"}, "17:25"))
    assert found == {
        "bag-in-date": "the bag expired 5 min ago (8 h after it was prepared)",
        "vitals-fresh": "last complete set is 455 min old, 15 allowed",
        "rate-in-plan": "27.84 mL/h is above the plan's limit of 27.83 mL/h",
    }


def test_minutes_are_rounded_so_that_the_sentence_is_true() -> None:
    found = reasons(ready().post("infusion.started", RATE, "10:05:00.001"))
    assert found == {"vitals-fresh": "last complete set is 16 min old, 15 allowed"}


def test_why_a_start_is_refused_for_what_is_open() -> None:
    day = ready()
    accepted(day.post("vitals.recorded", {**SIGNS, "heart_rate_per_min": 135}, "09:55"))
    accepted(day.post("review.recorded", {"decision": "hold"}, "09:56", by=PRESCRIBER))
    found = reasons(day.post("infusion.started", {"rate_ml_per_h": "0"}, "10:00"))
    assert found == {
        "course-open": ("the course is held (review.recorded): a prescriber's review with decision continue lifts it"),
        "no-critical-alert": "open: heart-rate; a review that names it (alerts) closes what does not close by itself",
        "rate-in-plan": NO_RATE,
    }


def paused(reason: str) -> OneDay:
    """A day whose infusion was paused at 11:00, with a complete set at 11:28."""
    day = OneDay().brought_to("infusing", "10:00")
    day.chart("infusion.paused", {"reason": reason}, "11:00")
    day.chart("vitals.recorded", SIGNS, "11:28")
    return day


@pytest.mark.parametrize(
    ("reason", "at", "said"),
    [
        ("technical", "11:30", None),
        ("patient", "11:30", None),
        ("technical", "11:30:00.001", "a technical pause of 31 min: a prescriber's review must authorise the resume"),
        ("patient", "11:30:00.001", "a patient pause of 31 min: a prescriber's review must authorise the resume"),
        ("clinical", "11:29", "a clinical pause of 29 min: a prescriber's review must authorise the resume"),
    ],
)
def test_who_may_resume_after_which_pause(reason: str, at: str, said: str | None) -> None:
    answer = paused(reason).post("infusion.resumed", RATE, at)
    if said is None:
        accepted(answer)
    else:
        assert reasons(answer) == {"resume-authorised": said}


def test_a_review_of_an_earlier_pause_does_not_authorise_this_one() -> None:
    day = OneDay().brought_to("infusing", "10:00")
    day.chart("infusion.paused", {"reason": "clinical"}, "10:30")
    day.chart("review.recorded", {"decision": "continue", "authorises_resume": True}, "10:31")
    day.chart("infusion.resumed", RATE, "10:32")
    day.chart("infusion.paused", {"reason": "clinical"}, "11:00")
    day.chart("vitals.recorded", SIGNS, "11:01")
    assert "resume-authorised" in reasons(day.post("infusion.resumed", RATE, "11:02"))


def test_nothing_resumes_after_stop() -> None:
    day = paused("technical")
    day.chart("review.recorded", {"decision": "stop", "authorises_resume": True}, "11:29")
    found = reasons(day.post("infusion.resumed", RATE, "11:29"))
    assert found == {"resume-authorised": "a review of today decided stop: the infusion is not resumed today"}


def test_why_an_infusion_is_not_complete() -> None:
    day = OneDay().brought_to("infusing", "10:00")
    found = reasons(day.post("infusion.completed", {"volume_delivered_ml": "70"}, "13:00"))
    said = "75.9 of 101.2 mL are computed, 98 % is wanted: record a stop instead"
    assert found == {"volume-delivered": said}


def observing(**data: Any) -> OneDay:
    """A day whose infusion was complete at 14:00."""
    day = OneDay(**data).brought_to("infusing", "10:00")
    day.chart("infusion.completed", {}, "14:00")
    return day


def test_why_nobody_goes_home() -> None:
    day = observing(day=3)
    found = reasons(day.post("patient.discharged", {"alert_card_given": False}, "15:01"))
    assert found == {
        "vitals-fresh": "no complete set of vital signs is recorded",
        "observation-minimum": "61 min observed, 120 wanted: 59 min to go",
        "discharge-bp": "no systolic_mmhg is recorded",
        "platelets-drawn": "no platelets sample is recorded as drawn after the infusion (due on infusion 3)",
        "alert-card": "alert_card_given is not stated as true",
    }


def test_the_minutes_to_go_are_rounded_up() -> None:
    day = observing()
    day.chart("vitals.recorded", SIGNS, "15:59")
    found = reasons(day.post("patient.discharged", HOME, "15:59:59.999"))
    assert found == {"observation-minimum": "119 min observed, 120 wanted: 1 min to go"}
    accepted(day.post("patient.discharged", HOME, "16:00"))


def test_a_flush_without_its_end_and_a_pump_that_runs_are_named() -> None:
    day = observing()
    day.chart("flush.started", {"volume_ml": "100"}, "14:01")
    day.chart("vitals.recorded", SIGNS, "16:30")
    found = reasons(day.post("patient.discharged", HOME, "16:31"))
    assert found == {"observation-minimum": "a flush was started and its end is not recorded"}
    running = OneDay().brought_to("infusing", "10:00")
    running.chart("emergency.declared", {"reason": "collapse"}, "10:30")
    running.chart("emergency.stood_down", {"finding": "excluded"}, "10:40")
    assert (
        reasons(running.post("patient.discharged", HOME, "16:31"))["observation-minimum"]
        == "the pump is not charted as stopped"
    )


def test_a_flush_in_the_middle_of_the_infusion_does_not_shorten_the_observation() -> None:
    day = OneDay().brought_to("infusing", "10:00")
    day.chart("flush.started", {"volume_ml": "10"}, "11:00")
    day.chart("flush.ended", {"volume_ml": "10"}, "11:05")
    day.chart("infusion.completed", {}, "14:00")
    assert day.view()["observation"]["earliest_discharge"] == "2026-11-23T15:00:00.000Z"


def test_extended_observation_wants_a_word_of_the_prescriber() -> None:
    day = observing()
    day.chart("observation.extended", {"reason": "headache"}, "14:30")
    day.chart("vitals.recorded", SIGNS, "16:30")
    found = reasons(day.post("patient.discharged", HOME, "16:31"))
    assert found == {"symptoms-resolved": "no review since the extended observation began says: symptoms resolved"}


def test_what_blocks_is_shown_before_anybody_posts() -> None:
    day = observing()
    day.now = day.at("15:01")
    rows = {row["type"]: row for row in day.view()["allowed"]}
    blocked = {guard["guard"]: guard for guard in rows["patient.discharged"]["blocked_by"]}
    assert set(blocked) == {"vitals-fresh", "observation-minimum", "discharge-bp"}
    assert blocked["discharge-bp"]["override"] == ["prescriber"]
    assert rows["patient.left"]["blocked_by"] == []
    assert "infusion.started" not in rows
    assert rows["note.added"]["blocked_by"] == []


def test_what_the_course_blocks_is_shown_before_the_check_in_too() -> None:
    day = OneDay().brought_to("scheduled")
    accepted(day.post("review.recorded", {"decision": "hold"}, by=PRESCRIBER))
    rows = {row["type"]: row for row in day.view()["allowed"]}
    (blocked,) = rows["patient.checked_in"]["blocked_by"]
    assert (blocked["guard"], blocked["override"]) == ("course-held", [])
    assert blocked["reason"] == refused(day.post("patient.checked_in", {"identity_check": "wristband_scan"})).detail


def test_the_guards_of_the_file_are_all_tried_here_or_in_a_rehearsal() -> None:
    """A guard that is added to the file and rehearsed nowhere is found by this list, which is kept by hand."""
    rehearsed = {
        "checklist-complete", "baseline-recorded", "bp-controlled", "steroid-given", "antiviral-started",
        "bag-identified", "bag-in-date", "second-person", "course-open", "vitals-fresh", "no-critical-alert",
        "rate-in-plan", "resume-authorised", "volume-delivered", "observation-minimum", "discharge-bp",
        "platelets-drawn", "symptoms-resolved", "alert-card",
    }  # fmt: skip
    assert set(WORKFLOW.guards) == rehearsed
