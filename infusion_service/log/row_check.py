"""A check sum over the values of a row, for the tables that the signed log says nothing of.

SQLite keeps none, and a bit that flips on a disk is served like any other. Promises: one flipped bit in a row is always
seen, any other damage but once in four thousand million times. It guards against disks, not against people: whoever can
write a row can sum it up again (what people must not change stands in the log, and its tree is signed).
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

import msgspec

SQL_FUNCTION = "check_of"
"""Its name in statements, for those that change many rows at once."""

_encode = msgspec.msgpack.Encoder().encode


def check_of(*values: object) -> int:
    """CRC-32 of the values as SQLite holds them: whole numbers, texts, bytes and None, each told from the others."""
    return crc32(_encode(values))


def register(connection: Any) -> None:
    """Have statements of this connection know it."""
    connection.create_function(SQL_FUNCTION, -1, check_of, deterministic=True)
