"""How many 10*9/L one of each unit of a platelet count is, and which counts can be."""

from __future__ import annotations

from decimal import Decimal

import pytest

from infusion_service.clinical.laboratory import compared
from infusion_service.clinical.watched import refused_laboratory
from tests.clinical.one_day import WORKFLOW

LIKE_PER_NANOLITRE = (
    "10*9/L", "10^9/L", "10e9/L", "1e9/L", "e9/L", "10*3/mm3", "10^3/mm3", "x10*9/L",
    "x10^9/L", "x10e9/L", "G/L", "Gpt/L", "/nL", "10*3/uL", "10^3/uL", "10e3/uL", "x10^3/uL", "K/uL", "Tsd/uL",
)  # fmt: skip
LIKE_PER_MICROLITRE = ("/uL", "cells/uL", "/mm3", "/mm^3")


def count(value: str, unit: str) -> dict[str, str]:
    """A platelet count as the picture holds it."""
    return {"analyte": "platelets", "value": value, "unit": unit, "sampled_at": "2026-11-23T09:00:00.000Z"}


def test_every_unit_of_the_file_is_here() -> None:
    known = WORKFLOW.definition.analytes["platelets"].units
    assert set(known) == {*LIKE_PER_NANOLITRE, *LIKE_PER_MICROLITRE}


@pytest.mark.parametrize("unit", [*LIKE_PER_NANOLITRE, *LIKE_PER_MICROLITRE])
def test_ninety_nine_thousand_in_a_microlitre(unit: str) -> None:
    value = "99" if unit in LIKE_PER_NANOLITRE else "99000"
    assert compared(value, WORKFLOW.definition, count(value, unit)) == Decimal(99)


@pytest.mark.parametrize(("value", "taken"), [("-1", False), ("0", True), ("3000", True), ("3000.1", False)])
def test_from_none_to_three_thousand(value: str, taken: bool) -> None:
    assert (refused_laboratory(WORKFLOW.definition, count(value, "10*9/L")) is None) is taken
