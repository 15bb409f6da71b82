"""Durable appends per second through the SQLite store, beside the least that could be done with the same bytes.

`python -m bench.log_append`. The floor is one thread that puts the same row bytes (leaf, salt, body) into a table of
one column, one commit with fsync per batch. Both sides run by turns in the same seconds; the ratio of their medians is
what counts, the rates depend on the machine.
"""

from __future__ import annotations

import asyncio
import secrets
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as driver

from infusion_service.clinical.vocabulary import Actor, Device, Entry
from infusion_service.log.entry import NO_PREVIOUS, LogRow, seal
from infusion_service.log.merkle import Frontier
from infusion_service.log.sqlite import SqliteStore
from infusion_service.log.store import Batch, DayHead

BATCH_ROWS = (1, 16, 128)
COMMITS = {1: 600, 16: 300, 128: 100}  # per round and side
ROUNDS = 5
DAYS = 200
SITE = "bench"
START = datetime(2026, 11, 23, 7, 20, tzinfo=UTC)
VITALS = {
    "systolic_mmhg": 122,
    "diastolic_mmhg": 76,
    "heart_rate_per_min": 72,
    "spo2_percent": 98,
    "on_oxygen": False,
    "spo2_scale": 1,
    "respiratory_rate_per_min": 16,
    "temperature_celsius": "36.8",
    "consciousness": "A",
}


class Ward:
    """Makes batches as a busy intake would: vital signs of many days, by turns."""

    def __init__(self) -> None:
        self._frontier = Frontier()
        self._days = [_time_ordered_id(number) for number in range(DAYS)]
        self._ends = dict.fromkeys(self._days, (0, NO_PREVIOUS))
        self._seqs = count(1)

    def batch(self, size: int) -> Batch:
        """The next `size` entries with the heads of their days."""
        rows = [self._row(seq) for seq in islice(self._seqs, size)]
        return Batch(site=SITE, rows=rows, heads=self._heads(rows), frontier=self._frontier.to_bytes())

    def _row(self, seq: int) -> LogRow:
        day = self._days[seq % DAYS]
        n, previous = self._ends[day]
        moment = START + timedelta(milliseconds=seq)
        entry = Entry(
            entry_id=_time_ordered_id(DAYS + seq),
            kind="fact",
            type="vitals.recorded",
            stream=day,
            occurred_at=moment,
            received_at=moment,
            actor=Actor(id="staff-7f", role="nurse"),
            data=VITALS,
            day_version=n + 1,
            device=Device(id="tab-12", seq=seq),
            session=day,
        )
        row = seal(entry, site=SITE, seq=seq, n=n + 1, previous=previous, salt=secrets.token_bytes(32))
        self._ends[day] = row.n, row.leaf_hash
        self._frontier.append(row.leaf_hash)
        return row

    def _heads(self, rows: Sequence[LogRow]) -> list[DayHead]:
        last = {row.stream: row for row in rows}
        return [
            DayHead(
                day_id=day,
                patient_id=f"P-{day[-4:]}",
                ward="neuro-day",
                date="2026-11-23",
                state="infusing",
                open=True,
                version=row.n,
                n=row.n,
                last_leaf_hash=row.leaf_hash,
                last_seq=row.seq,
                next_change_at=START + timedelta(seconds=row.seq),
                workflow_hash="sha256:" + "0" * 64,
            )
            for day, row in last.items()
        ]


def _time_ordered_id(number: int) -> str:
    """A UUIDv7 as tablets make them: the time first, then chance."""
    return str(uuid.UUID(int=((0x0197C0DE7000 + number) << 80) + (7 << 76) + (2 << 62) + secrets.randbits(62)))


class Floor:
    """A table of one column."""

    def __init__(self, path: Path) -> None:
        self._connection: Any = driver.connect(str(path), isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("CREATE TABLE floor (row BLOB)")

    def append(self, rows: Sequence[bytes]) -> None:
        """One durable commit."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO floor (row) VALUES (?)", ((row,) for row in rows))
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


async def measure(folder: Path, size: int) -> tuple[float, float, float]:
    """Rows per second of the store and of the floor, and the store's bytes on disk per row."""
    store, floor, ward = SqliteStore(folder / f"store-{size}.db"), Floor(folder / f"floor-{size}.db"), Ward()
    await store.open()
    try:
        rates = [rate async for rate in _rounds(store, floor, ward, size)]
        rows = (await store.log_head(SITE)).size
    finally:
        await store.close()
        floor.close()
    bytes_per_row = (folder / f"store-{size}.db").stat().st_size / rows
    return statistics.median(store for store, _ in rates), statistics.median(floor for _, floor in rates), bytes_per_row


async def _rounds(store: SqliteStore, floor: Floor, ward: Ward, size: int) -> Any:
    for _ in range(ROUNDS):
        batches = [ward.batch(size) for _ in range(COMMITS[size])]
        plain = [[row.leaf + (row.salt or b"") + (row.body or b"") for row in batch.rows] for batch in batches]
        begin = time.perf_counter()
        for batch in batches:
            await store.append(batch)
        between = time.perf_counter()
        for rows in plain:
            floor.append(rows)
        end = time.perf_counter()
        rows_written = size * len(batches)
        yield rows_written / (between - begin), rows_written / (end - between)


def report() -> Iterator[str]:
    """The table, line by line, as it is measured."""
    yield f"{'rows per commit':>15} {'store rows/s':>13} {'floor rows/s':>13} {'ratio':>6} {'bytes per row':>14}"
    with tempfile.TemporaryDirectory(dir=".") as folder:
        for size in BATCH_ROWS:
            store, floor, bytes_per_row = asyncio.run(measure(Path(folder), size))
            yield f"{size:>15} {store:>13,.0f} {floor:>13,.0f} {store / floor:>6.2f} {bytes_per_row:>14,.0f}"


if __name__ == "__main__":
    for line in report():
        print(line, flush=True)
