"""What every store promises of an append: all or nothing, in order, once, for ever."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from infusion_service.clinical.vocabulary import SITE_STREAM
from infusion_service.log.store import (
    Batch,
    Drop,
    EventIdTaken,
    LogHead,
    Put,
    SequenceTaken,
    Store,
)
from tests.log.contract.conftest import Reopen
from tests.log.given import DAY_1, DAY_2, DAY_3, MORNING, SITE, Scribe, a_head, an_entry, event_id


async def everything(store: Store) -> dict[str, Any]:
    """All that can be seen of a store from outside."""
    return {
        "rows": await store.read_log(SITE, limit=1000),
        "head": await store.log_head(SITE),
        "streams": await store.read_streams(SITE, limit=1000),
        "heads": await store.day_heads(SITE, limit=1000),
        "due": await store.due_heads(SITE, MORNING, 1000),
        "next_due": await store.next_due(SITE),
        "records": await store.records(SITE, "device"),
        "events": await store.find_events(SITE, [event_id(number) for number in range(20)]),
        "current": await store.derived_is_current(SITE),
    }


async def test_an_empty_log_has_an_empty_head(store: Store) -> None:
    assert await store.log_head(SITE) == LogHead()
    assert await store.derived_is_current(SITE)
    assert await store.read_log(SITE, limit=10) == []
    await store.ping()


async def test_what_was_appended_comes_back_as_it_was(store: Store, scribe: Scribe) -> None:
    await store.append(scribe.write(an_entry(1), an_entry(2, DAY_2)))
    await store.append(scribe.write(an_entry(3, SITE_STREAM, kind="admin", data={"text": "größer \u2028 \x00"})))
    assert await store.read_log(SITE, limit=10) == scribe.rows
    assert await store.log_head(SITE) == scribe.head()


async def test_one_commit_holds_rows_heads_and_records(store: Store, scribe: Scribe) -> None:
    head = a_head(next_change_at=MORNING)
    await store.append(scribe.write(an_entry(1), heads=[head], operational=[Put("device", "tab-12", {"ward": "a"})]))
    seen = await everything(store)
    assert seen["rows"] == scribe.rows
    assert seen["heads"] == seen["due"] == [head]
    assert seen["records"] == {"tab-12": {"ward": "a"}}
    assert seen["events"] == {event_id(1): scribe.rows[0]}


async def test_a_conflict_anywhere_leaves_nothing_of_the_batch(store: Store, scribe: Scribe) -> None:
    await store.append(scribe.write(an_entry(1), heads=[a_head()], operational=[Put("device", "tab-12", {"seq": 1})]))
    before = await everything(store)
    batch = scribe.write(
        an_entry(2),
        an_entry(3, DAY_2),
        an_entry(1, DAY_3),
        heads=[a_head(version=9), a_head(DAY_2)],
        operational=[Put("device", "tab-13", {}), Drop("device", "tab-12")],
        erase=[DAY_1],
    )
    with pytest.raises(EventIdTaken) as refused:
        await store.append(batch)
    assert refused.value.event_id == event_id(1)
    assert await everything(store) == before


async def test_after_a_conflict_the_log_goes_on(store: Store, scribe: Scribe) -> None:
    await store.append(scribe.write(an_entry(1)))
    lost = Scribe()
    lost.write(an_entry(1))
    with pytest.raises(EventIdTaken):
        await store.append(lost.write(an_entry(2, DAY_2), an_entry(1, DAY_2)))
    await store.append(scribe.write(an_entry(2, DAY_2), an_entry(3, DAY_2)))
    assert await store.read_log(SITE, limit=10) == scribe.rows


async def test_an_event_id_twice_in_a_batch_is_refused(store: Store, scribe: Scribe) -> None:
    with pytest.raises(EventIdTaken) as refused:
        await store.append(scribe.write(an_entry(1), an_entry(1, DAY_2)))
    assert refused.value.event_id == event_id(1)
    assert (await store.log_head(SITE)).size == 0


async def test_event_ids_of_derived_entries_are_unique_too(store: Store, scribe: Scribe) -> None:
    await store.append(scribe.write(an_entry(1, kind="derived")))
    with pytest.raises(EventIdTaken):
        await store.append(scribe.write(an_entry(1, DAY_2, kind="derived")))


async def test_an_id_in_one_site_is_free_in_another(store: Store) -> None:
    there, here = Scribe("elsewhere"), Scribe()
    await store.append(there.write(an_entry(1), heads=[a_head()], operational=[Put("device", "tab-12", {})]))
    await store.append(here.write(an_entry(1)))
    assert await store.read_log(SITE, limit=10) == here.rows
    assert await store.read_log("elsewhere", limit=10) == there.rows
    assert await store.records(SITE, "device") == {}
    assert await store.day_heads(SITE, limit=10) == []
    assert (await store.find_event(SITE, event_id(1))) == here.rows[0]


async def test_a_batch_that_does_not_begin_at_the_end_is_refused(store: Store, scribe: Scribe) -> None:
    first, second, third = (scribe.write(an_entry(number)) for number in (1, 2, 3))
    with pytest.raises(SequenceTaken):
        await store.append(second)
    await store.append(first)
    with pytest.raises(SequenceTaken):
        await store.append(first)
    with pytest.raises(SequenceTaken):
        await store.append(third)
    await store.append(second)
    await store.append(third)
    assert [row.seq for row in await store.read_log(SITE, limit=10)] == [1, 2, 3]


@pytest.mark.parametrize("n", [1, 3, 4])
async def test_a_stream_has_no_gap_and_no_number_twice(store: Store, scribe: Scribe, n: int) -> None:
    await store.append(scribe.write(an_entry(1)))
    batch = scribe.write(an_entry(2))
    torn = msgspec.structs.replace(batch.rows[0], n=n)
    with pytest.raises(SequenceTaken):
        await store.append(Batch(site=SITE, rows=[torn], frontier=batch.frontier))
    await store.append(batch)
    assert [row.n for row in await store.read_stream(SITE, DAY_1, limit=10)] == [1, 2]


async def test_a_callers_mistake_is_told_and_appends_nothing(store: Store, scribe: Scribe) -> None:
    batch = scribe.write(an_entry(1), an_entry(2))
    first, second = batch.rows
    mistakes = [
        Batch(site=SITE, rows=[first, msgspec.structs.replace(second, seq=3)], frontier=batch.frontier),
        Batch(site=SITE, rows=[first], frontier=batch.frontier),
        Batch(site=SITE, rows=[first, msgspec.structs.replace(second, body=None)], frontier=batch.frontier),
        Batch(site=SITE, rows=[first, msgspec.structs.replace(second, salt=None)], frontier=batch.frontier),
        Batch(site=SITE, rows=[msgspec.structs.replace(first, event_id="1"), second], frontier=batch.frontier),
        Batch(site=SITE, rows=[msgspec.structs.replace(first, stream="day-1"), second], frontier=batch.frontier),
        Batch(site=SITE, rows=batch.rows, frontier=batch.frontier, heads=[a_head("day-1")]),
        Batch(
            site=SITE,
            rows=[msgspec.structs.replace(first, event_id=event_id(1).upper()), second],
            frontier=batch.frontier,
        ),
        Batch(site=SITE, rows=[], frontier=batch.frontier, erase=[DAY_1]),
    ]
    for mistake in mistakes:
        with pytest.raises(ValueError, match=r".+"):
            await store.append(mistake)
    assert await store.log_head(SITE) == LogHead()
    await store.append(batch)


async def test_of_two_racing_writers_one_wins_and_the_other_is_told(store: Store) -> None:
    ours, theirs = Scribe(), Scribe()
    outcomes = await asyncio.gather(
        store.append(ours.write(an_entry(1), an_entry(2))),
        store.append(theirs.write(an_entry(3), an_entry(4))),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [SequenceTaken]
    winner = ours if outcomes[0] is None else theirs
    assert await store.read_log(SITE, limit=10) == winner.rows


async def test_many_writers_get_a_gapless_log(store: Store, scribe: Scribe) -> None:
    async def write_until_it_fits(number: int) -> None:
        while True:
            trial = Scribe()
            trial.write(*[an_entry(int(row.event_id[-3:], 16)) for row in await store.read_log(SITE, limit=100)])
            with suppress(SequenceTaken):
                return await store.append(trial.write(an_entry(number)))

    await asyncio.gather(*(write_until_it_fits(number) for number in range(1, 9)))
    rows = await store.read_log(SITE, limit=100)
    assert [row.seq for row in rows] == [row.n for row in rows] == list(range(1, 9))
    assert {row.event_id for row in rows} == {event_id(number) for number in range(1, 9)}


@pytest.mark.parametrize("steps", range(6))
async def test_cancelling_the_caller_does_not_cut_a_commit_in_two(store: Store, scribe: Scribe, steps: int) -> None:
    head = a_head()
    task = asyncio.create_task(store.append(scribe.write(an_entry(1), an_entry(2), heads=[head])))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    if (await store.log_head(SITE)).size == 0 and steps == 0:  # it had not even begun
        scribe = Scribe()
    await store.append(scribe.write(an_entry(3), heads=[head]))
    rows = await store.read_log(SITE, limit=10)
    assert rows == scribe.rows
    assert len(rows) in (1, 3)


async def test_everything_is_there_again_after_closing_and_opening(another: Reopen, scribe: Scribe) -> None:
    store = another()
    await store.open()
    head = a_head(next_change_at=MORNING)
    await store.append(scribe.write(an_entry(1), heads=[head], operational=[Put("device", "tab-12", {"ward": "a"})]))
    await store.append(scribe.write(an_entry(2), an_entry(3, DAY_2), heads=[head, a_head(DAY_2)]))
    before = await everything(store)
    await store.close()
    await store.close()
    store = another()
    await store.open()
    try:
        assert await everything(store) == before
        await store.append(scribe.write(an_entry(4), an_entry(5, DAY_2)))
        assert await store.read_log(SITE, limit=10) == scribe.rows
    finally:
        await store.close()


async def test_readers_see_whole_commits_while_the_writer_writes(store: Store, scribe: Scribe) -> None:
    async def write() -> None:
        for number in range(1, 61, 3):
            await store.append(scribe.write(*(an_entry(number + step) for step in range(3)), heads=[a_head(n=number)]))

    writing = asyncio.create_task(write())
    sizes = []
    while not writing.done():
        rows, head = await asyncio.gather(store.read_log(SITE, limit=100), store.log_head(SITE))
        assert len(rows) % 3 == head.size % 3 == 0
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        sizes.append(len(rows))
        await asyncio.sleep(0)  # a store that never waits would keep the writer from its turn
    await writing
    assert sizes == sorted(sizes)
    assert len(await store.read_log(SITE, limit=100)) == 60


async def test_erasing_destroys_bodies_and_salts_and_keeps_the_leaves(store: Store, scribe: Scribe) -> None:
    await store.append(scribe.write(an_entry(1), an_entry(2, DAY_2), an_entry(3)))
    await store.append(scribe.write(an_entry(4, type="day.erased"), erase=[DAY_1, DAY_3]))
    rows = await store.read_log(SITE, limit=10)
    assert [row.leaf for row in rows] == [row.leaf for row in scribe.rows]
    assert [row.body is None for row in rows] == [True, False, True, False]
    assert [row.salt is None for row in rows] == [True, False, True, False]
    assert [row.event_id for row in rows] == ["", event_id(2), "", event_id(4)]
    assert [row.seq for row in await store.read_log(SITE, limit=10, entry_type="vitals.recorded")] == [2]
    with pytest.raises(EventIdTaken):
        await store.append(scribe.write(an_entry(1, DAY_2)))
