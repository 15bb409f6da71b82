"""PINs as argon2id, computed in a thread.

Promises: the event loop never waits for a hash, and no more than one is computed at a time, so that a burst of
sign-ins costs time, not memory (64 MiB each). Source: RFC 9106 4 (second recommended option).
"""

from __future__ import annotations

import asyncio
import re

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, VerifyMismatchError

PIN_PATTERN = re.compile(r"[0-9]{4,12}")


class PinHasher:
    """Hashes and verifies PINs, one at a time."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """Use `hasher`, or argon2-cffi's defaults (time 3, 64 MiB, 4 lanes)."""
        self._hasher = hasher or PasswordHasher()
        self._turn = asyncio.Lock()
        self._nobody: str | None = None

    async def hashed(self, pin: str) -> str:
        """Return the argon2id string of `pin`. Raises `MemoryError`."""
        async with self._turn:
            return await asyncio.to_thread(self._hash, pin)

    async def matches(self, pin_argon2: str | None, pin: str) -> bool:
        """Whether `pin` is the hashed one. With None as much time is spent, and the answer is no.

        Raises `MemoryError` where that could not be found out: nobody's wrong PIN, and it must not lock a badge.
        """
        async with self._turn:
            right = await asyncio.to_thread(self._verify, pin_argon2, pin)
        return right and pin_argon2 is not None

    def _verify(self, pin_argon2: str | None, pin: str) -> bool:
        if pin_argon2 is None:
            # An unknown badge must take as long as a wrong PIN, or badges could be found by the clock.
            self._nobody = self._nobody or self._hash("nobody's")
            pin_argon2 = self._nobody
        try:
            return self._hasher.verify(pin_argon2, pin)
        except VerifyMismatchError:
            return False
        except Argon2Error as error:
            raise MemoryError(f"a PIN could not be verified: {error}") from error

    def _hash(self, pin: str) -> str:
        try:
            return self._hasher.hash(pin)
        except Argon2Error as error:
            raise MemoryError(f"a PIN could not be hashed: {error}") from error
