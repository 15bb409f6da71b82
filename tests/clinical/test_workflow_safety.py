"""The safety properties of the shipped workflow: each holds, each was put to the test, and each finds its hole."""

from __future__ import annotations

import pytest

from infusion_service.clinical.model_check import model_check
from infusion_service.clinical.model_check_world import Posted
from infusion_service.clinical.workflow import load_workflow
from tests.clinical.workflow_copies import INVENTED, SHIPPED, loaded
from tests.clinical.workflow_holes import HOLES

WORKFLOW = load_workflow(SHIPPED.read_bytes(), file=SHIPPED.name)
PROPERTIES = [rule.id for rule in WORKFLOW.definition.safety]
NOT_ASKED = (
    '"pump.back", "patient.home"]\nseverities = { "pump.on" = ["critical"], "pump.back" = ["critical"], ',
    '"patient.home"]\nseverities = { "pump.on" = ["critical"], ',
)
OTHER = load_workflow((INVENTED / "zorvimab.v3.toml").read_bytes(), file="zorvimab.v3.toml")


def test_every_property_has_a_hole_that_it_must_find() -> None:
    assert list(HOLES) == PROPERTIES


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_property_of_the_shipped_file_holds_and_was_put_to_the_test(name: str) -> None:
    (searched,) = model_check(WORKFLOW, only=[name])

    assert searched.violation is None
    assert searched.complete
    assert searched.tested > 0, "the search never came to what the property forbids"
    assert searched.accepted > 0, "the search never came to an acceptance that would count"


@pytest.mark.parametrize("name", HOLES)
def test_a_hole_is_found(name: str) -> None:
    hole = next(iter(HOLES[name].values()))

    (searched,) = model_check(loaded(*hole), only=[name])

    assert searched.violation is not None
    assert isinstance(searched.violation.steps[-1], Posted)


def test_the_way_around_is_the_shortest() -> None:
    """A discharge one minute early: nothing but what every day needs, the wait, and the vital signs it asks for."""
    (searched,) = model_check(loaded(*HOLES["observed-long-enough"]["a minute less"]), only=["observed-long-enough"])

    assert searched.violation is not None
    posted = [step.fact_type for step in searched.violation.steps if isinstance(step, Posted)]
    assert posted == [
        "day.scheduled", "patient.checked_in", "screening.started", "checklist.recorded", "ecg.recorded",
        "befast.checked", "vitals.recorded", "screening.passed", "premed.given", "premed.given", "premed.completed",
        "bag.prepared", "infusion.started", "infusion.stopped", "vitals.recorded", "patient.discharged",
    ]  # fmt: skip


def test_the_same_file_gives_the_same_search() -> None:
    once, again = (model_check(WORKFLOW, only=["no-resume-after-stop"]) for _ in range(2))

    assert (once[0].states, once[0].depth, once[0].tested) == (again[0].states, again[0].depth, again[0].tested)


@pytest.mark.parametrize("name", [rule.id for rule in OTHER.definition.safety])
def test_another_product_is_searched_without_a_word_about_it_in_python(name: str) -> None:
    (searched,) = model_check(OTHER, only=[name])

    assert searched.violation is None
    assert searched.complete
    assert searched.tested > 0


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("an-hour-of-watching", "minimum_min = 60", "minimum_min = 59"),
        ("antihistamine-first", "ordinal_at_most = 2", "ordinal_at_most = 1"),
        ("potassium-first-time", 'analyte = "potassium"\nordinals', 'analyte = "sodium"\nordinals'),
        ("fresh-bag", "valid_h = 4", "valid_h = 5"),
        ("quiet-before-running", *NOT_ASKED),
        ("crisis-always", 'by = ["nurse", "prescriber", "pharmacist", "device"]', 'by = ["nurse"]'),
        ("off-always", 'from = ["crisis", "watching"], to = "="', 'from = ["watching"], to = "="'),
    ],
)
def test_a_hole_in_another_product_is_found(name: str, before: str, after: str) -> None:
    (searched,) = model_check(loaded(("", before, after), path=INVENTED / "zorvimab.v3.toml"), only=[name])

    assert searched.violation is not None
