"""The order of the checks, late facts in their place, groups that stand or fall together, strikes and corrections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from infusion_service.clinical.decide import Accepted, decide
from infusion_service.clinical.definition import FactType
from infusion_service.clinical.vocabulary import Actor, Refusal, Submission
from tests.clinical.one_day import (
    BAG,
    CHARGE_NURSE,
    NURSE,
    PHARMACIST,
    PRESCRIBER,
    RATE,
    SECOND_NURSE,
    SIGNS,
    TABLET,
    WORKFLOW,
    OneDay,
    accepted,
    refused,
)

LATE: dict[str, Any] = {"late_reason": "offline"}


def infusing() -> OneDay:
    """A day whose infusion started at 10:00."""
    return OneDay().brought_to("infusing", "10:00")


def together(day: OneDay, submissions: Sequence[Submission], at: str) -> Accepted | Refusal:
    """Post a group."""
    day.now = day.at(at)
    return day.keep(decide(day.course, day.day, submissions, day.now))


# --- order of the checks


def test_shape_comes_before_role_and_role_before_version_time_and_move() -> None:
    day = OneDay()
    bad: dict[str, Any] = {"if_match": 99, "occurred_at": "2027-01-01 10:00"}
    assert refused(day.post("screening.passed", {"x": 1}, "10:00", by=NURSE, **bad)).code == "invalid_fact"
    assert refused(day.post("screening.passed", {}, by=NURSE, **bad)).code == "role_not_permitted"
    assert refused(day.post("screening.passed", {}, by=PRESCRIBER, **bad)).code == "version_conflict"
    del bad["if_match"]
    assert refused(day.post("screening.passed", {}, by=PRESCRIBER, **bad)).code == "occurred_in_future"
    assert refused(day.post("screening.passed", {}, by=PRESCRIBER)).code == "transition_not_allowed"


def test_course_rules_come_before_guards_and_guards_before_the_second_person() -> None:
    day = OneDay(course=5)
    refusal = refused(day.post("patient.checked_in", {"identity_check": "two_identifiers"}, "08:00"))
    assert (refusal.code, refusal.members["rule"]) == ("course_rule", "course-number")
    ready = OneDay(day=4).brought_to("ready", "09:30")
    assert refused(ready.post("infusion.started", RATE)).code == "guard_not_satisfied"
    accepted(ready.post("vitals.recorded", SIGNS))
    assert refused(ready.post("infusion.started", RATE)).code == "second_person_required"


def test_the_version_of_the_day_counts_facts_and_moves_alone() -> None:
    day = OneDay().brought_to("infusing", "10:00")
    version = day.day.version
    day.pass_to("10:30")
    assert day.day.version == version, "an overdue check is no fact"
    accepted(day.double_check("bag.prepared", BAG))
    assert day.day.version == version, "a blind entry is no fact"
    accepted(day.post("note.added", {"text": "asleep"}, if_match=version))
    assert day.day.version == version + 1
    refusal = refused(day.post("note.added", {"text": "awake"}, if_match=version))
    assert (refusal.status, refusal.final) == (412, False)


BY_HAND = {
    "checklist.recorded": "NPR", "screening.passed": "P", "bag.prepared": "RN", "infusion.started": "N",
    "infusion.rate_changed": "NP", "infusion.paused": "NPD", "infusion.stopped": "NPD", "pump.alarm": "ND",
    "vitals.recorded": "NPD", "befast.checked": "NP", "review.recorded": "P", "diagnosis.recorded": "P",
    "emergency.declared": "NPRD", "emergency.stood_down": "P", "patient.discharged": "NP", "patient.left": "N",
    "day.deferred": "NP", "day.cancelled": "P", "override.granted": "PN", "note.added": "NPR", "day.missed": "",
    "day.scheduled": "NPR", "patient.checked_in": "N", "screening.started": "NP", "ecg.recorded": "NP",
    "lab.sampled": "NPR", "lab.resulted": "NPR", "screening.failed": "P", "premed.given": "NP", "premed.declined": "NP",
    "premed.completed": "N", "bag.discarded": "RN", "infusion.resumed": "NP", "infusion.completed": "N",
    "flush.started": "N", "flush.ended": "N", "pump.alarm_cleared": "ND", "symptom.reported": "NP",
    "symptom.resolved": "NP", "reaction.graded": "NP", "treatment.given": "NP", "baseline.recorded": "NP",
    "callback.recorded": "NP", "alert.acknowledged": "NP", "observation.extended": "NP", "patient.transferred": "NP",
    "entry.struck": "NPR", "entry.confirmed": "NPR", "day.moved": "N",
}  # fmt: skip
"""Who may post what, as the protocol's table of facts says."""
LETTERS = {"N": "nurse", "P": "prescriber", "R": "pharmacist", "D": "device"}


@pytest.mark.parametrize(
    ("name", "fact"), WORKFLOW.facts.items(), ids=lambda value: value if type(value) is str else ""
)
def test_who_may_post_what(name: str, fact: FactType) -> None:
    allowed = {LETTERS[letter] for letter in BY_HAND[name]}
    for role in (*LETTERS.values(), "auditor", "integration", "admin"):
        assert WORKFLOW.may_post(role, name) == (role in allowed)
    assert WORKFLOW.may_post("charge_nurse", name) == ("nurse" in allowed)
    assert set(fact.by) == allowed


OFFLINE = {
    "lab.sampled", "lab.resulted", "premed.given", "premed.declined", "infusion.paused", "infusion.resumed",
    "infusion.stopped", "vitals.recorded", "befast.checked", "symptom.reported", "symptom.resolved", "treatment.given",
    "alert.acknowledged", "emergency.declared", "note.added",
}  # fmt: skip


def test_what_an_offline_tablet_may_chart() -> None:
    assert {name for name, fact in WORKFLOW.facts.items() if fact.offline} == OFFLINE


# --- late facts


def test_a_late_move_is_judged_where_it_happened() -> None:
    day = infusing()
    accepted(day.post("vitals.recorded", SIGNS, "10:30"))
    answer = accepted(day.post("infusion.paused", {"reason": "technical"}, "10:40", occurred_at="10:20", **LATE))
    assert answer.entries[0].outcome == {"state_from": "infusing", "state_to": "paused"}
    assert day.view()["dose"]["delivered_ml"] == "8.43"


def test_a_late_move_that_makes_later_ones_impossible_names_the_first_of_them() -> None:
    day = infusing()
    first = accepted(day.post("infusion.rate_changed", {**RATE, "reason": "flushed"}, "10:30")).entries[0]
    accepted(day.post("infusion.rate_changed", {**RATE, "reason": "flushed"}, "10:40"))
    refusal = refused(day.post("infusion.paused", {"reason": "technical"}, "10:50", occurred_at="10:20", **LATE))
    assert (refusal.code, refusal.members["event_id"]) == ("conflicts_with_later", first.entry_id)
    assert refusal.detail.startswith('with this, "Change the rate" of 2026-')


def test_a_late_move_is_refused_for_the_state_of_its_moment() -> None:
    day = infusing()
    accepted(day.post("infusion.paused", {"reason": "technical"}, "10:30"))
    refusal = refused(day.post("infusion.resumed", RATE, "10:40", occurred_at="10:25", **LATE))
    assert (refusal.code, refusal.members["state"]) == ("transition_not_allowed", "infusing")
    assert refusal.detail.startswith("not possible while the day is: Infusing; possible: ")
    assert not [word for word in refusal.detail.split() if word.strip(",;") in WORKFLOW.facts]


def test_an_observation_is_taken_at_any_moment_of_the_day_even_before_it_was_scheduled() -> None:
    day = OneDay().brought_to("discharged", "16:00")
    for occurred_at in ("15:00", "08:00", "2026-11-20 10:00"):
        accepted(day.post("note.added", {"text": "found later"}, "18:00", occurred_at=occurred_at, **LATE))
    assert day.day.state == "discharged"


def test_a_late_emergency_that_has_its_place_takes_it() -> None:
    day = infusing()
    accepted(day.post("vitals.recorded", SIGNS, "10:30"))
    entry = accepted(day.post("emergency.declared", {"reason": "collapse"}, "10:40", occurred_at="10:20")).entries[0]
    assert entry.occurred_at == day.at("10:20")
    assert day.day.state == "emergency"


def test_a_late_emergency_whose_place_conflicts_is_declared_now() -> None:
    day = infusing()
    accepted(day.post("infusion.rate_changed", {**RATE, "reason": "flushed"}, "10:30"))
    entry = accepted(day.post("emergency.declared", {"reason": "collapse"}, "10:40", occurred_at="10:20")).entries[0]
    assert entry.occurred_at == day.at("10:30")
    assert entry.data == {"reason": "collapse", "occurred_at": "2026-11-23T09:20:00.000Z"}
    assert entry.claimed == {"occurred_at": "2026-11-23T09:20:00.000Z"}
    assert day.day.state == "emergency"


def test_a_late_emergency_from_before_the_check_in_is_declared_now() -> None:
    day = infusing()
    answer = accepted(day.post("emergency.declared", {"reason": "fell"}, "10:40", occurred_at="07:00", by=TABLET))
    assert answer.entries[0].outcome == {"state_from": "infusing", "state_to": "emergency"}


# --- groups


def test_a_late_pause_and_resume_stand_together_across_a_later_change() -> None:
    day = infusing()
    accepted(day.post("infusion.rate_changed", {**RATE, "reason": "flushed"}, "10:40"))
    day.now = day.at("10:50")
    group = [
        day.submission("infusion.paused", {"reason": "technical"}, occurred_at="10:20", group="g", **LATE),
        day.submission("vitals.recorded", SIGNS, occurred_at="10:22", group="g", **LATE),
        day.submission("infusion.resumed", RATE, occurred_at="10:25", group="g", **LATE),
    ]
    answer = accepted(together(day, group, "10:50"))
    assert [entry.type for entry in answer.entries[:3]] == [each.type for each in group]
    assert (day.day.state, day.view()["dose"]["delivered_ml"]) == ("infusing", "18.98")


def test_a_group_that_leaves_the_day_impossible_falls_as_a_whole() -> None:
    day = infusing()
    changed = accepted(day.post("infusion.rate_changed", {**RATE, "reason": "flushed"}, "10:40")).entries[0]
    before = day.day
    day.now = day.at("10:50")
    group = [
        day.submission("vitals.recorded", SIGNS, occurred_at="10:22", group="g", **LATE),
        day.submission("infusion.paused", {"reason": "technical"}, occurred_at="10:20", group="g", **LATE),
    ]
    refusal = refused(together(day, group, "10:50"))
    assert (refusal.code, refusal.members["event_id"]) == ("conflicts_with_later", changed.entry_id)
    assert refusal.index == 1
    assert day.day is before


def test_a_group_says_which_of_it_failed() -> None:
    day = infusing()
    group = [
        day.submission("note.added", {"text": "first"}, group="g"),
        day.submission("infusion.resumed", RATE, group="g"),
    ]
    refusal = refused(together(day, group, "10:50"))
    assert (refusal.index, refusal.code) == (1, "transition_not_allowed")


def test_the_course_of_a_group_is_the_one_its_own_facts_make() -> None:
    """A hold recorded in the same breath holds."""
    day = OneDay(day=4).brought_to("ready", "09:30")
    accepted(day.post("vitals.recorded", SIGNS))
    accepted(day.double_check("infusion.started", RATE))
    group = [
        day.submission("review.recorded", {"decision": "hold"}, group="g"),
        day.submission("infusion.started", RATE, group="g"),
    ]
    refusal = refused(together(day, group, "09:31"))
    assert (refusal.index, refusal.members["guards"][0]["guard"]) == (1, "course-open")


# --- plausibility in an emergency


def test_a_collapse_is_charted_during_and_after_the_emergency() -> None:
    day = OneDay().brought_to("emergency", "10:00")
    collapse = {**SIGNS, "systolic_mmhg": 38, "diastolic_mmhg": 20, "confirmed": True}
    accepted(day.post("vitals.recorded", collapse, "10:05"))
    accepted(day.post("emergency.stood_down", {"finding": "excluded"}, "10:30"))
    accepted(day.post("vitals.recorded", collapse, "10:40", occurred_at="10:10", **LATE))
    for occurred_at in ("10:35", None):
        late = {"occurred_at": occurred_at} if occurred_at else {}
        assert refused(day.post("vitals.recorded", collapse, "10:40", **late)).code == "implausible"
    before = {**collapse, "confirmed": False}
    assert refused(day.post("vitals.recorded", before, "10:40", occurred_at="10:10", **LATE)).code == "implausible"


def test_a_doubtful_reading_that_was_let_in_is_shown_for_what_it_is() -> None:
    day = infusing()
    odd = {**SIGNS, "heart_rate_per_min": 12, "temperature_celsius": "34.5", "source": "monitor"}
    accepted(day.post("vitals.recorded", odd, "10:05", by=TABLET))
    shown = day.view()["vitals"]
    assert (shown["heart_rate_per_min"]["flag"], shown["temperature_celsius"]["flag"]) == ("implausible", "unusual")
    assert "flag" not in shown["spo2_percent"]


def test_a_pressure_that_cannot_be_measured_counts_as_very_low() -> None:
    day = infusing()
    signs = {sign: value for sign, value in SIGNS.items() if not sign.endswith("mmhg")}
    answer = accepted(day.post("vitals.recorded", {**signs, "unrecordable": ["systolic_mmhg"]}, "10:05"))
    assert answer.entries[0].data["unrecordable"] == ["systolic_mmhg"]
    assert day.view()["vitals"]["systolic_mmhg"]["value"] == 90
    assert [(alert["rule"], alert["severity"]) for alert in day.view()["alerts"]] == [("bp-low", "critical")]


# --- time


def test_a_day_whose_ward_names_no_cut_off_is_missed_at_the_workflows() -> None:
    day = OneDay(missed_cutoff=None)
    assert not day.pass_to("11:59:59.999").entries
    (entry,) = day.pass_to("12:00").entries
    assert (entry.type, entry.occurred_at, entry.actor.role) == ("day.missed", day.at("12:00"), "service")
    assert entry.outcome == {"state_from": "scheduled", "state_to": "missed"}


@pytest.mark.parametrize(
    ("date", "cut_off", "missed_at"),
    [
        ("2026-10-25", "02:30", "2026-10-25T00:30:00.000Z"),
        ("2026-10-25", "12:00", "2026-10-25T11:00:00.000Z"),
        ("2027-03-28", "02:30", "2027-03-28T01:30:00.000Z"),
        ("2027-03-28", "12:00", "2027-03-28T10:00:00.000Z"),
    ],
)
def test_a_cut_off_in_the_hour_that_comes_twice_or_never(date: str, cut_off: str, missed_at: str) -> None:
    """The first of two equal times; the moment after a time that is left out."""
    day = OneDay(date=date, missed_cutoff=cut_off)
    assert day.view()["next_change_at"] == missed_at


# --- strikes and corrections


@pytest.mark.parametrize(
    ("by", "may"), [(NURSE, True), (SECOND_NURSE, False), (PHARMACIST, False), (CHARGE_NURSE, True), (PRESCRIBER, True)]
)
def test_who_may_strike(by: Actor, may: bool) -> None:
    day = infusing()
    entry = accepted(day.post("vitals.recorded", SIGNS, "10:05", by=NURSE)).entries[0]
    answer = day.post("entry.struck", {"entry": entry.entry_id, "reason": "mistyped"}, by=by)
    assert isinstance(answer, Accepted) == may
    if not may:
        assert refused(answer).code == "role_not_permitted"
    else:
        assert day.view()["struck"] == [entry.entry_id]
        assert "heart_rate_per_min" not in day.view()["vitals"]


def test_what_cannot_be_struck() -> None:
    day = infusing()
    scheduled = day.day.charted[0].id
    note = accepted(day.post("note.added", {"text": "x"}, "10:05")).entries[0].entry_id
    strike = accepted(day.post("entry.struck", {"entry": note, "reason": "mistyped"})).entries[0].entry_id
    for entry in (scheduled, strike, note, day.new_id()):
        refusal = refused(day.post("entry.struck", {"entry": entry, "reason": "no"}, by=PRESCRIBER))
        assert refusal.code == "invalid_fact"


def test_a_correction_strikes_and_replaces_in_one() -> None:
    day = infusing()
    wrong = accepted(day.post("vitals.recorded", {**SIGNS, "heart_rate_per_min": 27, "confirmed": True}, "10:05"))
    entry = wrong.entries[0]
    assert day.view()["alerts"]
    right = {"occurred_at": "10:05", "corrects": entry.entry_id}
    answer = accepted(day.post("vitals.recorded", SIGNS, "10:06", **right))
    assert answer.entries[0].corrects == entry.entry_id
    assert day.view()["alerts"] == []
    assert day.view()["vitals"]["heart_rate_per_min"]["value"] == 72
    again = refused(day.post("vitals.recorded", SIGNS, "10:07", **right))
    assert again.code == "invalid_fact"


def test_a_move_is_corrected_by_another_that_leaves_the_day_possible() -> None:
    day = infusing()
    stop = accepted(day.post("infusion.stopped", {"reason": "bleeding"}, "10:30")).entries[0]
    right = {"occurred_at": "10:30", "corrects": stop.entry_id}
    accepted(day.post("infusion.stopped", {"reason": "line_lost"}, "10:31", **right))
    assert day.day.state == "observing"
    accepted(day.post("observation.extended", {"reason": "headache"}, "10:32"))
    (_, second) = [fact.id for fact in day.day.charted if fact.type == "infusion.stopped"]
    back = {"occurred_at": "10:30", "corrects": second}
    refusal = refused(day.post("infusion.stopped", {"reason": "bleeding"}, "10:33", **back))
    assert refusal.code == "conflicts_with_later"
    assert refused(day.post("note.added", {"text": "x"}, "10:33", corrects=second)).code == "conflicts_with_later"


def test_what_names_something_that_is_not_there_is_told_so() -> None:
    day = infusing()
    for fact_type, data in (
        ("alert.acknowledged", {"alert": day.new_id()}),
        ("review.recorded", {"decision": "continue", "alerts": [day.new_id()]}),
        ("entry.confirmed", {"entry": day.new_id()}),
        ("entry.struck", {"entry": day.new_id(), "reason": "x"}),
    ):
        assert refused(day.post(fact_type, data)).code == "invalid_fact"
    assert refused(day.post("no.such_fact")).members["errors"][0]["pointer"] == "/type"
