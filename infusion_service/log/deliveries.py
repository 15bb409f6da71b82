"""The port to what is kept of webhook deliveries: an operational table beside the log, never a second log.

A delivery is one committed entry as one endpoint gets it: its place in the endpoint's own sequence, the bytes that are
sent on every attempt, and what became of it. Promises: a `change` is one transaction; when it returns it is durable.
The rows of a batch and the endpoint's cursor go into the same one, so that no crash numbers an entry twice or leaves
one out. Does not: choose what is delivered, or when (`delivery`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from infusion_service.log.records import Drop, Put

DeliveryState = Literal["waiting", "parked", "done", "dropped"]
"""waiting: in its lane. parked: out of its lane, tried again at `next_attempt_at` where there is one. done: answered
2xx. dropped: a person gave it up."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `seq` is None for what the service itself tells the endpoint; `body` is None once it is forgotten."""

    endpoint_id: str
    epsequence: int
    seq: int | None
    webhook_id: str
    lane: str
    event_type: str
    state: DeliveryState = "waiting"
    reason: str = "first"
    attempts: int = 0
    """Attempts that count against the schedule."""
    first_failed_at: datetime | None = None
    next_attempt_at: datetime | None = None
    settled_at: datetime | None = None
    history: str = "[]"
    """JSON list of attempts, newest last."""
    body: bytes | None = None
    damaged: bool = False
    """Whether what is kept of it is not what was written: it is never sent as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requeue:
    """Have deliveries of entries `from_seq` to `to_seq` wait again, whatever became of them, with the same bytes."""

    endpoint_id: str
    from_seq: int
    to_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryBatch:
    """What one commit changes. `changed` rows keep their number, entry and bytes: only their fate is written."""

    new: Sequence[Delivery] = ()
    changed: Sequence[Delivery] = ()
    requeue: Requeue | None = None
    operational: Sequence[Put | Drop] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySearch:
    """What deliveries somebody looks for; what is None does not matter."""

    state: DeliveryState | None = None
    lane: str | None = None
    event_type: str | None = None
    answer: str | None = None
    """What came of the last attempt: its status ("503"), or its fault ("timeout")."""
    since: datetime | None = None
    """The last attempt was made at this time or later."""
    until: datetime | None = None
    """The last attempt was made before this time."""
    to_number: int | None = None
    """The last number of the range, included."""


ANY_DELIVERY = DeliverySearch()


class Deliveries(Protocol):
    """The deliveries of all sites in one store."""

    async def change(self, site: str, batch: DeliveryBatch) -> None:
        """Make all of it durable, or nothing. Raises what `Store.put` raises."""

    async def waiting(self, site: str, endpoint_id: str, *, after: int = 0, limit: int) -> list[Delivery]:
        """Deliveries that wait in their lanes, by number, from `after` exclusive."""

    async def parked_due(self, site: str, endpoint_id: str, until: datetime, limit: int) -> list[Delivery]:
        """Parked deliveries to be tried again by `until`, earliest first."""

    async def next_parked_due(self, site: str, endpoint_id: str) -> datetime | None:
        """When the next parked delivery is to be tried again."""

    async def page(
        self, site: str, endpoint_id: str, search: DeliverySearch = ANY_DELIVERY, *, after: int = 0, limit: int
    ) -> list[Delivery]:
        """Deliveries by number, from `after` exclusive, without their bodies."""

    async def one(self, site: str, endpoint_id: str, epsequence: int) -> Delivery | None:
        """One delivery with its body."""

    async def of_entries(self, site: str, endpoint_id: str, from_seq: int, to_seq: int) -> dict[int, int]:
        """Number in the endpoint's sequence by `seq`, for the entries of the range that have one."""

    async def counts(self, site: str, endpoint_id: str) -> dict[str, int]:
        """How many are `waiting` and how many `parked`."""

    async def forget_bodies(self, site: str, endpoint_id: str, settled_before: datetime) -> None:
        """Destroy the bytes of deliveries that were settled before a moment; what became of them stays."""
