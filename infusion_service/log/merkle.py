"""The RFC 6962 Merkle tree over a site's log: root, proofs and their verification.

Leaf hash = SHA-256(0x00 || leaf), node = SHA-256(0x01 || left || right), empty tree = SHA-256(""), split at the
largest power of two below the size. Leaf index = `seq` - 1.

The service keeps only the *frontier*, the roots of the perfect subtrees the tree is made of (one per set bit of its
size). Proofs need more hashes and ask a reader for them. Does not: hash leaves (`entry`) or sign roots (`note`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

_SIZE_BYTES = 8
_NODE_PREFIX = b"\x01"  # RFC 6962 2.1: keeps an inner node from ever being read as a leaf

STORED_LEVELS = (8, 16, 24, 32)
"""Levels whose perfect subtrees' roots are worth keeping: a proof then reads hundreds of leaves, never millions."""

SubtreeReader = Callable[[int, int], bytes]
"""`(level, index)` -> root of the perfect subtree over leaves [index * 2**level, (index + 1) * 2**level)."""


class ProofRejected(ValueError):
    """A proof does not show what it claims, or is not a proof at all."""


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return sha256(_NODE_PREFIX + left + right).digest()


class Frontier:
    """The compact range of a tree: what it takes to append to it and to know its root.

    Mutable, for one writer. A batch appends to a `copy()` that replaces the original once committed.
    """

    __slots__ = ("_roots", "size")

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self.size = 0
        self._roots: list[bytes] = []  # of perfect subtrees, largest (leftmost) first
        for leaf_hash in leaf_hashes:
            self.append(leaf_hash)

    def append(self, leaf_hash: bytes, completed: list[bytes] | None = None) -> None:
        """Add a leaf at the right. One node hash per append on average.

        `completed` is given the roots of the perfect subtrees that become whole by it: of level 1, 2, 3 and so on.
        """
        size = self.size
        root = leaf_hash
        while size & 1:  # a perfect subtree as large as the new one stands to its left: they become one
            root = node_hash(self._roots.pop(), root)
            size >>= 1
            if completed is not None:
                completed.append(root)
        self._roots.append(root)
        self.size += 1

    def root(self) -> bytes:
        """The root of the whole tree."""
        return _fold(self._roots)

    def copy(self) -> Frontier:
        """An independent frontier of the same tree."""
        twin = Frontier()
        twin.size = self.size
        twin._roots = self._roots.copy()
        return twin

    def to_bytes(self) -> bytes:
        """Size (8 bytes, big-endian), then the subtree roots, largest first."""
        return self.size.to_bytes(_SIZE_BYTES) + b"".join(self._roots)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Frontier:
        """Read a frontier back. Raises `ValueError` unless there is exactly one root per set bit of the size."""
        size = int.from_bytes(raw[:_SIZE_BYTES])
        if len(raw) != _SIZE_BYTES + HASH_BYTES * size.bit_count():
            raise ValueError(f"{len(raw)} bytes are not the frontier of a tree of {size} leaves")
        frontier = cls()
        frontier.size = size
        frontier._roots = [raw[at : at + HASH_BYTES] for at in range(_SIZE_BYTES, len(raw), HASH_BYTES)]
        return frontier


def subtrees_of(leaf_hashes: Sequence[bytes]) -> SubtreeReader:
    """A reader over hashes held in memory. It raises `ValueError` for a subtree that is not whole."""

    def read(level: int, index: int) -> bytes:
        width = 1 << level
        found = leaf_hashes[index * width : (index + 1) * width]
        if len(found) != width:
            raise ValueError(f"the subtree {index} of level {level} is not whole")
        return Frontier(found).root()

    return read


def subtrees_needed(prove: Callable[[SubtreeReader], object]) -> list[tuple[int, int]]:
    """Which subtrees a proof will ask for, so that a store can fetch them all at once."""
    needed: list[tuple[int, int]] = []

    def note(level: int, index: int) -> bytes:
        needed.append((level, index))
        return EMPTY_ROOT

    prove(note)
    return needed


def range_root(read: SubtreeReader, first: int, last: int) -> bytes:
    """MTH(D[first:last]) of RFC 6962 2.1, for ranges as they occur in proofs (perfect subtrees from the left)."""
    return _fold([read(level, index) for level, index in _perfect_subtrees(first, last)])


def inclusion_proof(read: SubtreeReader, index: int, size: int) -> list[bytes]:
    """PATH(index, D[size]) of RFC 6962 2.1.1, leaf side first. Raises `ValueError` for a leaf not in the tree."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    proof: list[bytes] = []
    first, last = 0, size
    while last - first > 1:
        middle = first + _split(last - first)
        if index < middle:
            proof.append(range_root(read, middle, last))
            last = middle
        else:
            proof.append(range_root(read, first, middle))
            first = middle
    proof.reverse()
    return proof


def consistency_proof(read: SubtreeReader, old_size: int, size: int) -> list[bytes]:
    """PROOF(old_size, D[size]) of RFC 6962 2.1.2. Empty for equal sizes and for an empty old tree."""
    if not 0 <= old_size <= size:
        raise ValueError(f"a tree of {old_size} is not older than one of {size}")
    if old_size in (0, size):
        return []
    proof: list[bytes] = []
    first, last, old_is_known = 0, size, True
    while old_size != last:
        middle = first + _split(last - first)
        if old_size <= middle:
            proof.append(range_root(read, middle, last))
            last = middle
        else:
            proof.append(range_root(read, first, middle))
            first, old_is_known = middle, False
    if not old_is_known:  # the verifier cannot know the rest of the old tree when it is not the whole of it
        proof.append(range_root(read, first, last))
    proof.reverse()
    return proof


def root_from_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root a tree of `size` must have if `proof` shows the leaf at `index` (RFC 9162 2.1.3.2).

    Raises `ProofRejected` when the proof has not exactly the length such a proof has.
    """
    if not 0 <= index < size:
        raise ProofRejected(f"leaf {index} is not in a tree of {size}")
    inner, border = _path_shape(index, size)
    if len(proof) != inner + border or any(len(step) != HASH_BYTES for step in proof):
        raise ProofRejected(f"a proof for leaf {index} of {size} is {inner + border} hashes")
    root = leaf_hash
    for level, step in enumerate(proof[:inner]):
        root = node_hash(step, root) if index >> level & 1 else node_hash(root, step)
    for step in proof[inner:]:
        root = node_hash(step, root)
    return root


def verify_inclusion(leaf_hash: bytes, index: int, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree with this size and root holds the leaf at `index`. Raises `ProofRejected`."""
    if root_from_inclusion(leaf_hash, index, size, proof) != root:
        raise ProofRejected(f"leaf {index} is not in the tree of {size} with that root")


def verify_consistency(old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree (`size`, `root`) begins with the tree (`old_size`, `old_root`). Raises `ProofRejected`."""
    if not 0 <= old_size <= size:
        raise ProofRejected(f"a tree of {old_size} is not older than one of {size}")
    if old_size in (0, size):
        expected = EMPTY_ROOT if old_size == 0 else root
        if proof or old_root != expected or (size == 0 and root != EMPTY_ROOT):
            raise ProofRejected("two trees of the same size differ, or an empty tree is not empty")
        return
    # Walk from the largest perfect subtree that ends where the old tree ends up to both roots at once.
    level = (old_size & -old_size).bit_length() - 1
    whole = old_size == 1 << level  # then that subtree is the old tree, and its root is not repeated in the proof
    steps = list(proof) if not whole else [old_root, *proof]
    inner, border = _path_shape((old_size - 1) >> level, ((size - 1) >> level) + 1)
    if len(steps) != 1 + inner + border or any(len(step) != HASH_BYTES for step in steps):
        raise ProofRejected(f"a proof from {old_size} to {size} has another length")
    index = (old_size - 1) >> level
    found_old = found = steps[0]
    for height, step in enumerate(steps[1 : 1 + inner]):
        if index >> height & 1:
            found_old, found = node_hash(step, found_old), node_hash(step, found)
        else:
            found = node_hash(found, step)
    for step in steps[1 + inner :]:
        found_old, found = node_hash(step, found_old), node_hash(step, found)
    if found_old != old_root or found != root:
        raise ProofRejected(f"the tree of {size} does not begin with that tree of {old_size}")


def _path_shape(index: int, size: int) -> tuple[int, int]:
    """Length of an inclusion path: steps below the point where index and last leaf part, left siblings above it."""
    inner = (index ^ (size - 1)).bit_length()
    return inner, (index >> inner).bit_count()


def _split(width: int) -> int:
    """The largest power of two below `width` (> 1)."""
    return 1 << (width - 1).bit_length() - 1


def _perfect_subtrees(first: int, last: int) -> Iterable[tuple[int, int]]:
    """Cut [first, last) into (level, index) of perfect subtrees, largest first; `first` is a multiple of the first."""
    while first < last:
        level = (last - first).bit_length() - 1
        yield level, first >> level
        first += 1 << level


def _fold(roots: Sequence[bytes]) -> bytes:
    if not roots:
        return EMPTY_ROOT
    root = roots[-1]
    for left in reversed(roots[:-1]):
        root = node_hash(left, root)
    return root
