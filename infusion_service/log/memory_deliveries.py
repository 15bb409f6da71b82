"""Deliveries kept in memory: see `deliveries.Deliveries`. Nothing survives the process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
from msgspec.structs import replace

from infusion_service.clinical.vocabulary import parse_time
from infusion_service.log.deliveries import ANY_DELIVERY, Delivery, DeliveryBatch, DeliverySearch, DeliveryState
from infusion_service.log.records import Drop, Put

OPEN_STATES = ("waiting", "parked")


class MemoryDeliveries:
    """The port over dictionaries; `put` keeps the operational records of a batch."""

    def __init__(self, put: Callable[[str, Sequence[Put | Drop]], Awaitable[None]]) -> None:
        self._put = put
        self._rows: dict[tuple[str, str], dict[int, Delivery]] = defaultdict(dict)
        self._open: dict[tuple[str, str], dict[int, Delivery]] = defaultdict(dict)
        self._entries: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)

    async def change(self, site: str, batch: DeliveryBatch) -> None:
        """See `Deliveries.change`. Everything is checked before the first change."""
        for row in batch.new:
            entries = self._entries[site, row.endpoint_id]
            if row.epsequence in self._rows[site, row.endpoint_id] or (row.seq is not None and row.seq in entries):
                raise ValueError(f"delivery {row.epsequence} of {row.endpoint_id} is there already")
        for row in batch.new:
            self._keep(site, row)
        for row in batch.changed:
            before = self._rows[site, row.endpoint_id].get(row.epsequence)
            if before is not None:
                self._keep(site, replace(row, body=before.body, seq=before.seq))
        if batch.requeue is not None:
            again = batch.requeue
            for row in list(self._rows[site, again.endpoint_id].values()):
                if row.seq is not None and again.from_seq <= row.seq <= again.to_seq and row.body is not None:
                    self._keep(site, _requeued(row))
        await self._put(site, batch.operational)

    def _keep(self, site: str, row: Delivery) -> None:
        self._rows[site, row.endpoint_id][row.epsequence] = row
        if row.seq is not None:
            self._entries[site, row.endpoint_id][row.seq] = row.epsequence
        if row.state in OPEN_STATES:
            self._open[site, row.endpoint_id][row.epsequence] = row
        else:
            self._open[site, row.endpoint_id].pop(row.epsequence, None)

    async def waiting(self, site: str, endpoint_id: str, *, after: int = 0, limit: int) -> list[Delivery]:
        """See `Deliveries.waiting`."""
        found = (row for row in self._in_state(site, endpoint_id, "waiting") if row.epsequence > after)
        return list(islice(found, limit))

    async def parked_due(self, site: str, endpoint_id: str, until: datetime, limit: int) -> list[Delivery]:
        """See `Deliveries.parked_due`."""
        due = [
            (row.next_attempt_at, row.epsequence, row)
            for row in self._in_state(site, endpoint_id, "parked")
            if row.next_attempt_at is not None and row.next_attempt_at <= until
        ]
        return [row for _, _, row in sorted(due, key=lambda found: found[:2])[:limit]]

    async def next_parked_due(self, site: str, endpoint_id: str) -> datetime | None:
        """See `Deliveries.next_parked_due`."""
        moments = (row.next_attempt_at for row in self._in_state(site, endpoint_id, "parked"))
        return min((moment for moment in moments if moment is not None), default=None)

    def _in_state(self, site: str, endpoint_id: str, state: DeliveryState) -> Iterator[Delivery]:
        return (row for _, row in sorted(self._open[site, endpoint_id].items()) if row.state == state)

    async def page(
        self, site: str, endpoint_id: str, search: DeliverySearch = ANY_DELIVERY, *, after: int = 0, limit: int
    ) -> list[Delivery]:
        """See `Deliveries.page`."""
        found = (
            replace(row, body=None)
            for number, row in sorted(self._rows[site, endpoint_id].items())
            if number > after and _is_looked_for(row, search)
        )
        return list(islice(found, limit))

    async def one(self, site: str, endpoint_id: str, epsequence: int) -> Delivery | None:
        """See `Deliveries.one`."""
        return self._rows[site, endpoint_id].get(epsequence)

    async def of_entries(self, site: str, endpoint_id: str, from_seq: int, to_seq: int) -> dict[int, int]:
        """See `Deliveries.of_entries`."""
        entries = self._entries[site, endpoint_id]
        return {seq: number for seq, number in entries.items() if from_seq <= seq <= to_seq}

    async def counts(self, site: str, endpoint_id: str) -> dict[str, int]:
        """See `Deliveries.counts`."""
        states = [row.state for row in self._open[site, endpoint_id].values()]
        return {state: states.count(state) for state in ("waiting", "parked")}

    def erase(self, site: str, stream: str) -> None:
        """Destroy what was, or was to be, delivered of a stream: part of the store's erasure."""
        for (of_site, _), rows in list(self._rows.items()):
            for row in list(rows.values()) if of_site == site else ():
                if row.lane == stream:
                    state: DeliveryState = "done" if row.state == "done" else "dropped"
                    self._keep(site, replace(row, body=None, state=state, next_attempt_at=None))

    async def forget_bodies(self, site: str, endpoint_id: str, settled_before: datetime) -> None:
        """See `Deliveries.forget_bodies`."""
        for row in list(self._rows[site, endpoint_id].values()):
            if row.settled_at is not None and row.settled_at < settled_before and row.body is not None:
                self._keep(site, replace(row, body=None))


def _is_looked_for(row: Delivery, search: DeliverySearch) -> bool:
    history: list[dict[str, Any]] = msgspec.json.decode(row.history)
    last = history[-1] if history else {}
    at = parse_time(last["at"]) if "at" in last else None
    return (
        search.state in (None, row.state)
        and search.lane in (None, row.lane)
        and search.event_type in (None, row.event_type)
        and search.answer in (None, str(last.get("status", last.get("fault", ""))))
        and (search.since is None or (at is not None and at >= search.since))
        and (search.until is None or (at is not None and at < search.until))
        and (search.to_number is None or row.epsequence <= search.to_number)
    )


def _requeued(row: Delivery) -> Delivery:
    return replace(
        row,
        state="waiting",
        reason="replay",
        attempts=0,
        first_failed_at=None,
        next_attempt_at=None,
        settled_at=None,
    )
