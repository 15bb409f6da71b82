"""From the log into an endpoint's own sequence: the cursor that numbers what matches.

Promises: entries are looked at in log order and each once; what matches takes the next number and is rendered then, for
good; the same log gives the same numbers whatever crashes in between, because rows and cursor are committed together. A
changed filter counts from its own entry in the log on, and that entry is itself an event of the endpoint's sequence.
Does not: commit or send (`dispatcher`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from infusion_service.clinical.vocabulary import SITE_STREAM
from infusion_service.delivery.endpoint import Filter, Progress
from infusion_service.delivery.rendering import DayFacts, render_entry
from infusion_service.log.deliveries import Delivery
from infusion_service.log.entry import LogEntry, LogRow
from infusion_service.log.store import Store

PAGE_ENTRIES = 256
FILTER_CHANGED = "endpoint.filter_changed"
OWN_LANE = "endpoint"
"""Lane of what belongs to no day."""

DayOf = Callable[[str], Awaitable[DayFacts | None]]
"""What is known of a day."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Deliveries to be made durable together with the progress they come with."""

    deliveries: list[Delivery]
    progress: Progress
    more: bool = False
    """Whether the page was full, so that another may follow."""


class Admission:
    """Reads the log for one endpoint."""

    def __init__(self, *, site: str, endpoint_id: str, store: Store, day_of: DayOf, base: str) -> None:
        self._site = site
        self._endpoint_id = endpoint_id
        self._store = store
        self._day_of = day_of
        self._base = base
        self._days: dict[str, DayFacts | None] = {}
        """Days of the page in hand, looked up once."""

    async def next_page(self, progress: Progress, room: int) -> Admitted:
        """Look through the next page of the log, taking at most `room` deliveries; no progress at the log's end."""
        limit = min(PAGE_ENTRIES, max(room, 1))
        rows = await self._store.read_log(self._site, after_seq=progress.after_seq, limit=limit)
        self._days.clear()
        deliveries: list[Delivery] = []
        for row in rows:
            progress = await self._take(row, progress, deliveries)
            progress = replace(progress, after_seq=row.seq)
        return Admitted(deliveries, progress, more=len(rows) == limit)

    async def next_replayed(self, progress: Progress, room: int) -> Admitted:
        """Look through the next page of a range to be replayed, for entries that never had a number."""
        (first, last), *others = progress.replay
        limit = min(PAGE_ENTRIES, max(room, 1), last - first + 1)
        rows = await self._store.read_log(self._site, after_seq=first - 1, limit=limit)
        rows = [row for row in rows if row.seq <= last]
        known = await self._store.deliveries.of_entries(self._site, self._endpoint_id, first, last)
        self._days.clear()
        deliveries: list[Delivery] = []
        for row in rows:
            if row.seq not in known:
                progress = await self._take(row, progress, deliveries, reason="replay")
        reached = rows[-1].seq if rows else last
        rest = [] if reached >= last else [(reached + 1, last)]
        return Admitted(deliveries, replace(progress, replay=(*rest, *others)))

    async def _take(
        self, row: LogRow, progress: Progress, deliveries: list[Delivery], *, reason: str = "first"
    ) -> Progress:
        if row.body is None:  # erased: there is nothing left to deliver
            return progress
        if row.stream == SITE_STREAM:
            return self._take_own(row, progress, deliveries, reason=reason)
        if not progress.filter.wants_type(row.entry_type, row.kind):
            return progress
        entry = LogEntry.of(row).as_json()
        if not progress.filter.wants_severity(entry["data"].get("severity") if row.kind == "derived" else None):
            return progress
        if row.stream not in self._days:
            self._days[row.stream] = await self._day_of(row.stream)
        day = self._days[row.stream]
        if day is None or not progress.filter.wants_ward(day.ward):
            return progress
        return self._number(entry, day, progress, deliveries, lane=row.stream, reason=reason)

    def _take_own(self, row: LogRow, progress: Progress, deliveries: list[Delivery], *, reason: str) -> Progress:
        """Entries about endpoints and deliveries. Of its own fate an endpoint hears nothing but a changed filter."""
        if row.kind != "admin":
            return progress
        entry = LogEntry.of(row).as_json()
        mine = entry["data"].get("endpoint") == self._endpoint_id
        if mine and row.entry_type == FILTER_CHANGED:
            if reason == "first":
                progress = replace(progress, filter=filter_of(entry["data"]))
        elif mine or not progress.filter.wants_type(row.entry_type, row.kind):
            return progress
        return self._number(entry, None, progress, deliveries, lane=OWN_LANE, reason=reason)

    def _number(
        self,
        entry: Mapping[str, Any],
        day: DayFacts | None,
        progress: Progress,
        deliveries: list[Delivery],
        *,
        lane: str,
        reason: str,
    ) -> Progress:
        epsequence = progress.epsequence + 1
        body = render_entry(entry, day, base=self._base, epsequence=epsequence, payload=progress.filter.payload)
        deliveries.append(
            Delivery(
                endpoint_id=self._endpoint_id,
                epsequence=epsequence,
                seq=entry["seq"],
                webhook_id=entry["entry_id"],
                lane=lane,
                event_type=entry["type"],
                reason=reason,
                body=body,
            )
        )
        return replace(progress, epsequence=epsequence)


def filter_data(wanted: Filter) -> dict[str, Any]:
    """A filter as the data of a log entry; what is not narrowed is left out."""
    data: dict[str, Any] = {"types": list(wanted.types), "payload": wanted.payload}
    if wanted.wards is not None:
        data["wards"] = list(wanted.wards)
    if wanted.severities is not None:
        data["severities"] = list(wanted.severities)
    return data


def filter_of(data: Mapping[str, Any]) -> Filter:
    """Read what `filter_data` wrote."""
    return msgspec.convert({name: data[name] for name in Filter.__struct_fields__ if name in data}, Filter)
