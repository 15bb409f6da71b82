"""A delivery of which something else is kept than was written."""

from __future__ import annotations

import asyncio
from pathlib import Path

from msgspec.structs import replace

from infusion_service.log.deliveries import DeliveryBatch
from tests.delivery.test_dispatch import failing
from tests.delivery.virtual import ADMIN, Site, day, in_virtual_time, takes_all
from tests.log.given import SITE


def test_a_delivery_that_is_damaged_is_parked_and_never_sent(tmp_path: Path) -> None:
    async def work() -> None:
        site = Site(tmp_path / "secrets.key")
        endpoint_id, receiver = await site.endpoint(failing(500))
        await site.fact(day(1))
        await site.fact(day(2))
        await asyncio.sleep(1)
        damaged, sound = await site.store.deliveries.waiting(SITE, endpoint_id, limit=10)
        await site.store.deliveries.change(SITE, DeliveryBatch(changed=[replace(damaged, damaged=True)]))
        sent = len(receiver.arrivals)
        receiver.script = takes_all
        await site.crash()
        await asyncio.sleep(10 * 60)
        (parked,) = await site.rows(endpoint_id, state="parked")
        assert (parked["n"], parked["next_attempt_at"]) == (damaged.epsequence, None)
        assert {arrival.headers["webhook-id"] for arrival in receiver.arrivals[sent:]} == {sound.webhook_id}
        # Nor when somebody asks for it: what is kept of it is still not what was written.
        await site.endpoints.deliveries.retry(endpoint_id, damaged.epsequence, "again", ADMIN)
        await asyncio.sleep(60)
        assert [row["n"] for row in await site.rows(endpoint_id, state="parked")] == [damaged.epsequence]
        await site.endpoints.stop()

    in_virtual_time(work)
