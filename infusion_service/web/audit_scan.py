"""Asks the log one of the auditor's questions, a stretch of entries at a time.

A question about one patient reads that patient's days alone, one since a moment begins there; any other walks the log.
Promises: memory by the stretch, never by the log; the event loop is let go again and again; the stretches together give
the same rows as one walk over everything. A row begun in a stretch is complete as of now, whatever came after it. Does
not: note that somebody reads (`audit_routes`), or know HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from infusion_service.access.readings import LOG_READ
from infusion_service.access.records import KIND_GLASS
from infusion_service.clinical.vocabulary import SITE_STREAM, parse_time
from infusion_service.log.entry import LogEntry, LogRow
from infusion_service.log.store import DayHead, Store
from infusion_service.web.audit_questions import QUESTIONS, Entry, Row

ENTRIES_PER_CALL_MAX = 5_000
"""How far one call looks. A million entries are 200 calls, each a fraction of a second."""

ENTRIES_PER_READ = 1_000
ENTRIES_PER_TURN = 50
"""Entries taken apart before everybody else has the event loop for a moment."""

DAYS_OF_A_PATIENT_MAX = 500


_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked: one of `QUESTIONS`, of what was received from `since` to before `until`, of one patient."""

    question: str
    since: datetime | None = None
    until: datetime | None = None
    patient: str | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one call found. The next one goes on after entry `next_after`; `more` is False at the end."""

    rows: list[Row]
    next_after: int
    more: bool


class Scan:
    """One caller's question to one site's log."""

    def __init__(
        self, store: Store, site: str, asked: Asked, *, may_see: Callable[[str | None], bool] | None = None
    ) -> None:
        """`may_see` tells of a ward, or of None (entries of no day), whether the caller may read there."""
        self._store = store
        self._site = site
        self._asked = asked
        self._question = QUESTIONS[asked.question]
        self._may_see = may_see
        self._heads: dict[str, DayHead | None] = {}
        self._known_since: str | None = None

    async def stretch(self, after: int = 0, limit: int = ENTRIES_PER_CALL_MAX) -> Stretch:
        """Look through at most `limit` entries after entry `after`."""
        self._heads.clear()
        streams = await self._streams()
        at = after or await self._begin()
        left, more, found = min(limit, ENTRIES_PER_CALL_MAX), True, []
        while more and left > 0:
            wanted = min(left, ENTRIES_PER_READ)
            rows = await self._read(streams, at, wanted)
            more = len(rows) == wanted and not self._is_over(rows[-1])
            at = rows[-1].seq if rows else at
            left -= len(rows)
            found += await self._answer([row for row in rows if self._question.may_begin(row)])
        wanted_rows = []
        for turn in _turns(found):
            wanted_rows += [row for row in turn if await self._wanted(row)]
            await asyncio.sleep(0)
        return Stretch(wanted_rows, at, more)

    async def _streams(self) -> list[str] | None:
        """Where entries about the patient stand; None: anywhere."""
        patient = self._asked.patient
        if patient is None:
            return None
        heads = await self._store.day_heads(self._site, patient_id=patient, limit=DAYS_OF_A_PATIENT_MAX)
        for head in heads:
            first = await self._store.read_stream(self._site, head.day_id, limit=1)
            known = str(LogEntry.of(first[0]).as_json()["rcv"])
            self._known_since = min(self._known_since or known, known)
        days = [head.day_id for head in heads]
        return [*days, SITE_STREAM] if self._asked.question == "reads" else days

    async def _read(self, streams: Sequence[str] | None, after: int, limit: int) -> list[LogRow]:
        if streams is None:
            return await self._store.read_log(self._site, after_seq=after, limit=limit)
        rows: list[LogRow] = []
        for stream in streams:
            rows += await self._store.read_log(self._site, after_seq=after, limit=limit, stream=stream)
        return sorted(rows, key=lambda row: row.seq)[:limit]

    async def _begin(self) -> int:
        """The last entry before `since`: what was received rises with `seq`, so it is looked for by halving."""
        since = self._asked.since
        if since is None:
            return 0
        before, reached = 0, (await self._store.log_head(self._site)).size + 1
        while reached - before > 1:
            middle = (before + reached) // 2
            (row,) = await self._store.read_log(self._site, after_seq=middle - 1, limit=1)
            if LogEntry.of(row).parsed_leaf.received_at < since:
                before = middle
            else:
                reached = middle
        return before

    def _is_over(self, last: LogRow) -> bool:
        until = self._asked.until
        return until is not None and LogEntry.of(last).parsed_leaf.received_at >= until

    async def _answer(self, begun: Sequence[LogRow]) -> list[Row]:
        found: list[Row] = []
        if not self._question.follows_the_day:
            for turn in _turns(begun):
                found += self._question.rows(await _as_shown(turn))
                await asyncio.sleep(0)
            return found
        wanted = {row.seq for row in begun}
        for day_id in dict.fromkeys(row.stream for row in begun):
            rows = self._question.rows(await _as_shown(await self._day(day_id)))
            found += [row for row in rows if row["seq"] in wanted]
        return sorted(found, key=lambda row: int(row["seq"]))

    async def _day(self, day_id: str) -> list[LogRow]:
        rows: list[LogRow] = []
        while more := await self._store.read_stream(self._site, day_id, after_n=len(rows), limit=ENTRIES_PER_READ):
            rows += more
        return rows

    async def _wanted(self, row: Row) -> bool:
        """Whether a row is in time, about the patient, and the caller's to see; says whose it is and of which date."""
        since, until, received = self._asked.since, self._asked.until, parse_time(row["received_at"])
        if (since is not None and received < since) or (until is not None and received >= until):
            return False
        head = None if row["day"] is None else await self._head(row["day"])
        glass = row.pop("glass", None)
        if head is not None:
            row["patient"] = head.patient_id
        elif glass is not None and row["patient"] is None:  # a review names the breaking alone
            broken = await self._store.record(self._site, KIND_GLASS, glass)
            row["patient"] = None if broken is None else broken["patient_id"]
        row["date"] = None if head is None else head.date
        return self._concerns(row) and (self._may_see is None or self._may_see(None if head is None else head.ward))

    def _concerns(self, row: Row) -> bool:
        patient = self._asked.patient
        if patient is None or row["day"] is not None:  # of the patient's days nothing else was read
            return True
        if row["type"] == LOG_READ:  # whoever reads the log reads everybody who is in it
            return self._known_since is not None and self._known_since <= str(row["received_at"])
        return bool(row["patient"] == patient)

    async def _head(self, day_id: str) -> DayHead | None:
        if day_id not in self._heads:
            self._heads[day_id] = await self._store.day_head(self._site, day_id)
        return self._heads[day_id]


def _turns(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Cut into what is dealt with before everybody else has the event loop for a moment."""
    for first in range(0, len(items), ENTRIES_PER_TURN):
        yield items[first : first + ENTRIES_PER_TURN]


async def _as_shown(rows: Sequence[LogRow]) -> list[Entry]:
    """The entries as the wire shows them, erased ones left out: what they said is gone."""
    shown: list[Entry] = []
    for turn in _turns(rows):
        shown += [LogEntry.of(row).as_json() for row in turn if row.body is not None]
        await asyncio.sleep(0)
    return shown
