"""What the log costs beside the time of a post: the start, the disk, the memory, and a log that has grown."""

from __future__ import annotations

import asyncio
import gc
import secrets
import statistics
import tracemalloc
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench.figures import PAIRS, Figure, in_pairs, median_ratio
from bench.posts import SIGNS, single
from bench.site import Server, Site, found_site, service
from infusion_service.bootstrap import open_service
from infusion_service.clinical.observe import observe
from infusion_service.clinical.vocabulary import Actor, Entry, Submission
from infusion_service.intake.days import fold
from infusion_service.intake.workflows import Workflows, read_workflow_files
from infusion_service.log.entry import NO_PREVIOUS, LogRow, seal
from infusion_service.log.merkle import Frontier
from infusion_service.log.sqlite import SqliteStore
from infusion_service.log.store import Batch

NURSE = Actor(id="nurse-1", role="nurse")
FACTS_OF_A_DAY = 60
CACHED_DAYS = 100
ROWS_OF_A_COMMIT = 500
STREAM_ROWS = 100


def starting(site: Site, directory: Path, days: int) -> Iterator[Figure]:
    """From the start of the process to its first word, with many open days and with none."""
    directory.mkdir()
    empty = found_site(directory, days=0)
    pairs = in_pairs(partial(_start_s, site), partial(_start_s, empty))
    ours, theirs = (statistics.median(side[place] for side in pairs) for place in (0, 1))
    yield Figure(
        name=f"listening with {days:,} open days",
        seen=ours,
        unit="s",
        goal=3.0,
        stretch=1.0,
        note=f"with none {theirs:.2f} s",
    )


def _start_s(site: Site) -> float:
    with service(site) as server:
        return server.started_s


def size_on_disk(site: Site, facts: int, bytes_before: int) -> Figure:
    """How much the database file has grown for each fact posted, its write-ahead log copied in."""
    grown = site.database.stat().st_size - bytes_before
    return Figure(
        name="bytes on disk for each fact",
        seen=grown / facts / 1024,
        unit="KiB",
        goal=1.5,
        stretch=1.0,
        note=f"{grown / facts:,.0f} bytes over {facts:,} facts",
    )


def entries_in(site: Site) -> int:
    """How long the site's log is."""

    async def size() -> int:
        store = SqliteStore(site.database)
        await store.open()
        try:
            return (await store.log_head(site.settings.site)).size
        finally:
            await store.close()

    return asyncio.run(size())


def memory_of_a_day(site: Site) -> Figure:
    """What one folded day of 60 facts, looked at once, holds in memory."""
    rows = asyncio.run(_rows_of_a_day(site))
    workflows = Workflows()
    workflows.bring(read_workflow_files(site.settings.workflows_dir))
    fold(rows, sheet=None, workflows=workflows)  # what is built once, is built
    gc.collect()
    tracemalloc.start()
    kept = []
    for _ in range(CACHED_DAYS):
        sheet = fold(rows, sheet=None, workflows=workflows)
        assert sheet is not None
        kept.append(sheet)
    gc.collect()
    kib, _ = (size / CACHED_DAYS / 1024 for size in tracemalloc.get_traced_memory())
    tracemalloc.stop()
    assert len(kept) == CACHED_DAYS
    return Figure(
        name=f"memory of a cached day of {FACTS_OF_A_DAY} facts",
        seen=kib,
        unit="KiB",
        goal=96,
        stretch=48,
        note=f"mean of {CACHED_DAYS} days folded from the same {len(rows)} entries",
    )


async def _rows_of_a_day(site: Site) -> list[LogRow]:
    (day,) = site.take_days(1)
    async with open_service(site.settings) as running:
        for _ in range(FACTS_OF_A_DAY):
            data = {**SIGNS, "temperature_celsius": "36.8"}
            fact = Submission(event_id=str(uuid.uuid4()), day_id=day, type="vitals.recorded", actor=NURSE, data=data)
            assert (await running.intake.submit(fact)).status == 201
        view = await running.intake.day(day)
        assert view is not None
        observe(await running.intake.course(view), view, running.clock.now())
        return await running.store.read_stream(running.settings.site, day, limit=1000)


def growing(site: Site, directory: Path, entries: int) -> Figure:
    """The rate of posts on a log of so many entries against the same site's log as it is."""
    large = site.copied(directory)
    small_size = entries_in(site)
    asyncio.run(_extend(large, entries))
    with service(large) as long_log, service(site) as short_log:
        pairs = in_pairs(partial(_post, short_log, site), partial(_post, long_log, large), PAIRS)
    ratio, spread = median_ratio(pairs)
    ours, theirs = (statistics.median(side[place] for side in pairs) for place in (1, 0))
    return Figure(
        name=f"cost of a post with {entries:,} entries, x with {small_size:,}",
        seen=ratio,
        unit="x",
        goal=1.2,
        stretch=1.05,
        note=f"{ours:,.0f} / {theirs:,.0f} facts/s at 64 connections",
        spread=spread,
    )


def _post(server: Server, site: Site) -> float:
    return single(server, site, 64).per_s


async def _extend(site: Site, entries: int) -> None:
    """Append entries of other days to the log, well formed, past the intake: it would take too long."""
    store = SqliteStore(site.database)
    await store.open()
    try:
        head = await store.log_head(site.settings.site)
        frontier, seq = Frontier.from_bytes(head.frontier), head.size
        while seq < entries:
            rows = _rows_of_other_days(site.settings.site, seq)
            for row in rows:
                frontier.append(row.leaf_hash)
            await store.append(Batch(site=site.settings.site, rows=rows, frontier=frontier.to_bytes()))
            seq += len(rows)
    finally:
        await store.close()


def _rows_of_other_days(site: str, seq: int) -> list[LogRow]:
    rows: list[LogRow] = []
    now = datetime.now(UTC).replace(microsecond=0)
    day, previous = "", NO_PREVIOUS
    for number in range(ROWS_OF_A_COMMIT):
        if number % STREAM_ROWS == 0:
            day, previous = _time_ordered_id(seq + number), NO_PREVIOUS
        entry = Entry(
            entry_id=_time_ordered_id(seq + number),
            kind="fact",
            type="vitals.recorded",
            stream=day,
            occurred_at=now,
            received_at=now,
            actor=NURSE,
            data={**SIGNS, "temperature_celsius": "36.8"},
            day_version=number % STREAM_ROWS + 1,
        )
        row = seal(
            entry,
            site=site,
            seq=seq + number + 1,
            n=number % STREAM_ROWS + 1,
            previous=previous,
            salt=secrets.token_bytes(32),
        )
        previous = row.leaf_hash
        rows.append(row)
    return rows


def _time_ordered_id(number: int) -> str:
    return str(uuid.UUID(int=((0x0197C0DE7000 + number) << 80) + (7 << 76) + (2 << 62) + secrets.randbits(62)))
