"""Load from a process of its own: `python -m bench.generator` reads a plan from stdin and prints what it saw.

Closed loop (each connection sends its next request when the last is answered) or, with a rate, open loop: requests
begin at their time whatever became of those before, and their latency counts from that time. It does as little as can
be done to speak HTTP, so that it is not what is measured; the same generator drives both sides of every ratio.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from itertools import count
from typing import cast

import msgspec
import uvloop

ID_MARK = "@ID@"
"""In a request's text: where a fresh event id goes."""

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"Content-Length: "
SPIN_S = 0.0005
"""Closer than this to the next arrival the loop spins, because its timers are coarse."""


class Plan(msgspec.Struct, kw_only=True):
    """What to send and how."""

    port: int
    connections: int
    seconds: float
    warm_up_s: float = 0.3
    rate: float | None = None
    """Requests a second; None: closed loop."""
    requests: list[str]
    """Whole requests, sent by turns, with `ID_MARK` wherever an id of its own goes."""
    prepared: int
    """Requests made ready before the clock starts; the run ends early when they are used up."""


class Seen(msgspec.Struct, kw_only=True):
    """What came back within the measured time."""

    statuses: dict[str, int]
    answered: int
    """All answers, those of the warm-up too."""
    per_s: float
    p50_ms: float
    p99_ms: float


def fresh_ids() -> Iterator[str]:
    """UUIDs of version 7, as fast as they can be had: the time, a counter, and this process's chance."""
    started_ms = int(time.time() * 1000)
    chance = os.urandom(7).hex()
    for number in count():
        milliseconds = f"{started_ms + number // 4096:012x}"
        yield f"{milliseconds[:8]}-{milliseconds[8:]}-7{number % 4096:03x}-8{chance[:3]}-{chance[2:]}"


def prepare(plan: Plan) -> deque[bytes]:
    """The requests of a run."""
    templates = [text.split(ID_MARK) for text in plan.requests]
    ids = fresh_ids()
    made: deque[bytes] = deque()
    for number in range(plan.prepared):
        parts = templates[number % len(templates)]
        text = parts[0] + "".join(next(ids) + part for part in parts[1:])
        made.append(text.encode())
    return made


class Connection(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self, answered: Callable[[Connection, str], None]) -> None:
        """`answered` is called with this connection and the status."""
        self._answered = answered
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self.began_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, began_s: float) -> None:
        """Send; `began_s` is when it was to be sent."""
        assert self._transport is not None
        self.began_s = began_s
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take bytes in until the answer is whole."""
        received = self._received + data if self._received else data
        head = received.find(END_OF_HEAD)
        if head >= 0:
            at = received.find(LENGTH, 0, head)
            length = int(received[at + len(LENGTH) : received.find(b"\r\n", at)]) if at >= 0 else 0
            if len(received) >= head + len(END_OF_HEAD) + length:
                self._received = b""
                self._answered(self, received[9:12].decode())
                return
        self._received = received

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


class Run:
    """One run of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._requests = prepare(plan)
        self._latencies_s: list[float] = []
        self._statuses: Counter[str] = Counter()
        self._idle: deque[Connection] = deque()
        self._due: deque[float] = deque()
        self._done = asyncio.Event()
        self._measure_from_s = 0.0
        self._last_s = 0.0
        self._answered = 0

    async def go(self) -> Seen:
        """Send everything and return what was seen."""
        loop = asyncio.get_running_loop()
        connections = [
            (await loop.create_connection(lambda: Connection(self._take), "127.0.0.1", self._plan.port))[1]
            for _ in range(self._plan.connections)
        ]
        started_s = time.perf_counter()
        self._measure_from_s = started_s + self._plan.warm_up_s
        end_s = self._measure_from_s + self._plan.seconds
        if self._plan.rate is None:
            for connection in connections:
                self._next(connection)
        else:
            self._idle.extend(connections)
            self._arriving = asyncio.create_task(self._arrive(started_s, self._plan.rate))
        loop.call_later(end_s - started_s, self._done.set)
        await self._done.wait()
        for connection in connections:
            connection.close()
        return self._seen(min(end_s, self._last_s))

    def _take(self, connection: Connection, status: str) -> None:
        now_s = time.perf_counter()
        self._answered += 1
        if connection.began_s >= self._measure_from_s:
            self._latencies_s.append(now_s - connection.began_s)
            self._statuses[status] += 1
            self._last_s = now_s
        self._next(connection)

    def _next(self, connection: Connection) -> None:
        if self._done.is_set():
            return
        if not self._requests:
            self._done.set()
        elif self._plan.rate is None:
            connection.send(self._requests.popleft(), time.perf_counter())
        elif self._due:
            connection.send(self._requests.popleft(), self._due.popleft())
        else:
            self._idle.append(connection)

    async def _arrive(self, started_s: float, rate: float) -> None:
        number = 0
        while not self._done.is_set():
            due_s = started_s + number / rate
            wait_s = due_s - time.perf_counter()
            if wait_s > 0:
                await asyncio.sleep(wait_s - SPIN_S if wait_s > SPIN_S else 0)
                continue
            number += 1
            self._due.append(due_s)
            if self._idle and self._requests:
                self._idle.popleft().send(self._requests.popleft(), self._due.popleft())

    def _seen(self, ended_s: float) -> Seen:
        ordered = sorted(self._latencies_s)
        assert ordered, "nothing was answered within the measured time"
        return Seen(
            statuses=dict(self._statuses),
            answered=self._answered,
            per_s=len(ordered) / (ended_s - self._measure_from_s),
            p50_ms=ordered[len(ordered) // 2] * 1000,
            p99_ms=ordered[len(ordered) * 99 // 100] * 1000,
        )


def main() -> None:
    """Read the plan, run it, print what was seen."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seen = runner.run(Run(plan).go())
    sys.stdout.buffer.write(msgspec.json.encode(seen))


if __name__ == "__main__":
    main()
