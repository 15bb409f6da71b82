"""What rules look for in a laboratory result - its name, its unit, a value that can be - and what a file says of it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from infusion_service.clinical.laboratory import compared, unit_of_rules
from infusion_service.clinical.watched import refused_diagnosis, refused_laboratory
from infusion_service.clinical.workflow import load_workflow
from tests.clinical.workflow_copies import SHIPPED, edited, problems

DEFINITION = load_workflow(SHIPPED.read_bytes(), file=SHIPPED.name).definition
PLATELETS = "[analytes.platelets]"


def result(analyte: str, value: str, unit: str) -> dict[str, str]:
    """Return the data of a result as the picture holds it."""
    return {"analyte": analyte, "value": value, "unit": unit, "sampled_at": "2026-11-23T09:00:00.000Z"}


@pytest.mark.parametrize(
    ("value", "unit"), [("45", "10*9/L"), ("45", "10^9 / l"), ("45", "x10⁹/L"), ("45", "g/l"), ("45000", "/µl")]
)
def test_one_count_in_every_unit_is_one_number(value: str, unit: str) -> None:
    data = result("platelets", value, unit)

    assert refused_laboratory(DEFINITION, data) is None
    assert compared(value, DEFINITION, data) == Decimal(45)


@pytest.mark.parametrize("name", ["Platelets", "PLT", "platelet count", "Thrombocytes", "Troponin-T"])
def test_another_name_of_what_is_watched_is_refused_with_the_right_one(name: str) -> None:
    refusal = refused_laboratory(DEFINITION, result(name, "45", "10*9/L"))

    assert refusal is not None
    assert refusal.code == "invalid_fact"
    assert "is written platelets here" in refusal.detail or "is written troponin here" in refusal.detail


def test_an_unknown_unit_is_refused_with_those_that_are_known() -> None:
    refusal = refused_laboratory(DEFINITION, result("platelets", "45", "per field"))

    assert refusal is not None
    assert refusal.members["errors"][0]["pointer"] == "/data/unit"
    assert "10*9/L" in refusal.detail
    assert "/uL" in refusal.detail


def test_a_value_that_cannot_be_asks_for_its_unit() -> None:
    refusal = refused_laboratory(DEFINITION, result("platelets", "45000", "10*9/L"))

    assert refusal is not None
    assert (refusal.code, refusal.members["field"], refusal.members["range"]) == ("implausible", "value", ["0", "3000"])
    assert "10*9/L" in refusal.members["hint"]


@pytest.mark.parametrize(("name", "unit"), [("creatinine", "umol/L"), ("troponin", "ng/L"), ("troponin", "anything")])
def test_what_no_rule_compares_with_a_number_is_free(name: str, unit: str) -> None:
    data = result(name, "45000", unit)

    assert refused_laboratory(DEFINITION, data) is None
    assert compared("45000", DEFINITION, data) == Decimal(45000)


def test_the_unit_of_the_rules_has_the_factor_one() -> None:
    assert unit_of_rules(DEFINITION, "platelets") == "10*9/L"
    assert unit_of_rules(DEFINITION, "troponin") is None
    assert unit_of_rules(DEFINITION, "creatinine") is None


@pytest.mark.parametrize(("code", "fine"), [("Stroke", False), ("myocardial infarction", False), ("stroke", True)])
def test_a_diagnosis_that_stops_the_treatment_has_one_spelling(code: str, *, fine: bool) -> None:
    assert (refused_diagnosis(DEFINITION, {"code": code, "status": "confirmed"}) is None) is fine


@pytest.mark.parametrize(
    ("before", "after", "key", "words"),
    [
        (
            '"platelets", at_least = 100',
            '"leukocytes", at_least = 100',
            "alerts.platelets",
            "compares leukocytes with a",
        ),
        ('"10*9/L" = 1\n', '"10*9/L" = 0\n', "analytes.platelets", "a factor of 0 or below"),
        ("hard = [0, 3000]", "hard = [3000, 0]", "analytes.platelets", "the wrong way round"),
        ('source = "local (UCUM 10*9/L)"', 'source = " "', "analytes.platelets", "has no source"),
        ('"platelet", "plt"', '"platelet", "hs-troponin"', "analytes.troponin", "is called hstroponin like platelets"),
    ],
)
def test_what_a_file_says_of_an_analyte_is_checked(before: str, after: str, key: str, words: str) -> None:
    found = problems(edited((PLATELETS, before, after)))

    assert any(problem.key == key and words in problem.problem for problem in found), found


def test_units_that_lead_to_none_of_the_rules_are_refused() -> None:
    raw = edited((PLATELETS, "hard", "hard")).replace(b'" = 1\n', b'" = 2\n')

    assert any("has no unit that the rules compare in" in problem.problem for problem in problems(raw))
