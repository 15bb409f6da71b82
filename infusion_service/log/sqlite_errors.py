"""The one place where SQLite's errors become the port's."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from infusion_service.log.store import StorageFailed, StorageFull, StoreError, StoreUnusable

# Primary result codes (sqlite.org/rescode.html); extended ones have more bits above them.
_PRIMARY_BITS = 0xFF
_IOERR = 10
_CORRUPT = 11
_FULL = 13
_CANTOPEN = 14
_NOTADB = 26
_FATAL = frozenset({_IOERR, _CORRUPT, _NOTADB})


def translation(error: Exception) -> StoreError:
    """What a driver's error means to the port. Without a code (a misuse of the driver) it is a failure, not fatal.

    A text that is none any more is a damaged file.
    """
    if isinstance(error, UnicodeDecodeError):
        return StorageFailed(f"SQLite: the file is damaged: {error.reason}", fatal=True)
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_BITS
    if code == _FULL:
        return StorageFull("the disk is full")
    if code == _CANTOPEN:
        return StoreUnusable(f"the database file cannot be opened: {error}")
    return StorageFailed(f"SQLite: {error}", fatal=code in _FATAL)


_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_PROBE_BYTES = 64 * 1024


def may_grow(database: Path) -> bool:
    """Whether the system lets the files of `database` grow: asked when a write failed and nothing says why.

    SQLite calls a quota and a file-size limit I/O errors, like a failed fsync. What they stop is undone, as on a full
    disk; a failed fsync on a disk with room leaves the outcome unknown. Tried on a file of its own, gone afterwards.
    """
    log = database.with_name(database.name + "-wal")
    probe = database.with_name(database.name + ".probe")
    try:
        handle = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = max(file.stat().st_size for file in (database, log) if file.exists())
            os.pwrite(handle, bytes(_PROBE_BYTES), size)  # a hole before it: only the end takes room
        finally:
            os.close(handle)
    except OSError as error:
        return error.errno not in _NO_ROOM
    finally:
        with suppress(OSError):
            probe.unlink()
    return True
