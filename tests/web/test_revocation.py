"""Shut out at once: on open streams, on kept connections, while a body is still on its way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from infusion_service.web import stream
from tests.web.conftest import OPERATOR, HttpWard, new_event_id
from tests.web.test_server import connect, served
from tests.web.test_stream import listening

PATIENCE_S = 5
NEVER_S = 3600.0

End = Callable[[HttpWard], Awaitable[object]]


async def revoke_the_tablet(ward: HttpWard) -> None:
    await ward.service.access.revoke_device("tab-1", OPERATOR)


async def sign_out(ward: HttpWard) -> None:
    await ward.call("DELETE", "/v1/sessions/current", by="nurse")


async def disable_the_person(ward: HttpWard) -> None:
    await ward.service.access.disable_staff("nurse-1", OPERATOR)


async def revoke_the_token(ward: HttpWard) -> None:
    access = ward.service.access
    (token,) = [token for token in access.list_tokens() if token.role == "auditor"]
    await access.revoke_token(token.token_id, OPERATOR)


ENDS: dict[str, tuple[str, End]] = {
    "a revoked tablet": ("device", revoke_the_tablet),
    "a session on a revoked tablet": ("nurse", revoke_the_tablet),
    "a session that was closed": ("nurse", sign_out),
    "a session of somebody disabled": ("nurse", disable_the_person),
    "a revoked service token": ("auditor", revoke_the_token),
}

ends = pytest.mark.parametrize(("by", "end"), ENDS.values(), ids=ENDS)


@ends
async def test_an_open_stream_ends_by_the_change_itself(
    ward: HttpWard, monkeypatch: pytest.MonkeyPatch, by: str, end: End
) -> None:
    # No stream looks again by itself within this test: what ends it is that it is told.
    monkeypatch.setattr(stream, "LOOK_S", NEVER_S)
    monkeypatch.setattr(stream, "BEAT_S", NEVER_S)
    async with listening(ward, by) as listener:
        await listener.event("beat")
        await end(ward)

        await listener.end()


@ends
async def test_a_kept_connection_is_worth_nothing_from_then_on(ward: HttpWard, by: str, end: End) -> None:
    headers = {"Authorization": f"Bearer {ward.tokens[by]}"}
    connector = aiohttp.TCPConnector(limit=1)
    async with served(ward) as (url, _), aiohttp.ClientSession(url, connector=connector, headers=headers) as client:
        async with client.get("/v1/days") as response:
            before = response.status
            await response.read()
        await end(ward)
        async with client.get("/v1/days") as response:
            after = response.status
            await response.read()

    assert (before, after) == (200, 401)


@ends
async def test_a_body_that_was_on_its_way_comes_too_late(ward: HttpWard, by: str, end: End) -> None:
    day_id = await ward.schedule()
    fact = {"event_id": new_event_id(), "type": "emergency.declared", "data": {"reason": "other"}}
    body = json.dumps(fact).encode()
    head = (
        f"POST /v1/days/{day_id}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ward.tokens[by]}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    )
    size = ward.service.intake.log_size
    async with served(ward) as (url, _), asyncio.timeout(PATIENCE_S):
        reader, writer = await connect(url)
        writer.write(head.encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(body[:10])
        await writer.drain()
        await end(ward)
        writer.write(body[10:])
        answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()

    assert answer.startswith(b"HTTP/1.1 401 ")
    entries = [entry.entry for entry in await ward.service.intake.log_page(size, 100)]
    assert [entry.type for entry in entries if entry is not None and entry.stream == day_id] == []
