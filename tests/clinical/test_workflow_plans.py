"""Plans that are not one number: steps of the rate, exceptions, doses by weight, weeks between infusions.

Two invented products say all of it; their safety properties hold, are put to the test, and find what is planted.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from infusion_service.clinical import ledger
from infusion_service.clinical.model_check import model_check
from infusion_service.clinical.vocabulary import SERVICE_ENTRIES
from infusion_service.clinical.workflow import load_workflow
from tests.clinical.workflow_copies import INVENTED, Edit, edited, loaded, problems

STEPS = INVENTED / "velorimab.v1.toml"
BY_WEIGHT = INVENTED / "dosaximab.v1.toml"

PROPERTIES = [
    (path, rule.id)
    for path in (STEPS, BY_WEIGHT)
    for rule in load_workflow(path.read_bytes(), file=path.name).definition.safety
]

HOLES: dict[str, tuple[Path, str, Edit]] = {
    "a step begins too early": (STEPS, "slowly-at-first", ("instead", "from_min = 30", "from_min = 20")),
    "a step is too fast": (STEPS, "slowly-at-first", ("instead", "at_most_ml_per_h = 60 ", "at_most_ml_per_h = 61 ")),
    "the last step is too fast": (STEPS, "slowly-at-first", ("instead", "ml_per_h = 180", "ml_per_h = 181")),
    "the exception is of another course": (STEPS, "half-a-dose-first", ("instead", "courses = [1]", "courses = [2]")),
    "the exception is of every course": (STEPS, "a-full-dose-later", ("instead", "courses = [1]", "courses = [1, 2]")),
    "a day less between infusions": (STEPS, "two-weeks-between-halves", ("", '"2" = 14', '"2" = 13')),
    "no days between infusions": (STEPS, "two-weeks-between-halves", ("", '"2" = 14', "other = 0")),
    "a month less between courses": (STEPS, "five-months-between-doses", ("", "months = 5", "months = 4")),
    "weeks instead of months": (STEPS, "five-months-between-doses", ("", "months = 5", "weeks = 20")),
    "no rule of days": (STEPS, "two-weeks-between-halves", ("two-weeks", '"visit.booked", ', "")),
    "the first infusion as the later ones": (BY_WEIGHT, "slowly-at-first", ("", "ordinals = [1]", "ordinals = [9]")),
    "a milligram an hour more": (BY_WEIGHT, "slowly-at-first", ("instead", "mg_per_h = 50", "mg_per_h = 51")),
    "watched longer for two only": (BY_WEIGHT, "two-hours-at-first", ("watched-longer", "most = 3", "most = 2")),
    "a part of the dose": (BY_WEIGHT, "the-dose-worked-out", ("", "together = true\n", "")),
    "a dose for everybody": (BY_WEIGHT, "the-dose-worked-out", ("[plan]", "rates = [", "dose_mg = 400\nrates = [")),
    "a day less": (BY_WEIGHT, "two-weeks-at-least", ("", '"2" = 14', '"2" = 13')),
}  # fmt: skip

MALFORMED: dict[str, tuple[Path, Edit, str, str]] = {
    "no dose anywhere": (STEPS, ("[plan]", "dose_mg = 600\n", ""), "plan", "dose_planned"),
    "a step without a limit": (STEPS, ("[plan]", ", at_most_ml_per_h = 85", ""), "plan.rates[1]", "exactly one"),
    "no first step": (STEPS, ("[plan]", "from_min = 0", "from_min = 1"), "plan.rates[0]", "from_min = 0"),
    "steps out of order": (STEPS, ("[plan]", "from_min = 60", "from_min = 30"), "plan.rates[2]", "order"),
    "a falling step": (STEPS, ("[plan]", "ml_per_h = 85", "ml_per_h = 39"), "plan.rates[1]", "only rise"),
    "steps in two units": (STEPS, ("[plan]", "ml_per_h = 200", "mg_per_h = 200"), "plan.rates[4]", "unit"),
    "an exception for all": (STEPS, ("instead", "courses = [1]\n", ""), "plan.instead[0]", "every infusion"),
    "two spans": (STEPS, ("", "months = 5", "months = 5\nweeks = 2"), "course_rules.five-months", "exactly one"),
    "no number of a day": (STEPS, ("", '"2" = 14', "second = 14"), "course_rules.two-weeks.days", "second"),
    "a dose that may be nothing": (BY_WEIGHT, ("dose_mg = {", "above = 0, ", ""), "dose.worked_out", "may be 0"),
    "a limit of no rate": (STEPS, ("", "above_ml_per_h = 30, ", ""), "safety.slowly-at-first", "no limit"),
    "no span between": (STEPS, ("", "below_days = 14, ", ""), "safety.two-weeks-between-halves", "exactly one"),
    "several bags and no name": (BY_WEIGHT, ("pump.on", "fields.bag", "fields.bottle"), "guards.bag-right", "bag"),
    "no decision": (STEPS, ("", 'never_after = ["never"]', 'never_after = ["no"]'), "guards.resume-seen", "decision"),
    "no result for what is wrong": (STEPS, ("", '"clear", "present"', '"clear", "bad"'), "fields.result", "present"),
    "a zone that is a number": (STEPS, ("timezone", '"text"', '"integer"'), "fields.timezone", "text"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "name"), PROPERTIES, ids=lambda value: getattr(value, "stem", value))
def test_a_property_holds_and_was_put_to_the_test(path: Path, name: str) -> None:
    (searched,) = model_check(loaded(path=path), only=[name])

    assert searched.violation is None
    assert searched.complete
    assert searched.tested > 0, "the search never came to what the property forbids"
    assert searched.accepted > 0, "the search never came to an acceptance that would count"


@pytest.mark.parametrize("hole", HOLES.values(), ids=HOLES)
def test_a_hole_is_found(hole: tuple[Path, str, Edit]) -> None:
    path, name, edit = hole

    (searched,) = model_check(loaded(edit, path=path), only=[name])

    assert searched.violation is not None


@pytest.mark.parametrize("malformed", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_plan_is_refused_with_key_and_remedy(malformed: tuple[Path, Edit, str, str]) -> None:
    path, edit, key, says = malformed

    found = problems(edited(edit, path=path))

    assert [problem for problem in found if key in problem.key and says in f"{problem.problem} {problem.remedy}"], found


def test_no_entry_of_the_service_may_be_the_name_of_a_fact() -> None:
    names = (value for name, value in vars(ledger).items() if name.isupper() and isinstance(value, str))
    appended = {name for name in names if "." in name}

    assert appended <= SERVICE_ENTRIES
