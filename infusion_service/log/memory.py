"""A log kept in memory: plain, small, nothing survives the process.

It keeps the port honest (one contract suite runs over every store) and serves tests and rehearsals. Every method runs
without waiting in between, which makes each of them a transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TypeVar

import msgspec

from infusion_service.clinical.vocabulary import JSON, SITE_STREAM
from infusion_service.log.entry import LogEntry, LogRow, parse_leaf
from infusion_service.log.memory_deliveries import MemoryDeliveries
from infusion_service.log.merkle import Frontier, subtrees_of
from infusion_service.log.store import (
    Batch,
    DayHead,
    Drop,
    EventIdTaken,
    LogHead,
    Put,
    RebuildRequired,
    check_batch,
    check_continues,
    id_bytes,
    last_of_site_stream,
)

_Item = TypeVar("_Item")


@dataclass(slots=True)
class _Site:
    """One site's log and what is derived from it; a derived part that was dropped is None."""

    rows: list[LogRow] = field(default_factory=list)  # the row of seq is at seq - 1
    streams: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))  # their seqs
    records: dict[tuple[str, str], bytes] = field(default_factory=dict)
    head: LogHead | None = field(default_factory=LogHead)
    event_keys: dict[str, int] | None = field(default_factory=dict)  # event id -> seq
    day_heads: dict[str, DayHead] | None = field(default_factory=dict)


class MemoryStore:
    """The store port over dictionaries. Closing keeps the data, so that a reopened store is the same one."""

    def __init__(self) -> None:
        self._sites: dict[str, _Site] = defaultdict(_Site)
        self.deliveries = MemoryDeliveries(self.put)

    async def open(self) -> None:
        """Nothing to make ready."""

    async def close(self) -> None:
        """Nothing to let go of."""

    async def ping(self) -> None:
        """Always there."""

    async def append(self, batch: Batch) -> None:
        """See `Store.append`. Everything is checked before the first change."""
        site = self._sites[batch.site]
        if site.event_keys is None or site.day_heads is None or site.head is None:
            raise RebuildRequired(f"derived data of site {batch.site} were dropped")
        check_batch(batch, len(site.rows))
        last_n: dict[str, int] = {}
        for row in batch.rows:
            check_continues(row, last_n.get(row.stream, len(site.streams.get(row.stream, ()))))
            last_n[row.stream] = row.n
            if row.stream != SITE_STREAM:
                id_bytes(row.stream)
            id_bytes(row.event_id)
            if row.event_id in site.event_keys:
                raise EventIdTaken(row.event_id)
        for head in batch.heads:
            id_bytes(head.day_id)
        records = _changed(site.records, batch.operational)
        if batch.rows:
            site.head = _head_after(site.head, batch)
        _erase(site, batch.erase)
        for stream in batch.erase:
            self.deliveries.erase(batch.site, stream)
        for row in batch.rows:
            site.rows.append(row)
            site.streams[row.stream].append(row.seq)
            site.event_keys[row.event_id] = row.seq
        site.day_heads.update((head.day_id, head) for head in batch.heads)
        site.records = records

    async def put(self, site: str, operations: Sequence[Put | Drop]) -> None:
        """See `Store.put`."""
        self._sites[site].records = _changed(self._sites[site].records, operations)

    async def log_head(self, site: str) -> LogHead:
        """See `Store.log_head`."""
        here = self._sites[site]
        return here.head or _head_of(site, here.rows)

    async def find_event(self, site: str, event_id: str) -> LogRow | None:
        """See `Store.find_event`."""
        return (await self.find_events(site, [event_id])).get(event_id)

    async def find_events(self, site: str, event_ids: Sequence[str]) -> dict[str, LogRow]:
        """See `Store.find_events`."""
        here = self._sites[site]
        keys = here.event_keys or {}
        return {event_id: here.rows[keys[event_id] - 1] for event_id in event_ids if event_id in keys}

    async def read_stream(self, site: str, stream: str, *, after_n: int = 0, limit: int) -> list[LogRow]:
        """See `Store.read_stream`."""
        here = self._sites[site]
        return [here.rows[seq - 1] for seq in here.streams.get(stream, [])[after_n : after_n + limit]]

    async def read_log(
        self, site: str, *, after_seq: int = 0, limit: int, stream: str | None = None, entry_type: str | None = None
    ) -> list[LogRow]:
        """See `Store.read_log`."""
        wanted = (
            row
            for row in self._sites[site].rows[after_seq:]
            if stream in (None, row.stream) and entry_type in (None, row.entry_type)
        )
        return _first(wanted, limit)

    async def read_subtrees(self, site: str, nodes: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """See `Store.read_subtrees`."""
        read = subtrees_of([row.leaf_hash for row in self._sites[site].rows])
        return {(level, index): read(level, index) for level, index in nodes}

    async def read_streams(self, site: str, *, after: str | None = None, limit: int) -> list[str]:
        """See `Store.read_streams`."""
        days = sorted(stream for stream in self._sites[site].streams if stream != SITE_STREAM)
        return _first((day for day in days if after is None or day > after), limit)

    async def day_head(self, site: str, day_id: str) -> DayHead | None:
        """See `Store.day_head`."""
        return (self._sites[site].day_heads or {}).get(day_id)

    async def day_heads(  # noqa: PLR0913 - each narrows the same question
        self,
        site: str,
        *,
        ward: str | None = None,
        state: str | None = None,
        date: str | None = None,
        open_only: bool = False,
        patient_id: str | None = None,
        after: tuple[str, str] | None = None,
        newest_first: bool = False,
        limit: int,
    ) -> list[DayHead]:
        """See `Store.day_heads`."""
        wanted = (
            head
            for head in sorted((self._sites[site].day_heads or {}).values(), key=_board_key, reverse=newest_first)
            if ward in (None, head.ward)
            and state in (None, head.state)
            and date in (None, head.date)
            and patient_id in (None, head.patient_id)
            and (head.open or not open_only)
            and (after is None or (_board_key(head) < after if newest_first else _board_key(head) > after))
        )
        return _first(wanted, limit)

    async def due_heads(self, site: str, until: datetime, limit: int) -> list[DayHead]:
        """See `Store.due_heads`."""
        due = [(at, head.day_id, head) for at, head in self._awaited(site) if at <= until]
        return [head for _, _, head in sorted(due, key=lambda found: found[:2])[:limit]]

    async def next_due(self, site: str) -> datetime | None:
        """See `Store.next_due`."""
        return min((at for at, _ in self._awaited(site)), default=None)

    def _awaited(self, site: str) -> Iterator[tuple[datetime, DayHead]]:
        for head in (self._sites[site].day_heads or {}).values():
            if head.next_change_at is not None:
                yield head.next_change_at, head

    async def records(self, site: str, kind: str) -> dict[str, dict[str, JSON]]:
        """See `Store.records`."""
        found = sorted(self._sites[site].records.items())
        return {key: msgspec.json.decode(value) for (of_kind, key), value in found if of_kind == kind}

    async def record(self, site: str, kind: str, key: str) -> dict[str, JSON] | None:
        """See `Store.record`."""
        value = self._sites[site].records.get((kind, key))
        return None if value is None else msgspec.json.decode(value)

    async def drop_derived(self) -> None:
        """See `Store.drop_derived`."""
        for site in self._sites.values():
            site.head = site.event_keys = site.day_heads = None

    async def derived_is_current(self, site: str) -> bool:
        """See `Store.derived_is_current`."""
        here = self._sites[site]
        return here.head is not None and here.event_keys is not None and here.day_heads is not None

    async def rebuild_event_keys(self, site: str) -> None:
        """See `Store.rebuild_event_keys`."""
        here = self._sites[site]
        entries = ((row.seq, LogEntry.of(row).entry) for row in here.rows)
        here.event_keys = (here.event_keys or {}) | {entry.entry_id: seq for seq, entry in entries if entry}
        here.head = _head_of(site, here.rows)

    async def replace_heads(self, site: str, heads: Sequence[DayHead]) -> None:
        """See `Store.replace_heads`."""
        self._sites[site].day_heads = {head.day_id: head for head in heads}


def _changed(records: dict[tuple[str, str], bytes], operations: Iterable[Put | Drop]) -> dict[tuple[str, str], bytes]:
    """Records are kept as JSON text, as every store does: nobody changes one by holding on to it."""
    changed = dict(records)
    for operation in operations:
        if isinstance(operation, Put):
            changed[operation.kind, operation.key] = msgspec.json.encode(operation.value)
        else:
            changed.pop((operation.kind, operation.key), None)
    return changed


def _erase(site: _Site, streams: Iterable[str]) -> None:
    """Runs before the batch's own rows are in: those are kept."""
    for stream in streams:
        for seq in site.streams.get(stream, ()):
            row = site.rows[seq - 1]
            site.rows[seq - 1] = msgspec.structs.replace(row, event_id="", entry_type="", kind="", body=None, salt=None)


def _head_of(site: str, rows: Sequence[LogRow]) -> LogHead:
    if not rows:
        return LogHead()
    frontier = Frontier(row.leaf_hash for row in rows).to_bytes()
    return _head_after(LogHead(), Batch(site=site, rows=rows, frontier=frontier))


def _head_after(head: LogHead, batch: Batch) -> LogHead:
    of_site = last_of_site_stream(batch.rows)
    last = batch.rows[-1]
    return LogHead(
        size=last.seq,
        frontier=batch.frontier,
        received_at=parse_leaf(last.leaf).received_at,
        site_n=of_site.n if of_site else head.site_n,
        site_last_hash=of_site.leaf_hash if of_site else head.site_last_hash,
    )


def _board_key(head: DayHead) -> tuple[str, str]:
    return head.date or "", head.day_id


def _first(found: Iterable[_Item], limit: int) -> list[_Item]:
    return list(islice(found, limit))
