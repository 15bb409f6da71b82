"""Listening for real: picking a port, slow clients, stopping with connections open."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest
import structlog

from infusion_service import logs
from infusion_service.limits import Limits
from infusion_service.settings import Settings
from infusion_service.web.app import build_app
from infusion_service.web.server import serve
from tests.web.conftest import HttpWard

STOP_S_MAX = 12.0
REQUEST = "0b9f7f4e6e0a4a349d0c5d0a3c0e7a11"


@asynccontextmanager
async def served(ward: HttpWard, limits: Limits | None = None) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Serve the ward's application on a free port; set the event to stop it."""
    settings: Settings = replace(ward.service.settings, port=0, limits=limits or ward.service.settings.limits)
    app = build_app(replace(ward.service, settings=settings))
    stop = asyncio.Event()
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    server = asyncio.create_task(serve(app, settings=settings, stop=stop, on_listening=listening.set_result))
    try:
        yield await listening, stop
    finally:
        stop.set()
        async with asyncio.timeout(STOP_S_MAX):
            await server


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = url.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port))


async def test_it_stops_at_once_with_idle_connections_and_open_streams(ward: HttpWard) -> None:
    headers = {"Authorization": f"Bearer {ward.tokens['auditor']}"}
    async with aiohttp.ClientSession() as session:
        async with served(ward) as (url, stop):
            idle = await connect(url)
            half = await connect(url)
            half[1].write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n")
            streams = [await session.get(f"{url}/v1/log/stream", headers=headers) for _ in range(8)]
            started = asyncio.get_running_loop().time()

            stop.set()
            for response in streams:
                await response.read()
            async with asyncio.timeout(5):
                assert await idle[0].read() == b""

        assert asyncio.get_running_loop().time() - started < 5
    for _, writer in (idle, half):
        writer.close()


async def test_a_body_that_does_not_come_is_given_up(ward: HttpWard) -> None:
    async with served(ward, Limits(body_wait_s=1)) as (url, _):
        reader, writer = await connect(url)
        writer.write(
            f"POST /v1/batches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ward.tokens['nurse']}\r\n"
            'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"items":'.encode()
        )
        async with asyncio.timeout(5):
            head = await reader.readuntil(b"\r\n\r\n")
            body = json.loads(await reader.readuntil(b"}"))
        writer.close()

    assert head.startswith(b"HTTP/1.1 408 ")
    assert body["code"] == "body_timeout"


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"Mustermann" * 2000 + b"\r\n\r\n",
        b"NONSENSE Mustermann\r\n\r\n",
        b"POST /v1/days HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nMustermann",
        b"POST /v1/days HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/days HTTP/1.1\r\nHost : x\r\nMustermann: y\r\n\r\n",
        b"\x16\x03\x01Mustermann",
    ],
)
async def test_bytes_that_are_no_http_are_refused_and_never_logged(
    ward: HttpWard, raw: bytes, lines: io.StringIO
) -> None:
    async with served(ward) as (url, _):
        reader, writer = await connect(url)
        writer.write(raw)
        async with asyncio.timeout(5):
            answer = await reader.read()
        writer.close()

    assert answer.startswith(b"HTTP/1.")
    assert answer.split(b" ", 2)[1] == b"400"
    assert "Mustermann" not in lines.getvalue()


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the service writes to its log while the test runs, at the most talkative level."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    logs.configure(json=True, level="debug", stream=written)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


async def test_every_request_is_one_line_without_patient_or_secret(ward: HttpWard, lines: io.StringIO) -> None:
    day_id = await ward.schedule()
    await ward.fact(day_id, "note.added", {"text": "Mustermann fell"})
    await ward.fact(day_id, "vitals.recorded", {"consciousness": "Mustermann"})
    await ward.post("/v1/sessions", {"badge": "Mustermann", "pin": "1234"}, by="device")
    await ward.get("/v1/days?ward=Mustermann")
    await ward.get("/Mustermann")
    await ward.get("/v1/days/Mustermann", X_Request_Id=REQUEST)

    answered = [line for line in map(json.loads, lines.getvalue().splitlines()) if line["event"] == "http.answered"]
    assert [line["status"] for line in answered] == [201, 201, 422, 401, 200, 404, 404]
    assert [line["route"] for line in answered][-3:] == ["/v1/days", "unmatched", "/v1/days/{day}"]
    last = answered[-1]
    assert (last["request_id"], last["method"], last["code"]) == (REQUEST, "GET", "not_found")
    assert (last["actor"], last["role"], last["device"]) == ("nurse-1", "nurse", "tab-1")
    assert last["duration_ms"] > 0
    for secret in ("Mustermann", *ward.tokens.values()):
        assert secret not in lines.getvalue()


async def test_a_fault_of_ours_is_a_problem_without_detail_and_a_line_with_its_place(
    ward: HttpWard, lines: io.StringIO
) -> None:
    # A room that fails in a way nobody thought of.
    del ward.service.intake.__dict__["clock"]

    answer = await ward.client.get("/v1/days", headers={"Authorization": f"Bearer {ward.tokens['nurse']}"})
    problem = await answer.json(content_type=None)

    assert (answer.status, problem["code"]) == (500, "internal")
    assert "clock" not in json.dumps(problem)
    failed = [line for line in map(json.loads, lines.getvalue().splitlines()) if line["event"] == "http.failed"]
    assert [line["request_id"] for line in failed] == [answer.headers["X-Request-Id"]]
