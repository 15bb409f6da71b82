"""Raw connections: requests that mean two things, bodies too large, senders too slow, and many of them at once."""

from __future__ import annotations

import asyncio
import json
import re
import resource
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace

import aiohttp
import pytest
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy
from hypothesis import given
from hypothesis import strategies as st

from infusion_service.limits import Limits
from infusion_service.web.connections import FILES_BESIDE, Places, allow_files, network_of
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
    head, _, body = answer.partition(b"\r\n\r\n")
    assert json.loads(body)["code"] == "malformed"
    for header in (b"Content-Type: application/problem+json", b"X-Content-Type-Options: nosniff", b"X-Request-Id: "):
        assert header in head


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


async def said(url: str, address: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect from an address and be answered once."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), local_addr=(address, 0))
    await ask_again(reader, writer)
    return reader, writer


async def ask_again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(SMUGGLED)
    async with asyncio.timeout(PATIENCE_S):
        assert b"alive" in await reader.readuntil(b"}")


async def is_cut_off(reader: asyncio.StreamReader) -> bool:
    async with asyncio.timeout(PATIENCE_S):
        with suppress(ConnectionResetError):
            return await reader.read() == b""
    return True


async def test_one_address_has_so_many_connections_and_others_have_theirs(ward: HttpWard) -> None:
    async with served(ward, Limits(connections_each_max=3)) as (url, _):
        held = [await said(url) for _ in range(3)]
        fourth, fourth_writer = await connect(url)
        assert await is_cut_off(fourth)
        elsewhere = await said(url, "127.0.0.2")
        held[0][1].close()
        await held[0][1].wait_closed()
        for connection in (*held[1:], elsewhere):
            await ask_again(*connection)
        in_its_place = await said(url)
        for writer in (fourth_writer, elsewhere[1], in_its_place[1], *(writer for _, writer in held)):
            writer.close()


async def test_where_there_are_too_many_the_address_with_most_gives_one_up(ward: HttpWard) -> None:
    async with served(ward, Limits(connections_max=4)) as (url, _):
        greedy = [await said(url) for _ in range(3)]
        one, another = await said(url, "127.0.0.2"), await said(url, "127.0.0.3")

        assert await is_cut_off(greedy[0][0])
        for connection in (*greedy[1:], one, another):
            await ask_again(*connection)
        last, last_writer = await connect(url)
        assert await is_cut_off(last)
        for writer in (one[1], another[1], last_writer, *(writer for _, writer in greedy)):
            writer.close()


async def test_behind_a_proxy_one_address_may_be_everybody(ward: HttpWard) -> None:
    proxied = replace(ward.service.settings, behind_proxy=True)
    behind = replace(ward, service=replace(ward.service, settings=proxied))
    async with served(behind, Limits(connections_each_max=2)) as (url, _):
        held = [await said(url) for _ in range(4)]
        for connection in held:
            await ask_again(*connection)
        for _, writer in held:
            writer.close()


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        (("192.0.2.7", 40000), "192.0.2.7"),
        (("::ffff:192.0.2.7", 40000, 0, 0), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 40000, 0, 0), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 40000, 0, 2), "fe80::/64"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_host_is_one_address_however_many_it_makes_up(peer: object, network: str) -> None:
    assert network_of(peer) == network


@dataclass(eq=False)
class Placed:
    """A connection that is nothing but its place."""

    address: str
    given_up: str = ""

    def give_up(self, bound: str) -> None:
        self.given_up = bound


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=120))
def test_there_are_never_more_than_so_many_and_nobody_small_pays_for_somebody_large(
    arrivals: list[tuple[str, bool]],
) -> None:
    places = Places(most=12, each_most=6)
    held: list[Placed] = []
    for address, leaves in arrivals:
        if leaves and held:
            places.leave(held.pop(0))
        arrived = Placed(address)
        counts = Counter(each.address for each in held)
        places.enter(arrived)
        held.append(arrived)
        for each in [each for each in held if each.given_up]:
            held.remove(each)
            places.leave(each)
            counts[address] += each is not arrived
            assert counts[each.address] >= max(counts.values()) or each is arrived
        assert len(places) == len(held) <= 12
        assert max(Counter(each.address for each in held).values(), default=0) <= 6


def test_the_process_may_open_as_many_files_as_it_takes_connections() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, before[0]), before[1]))
        allow_files(2048)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(2048 + FILES_BESIDE, before[1])
        allow_files(10)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(2048 + FILES_BESIDE, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


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
