"""Two people are two people: their own credentials, their own sessions, the same values."""

from __future__ import annotations

from typing import Any

import pytest

from infusion_service.clinical.day import evolve
from infusion_service.clinical.decide import Accepted, refused_entry
from infusion_service.clinical.vocabulary import Actor, Refusal
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
    OneDay,
    accepted,
    refused,
)

BP = {"guard": "bp-controlled", "reason": "known to the clinic", "valid_minutes": 10}


def ready() -> OneDay:
    """A day on which nothing but the second person stands against the start at 10:00."""
    day = OneDay(day=4)
    day.brought_to("ready", "09:30")
    day.chart("vitals.recorded", SIGNS, "09:59")
    return day


def start(day: OneDay, at: str = "10:00", by: Actor = NURSE, **more: Any) -> Accepted | Refusal:
    """Start the infusion."""
    return day.post("infusion.started", RATE, at, by=by, **more)


def test_the_first_person_is_kept_with_the_fact() -> None:
    day = ready()
    accepted(day.double_check("infusion.started", RATE, "09:59"))
    entry = accepted(start(day)).entries[0]
    assert entry.second == SECOND_NURSE
    assert entry.actor == NURSE


def test_the_same_person_twice_is_one_person() -> None:
    day = ready()
    accepted(day.double_check("infusion.started", RATE, by=NURSE))
    assert refused(start(day)).code == "second_person_required"
    another_role = Actor(id=NURSE.id, role="charge_nurse")
    assert refused(start(day, by=another_role)).code == "second_person_required"


def test_two_people_in_one_session_are_one_person() -> None:
    day = ready()
    accepted(day.double_check("infusion.started", RATE, session="s-1"))
    assert refused(start(day, session="s-1")).code == "second_person_required"
    accepted(start(day, session="s-2"))


def test_a_mismatch_tells_no_values_and_costs_both_their_entry() -> None:

    day = ready()
    accepted(day.double_check("infusion.started", {"rate_ml_per_h": "25.4"}))
    accepted(day.double_check("infusion.started", RATE, by=NURSE))
    submission = day.submission("infusion.started", RATE, by=NURSE)
    refusal = refused(start(day))
    assert refusal.code == "double_check_mismatch"
    assert "25" not in refusal.detail
    assert not refusal.members
    day.day = evolve(day.day, refused_entry(day.day, submission, refusal, day.now))
    assert refused(start(day, by=CHARGE_NURSE)).code == "second_person_required"


def test_a_blind_entry_shows_who_and_when_and_nothing_else() -> None:
    day = ready()
    entry = accepted(day.double_check("infusion.started", RATE, "09:59")).entries[0]
    (shown,) = day.view()["double_checks"]
    assert shown == {
        "double_check": entry.entry_id,
        "type": "infusion.started",
        "by": SECOND_NURSE.id,
        "at": "2026-11-23T08:59:00.000Z",
        "valid_until": "2026-11-23T09:29:00.000Z",
    }
    day.now = day.at("10:29:01")
    assert day.view()["double_checks"] == []


def test_a_blind_entry_is_judged_for_shape_and_role() -> None:
    day = ready()
    assert refused(day.double_check("infusion.started", {"rate_ml_per_h": "fast"})).code == "invalid_fact"
    assert refused(day.double_check("infusion.started", RATE, by=PRESCRIBER)).code == "role_not_permitted"
    assert refused(day.double_check("vitals.recorded", SIGNS)).code == "invalid_fact"
    assert refused(day.double_check("infusion.rate_changed", RATE)).code == "invalid_fact"


def test_a_bag_may_be_checked_by_nurse_and_pharmacist() -> None:
    day = OneDay().brought_to("premedicating", "09:30")
    accepted(day.double_check("bag.prepared", BAG, by=NURSE))
    accepted(day.post("bag.prepared", BAG, by=PHARMACIST))


def test_a_blind_entry_for_one_fact_is_none_for_another() -> None:
    day = ready()
    accepted(day.double_check("bag.prepared", BAG, by=PHARMACIST))
    assert refused(start(day)).code == "second_person_required"


@pytest.mark.parametrize("second", [NURSE, SECOND_NURSE, CHARGE_NURSE, PHARMACIST, Actor(id="p-2", role="prescriber")])
def test_any_other_clinician_may_consent(second: Actor) -> None:
    day = OneDay().brought_to("screening", "08:30")
    entry = accepted(day.post("override.granted", BP, by=PRESCRIBER, second=second)).entries[0]
    assert entry.second == second
    (shown,) = day.view()["overrides"]
    assert (shown["by"], shown["second"], shown["used_by"]) == (PRESCRIBER.id, second.id, None)


@pytest.mark.parametrize(
    "second",
    [None, PRESCRIBER, Actor(id=PRESCRIBER.id, role="nurse"), TABLET, Actor(id="a", role="auditor", how="token")],
)
def test_nobody_and_the_granting_person_and_no_clinician_do_not_consent(second: Actor | None) -> None:
    day = OneDay().brought_to("screening", "08:30")
    refusal = refused(day.post("override.granted", BP, by=PRESCRIBER, second=second))
    assert (refusal.code, refusal.status) == ("second_person_required", 409)
    assert "nurse" in refusal.members["allowed"]


def test_a_guard_that_may_not_be_overridden_is_answered_with_those_that_may() -> None:
    day = OneDay().brought_to("screening", "08:30")
    for guard in ("course-open", "vitals-fresh", "no such guard"):
        refusal = refused(day.post("override.granted", {**BP, "guard": guard}, by=PRESCRIBER, second=NURSE))
        assert refusal.code == "invalid_fact"
        assert "bp-controlled" in refusal.detail


def test_an_override_used_is_told_with_its_reason() -> None:
    day = ready()
    sole = {"guard": "second-person", "reason": "alone tonight", "valid_minutes": 5}
    accepted(day.post("override.granted", sole, by=NURSE))
    answer = accepted(start(day))
    used = next(entry for entry in answer.entries if entry.type == "override.used")
    assert (used.data["reason"], used.data["rule"]) == ("alone tonight", "second-person")
    assert used.data["fact"] == answer.entries[0].entry_id
    assert day.view()["overrides"][0]["used_by"] == answer.entries[0].entry_id


def test_an_override_that_was_struck_is_none() -> None:
    day = ready()
    sole = {"guard": "second-person", "reason": "alone tonight", "valid_minutes": 5}
    granted = accepted(day.post("override.granted", sole, by=NURSE)).entries[0]
    accepted(day.post("entry.struck", {"entry": granted.entry_id, "reason": "a colleague came"}, by=NURSE))
    assert refused(start(day)).code == "second_person_required"


def test_a_mismatch_is_not_overridden_by_being_alone() -> None:
    day = ready()
    accepted(day.double_check("infusion.started", {"rate_ml_per_h": "25.4"}))
    accepted(day.post("override.granted", {"guard": "second-person", "reason": "alone", "valid_minutes": 5}, by=NURSE))
    assert refused(start(day)).code == "double_check_mismatch"
