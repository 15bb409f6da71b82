"""Making durable, in groups: outcomes of attempts, new deliveries, the cursor.

Promises: what is new and how far the log was looked through go into one commit; outcomes ride along with it or follow
within `SAVE_AFTER`; a commit that fails leaves everything to the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from infusion_service.delivery.endpoint import KIND_PROGRESS, Progress
from infusion_service.intake.clock import Clock
from infusion_service.log.deliveries import Delivery, DeliveryBatch, Requeue
from infusion_service.log.store import Put, Store

UNSAVED_MAX = 256
SAVE_AFTER = timedelta(milliseconds=50)
"""How long outcomes are gathered before they are made durable: what is lost with them is sent again."""


class Keeper:
    """What of one endpoint is not durable yet."""

    def __init__(self, endpoint_id: str, progress: Progress, *, site: str, store: Store, clock: Clock) -> None:
        self.progress = progress
        """As it is durable."""
        self.unsaved: dict[int, Delivery] = {}
        self.save_at: datetime | None = None
        self._endpoint_id = endpoint_id
        self._site = site
        self._store = store
        self._clock = clock

    def note(self, rows: Sequence[Delivery]) -> None:
        """Keep rows that changed until they are made durable with others."""
        for row in rows:
            self.unsaved[row.epsequence] = row
        if rows and self.save_at is None:
            self.save_at = self._clock.now() + SAVE_AFTER

    def due(self, now: datetime) -> bool:
        """Whether outcomes have been gathered for long enough."""
        return self.save_at is not None and (self.save_at <= now or len(self.unsaved) >= UNSAVED_MAX)

    async def commit(self, progress: Progress, new: Sequence[Delivery] = (), *, requeue: Requeue | None = None) -> None:
        """Make outcomes, new deliveries and the cursor durable together. Raises `StoreError`; then nothing changed."""
        changed, self.unsaved = self.unsaved, {}
        if not (changed or new or requeue) and _same_place(progress, self.progress):
            self.save_at = None
            return
        put = Put(KIND_PROGRESS, self._endpoint_id, msgspec.to_builtins(progress))
        batch = DeliveryBatch(new=new, changed=list(changed.values()), requeue=requeue, operational=[put])
        try:
            await self._store.deliveries.change(self._site, batch)
        except BaseException:
            self.unsaved = {**changed, **self.unsaved}
            raise
        self.progress = progress
        self.save_at = self._clock.now() + SAVE_AFTER if self.unsaved else None


def _same_place(one: Progress, other: Progress) -> bool:
    return (one.after_seq, one.epsequence, one.replay, one.filter) == (
        other.after_seq,
        other.epsequence,
        other.replay,
        other.filter,
    )
