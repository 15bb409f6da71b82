"""Rehearsal files are read strictly: what cannot be meant is an error with file, step and key, before anything runs."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from infusion_service.cli.rehearsal.script import Facts, Post, ReplayOf, SecondPerson, parse_script
from infusion_service.cli.rehearsal.strict import ScriptInvalid
from infusion_service.cli.rehearsal.wall_time import WallTime, to_the_minute

PARIS = ZoneInfo("Europe/Paris")

HEAD = """
name = "a day"
workflow = "alemtuzumab"
timezone = "Europe/Paris"
[given]
course = 1
day = 1
date = 2026-11-23
"""


def invalid(text: str) -> ScriptInvalid:
    """Return the error that reading `text` ends in."""
    with pytest.raises(ScriptInvalid) as caught:
        parse_script(text.encode(), file="day.toml")
    return caught.value


def post(text: str) -> Post:
    """Return the one fact of the one step of a script."""
    action = parse_script((HEAD + text).encode(), file="day.toml").steps[0].action
    assert isinstance(action, Facts)
    return action.posts[0]


def test_defaults_are_those_of_the_format() -> None:
    script = parse_script(HEAD.encode(), file="day.toml")

    assert (script.start, script.routine_to, script.steps) == (time(8), None, ())
    assert script.given.unremarkable == {}
    assert (script.given.baseline_deficits, script.given.attested_history) == ((), ())
    assert script.workflow_version is None


def test_unremarkable_values_replace_single_signs() -> None:
    script = parse_script((HEAD + "[given.unremarkable]\nsystolic_mmhg = 134\n").encode(), file="day.toml")

    assert script.given.unremarkable == {"systolic_mmhg": 134}


def test_a_workflow_may_be_named_with_its_version() -> None:
    script = parse_script(HEAD.replace('"alemtuzumab"', '"alemtuzumab@1"').encode(), file="day.toml")

    assert (script.workflow, script.workflow_version) == ("alemtuzumab", 1)


def test_numbers_stay_as_they_are_written() -> None:
    step = post('[[step]]\nat = "10:00"\npost = "infusion.started"\ndata = { rate_ml_per_h = 25.30, count = 2 }')

    assert step.data == {"rate_ml_per_h": Decimal("25.30"), "count": 2}


def test_dates_in_data_become_text() -> None:
    step = post('[[step]]\nat = "09:40"\npost = "bag.prepared"\ndata = { vial_expires_on = 2027-06-30 }')

    assert step.data == {"vial_expires_on": "2027-06-30"}


def test_the_items_of_a_batch_take_what_the_step_says_and_may_say_otherwise() -> None:
    text = """
[[step]]
at = "12:10"
late_reason = "offline"
by = "nurse"
batch = [
  { post = "vitals.recorded", occurred_at = "11:30", fill = false },
  { post = "note.added", by = "prescriber", late_reason = "forgot", label = "note" },
]
"""
    action = parse_script((HEAD + text).encode(), file="day.toml").steps[0].action
    assert isinstance(action, Facts)

    first, second = action.posts
    assert action.batch
    assert (first.late_reason, first.by, first.fill, first.occurred_at) == (
        "offline", "nurse", False, WallTime(time(11, 30)),
    )  # fmt: skip
    assert (second.late_reason, second.by, second.fill, second.label) == ("forgot", "prescriber", True, "note")


def test_a_second_person_may_be_left_out_or_enter_something_else() -> None:
    step = '[[step]]\nat = "10:00"\npost = "infusion.started"\nsecond = '

    assert post(step + "false").second is False
    assert post(step + '{ by = "nurse", data = { rate_ml_per_h = 23.5 } }').second == SecondPerson(
        by="nurse", data={"rate_ml_per_h": Decimal("23.5")}
    )


def test_an_entry_may_stand_beside_the_data() -> None:
    assert post('[[step]]\nat = "10:00"\npost = "entry.struck"\nentry = "typo"\ndata = { reason = "x" }').data == {
        "entry": "typo",
        "reason": "x",
    }


@pytest.mark.parametrize(
    ("text", "where", "key"),
    [
        (HEAD.replace('name = "a day"', ""), "top level", "name"),
        (HEAD + "colour = 1", "[given]", "colour"),
        ("wardd = 1\n" + HEAD, "top level", "wardd"),
        (HEAD.replace("course = 1", 'course = "one"'), "[given]", "course"),
        (HEAD.replace("course = 1", "course = true"), "[given]", "course"),
        (HEAD.replace("Europe/Paris", "Europe/Atlantis"), "top level", "timezone"),
        (HEAD.replace('"alemtuzumab"', '"alemtuzumab@one"'), "top level", "workflow"),
        (HEAD + 'start = "8 o\'clock"', "[given]", "start"),
        (HEAD + '[[step]]\nat = "10:00"\npst = "note.added"', "step 1", "post"),
        (HEAD + '[[step]]\nat = "10:00"\npost = "note.added"\ntick = true', "step 1", "post"),
        (HEAD + '[[step]]\nat = "10:00"\npost = "note.added"\ncolour = 1', "step 1", "colour"),
        (HEAD + '[[step]]\nat = "25:00"\ntick = true', "step 1", "at"),
        (HEAD + '[[step]]\nat = "10:00"\ntick = false', "step 1", "tick"),
        (HEAD + '[[step]]\nat = "10:00"\ntick = true\nexpect = { stat = "x" }', "step 1, expect", "stat"),
        (HEAD + '[[step]]\nat = "10:00"\ntick = true\nexpect = { raised = "x" }', "step 1, expect", "raised"),
        (HEAD + '[[step]]\nat = "10:00"\ntick = true\nexpect = { ordinal = "1" }', "step 1, expect", "ordinal"),
        (HEAD + '[[step]]\nat = "10:00"\nbatch = []', "step 1", "batch"),
        (HEAD + '[[step]]\nat = "10:00"\nbatch = [{ psot = "x" }]', "step 1, batch item 1", "post"),
        (HEAD + '[[step]]\nat = "10:00"\npost = "x"\nsecond = { who = "x" }', "step 1, second", "who"),
        (HEAD + '[[step]]\nat = "10:00"\ngiven_day = { course = 1, day = 2 }', "step 1, given_day", "date"),
        (
            HEAD + '[[step]]\nat = "10:00"\ngiven_day = { course = 1, day = 2, date = 2026-11-24, start = "08:00" }',
            "step 1, given_day",
            "start",
        ),
        (HEAD + '[[step]]\nat = "10:00"\nreplay_of = "nothing"', "step 1", "replay_of"),
        (
            HEAD + '[[step]]\nat = "10:00"\ntick = true\nlabel = "a"\n[[step]]\nat = "10:01"\ntick = true\nlabel = "a"',
            "step 2 (a)",
            "label",
        ),
        (HEAD + "[[step]", "file", "(syntax)"),
    ],
    ids=lambda value: value.splitlines()[-1][-40:] if "\n" in value else None,
)  # fmt: skip
def test_what_cannot_be_meant_is_named(text: str, where: str, key: str) -> None:
    error = invalid(text)

    assert (error.file, error.where, error.key) == ("day.toml", where, key)


def test_an_unknown_key_names_the_nearest_one() -> None:
    assert "did you mean 'routine_to'?" in invalid(HEAD + 'routine_too = "ready"').problem


def test_a_replay_points_at_an_earlier_label() -> None:
    text = '[[step]]\nlabel = "note"\nat = "10:00"\npost = "note.added"\n[[step]]\nat = "10:01"\nreplay_of = "note"'

    assert parse_script((HEAD + text).encode(), file="day.toml").steps[1].action == ReplayOf(label="note")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("08:00", WallTime(time(8))),
        ("08:00:30", WallTime(time(8, 0, 30))),
        ("2026-11-24 08:00", WallTime(time(8), date(2026, 11, 24))),
        ("2026-11-24T08:00", WallTime(time(8), date(2026, 11, 24))),
        ("2026-11-24T08:00Z", WallTime(time(8, tzinfo=UTC), date(2026, 11, 24))),
    ],
)
def test_wall_times_with_and_without_a_date(text: str, expected: WallTime) -> None:
    assert WallTime.parse(text) == expected
    assert WallTime.parse(str(expected)) == expected


@pytest.mark.parametrize("text", ["8:00", "24:00", "08:00Z", "soon", "", 8, None])
def test_what_is_no_wall_time(text: object) -> None:
    with pytest.raises(ValueError, match=r".*"):
        WallTime.parse(text)


def test_a_wall_time_on_the_nights_the_clock_changes() -> None:
    autumn, spring = date(2026, 10, 25), date(2027, 3, 28)

    assert WallTime.parse("02:30").moment(autumn, PARIS) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert WallTime.parse("03:30").moment(autumn, PARIS) == datetime(2026, 10, 25, 2, 30, tzinfo=UTC)
    assert WallTime.parse("03:30").moment(spring, PARIS) == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)


def test_a_moment_is_rounded_to_the_minute_half_a_minute_up() -> None:
    assert to_the_minute(datetime(2026, 11, 23, 13, 59, 29, tzinfo=UTC), PARIS).strftime("%H:%M") == "14:59"
    assert to_the_minute(datetime(2026, 11, 23, 13, 59, 30, tzinfo=UTC), PARIS).strftime("%H:%M") == "15:00"
