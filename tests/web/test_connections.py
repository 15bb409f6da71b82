"""Raw connections: requests that mean two things, bodies too large, senders too slow, and many of them at once."""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import suppress
from dataclasses import replace

import aiohttp
import pytest
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy

from infusion_service.settings import Limits
from tests.web.conftest import HttpWard, new_event_id
from tests.web.test_server import connect, served

PATIENCE_S = 10
SMUGGLED = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


def request(*headers: bytes, start: bytes = b"POST /v1/days HTTP/1.1", body: bytes = b"") -> bytes:
    return b"\r\n".join((start, b"Host: x", *headers, b"", b"")) + body


CHUNKED = b"Transfer-Encoding: chunked"

AMBIGUOUS = {
    "length and chunks": request(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n" + SMUGGLED),
    "chunks and length": request(CHUNKED, b"Content-Length: 5", body=b"0\r\n\r\n" + SMUGGLED),
    "two lengths": request(b"Content-Length: 0", b"Content-Length: 40", body=SMUGGLED),
    "two lengths in one": request(b"Content-Length: 0, 40", body=SMUGGLED),
    "signed length": request(b"Content-Length: +0", body=SMUGGLED),
    "negative length": request(b"Content-Length: -1", body=SMUGGLED),
    "length in hex": request(b"Content-Length: 0x10", body=SMUGGLED),
    "length with an underscore": request(b"Content-Length: 1_0", body=SMUGGLED),
    "length beyond all numbers": request(b"Content-Length: 99999999999999999999999", body=SMUGGLED),
    "unknown coding": request(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + SMUGGLED),
    "chunked not last": request(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n" + SMUGGLED),
    "chunked twice": request(CHUNKED, CHUNKED, body=b"0\r\n\r\n" + SMUGGLED),
    "vertical tab before chunked": request(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n" + SMUGGLED),
    "line feed in a chunk extension": request(CHUNKED, body=b"2;\nxx\r\n0\r\n\r\n" + SMUGGLED),
    "chunk size that is none": request(CHUNKED, body=b"x\r\n\r\n0\r\n\r\n" + SMUGGLED),
    "negative chunk size": request(CHUNKED, body=b"-1\r\n\r\n0\r\n\r\n" + SMUGGLED),
    "chunk size beyond all numbers": request(CHUNKED, body=b"f" * 17 + b"\r\nx\r\n0\r\n\r\n" + SMUGGLED),
    "chunk longer than said": request(CHUNKED, body=b"1\r\nxxxx\r\n0\r\n\r\n" + SMUGGLED),
    "space before the colon": request(b"Content-Length : 40", body=SMUGGLED),
    "folded line": request(b"X: y\r\n Content-Length: 40", body=SMUGGLED),
    "name with a line feed": request(b"X\nContent-Length: 40: y", body=SMUGGLED),
    "zero byte": request(b"X: a\x00b", body=SMUGGLED),
    "carriage return alone": request(b"X: a\rContent-Length: 40", body=SMUGGLED),
    "no such version": request(start=b"POST /v1/days HTTP/1.9.1", body=SMUGGLED),
    "200 headers": request(*(b"X-%d: y" % number for number in range(200)), body=SMUGGLED),
    "a header of 9000 bytes": request(b"X: " + b"y" * 9000, body=SMUGGLED),
    "an address of 9000 bytes": request(start=b"GET /" + b"y" * 9000 + b" HTTP/1.1", body=SMUGGLED),
}


def test_the_parser_that_was_tried_is_the_one_in_use() -> None:
    assert HttpRequestParser is not HttpRequestParserPy


@pytest.mark.parametrize("raw", AMBIGUOUS.values(), ids=AMBIGUOUS)
async def test_a_request_that_means_two_things_is_answered_once_and_ends_the_connection(
    ward: HttpWard, raw: bytes
) -> None:
    async with served(ward) as (url, _):
        reader, writer = await connect(url)
        writer.write(raw)
        async with asyncio.timeout(PATIENCE_S):
            answer = await reader.read()
        writer.close()

    assert len(re.findall(rb"^HTTP/1\.[01] \d", answer, re.MULTILINE)) == 1, answer
    assert answer.split(b" ", 2)[1] == b"400", answer
    assert b"alive" not in answer


async def _answer_to(url: str, raw: bytes) -> tuple[int, str | None]:
    """Send bytes, read one answer, and return its status and code."""
    reader, writer = await connect(url)
    try:
        writer.write(raw)
        async with asyncio.timeout(PATIENCE_S):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
            body = json.loads(await reader.readexactly(int(length.split(b":")[1])))
    finally:
        writer.close()
    return int(head.split(b" ", 2)[1]), body.get("code")


async def test_what_is_too_large_is_refused_before_a_byte_of_it_came(ward: HttpWard) -> None:
    token = b"Authorization: Bearer " + ward.tokens["nurse"].encode()
    json_type = b"Content-Type: application/json"
    day = new_event_id().encode()
    async with served(ward, Limits(body_wait_s=2)) as (url, _):
        declared = await _answer_to(url, request(token, json_type, b"Content-Length: 262145"))
        fact = await _answer_to(
            url,
            request(token, json_type, b"Content-Length: 9000000", start=b"POST /v1/days/" + day + b"/events HTTP/1.1"),
        )
        dribbled = await _answer_to(url, request(token, json_type, CHUNKED, body=b"40001\r\n" + b" " * 0x40001))
        batch = await _answer_to(
            url, request(token, json_type, b"Content-Length: 1048577", start=b"POST /v1/batches HTTP/1.1")
        )
        packed = await _answer_to(url, request(token, json_type, b"Content-Encoding: gzip", b"Content-Length: 10"))
        nobody = await _answer_to(url, request(json_type, b"Content-Length: 262145"))

    assert [declared, fact, dribbled, batch] == [(413, "too_large")] * 4
    assert packed == (415, "unsupported_media_type")
    assert nobody == (401, "not_authenticated")


async def test_a_first_header_that_does_not_come_is_given_up(ward: HttpWard) -> None:
    async with served(ward, Limits(header_wait_s=1)) as (url, _):
        silent, half, good = [await connect(url) for _ in range(3)]
        half[1].write(b"GET /health/live HTTP/1.1\r\nHost: x\r\nX: ")
        good[1].write(SMUGGLED)
        async with asyncio.timeout(PATIENCE_S):
            assert await good[0].readuntil(b"}")
            for reader, _ in (silent, half):
                with suppress(ConnectionResetError):
                    assert await reader.read() == b""
        # Whoever was heard once has the idle time, not the first header's.
        good[1].write(SMUGGLED)
        async with asyncio.timeout(PATIENCE_S):
            assert b"alive" in await good[0].readuntil(b"}")
        for _, writer in (silent, half, good):
            writer.close()


async def test_a_header_in_many_pieces_is_one_header(ward: HttpWard) -> None:
    async with served(ward) as (url, _):
        reader, writer = await connect(url)
        for position in range(len(SMUGGLED)):
            writer.write(SMUGGLED[position : position + 1])
            await writer.drain()
            await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE_S):
            assert b"alive" in await reader.readuntil(b"}")
        writer.close()


async def test_of_too_many_that_say_nothing_the_oldest_go_first(ward: HttpWard) -> None:
    async with served(ward, Limits(unheard_connections_max=4)) as (url, _):
        silent = [await connect(url) for _ in range(8)]
        async with asyncio.timeout(PATIENCE_S):
            for reader, _ in silent[:4]:
                with suppress(ConnectionResetError):
                    assert await reader.read() == b""
        silent[-1][1].write(SMUGGLED)
        async with asyncio.timeout(PATIENCE_S):
            assert b"alive" in await silent[-1][0].readuntil(b"}")
        for _, writer in silent:
            writer.close()


@pytest.mark.drill
async def test_500_slow_sockets_do_not_stop_a_post(ward: HttpWard) -> None:
    token = ward.tokens["nurse"]
    head = f"POST /v1/batches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ward.tokens['device_2']}\r\n"
    body_to_come = (head + "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{").encode()
    openings = (b"", b"GET / HTTP/1.1\r\nHost: x\r\nX", body_to_come, SMUGGLED, b"\x16\x03\x01")
    limits = replace(ward.service.settings.limits, header_wait_s=5, body_wait_s=5)
    day_id = await ward.schedule()
    async with (
        served(ward, limits) as (url, _),
        aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {token}"}) as client,
    ):

        async def post() -> float:
            fact = {"event_id": new_event_id(), "type": "note.added", "data": {"text": "x"}}
            started_s = time.monotonic()
            async with client.post(f"/v1/days/{day_id}/events", json=fact) as response:
                assert response.status == 201
            return time.monotonic() - started_s

        alone = sorted([await post() for _ in range(100)])
        slow = []
        for number in range(500):
            slow.append(await connect(url))
            slow[-1][1].write(openings[number % len(openings)])
        among_slow = sorted([await post() for _ in range(100)])
        cut_s = time.monotonic()
        async with asyncio.timeout(60):
            for number, (reader, _) in enumerate(slow):
                if openings[number % len(openings)] != SMUGGLED:  # those are idle, which is nothing slow
                    with suppress(ConnectionResetError):
                        await reader.read()
        cut_s = time.monotonic() - cut_s
        for _, writer in slow:
            writer.close()

    assert among_slow[98] < max(2 * alone[98], 0.05)
    assert cut_s <= 15
