"""Bad input at a running service: slow, hostile, broken, too much. A problem or a clean close, no 5xx, no growth."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.drills.conftest import Drill
from tests.drills.site import Serving, Site, served
from tests.drills.tablets import SIGNS, Notebook, Tablet, fact

SLOW_CLIENTS = 200
BODY_WAIT_S = 2
IDLE_S = 2
GROWTH_KIB_MAX = 20 * 1024
LIMITS = {"body_wait_s": BODY_WAIT_S, "idle_connection_s": IDLE_S}
PROBLEM = "application/problem+json"
MEBIBYTE = 1024 * 1024


@pytest.mark.timeout(60)
async def test_slow_clients_are_cut_off_and_hold_nobody_up(drill: Drill, tmp_path: Path) -> None:
    site, notebook = await Site(tmp_path, limits=LIMITS).found(), Notebook()
    async with served(site) as serving, serving.client() as client:
        tablet = Tablet(client, notebook, drill.chance)
        await tablet.chart(lambda: bool(notebook.newest))
        slow = [asyncio.create_task(slow_client(serving, number % 3)) for number in range(SLOW_CLIENTS)]
        took_s = []
        for _ in range(100):
            began = time.perf_counter()
            await tablet.send(tablet.next_post())
            took_s.append(time.perf_counter() - began)
        cut_off_s = await asyncio.gather(*slow)
        await serving.end()
    drill.figure(
        f"{SLOW_CLIENTS} clients with slow headers or bodies: cut off after {max(cut_off_s):.1f} s at most, a post "
        f"beside them took {sorted(took_s)[50] * 1000:.1f} ms (p50)"
    )
    assert set(notebook.statuses) <= {200, 201}
    assert max(cut_off_s) < max(BODY_WAIT_S, IDLE_S) * drill.slack


AMBIGUOUS = (
    "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "Content-Length: +2\r\n\r\n{}",
    "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n2;a\n=b\r\n{}\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "X: " + "a" * 9000 + "\r\n\r\n",
    "".join(f"X-{number}: 1\r\n" for number in range(2000)) + "\r\n",
    "Bad\0Name: 1\r\n\r\n",
)


async def test_framing_that_two_readers_could_take_differently_is_refused(tmp_path: Path) -> None:
    # The second request, hidden behind the first, must never be answered as one of its own.
    site = await Site(tmp_path).found()
    hidden = "GET /health/live HTTP/1.1\r\nHost: here\r\n\r\n"
    async with served(site) as serving:
        for head in AMBIGUOUS:
            raw = await exchange(serving, f"POST /v1/batches HTTP/1.1\r\nHost: here\r\n{head}{hidden}".encode())
            assert re.match(rb"$|HTTP/1\.[01] 4", raw), (head[:60], raw[:80])
            assert b'"alive"' not in raw, head[:60]
        await serving.end()


@pytest.mark.timeout(120)
async def test_two_hundred_broken_requests(drill: Drill, tmp_path: Path) -> None:
    await break_requests(drill, tmp_path, 200)


@pytest.mark.drill
@pytest.mark.timeout(900)
async def test_twenty_thousand_broken_requests(drill: Drill, tmp_path: Path) -> None:
    await break_requests(drill, tmp_path, 20_000)


@pytest.mark.timeout(60)
async def test_the_5001st_fact_is_a_persons_to_post_and_not_a_devices(drill: Drill, tmp_path: Path) -> None:
    site, notebook = await Site(tmp_path).found(), Notebook()
    async with served(site) as serving, serving.client() as nurse, serving.client("device") as device:
        tablet = Tablet(nurse, notebook, drill.chance)
        await tablet.chart(lambda: bool(notebook.newest))
        (day_id,) = notebook.newest
        for _ in range(10):
            items = [{"day": day_id, **fact("note.added", {"text": "asleep"})} for _ in range(500)]
            async with nurse.post("/v1/batches", json={"items": items}) as response:
                answer = await response.json()
            assert {item["status"] for item in answer["items"]} == {"accepted"}
        path = f"/v1/days/{day_id}/events"
        async with device.post(path, json=fact("vitals.recorded", SIGNS)) as refused:
            problem = await refused.json(content_type=None)
        began = time.perf_counter()
        async with nurse.post(path, json=fact("vitals.recorded", SIGNS)) as response:
            assert response.status == 201
        took_s = time.perf_counter() - began
        await serving.end()
    drill.figure(f"the 5 001st fact: a device's is refused ({problem['code']}), a nurse's takes {took_s * 1000:.0f} ms")
    assert 400 <= refused.status < 500
    assert took_s < 0.2 * drill.slack


async def slow_client(serving: Serving, kind: int) -> float:
    """Seconds until the service ends a connection on which bytes arrive too slowly, or not at all."""
    address = urlsplit(serving.url)
    assert address.hostname
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    began = time.monotonic()
    head = (
        f"POST /v1/batches HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {serving.site.tokens['nurse']}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    )
    whole = {0: "", 1: head[:-10], 2: head + "{"}[kind]
    writer.write(whole.encode())
    dribble = asyncio.create_task(dribbled(writer)) if kind == 2 else None
    try:
        async with asyncio.timeout(30):
            await reader.read()
    except ConnectionError:
        pass
    finally:
        if dribble is not None:
            dribble.cancel()
        writer.close()
    return time.monotonic() - began


async def dribbled(writer: asyncio.StreamWriter) -> None:
    """A byte now and then."""
    while True:
        await asyncio.sleep(0.2)  # the slowness under test
        writer.write(b" ")


async def exchange(serving: Serving, raw: bytes) -> bytes:
    """Send bytes and return all that comes back until the service closes or stays silent."""
    address = urlsplit(serving.url)
    assert address.hostname
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    received = b""
    try:
        writer.write(raw)
        async with asyncio.timeout(1):
            while part := await reader.read(65536):
                received += part
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()
    return received


async def break_requests(drill: Drill, directory: Path, count: int) -> None:
    """Requests broken in every way known, in seeded order: answers, and how far memory grew."""
    site, notebook, answers = await Site(directory).found(), Notebook(), Counter[int]()
    async with served(site) as serving, serving.client() as client:
        tablet = Tablet(client, notebook, drill.chance)
        await tablet.chart(lambda: notebook.statuses.total() >= 20)
        for _ in range(len(BREAKINGS) * 3):
            await broken_request(client, str(tablet.day_id), drill.chance)
        resident_kib = [serving.resident_kib()]
        for _ in range(2):
            for _ in range(count // 2):
                answers[await broken_request(client, str(tablet.day_id), drill.chance)] += 1
            resident_kib.append(serving.resident_kib())
        await tablet.send(tablet.next_post())
        await serving.end()
    said = ", ".join(f"{status}: {times}" for status, times in sorted(answers.items()))
    first_kib, second_kib = (later - sooner for sooner, later in pairwise(resident_kib))
    drill.figure(
        f"{count} broken requests ({said}): memory grew by {first_kib / 1024:.1f} MiB in the first half, "
        f"{second_kib / 1024:.1f} MiB in the second"
    )
    assert all(200 <= status < 500 for status in answers), answers
    # Caches have bounds (the database's alone holds 32 MiB, and what is refused is recorded, up to 100 kB each): they
    # fill in the first half and a little in the second. Nothing else may grow.
    assert second_kib < GROWTH_KIB_MAX


async def broken_request(client: aiohttp.ClientSession, day_id: str, chance: random.Random) -> int:
    """Send one; return the status. A refusal is a problem document."""
    path = chance.choice([f"/v1/days/{day_id}/events", "/v1/batches", "/v1/days", "/v1/double-checks"])
    content: Any = chance.choice(BREAKINGS)(chance)
    if chance.random() < 0.2 and isinstance(content, bytes):
        content = chunked(content)
    headers = {"Content-Type": "application/json"}
    if chance.random() < 0.05:
        headers["Content-Encoding"] = "gzip"
    try:
        async with client.post(path, data=content, headers=headers) as response:
            answer = await response.json(content_type=None)
            if response.status >= 400:
                assert response.content_type == PROBLEM
                assert answer["code"]
            return response.status
    except aiohttp.ClientConnectionError:
        return 400  # closed while we were still sending


async def chunked(content: bytes) -> AsyncIterator[bytes]:
    """The same bytes without a Content-Length."""
    for start in range(0, len(content), 4096):
        yield content[start : start + 4096]


def _mutated(chance: random.Random) -> bytes:
    raw = bytearray(json.dumps(fact("vitals.recorded", SIGNS)).encode())
    for _ in range(chance.randint(1, 8)):
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    return bytes(raw)


def _with_value(chance: random.Random) -> bytes:
    value = chance.choice(["NaN", "Infinity", "-0", "1e400", "9007199254740993", "-1e-999", "36.8500000000000000001"])
    name = chance.choice(list(SIGNS))
    whole = json.dumps(fact("vitals.recorded", {**SIGNS, name: "@"}))
    return whole.replace('"@"', value).encode()


def _with_member(chance: random.Random) -> bytes:
    extra: Any = chance.choice(
        [
            {"occurred_at": "2026-11-23T10:00:00"},
            {"occurred_at": "9999-12-31T23:59:59Z"},
            {"type": "no.such_fact"},
            {"data": []},
            {"data": {"text": "\ud800"}},
            {"data": {"text": "x" * 100_000}},
            {"unheard_of": 1},
            {"event_id": "7"},
            {"event_id": None},
            {"corrects": new_id()},
            {"second": {"token": "x"}},
            {"group": ""},
            {"device_seq": -1},
        ]
    )
    return json.dumps({**fact("note.added", {"text": "x"}), **extra}).encode()


def new_id() -> str:
    """An id no fact has had."""
    return str(fact("note.added", {})["event_id"])


BREAKINGS = (
    _mutated,
    _with_value,
    _with_member,
    lambda _: b'{"data":' * 10_000 + b"1" + b"}" * 10_000,
    lambda _: b"[" * 10_000 + b"]" * 10_000,
    lambda _: b" " * MEBIBYTE,
    lambda _: b'{"items": [' + b"{}," * 600 + b"{}]}",
    lambda chance: chance.randbytes(chance.randint(0, 2000)),
)
