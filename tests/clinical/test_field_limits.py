"""How long a text may be and how large a number, field by field: the last that is taken and the first that is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest

from infusion_service.clinical.definition import FactType, Field
from infusion_service.clinical.facts import read_fact
from infusion_service.clinical.vocabulary import Refusal
from tests.clinical.one_day import WORKFLOW

CHARACTERS = {
    "day.scheduled/patient/id": 100,
    "day.scheduled/patient/identifiers/system": 200,
    "day.scheduled/patient/identifiers/value": 200,
    "day.scheduled/patient/family": 200,
    "day.scheduled/patient/given": 200,
    "day.scheduled/workflow": 200,
    "day.scheduled/ward": 64,
    "day.scheduled/chair": 64,
    "day.scheduled/timezone": 64,
    "day.scheduled/missed_cutoff": 5,
    "day.scheduled/attested_history/attested_by": 200,
    "checklist.recorded/items/note": 500,
    "ecg.recorded/rhythm": 64,
    "lab.sampled/analyte": 64,
    "lab.resulted/analyte": 64,
    "lab.resulted/unit": 32,
    "screening.failed/reason": 500,
    "premed.given/drug": 100,
    "premed.given/route": 32,
    "premed.declined/reason": 500,
    "bag.prepared/product": 100,
    "bag.prepared/batch": 64,
    "bag.discarded/reason": 500,
    "infusion.rate_changed/reason": 500,
    "vitals.recorded/position": 32,
    "symptom.reported/note": 500,
    "reaction.graded/symptoms": 200,
    "treatment.given/drug": 100,
    "treatment.given/unit": 32,
    "treatment.given/route": 32,
    "review.recorded/note": 2000,
    "diagnosis.recorded/code": 64,
    "diagnosis.recorded/note": 2000,
    "callback.recorded/symptoms": 200,
    "callback.recorded/advice": 2000,
    "emergency.declared/reason": 100,
    "emergency.stood_down/note": 2000,
    "observation.extended/reason": 500,
    "patient.transferred/destination": 200,
    "patient.transferred/handover_to": 200,
    "patient.discharged/escort": 200,
    "day.deferred/reason": 500,
    "day.cancelled/reason": 500,
    "override.granted/guard": 64,
    "override.granted/reason": 500,
    "entry.struck/reason": 500,
    "day.moved/ward": 64,
    "day.moved/chair": 64,
    "day.moved/reason": 500,
    "note.added/text": 2000,
}
NUMBERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "day.scheduled/attested_history/course": (("1",), ("0",)),
    "day.scheduled/attested_history/infusions_given": (("0",), ("-1",)),
    "ecg.recorded/rate_per_min": (("20", "300"), ("19", "301")),
    "lab.resulted/value": (("0", "0.001"), ("-0.001", "0.0001")),
    "lab.resulted/reference_high": (("0.001",), ("0", "0.0011")),
    "premed.given/dose_mg": (("0.001",), ("0", "0.0011")),
    "bag.prepared/volume_ml": (("0.01", "1000"), ("0", "1000.01", "0.011")),
    "bag.prepared/dose_mg": (("0.001",), ("0", "0.0011")),
    "bag.discarded/volume_ml": (("0", "0.01", "1000"), ("-0.01", "1000.01", "0.011")),
    "infusion.started/rate_ml_per_h": (("0", "0.01", "1000"), ("-0.01", "1000.01", "25.333")),
    "infusion.rate_changed/rate_ml_per_h": (("0", "0.01", "1000"), ("-0.01", "1000.01", "25.333")),
    "infusion.resumed/rate_ml_per_h": (("0", "0.01", "1000"), ("-0.01", "1000.01", "25.333")),
    "infusion.stopped/volume_delivered_ml": (("0", "0.01", "1000"), ("-0.01", "1000.01", "0.011")),
    "infusion.completed/volume_delivered_ml": (("0", "0.01", "1000"), ("-0.01", "1000.01", "0.011")),
    "flush.started/volume_ml": (("0.01", "1000"), ("0", "1000.01", "0.011")),
    "flush.ended/volume_ml": (("0.01", "1000"), ("0", "1000.01", "0.011")),
    "vitals.recorded/spo2_scale": (("1", "2"), ("0", "3")),
    "vitals.recorded/temperature_celsius": (("36.8",), ("36.81",)),
    "vitals.recorded/glucose_mmol_per_l": (("5.1",), ("5.11",)),
    "vitals.recorded/pain_score": (("0", "10"), ("-1", "11")),
    "symptom.reported/severity": (("0", "10"), ("-1", "11")),
    "reaction.graded/ctcae_grade": (("1", "5"), ("0", "6")),
    "treatment.given/dose": (("0.001",), ("0", "0.0011")),
    "override.granted/valid_minutes": (("1", "30"), ("0", "31")),
}
"""Taken and refused. Plausibility ranges of vital signs are held elsewhere."""


def fields() -> Iterator[tuple[str, Field]]:
    """Every field of every fact with its path, those of objects and lists too."""
    for name, fact in WORKFLOW.facts.items():
        yield from _inside(name, fact.fields)


def _inside(path: str, members: Mapping[str, Field]) -> Iterator[tuple[str, Field]]:
    for name, field in members.items():
        yield f"{path}/{name}", field
        yield from _inside(f"{path}/{name}", field.fields)


FIELDS = dict(fields())


def taken(path: str, value: Any) -> bool:
    """Tell whether a field takes a value."""
    alone = FactType(title="Alone", by=("nurse",), fields={"it": FIELDS[path]})
    return not isinstance(read_fact(alone, {"it": value}, emergency=False), Refusal)


def test_every_text_and_every_limited_number_is_here() -> None:
    assert {path for path, field in FIELDS.items() if field.type in ("text", "texts")} == set(CHARACTERS)
    limited = {
        path
        for path, field in FIELDS.items()
        if field.type == "decimal" or any(limit is not None for limit in (field.above, field.at_least, field.at_most))
    }
    assert limited <= set(NUMBERS)


@pytest.mark.parametrize(("path", "length"), CHARACTERS.items())
def test_a_text_of_its_full_length_is_taken_and_a_longer_one_is_not(path: str, length: int) -> None:
    listed = FIELDS[path].type == "texts"
    for characters, fits in ((length, True), (length + 1, False)):
        text = "x" * characters
        assert taken(path, [text] if listed else text) == fits


@pytest.mark.parametrize(("path", "values"), NUMBERS.items())
def test_a_number_at_its_limit_is_taken_and_one_beyond_is_not(
    path: str, values: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    for numbers, fits in zip(values, (True, False), strict=True):
        for number in numbers:
            assert taken(path, Decimal(number)) == fits, number
