"""What ends an alert, by its rule: a later reading, a later event, or nothing but a word of the prescriber; and what
keeps one from being raised because another says it already."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from infusion_service.clinical.workflow import Workflow
from tests.clinical.one_day import SIGNS, WORKFLOW, OneDay, accepted


def infusing(workflow: Workflow = WORKFLOW, *, at: str = "10:00") -> OneDay:
    """A day that infuses, with an unremarkable set since."""
    day = OneDay(workflow=workflow).brought_to("infusing", at)
    accepted(day.post("vitals.recorded", SIGNS, at))
    return day


def reading(day: OneDay, at: str, **changed: Any) -> None:
    """Chart a complete set, changed in some signs."""
    accepted(day.post("vitals.recorded", {**SIGNS, "confirmed": True, **changed}, at))


def rules(day: OneDay) -> dict[str, str]:
    """The open alerts and how grave they are."""
    return {alert.rule: alert.severity for alert in day.day.ledger.open_list()}


def reasons(day: OneDay, rule: str) -> list[str]:
    """Why the alerts of a rule were closed, empty for one that is open."""
    return [alert.closed_reason for alert in day.day.ledger.alerts.values() if alert.rule == rule]


BY_A_READING: list[tuple[str, dict[str, Any], bool]] = [
    ("bp-high", {"systolic_mmhg": 160}, True),
    ("bp-low", {"systolic_mmhg": 95}, True),
    ("bp-low", {"systolic_mmhg": 90}, False),
    ("heart-rate", {"heart_rate_per_min": 111}, True),
    ("heart-rate", {"heart_rate_per_min": 131}, False),
    ("heart-rate", {"rhythm": "irregular"}, False),
    ("spo2-low", {"spo2_percent": 93}, True),
    ("spo2-low", {"spo2_percent": 91}, False),
    ("resp-rate", {"respiratory_rate_per_min": 25}, False),
    ("fever", {"temperature_celsius": "38.1"}, True),
    ("fever", {"temperature_celsius": "39.1"}, True),
    ("glucose", {"glucose_mmol_per_l": "20.1"}, True),
    ("news2", {"heart_rate_per_min": 111, "respiratory_rate_per_min": 21, "temperature_celsius": "38.5"}, True),
    (
        "news2",
        {"heart_rate_per_min": 111, "respiratory_rate_per_min": 21, "temperature_celsius": "39.1", "spo2_percent": 95},
        False,
    ),
]


@pytest.mark.parametrize(("rule", "changed", "closes"), BY_A_READING)
def test_a_later_reading_ends_what_is_not_left_to_the_prescriber(
    rule: str, changed: dict[str, Any], closes: bool
) -> None:
    day = infusing()
    reading(day, "10:05", **changed)
    assert rule in rules(day)
    reading(day, "10:10", rhythm="regular", glucose_mmol_per_l="5")
    assert (rule not in rules(day)) is closes
    assert reasons(day, rule) == (["auto"] if closes else [""])


@pytest.mark.parametrize(("worse", "better"), [("140", "200"), ("90", "200"), ("40", "200")])
@pytest.mark.parametrize("state", ["ready", "infusing"])
def test_a_better_result_does_not_close_platelets(worse: str, better: str, state: str) -> None:
    day = OneDay().brought_to(state, "10:00")
    for at, value in (("10:05", worse), ("10:10", better)):
        sampled_at = f"2026-11-23T{at}:00+01:00"
        data = {"analyte": "platelets", "value": value, "unit": "10*9/L", "sampled_at": sampled_at}
        accepted(day.post("lab.resulted", data, at))
    assert "platelets" in rules(day)


@pytest.mark.parametrize(("grade", "severity"), [(1, "low"), (2, "medium"), (3, "critical")])
def test_a_reaction_graded_otherwise_later_stays_until_it_is_reviewed(grade: int, severity: str) -> None:
    day = infusing()
    accepted(day.post("reaction.graded", {"ctcae_grade": grade}, "10:05"))
    assert rules(day)["reaction"] == severity
    if grade > 1:
        accepted(day.post("reaction.graded", {"ctcae_grade": 1}, "10:06"))
        assert rules(day)["reaction"] == severity


def test_a_gap_without_vital_signs_ends_with_them() -> None:
    day = infusing()
    day.pass_to("10:59:59")
    assert "vitals-gap" not in rules(day)
    day.pass_to("11:00")
    assert rules(day)["vitals-gap"] == "critical"
    accepted(day.post("vitals.recorded", {"heart_rate_per_min": 72}, "11:01"))
    assert "vitals-gap" in rules(day), "no pressure"
    reading(day, "11:02")
    assert reasons(day, "vitals-gap") == ["auto"]


def test_a_leaving_that_was_too_early_stays_one_when_the_patient_came_back_and_stayed() -> None:
    day = infusing()
    accepted(day.post("patient.left", {"reason": "refusal"}, "10:30"))
    accepted(day.post("emergency.declared", {"reason": "fainted at the door"}, "10:40"))
    accepted(day.post("emergency.stood_down", {"finding": "excluded"}, "10:50"))
    assert "left-early" in rules(day)
    accepted(day.post("patient.left", {"reason": "refusal"}, "12:31"))
    assert reasons(day, "left-early") == [""]


def test_a_volume_that_did_not_fit_stays_for_review_when_another_is_stated() -> None:
    day = infusing()
    accepted(day.post("infusion.stopped", {"reason": "reaction", "volume_delivered_ml": "60"}, "10:30"))
    assert "volume-mismatch" in rules(day)
    accepted(day.post("infusion.stopped", {"reason": "reaction", "volume_delivered_ml": "12.65"}, "10:31"))
    assert reasons(day, "volume-mismatch") == [""]


# --- explained by another


def graver(rule_id: str, severity: str) -> Workflow:
    """The workflow with every band of one rule of another severity."""
    rules_of = tuple(
        msgspec.structs.replace(
            rule, bands=tuple(msgspec.structs.replace(band, severity=severity) for band in rule.bands)
        )
        if rule.id == rule_id
        else rule
        for rule in WORKFLOW.definition.alerts
    )
    return Workflow(msgspec.structs.replace(WORKFLOW.definition, alerts=rules_of), WORKFLOW.raw + severity.encode())


SAID_ALREADY: list[tuple[str, list[dict[str, Any]]]] = [
    ("bp-high", [{"systolic_mmhg": 220}]),
    ("bp-crisis", [{"systolic_mmhg": 185}, {"systolic_mmhg": 220}]),
    ("bp-low", [{"systolic_mmhg": 90}]),
    ("heart-rate", [{"heart_rate_per_min": 131}]),
    ("spo2-low", [{"spo2_percent": 91}]),
    ("resp-rate", [{"respiratory_rate_per_min": 25}]),
    ("consciousness-fall", [{"consciousness": "V"}]),
    ("fever", [{"temperature_celsius": "39.1", "heart_rate_per_min": 91, "respiratory_rate_per_min": 21}]),
]


@pytest.mark.parametrize(("rule", "sets"), SAID_ALREADY)
def test_a_score_is_not_told_beside_a_sign_of_its_own_that_is_as_grave(rule: str, sets: list[dict[str, Any]]) -> None:
    for severity, told in (("medium", True), ("high", False), ("critical", False)):
        day = infusing(graver(rule, severity))
        for minute, changed in zip((5, 8), sets, strict=False):
            reading(day, f"10:{minute:02}", **changed)
        assert rule in rules(day)
        assert ("news2" in rules(day)) is told, severity


def test_a_score_is_not_told_beside_a_pressure_that_keeps_rising() -> None:
    day = infusing()
    reading(day, "10:05", systolic_mmhg=150)
    reading(day, "10:15", systolic_mmhg=220)
    assert {"bp-trend", "bp-high"} <= set(rules(day))
    assert "news2" not in rules(day)
