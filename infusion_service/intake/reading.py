"""Reads: day views now and then, the board, entries and pages of the log.

Promises: a view of the past is folded from the log, never from memory; reads change nothing. Does not: know who asks
(`web` shows each credential what it may see, and records reads that must be recorded).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime

from infusion_service.clinical.alerting import STRUCK
from infusion_service.clinical.observe import board_row, observe
from infusion_service.clinical.vocabulary import JSON, Entry
from infusion_service.intake.clock import Clock
from infusion_service.intake.days import DAYS_OF_A_PATIENT_MAX, Chart, Days, Sheet
from infusion_service.log.entry import LogEntry
from infusion_service.log.store import StorageFailed, Store

PAGE = 1000

ROWS_PER_TURN = 16
"""Board rows made before others get a turn on the event loop."""


class Past:
    """Tells, entry by entry of one day in the order of the log, which ones belong to the day as it stood."""

    def __init__(self, at: datetime | None, known_at: datetime | None, corrections: Collection[str]) -> None:
        """As at a clinical time, as known at another; None for either: as of now.

        `corrections` are the types of entry that say later what becomes of what was charted before: they count for
        every clinical time, from when they were known.
        """
        self._corrections = corrections
        self._at = at
        self._known_at = known_at
        self._left_out: set[str] = set()

    def __call__(self, entry: Entry) -> bool:
        """Whether `entry` belongs to it."""
        kept = self._known(entry) and self._happened(entry)
        # What is said of an alert that had not been raised by then goes with it.
        if kept and entry.data.get("alert_id") in self._left_out:
            kept = False
        if not kept:
            self._left_out.add(entry.entry_id)
        return kept

    def _known(self, entry: Entry) -> bool:
        return self._known_at is None or entry.received_at <= self._known_at

    def _happened(self, entry: Entry) -> bool:
        return self._at is None or entry.occurred_at <= self._at or entry.type in self._corrections


class Reading:
    """The readers' side of one site's intake."""

    def __init__(self, *, site: str, store: Store, clock: Clock, days: Days) -> None:
        self._site = site
        self._store = store
        self._clock = clock
        self._days = days

    async def view(
        self, day_id: str, *, at: datetime | None = None, known_at: datetime | None = None
    ) -> dict[str, JSON] | None:
        """The day view of the contract, or None when there is (or was then) no such day.

        `at`: as it stood at that clinical time; `known_at`: from what had been received by then. With `known_at` alone
        the clinical time is that moment too.
        """
        if at is None and known_at is None:
            chart = await self._days.of_day(day_id)
            if chart is None:
                return None
            return observe(chart.course, chart.sheets[day_id].day, self._clock.now())
        past = await self._chart_then(day_id, at, known_at)
        if past is None or day_id not in past.sheets:
            return None
        return observe(past.course, past.sheets[day_id].day, at or known_at or self._clock.now())

    async def board(
        self,
        *,
        ward: str | None = None,
        state: str | None = None,
        date: str | None = None,
        open_only: bool = False,
        after: tuple[str, str] | None = None,
        newest_first: bool = False,
        limit: int,
    ) -> list[dict[str, JSON]]:
        """Board rows in the order (date, day id), or in the reverse one, from `after` exclusive."""
        heads = await self._store.day_heads(
            self._site,
            ward=ward,
            state=state,
            date=date,
            open_only=open_only,
            after=after,
            newest_first=newest_first,
            limit=limit,
        )
        rows = []
        for number, head in enumerate(heads, start=1):
            if number % ROWS_PER_TURN == 0:
                await asyncio.sleep(0)  # days in hand cost no wait, and a full page would hold up everybody
            chart = await self._days.of_day(head.day_id)
            if chart is not None:
                rows.append(board_row(chart.course, chart.sheets[head.day_id].day, self._clock.now()))
        return rows

    async def entries(self, day_id: str) -> list[LogEntry]:
        """All entries of a day, in order; empty when there is no such day."""
        entries: list[LogEntry] = []
        while rows := await self._store.read_stream(self._site, day_id, after_n=len(entries), limit=PAGE):
            entries += map(LogEntry.of, rows)
        if not entries and await self._store.day_head(self._site, day_id) is not None:
            raise StorageFailed(f"entries of day {day_id} cannot be found: run infusion verify", fatal=False)
        return entries

    async def log_page(
        self, after: int, limit: int, day_id: str | None = None, entry_type: str | None = None
    ) -> list[LogEntry]:
        """Entries of the log in order, from sequence number `after` exclusive, at most `limit` and never over 1 000."""
        rows = await self._store.read_log(
            self._site, after_seq=after, limit=min(limit, PAGE), stream=day_id, entry_type=entry_type
        )
        return [LogEntry.of(row) for row in rows]

    async def _chart_then(self, day_id: str, at: datetime | None, known_at: datetime | None) -> Chart | None:
        head = await self._store.day_head(self._site, day_id)
        if head is None:
            return None
        heads = [head]
        if head.patient_id is not None:
            heads = await self._store.day_heads(self._site, patient_id=head.patient_id, limit=DAYS_OF_A_PATIENT_MAX)
        sheets: dict[str, Sheet] = {}
        corrections = {STRUCK, *self._days.strikes}
        for other in heads:
            sheet = await self._days.fold_day(other.day_id, keep=Past(at, known_at, corrections))
            if sheet is not None:
                sheets[other.day_id] = sheet
        return Chart(head.patient_id or day_id, sheets)
