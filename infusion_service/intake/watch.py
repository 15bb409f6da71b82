"""The watch: sees to it that what becomes true by the passing of time is appended.

Time is an input like any other. The watch sleeps until the earliest moment at which any day changes by itself, then
hands that day to the writer, which appends what has become true. There is no timer table: the moments stand in the day
heads, which are derived, so there is nothing to restore and what fell due while down is appended at start.

Promises: nothing due is left out, also by a simulated clock that jumps. Does not: decide what is due (`clinical`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog

from infusion_service.intake.clock import Clock, SimulatedClock
from infusion_service.intake.outcome import Unavailable
from infusion_service.log.store import RebuildRequired, Store

DAYS_PER_SWEEP = 256
"""Days looked at together; the rest follow in the next sweep."""

REST_S = 5.0
"""Pause after days could not be looked at, before it is tried again."""

_NEVER = datetime.max.replace(tzinfo=UTC)

_log = structlog.get_logger(__name__)


class ClockNotSimulated(Exception):
    """The real clock cannot be moved."""


class Watch:
    """Waits for what falls due on one site."""

    def __init__(
        self,
        *,
        site: str,
        store: Store,
        clock: Clock,
        tick: Callable[[str], Awaitable[None]],
        note_clock: Callable[[], Awaitable[None]] | None = None,
        renew: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`tick` hands a day to the writer and returns once what has become true is committed.

        `note_clock` is called at each look, and writes down a doubt about the clock as soon as there is one.
        `renew` has the tables made anew that say what is due, where a row of them is damaged.
        """
        self._site = site
        self._store = store
        self._clock = clock
        self._tick = tick
        self._note_clock = note_clock
        self._renew = renew
        self._turn = asyncio.Lock()
        self._wake = asyncio.Event()
        self._awaited: datetime | None = None

    def notice(self, due: datetime) -> None:
        """Hear of a day that changes at `due`: if that is before what is being waited for, wake up."""
        if self._awaited is None or due < self._awaited:
            self._wake.set()

    async def run(self) -> None:
        """Watch until cancelled. Nothing else ends it: without it a day would stand still in silence."""
        while True:
            try:
                rested = await self._look_once()
            except Unavailable as error:
                _log.warning("watch.cannot_write", why=str(error))
                rested = False
            except RebuildRequired as damage:
                _log.error("watch.tables_damaged", why=str(damage))
                rested = await self._renewed()
            except Exception:  # noqa: BLE001 - whatever it is, time goes on
                _log.exception("watch.failed")
                rested = False
            if not rested:
                await asyncio.sleep(REST_S)

    async def advance(self, to: datetime) -> None:
        """Move a simulated clock to `to`, stopping at every moment at which something falls due.

        Returns after everything due by then has been appended. Raises `ClockNotSimulated`, `ValueError` for a moment
        in the clock's past and `Unavailable` when the log cannot be written.
        """
        if not isinstance(self._clock, SimulatedClock):
            raise ClockNotSimulated("only a simulated clock can be moved")
        if to < self._clock.now():
            raise ValueError("a simulated clock moves forward only")
        async with self._turn:
            due = await self._store.next_due(self._site)
            while due is not None and due <= to:
                self._clock.move_to(max(due, self._clock.now()))
                if not await self._sweep(self._clock.now()):
                    break
                due = await self._store.next_due(self._site)
            self._clock.move_to(max(to, self._clock.now()))

    async def lateness_s(self) -> float:
        """Seconds since the oldest moment that fell due and has not been looked at; 0 while there is none."""
        due = await self._store.next_due(self._site)
        return 0.0 if due is None else max(0.0, (self._clock.now() - due).total_seconds())

    async def _renewed(self) -> bool:
        """Have the tables made anew that say what is due; False where that could not be done now."""
        if self._renew is None:
            return False
        try:
            await self._renew()
        except Unavailable:
            return False
        return True

    async def _look_once(self) -> bool:
        """Append what is due, or wait for what is due next. Returns False when a pause is due before looking again."""
        if self._note_clock is not None:
            await self._note_clock()
        # Cleared before asking, and nothing awaited while asking: whatever is committed meanwhile wakes us.
        self._wake.clear()
        self._awaited = None
        due = await self._store.next_due(self._site)
        if due is not None and due <= self._clock.now():
            async with self._turn:
                return await self._sweep(self._clock.now())
        self._awaited = due or _NEVER
        await self._clock.wait_until(due, self._wake)
        return True

    async def _sweep(self, until: datetime) -> bool:
        """Look at every day due by `until`. Returns False when there were days that could not be looked at."""
        failed: set[str] = set()
        while True:
            heads = await self._store.due_heads(self._site, until, DAYS_PER_SWEEP)
            day_ids = [head.day_id for head in heads if head.day_id not in failed]
            if not day_ids:
                return not failed
            results = await asyncio.gather(*map(self._tick, day_ids), return_exceptions=True)
            for day_id, result in zip(day_ids, results, strict=True):
                if isinstance(result, Unavailable):
                    raise result
                if isinstance(result, BaseException):
                    _log.error("watch.day_failed", day_id=day_id, exc_info=result)
                    failed.add(day_id)
