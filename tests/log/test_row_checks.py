"""Rows beside the log are summed up: a flipped bit is seen where the row is read, and never taken for what it says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

import pysqlite3.dbapi2 as driver
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from infusion_service.log.deliveries import DeliveryBatch, Requeue
from infusion_service.log.row_check import check_of
from infusion_service.log.sqlite import SqliteStore
from infusion_service.log.store import Put, RebuildRequired, RecordDamaged, StorageFailed
from tests.log.contract.test_deliveries import ENDPOINT, NOW, row
from tests.log.given import DAY_1, SITE, Scribe, a_head, an_entry, event_id

VALUES = st.tuples(st.integers(-(2**63), 2**63 - 1), st.text(max_size=30), st.binary(min_size=1, max_size=30))


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    """The store in a file, for a while."""
    store = SqliteStore(path)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def change(path: Path, statement: str, *values: object) -> None:
    """Change one row, as a disk would: its sum stays what it was."""
    with closing(driver.connect(str(path), isolation_level=None)) as connection:
        assert connection.execute(statement, values).rowcount == 1


@given(VALUES, st.data())
def test_one_flipped_bit_is_always_seen(values: tuple[int, str, bytes], data: st.DataObject) -> None:
    number, text, raw = values
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    flipped = bytearray(raw)
    flipped[bit // 8] ^= 1 << bit % 8
    assert check_of(number, text, bytes(flipped)) != check_of(number, text, raw)
    assert check_of(number ^ 1 << data.draw(st.integers(0, 62)), text, raw) != check_of(number, text, raw)


def test_kinds_of_value_are_told_from_each_other() -> None:
    assert len({check_of(value) for value in (1, "1", b"1", None, 0, "", b"")}) == 7
    assert check_of(1, 23) != check_of(12, 3)


async def test_a_record_that_is_damaged_is_not_given_out(tmp_path: Path) -> None:
    path = tmp_path / "infusion.db"
    async with opened(path) as store:
        await store.put(SITE, [Put("device", "tab-1", {"ward": "a"}), Put("staff", "s-1", {"role": "nurse"})])
    change(path, "UPDATE operational SET value = replace(value, 'nurse', 'nursf') WHERE kind = 'staff'")
    async with opened(path) as store:
        assert await store.records(SITE, "device") == {"tab-1": {"ward": "a"}}
        with pytest.raises(RecordDamaged, match="staff 's-1'"):
            await store.records(SITE, "staff")
        with pytest.raises(RecordDamaged):
            await store.record(SITE, "staff", "s-1")
        await store.put(SITE, [Put("staff", "s-1", {"role": "nurse"})])
        assert await store.record(SITE, "staff", "s-1") == {"role": "nurse"}


async def test_a_delivery_that_is_damaged_is_known_for_it_whatever_was_done_to_it(tmp_path: Path) -> None:
    path = tmp_path / "infusion.db"
    async with opened(path) as store:
        deliveries = store.deliveries
        await deliveries.change(SITE, DeliveryBatch(new=[row(number) for number in range(1, 5)]))
        done = replace(row(2), state="done", settled_at=NOW, history='[{"status":200}]')
        await deliveries.change(SITE, DeliveryBatch(changed=[done]))
        again = Requeue(endpoint_id=ENDPOINT, from_seq=2, to_seq=2)
        await deliveries.change(SITE, DeliveryBatch(requeue=again))
        await deliveries.change(SITE, DeliveryBatch(changed=[replace(row(4), state="done", settled_at=NOW)]))
        await deliveries.forget_bodies(SITE, ENDPOINT, NOW + timedelta(days=1))
        assert not any(each.damaged for each in await deliveries.page(SITE, ENDPOINT, limit=10))
    change(path, "UPDATE delivery SET body = CAST('{9}' AS BLOB) WHERE epsequence = 1")
    change(path, "UPDATE delivery SET lane = 'b' WHERE epsequence = 3")
    async with opened(path) as store:
        rows = await store.deliveries.waiting(SITE, ENDPOINT, limit=10)
        assert [(each.epsequence, each.damaged) for each in rows] == [(1, True), (2, False), (3, True)]


async def test_what_an_index_leads_to_is_held_against_what_the_row_says(tmp_path: Path) -> None:
    path, scribe = tmp_path / "infusion.db", Scribe()
    async with opened(path) as store:
        await store.append(scribe.write(*(an_entry(number) for number in range(1, 5)), heads=[a_head(n=4)]))
    change(path, "UPDATE event_key SET seq = 3 WHERE seq = 2")
    async with opened(path) as store:
        with pytest.raises(RebuildRequired):
            await store.find_event(SITE, event_id(2))
        assert await store.read_stream(SITE, DAY_1, limit=10) == scribe.rows


@pytest.mark.parametrize(
    "damage",
    ["DELETE FROM payload WHERE entry_key & 7 = 3", "DELETE FROM log WHERE entry_key & 7 = 3"],
    ids=["a body", "a row"],
)
async def test_an_entry_that_lost_something_is_not_passed_over(tmp_path: Path, damage: str) -> None:
    path, scribe = tmp_path / "infusion.db", Scribe()
    async with opened(path) as store:
        await store.append(scribe.write(*(an_entry(number) for number in range(1, 5)), heads=[a_head(n=4)]))
    with closing(driver.connect(str(path), isolation_level=None)) as connection:
        for trigger in ("log_keeps_rows", "payload_keeps_rows"):
            connection.execute(f"DROP TRIGGER {trigger}")
    change(path, damage)
    async with opened(path) as store:
        for reading in (store.read_stream(SITE, DAY_1, limit=10), store.read_log(SITE, limit=10)):
            with pytest.raises(StorageFailed, match="run infusion verify") as failed:
                await reading
            assert not failed.value.fatal  # the rest of the ward goes on


async def test_an_index_by_which_days_are_found_is_mended_at_the_start(tmp_path: Path) -> None:
    path, scribe = tmp_path / "infusion.db", Scribe()
    async with opened(path) as store:
        await store.append(scribe.write(an_entry(1), heads=[a_head()]))
    _tear_out_of_the_index(path, "day_head_board")
    async with opened(path) as store:
        assert [head.day_id for head in await store.day_heads(SITE, limit=10)] == [DAY_1]


def _tear_out_of_the_index(path: Path, index: str) -> None:
    """Empty the page of an index: its table still has the row."""
    with closing(driver.connect(str(path), isolation_level=None)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (index,)).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size + 3)
        file.write(b"\0\0")
