"""Payloads: unknown members, wrong types and times that cannot be, each with its pointer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from infusion_service.web.payloads import BatchItem, Fact, NewToken, read_as, to_utc
from infusion_service.web.problems import Problem

EVENT_ID = "0197c0de-7000-7000-8000-0000000000a1"
FACT: dict[str, Any] = {"event_id": EVENT_ID, "type": "note.added", "data": {"text": "x"}}


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"unknown": 1}, "/unknown"),
        ({"actor": {"id": "staff-1"}}, "/actor"),
        ({"event_id": "nonsense"}, "/event_id"),
        ({"event_id": ""}, "/event_id"),
        ({"event_id": None}, "/event_id"),
        ({"type": 7}, "/type"),
        ({"data": []}, "/data"),
        ({"occurred_at": "2026-11-23T10:00:00"}, "/occurred_at"),
        ({"occurred_at": "yesterday"}, "/occurred_at"),
        ({"occurred_at": 1764000000}, "/occurred_at"),
        ({"device_seq": -1}, "/device_seq"),
        ({"device_seq": "1"}, "/device_seq"),
        ({"second": {"token": "x", "pin": "1234"}}, "/second/pin"),
        ({"second": {}}, "/second/token"),
        ({"corrects": "1"}, "/corrects"),
        ({"late_reason": "x" * 501}, "/late_reason"),
    ],
)
def test_a_fact_that_does_not_fit_is_refused_with_its_pointer(changed: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Problem) as refused:
        read_as({**FACT, **changed}, Fact)

    assert refused.value.code == "malformed"
    assert refused.value.members["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("value", [None, [], "text", 1, True])
def test_what_is_no_object_is_no_fact(value: object) -> None:
    with pytest.raises(Problem):
        read_as(value, Fact)


def test_missing_members_are_named() -> None:
    with pytest.raises(Problem) as refused:
        read_as({"event_id": EVENT_ID, "type": "note.added"}, BatchItem)

    assert refused.value.members["errors"] == [{"pointer": "/day", "detail": "missing member"}]


def test_no_value_that_was_sent_comes_back() -> None:
    sent = {**FACT, "occurred_at": "Mustermann", "event_id": "Mustermann"}

    for name in ("occurred_at", "event_id"):
        with pytest.raises(Problem) as refused:
            read_as({**FACT, name: sent[name]}, Fact)

        assert "Mustermann" not in repr(vars(refused.value))


def test_an_unknown_role_is_refused_without_being_repeated() -> None:
    with pytest.raises(Problem) as refused:
        read_as({"label": "x", "role": "Mustermann", "expires_at": "2027-01-01T00:00:00Z"}, NewToken)

    assert refused.value.members["errors"] == [{"pointer": "/role", "detail": "not one of the values allowed here"}]


def test_times_become_utc_milliseconds() -> None:
    fact = read_as({**FACT, "occurred_at": "2026-11-23T10:00:00.123987+01:00"}, Fact)

    assert to_utc(fact.occurred_at, "/occurred_at") == datetime(2026, 11, 23, 9, 0, 0, 123_000, tzinfo=UTC)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1600-01-01T00:00:00Z"])
def test_a_time_at_the_end_of_the_calendar_is_refused(text: str) -> None:
    fact = read_as({**FACT, "occurred_at": text}, Fact)

    with pytest.raises(Problem):
        to_utc(fact.occurred_at, "/occurred_at")
