"""What the player makes of a script, with the same result in process and over HTTP."""

from __future__ import annotations

import pytest

from infusion_service import packaged
from infusion_service.cli.rehearsal.expectation import Difference
from infusion_service.cli.rehearsal.script import parse_script
from infusion_service.cli.rehearsal.stage import Via, rehearse
from infusion_service.cli.rehearsal.strict import ScriptInvalid

GIVEN = """
name = "a day"
workflow = "alemtuzumab"
timezone = "Europe/Paris"
[given]
course = 1
day = 1
date = 2026-11-23
"""

both_ways = pytest.mark.parametrize("via", ["process", "http"])


async def play(text: str, via: Via = "process") -> list[Difference]:
    """Play a script and return what was not met."""
    script = parse_script(text.encode(), file="day.toml")
    return list((await rehearse(script, via=via, workflows_dir=packaged.workflows_dir())).differences)


@pytest.mark.parametrize(
    ("target", "state", "first_free"),
    [
        ("checked_in", "checked_in", "08:00"),
        ("screening", "screening", "08:05"),
        ("premedicating", "premedicating", "08:20"),
        ("ready", "ready", "09:50"),
        ("infusing", "infusing", "10:00"),
        ("observing", "observing", "14:00"),
    ],
)
async def test_the_routine_plays_up_to_each_state_and_no_further(target: str, state: str, first_free: str) -> None:
    text = f"""{GIVEN}
routine_to = "{target}"
[[step]]
at = "{first_free}"
tick = true
expect = {{ state = "{state}", open = [], overdue = [], ordinal = 1 }}
"""
    assert await play(text) == []


async def test_the_routine_shifts_with_the_start_of_the_day() -> None:
    text = f"""{GIVEN}
start = "06:30"
routine_to = "observing"
[[step]]
at = "12:30"
tick = true
expect = {{ state = "observing", delivered_ml = 101.2, earliest_discharge = "14:30", open = [] }}
"""
    assert await play(text) == []


async def test_a_later_ordinal_is_played_without_the_premedication_it_does_not_need() -> None:
    fourth_day = (
        GIVEN.replace("day = 1", "day = 4")
        + """
routine_to = "infusing"
[[step]]
at = "10:00"
tick = true
expect = { state = "infusing", ordinal = 4 }
"""
    )
    assert await play(fourth_day) == []


async def test_what_the_patient_always_has_is_nothing_new() -> None:
    text = (
        GIVEN
        + """
baseline_deficits = ["arms", "balance"]
routine_to = "observing"
[[step]]
routine_until = "15:00"
expect = { state = "observing", open = [], overdue = [] }
[[step]]
at = "15:01"
post = "befast.checked"
[step.data]
balance = true
eyes = true
face = false
arms = true
speech = false
severe_headache = false
neck_pain = false
[step.expect]
state = "emergency"
raised = ["stroke-sign"]
"""
    )
    assert await play(text) == []


@both_ways
async def test_a_routine_does_each_check_at_its_time_and_no_other(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "infusing"
[[step]]
routine_until = "11:14"
expect = { overdue = [], open = [] }
[[step]]
at = "11:40"
tick = true
expect = { overdue = ["vitals"] }
[[step]]
routine_until = "11:40"
expect = { overdue = [] }
"""
    )
    assert await play(text, via) == []


@both_ways
async def test_two_people_who_enter_different_values_are_refused(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "ready"
[[step]]
at = "10:00"
post = "infusion.started"
data = { rate_ml_per_h = 25.3 }
second = { by = "nurse", data = { rate_ml_per_h = 23.5 } }
expect = { refused = "double_check_mismatch", state = "ready" }
[[step]]
at = "10:01"
post = "infusion.started"
data = { rate_ml_per_h = 25.3 }
second = false
expect = { refused = "second_person_required" }
[[step]]
at = "10:02"
post = "infusion.started"
data = { rate_ml_per_h = 25.3 }
expect = { state = "infusing" }
"""
    )
    assert await play(text, via) == []


@both_ways
async def test_a_second_person_of_a_refused_step_does_not_stand_in_later(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "ready"
[[step]]
at = "10:06"
post = "infusion.started"
data = { rate_ml_per_h = 25.3 }
expect = { refused = "guard_not_satisfied", guard = "vitals-fresh" }
[[step]]
at = "10:07"
post = "vitals.recorded"
[[step]]
at = "10:08"
post = "infusion.started"
data = { rate_ml_per_h = 25.3 }
second = false
expect = { refused = "second_person_required" }
"""
    )
    assert await play(text, via) == []


@both_ways
async def test_consent_comes_from_the_role_the_guard_names(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "ready"
[[step]]
at = "17:30"
post = "vitals.recorded"
[[step]]
at = "17:31"
post = "infusion.started"
data = { rate_ml_per_h = 25.3 }
expect = { refused = "guard_not_satisfied", guard = "bag-in-date" }
[[step]]
at = "17:32"
post = "override.granted"
second = { by = "nurse" }
data = { guard = "bag-in-date", reason = "no other bag today", valid_minutes = 20 }
expect = { refused = "second_person_required" }
[[step]]
at = "17:33"
post = "override.granted"
data = { guard = "bag-in-date", reason = "no other bag today", valid_minutes = 20 }
[[step]]
at = "17:34"
post = "infusion.started"
data = { rate_ml_per_h = 25.3 }
expect = { state = "infusing" }
"""
    )
    assert await play(text, via) == []


@both_ways
async def test_a_sole_nurse_overrides_the_second_person(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "ready"
[[step]]
at = "09:58"
post = "override.granted"
by = "nurse"
data = { guard = "second-person", reason = "alone on the ward", valid_minutes = 10 }
[[step]]
at = "10:00"
post = "infusion.started"
second = false
data = { rate_ml_per_h = 25.3 }
expect = { state = "infusing" }
"""
    )
    assert await play(text, via) == []


@both_ways
async def test_a_tablet_with_nobody_signed_in_can_stop(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "infusing"
[[step]]
at = "10:10"
by = "device"
post = "infusion.stopped"
data = { reason = "technical" }
expect = { state = "observing", pump = "halted" }
"""
    )
    assert await play(text, via) == []


@both_ways
async def test_a_label_names_the_fact_that_is_struck_or_corrected(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "infusing"
[[step]]
label = "typo"
at = "10:05"
post = "vitals.recorded"
data = { systolic_mmhg = 172, diastolic_mmhg = 96 }
expect = { raised = ["bp-high"] }
[[step]]
at = "10:06"
post = "vitals.recorded"
corrects = "typo"
data = { systolic_mmhg = 127 }
expect = { closed = ["bp-high"], open = [] }
[[step]]
label = "wrong"
at = "10:07"
post = "vitals.recorded"
data = { systolic_mmhg = 172, diastolic_mmhg = 96 }
[[step]]
at = "10:08"
post = "entry.struck"
data = { entry = "wrong", reason = "other patient" }
expect = { closed = ["bp-high"], open = [] }
"""
    )
    assert await play(text, via) == []


@both_ways
async def test_an_alert_is_named_by_its_rule_and_values_may_be_left_out(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "infusing"
[[step]]
at = "10:05"
post = "vitals.recorded"
fill = false
data = { heart_rate_per_min = 134 }
expect = { raised = ["heart-rate"], open = ["heart-rate"] }
[[step]]
at = "10:06"
post = "alert.acknowledged"
data = { alert = "heart-rate" }
[[step]]
at = "10:07"
post = "review.recorded"
data = { alerts = ["heart-rate"], decision = "continue", note = "after the stairs" }
expect = { closed = ["heart-rate"] }
"""
    )
    assert await play(text, via) == []


@both_ways
async def test_a_batch_of_several_people_goes_in_as_one_group(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "infusing"
[[step]]
label = "sync"
at = "10:30"
late_reason = "offline"
group = "pause"
batch = [
  { post = "infusion.paused", by = "nurse", occurred_at = "10:10", data = { reason = "technical" } },
  { post = "vitals.recorded", by = "nurse", occurred_at = "10:11" },
  { post = "infusion.resumed", by = "prescriber", occurred_at = "10:12", data = { rate_ml_per_h = 25.3 } },
]
expect = { state = "infusing", projected_end = "14:02" }
[[step]]
at = "10:31"
replay_of = "sync"
expect = { duplicate = true, raised = [], closed = [] }
"""
    )
    assert await play(text, via) == []


@both_ways
async def test_a_tablet_whose_clock_is_wrong_is_set_right(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "infusing"
[[step]]
at = "10:05"
sent_at = "10:25"
occurred_at = "10:25"
post = "vitals.recorded"
data = { systolic_mmhg = 164, diastolic_mmhg = 96 }
expect = { raised = ["bp-high"], retrospective = [] }
"""
    )
    assert await play(text, via) == []


@both_ways
async def test_days_of_a_course_and_of_another_patient(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "infusing"
[[step]]
at = "10:30"
given_day = { course = 1, day = 2, date = 2026-11-23 }
expect = { refused = "course_rule", rule = "one-dose-a-day" }
[[step]]
label = "other"
at = "10:31"
given_day = { course = 1, day = 1, date = 2026-11-24, patient = "P-2" }
expect = { state = "scheduled", ordinal = 1 }
[[step]]
at = "10:32"
tick = true
expect = { state = "infusing" }
[[step]]
at = "11:00"
post = "infusion.stopped"
data = { reason = "patient_choice" }
[[step]]
at = "11:05"
post = "patient.left"
data = { reason = "refusal" }
expect = { state = "left_early" }
[[step]]
at = "12:00"
given_day = { course = 1, day = 2, date = 2026-11-24 }
expect = { state = "scheduled", ordinal = 2 }
[[step]]
at = "2026-11-24 08:00"
day = 3
post = "patient.checked_in"
data = { identity_check = "two_identifiers" }
expect = { state = "checked_in", ordinal = 2 }
[[step]]
at = "08:01"
day = "other"
post = "patient.checked_in"
data = { identity_check = "two_identifiers" }
expect = { state = "checked_in", ordinal = 1 }
"""
    )
    assert await play(text, via) == []


@pytest.mark.parametrize(
    ("steps", "key"),
    [
        ('[[step]]\nat = "07:59"\ntick = true', "at"),
        ('[[step]]\nat = "08:01"\nday = 2\ntick = true', "day"),
        ('[[step]]\nat = "08:01"\npost = "note.added"\ncorrects = "nothing"\ndata = { text = "x" }', "corrects"),
        ('routine_to = "discharged"', "routine_to"),
    ],
)
async def test_what_only_playing_shows_to_be_impossible_is_an_error_too(steps: str, key: str) -> None:
    with pytest.raises(ScriptInvalid) as caught:
        await play(f"{GIVEN}{steps}\n")

    assert (caught.value.file, caught.value.key) in {("day.toml", key), ("alemtuzumab.v1", key)}


async def test_a_workflow_nobody_knows_is_an_error() -> None:
    with pytest.raises(ScriptInvalid, match="alemtuzumab@1"):
        await play(GIVEN.replace('"alemtuzumab"', '"alemtuzumab@99"'))
