"""Where deliveries may go: a corpus of 40 ways round an allow-list, and not one connection.

Connections are counted by the interpreter's own audit hook: whatever library would make one, it would be seen.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from infusion_service.delivery.courier import HttpCourier, Target
from infusion_service.delivery.egress import EgressGuard, EgressRefused, policy_of
from infusion_service.delivery.schedule import Reply

_connected: list[tuple[Any, ...]] = []
_watching = False


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event == "socket.connect" and arguments[0].type == socket.SOCK_STREAM:
        _connected.append(arguments[1])


sys.addaudithook(_audit)


@pytest.fixture
def connections() -> Iterator[list[tuple[Any, ...]]]:
    """Addresses connected to while a test runs."""
    global _watching  # noqa: PLW0603 - an audit hook cannot be taken out again
    _connected.clear()
    _watching = True
    yield _connected
    _watching = False


OWN_PORT = unused_port()

NAMES: dict[str, list[str]] = {
    "metadata.engine.test": ["169.254.169.254"],
    "here.engine.test": ["127.0.0.1"],
    "here6.engine.test": ["::1"],
    "mixed.engine.test": ["127.0.0.1", "::ffff:127.0.0.1"],
    "mapped.engine.test": ["::ffff:169.254.169.254"],
    "nat64.engine.test": ["64:ff9b::a9fe:a9fe"],
    "sixtofour.engine.test": ["2002:a9fe:a9fe::1"],
    "other.engine.test": ["10.99.0.1"],
    "nothing.engine.test": ["0.0.0.0"],
    "linklocal.engine.test": ["fe80::1%1"],
    "many.engine.test": ["224.0.0.251"],
    "public.engine.test": ["203.0.113.9"],
    "self.engine.test": ["10.20.0.5"],
    "rebinding.engine.test": ["10.20.0.7"],
}

CORPUS = [
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://0x7f.0.0.1/",
    "https://127.0.0.1./",
    "https://[::1]/",
    "https://[::]/",
    "https://0.0.0.0/",
    "https://0/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::ffff:169.254.169.254]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::a9fe:a9fe]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:a9fe:a9fe:0:0:80ff:fffe]/",
    "https://[fd00:ec2::254]/",
    "https://100.100.100.200/",
    "https://224.0.0.1/",
    "https://[ff02::1]/",
    "https://255.255.255.255/",
    "https://10.99.0.1/",
    "https://10.20.0.5:6443/",
    f"https://127.0.0.1:{OWN_PORT}/",
    "http://10.20.0.5/",
    "https://user:password@10.20.0.5/",
    "https://engine.elsewhere.test/",
    "https://10.20.0.5.engine.elsewhere.test/",
    "https://10.20.0.5\\@169.254.169.254/",
    "https://10.20.0.5 @169.254.169.254/",
    "file:///etc/passwd",
    "gopher://10.20.0.5:443/",
    *(f"https://{name}/" for name in NAMES if name not in ("self.engine.test", "rebinding.engine.test")),
]


def guard(**changed: Any) -> EgressGuard:
    given = {"networks": ["10.20.0.0/16"], "plain_networks": [], "ports": [443], "host_suffixes": ["engine.test"]}
    made = EgressGuard(policy_of(**{**given, **changed}))
    made.own_listener(OWN_PORT)
    return made


async def look_up(host: str, _port: int) -> list[str]:
    return NAMES[host]


async def attempt(url: str, made: EgressGuard) -> Reply:
    courier = HttpCourier(Target(url=url, timeout_s=5), made, lookup=look_up)
    try:
        return await courier.post({}, b"{}")
    finally:
        await courier.close()


@pytest.mark.parametrize("url", CORPUS)
async def test_no_way_round_the_list_makes_a_connection(url: str, connections: list[tuple[Any, ...]]) -> None:
    reply = await attempt(url, guard())
    assert (reply.status, reply.fault) == (None, "egress_refused")
    assert connections == []


ALLOWED_BY_A_WIDE_LIST = ("10.99", "10.20", "203.0.113", "elsewhere", "other.engine", "public.engine")


@pytest.mark.parametrize("url", [url for url in CORPUS if not any(part in url for part in ALLOWED_BY_A_WIDE_LIST)])
async def test_not_even_a_list_of_everything_opens_what_is_never_reached(
    url: str, connections: list[tuple[Any, ...]]
) -> None:
    everything = guard(networks=["0.0.0.0/0", "::/0"], ports=[443, OWN_PORT], host_suffixes=[])
    assert (await attempt(url, everything)).fault == "egress_refused"
    assert connections == []


def test_the_corpus_is_no_smaller_than_it_says() -> None:
    assert len(CORPUS) >= 40


async def test_a_name_that_changes_its_mind_is_judged_by_what_is_connected(connections: list[tuple[Any, ...]]) -> None:
    answers = [["169.254.169.254"], ["10.99.0.1"], ["::ffff:10.99.0.1"]]

    async def rebinds(_host: str, _port: int) -> list[str]:
        return answers.pop(0)

    made = guard()
    made.check_url("https://rebinding.engine.test/")
    courier = HttpCourier(Target(url="https://rebinding.engine.test/"), made, lookup=rebinds)
    for _ in range(3):
        assert (await courier.post({}, b"{}")).fault == "egress_refused"
    await courier.close()
    assert connections == []


def test_this_machine_is_reached_only_where_it_is_listed_as_itself() -> None:
    everything = guard(networks=["0.0.0.0/0", "::/0"])
    with pytest.raises(EgressRefused):
        everything.check_url("https://127.0.0.1/")
    guard(networks=["127.0.0.1/32"]).check_url("https://127.0.0.1/")


def test_not_to_ourselves_whatever_is_listed() -> None:
    made = guard(networks=["127.0.0.1/32"], ports=[OWN_PORT])
    with pytest.raises(EgressRefused, match="itself"):
        made.check_url(f"https://127.0.0.1:{OWN_PORT}/")


class Engine:
    """A receiver over real HTTP with bad manners."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.bytes_sent = 0

    async def redirect(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        return web.Response(status=307, headers={"Location": "/trap"})

    async def trap(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        return web.Response()

    async def endless(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=500)
        await response.prepare(request)
        while self.bytes_sent < 50_000_000:
            await response.write(b"Erika Mustermann " * 1000)
            self.bytes_sent += 17_000
        return response

    async def slow(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b".")
            await asyncio.sleep(0.1)
        return response


@pytest.fixture
async def engine() -> AsyncIterator[tuple[Engine, str, EgressGuard]]:
    app, made = web.Application(), Engine()
    for path in ("redirect", "trap", "endless", "slow"):
        app.router.add_post(f"/{path}", getattr(made, path))
    port = unused_port()
    allowed = guard(networks=[], plain_networks=["127.0.0.1/32"], ports=[port])
    async with TestServer(app, port=port):
        yield made, f"http://127.0.0.1:{port}", allowed


async def test_a_redirect_is_a_failure_and_not_followed(
    engine: tuple[Engine, str, EgressGuard], connections: list[tuple[Any, ...]]
) -> None:
    made, base, allowed = engine
    reply = await attempt(f"{base}/redirect", allowed)
    assert (reply.status, reply.ok) == (307, False)
    assert [request.path for request in made.requests] == ["/redirect"]
    assert len(connections) == 1


async def test_no_proxy_of_the_environment_and_nothing_compressed(
    engine: tuple[Engine, str, EgressGuard], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, base, allowed = engine
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    assert (await attempt(f"{base}/trap", allowed)).ok
    assert made.requests[0].headers["Accept-Encoding"] == "identity"


async def test_an_endless_reply_is_read_within_bounds_and_scrubbed(engine: tuple[Engine, str, EgressGuard]) -> None:
    made, base, allowed = engine
    courier = HttpCourier(Target(url=f"{base}/endless"), allowed)
    reply = await courier.post({}, b'{"data":{"patient":{"family":"Mustermann","given":"Erika"}}}')
    await courier.close()
    assert reply.status == 500
    assert made.bytes_sent < 5_000_000
    assert len(reply.excerpt) <= 1024
    assert "Mustermann" not in reply.excerpt


async def test_slow_bytes_end_in_a_timeout(engine: tuple[Engine, str, EgressGuard]) -> None:
    _, base, allowed = engine
    courier = HttpCourier(Target(url=f"{base}/slow", timeout_s=0.3), allowed)
    reply = await courier.post({}, b"{}")
    await courier.close()
    assert (reply.status, reply.fault) == (None, "timeout")


async def test_nobody_listening_is_a_failed_connection() -> None:
    port = unused_port()
    reply = await attempt(f"http://127.0.0.1:{port}/", guard(plain_networks=["127.0.0.1/32"], ports=[port]))
    assert reply.fault == "connect_failed"
