"""Whatever is done to them, the stores agree: every history told to one is told to the other."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from infusion_service.clinical.vocabulary import SITE_STREAM
from infusion_service.log.memory import MemoryStore
from infusion_service.log.sqlite import SqliteStore
from infusion_service.log.store import Batch, Drop, Put, Store, StoreError
from tests.log.given import DAY_1, DAY_2, DAY_3, MORNING, SITE, Scribe, a_head, an_entry, event_id, unhurried

streams = st.sampled_from([DAY_1, DAY_2, DAY_3, SITE_STREAM])
entries = st.builds(an_entry, st.integers(1, 30), streams, type=st.sampled_from(["vitals.recorded", "ecg.recorded"]))
heads = st.builds(
    a_head,
    st.sampled_from([DAY_1, DAY_2, DAY_3]),
    ward=st.sampled_from([None, "day-a", "day-b"]),
    date=st.sampled_from([None, "2026-11-23", "2026-11-24"]),
    open=st.booleans(),
    version=st.integers(1, 9),
    next_change_at=st.sampled_from([None, MORNING]),
)
records = st.one_of(
    st.builds(Put, st.just("device"), st.sampled_from(["a", "b"]), st.dictionaries(st.text(max_size=3), st.integers())),
    st.builds(Drop, st.just("device"), st.sampled_from(["a", "b"])),
)
commits = st.fixed_dictionaries(
    {
        "entries": st.lists(entries, max_size=4),
        "heads": st.lists(heads, max_size=3, unique_by=lambda head: head.day_id),
        "operational": st.lists(records, max_size=2),
        "erase": st.lists(streams, max_size=1),
    }
)


async def outcome(store: Store, batch: Batch) -> str:
    """How the store takes a batch."""
    try:
        await store.append(batch)
    except (StoreError, ValueError) as refused:
        return f"{type(refused).__name__}: {refused}"
    return "appended"


async def seen(store: Store) -> dict[str, Any]:
    """What the store shows."""
    return {
        "log": await store.read_log(SITE, limit=100),
        "types": await store.read_log(SITE, limit=100, entry_type="ecg.recorded"),
        "day": await store.read_stream(SITE, DAY_1, limit=100),
        "days": await store.read_streams(SITE, limit=100),
        "head": await store.log_head(SITE),
        "heads": await store.day_heads(SITE, limit=100),
        "ward": await store.day_heads(SITE, ward="day-a", open_only=True, limit=100),
        "due": await store.due_heads(SITE, MORNING, 100),
        "records": await store.records(SITE, "device"),
        "events": await store.find_events(SITE, [event_id(number) for number in range(1, 31)]),
    }


async def tell_both(history: list[dict[str, Any]], path: Path) -> None:
    """Do the same to a store in memory and one in a file, comparing them after every step."""
    plain, file = MemoryStore(), SqliteStore(path)
    await file.open()
    try:
        scribe = Scribe()
        for commit in history:
            trial = scribe.copy()
            batch = trial.write(*commit["entries"], **{key: commit[key] for key in ("heads", "operational", "erase")})
            said = await outcome(plain, batch)
            assert await outcome(file, batch) == said
            assert await seen(file) == await seen(plain)
            if said == "appended":
                scribe = trial
    finally:
        await file.close()


@settings(unhurried, max_examples=40)
@given(st.lists(commits, max_size=6))
def test_both_stores_take_the_same_history_the_same_way(history: list[dict[str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(tell_both(history, Path(folder) / "log.db"))
