"""Proofs about a stored log: that an entry is in it, and that it only ever grew.

One read per proof, of hundreds of hashes however long the log is. Does not: sign (`note`) or verify (`merkle`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from infusion_service.log.merkle import (
    SubtreeReader,
    consistency_proof,
    inclusion_proof,
    range_root,
    subtrees_needed,
)
from infusion_service.log.store import LogReader

_Proven = TypeVar("_Proven")


async def prove_inclusion(store: LogReader, site: str, seq: int, size: int) -> list[bytes]:
    """The RFC 6962 inclusion proof of entry `seq` in the log's first `size` entries, leaf side first.

    Raises `ValueError` for an entry that is not among them, or a log that is not that long yet.
    """
    return await _prove(store, site, size, partial(inclusion_proof, index=seq - 1, size=size))


async def prove_consistency(store: LogReader, site: str, old_size: int, size: int) -> list[bytes]:
    """The RFC 6962 proof that the log's first `size` entries begin with its first `old_size`. Raises `ValueError`."""
    return await _prove(store, site, size, partial(consistency_proof, old_size=old_size, size=size))


async def root_at(store: LogReader, site: str, size: int) -> bytes:
    """The root the log had when it was `size` entries long. Raises `ValueError` for a log that is not that long yet."""
    return await _prove(store, site, size, partial(range_root, first=0, last=size))


async def _prove(store: LogReader, site: str, size: int, prove: Callable[[SubtreeReader], _Proven]) -> _Proven:
    needed = subtrees_needed(prove)
    last_leaf = [(0, size - 1)] if size else []  # a proof may do without it, but is of a tree that has it
    found = await store.read_subtrees(site, [*needed, *last_leaf])
    return prove(lambda level, index: found[level, index])
