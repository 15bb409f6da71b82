"""The tree, held to the vector of Certificate Transparency, to pymerkle and to the recursive text of RFC 6962."""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from infusion_service.log.entry import leaf_hash
from infusion_service.log.merkle import (
    EMPTY_ROOT,
    Frontier,
    ProofRejected,
    SubtreeReader,
    consistency_proof,
    inclusion_proof,
    range_root,
    root_from_inclusion,
    subtrees_needed,
    subtrees_of,
    verify_consistency,
    verify_inclusion,
)
from tests.log.given import unhurried

CT_LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZE_MAX = 40
LEAVES = [leaf_hash(bytes([number])) for number in range(SIZE_MAX)]
ROOTS = [Frontier(LEAVES[:size]).root() for size in range(SIZE_MAX + 1)]
READ = subtrees_of(LEAVES)


def test_roots_are_those_of_certificate_transparency() -> None:
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in CT_LEAVES]
    assert [Frontier(leaves[:size]).root().hex() for size in range(9)] == CT_ROOTS


def test_roots_are_those_of_pymerkle() -> None:
    tree: Any = InmemoryTree(algorithm="sha256")
    for size in range(1, SIZE_MAX + 1):
        tree.append_entry(bytes([size - 1]))
        assert tree.get_root() == ROOTS[size]


def mth(leaves: list[bytes]) -> bytes:
    """RFC 6962 2.1, word for word."""
    if len(leaves) == 0:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = largest_power_of_two_below(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962 2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    k = largest_power_of_two_below(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], *, whole: bool) -> list[bytes]:
    """RFC 6962 2.1.2, word for word."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = largest_power_of_two_below(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], whole=False), mth(leaves[:k])]


def largest_power_of_two_below(number: int) -> int:
    """The k of RFC 6962 2.1."""
    k = 1
    while 2 * k < number:
        k *= 2
    return k


@pytest.mark.parametrize("size", range(1, SIZE_MAX + 1))
def test_inclusion_proofs_of_every_leaf_are_the_rfcs_and_hold(size: int) -> None:
    for index in range(size):
        proof = inclusion_proof(READ, index, size)
        assert proof == path(index, LEAVES[:size])
        verify_inclusion(LEAVES[index], index, size, ROOTS[size], proof)


@pytest.mark.parametrize("size", range(SIZE_MAX + 1))
def test_consistency_proofs_from_every_older_tree_are_the_rfcs_and_hold(size: int) -> None:
    for old_size in range(size + 1):
        proof = consistency_proof(READ, old_size, size)
        assert proof == (subproof(old_size, LEAVES[:size], whole=True) if old_size else [])
        verify_consistency(old_size, ROOTS[old_size], size, ROOTS[size], proof)


def test_pymerkle_and_we_walk_the_same_path() -> None:
    tree: Any = InmemoryTree(algorithm="sha256")
    for number in range(SIZE_MAX):
        tree.append_entry(bytes([number]))
    for size, index in product((1, 2, 7, 8, 33, SIZE_MAX), range(SIZE_MAX)):
        if index < size:
            theirs = tree.prove_inclusion(index + 1, size).path  # begins with the leaf itself
            assert theirs[1:] == inclusion_proof(READ, index, size)


def test_no_proof_holds_for_another_place() -> None:
    for size in range(1, 14):
        for index, claimed in product(range(size), range(size)):
            if index != claimed:
                with pytest.raises(ProofRejected):
                    verify_inclusion(LEAVES[index], claimed, size, ROOTS[size], inclusion_proof(READ, index, size))


def test_no_consistency_proof_holds_for_another_pair_of_trees() -> None:
    pairs = [(old, new) for new in range(13) for old in range(new + 1)]
    for (old, new), (other_old, other_new) in product(pairs, pairs):
        proof = consistency_proof(READ, old, new)
        if proof != consistency_proof(READ, other_old, other_new):
            with pytest.raises(ProofRejected):
                verify_consistency(other_old, ROOTS[other_old], other_new, ROOTS[other_new], proof)


def test_a_proof_changed_in_any_way_is_refused() -> None:
    for index, size in ((0, 2), (4, 5), (6, 13), (12, 13)):
        proof = inclusion_proof(READ, index, size)
        for changed in spoiled(proof):
            with pytest.raises(ProofRejected):
                verify_inclusion(LEAVES[index], index, size, ROOTS[size], changed)
    for old_size, size in ((1, 2), (4, 5), (6, 13), (7, 8), (8, 13), (5, 5), (0, 5)):
        proof = consistency_proof(READ, old_size, size)
        for changed in spoiled(proof):
            with pytest.raises(ProofRejected):
                verify_consistency(old_size, ROOTS[old_size], size, ROOTS[size], changed)


def spoiled(proof: list[bytes]) -> list[list[bytes]]:
    """The proof longer, shorter, with one bit changed, with a step cut short."""
    return (
        [[*proof, bytes(32)], [bytes(32), *proof]]
        + [proof[:at] + proof[at + 1 :] for at in range(len(proof))]
        + [[*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :]] for at in range(len(proof))]
        + [[*proof[:at], proof[at][:-1], *proof[at + 1 :]] for at in range(len(proof))]
    )


def test_another_root_is_refused() -> None:
    with pytest.raises(ProofRejected):
        verify_inclusion(LEAVES[3], 3, 8, ROOTS[9], inclusion_proof(READ, 3, 8))
    with pytest.raises(ProofRejected):
        verify_consistency(3, ROOTS[4], 8, ROOTS[8], consistency_proof(READ, 3, 8))
    with pytest.raises(ProofRejected):
        verify_consistency(3, ROOTS[3], 8, ROOTS[9], consistency_proof(READ, 3, 8))
    with pytest.raises(ProofRejected):
        verify_consistency(5, ROOTS[5], 5, ROOTS[6], [])
    with pytest.raises(ProofRejected):
        verify_consistency(0, ROOTS[1], 5, ROOTS[5], [])
    with pytest.raises(ProofRejected):
        verify_consistency(0, EMPTY_ROOT, 0, ROOTS[1], [])


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (0, 0)])
def test_a_leaf_outside_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="not in a tree"):
        inclusion_proof(READ, index, size)
    with pytest.raises(ProofRejected, match="not in a tree"):
        root_from_inclusion(LEAVES[0], index, size, [])


@pytest.mark.parametrize(("old_size", "size"), [(-1, 4), (5, 4)])
def test_a_larger_tree_is_not_an_older_one(old_size: int, size: int) -> None:
    with pytest.raises(ValueError, match="not older"):
        consistency_proof(READ, old_size, size)
    with pytest.raises(ProofRejected, match="not older"):
        verify_consistency(old_size, EMPTY_ROOT, size, EMPTY_ROOT, [])


@unhurried
@given(st.lists(st.binary(min_size=32, max_size=32), max_size=70), st.integers(0, 70))
def test_a_frontier_written_down_goes_on_where_it_was(leaves: list[bytes], cut: int) -> None:
    before = Frontier(leaves[:cut])
    after = Frontier.from_bytes(before.to_bytes())
    for leaf in leaves[cut:]:
        after.append(leaf)
    assert (after.size, after.root()) == (len(leaves), mth(leaves))
    assert (before.size, before.root()) == (min(cut, len(leaves)), mth(leaves[:cut]))


def test_a_copy_grows_alone() -> None:
    frontier = Frontier(LEAVES[:5])
    twin = frontier.copy()
    twin.append(LEAVES[5])
    assert (frontier.root(), twin.root()) == (ROOTS[5], ROOTS[6])


@pytest.mark.parametrize("raw", [b"", bytes(7), bytes(8) + bytes(32), (3).to_bytes(8) + bytes(32), bytes(9)])
def test_bytes_that_are_no_frontier_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="not the frontier"):
        Frontier.from_bytes(raw)


def test_appending_tells_every_subtree_that_becomes_whole() -> None:
    frontier = Frontier()
    told: dict[tuple[int, int], bytes] = {}
    for leaf in LEAVES:
        completed: list[bytes] = []
        frontier.append(leaf, completed)
        for level, root in enumerate(completed, start=1):
            told[level, (frontier.size >> level) - 1] = root
    whole = [(level, index) for level in range(1, 6) for index in range(SIZE_MAX >> level)]
    assert told == {node: READ(*node) for node in whole}


def test_a_subtree_that_is_not_whole_has_no_root() -> None:
    with pytest.raises(ValueError, match="not whole"):
        READ(3, 5)


def test_what_a_proof_needs_is_known_before_it_is_read() -> None:
    for index, size in ((0, 1), (5, 6), (2, 21), (39, SIZE_MAX), (0, SIZE_MAX)):
        prove = partial(inclusion_proof, index=index, size=size)
        assert prove(only(subtrees_needed(prove))) == prove(READ)


def only(nodes: list[tuple[int, int]]) -> SubtreeReader:
    """A reader that has these subtrees and no other."""
    kept = {node: READ(*node) for node in nodes}
    return lambda level, index: kept[level, index]


def test_any_older_root_can_be_had() -> None:
    assert [range_root(READ, 0, size) for size in range(1, SIZE_MAX + 1)] == ROOTS[1:]
    assert range_root(READ, 0, 0) == EMPTY_ROOT
