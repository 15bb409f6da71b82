"""What clients get wrong, by accident or on purpose: always a problem document, never a 500, nothing recorded."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.web.conftest import VITALS, HttpWard, new_event_id

JSON = {"Content-Type": "application/json"}


async def send(ward: HttpWard, path: str, data: Any, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Send bytes as they are and return status and problem."""
    credential = {"Authorization": f"Bearer {ward.tokens['nurse']}"}
    response = await ward.client.post(path, data=data, headers={**credential, **headers})
    assert response.content_type in ("application/json", "application/problem+json")
    return response.status, await response.json(content_type=None)


NO_REQUESTS = [
    b"",
    b"not json",
    b'{"event_id": ',
    b"[]",
    b"null",
    b'"text"',
    b'{"data": {"systolic_mmhg": NaN}}',
    b'{"data": {"note": "\\ud800"}}',
    b'{"data": {"n": 9007199254740993}}',
    b'{"data": {"n": 1e999999}}',
    b'{"type": "a", "type": "b"}',
    b'{"data":' * 10_000 + b"1" + b"}" * 10_000,
    b'{"data":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
]


@pytest.mark.parametrize(
    "path", ["/v1/days", "/v1/days/{day}/events", "/v1/batches", "/v1/double-checks", "/v1/sessions"]
)
async def test_bytes_that_are_no_request_are_malformed(ward: HttpWard, path: str) -> None:
    for raw in NO_REQUESTS:
        status, problem = await send(ward, path.replace("{day}", new_event_id()), raw, JSON)

        assert (status, problem["code"]) == (400, "malformed"), raw[:40]
        assert problem["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": "application/json", "Content-Encoding": "identity"},
        {"Content-Type": "/"},
    ],
)
async def test_a_body_that_is_not_plain_json_is_an_unsupported_type(ward: HttpWard, headers: dict[str, str]) -> None:
    status, problem = await send(ward, "/v1/batches", b"{}", headers)

    assert (status, problem["code"]) == (415, "unsupported_media_type")


async def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_read(ward: HttpWard) -> None:
    host, port = ward.client.server.host, ward.client.server.port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(
        f"POST /v1/batches HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {ward.tokens['nurse']}\r\n"
        "Content-Type: application/json\r\nContent-Length: 104857600\r\n\r\n".encode()
    )
    async with asyncio.timeout(2):
        head = await reader.readuntil(b"\r\n\r\n")
    writer.close()

    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"Connection: close" in head


async def test_a_body_that_grows_too_large_is_cut_off_while_it_is_read(ward: HttpWard) -> None:
    async def endless() -> Any:
        for _ in range(2000):
            yield b" " * 1024

    status, problem = await send(ward, f"/v1/days/{new_event_id()}/events", endless(), JSON)

    assert (status, problem["code"], problem["limit_bytes"]) == (413, "too_large", 256 * 1024)


async def test_an_expectation_is_answered_before_the_body(ward: HttpWard) -> None:
    credential = {"Authorization": f"Bearer {ward.tokens['nurse']}"}
    continued = await ward.client.post("/v1/batches", json={"items": []}, headers=credential, expect100=True)
    other = await ward.client.post("/v1/batches", json={"items": []}, headers={**credential, "Expect": "tea"})

    assert continued.status == 200
    assert other.status == 417
    assert other.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({"unknown_sign": 1}, "/data/unknown_sign"),
        ({"systolic_mmhg": "high", "diastolic_mmhg": 80}, "/data/systolic_mmhg"),
        ({"systolic_mmhg": 122.5, "diastolic_mmhg": 80}, "/data/systolic_mmhg"),
        ({"systolic_mmhg": None, "diastolic_mmhg": 80}, None),
        ({"temperature_celsius": 36.85}, "/data/temperature_celsius"),
        ({"consciousness": "Z"}, "/data/consciousness"),
        ({}, None),
    ],
)
async def test_data_that_do_not_fit_the_fact_are_refused_with_a_pointer(
    ward: HttpWard, data: dict[str, Any], pointer: str | None
) -> None:
    day_id = await ward.schedule()

    answer = await ward.fact(day_id, "vitals.recorded", data)

    assert (answer.status, answer.code) == (422, "invalid_fact")
    assert pointer is None or answer.body["errors"][0]["pointer"] == pointer


async def test_values_that_cannot_be_are_refused_and_kept_as_refused(ward: HttpWard) -> None:
    day_id = await ward.schedule()

    swapped = await ward.fact(day_id, "vitals.recorded", {**VITALS, "systolic_mmhg": 76, "diastolic_mmhg": 122})
    fahrenheit = await ward.fact(day_id, "vitals.recorded", {**VITALS, "temperature_celsius": 98.6})
    odd = await ward.fact(day_id, "vitals.recorded", {"text": "Mustermann", "deep": [{"x": 1.5}], "n": 1.50})
    entries = (await ward.get(f"/v1/days/{day_id}/entries")).body["entries"]

    assert (swapped.status, fahrenheit.status, odd.status) == (422, 422, 422)
    assert [entry["type"] for entry in entries] == ["day.scheduled", *["fact.refused"] * 3]


async def test_a_fact_in_the_future_or_late_without_a_reason_is_refused(ward: HttpWard) -> None:
    day_id = await ward.schedule()

    future = await ward.fact(day_id, "note.added", {"text": "x"}, occurred_at="2026-11-23T09:00:00+01:00")
    ward.pass_by(minutes=20)
    late = await ward.fact(day_id, "note.added", {"text": "x"}, occurred_at="2026-11-23T08:01:00+01:00")

    assert (future.status, future.code) == (422, "occurred_in_future")
    assert (late.status, late.code) == (422, "late_reason_required")


async def test_an_unknown_kind_of_fact_is_refused(ward: HttpWard) -> None:
    day_id = await ward.schedule()

    assert (await ward.fact(day_id, "patient.flown_away")).code == "invalid_fact"
    assert (await ward.fact(day_id, "alert.raised", {})).code in ("invalid_fact", "role_not_permitted")
    assert (await ward.fact(day_id, "double_check.entered", {"type": "x"})).status in (403, 422)


UNREADABLE = [
    "/v1/days?unknown=1",
    "/v1/days?limit=0",
    "/v1/days?limit=1001",
    "/v1/days?limit=ten",
    "/v1/days?limit=%D9%A3",
    "/v1/days?date=tomorrow",
    "/v1/days?open=maybe",
    "/v1/days?ward=a&ward=b",
    "/v1/days?ward=",
    "/v1/days?ward=%00",
    "/v1/days?after=1",
    "/v1/days?after=2026-11-23~000000000000000000000000000000000000",
    "/v1/log?after=-1",
    "/v1/log?after=99999999999999999999999",
    "/v1/log?day=1",
    "/v1/workflows?x=1",
    "/v1/days/{day}?at=10:00",
    "/v1/days/{day}?at=2026-11-23T10:00:00",
    "/v1/days/{day}?known_at=0001-01-01T00:00:00%2B14:00",
]


async def test_a_query_that_cannot_be_read_is_malformed(ward: HttpWard) -> None:
    day_id = await ward.schedule()

    for path in UNREADABLE:
        answer = await ward.get(path.replace("{day}", day_id))

        assert (answer.status, answer.code) == (400, "malformed"), path


async def test_no_refusal_repeats_what_was_sent(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    name = "Mustermann"
    bodies: list[Any] = [
        {"event_id": name, "type": "note.added"},
        {"event_id": new_event_id(), "type": "vitals.recorded", "data": {"consciousness": name}},
        {"event_id": new_event_id(), "type": "vitals.recorded", "data": {"systolic_mmhg": name}},
        {"event_id": new_event_id(), "type": "note.added", "data": {"text": 7, "late_reason": name}},
        {"event_id": new_event_id(), "type": "note.added", "data": {"text": "x"}, "occurred_at": name},
        {"event_id": new_event_id(), "type": "entry.struck", "data": {"entry": name, "reason": "x"}},
        {"event_id": new_event_id(), "type": "alert.acknowledged", "data": {"alert": name}},
    ]

    for body in bodies:
        answer = await ward.post(f"/v1/days/{day_id}/events", body)
        assert answer.status in (400, 422), body
        assert name not in json.dumps(answer.body)
