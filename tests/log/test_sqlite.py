"""What only a store in a file can get wrong: locks, threads, the write-ahead log, full and failing disks."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, TypeVar

import pysqlite3.dbapi2 as driver
import pytest

from infusion_service.log import sqlite, sqlite_writer
from infusion_service.log.sqlite import SqliteStore
from infusion_service.log.store import EventIdTaken, StorageFailed, StorageFull, StoreUnusable
from tests.log.given import DAY_1, SITE, Scribe, a_head, an_entry, event_id

MEBIBYTE = 1024 * 1024
_Sqlite = TypeVar("_Sqlite", bound=SqliteStore)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database will be: a name that a URI would misread."""
    return tmp_path / "log 100%?.db#1"


@pytest.fixture
def scribe() -> Scribe:
    """Writes batches for an empty log."""
    return Scribe()


@asynccontextmanager
async def opened(store: _Sqlite) -> AsyncIterator[_Sqlite]:
    """The store, open for a while."""
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def shell(path: Path) -> Any:
    """A connection as anyone with a database shell has it."""
    return closing(driver.connect(str(path), isolation_level=None))


def content_of(path: Path) -> bytes:
    """What stands in a file."""
    return path.read_bytes()


def fill(path: Path, content: bytes) -> None:
    """Have this stand in a file."""
    path.write_bytes(content)


def size_of(path: Path | str) -> int:
    """Bytes of a file."""
    return Path(path).stat().st_size


async def test_a_second_opener_is_refused_and_told_who_has_it(path: Path) -> None:
    async with opened(SqliteStore(path)):
        with pytest.raises(StoreUnusable, match=rf"in use by process {os.getpid()}\b"):
            await SqliteStore(path).open()
    async with opened(SqliteStore(path)) as again:
        await again.ping()


HOLD_THE_LOCK = """
import fcntl, os, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print(os.getpid(), file=file, flush=True)
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has the database's lock."""
    command = [sys.executable, "-c", HOLD_THE_LOCK, f"{path}.lock"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


async def test_another_process_is_refused_and_a_dead_ones_lock_is_free(
    path: Path, other_process: subprocess.Popen[str]
) -> None:
    with pytest.raises(StoreUnusable, match=rf"in use by process {other_process.pid}\b"):
        await SqliteStore(path).open()
    other_process.kill()
    other_process.wait()
    async with opened(SqliteStore(path)) as store:
        await store.ping()


async def test_the_file_is_the_owners_alone(path: Path) -> None:
    async with opened(SqliteStore(path)):
        for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm"), Path(f"{path}.lock")):
            assert stat.S_IMODE(name.stat().st_mode) == 0o600


async def test_closing_leaves_no_thread_no_lock_and_no_write_ahead_log(path: Path, scribe: Scribe) -> None:
    before = set(threading.enumerate())
    async with opened(SqliteStore(path)) as store:
        await store.append(scribe.write(an_entry(1)))
        assert set(threading.enumerate()) > before
    assert set(threading.enumerate()) == before
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, path.name + ".lock"]


async def test_closing_waits_for_what_is_under_way(path: Path, scribe: Scribe) -> None:
    store = SqliteStore(path)
    await store.open()
    appends = [asyncio.create_task(store.append(scribe.write(an_entry(number)))) for number in range(1, 20)]
    await asyncio.sleep(0)
    await store.close()
    assert [task.exception() for task in appends] == [None] * 19
    async with opened(SqliteStore(path)) as again:
        assert (await again.log_head(SITE)).size == 19


async def test_a_closed_store_says_so(path: Path, scribe: Scribe) -> None:
    store = SqliteStore(path)
    for _ in range(2):
        with pytest.raises(StoreUnusable, match="not open"):
            await store.append(scribe.write(an_entry(1)))
        with pytest.raises(StoreUnusable, match="not open"):
            await store.log_head(SITE)
        async with opened(store):
            pass


async def test_opening_twice_is_opening_once(path: Path) -> None:
    async with opened(SqliteStore(path)) as store:
        await store.open()
        await store.ping()


async def test_a_file_that_cannot_be_opened_is_named_and_nothing_is_left_behind(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with pytest.raises(StoreUnusable, match="cannot be opened"):
        await SqliteStore(tmp_path / "no such folder" / "log.db").open()
    with pytest.raises(StoreUnusable, match="cannot be opened"):
        await SqliteStore(tmp_path).open()
    assert set(threading.enumerate()) == before


async def test_a_foreign_database_is_left_as_it_was(path: Path) -> None:
    with shell(path) as theirs:
        theirs.execute("CREATE TABLE theirs (x)")
    before = content_of(path)
    with pytest.raises(StoreUnusable, match="not made by infusion_service"):
        await SqliteStore(path).open()
    assert content_of(path) == before


async def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    fill(path, b"Dear diary, " * 1000)
    with pytest.raises(StorageFailed, match="not a database") as refused:
        await SqliteStore(path).open()
    assert refused.value.fatal


async def test_a_library_with_the_wal_reset_bug_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert driver.sqlite_version_info >= sqlite.SQLITE_VERSION_MIN
    monkeypatch.setattr(sqlite, "SQLITE_VERSION_MIN", (99, 0, 0))
    with pytest.raises(StoreUnusable, match=r"3\.51\.3 or newer"):
        await SqliteStore(path).open()


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DELETE FROM log", "append-only"),
        ("UPDATE log SET leaf = x'00'", "append-only"),
        ("DELETE FROM payload", "only after its erasure"),
        ("UPDATE payload SET body = x'00'", "never changed"),
        ("DELETE FROM erasure", "never forgotten"),
        ("UPDATE erasure SET erased_by_key = 0", "never forgotten"),
    ],
)
async def test_the_log_defends_itself_against_mistakes(path: Path, scribe: Scribe, statement: str, reason: str) -> None:
    async with opened(SqliteStore(path)) as store:
        await store.append(scribe.write(an_entry(1), an_entry(2, event_id(9))))
        await store.append(scribe.write(an_entry(3), erase=[event_id(9)]))
    with shell(path) as anyone, pytest.raises(driver.IntegrityError, match=reason):
        anyone.execute(statement)


async def test_erased_bodies_are_not_left_on_the_disk(path: Path, scribe: Scribe) -> None:
    async with opened(SqliteStore(path)) as store:
        await store.append(scribe.write(an_entry(1, data={"secret": "Rumpelstiltskin"})))
        await store.append(scribe.write(an_entry(2), erase=[DAY_1]))
    assert b"Rumpelstiltskin" not in content_of(path)
    with shell(path) as anyone:
        erased = anyone.execute(
            "SELECT log.seq, erased_by.seq FROM erasure JOIN log USING (entry_key) "
            "JOIN log AS erased_by ON erased_by.entry_key = erased_by_key"
        ).fetchall()
    assert erased == [(1, 2)]


async def test_anyone_with_a_database_shell_can_read_the_log(path: Path, scribe: Scribe) -> None:
    async with opened(SqliteStore(path)) as store:
        await store.append(scribe.write(an_entry(1), an_entry(2)))
    with shell(path) as anyone:
        rows = anyone.execute("SELECT site, seq, n, leaf, body FROM entry JOIN site USING (site_key) ORDER BY seq")
        assert rows.fetchall() == [(SITE, row.seq, row.n, row.leaf, row.body) for row in scribe.rows]


@pytest.mark.parametrize("table", ["event_key", "day_head", "log_head", "tree_node"])
@pytest.mark.parametrize("how", ["DROP TABLE", "DELETE FROM"])
async def test_a_derived_table_dropped_or_emptied_by_hand_is_noticed(
    path: Path, scribe: Scribe, table: str, how: str
) -> None:
    entries = [an_entry(number) for number in range(1, 301)]
    async with opened(SqliteStore(path)) as store:
        await store.append(scribe.write(*entries, heads=[a_head()]))
    with shell(path) as anyone:
        anyone.execute(f"{how} {table}")
    async with opened(SqliteStore(path)) as store:
        assert not await store.derived_is_current(SITE)
        await store.rebuild_event_keys(SITE)
        await store.replace_heads(SITE, [a_head()])
        assert await store.derived_is_current(SITE)
        assert await store.log_head(SITE) == scribe.head()


class Watched(SqliteStore):
    """A store that shows how its writer is set."""

    def _prepare(self, connection: Any) -> None:
        super()._prepare(connection)
        names = ("synchronous", "wal_autocheckpoint", "foreign_keys")
        self.settings = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]


async def test_commits_are_synced_unless_told_otherwise(path: Path) -> None:
    async with opened(Watched(path)) as store:
        assert store.settings == [2, 0, 1]
    async with opened(Watched(path, synchronous="NORMAL")) as store:
        assert store.settings == [1, 0, 1]
    async with opened(Watched(path, synchronous="OFF")) as store:
        assert store.settings == [0, 0, 1]


async def test_the_write_ahead_log_stays_small_under_load(path: Path, scribe: Scribe) -> None:
    async with opened(SqliteStore(path, wal_pages_max=50)) as store:
        for number in range(1, 400):
            await store.append(scribe.write(an_entry(number, data={"text": "x" * 3000})))
        assert size_of(f"{path}-wal") < 2 * MEBIBYTE
        assert size_of(path) > MEBIBYTE


async def until_all_is_copied(store: SqliteStore, anyone: Any) -> None:
    """Wait, reading, until nothing but the database file is needed any more."""
    pages, copied = 1, 0
    while pages != copied:
        await store.ping()
        _, pages, copied = anyone.execute("PRAGMA wal_checkpoint(NOOP)").fetchone()


async def test_the_write_ahead_log_is_copied_soon_after_a_commit(path: Path, scribe: Scribe) -> None:
    async with opened(SqliteStore(path, checkpoint_after_s=0.0)) as store:
        for number in range(1, 100):
            await store.append(scribe.write(an_entry(number)))
        with shell(path) as anyone:
            await until_all_is_copied(store, anyone)


async def test_a_pinned_reader_stops_neither_commits_nor_for_good_what_is_copied(path: Path, scribe: Scribe) -> None:
    async with opened(SqliteStore(path, wal_pages_max=20, checkpoint_after_s=0.001)) as store:
        await store.append(scribe.write(an_entry(1)))
        with shell(path) as reader, shell(path) as anyone:
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*) FROM log").fetchone() == (1,)
            for number in range(2, 50):
                await store.append(scribe.write(an_entry(number)))
            assert reader.execute("SELECT count(*) FROM log").fetchone() == (1,)
            _, pages, copied = anyone.execute("PRAGMA wal_checkpoint(NOOP)").fetchone()
            assert copied < pages
            reader.execute("ROLLBACK")
            await until_all_is_copied(store, anyone)
        assert (await store.log_head(SITE)).size == 49


class TightStore(SqliteStore):
    """A store whose file may not grow past a few pages."""

    def _prepare(self, connection: Any) -> None:
        super()._prepare(connection)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 8}")


async def test_a_full_disk_loses_nothing_and_stops_nothing_for_good(path: Path, scribe: Scribe) -> None:
    async with opened(TightStore(path)) as store:
        await store.append(scribe.write(an_entry(1), heads=[a_head()]))
        large = an_entry(2, data={"text": "x" * 100_000})
        spoiled = Scribe()
        spoiled.write(an_entry(1))
        with pytest.raises(StorageFull):
            await store.append(spoiled.write(large, heads=[a_head(version=2)]))
        assert await store.read_log(SITE, limit=10) == scribe.rows
        assert await store.day_head(SITE, DAY_1) == a_head()
        await store.append(scribe.write(an_entry(2)))
        await store.ping()
    async with opened(SqliteStore(path)) as roomy:
        await roomy.append(scribe.write(an_entry(3, data={"text": "x" * 100_000})))
        assert await roomy.read_log(SITE, limit=10) == scribe.rows


async def test_a_cancelled_caller_does_not_hide_a_conflict_from_the_next(path: Path, scribe: Scribe) -> None:
    async with opened(SqliteStore(path)) as store:
        await store.append(scribe.write(an_entry(1)))
        conflicting = Scribe()
        conflicting.write(an_entry(1))
        task = asyncio.create_task(store.append(conflicting.write(an_entry(1))))
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError, EventIdTaken):
            await task
        await store.append(scribe.write(an_entry(2)))
        assert await store.read_log(SITE, limit=10) == scribe.rows


async def test_many_streams_do_not_make_the_writer_remember_for_ever(
    path: Path, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_writer, "_REMEMBERED_STREAMS_MAX", 3)
    async with opened(SqliteStore(path)) as store:
        for number in range(1, 41):
            await store.append(scribe.write(an_entry(number, event_id(100 + number % 10))))
        assert await store.read_log(SITE, limit=100) == scribe.rows
