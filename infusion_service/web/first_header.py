"""Connections that say nothing, or say it very slowly: given up after a while, and never more than so many at once.

Promises: whoever sends a whole first header in time is handed on and costs nothing more; whoever does not is cut off,
the one that has waited longest first where too many wait. Later headers of a kept connection are bounded by its idle
time. Does not: read or keep what was sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

END_OF_HEADER = b"\r\n\r\n"


class Waiting:
    """The connections whose first header has not come yet, oldest first."""

    def __init__(self, *, wait_s: float, connections_max: int) -> None:
        """Give each `wait_s`, and all together `connections_max` places."""
        self.wait_s = wait_s
        self._connections_max = connections_max
        self._waiting: dict[FirstHeader, None] = {}

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def enter(self, connection: FirstHeader) -> None:
        """Take a place, if need be that of who has waited longest."""
        self._waiting[connection] = None
        if len(self._waiting) > self._connections_max:
            next(iter(self._waiting)).give_up()

    def leave(self, connection: FirstHeader) -> None:
        """Give the place back; nothing happens the second time."""
        self._waiting.pop(connection, None)


class FirstHeader(asyncio.Protocol):
    """Stands before a connection's protocol until its first header is complete."""

    def __init__(self, protocol: asyncio.Protocol, waiting: Waiting) -> None:
        """Hand everything on to `protocol`."""
        self._protocol = protocol
        self._waiting = waiting
        self._transport: asyncio.Transport | None = None
        self._tail = b""
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the time."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        self._deadline = asyncio.get_running_loop().call_later(self._waiting.wait_s, self.give_up)
        self._protocol.connection_made(transport)
        self._waiting.enter(self)

    def data_received(self, data: bytes) -> None:
        """Hand bytes on; once the header's end is among them, step aside."""
        seen = self._tail + data
        if END_OF_HEADER in seen:
            self._step_aside()
        else:
            self._tail = seen[-len(END_OF_HEADER) + 1 :]
        self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        """Hand on that nothing more comes."""
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        """Hand on that the client does not read."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Hand on that the client reads again."""
        self._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time."""
        self._forget()
        self._protocol.connection_lost(exc)

    def give_up(self) -> None:
        """Cut the connection off."""
        self._forget()
        if self._transport is not None:
            self._transport.abort()

    def _step_aside(self) -> None:
        self._forget()
        if self._transport is not None:
            self._transport.set_protocol(self._protocol)

    def _forget(self) -> None:
        self._waiting.leave(self)
        if self._deadline is not None:
            self._deadline.cancel()


def behind(make: Callable[[], asyncio.Protocol], waiting: Waiting) -> Callable[[], asyncio.Protocol]:
    """Return what makes the protocols of a server, each behind its first header."""
    return lambda: FirstHeader(make(), waiting)
