"""A sink for deliveries: answers 204 to every POST and does as little as can be done besides. Run as `bench.sink`.

It prints its port. `GET /reset` forgets, `GET /keep` forgets and keeps bodies from now on, `GET /bodies` returns them a
line each, `GET /seen` says how many came, when, and how late after the service had received what they tell of.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from datetime import datetime
from typing import cast

import uvloop

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length:"
RECORDED = b'"recordedtime":"'
TIME_CHARS = 24


class Seen:
    """What has come."""

    def __init__(self, *, keeps: bool = False) -> None:
        self.keeps = keeps
        self.bodies: list[bytes] = []
        self.arrivals: list[tuple[float, bytes]] = []

    def take(self, at_s: float, body: bytes) -> None:
        """Take a delivery whose first byte came at `at_s`."""
        place = body.find(RECORDED) + len(RECORDED)
        self.arrivals.append((at_s, body[place : place + TIME_CHARS]))
        if self.keeps:
            self.bodies.append(body)

    def figures(self) -> dict[str, object]:
        """How many, from when to when, and how late."""
        late_ms = [(at_s - datetime.fromisoformat(told.decode()).timestamp()) * 1000 for at_s, told in self.arrivals]
        return {
            "count": len(self.arrivals),
            "first_s": self.arrivals[0][0] if self.arrivals else 0.0,
            "last_s": self.arrivals[-1][0] if self.arrivals else 0.0,
            "late_ms": statistics.median(late_ms) if late_ms else 0.0,
        }


class Connection(asyncio.Protocol):
    """One connection: one request after the other."""

    seen = Seen()

    def __init__(self) -> None:
        self._received = b""
        self._began_s = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes in; answer each request once it is whole."""
        if not self._received:
            self._began_s = time.time()
        self._received += data
        while (head := self._received.find(END_OF_HEAD)) >= 0:
            lowered = self._received[:head].lower()
            at = lowered.find(LENGTH)
            length = int(lowered[at + len(LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            end = head + len(END_OF_HEAD) + length
            if len(self._received) < end:
                return
            request, self._received = self._received[:end], self._received[end:]
            self._answer(request, request[head + len(END_OF_HEAD) :])
            self._began_s = time.time()

    def _answer(self, request: bytes, body: bytes) -> None:
        assert self._transport is not None
        if request.startswith(b"POST"):
            Connection.seen.take(self._began_s, body)
            self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            return
        said = self._said(request.split(b" ", 2)[1])
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(said) + said)

    def _said(self, path: bytes) -> bytes:
        if path == b"/bodies":
            return b"\n".join(Connection.seen.bodies)
        if path == b"/seen":
            return json.dumps(Connection.seen.figures()).encode()
        if path == b"/count":
            return b"%d" % len(Connection.seen.arrivals)
        Connection.seen = Seen(keeps=path == b"/keep")
        return b""


async def serve() -> None:
    """Serve until killed; the port is the first line of stdout."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
