"""What the answers about the log itself hold: proofs and the keys that sign for it.

Promises: every member of contract 2 is here. Does not: build answers (`web.proofs` does).
"""

from __future__ import annotations

import msgspec


class InclusionProof(msgspec.Struct, forbid_unknown_fields=True):
    """The entry's leaf hash leads by these hashes (RFC 6962 2.1.1, leaf side first) to the root of that size."""

    seq: int
    size: int
    leaf_hash: str
    root: str
    proof: list[str]


class ConsistencyProof(msgspec.Struct, forbid_unknown_fields=True):
    """The roots of both sizes follow from these hashes (RFC 6962 2.1.2): the log only grew."""

    old_size: int = msgspec.field(name="from")
    size: int = msgspec.field(name="to")
    proof: list[str]


class SigningKey(msgspec.Struct, forbid_unknown_fields=True):
    """A key that signs, or has signed, checkpoints. `key` is the one line that whoever checks the log keeps."""

    id: str
    key: str
    signs: bool
    added_seq: int
    retired_seq: int | None


class SigningKeys(msgspec.Struct, forbid_unknown_fields=True):
    """The log's name and its keys, oldest first."""

    origin: str
    keys: list[SigningKey]
