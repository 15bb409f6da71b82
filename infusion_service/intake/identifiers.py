"""Identifiers the service makes itself: UUID version 7, time first, so that keys fall side by side in the store.

Source: RFC 9562 section 5.7. Does not: make ids of derived entries (`clinical.vocabulary.derived_entry_id`) or secrets.
"""

from __future__ import annotations

import os
import uuid
from datetime import datetime

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62
_RANDOM_A_MASK = 0xFFF << 64
_RANDOM_B_MASK = (1 << 62) - 1


def new_id(now: datetime) -> str:
    """Make a UUIDv7 of the moment `now` and 74 random bits."""
    milliseconds = round(now.timestamp() * 1000)
    chance = int.from_bytes(os.urandom(10))
    return str(
        uuid.UUID(int=milliseconds << 80 | _VERSION | chance & _RANDOM_A_MASK | _VARIANT | chance & _RANDOM_B_MASK)
    )
