"""The private keys that sign checkpoints: one file each, beside the database, readable for their owner alone.

A file holds 32 random bytes in base64, an Ed25519 seed (RFC 8032 5.1.5). Rotation adds a file; which keys sign is told
by the log (`key.added`, `key.retired`), not by the files. Does not: sign (`note`) or record.
"""

from __future__ import annotations

import os
import secrets
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infusion_service.log.store import StoreUnusable

FIRST_KEY_FILE = "signing.key"
LATER_KEY_FILES = "signing-*.key"

_SEED_BYTES = 32
_KEY_FILE_MODE = 0o400


class KeyUnusable(StoreUnusable):
    """A key file that cannot be read, or does not hold a key."""


def make_first_key(directory: Path) -> bool:
    """Make the key of a new site; False when there is one already, which stays."""
    return _write_new(directory / FIRST_KEY_FILE, secrets.token_bytes(_SEED_BYTES))


def make_further_key(directory: Path) -> Ed25519PrivateKey:
    """Make another key, in a file named for it, and return it."""
    seed = secrets.token_bytes(_SEED_BYTES)
    key = Ed25519PrivateKey.from_private_bytes(seed)
    name = sha256(key.public_key().public_bytes_raw()).hexdigest()[:16]
    _write_new(directory / LATER_KEY_FILES.replace("*", name), seed)
    return key


def read_keys(directory: Path) -> list[Ed25519PrivateKey]:
    """All keys there are files of, the site's first one first. Raises `KeyUnusable`."""
    first = directory / FIRST_KEY_FILE
    paths = [*([first] if first.exists() else []), *sorted(directory.glob(LATER_KEY_FILES))]
    return [_read(path) for path in paths]


def _read(path: Path) -> Ed25519PrivateKey:
    try:
        seed = b64decode(path.read_text(encoding="ascii").strip(), validate=True)
        return Ed25519PrivateKey.from_private_bytes(seed)
    except (OSError, ValueError) as exc:  # the reason, never the content
        raise KeyUnusable(f"the signing key {path} cannot be used ({type(exc).__name__})") from None


def _write_new(path: Path, seed: bytes) -> bool:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, _KEY_FILE_MODE)  # nobody else can read it from its first byte on
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "wb") as file:
        file.write(b64encode(seed) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return True
