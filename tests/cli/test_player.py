"""When the player does what: the routine, due checks, days and dates; the same in process and over HTTP."""

from __future__ import annotations

import pytest

from infusion_service.cli.rehearsal.stage import Via
from infusion_service.cli.rehearsal.strict import ScriptInvalid
from tests.cli.playing import GIVEN, both_ways, play


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


# One course told from its first day to its last; the story is the test.
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
