"""Print the table: `python -m bench`."""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from bench.entries import Chain
from bench.rates import RUNS, Rate, rate
from infusion_service.log.memory import MemoryStore
from infusion_service.log.sqlite import SqliteStore
from infusion_service.log.store import Batch, Store

SEALED = 5_000
COMMITS = {1: 400, 8: 200, 64: 100, 512: 20}
"""Commits of one run, by entries in a commit."""


def main() -> None:
    """Measure, and print each line as soon as it is known."""
    print("entries without a disk")
    print(f"  {sealing()}")
    print("entries committed, in memory")
    for line in committing(MemoryStore()):
        print(f"  {line}")
    with tempfile.TemporaryDirectory() as directory:
        print("entries committed, SQLite with fsync")
        for line in committing(SqliteStore(Path(directory) / "bench.db")):
            print(f"  {line}")


def sealing() -> Rate:
    """Measure bytes, commitment, leaf, hash and tree of one entry."""
    chain = Chain()
    return rate("sealed and joined to the tree", SEALED, lambda: chain.extend(SEALED))


def committing(store: Store) -> Iterator[Rate]:
    """Measure entries committed to `store`, by entries in a commit; sealing them is not counted."""
    chain = Chain()
    with asyncio.Runner() as runner:
        runner.run(store.open())
        for entries, commits in COMMITS.items():
            runs = iter([[chain.batch(entries) for _ in range(commits)] for _ in range(RUNS)])
            yield rate(f"{entries} in a commit", entries * commits, partial(_append_next, runner, store, runs))
        runner.run(store.close())


def _append_next(runner: asyncio.Runner, store: Store, runs: Iterator[Sequence[Batch]]) -> None:
    runner.run(_append_all(store, next(runs)))


async def _append_all(store: Store, batches: Sequence[Batch]) -> None:
    for batch in batches:
        await store.append(batch)


if __name__ == "__main__":
    main()
