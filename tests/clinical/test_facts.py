"""A fact's data are read strictly: canonical when they fit, every fault with its place when they do not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infusion_service.clinical.definition import FactType, Field
from infusion_service.clinical.facts import INTEGER_MAX, LIST_ITEMS_MAX, doubt_about, read_fact, shortest
from infusion_service.clinical.vocabulary import Refusal
from tests.clinical.one_day import SIGNS, WORKFLOW

VITALS = WORKFLOW.facts["vitals.recorded"]
AN_ID = "0197c0de-7000-7000-8000-0000000000a1"


def of_one(**field: Any) -> FactType:
    """A kind of fact with one field `it`, optional so that its absence is no fault."""
    return FactType(title="Test", by=("nurse",), fields={"it": Field(optional=True, **field)})


def read(fact: FactType, value: Any, *, emergency: bool = False) -> dict[str, Any] | Refusal:
    """Read `it`."""
    return read_fact(fact, {"it": value}, emergency=emergency)


def faults(answer: dict[str, Any] | Refusal) -> list[tuple[str, str]]:
    """Pointer and detail of every fault of an `invalid_fact`."""
    assert isinstance(answer, Refusal), answer
    assert (answer.code, answer.status) == ("invalid_fact", 422)
    assert answer.detail.startswith(answer.members["errors"][0]["pointer"])
    return [(fault["pointer"], fault["detail"]) for fault in answer.members["errors"]]


@pytest.mark.parametrize(
    ("field", "given_value", "kept"),
    [
        ({"type": "text"}, "neuro", "neuro"),
        ({"type": "text"}, "line one\nline two\ttab", "line one\nline two\ttab"),
        ({"type": "integer"}, 72, 72),
        ({"type": "integer"}, Decimal("72.0"), 72),
        ({"type": "integer"}, -INTEGER_MAX, -INTEGER_MAX),
        ({"type": "decimal", "scale": 1}, 37, "37"),
        ({"type": "decimal", "scale": 1}, Decimal("36.80"), "36.8"),
        ({"type": "decimal", "scale": 1}, "36.80", "36.8"),
        ({"type": "decimal", "scale": 2}, Decimal("40.00"), "40"),
        ({"type": "decimal", "scale": 2}, Decimal("4E+1"), "40"),
        ({"type": "decimal", "scale": 2}, Decimal("-0.00"), "0"),
        ({"type": "boolean"}, False, False),
        ({"type": "choice", "of": ("A", "C")}, "C", "C"),
        ({"type": "choices", "of": ("A", "C")}, ["C", "A"], ["C", "A"]),
        ({"type": "texts"}, [], []),
        ({"type": "time"}, "2026-11-23T09:20:00+01:00", "2026-11-23T08:20:00.000Z"),
        ({"type": "time"}, "2026-11-23T08:20:00.1239Z", "2026-11-23T08:20:00.123Z"),
        ({"type": "date"}, "2028-02-29", "2028-02-29"),
        ({"type": "id"}, AN_ID.upper(), AN_ID),
        ({"type": "ids"}, [AN_ID], [AN_ID]),
        ({"type": "object", "fields": {"a": Field(type="text")}}, {"a": "x"}, {"a": "x"}),
        ({"type": "list", "fields": {"a": Field(type="text")}}, [{"a": "x"}, {"a": "y"}], [{"a": "x"}, {"a": "y"}]),
        ({"type": "text"}, None, None),
    ],
)
def test_what_fits_is_kept_in_its_one_form(field: dict[str, Any], given_value: Any, kept: Any) -> None:
    assert read(of_one(**field), given_value) == ({} if kept is None else {"it": kept})


@pytest.mark.parametrize(
    ("field", "given_value", "said"),
    [
        ({"type": "text"}, "", "not empty"),
        ({"type": "text"}, "  \n", "not empty"),
        ({"type": "text"}, 7, "must be a text"),
        ({"type": "text", "max_chars": 3}, "four", "at most 3 characters"),
        ({"type": "text"}, "bell\x07", "control characters"),
        ({"type": "text"}, "half \ud83d", "half a character"),
        ({"type": "integer"}, True, "must be a number"),
        ({"type": "integer"}, "72", "whole number"),
        ({"type": "integer"}, Decimal("72.5"), "whole number"),
        ({"type": "integer"}, INTEGER_MAX + 1, "too large"),
        ({"type": "integer", "at_least": Decimal(1)}, 0, "at least 1"),
        ({"type": "integer", "at_most": Decimal(2)}, 3, "at most 2"),
        ({"type": "decimal", "scale": 1}, "36.85", "at most 1 decimals"),
        ({"type": "decimal", "scale": 1}, 36.8, "must be a number"),
        ({"type": "decimal", "scale": 1}, "36,8", "must be a number"),
        ({"type": "decimal", "scale": 1}, "1e2", "must be a number"),
        ({"type": "decimal", "scale": 1}, "٣٦", "must be a number"),
        ({"type": "decimal", "scale": 1}, Decimal("NaN"), "finite number"),
        ({"type": "decimal", "scale": 1}, Decimal("Infinity"), "finite number"),
        ({"type": "decimal", "scale": 1}, Decimal("1E+999999"), "ordinary size"),
        ({"type": "decimal", "scale": 1}, Decimal("1E-999999"), "ordinary size"),
        ({"type": "decimal", "scale": 1, "above": Decimal(0)}, 0, "above 0"),
        ({"type": "boolean"}, "true", "true or false"),
        ({"type": "boolean"}, 1, "true or false"),
        ({"type": "choice", "of": ("A", "C")}, "a", "one of A and C"),
        ({"type": "choice", "of": ("A", "C")}, ["A"], "one of A and C"),
        ({"type": "choices", "of": ("A",)}, "A", "must be a list"),
        ({"type": "texts"}, ["x"] * (LIST_ITEMS_MAX + 1), f"at most {LIST_ITEMS_MAX}"),
        ({"type": "time"}, "2026-11-23T09:20:00", "with offset"),
        ({"type": "time"}, "09:20", "with offset"),
        ({"type": "time"}, "0001-01-01T00:00:00+14:00", "with offset"),
        ({"type": "time"}, 1795000000, "with offset"),
        ({"type": "date"}, "2027-02-29", "a date"),
        ({"type": "date"}, "20261123", "a date"),
        ({"type": "date"}, "2026-W48-1", "a date"),
        ({"type": "id"}, "A1234", "UUID"),
        ({"type": "id"}, AN_ID.replace("-", ""), "UUID"),
        ({"type": "object", "fields": {"a": Field(type="text")}}, ["x"], "must be an object"),
        ({"type": "list", "fields": {"a": Field(type="text")}}, {"a": "x"}, "must be a list"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(field: dict[str, Any], given_value: Any, said: str) -> None:
    ((pointer, detail),) = faults(read(of_one(**field), given_value))
    assert pointer == "/data/it"
    assert said in detail


def test_every_fault_is_named_with_its_place() -> None:
    fact = WORKFLOW.facts["checklist.recorded"]
    items = [{"item": "consent", "result": "perhaps"}, "x", {"item": "hiv", "result": "clear", "why/how~": 1}]
    found = dict(faults(read_fact(fact, {"items": items, "nurse": "me"}, emergency=False)))
    assert set(found) == {"/data/items/0/result", "/data/items/1", "/data/items/2/why~1how~0", "/data/nurse"}
    assert found["/data/nurse"] == "is not known here; known: items"


def test_a_missing_field_and_data_that_are_no_object() -> None:
    assert faults(read_fact(WORKFLOW.facts["patient.left"], {}, emergency=False)) == [("/data/reason", "is missing")]
    assert faults(read_fact(VITALS, [], emergency=False)) == [("/data", "must be an object")]


def test_fields_that_belong_together_and_at_least_one_sign() -> None:
    alone = faults(read_fact(VITALS, {"systolic_mmhg": 122}, emergency=False))
    assert alone == [("/data/diastolic_mmhg", "belongs with systolic_mmhg: both or neither")]
    ((pointer, detail),) = faults(read_fact(VITALS, {"on_oxygen": True}, emergency=False))
    assert pointer == "/data"
    assert "at least one of heart_rate_per_min" in detail
    assert faults(read_fact(VITALS, {"unrecordable": []}, emergency=False))[0][0] == "/data"


def test_a_symptom_that_is_no_known_one_needs_a_note() -> None:
    fact = WORKFLOW.facts["symptom.reported"]
    assert faults(read_fact(fact, {"code": "other"}, emergency=False)) == [
        ("/data/note", "is needed with code = other")
    ]
    assert read_fact(fact, {"code": "other", "note": "hiccups"}, emergency=False) == {
        "code": "other",
        "note": "hiccups",
    }


HARD = [
    ("heart_rate_per_min", 19, 20, 300, 301),
    ("systolic_mmhg", 39, 40, 300, 301),
    ("diastolic_mmhg", 19, 20, 200, 201),
    ("spo2_percent", 49, 50, 100, 101),
    ("respiratory_rate_per_min", 2, 3, 70, 71),
    ("temperature_celsius", Decimal("29.9"), 30, 43, Decimal("43.1")),
    ("glucose_mmol_per_l", Decimal("0.5"), Decimal("0.6"), 50, Decimal("50.1")),
]
SOFT = [
    ("heart_rate_per_min", 34, 35, 180, 181),
    ("systolic_mmhg", 69, 70, 220, 221),
    ("diastolic_mmhg", 39, 40, 130, 131),
    ("spo2_percent", 84, 85, 100, None),
    ("respiratory_rate_per_min", 7, 8, 35, 36),
    ("temperature_celsius", Decimal("34.9"), 35, Decimal("40.5"), Decimal("40.6")),
    ("glucose_mmol_per_l", Decimal("2.9"), 3, 20, Decimal("20.1")),
]


def with_sign(sign: str, value: Any, **more: Any) -> dict[str, Any]:
    """A set that holds a sign, its blood pressure never the wrong way round."""
    pressure = {"systolic_mmhg": 300} if sign == "diastolic_mmhg" else {"diastolic_mmhg": 20}
    return {**SIGNS, **(pressure if sign.endswith("mmhg") else {}), sign: value, **more}


@pytest.mark.parametrize(("sign", "below", "lowest", "highest", "above"), HARD)
def test_the_hard_range_is_inclusive_and_refuses_beyond(
    sign: str, below: Any, lowest: Any, highest: Any, above: Any
) -> None:
    for value in (lowest, highest):
        assert not isinstance(read_fact(VITALS, with_sign(sign, value, confirmed=True), emergency=False), Refusal)
    for value in (below, above):
        refusal = read_fact(VITALS, with_sign(sign, value, confirmed=True), emergency=False)
        assert isinstance(refusal, Refusal)
        assert (refusal.code, refusal.status) == ("implausible", 422)
        assert refusal.members["field"] == sign
        assert refusal.members["range"] == [shortest(Decimal(lowest)), shortest(Decimal(highest))]
        assert Decimal(refusal.members["value"]) == value
        in_emergency = read_fact(VITALS, with_sign(sign, value, confirmed=True), emergency=True)
        assert not isinstance(in_emergency, Refusal)
        unconfirmed = read_fact(VITALS, with_sign(sign, value), emergency=True)
        assert isinstance(unconfirmed, Refusal)
        assert doubt_about(VITALS.fields[sign], value) == "implausible"


@pytest.mark.parametrize(("sign", "below", "lowest", "highest", "above"), SOFT)
def test_the_soft_range_is_inclusive_and_wants_a_confirmation_beyond(
    sign: str, below: Any, lowest: Any, highest: Any, above: Any
) -> None:
    others = {"systolic_mmhg": 220} if sign == "diastolic_mmhg" else {"diastolic_mmhg": 40}
    pressure = others if sign.endswith("mmhg") else {}
    for value in (lowest, highest):
        assert not isinstance(read_fact(VITALS, {**SIGNS, **pressure, sign: value}, emergency=False), Refusal)
        assert doubt_about(VITALS.fields[sign], value) == ""
    for value in (below, above):
        if value is None:
            continue
        refusal = read_fact(VITALS, {**SIGNS, **pressure, sign: value}, emergency=False)
        assert isinstance(refusal, Refusal)
        assert (refusal.code, refusal.status) == ("needs_confirmation", 422)
        assert refusal.members["fields"] == [sign]
        confirmed = read_fact(VITALS, {**SIGNS, **pressure, sign: value, "confirmed": True}, emergency=False)
        assert isinstance(confirmed, dict)
        assert confirmed["confirmed"] is True
        assert doubt_about(VITALS.fields[sign], value) == "unusual"


@pytest.mark.parametrize(
    ("signs", "hint"),
    [
        ({"systolic_mmhg": 76, "diastolic_mmhg": 122}, "swapped"),
        ({"systolic_mmhg": 125, "diastolic_mmhg": 120}, "swapped"),
        ({"temperature_celsius": Decimal("98.2")}, "Fahrenheit"),
        ({"temperature_celsius": 86}, "Fahrenheit"),
        ({"temperature_celsius": 110}, "Fahrenheit"),
    ],
)
def test_a_likely_slip_comes_with_its_hint(signs: dict[str, Any], hint: str) -> None:
    refusal = read_fact(VITALS, {**SIGNS, **signs, "confirmed": True}, emergency=False)
    assert isinstance(refusal, Refusal)
    assert refusal.code == "implausible"
    assert hint in refusal.members["hint"]
    assert hint in refusal.detail


def test_no_hint_where_none_fits() -> None:
    for celsius in (85, 111):
        refusal = read_fact(VITALS, {**SIGNS, "temperature_celsius": celsius}, emergency=False)
        assert isinstance(refusal, Refusal)
        assert "hint" not in refusal.members
    narrow = read_fact(VITALS, {**SIGNS, "systolic_mmhg": 126, "diastolic_mmhg": 120}, emergency=False)
    assert not isinstance(narrow, Refusal)


def test_a_monitor_is_believed_and_its_reading_can_be_told() -> None:
    reading = {**SIGNS, "heart_rate_per_min": 12, "systolic_mmhg": 60, "diastolic_mmhg": 70, "source": "monitor"}
    assert not isinstance(read_fact(VITALS, reading, emergency=False), Refusal)
    by_hand = read_fact(VITALS, {**reading, "source": "manual"}, emergency=False)
    assert isinstance(by_hand, Refusal)
    assert by_hand.members["field"] == "heart_rate_per_min"


def test_an_unrecordable_sign_is_taken_in_any_state() -> None:
    """What could not be measured is an observation, and no observation is refused for the state of the day."""
    for emergency in (True, False):
        data = {"heart_rate_per_min": 44, "unrecordable": ["systolic_mmhg", "diastolic_mmhg"]}
        assert read_fact(VITALS, data, emergency=emergency) == data


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=6))
def test_the_shortest_form_says_the_same_number_and_cannot_be_shortened(number: Decimal) -> None:
    text = shortest(number)
    assert Decimal(text) == number
    assert shortest(Decimal(text)) == text
    assert "E" not in text.upper()
    assert not (("." in text) and text.endswith(("0", ".")))
    assert text != "-0"


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(sorted(WORKFLOW.facts)), JSONISH, st.booleans())
def test_whatever_is_handed_in_is_read_or_refused(fact_type: str, data: Any, emergency: bool) -> None:
    fact = WORKFLOW.facts[fact_type]
    filled = dict.fromkeys(fact.fields, data)
    for given_data in (data, filled):
        answer = read_fact(fact, given_data, emergency=emergency)
        if isinstance(answer, dict):
            assert read_fact(fact, answer, emergency=emergency) == answer


@given(st.data())
def test_what_was_read_reads_the_same_again(data: st.DataObject) -> None:
    signs = {
        "temperature_celsius": data.draw(st.decimals(35, 40, places=1)),
        "heart_rate_per_min": data.draw(st.integers(40, 180)),
        "glucose_mmol_per_l": data.draw(st.decimals(3, 20, places=1)),
    }
    once = read_fact(VITALS, signs, emergency=False)
    assert isinstance(once, dict)
    assert read_fact(VITALS, once, emergency=False) == once
