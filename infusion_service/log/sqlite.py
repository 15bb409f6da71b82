"""The log in one SQLite file: the embedded default.

WAL with `synchronous=FULL`: an acknowledged commit survives a power cut (NORMAL loses some, measured). One connection
writes and does all checkpoints, in one thread and never cancelled; two others read. A whole batch is one function in
the writer's thread. A lock file keeps other processes away. After a fatal storage error nothing is written any more:
SQLite itself would go on acknowledging after a failed fsync.

The only module that knows the driver. Does not: know statements (`sqlite_reader`, `sqlite_writer`) or the schema.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar
from urllib.parse import quote

import pysqlite3.dbapi2 as driver
import structlog

from infusion_service.clinical.vocabulary import JSON
from infusion_service.log.entry import LogRow
from infusion_service.log.process_lock import ProcessLock
from infusion_service.log.sqlite_connection import ThreadedConnection
from infusion_service.log.sqlite_deliveries import SqliteDeliveries
from infusion_service.log.sqlite_errors import may_grow, translation
from infusion_service.log.sqlite_reader import Reader
from infusion_service.log.sqlite_schema import (
    RawConnection,
    check_ours,
    ensure_derived,
    ensure_indexes,
    migrate,
    shipped_migrations,
)
from infusion_service.log.sqlite_writer import Writer
from infusion_service.log.store import (
    Batch,
    DayHead,
    Drop,
    LogHead,
    Put,
    StorageFailed,
    StorageFull,
    StoreUnusable,
)

SQLITE_VERSION_MIN = (3, 51, 3)
"""Below, the WAL-reset bug can lose or corrupt committed rows."""

READERS = 2
WAL_PAGES_MAX = 4_000  # of 4 KiB: past it the writer copies them at once
CHECKPOINT_AFTER_S = 1.0  # otherwise so long after the first commit that left something to copy
WAL_FILE_BYTES_MAX = 64 * 1024 * 1024  # a file grown past it is cut back
WRITER_CACHE_KIB = 32 * 1024
BUSY_TIMEOUT_MS = 5_000  # for backup tools that hold the file for a moment; no second writer exists

Synchronous = Literal["FULL", "NORMAL", "OFF"]

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")
_Work = Callable[Concatenate[Writer, _Arguments], int]

_log = structlog.get_logger()


class SqliteStore:
    """The store port over one SQLite file. Close it in a `finally`.

    `synchronous` other than FULL is for drills that prove FULL is needed.
    """

    def __init__(
        self,
        path: Path,
        *,
        synchronous: Synchronous = "FULL",
        checkpoint_after_s: float = CHECKPOINT_AFTER_S,
        wal_pages_max: int = WAL_PAGES_MAX,
    ) -> None:
        self._path = path
        self._synchronous = synchronous
        self._checkpoint_after_s = checkpoint_after_s
        self._wal_pages_max = wal_pages_max
        self._lock = ProcessLock(path.with_name(path.name + ".lock"))
        self._writing: tuple[ThreadedConnection, Writer] | None = None
        self._reading: list[tuple[ThreadedConnection, Reader]] = []
        self._under_way: set[asyncio.Future[int]] = set()
        self._checkpoint_timer: asyncio.TimerHandle | None = None
        self._checkpoint: asyncio.Future[int] | None = None
        self._pages_left = 0
        self._failed: StorageFailed | None = None
        self.deliveries = SqliteDeliveries(self._read, self._write)

    async def open(self) -> None:
        """See `Store.open`. The file is created readable for its owner only."""
        if self._writing is not None:
            return
        if driver.sqlite_version_info < SQLITE_VERSION_MIN:
            raise StoreUnusable(f"SQLite {driver.sqlite_version} can lose commits: 3.51.3 or newer is needed")
        self._failed = None
        self._pages_left = 0
        try:
            self._lock.take()
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            with _translated():
                writing = await ThreadedConnection.begin(self._connect_writer)
                self._writing = writing, Writer(writing.raw)
                for _ in range(READERS):
                    reading = await ThreadedConnection.begin(self._connect_reader)
                    self._reading.append((reading, Reader(reading.raw)))
        except OSError as exc:
            raise StoreUnusable(f"the database file cannot be opened: {exc}") from exc
        finally:
            if len(self._reading) < READERS:
                await self.close()

    def _connect_writer(self) -> RawConnection:
        connection = driver.connect(str(self._path), isolation_level=None, cached_statements=256)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: RawConnection) -> None:
        migrations = shipped_migrations()
        check_ours(connection, migrations)
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise StoreUnusable("the file system of the database cannot do write-ahead logging")
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA recursive_triggers = ON")  # a REPLACE, too, fires the triggers that keep rows
        connection.execute("PRAGMA secure_delete = ON")  # what is erased is overwritten
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # the store chooses the moment, between commits
        connection.execute(f"PRAGMA journal_size_limit = {WAL_FILE_BYTES_MAX}")
        connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")
        _set_for_both(connection)
        migrate(connection, migrations)
        ensure_derived(connection)
        ensure_indexes(connection)

    def _connect_reader(self) -> RawConnection:
        address = f"file:{quote(str(self._path.absolute()))}?mode=ro"
        connection = driver.connect(address, uri=True, isolation_level=None, cached_statements=256)
        connection.execute("PRAGMA query_only = ON")
        _set_for_both(connection)
        return connection

    async def close(self) -> None:
        """See `Store.close`. The last connection to close copies the write-ahead log into the file."""
        while self._under_way:
            await asyncio.wait(self._under_way)
        if self._checkpoint_timer is not None:
            self._checkpoint_timer.cancel()
            self._checkpoint_timer = None
        connections = [connection for connection, _ in self._reading]
        if self._writing is not None:
            connections.append(self._writing[0])
        self._reading, self._writing = [], None
        for connection in connections:
            await connection.end()
        self._lock.release()

    async def _write(self, work: _Work[_Arguments], *arguments: _Arguments.args, **_: _Arguments.kwargs) -> None:
        """Start a piece of work that ends whether or not its caller still waits."""
        left = self._commit(work, *arguments)
        left.add_done_callback(self._settle)
        await asyncio.shield(left)

    def _commit(self, work: _Work[...], *arguments: object) -> asyncio.Future[int]:
        """Have the writer's thread do a piece of work; what comes is the pages left in the write-ahead log."""
        if self._writing is None:
            raise StoreUnusable("the store is not open")
        connection, writer = self._writing
        left = connection.start(self._unless_failed, work, writer, *arguments)
        self._under_way.add(left)
        return left

    def _unless_failed(self, work: Callable[..., int], *arguments: object) -> int:
        """Runs in the writer's thread, so that work already waiting behind a fatal error is refused as well."""
        if self._failed is not None:
            raise StorageFailed(f"stopped after: {self._failed}", fatal=True) from self._failed
        try:
            with _translated():
                return work(*arguments)
        except StorageFailed as exc:
            if exc.fatal and not may_grow(self._path):
                raise StorageFull("the database may not grow") from exc
            if exc.fatal:
                self._failed = exc
            raise

    def _settle(self, left: asyncio.Future[int]) -> None:
        """After a write: see that what it left in the write-ahead log is copied soon, and in between commits."""
        self._under_way.discard(left)
        if left.cancelled() or left.exception() is not None:  # asking counts as hearing: the caller may have left
            return
        pages = left.result()
        self._pages_left = min(self._pages_left, pages)
        if pages - self._pages_left >= self._wal_pages_max:
            self._begin_checkpoint()
        elif pages:
            self._plan_checkpoint()

    def _plan_checkpoint(self) -> None:
        if self._checkpoint_timer is None:
            loop = asyncio.get_running_loop()
            self._checkpoint_timer = loop.call_later(self._checkpoint_after_s, self._begin_checkpoint)

    def _begin_checkpoint(self) -> None:
        if self._checkpoint_timer is not None:
            self._checkpoint_timer.cancel()
            self._checkpoint_timer = None
        if self._checkpoint is None:
            self._checkpoint = self._commit(Writer.checkpoint)
            self._checkpoint.add_done_callback(self._settle_checkpoint)

    def _settle_checkpoint(self, left: asyncio.Future[int]) -> None:
        self._under_way.discard(left)
        self._checkpoint = None
        if left.cancelled():
            return
        fault = left.exception()
        if fault is None:
            self._pages_left = left.result()  # what a reader still holds on to
            if self._pages_left:
                self._plan_checkpoint()
        else:  # nothing is lost: the commits are in the write-ahead log; a fatal fault meets the next commit
            _log.warning("log.checkpoint_failed", fault=type(fault).__name__)

    async def _read(
        self,
        query: Callable[Concatenate[Reader, _Arguments], _Answer],
        *arguments: _Arguments.args,
        **_: _Arguments.kwargs,
    ) -> _Answer:
        if not self._reading:
            raise StoreUnusable("the store is not open")
        connection, reader = min(self._reading, key=lambda reading: reading[0].waiting)
        with _translated():
            return await connection.run(query, reader, *arguments)

    async def ping(self) -> None:
        """See `Store.ping`."""
        if self._failed is not None:
            raise StorageFailed(f"stopped after: {self._failed}", fatal=True)
        await self._read(Reader.ping)

    async def append(self, batch: Batch) -> None:
        """See `Store.append`."""
        await self._write(Writer.append, batch)

    async def put(self, site: str, operations: Sequence[Put | Drop]) -> None:
        """See `Store.put`."""
        await self._write(Writer.put, site, operations)

    async def log_head(self, site: str) -> LogHead:
        """See `Store.log_head`."""
        return await self._read(Reader.log_head, site)

    async def find_event(self, site: str, event_id: str) -> LogRow | None:
        """See `Store.find_event`."""
        return (await self._read(Reader.find_events, site, [event_id])).get(event_id)

    async def find_events(self, site: str, event_ids: Sequence[str]) -> dict[str, LogRow]:
        """See `Store.find_events`."""
        return await self._read(Reader.find_events, site, event_ids)

    async def read_stream(self, site: str, stream: str, *, after_n: int = 0, limit: int) -> list[LogRow]:
        """See `Store.read_stream`."""
        return await self._read(Reader.read_stream, site, stream, after_n, limit)

    async def read_log(
        self, site: str, *, after_seq: int = 0, limit: int, stream: str | None = None, entry_type: str | None = None
    ) -> list[LogRow]:
        """See `Store.read_log`."""
        return await self._read(Reader.read_log, site, after_seq, limit, stream, entry_type)

    async def read_subtrees(self, site: str, nodes: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """See `Store.read_subtrees`."""
        return await self._read(Reader.read_subtrees, site, nodes)

    async def read_streams(self, site: str, *, after: str | None = None, limit: int) -> list[str]:
        """See `Store.read_streams`."""
        return await self._read(Reader.read_streams, site, after, limit)

    async def day_head(self, site: str, day_id: str) -> DayHead | None:
        """See `Store.day_head`."""
        return await self._read(Reader.day_head, site, day_id)

    async def day_heads(  # noqa: PLR0913 - each narrows the same question
        self,
        site: str,
        *,
        ward: str | None = None,
        state: str | None = None,
        date: str | None = None,
        open_only: bool = False,
        patient_id: str | None = None,
        after: tuple[str, str] | None = None,
        newest_first: bool = False,
        limit: int,
    ) -> list[DayHead]:
        """See `Store.day_heads`."""
        filters: dict[str, Any] = {
            "ward": ward,
            "state": state,
            "date": date,
            "open_only": open_only,
            "patient_id": patient_id,
            "newest_first": newest_first,
            "limit": limit,
        }
        return await self._read(Reader.day_heads, site, filters, after)

    async def due_heads(self, site: str, until: datetime, limit: int) -> list[DayHead]:
        """See `Store.due_heads`."""
        return await self._read(Reader.due_heads, site, until, limit)

    async def next_due(self, site: str) -> datetime | None:
        """See `Store.next_due`."""
        return await self._read(Reader.next_due, site)

    async def records(self, site: str, kind: str) -> dict[str, dict[str, JSON]]:
        """See `Store.records`."""
        return await self._read(Reader.records, site, kind)

    async def record(self, site: str, kind: str, key: str) -> dict[str, JSON] | None:
        """See `Store.record`."""
        return await self._read(Reader.record, site, kind, key)

    async def drop_derived(self) -> None:
        """See `Store.drop_derived`."""
        await self._write(Writer.drop_derived)

    async def derived_is_current(self, site: str) -> bool:
        """See `Store.derived_is_current`."""
        return await self._read(Reader.derived_is_current, site)

    async def rebuild_event_keys(self, site: str) -> None:
        """See `Store.rebuild_event_keys`."""
        await self._write(Writer.rebuild_event_keys, site)

    async def replace_heads(self, site: str, heads: Sequence[DayHead]) -> None:
        """See `Store.replace_heads`."""
        await self._write(Writer.replace_heads, site, heads)


def _set_for_both(connection: RawConnection) -> None:
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")


@contextmanager
def _translated() -> Iterator[None]:
    """No error of the driver leaves this module."""
    try:
        yield
    except (driver.Error, UnicodeDecodeError) as exc:
        raise translation(exc) from exc
