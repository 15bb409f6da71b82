"""Signatures of Standard Webhooks 1.0: HMAC-SHA-256 (`v1`) and Ed25519 (`v1a`) over `id.timestamp.body`.

Promises: a header that any conforming receiver accepts, with one entry per live key, newest first. Does not: keep
secrets (`vault`) or choose which keys are live (`endpoint`).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret is recognised by
PUBLIC_PREFIX = "whpk_"


class Signer:
    """Signs with every live key of one endpoint. HMAC keys are set up once: that is half the cost of a signature."""

    def __init__(self, secrets_live: Sequence[bytes], seeds_live: Sequence[bytes] = ()) -> None:
        """`secrets_live` are HMAC keys, `seeds_live` Ed25519 private keys, newest first."""
        self._keyed = [hmac.new(secret, digestmod=hashlib.sha256) for secret in secrets_live]
        self._private = [Ed25519PrivateKey.from_private_bytes(seed) for seed in seeds_live]

    def header(self, webhook_id: str, timestamp_s: int, body: bytes) -> str:
        """Return the value of `webhook-signature`."""
        signed = b"%b.%d.%b" % (webhook_id.encode(), timestamp_s, body)
        entries = []
        for keyed in self._keyed:
            mac = keyed.copy()
            mac.update(signed)
            entries.append("v1," + b64encode(mac.digest()).decode())
        entries += ["v1a," + b64encode(private.sign(signed)).decode() for private in self._private]
        return " ".join(entries)


def verified(header: str, secret: bytes, webhook_id: str, timestamp_s: int, body: bytes) -> bool:
    """Whether one entry of a `webhook-signature` is the `v1` of these bytes under this secret."""
    expected = Signer([secret]).header(webhook_id, timestamp_s, body)
    return any(hmac.compare_digest(expected.encode(), entry.encode()) for entry in header.split(" "))


def new_secret() -> bytes:
    """Make an HMAC key, or the seed of an Ed25519 key: both are 32 random bytes."""
    return secrets.token_bytes(SECRET_BYTES)


def shown_secret(secret: bytes) -> str:
    """Write an HMAC key as receivers configure it."""
    return SECRET_PREFIX + b64encode(secret).decode()


def read_secret(text: str) -> bytes:
    """Read what `shown_secret` wrote. Raises `ValueError`."""
    if not text.startswith(SECRET_PREFIX):
        raise ValueError(f"a secret begins with {SECRET_PREFIX}")
    return b64decode(text.removeprefix(SECRET_PREFIX), validate=True)


def shown_public(seed: bytes) -> str:
    """Write the public half of an Ed25519 key as receivers configure it."""
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return PUBLIC_PREFIX + b64encode(public).decode()
