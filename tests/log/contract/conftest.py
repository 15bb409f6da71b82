"""The stores the contract suite runs over, each fresh and able to be closed and opened again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from infusion_service.log.memory import MemoryStore
from infusion_service.log.sqlite import SqliteStore
from infusion_service.log.store import Store
from tests.log.given import Scribe

Reopen = Callable[[], Store]


@pytest.fixture(params=["memory", "sqlite"])
def another(request: pytest.FixtureRequest, tmp_path: Path) -> Reopen:
    """Makes a further store over the same data; it must be opened, and the one before it closed."""
    if request.param == "memory":
        only = MemoryStore()
        return lambda: only
    return lambda: SqliteStore(tmp_path / "log.db")


@pytest.fixture
async def store(another: Reopen) -> AsyncIterator[Store]:
    """An open, empty store."""
    store = another()
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
def scribe() -> Scribe:
    """Writes batches for an empty log."""
    return Scribe()
