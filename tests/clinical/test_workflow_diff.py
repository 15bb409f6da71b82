"""What changed between two versions of a workflow, in words."""

from __future__ import annotations

import pytest

from infusion_service.clinical.definition import WorkflowFile
from infusion_service.clinical.workflow import parse_workflow
from infusion_service.clinical.workflow_diff import changes
from tests.clinical.workflow_copies import Edit, edited, loaded, without_guard

BEFORE = loaded()

CHANGED: dict[str, tuple[Edit, tuple[str, str, str]]] = {
    "a limit": (
        ("", "minimum_min = 120", "minimum_min = 150"),
        ("guards", "observation-minimum.minimum_min", "from 120 to 150"),
    ),
    "a limit per fact": (
        ("", '"infusion.started" = 15', '"infusion.started" = 10'),
        ("guards", 'vitals-fresh.within_min."infusion.started"', "from 15 to 10"),
    ),
    "a factor": (("", "factor = 1.1\n", "factor = 1.05\n"), ("guards", "rate-in-plan.factor", "from 1.1 to 1.05")),
    "a guard gone": (without_guard("alert-card"), ("guards", "alert-card", "guard taken out")),
    "a role": (
        ('facts."screening.passed"', 'by = ["prescriber"]', 'by = ["prescriber", "nurse"]'),
        ("facts", "screening.passed.by", "now with nurse"),
    ),
    "a fact that a guard no longer asks": (
        ("", 'on = ["premed.completed", "infusion.started"]', 'on = ["premed.completed"]'),
        ("guards", "steroid-given.on", "now without infusion.started"),
    ),
    "a move from another state": (
        ('facts."observation.extended"', 'from = ["observing"]', 'from = ["observing", "paused"]'),
        ("facts", "observation.extended.moves[0].from", "now with paused"),
    ),
    "a move to another state": (
        ('facts."observation.extended"', 'to = "extended_observation"', 'to = "left_early"'),
        ("facts", "observation.extended.moves[0].to", "from extended_observation to left_early"),
    ),
    "a move more": (
        ('facts."screening.started"', "moves = [", 'moves = [{ from = ["ready"], to = "screening" }, '),
        ("facts", "screening.started.moves", "now also { from = [ready], to = screening }"),
    ),
    "a range": (
        ("", "soft = [35, 180]", "soft = [35, 170]"),
        ("facts", "vitals.recorded.fields.heart_rate_per_min.soft[1]", "from 180 to 170"),
    ),
    "a field": (
        ('facts."note.added"', "fields.text", 'fields.kind = { type = "text" }\nfields.text'),
        ("facts", "note.added.fields.kind", "now { type = text, max_chars = 200 }"),
    ),
    "a state": (
        ("[states.missed]", 'title = "Missed"', 'title = "Did not come"'),
        ("states", "missed.title", "from Missed to Did not come"),
    ),
    "an override": (
        ('id = "volume-delivered"', 'override = { by = ["prescriber"] }\n', ""),
        ("guards", "volume-delivered.override", "no longer { by = [prescriber] }"),
    ),
    "a check": (
        ("[[checks]]", "every_min = 15", "every_min = 20"),
        ("checks", "vitals (infusing).every_min", "from 15 to 20"),
    ),
    "an alert": (
        ('id = "bp-high"', "at_least = 160", "at_least = 155"),
        ("alerts", "bp-high.bands[0].when.of[0].at_least", "from 160 to 155"),
    ),
    "an action": (
        ("[actions.pause]", "within_min = 2", "within_min = 3"),
        ("actions", "pause.within_min", "from 2 to 3"),
    ),
    "an escalation": (
        ("[[escalations]]", "after_min = 2", "after_min = 3"),
        ("escalations", "critical to charge_nurse.after_min", "from 2 to 3"),
    ),
    "a course rule": (("", "months = 12", "months = 13"), ("course_rules", "course-interval.months", "from 12 to 13")),
    "the plan": (("[plan]", "dose_mg = 12", "dose_mg = 24"), ("plan", "dose_mg", "from 12 to 24")),
    "a code": (("[code_groups]", '"confusion", ', ""), ("code_groups", "stroke", "now without confusion")),
    "a safety property": (
        ('id = "alert-card-in-hand"', 'never = ["patient.discharged"]', 'never = ["patient.left"]'),
        ("safety", "alert-card-in-hand.never", "now without patient.discharged and with patient.left"),
    ),
}


def _unchecked(edit: Edit) -> WorkflowFile:
    """Return an edited definition as it is read, whether or not it may be used."""
    return parse_workflow(edited(edit), file="copy.toml")


@pytest.mark.parametrize("name", CHANGED)
def test_a_change_is_named_with_what_it_was_and_is(name: str) -> None:
    edit, expected = CHANGED[name]
    after = _unchecked(edit)

    found = [(change.part, change.key, change.words) for change in changes(BEFORE.definition, after)]

    assert expected in found


def test_the_same_file_has_no_change_and_neither_has_a_new_version_number() -> None:
    assert changes(BEFORE.definition, BEFORE.definition) == ()
    assert changes(BEFORE.definition, loaded(("", "version = 1", "version = 2")).definition) == ()


def test_a_rule_that_only_moved_is_no_change() -> None:
    moved = without_guard("alert-card")
    after = loaded(moved, ("", "# --- Checks", moved[1] + "\n\n# --- Checks"))

    assert changes(BEFORE.definition, after.definition) == ()


def test_a_new_rule_is_told_with_what_it_says() -> None:
    added = (
        '[[alerts]]\nid = "cold"\nclass = "any"\nsource = "local"\n'
        '[[alerts.bands]]\nseverity = "low"\ncloses = "auto"\nsays = "Cold"\n'
        'when = { test = "reading", sign = "temperature_celsius", at_most = 35.0 }\n\n'
    )
    (change,) = changes(BEFORE.definition, loaded(("", "# --- Safety", added + "# --- Safety")).definition)

    assert (change.part, change.key, change.words) == ("alerts", "cold", "alert added")
