"""Proofs made from any store are those made from the hashes in hand."""

from __future__ import annotations

import pytest

from infusion_service.log.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    subtrees_of,
    verify_consistency,
    verify_inclusion,
)
from infusion_service.log.proofs import prove_consistency, prove_inclusion, root_at
from infusion_service.log.store import Store
from tests.log.given import SITE, Scribe, an_entry

SIZE = 700


@pytest.fixture
async def leaf_hashes(store: Store) -> list[bytes]:
    """The leaf hashes of a log that fills its store far enough to keep subtrees."""
    scribe = Scribe()
    for first in range(1, SIZE, 35):
        await store.append(scribe.write(*(an_entry(number) for number in range(first, first + 35))))
    return [row.leaf_hash for row in scribe.rows]


async def test_an_entry_is_proven_to_be_in_the_log(store: Store, leaf_hashes: list[bytes]) -> None:
    read = subtrees_of(leaf_hashes)
    for seq, size in ((1, 1), (1, SIZE), (256, 256), (257, 600), (513, 514), (SIZE, SIZE)):
        proof = await prove_inclusion(store, SITE, seq, size)
        assert proof == inclusion_proof(read, seq - 1, size)
        verify_inclusion(leaf_hashes[seq - 1], seq - 1, size, await root_at(store, SITE, size), proof)


async def test_the_log_is_proven_to_have_only_grown(store: Store, leaf_hashes: list[bytes]) -> None:
    read = subtrees_of(leaf_hashes)
    for old_size, size in ((0, SIZE), (1, SIZE), (256, SIZE), (300, 512), (512, 513), (SIZE, SIZE)):
        proof = await prove_consistency(store, SITE, old_size, size)
        assert proof == consistency_proof(read, old_size, size)
        verify_consistency(
            old_size, await root_at(store, SITE, old_size), size, await root_at(store, SITE, size), proof
        )


async def test_older_roots_are_those_of_the_shorter_log(store: Store, leaf_hashes: list[bytes]) -> None:
    for size in (1, 255, 256, 257, 511, 512, SIZE):
        assert await root_at(store, SITE, size) == Frontier(leaf_hashes[:size]).root()
    assert await root_at(store, SITE, 0) == EMPTY_ROOT


async def test_nothing_is_proven_of_what_is_not_there_yet(store: Store, leaf_hashes: list[bytes]) -> None:
    for question in (
        prove_inclusion(store, SITE, SIZE + 1, SIZE + 1),
        prove_inclusion(store, SITE, 1, SIZE + 1),
        prove_inclusion(store, SITE, 0, SIZE),
        prove_inclusion(store, SITE, 5, 4),
        prove_consistency(store, SITE, 1, SIZE + 1),
        prove_consistency(store, SITE, 5, 4),
        root_at(store, SITE, SIZE + 1),
        root_at(store, "elsewhere", 1),
    ):
        with pytest.raises(ValueError, match="not"):
            await question
