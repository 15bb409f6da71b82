"""The log as it grows, as server-sent events: `GET /v1/log/stream`.

Promises: entries come in log order without gaps as far as the credential may see; `id` is the sequence number, so that
a client that was cut off goes on with `Last-Event-ID`; a `beat` every 5 s says how far the log has been looked through.
All clients share one reading of what is committed, also after a restart; one that falls far behind reads from the store
at its own pace, and one that is too far behind, or ahead of a log that was restored, hears `reset`. A stream ends when
its credential does, when its client no longer reads, and at once when the service stops. Source: WHATWG HTML 9.2.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Iterator
from itertools import islice

from aiohttp import web

from infusion_service.access.identity import Identity
from infusion_service.clinical.vocabulary import format_time
from infusion_service.intake.intake import Intake
from infusion_service.limits import Limits
from infusion_service.log.entry import LogEntry
from infusion_service.web import reach
from infusion_service.web.answers import encode
from infusion_service.web.boundary import SECURITY_HEADERS
from infusion_service.web.credentials import identify, prepare
from infusion_service.web.days import clock_of
from infusion_service.web.keys import CALLER, INTAKE, METRICS, REQUEST_ID, SETTINGS, STOPPING
from infusion_service.web.problems import Problem, malformed
from infusion_service.web.queries import INTEGER_MAX, Query
from infusion_service.web.visibility import Reader

EVENT_STREAM_TYPE = "text/event-stream"

BEAT_S = 5.0
LOOK_S = 1.0
"""How soon a stream notices that its credential was revoked."""
WRITE_S_MAX = 20.0
"""A client that takes nothing for so long is gone."""
RECONNECT_MS = 2000
RECENT_ENTRIES = 2048
RECENT_BYTES = 4 * 1024 * 1024
"""Entries, and bytes of bodies, kept for all clients together; who is further behind reads from the store."""
PAGE_ENTRIES = 256
REPLAY_ENTRIES_MAX = 20_000
"""Who is further behind gets `reset` and reads the log by pages: a stream is for what is new."""


class Broadcast:
    """What was committed lately, for every stream at once."""

    def __init__(self, intake: Intake) -> None:
        """Listen to `intake` from now on."""
        self._intake = intake
        self._clients: Counter[str] = Counter()
        self._filling = asyncio.Lock()
        self._recent: deque[LogEntry] = deque()
        self._recent_bytes = 0
        self._news = asyncio.Event()
        intake.add_listener(self._take)

    @property
    def clients(self) -> int:
        """How many listen."""
        return self._clients.total()

    @contextlib.contextmanager
    def place_for(self, caller: Identity, limits: Limits) -> Iterator[None]:
        """Hold a place among those who listen. Raises `Problem` 503 where all are taken, 429 where the caller's are."""
        name = caller.device_id or caller.actor.id
        if self.clients >= limits.sse_clients_max:
            raise Problem("unavailable", "Too many live streams are open.", headers={"Retry-After": "30"})
        if self._clients[name] >= limits.sse_clients_each_max:
            raise Problem("rate_limited", "Close one of your live streams first.", headers={"Retry-After": "30"})
        self._clients[name] += 1
        try:
            yield
        finally:
            self._clients[name] -= 1
            self._clients += Counter()  # names without a place are dropped

    async def after(self, cursor: int, limit: int) -> list[LogEntry]:
        """Return the entries after `cursor`, oldest first: from here, or from the store for who is far behind."""
        found = self.since(cursor, limit)
        if found is None and cursor < self._intake.log_size:
            if self._intake.log_size - cursor <= RECENT_ENTRIES:
                await self._fill(cursor)
            found = self.since(cursor, limit)
            if found is None:
                found = await self._intake.log_page(after=cursor, limit=limit)
        return found or []

    async def _fill(self, cursor: int) -> None:
        """Read back what lies between `cursor` and what is kept, once for all who ask, as far as the bounds allow."""
        async with self._filling:
            while self.since(cursor, 1) is None:
                first = self._recent[0].seq if self._recent else self._intake.log_size + 1
                low = max(first - 1 - PAGE_ENTRIES, 0)
                page = await self._intake.log_page(after=low, limit=first - 1 - low)
                kept_from = self._recent[0].seq if self._recent else first
                weight = sum(map(_weight, page))
                too_much = len(self._recent) + len(page) > RECENT_ENTRIES or self._recent_bytes + weight > RECENT_BYTES
                # What was committed while we read may have pushed out what the page was to join.
                if too_much or not page or page[-1].seq + 1 != kept_from:
                    return
                self._recent.extendleft(reversed(page))
                self._recent_bytes += weight

    def since(self, after: int, limit: int) -> list[LogEntry] | None:
        """Return the entries after `after`, oldest first, or None when some of them are no longer kept here."""
        if not self._recent or self._recent[0].seq > after + 1:
            return None
        return list(islice(self._recent, after + 1 - self._recent[0].seq, after + 1 - self._recent[0].seq + limit))

    def forget(self) -> None:
        """Keep nothing any more: who asks reads from the store, as after a restart."""
        self._recent.clear()
        self._recent_bytes = 0

    async def wait(self, seconds: float) -> None:
        """Return at the next commit, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    def wake(self) -> None:
        """Have everybody look again."""
        self._news.set()
        self._news = asyncio.Event()

    def _take(self, entries: list[LogEntry]) -> None:
        self._recent.extend(entries)
        self._recent_bytes += sum(map(_weight, entries))
        # Both bounds: a count alone would let a run of the largest bodies take half a gigabyte.
        while len(self._recent) > RECENT_ENTRIES or self._recent_bytes > RECENT_BYTES:
            self._recent_bytes -= _weight(self._recent.popleft())
        self.wake()


def _weight(entry: LogEntry) -> int:
    return len(entry.body or b"")


BROADCAST = web.AppKey("broadcast", Broadcast)


async def get_stream(request: web.Request) -> web.StreamResponse:
    """Send the log from `Last-Event-ID` or `after` on (without either: from now on) until the client goes."""
    asked = _start_of(request)
    broadcast = request.app[BROADCAST]
    streams = request.app[METRICS].streams
    with broadcast.place_for(request[CALLER], request.app[SETTINGS].limits):
        streams.set(broadcast.clients)
        try:
            await reach.note_log_reading(request, "stream")
            return await _send(request, broadcast, request.app[INTAKE].log_size if asked is None else asked)
        finally:
            streams.set(broadcast.clients - 1)


def _start_of(request: web.Request) -> int | None:
    after = Query(request, "after").whole("after", least=0)
    given = request.headers.get("Last-Event-ID")
    if given is None:
        return after
    if not (given.isascii() and given.isdigit() and int(given[:17]) <= INTEGER_MAX):
        raise malformed("Last-Event-ID: the id of an event of this stream is expected.")
    return int(given[:17])


async def _send(request: web.Request, broadcast: Broadcast, cursor: int) -> web.StreamResponse:
    intake, stopping = request.app[INTAKE], request.app[STOPPING]
    headers = {**SECURITY_HEADERS, "Content-Type": EVENT_STREAM_TYPE, "X-Accel-Buffering": "no"}
    response = web.StreamResponse(headers={**headers, "X-Request-Id": request[REQUEST_ID]})
    await response.prepare(request)
    loop = asyncio.get_running_loop()
    beat_at = loop.time()
    opening = f"retry: {RECONNECT_MS}\n\n".encode()
    with contextlib.suppress(ConnectionError, TimeoutError, Problem):
        await _write(response, opening)
        size = intake.log_size
        if not size - REPLAY_ENTRIES_MAX <= cursor <= size:
            # A log that was restored from a backup is shorter: who is ahead of it would wait for what others wrote.
            reset = {"as_of": format_time(intake.clock.now()), "from": cursor, "seq": size}
            await _write(response, _event("reset", size, reset))
            cursor = size
        while not stopping.is_set():
            # Asked again each time, because credentials end while streams are open; reading is nobody at work.
            await prepare(request)
            caller = identify(request, counts_as_use=False)
            found = await broadcast.after(cursor, PAGE_ENTRIES)
            if found:
                shown = await Reader(intake, caller).page(found)
                cursor = found[-1].seq
                await _write(response, b"".join(_event("entry", entry["seq"], entry) for entry in shown))
                continue
            if loop.time() >= beat_at:
                beat = {"as_of": format_time(intake.clock.now()), "seq": cursor, "clock": clock_of(intake)}
                await _write(response, _event("beat", cursor, beat))
                beat_at = loop.time() + BEAT_S
            await broadcast.wait(min(LOOK_S, beat_at - loop.time()))
    return response


def _event(name: str, seq: int, value: object) -> bytes:
    return b"event: %b\nid: %d\ndata: %b\n\n" % (name.encode(), seq, encode(value))


async def _write(response: web.StreamResponse, data: bytes) -> None:
    if data:
        async with asyncio.timeout(WRITE_S_MAX):
            await response.write(data)
