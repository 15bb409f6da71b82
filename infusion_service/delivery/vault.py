"""Secrets of endpoints at rest: AES-256-GCM under a key file that lies beside the database, never in it.

Promises: a copy of the database alone reveals no secret; a sealed value opens only for the endpoint and the purpose it
was sealed for. The key file is made at first use, readable for its owner alone. Does not: protect against who can read
both files, or rotate the key.
"""

from __future__ import annotations

import os
import secrets
from base64 import b64decode, b64encode
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_FILE = "secrets.key"
KEY_BYTES = 32
NONCE_BYTES = 12
KEY_FILE_MODE = 0o400


class VaultUnusable(Exception):
    """The key file cannot be read, is no key, or is not the one these secrets were sealed with."""


class Vault:
    """Seals and opens. The key is read, or made, when it is first needed."""

    def __init__(self, key_file: Path) -> None:
        """`key_file` need not exist yet; its directory must."""
        self._key_file = key_file
        self._cipher: AESGCM | None = None

    def seal(self, secret: bytes, *, purpose: str) -> str:
        """Encrypt; `purpose` names endpoint and use and is needed to open it. Raises `VaultUnusable`."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return b64encode(nonce + self._opened(make=True).encrypt(nonce, secret, purpose.encode())).decode()

    def open(self, sealed: str, *, purpose: str) -> bytes:
        """Decrypt. Raises `VaultUnusable`."""
        raw = b64decode(sealed, validate=True)
        try:
            return self._opened(make=False).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], purpose.encode())
        except InvalidTag:
            raise VaultUnusable(
                f"{self._key_file} is not the key the secrets of the endpoints were sealed with"
            ) from None

    def _opened(self, *, make: bool) -> AESGCM:
        if self._cipher is None:
            if make:
                make_key(self._key_file)
            self._cipher = AESGCM(self._read_key())
        return self._cipher

    def _read_key(self) -> bytes:
        try:
            key = b64decode(self._key_file.read_text(encoding="ascii").strip(), validate=True)
        except FileNotFoundError:
            raise VaultUnusable(f"{self._key_file} is missing: without it the endpoints' secrets are lost") from None
        except (OSError, ValueError) as error:
            raise VaultUnusable(f"{self._key_file} cannot be read: {type(error).__name__}") from None
        if len(key) != KEY_BYTES:
            raise VaultUnusable(f"{self._key_file} does not hold a key of {KEY_BYTES} bytes")
        return key


def make_key(path: Path) -> bool:
    """Make the key file and return True, or False when there is one already, which stays. Raises `VaultUnusable`.

    It is on the disk when this returns.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, KEY_FILE_MODE)
    except FileExistsError:
        return False
    except OSError as error:
        raise VaultUnusable(f"{path} cannot be made: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return True
