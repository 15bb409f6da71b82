"""Readers in the way: one that pins the store for 30 s, SQLite's own online backup, 64 clients reading the log."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
import pysqlite3.dbapi2 as driver
import pytest

from tests.drills.conftest import Drill
from tests.drills.history import History, check_file
from tests.drills.site import Serving, Site, served
from tests.drills.tablets import Notebook, Tablet, fact

READERS = 64
PAGE_ENTRIES = 100
PACE_S = 0.01


@pytest.mark.timeout(60)
async def test_readers_for_a_second(drill: Drill, tmp_path: Path) -> None:
    await read_meanwhile(drill, tmp_path, 1.0, entries=500)


@pytest.mark.drill
@pytest.mark.timeout(300)
async def test_readers_for_thirty_seconds(drill: Drill, tmp_path: Path) -> None:
    await read_meanwhile(drill, tmp_path, 30.0, entries=3000)


async def read_meanwhile(drill: Drill, directory: Path, seconds: float, *, entries: int) -> None:
    site, notebook = await Site(directory).found(), Notebook()
    async with served(site) as serving, serving.client(connections=4) as client:
        tablet = Tablet(client, notebook, drill.chance)
        await tablet.chart(lambda: len(notebook.acknowledged) > entries)
        tablet.day_id = None
        await tablet.chart(lambda: tablet.day_id is not None)
        alone = await paced_posts(client, tablet, seconds)
        async with pinned(site):
            pinned_s = await paced_posts(client, tablet, seconds)
        async with backing_up(site, directory / "backup.db") as copies:
            backup_s = await paced_posts(client, tablet, seconds)
        async with reading(serving) as pages:
            reading_s = await paced_posts(client, tablet, seconds)
        async with serving.client("auditor") as reader:
            history = History()
            await history.read_on(reader)
        assert not history.lost(notebook)
        await serving.end()
    await check_file(site, history)
    assert copies
    assert pages
    drill.figure(
        f"a post takes, p50 / p99 ms, over {seconds:g} s each: alone {shown(alone)}; a reader pinned "
        f"{shown(pinned_s)}; {len(copies)} online backups {shown(backup_s)}; {READERS} log readers, "
        f"{len(pages) / seconds:.0f} pages of "
        f"{PAGE_ENTRIES} a second, {shown(reading_s)}"
    )


def shown(took_s: list[float]) -> str:
    """p50 and p99 in milliseconds."""
    ordered = sorted(took_s)
    return f"{ordered[len(ordered) // 2] * 1000:.1f} / {ordered[len(ordered) * 99 // 100] * 1000:.1f}"


async def paced_posts(client: aiohttp.ClientSession, tablet: Tablet, seconds: float) -> list[float]:
    """A fact every 10 ms for so long; the seconds each took. None may fail."""
    took_s: list[float] = []
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        began = time.perf_counter()
        note = fact("note.added", {"text": "resting, no complaints"})
        async with client.post(f"/v1/days/{tablet.day_id}/events", json=note) as response:
            assert response.status == 201, await response.text()
        took_s.append(time.perf_counter() - began)
        await asyncio.sleep(PACE_S)  # the load, not a wait for anything
    return took_s


@asynccontextmanager
async def pinned(site: Site) -> AsyncIterator[None]:
    """A reader that keeps its view of the database for as long as the block runs: the log cannot be begun again."""
    with closing(driver.connect(f"file:{site.database}?mode=ro", uri=True, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM log").fetchone()
        yield


@asynccontextmanager
async def backing_up(site: Site, copy: Path) -> AsyncIterator[list[int]]:
    """SQLite's online backup, one after another in a thread; yields the sizes of the whole copies."""
    ended = threading.Event()
    sizes: list[int] = []

    def back_up() -> None:
        while not (ended.is_set() and sizes):
            copy.unlink(missing_ok=True)
            with closing(driver.connect(str(site.database))) as source, closing(driver.connect(str(copy))) as target:
                source.backup(target, pages=64)
                assert target.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            sizes.append(copy.stat().st_size)

    backing = asyncio.ensure_future(asyncio.to_thread(back_up))
    try:
        yield sizes
    finally:
        ended.set()
        await backing


@asynccontextmanager
async def reading(serving: Serving) -> AsyncIterator[list[int]]:
    """64 clients that read the log from its beginning to its end, again and again; yields the sizes of their pages."""
    pages: list[int] = []

    async def read() -> None:
        async with serving.client("auditor") as client:
            after = 0
            while True:
                async with client.get("/v1/log", params={"after": after, "limit": PAGE_ENTRIES}) as response:
                    assert response.status == 200
                    raw = await response.read()  # not decoded: this process measures the posts as well
                entries, end = raw.count(b'"leaf_hash":'), re.search(rb'"next_after":(\d+)', raw)
                assert end is not None
                pages.append(entries)
                after = int(end[1]) if entries == PAGE_ENTRIES else 0

    readers = [asyncio.create_task(read()) for _ in range(READERS)]
    try:
        yield pages
    finally:
        for reader in readers:
            reader.cancel()
        ended = await asyncio.gather(*readers, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended
