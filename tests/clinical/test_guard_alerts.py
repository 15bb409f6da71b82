"""Which open alert is in the way of a start, a resume and a discharge; and the pressure that lets a patient go home."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from infusion_service.clinical.decide import Accepted
from infusion_service.clinical.vocabulary import Refusal
from infusion_service.clinical.workflow import Workflow
from tests.clinical.one_day import RATE, SIGNS, WORKFLOW, OneDay, accepted

STEPS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "start": ("ready", "infusion.started", dict(RATE)),
    "resume": ("paused", "infusion.resumed", dict(RATE)),
    "discharge": ("observing", "patient.discharged", {"alert_card_given": True}),
}
SIGN_OF: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {
    ("low", "alert"): ("vitals.recorded", {**SIGNS, "temperature_celsius": "38.1"}),
    ("medium", "alert"): ("vitals.recorded", {**SIGNS, "heart_rate_per_min": 111}),
    ("high", "alert"): ("vitals.recorded", {**SIGNS, "systolic_mmhg": 95}),
    ("medium", "pause"): ("reaction.graded", {"ctcae_grade": 2}),
    ("high", "pause"): ("symptom.reported", {"code": "bruising"}),
    ("critical", "alert"): (
        "lab.resulted",
        {"analyte": "platelets", "value": "40", "unit": "10*9/L", "sampled_at": "2026-11-23T09:00:00Z"},
    ),
}
"""What raises an alert of a severity that asks for an action, where no pump runs."""
IN_THE_WAY = {
    ("low", "alert"): (),
    ("medium", "alert"): (),
    ("high", "alert"): ("discharge",),
    ("medium", "pause"): ("start", "resume", "discharge"),
    ("high", "pause"): ("start", "resume", "discharge"),
    ("critical", "alert"): ("start", "resume", "discharge"),
}


def brought_to(state: str, workflow: Workflow = WORKFLOW) -> OneDay:
    """A day that stands in a state since 10:00, in which nothing went wrong."""
    if state != "observing":
        return OneDay(workflow=workflow).brought_to(state, "10:00")
    day = OneDay(workflow=workflow).brought_to("infusing", "06:00")
    day.chart("infusion.completed", {}, "10:00")
    return day


def failing(answer: Accepted | Refusal) -> set[str]:
    """The guards that a refusal names."""
    return {guard["guard"] for guard in answer.members.get("guards", ())} if isinstance(answer, Refusal) else set()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", IN_THE_WAY)
def test_an_open_alert_is_in_the_way_by_its_severity_or_by_what_it_asks_for(kind: tuple[str, str], step: str) -> None:
    state, fact_type, data = STEPS[step]
    day = brought_to(state)
    accepted(day.post(*SIGN_OF[kind], "10:05"))
    assert {(alert.severity, alert.action) for alert in day.day.ledger.open_list()} == {kind}
    assert ("no-critical-alert" in failing(day.post(fact_type, data, "10:06"))) is (step in IN_THE_WAY[kind])


def milder_stop() -> Workflow:
    """The workflow with a stop that is asked for by an alert of medium severity."""
    alerts = tuple(
        msgspec.structs.replace(
            rule, bands=(msgspec.structs.replace(rule.bands[0], severity="medium", declares=False),)
        )
        if rule.id == "haemoptysis"
        else rule
        for rule in WORKFLOW.definition.alerts
    )
    return Workflow(msgspec.structs.replace(WORKFLOW.definition, alerts=alerts), WORKFLOW.raw + b"# milder")


@pytest.mark.parametrize("step", STEPS)
def test_a_stop_that_is_asked_for_is_in_the_way_whatever_its_severity(step: str) -> None:
    state, fact_type, data = STEPS[step]
    day = brought_to(state, milder_stop())
    accepted(day.post("symptom.reported", {"code": "haemoptysis"}, "10:05"))
    assert "no-critical-alert" in failing(day.post(fact_type, data, "10:06"))


@pytest.mark.parametrize(
    ("guard", "state", "fact_type", "data"),
    [
        ("bp-controlled", "screening", "screening.passed", {}),
        ("discharge-bp", "observing", "patient.discharged", {"alert_card_given": True}),
    ],
)
@pytest.mark.parametrize(("systolic", "diastolic", "fails"), [(159, 99, False), (160, 99, True), (159, 100, True)])
def test_a_pressure_below_160_over_100(
    guard: str, state: str, fact_type: str, data: dict[str, Any], systolic: int, diastolic: int, fails: bool
) -> None:
    day = OneDay().brought_to(state, "10:00")
    accepted(day.post("vitals.recorded", {**SIGNS, "systolic_mmhg": systolic, "diastolic_mmhg": diastolic}, "10:05"))
    assert (guard in failing(day.post(fact_type, data, "10:06"))) is fails
