"""Acknowledged is durable: a process killed in the middle of its commits has lost none it had acknowledged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from infusion_service.log.entry import NO_PREVIOUS, commitment, leaf_hash, parse_leaf
from infusion_service.log.merkle import Frontier
from infusion_service.log.sqlite import SqliteStore
from tests.log.given import SITE

APPEND_UNTIL_KILLED = """
import asyncio, sys
from itertools import count
from pathlib import Path
from infusion_service.log.sqlite import SqliteStore
from tests.log.given import DAY_1, DAY_2, Scribe, a_head, an_entry

async def main():
    store, scribe = SqliteStore(Path(sys.argv[1]), wal_pages_max=30), Scribe()
    await store.open()
    for number in count(1, 3):
        entries = [an_entry(number + step, (DAY_1, DAY_2)[step % 2]) for step in range(3)]
        await store.append(scribe.write(*entries, heads=[a_head(n=number)]))
        print(number + 2, flush=True)

asyncio.run(main())
"""
ROOT = Path(__file__).parents[2]


def acknowledged_before_the_kill(path: Path, commits: int) -> int:
    """Let a process append until it has acknowledged so many commits, kill it, and say how far it had come."""
    command = [sys.executable, "-c", APPEND_UNTIL_KILLED, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        for _ in range(commits):
            process.stdout.readline()
        process.kill()
        unread = process.stdout.read().split("\n")[:-1]  # acknowledged as well, before the signal arrived
        return int(unread[-1]) if unread else 3 * commits


@pytest.mark.parametrize("commits", [1, 40, 300])
async def test_nothing_acknowledged_is_lost_by_a_kill(tmp_path: Path, commits: int) -> None:
    path = tmp_path / "log.db"
    acknowledged = acknowledged_before_the_kill(path, commits)
    store = SqliteStore(path)
    await store.open()
    try:
        rows = await store.read_log(SITE, limit=1_000_000)
        head = await store.log_head(SITE)
        assert await store.derived_is_current(SITE)
    finally:
        await store.close()
    assert len(rows) >= acknowledged
    assert len(rows) % 3 == 0
    assert head.frontier == Frontier(row.leaf_hash for row in rows).to_bytes()
    ends: dict[str, tuple[int, bytes]] = {}
    for seq, row in enumerate(rows, start=1):
        leaf = parse_leaf(row.leaf)
        assert row.seq == seq
        assert (leaf.n - 1, leaf.previous) == ends.get(leaf.stream, (0, NO_PREVIOUS))
        assert row.body is not None
        assert row.salt is not None
        assert leaf.commitment == commitment(row.salt, row.body)
        ends[leaf.stream] = leaf.n, leaf_hash(row.leaf)
