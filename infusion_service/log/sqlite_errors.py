"""The one place where SQLite's errors become the port's."""

from __future__ import annotations

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
    """What a driver's error means to the port. Without a code (a misuse of the driver) it is a failure, not fatal."""
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_BITS
    if code == _FULL:
        return StorageFull("the disk is full")
    if code == _CANTOPEN:
        return StoreUnusable(f"the database file cannot be opened: {error}")
    return StorageFailed(f"SQLite: {error}", fatal=code in _FATAL)
