"""For each `expect` key there is: a rehearsal whose expectation is wrong fails on that key and shows what was found."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from infusion_service.cli.rehearsal.expectation import KEYS
from tests.cli.playing import play

HEAD = """
name = "wrong on purpose"
workflow = "alemtuzumab"
timezone = "Europe/Paris"
[given]
course = 1
day = 1
date = 2026-11-23
start = "08:00"
routine_to = "infusing"
"""

HIGH = '[[step]]\nat = "10:05"\npost = "vitals.recorded"\ndata = { systolic_mmhg = 164, diastolic_mmhg = 96 }\n'
CHEST_PAIN = '[[step]]\nat = "10:05"\npost = "symptom.reported"\ndata = { code = "chest_pain", severity = 5 }\n'
AGAIN = '[[step]]\nat = "10:05"\npost = "infusion.started"\ndata = { rate_ml_per_h = 25.3 }\n'
TOO_FAST = '[[step]]\nat = "10:05"\npost = "infusion.rate_changed"\ndata = { rate_ml_per_h = 40.0, reason = "x" }\n'
FIFTH_COURSE = '[[step]]\nat = "10:05"\ngiven_day = { course = 5, day = 1, date = 2026-11-30 }\n'


def tick(at: str) -> str:
    """Return a step in which only time passes."""
    return f'[[step]]\nat = "{at}"\ntick = true\n'


@dataclass(frozen=True)
class Case:
    """Steps whose last one is expected to end in `wrong` (TOML) although it ends in `found`."""

    steps: str
    wrong: str
    found: str


CASES = {
    "state": Case(tick("10:01"), '{ state = "paused" }', "infusing"),
    "raised": Case(HIGH, "{ raised = [] }", "bp-high"),
    "closed": Case(HIGH + '[[step]]\nat = "10:10"\npost = "vitals.recorded"\n', '{ closed = ["bp-low"] }', "bp-high"),
    "open": Case(HIGH, '{ open = ["bp-high", "fever"] }', "bp-high"),
    "overdue": Case(tick("10:26"), "{ overdue = [] }", "vitals"),
    "escalated": Case(CHEST_PAIN + tick("10:08"), "{ escalated = [] }", "chest-pain"),
    "answered": Case(
        HIGH.replace("164", "186")
        + '[[step]]\nat = "10:08"\npost = "vitals.recorded"\ndata = { systolic_mmhg = 184 }\n'
        '[[step]]\nat = "10:09"\npost = "infusion.paused"\ndata = { reason = "clinical" }\n',
        "{ answered = [] }",
        "bp-crisis",
    ),
    "retrospective": Case(
        HIGH.replace('at = "10:05"', 'at = "10:40"\noccurred_at = "10:20"\nlate_reason = "offline"'),
        "{ retrospective = [] }",
        "bp-high",
    ),
    "course_flags": Case(
        '[[step]]\nat = "10:05"\npost = "reaction.graded"\ndata = { ctcae_grade = 3, symptoms = ["rash"] }\n',
        "{ course_flags = [] }",
        "hold_pending_review",
    ),
    "delivered_ml": Case(tick("11:00"), "{ delivered_ml = 25.37 }", "25.3"),
    "delivered_mg": Case(tick("11:00"), "{ delivered_mg = 2.9 }", "3"),
    "projected_end": Case(tick("10:30"), '{ projected_end = "14:01" }', "14:00"),
    "earliest_discharge": Case(
        '[[step]]\nat = "10:30"\npost = "infusion.stopped"\ndata = { reason = "patient_choice" }\n',
        '{ earliest_discharge = "12:29" }',
        "12:30",
    ),
    "severity": Case(HIGH, '{ severity = { bp-high = "high" } }', "bp-high = medium"),
    "ordinal": Case(tick("10:01"), "{ ordinal = 2 }", "1"),
    "pump": Case(tick("10:01"), '{ pump = "halted" }', "running"),
    "duplicate": Case(
        '[[step]]\nlabel = "note"\nat = "10:05"\npost = "note.added"\ndata = { text = "calm" }\n'
        '[[step]]\nat = "10:06"\nreplay_of = "note"\n',
        "{ duplicate = false }",
        "true",
    ),
    "refused": Case(AGAIN, '{ refused = "guard_not_satisfied" }', "transition_not_allowed"),
    "guard": Case(TOO_FAST, '{ guard = "bag-in-date" }', "rate-in-plan"),
    "rule": Case(FIFTH_COURSE, '{ rule = "course-held" }', "course-number"),
}


def test_every_key_has_its_case() -> None:
    assert set(CASES) == set(KEYS)


@pytest.mark.parametrize("key", CASES)
async def test_a_wrong_expectation_fails_on_its_key(key: str) -> None:
    case = CASES[key]

    (difference,) = await play(f"{HEAD}{case.steps}expect = {case.wrong}\n")

    assert difference.key == key
    assert case.found in difference.found
    assert difference.expected != difference.found


async def test_a_refused_step_that_expects_no_refusal_fails() -> None:
    (difference,) = await play(HEAD + AGAIN)

    assert (difference.key, difference.expected) == ("refused", "accepted")


async def test_an_accepted_step_that_expects_a_refusal_fails() -> None:
    (difference,) = await play(HEAD + HIGH + 'expect = { refused = "guard_not_satisfied" }\n')

    assert (difference.key, difference.found) == ("refused", "accepted")


async def test_a_fact_sent_for_the_first_time_is_no_duplicate() -> None:
    (difference,) = await play(HEAD + HIGH + "expect = { duplicate = true }\n")

    assert (difference.key, difference.found) == ("duplicate", "false")


async def test_all_differences_of_a_rehearsal_are_shown() -> None:
    wrong = 'expect = { state = "paused", ordinal = 2, pump = "idle" }\n'

    found = await play(HEAD + tick("10:01") + wrong + tick("10:02") + wrong)

    assert [(each.step, each.key) for each in found] == [
        (step, key) for step in ("step 1", "step 2") for key in ("state", "ordinal", "pump")
    ]


async def test_a_routine_that_is_refused_ends_the_rehearsal_there() -> None:
    held_back = HEAD.replace("course = 1", "course = 9") + tick("10:01")

    (difference,) = await play(held_back)

    assert (difference.step, difference.key) == ("[given]", "refused")
