"""What an attempt looks like on the wire, byte for byte, and what the courier makes of what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from infusion_service.delivery.courier import REPLY_BYTES_MAX, HttpCourier, Target
from infusion_service.delivery.egress import EgressGuard, policy_of
from infusion_service.delivery.schedule import Reply

HERE = "127.0.0.1"
TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"
HEADERS = {"content-type": "application/json", "webhook-id": "w-1"}


class Receiver:
    """Says the same bytes to every request, and hangs up after them where it is told to."""

    def __init__(self, says: bytes, *, hangs_up: bool = False) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0
        self._says = says
        self._hangs_up = hangs_up

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                writer.write(self._says)
                await writer.drain()
                if self._hangs_up:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def courier_to(receiver: Receiver, path: str = "/hook?of=ward%201") -> AsyncIterator[HttpCourier]:
    server = await asyncio.start_server(receiver.serve, HERE, 0)
    receiver.port = server.sockets[0].getsockname()[1]
    policy = policy_of(networks=[], plain_networks=[f"{HERE}/32"], ports=[receiver.port], host_suffixes=[])
    courier = HttpCourier(Target(url=f"http://{HERE}:{receiver.port}{path}", timeout_s=5), EgressGuard(policy))
    try:
        yield courier
    finally:
        await courier.close()
        server.close()


async def replies(receiver: Receiver, *, attempts: int = 1) -> list[Reply]:
    async with courier_to(receiver) as courier:
        return [await courier.post(HEADERS, b"{}") for _ in range(attempts)]


async def test_an_attempt_is_these_bytes_and_the_next_one_goes_through_the_same_connection() -> None:
    receiver = Receiver(TAKEN)
    assert [reply.status for reply in await replies(receiver, attempts=2)] == [204, 204]
    assert (
        receiver.requests
        == [
            b"POST /hook?of=ward%%201 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\naccept-encoding: identity\r\n"
            b"content-type: application/json\r\nwebhook-id: w-1\r\ncontent-length: 2\r\n\r\n{}" % receiver.port
        ]
        * 2
    )
    assert receiver.connections == 1


@pytest.mark.parametrize("value", ["k-1\r\nwebhook-id: other", "k-1\n", "\rk-1", "k\0"])
async def test_a_credential_of_more_than_one_line_is_never_sent(value: str) -> None:
    receiver = Receiver(TAKEN)
    async with courier_to(receiver) as courier:
        reply = await courier.post({**HEADERS, "x-api-key": value}, b"{}")
    assert (reply.status, reply.fault) == (None, "unreadable")
    assert receiver.requests == []


@pytest.mark.parametrize("status", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
async def test_what_is_said_on_the_way_to_the_answer_is_not_the_answer(status: bytes) -> None:
    receiver = Receiver(b"HTTP/1.1 " + status + b"\r\n\r\n" + TAKEN)
    assert [reply.status for reply in await replies(receiver, attempts=2)] == [204, 204]


async def test_a_reply_is_read_to_its_end_and_its_connection_used_again() -> None:
    receiver = Receiver(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 7\r\n\r\nwait 7s")
    first, second = await replies(receiver, attempts=2)
    assert (first.status, first.excerpt, first.headers["retry-after"]) == (503, "wait 7s", "7")
    assert (second.status, receiver.connections) == (503, 1)


async def test_a_connection_with_a_reply_too_long_to_read_is_not_used_again() -> None:
    length = 2 * REPLY_BYTES_MAX
    receiver = Receiver(b"HTTP/1.1 500 Oops\r\nContent-Length: %d\r\n\r\n" % length + b"x" * length)
    assert [reply.status for reply in await replies(receiver, attempts=2)] == [500, 500]
    assert receiver.connections == 2


@pytest.mark.parametrize(
    ("says", "fault"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "unreadable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "unreadable"),
        (b"", "connection_lost"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "connection_lost"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal", "connection_lost"),
    ],
)
async def test_what_is_no_whole_answer_is_a_fault_and_the_next_attempt_has_a_connection_of_its_own(
    says: bytes, fault: str
) -> None:
    receiver = Receiver(says, hangs_up=True)
    assert [(reply.status, reply.fault) for reply in await replies(receiver, attempts=2)] == [(None, fault)] * 2
    assert receiver.connections == 2
