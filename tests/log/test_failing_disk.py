"""A disk under the SQLite file that refuses to grow, or fails."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from pathlib import Path

import pytest

from infusion_service.log.sqlite import SqliteStore
from infusion_service.log.store import Put, StorageFailed, StorageFull
from tests.log.given import SITE, Scribe, an_entry
from tests.log.test_sqlite import opened, size_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database will be."""
    return tmp_path / "log.db"


@pytest.fixture
def scribe() -> Scribe:
    """Writes batches for an empty log."""
    return Scribe()


@contextmanager
def no_file_may_grow_past(size: int) -> Iterator[None]:
    """For this process: longer writes are refused, as by a quota."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_limit_to_growth_is_a_full_disk_and_nothing_worse(path: Path, scribe: Scribe) -> None:
    async with opened(SqliteStore(path)) as store:
        await store.append(scribe.write(an_entry(1)))
        acknowledged = list(scribe.rows)
        refused = deepcopy(scribe).write(an_entry(2))
        with no_file_may_grow_past(size_of(f"{path}-wal") + 1000), pytest.raises(StorageFull):
            await store.append(refused)
        assert await store.read_log(SITE, limit=10) == acknowledged
        await store.append(scribe.write(an_entry(3)))
        assert await store.read_log(SITE, limit=10) == scribe.rows


def break_writing(file: Path) -> None:
    """Make every handle this process has on a file one that cannot write: a disk that fails."""
    read_only = os.open(file, os.O_RDONLY)
    for handle in [entry.name for entry in Path("/proc/self/fd").iterdir()]:
        with suppress(OSError):
            if int(handle) != read_only and os.path.samestat(os.fstat(int(handle)), file.stat()):
                os.dup2(read_only, int(handle))
    os.close(read_only)


async def test_after_a_failed_write_nothing_is_acknowledged_any_more(path: Path, scribe: Scribe) -> None:
    async with opened(SqliteStore(path)) as store:
        await store.append(scribe.write(an_entry(1)))
        acknowledged = list(scribe.rows)
        break_writing(Path(f"{path}-wal"))
        # The second is waiting in the writer's thread already when the first one fails.
        outcomes = await asyncio.gather(
            store.append(scribe.write(an_entry(2))), store.append(scribe.write(an_entry(3))), return_exceptions=True
        )
        for outcome in outcomes:
            assert isinstance(outcome, StorageFailed)
            assert outcome.fatal
        with pytest.raises(StorageFailed):
            await store.append(scribe.write(an_entry(4)))
        with pytest.raises(StorageFailed):
            await store.put(SITE, [Put("device", "a", {})])
        with pytest.raises(StorageFailed):
            await store.ping()
        assert await store.read_log(SITE, limit=10) == acknowledged
    async with opened(SqliteStore(path)) as recovered:
        assert await recovered.read_log(SITE, limit=10) == acknowledged
