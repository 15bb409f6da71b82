"""Which checks are due, in every phase, and when they turn amber and red."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from infusion_service.clinical.vocabulary import parse_time
from tests.clinical.one_day import NEGATIVE, SIGNS, OneDay, accepted

REDUCED = {name: value for name, value in SIGNS.items() if name != "temperature_celsius"}


def checks(day: OneDay, at: str) -> dict[str, tuple[str, str, int]]:
    """Check to the wall time it is due, how it stands and what was missed."""
    day.now = day.at(at)
    rows = day.view()["checks"]
    return {row["check"]: (_wall_time(day, row["due_at"]), row["status"], row["missed"]) for row in rows}


def _wall_time(day: OneDay, text: str) -> str:
    return f"{parse_time(text).astimezone(day.zone):%H:%M:%S}".removesuffix(":00")


def infusing(**data: Any) -> OneDay:
    """A day whose infusion started at 10:00."""
    return OneDay(**data).brought_to("infusing", "10:00")


def chart(day: OneDay, at: str, fact_type: str = "vitals.recorded", data: Mapping[str, Any] = SIGNS) -> None:
    """Chart a fact at a time."""
    day.chart(fact_type, data, at)


@pytest.mark.parametrize(
    ("at", "status", "missed"),
    [
        ("10:14:59", "upcoming", 0),
        ("10:15", "due", 0),
        ("10:19:59", "due", 0),
        ("10:20", "amber", 0),
        ("10:24:59", "amber", 0),
        ("10:25", "red", 1),
        ("10:29:59", "red", 1),
        ("10:30", "red", 2),
        ("11:00", "red", 4),
    ],
)
def test_five_minutes_amber_ten_red_and_what_is_missed_collapses_into_a_count(
    at: str, status: str, missed: int
) -> None:
    assert checks(infusing(), at)["vitals"] == ("10:15", status, missed)


def test_an_overdue_check_is_told_once_however_many_intervals_pass() -> None:
    day = infusing()
    told = [entry for at in ("10:25", "10:40", "10:55", "11:30") for entry in day.pass_to(at).entries]
    overdue = [entry.data for entry in told if entry.type == "check.overdue"]
    assert [(data["check"], data["missed"]) for data in overdue] == [("vitals", 1), ("befast", 1)]


def test_the_first_hour_wants_the_reduced_set_and_half_hourly_a_temperature() -> None:
    day = infusing()
    chart(day, "10:15", data=REDUCED)
    assert checks(day, "10:15")["vitals"] == ("10:30", "upcoming", 0)
    chart(day, "10:28", data=REDUCED)
    assert checks(day, "10:28")["vitals"][0] == "10:30", "no temperature since the start"
    chart(day, "10:31", data={"temperature_celsius": "36.8"})
    assert checks(day, "10:31")["vitals"][0] == "10:43"


@pytest.mark.parametrize("sign", sorted(set(REDUCED) - {"on_oxygen", "spo2_scale"}))
def test_a_reduced_set_that_lacks_a_sign_is_not_enough(sign: str) -> None:
    day = infusing()
    left_out = {sign, "systolic_mmhg", "diastolic_mmhg"} if sign.endswith("mmhg") else {sign}
    chart(day, "10:10", data={name: value for name, value in REDUCED.items() if name not in left_out})
    assert checks(day, "10:12")["vitals"][0] == "10:15"


def test_a_pressure_of_which_one_half_cannot_be_read_is_not_enough() -> None:
    day = infusing()
    without = {name: value for name, value in REDUCED.items() if not name.endswith("mmhg")}
    chart(day, "10:10", data={**without, "unrecordable": ["systolic_mmhg"]})
    assert checks(day, "10:12")["vitals"][0] == "10:15"


def test_an_interval_keeps_the_length_of_the_phase_it_began_in() -> None:
    day = infusing()
    chart(day, "10:59")
    assert checks(day, "11:01")["vitals"][0] == "11:14"
    chart(day, "11:14")
    assert checks(day, "11:14")["vitals"][0] == "11:44"


def test_the_half_hour_of_a_temperature_outlasts_the_first_hour_and_the_complete_set_counts_from_its_end() -> None:
    day = infusing()
    chart(day, "10:45")
    chart(day, "10:59:30", data={"temperature_celsius": "36.8"})
    chart(day, "11:05", data=REDUCED)
    assert checks(day, "11:05")["vitals"][0] == "11:29:30"
    chart(day, "11:06", data={"temperature_celsius": "36.8"})
    assert checks(day, "11:06")["vitals"][0] == "11:30"


def test_later_a_complete_set_is_wanted_every_half_hour() -> None:
    day = infusing()
    chart(day, "11:00")
    assert checks(day, "11:00")["vitals"][0] == "11:30"
    chart(day, "11:29", data=REDUCED)
    assert checks(day, "11:29")["vitals"][0] == "11:30"
    chart(day, "11:30")
    assert checks(day, "11:30")["vitals"][0] == "12:00"


def test_befast_counts_from_the_start_through_pause_and_resume() -> None:
    day = infusing()
    assert checks(day, "10:01")["befast"][0] == "11:00"
    chart(day, "10:50", "befast.checked", NEGATIVE)
    assert checks(day, "10:50")["befast"][0] == "11:50"
    chart(day, "11:40", "infusion.paused", {"reason": "technical"})
    assert "befast" not in checks(day, "11:55")
    chart(day, "11:56", "infusion.resumed", {"rate_ml_per_h": "25.3"})
    assert checks(day, "11:56")["befast"] == ("11:50", "amber", 0)


@pytest.mark.parametrize("fact_type", ["infusion.rate_changed", "infusion.resumed"])
def test_a_complete_set_a_quarter_of_an_hour_after_a_change(fact_type: str) -> None:
    day = infusing()
    chart(day, "11:05")
    if fact_type == "infusion.resumed":
        chart(day, "11:08", "infusion.paused", {"reason": "technical"})
    chart(day, "11:10", fact_type, {"rate_ml_per_h": "20", "reason": "flushed"})
    assert checks(day, "11:10")["vitals"] == ("11:25", "upcoming", 0)
    chart(day, "11:12", data=REDUCED)
    assert checks(day, "11:12")["vitals"][0] == "11:25"
    assert checks(day, "12:10")["vitals"] == ("11:25", "red", 1), "it is wanted once, whatever passes"
    chart(day, "12:11")
    assert checks(day, "12:11")["vitals"][0] == "12:41"


@pytest.mark.parametrize(("reason", "minutes"), [("technical", 15), ("patient", 15), ("clinical", 5)])
def test_a_pause_wants_complete_sets_by_its_reason(reason: str, minutes: int) -> None:
    day = infusing()
    chart(day, "11:05")
    chart(day, "11:10", "infusion.paused", {"reason": reason})
    assert checks(day, "11:10")["vitals"][0] == f"11:{10 + minutes}"
    chart(day, "11:12")
    assert checks(day, "11:12")["vitals"][0] == f"11:{12 + minutes}"
    chart(day, "11:13", data=REDUCED)
    assert checks(day, "11:13")["vitals"][0] == f"11:{12 + minutes}"


def test_a_pump_that_stopped_by_itself_pauses_technically() -> None:
    day = infusing()
    chart(day, "11:10", "pump.alarm", {"code": "air", "flow_stopped": True})
    assert checks(day, "11:10")["vitals"][0] == "11:25"


@pytest.mark.parametrize("state", ["observing", "extended_observation"])
def test_the_observation_wants_a_set_on_entry_then_half_hourly_and_befast_hourly(state: str) -> None:
    day = OneDay().brought_to(state, "14:00")
    assert checks(day, "14:00")["vitals"] == ("14:00", "due", 0)
    assert checks(day, "14:00")["befast"][0] == "15:00"
    chart(day, "14:04")
    assert checks(day, "14:04")["vitals"][0] == "14:34"
    chart(day, "14:20", data=REDUCED)
    assert checks(day, "14:20")["vitals"][0] == "14:34", "no complete set"
    chart(day, "14:30", "befast.checked", NEGATIVE)
    assert checks(day, "14:30")["befast"][0] == "15:30"
    assert checks(day, "19:34")["vitals"] == ("14:34", "red", 11), "until the day ends"


def test_extending_the_observation_begins_anew() -> None:
    day = OneDay().brought_to("observing", "14:00")
    chart(day, "14:05")
    chart(day, "14:10", "observation.extended", {"reason": "headache"})
    assert checks(day, "14:10")["vitals"] == ("14:10", "due", 0)
    assert checks(day, "14:10")["befast"][0] == "15:10"


@pytest.mark.parametrize(
    ("course", "day_number", "wanted"),
    [
        (1, 1, False),
        (1, 2, False),
        (1, 3, True),
        (1, 4, False),
        (1, 5, True),
        (2, 3, True),
        (2, 2, False),
        (4, 3, True),
    ],
)
def test_platelets_by_the_calendar_of_the_course(course: int, day_number: int, wanted: bool) -> None:
    day = OneDay(course=course, day=day_number).brought_to("infusing", "10:00")
    assert "platelets" not in checks(day, "10:01")
    chart(day, "14:00", "infusion.completed", {})
    found = checks(day, "23:00")
    assert ("platelets" in found) is wanted
    if wanted:
        assert found["platelets"] == ("14:00", "amber", 0), "never red"
        assert not [entry for entry in day.pass_to("23:00").entries if entry.data.get("check") == "platelets"]
        chart(day, "23:01", "lab.sampled", {"analyte": "platelets", "sampled_at": "2026-11-23T13:59:59+01:00"})
        assert "platelets" in checks(day, "23:01"), "drawn before the end"
        chart(day, "23:02", "lab.sampled", {"analyte": "platelets", "sampled_at": "2026-11-24T08:00:00+01:00"})
        assert "platelets" in checks(day, "23:02"), "planned"
        chart(day, "23:03", "lab.sampled", {"analyte": "platelets", "sampled_at": "2026-11-23T14:00:00+01:00"})
        assert "platelets" not in checks(day, "23:03")


def test_platelets_are_wanted_in_the_extended_observation_too() -> None:
    day = OneDay(course=1, day=3).brought_to("extended_observation", "14:00")
    assert checks(day, "14:01")["platelets"] == ("14:00", "due", 0)


def test_call_backs_after_leaving_early() -> None:
    day = OneDay().brought_to("left_early", "12:00")
    assert checks(day, "12:01") == {"callback": ("16:00", "upcoming", 0)}
    assert checks(day, "16:10")["callback"] == ("16:00", "red", 1)
    chart(day, "16:11", "callback.recorded", {"reached": False})
    assert checks(day, "16:11")["callback"] == ("12:00", "upcoming", 0)
    assert [row["due_at"] for row in day.view()["checks"]] == ["2026-11-24T11:00:00.000Z"]
    chart(day, "2026-11-24 12:00", "callback.recorded", {"reached": True})
    rows = day.view()["checks"]
    assert [row["due_at"] for row in rows] == ["2026-11-25T11:00:00.000Z"]
    chart(day, "2026-11-25 12:00", "callback.recorded", {"reached": True})
    assert checks(day, "2026-11-25 12:01") == {}


def test_nothing_is_due_in_an_emergency_or_before_or_after_the_infusion() -> None:
    for state in ("scheduled", "checked_in", "screening", "premedicating", "ready", "emergency"):
        assert checks(OneDay().brought_to(state, "10:00"), "15:00") == {}
    for state in ("discharged", "transferred", "deferred", "cancelled", "missed"):
        assert checks(OneDay().brought_to(state, "10:00"), "15:00") == {}


def test_an_emergency_silences_what_an_alert_wanted_too() -> None:
    day = infusing()
    accepted(day.post("symptom.reported", {"code": "chest_pain"}, "10:05"))
    assert checks(day, "10:06")["ecg"] == ("10:15", "upcoming", 0)
    accepted(day.post("emergency.declared", {"reason": "collapse"}, "10:07"))
    assert checks(day, "11:00") == {}


def test_a_late_set_closes_the_gap_from_when_it_was_taken() -> None:
    day = infusing()
    chart(day, "11:00")
    day.now = day.at("12:10")
    accepted(day.post("vitals.recorded", SIGNS, "12:10", occurred_at="11:30", late_reason="offline"))
    assert checks(day, "12:10")["vitals"] == ("12:00", "red", 1)


def test_a_check_counts_from_real_time_over_the_hour_that_comes_twice() -> None:
    day = OneDay(date="2026-10-25").brought_to("observing", "02:50")
    chart(day, "02:50")
    rows = {row["check"]: row["due_at"] for row in day.view()["checks"]}
    assert rows == {"vitals": "2026-10-25T01:20:00.000Z", "befast": "2026-10-25T01:50:00.000Z"}
