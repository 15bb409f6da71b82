"""The log as its readers see it, held to what a log may do: grow without gaps, never change, hold no id twice."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import aiohttp

from infusion_service.log.entry import NO_PREVIOUS, commitment, leaf_hash, parse_leaf
from infusion_service.log.merkle import Frontier
from infusion_service.log.sqlite import SqliteStore
from tests.drills.site import Site
from tests.drills.tablets import Notebook

PAGE_ENTRIES = 1000


class History:
    """Every entry read so far."""

    def __init__(self) -> None:
        self.entries: dict[str, tuple[int, bytes]] = {}
        """Entry id -> (seq, leaf hash)."""
        self.size = 0
        self.frontier = Frontier()

    async def read_on(self, client: aiohttp.ClientSession) -> None:
        """Read what was appended since, over HTTP."""
        while True:
            async with client.get("/v1/log", params={"after": self.size, "limit": PAGE_ENTRIES}) as response:
                assert response.status == 200, await response.text()
                page = await response.json()
            self._take(page["entries"])
            if len(page["entries"]) < PAGE_ENTRIES:
                return

    def _take(self, entries: Iterable[dict[str, Any]]) -> None:
        for entry in entries:
            assert entry["seq"] == self.size + 1, "the log has a gap"
            assert entry["entry_id"] not in self.entries, f"entry {entry['entry_id']} is in the log twice"
            leaf = base64.b64decode(entry["leaf_hash"])
            self.size = entry["seq"]
            self.entries[entry["entry_id"]] = entry["seq"], leaf
            self.frontier.append(leaf)

    def lost(self, notebook: Notebook) -> list[str]:
        """What was acknowledged and is not in the log where its receipt says."""
        return [
            event_id
            for event_id, receipt in notebook.acknowledged.items()
            if event_id not in self.entries or receipt not in (None, self.entries[event_id])
        ]


async def check_file(site: Site, history: History) -> None:
    """Read the database file itself: every byte adds up, and it is the log that was read before."""
    store = SqliteStore(site.database)
    await store.open()
    try:
        site_name = site.settings.site
        head = await store.log_head(site_name)
        assert await store.derived_is_current(site_name)
        frontier, seq = Frontier(), 0
        ends: dict[str, tuple[int, bytes]] = {}
        while rows := await store.read_log(site_name, after_seq=seq, limit=PAGE_ENTRIES):
            for row in rows:
                seq += 1
                leaf = parse_leaf(row.leaf)
                assert row.seq == seq
                assert (leaf.n - 1, leaf.previous) == ends.get(leaf.stream, (0, NO_PREVIOUS))
                assert row.body is not None
                assert row.salt is not None
                assert leaf.commitment == commitment(row.salt, row.body)
                ends[leaf.stream] = leaf.n, leaf_hash(row.leaf)
                frontier.append(row.leaf_hash)
                if seq == history.size:
                    assert frontier.to_bytes() == history.frontier.to_bytes(), "the log is not the one that was read"
        assert head.frontier == frontier.to_bytes()
        assert head.size == seq >= history.size
    finally:
        await store.close()
