"""What every store promises of deliveries: numbers once, bytes kept, one commit for rows and cursor."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from infusion_service.clinical.vocabulary import parse_time
from infusion_service.log.deliveries import Delivery, DeliveryBatch, DeliverySearch, Requeue
from infusion_service.log.store import Put, Store
from tests.log.contract.conftest import Reopen
from tests.log.given import DAY_1, DAY_2, Scribe, an_entry

SITE = "demo"
ENDPOINT = "0197c0de-7000-7000-8000-0000000000e1"
OTHER = "0197c0de-7000-7000-8000-0000000000e2"
NOW = parse_time("2026-11-23T07:00:00Z")


def row(number: int, *, seq: int | None = None, lane: str = "a", endpoint: str = ENDPOINT) -> Delivery:
    return Delivery(
        endpoint_id=endpoint,
        epsequence=number,
        seq=number if seq is None else seq,
        webhook_id=str(uuid.UUID(int=number)),
        lane=lane,
        event_type="note.added",
        body=b"{%d}" % number,
    )


async def test_rows_and_cursor_come_back_after_a_reopening(store: Store, another: Reopen) -> None:
    rows = [row(1), row(2, lane="b"), row(3)]
    batch = DeliveryBatch(new=rows, operational=[Put("endpoint_progress", ENDPOINT, {"after_seq": 3})])
    await store.deliveries.change(SITE, batch)
    await store.close()
    again = another()
    await again.open()
    try:
        assert await again.deliveries.waiting(SITE, ENDPOINT, limit=10) == rows
        assert await again.record(SITE, "endpoint_progress", ENDPOINT) == {"after_seq": 3}
    finally:
        await again.close()


async def test_a_number_and_an_entry_are_taken_once(store: Store) -> None:
    await store.deliveries.change(SITE, DeliveryBatch(new=[row(1, seq=7)]))
    cursor = Put("endpoint_progress", ENDPOINT, {"after_seq": 9})
    for twice in (row(1, seq=8), row(2, seq=7)):
        with pytest.raises(Exception, match=r"there already|UNIQUE"):
            await store.deliveries.change(SITE, DeliveryBatch(new=[twice], operational=[cursor]))
    assert await store.record(SITE, "endpoint_progress", ENDPOINT) is None
    await store.deliveries.change(SITE, DeliveryBatch(new=[row(1, seq=7, endpoint=OTHER)]))


async def test_a_change_writes_the_fate_and_keeps_the_bytes(store: Store) -> None:
    await store.deliveries.change(SITE, DeliveryBatch(new=[row(1), row(2)]))
    done = replace(row(1), state="done", settled_at=NOW, history='[{"status":200}]', attempts=1, body=b"other")
    await store.deliveries.change(SITE, DeliveryBatch(changed=[done]))
    assert await store.deliveries.one(SITE, ENDPOINT, 1) == replace(done, body=b"{1}")
    assert [found.epsequence for found in await store.deliveries.waiting(SITE, ENDPOINT, limit=10)] == [2]


@pytest.mark.parametrize("count", [3, 64, 85, 150])
async def test_however_many_change_at_once_each_gets_its_own_fate(store: Store, count: int) -> None:
    rows = [row(number) for number in range(1, count + 1)]
    fates = [
        replace(row, state="done", settled_at=NOW + timedelta(seconds=row.epsequence), history=f"[{row.epsequence}]")
        for row in rows[1:]
    ]
    await store.deliveries.change(SITE, DeliveryBatch(new=rows, changed=fates[::-1]))
    found = [await store.deliveries.one(SITE, ENDPOINT, row.epsequence) for row in rows]
    assert found == [rows[0], *fates]


async def test_parked_ones_come_back_by_their_time(store: Store) -> None:
    soon = replace(row(1), state="parked", next_attempt_at=NOW + timedelta(minutes=5))
    never = replace(row(2), state="parked")
    first = replace(row(3), state="parked", next_attempt_at=NOW)
    await store.deliveries.change(SITE, DeliveryBatch(new=[soon, never, first]))
    due = await store.deliveries.parked_due(SITE, ENDPOINT, NOW + timedelta(hours=1), 10)
    assert [found.epsequence for found in due] == [3, 1]
    assert await store.deliveries.next_parked_due(SITE, ENDPOINT) == NOW
    assert await store.deliveries.next_parked_due(SITE, OTHER) is None
    assert await store.deliveries.counts(SITE, ENDPOINT) == {"waiting": 0, "parked": 3}


async def test_a_page_can_be_searched_and_shows_no_bytes(store: Store) -> None:
    await store.deliveries.change(SITE, DeliveryBatch(new=[row(1), row(2, lane="b"), row(3, lane="b")]))
    page = await store.deliveries.page(SITE, ENDPOINT, DeliverySearch(lane="b"), after=2, limit=5)
    assert [(found.epsequence, found.body) for found in page] == [(3, None)]
    assert await store.deliveries.page(SITE, ENDPOINT, DeliverySearch(state="done"), limit=5) == []


async def test_a_search_can_ask_what_came_of_the_last_attempt_and_when_it_was_made(store: Store) -> None:
    histories = {
        1: '[{"at":"2026-11-23T07:00:00.000Z","status":500},{"at":"2026-11-23T08:00:00.000Z","status":503}]',
        2: '[{"at":"2026-11-23T09:00:00.000Z","fault":"timeout"}]',
        3: "[]",
        4: '[{"at":"2026-11-23T07:30:00.000Z","status":500}]',
    }
    rows = [replace(row(n), state="parked", history=history) for n, history in histories.items()]
    await store.deliveries.change(SITE, DeliveryBatch(new=rows))

    async def found(**wanted: Any) -> list[int]:
        page = await store.deliveries.page(SITE, ENDPOINT, DeliverySearch(**wanted), limit=9)
        return [delivery.epsequence for delivery in page]

    assert await found(answer="503") == [1]
    assert await found(answer="500", state="parked") == [4]
    assert await found(answer="timeout") == [2]
    assert await found(since=NOW + timedelta(hours=1)) == [1, 2]
    assert await found(since=NOW, until=NOW + timedelta(hours=1)) == [4]
    assert await found(state="parked", to_number=2) == [1, 2]


async def test_a_replay_has_the_same_bytes_wait_again_unless_they_were_forgotten(store: Store) -> None:
    done = [replace(row(n), state="done", settled_at=NOW + timedelta(minutes=n)) for n in (1, 2, 3)]
    await store.deliveries.change(SITE, DeliveryBatch(new=done))
    await store.deliveries.forget_bodies(SITE, ENDPOINT, NOW + timedelta(minutes=2))
    await store.deliveries.change(SITE, DeliveryBatch(requeue=Requeue(endpoint_id=ENDPOINT, from_seq=1, to_seq=2)))
    waiting = await store.deliveries.waiting(SITE, ENDPOINT, limit=5)
    assert [(found.epsequence, found.reason, found.body) for found in waiting] == [(2, "replay", b"{2}")]
    assert await store.deliveries.of_entries(SITE, ENDPOINT, 2, 9) == {2: 2, 3: 3}


async def test_an_erasure_takes_the_delivered_copies_along(store: Store) -> None:
    scribe = Scribe()
    await store.append(scribe.write(an_entry(1, DAY_1), an_entry(2, DAY_2)))
    done = replace(row(1, lane=DAY_1), state="done", settled_at=NOW)
    await store.deliveries.change(SITE, DeliveryBatch(new=[done, row(2, lane=DAY_1), row(3, lane=DAY_2)]))
    await store.append(scribe.write(an_entry(3, DAY_1), erase=[DAY_1]))
    found = [await store.deliveries.one(SITE, ENDPOINT, number) for number in (1, 2, 3)]
    assert [(row.state, row.body) for row in found if row] == [("done", None), ("dropped", None), ("waiting", b"{3}")]
    assert [row.epsequence for row in await store.deliveries.waiting(SITE, ENDPOINT, limit=5)] == [3]
