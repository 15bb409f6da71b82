"""Deliveries as people look through them: found, looked at, tried again, given up; each decision an entry of the log.

Promises: nothing is tried again or given up without a name and a reason; what is tried again keeps its id, its bytes
and its number, and those of one day go in their order. Does not: send (`dispatcher`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from infusion_service.clinical.vocabulary import Actor
from infusion_service.delivery import showing
from infusion_service.delivery.errors import NotPossible, UnknownDelivery
from infusion_service.delivery.registry import Registry
from infusion_service.log.deliveries import Delivery, DeliveryBatch, DeliverySearch, DeliveryState
from infusion_service.log.store import Store

RETRIED_AT_ONCE_MAX = 1000


class DeliveryDesk:
    """The deliveries of a site's endpoints. Every call raises `UnknownEndpoint` for one that is not there."""

    def __init__(
        self,
        registry: Registry,
        store: Store,
        *,
        site: str,
        now: Callable[[], datetime],
        changed: Callable[[str], None],
    ) -> None:
        """`changed` hears of endpoints whose deliveries were changed here."""
        self._registry = registry
        self._store = store
        self._site = site
        self._now = now
        self._changed = changed

    async def page(
        self, endpoint_id: str, search: DeliverySearch, *, after: int = 0, limit: int
    ) -> list[dict[str, Any]]:
        """Deliveries looked for, by number."""
        self._registry.get(endpoint_id)
        rows = await self._store.deliveries.page(self._site, endpoint_id, search, after=after, limit=limit)
        return [showing.delivery(row) for row in rows]

    async def one(self, endpoint_id: str, epsequence: int) -> dict[str, Any]:
        """One delivery with its attempts. Raises `UnknownDelivery`."""
        return showing.delivery(await self._row(endpoint_id, epsequence))

    async def body(self, endpoint_id: str, epsequence: int) -> bytes:
        """The bytes of a delivery, as they are sent on every attempt. Raises `DeliveryRefused`."""
        row = await self._row(endpoint_id, epsequence)
        if row.body is None:
            raise UnknownDelivery("its bytes have been forgotten")
        return row.body

    async def retry(self, endpoint_id: str, epsequence: int, reason: str, by: Actor) -> dict[str, Any]:
        """Try a parked delivery again at once. Raises `DeliveryRefused`."""
        row = await self._parked(endpoint_id, epsequence)
        if row.body is None:
            raise NotPossible("its bytes have been forgotten")
        data = {"endpoint": endpoint_id, "epsequence": epsequence, "reason": reason}
        await self._registry.note("delivery.retried", data, by)
        again = self._again(row)
        await self._write(endpoint_id, [again])
        return showing.delivery(again)

    async def retry_range(self, endpoint_id: str, first: int, last: int, reason: str, by: Actor) -> int:
        """Try what is parked among these numbers again, both included, the oldest first; returns how many.

        At most `RETRIED_AT_ONCE_MAX` of them. Those whose bytes have been forgotten stay. Raises `NotPossible` for a
        range that holds none.
        """
        self._registry.get(endpoint_id)
        search = DeliverySearch(state="parked", to_number=last)
        found = await self._store.deliveries.page(
            self._site, endpoint_id, search, after=first - 1, limit=RETRIED_AT_ONCE_MAX
        )
        # A page comes without bytes; a change leaves them as they are, so they are looked at only for being there.
        rows = [row for each in found if (row := await self._row(endpoint_id, each.epsequence)).body is not None]
        if not rows:
            raise NotPossible("nothing in this range is parked")
        data = {"endpoint": endpoint_id, "from_n": first, "to_n": last, "deliveries": len(rows), "reason": reason}
        await self._registry.note("delivery.retried", data, by)
        await self._write(endpoint_id, [self._again(row) for row in rows])
        return len(rows)

    async def drop(self, endpoint_id: str, epsequence: int, reason: str, by: Actor) -> dict[str, Any]:
        """Give a parked delivery up. Raises `DeliveryRefused`."""
        row = await self._parked(endpoint_id, epsequence)
        data = {"endpoint": endpoint_id, "epsequence": epsequence, "event": row.webhook_id, "reason": reason}
        await self._registry.note("delivery.dropped", data, by)
        dropped = replace(row, state="dropped", next_attempt_at=None, settled_at=self._now())
        await self._write(endpoint_id, [dropped])
        return showing.delivery(dropped)

    def _again(self, row: Delivery) -> Delivery:
        # It stays out of its lane: what came after it has been delivered, or is under way.
        return replace(row, reason="redrive", attempts=0, next_attempt_at=self._now())

    async def _write(self, endpoint_id: str, rows: list[Delivery]) -> None:
        await self._store.deliveries.change(self._site, DeliveryBatch(changed=rows))
        self._changed(endpoint_id)

    async def _parked(self, endpoint_id: str, epsequence: int) -> Delivery:
        row = await self._row(endpoint_id, epsequence)
        if row.state != "parked":
            raise NotPossible(f"the delivery is {_said(row.state)}, not parked")
        return row

    async def _row(self, endpoint_id: str, epsequence: int) -> Delivery:
        self._registry.get(endpoint_id)
        row = await self._store.deliveries.one(self._site, endpoint_id, epsequence)
        if row is None:
            raise UnknownDelivery("the endpoint has no delivery of this number")
        return row


def _said(state: DeliveryState) -> str:
    return {"waiting": "waiting for its turn", "done": "delivered"}.get(state, state)
