"""A database file opened to be read and nothing else, also while a service writes it.

Plain cursors in the caller's thread: a verifier or an export walks a million rows. Promises: one moment of the log from
the first row to the last, and no change to it. Does not: check anything.
"""

from __future__ import annotations

import os
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pysqlite3.dbapi2 as driver

from infusion_service.log.checkpoints import KEY_ADDED, KEY_RETIRED
from infusion_service.log.entry import LogRow
from infusion_service.log.note import Verifier
from infusion_service.log.sqlite_reader import Reader
from infusion_service.log.sqlite_rows import entry_key, last_key, seq_of, stream_text
from infusion_service.log.sqlite_schema import APPLICATION_ID, RawConnection
from infusion_service.log.statements import load_statements
from infusion_service.log.store import StoreUnusable

SQL = load_statements("sqlite/verify.sql")

UNREADABLE: tuple[type[Exception], type[Exception]] = (driver.DatabaseError, UnicodeDecodeError)
"""What a damaged file raises in the middle of reading: also a text, or SQLite's own message, that is none any more."""


class LogFile:
    """The log of one site in an open file."""

    def __init__(self, connection: RawConnection, site: str | None = None) -> None:
        """Take the named site, or the only one. Raises `StoreUnusable`."""
        self.connection = connection
        try:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            sites = {name: key for key, name in connection.execute(SQL["sites"])} if application else {}
        except UNREADABLE as exc:
            raise StoreUnusable(f"the file is no database that can be read: {exc}") from exc
        if application != APPLICATION_ID:
            raise StoreUnusable("this file was not made by infusion_service")
        known = ", ".join(map(str, sites))
        if site is None and len(sites) != 1:
            raise StoreUnusable(f"the file holds the logs of {len(sites)} sites: name one of {known}")
        self.site = next(iter(sites)) if site is None else site
        if self.site not in sites:
            raise StoreUnusable(f"the file holds no log of {self.site}, but of {known or 'nobody'}")
        self.site_key = self._site_key = sites[self.site]

    def size(self) -> int:
        """The number of the last entry; 0 for an empty log."""
        keys = entry_key(self._site_key, 0), last_key(self._site_key)
        (last,) = self.connection.execute(SQL["last_entry_key"], keys).fetchone()
        return 0 if last is None else seq_of(last)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Every row in order: entry key, stream key, n, leaf, salt, body, entry type."""
        keys = entry_key(self._site_key, 0), last_key(self._site_key)
        yield from self.connection.execute(SQL["rows_from"], keys)

    def stream_name(self, stream_key: int) -> str | None:
        """The day id, or "site"; None for a stream that this site does not have or that is no id."""
        found = self.connection.execute(SQL["stream_id"], (stream_key, self._site_key)).fetchone()
        try:
            return None if found is None else stream_text(found[0])
        except (UnicodeDecodeError, TypeError, AttributeError):
            return None

    def streams(self) -> list[tuple[int, bytes]]:
        """Key and raw id of every stream."""
        return list(self.connection.execute(SQL["streams"], (self._site_key,)))

    def entries_of(self, stream_key: int) -> Iterator[tuple[int, bytes, bytes | None, str]]:
        """Entry key, leaf, body and type of one stream in order."""
        yield from self.connection.execute(SQL["entries_of_stream"], (stream_key,))

    def public_keys(self, origin: str) -> list[str]:
        """The keys that stream `site` says sign under an origin, a line each: those added and not retired."""
        keys: dict[bytes, None] = {}
        for raw in self.connection.execute(SQL["key_changes"], (self._site_key, KEY_ADDED, KEY_RETIRED)):
            said = msgspec.json.decode(raw[0])
            key = b64decode(said["data"]["public_key"])
            if said["type"] == KEY_ADDED:
                keys[key] = None
            else:
                keys.pop(key, None)
        return [Verifier(origin, key).as_text() for key in keys]

    @staticmethod
    def statement(name: str) -> str:
        """A statement of the verifier, by name."""
        return SQL[name]

    def one(self, name: str, *values: object) -> tuple[Any, ...] | None:
        """The first row of a statement about the site."""
        row: tuple[Any, ...] | None = self.connection.execute(SQL[name], (self._site_key, *values)).fetchone()
        return row

    def every(self, name: str) -> Iterator[tuple[Any, ...]]:
        """Every row of a statement about the site."""
        yield from self.connection.execute(SQL[name], (self._site_key,))

    def erased_by(self, key: int) -> int | None:
        """The sequence number of the entry whose commit erased this one's body."""
        found = self.connection.execute(SQL["erased_by"], (key,)).fetchone()
        return None if found is None else seq_of(found[0])


class OpenedLog:
    """An open file as a `store.LogReader`: for what asks a store, in the caller's own thread."""

    def __init__(self, connection: RawConnection) -> None:
        self._reader = Reader(connection)

    async def read_stream(self, site: str, stream: str, *, after_n: int = 0, limit: int) -> list[LogRow]:
        """See `LogReader.read_stream`."""
        return self._reader.read_stream(site, stream, after_n, limit)

    async def read_log(
        self, site: str, *, after_seq: int = 0, limit: int, stream: str | None = None, entry_type: str | None = None
    ) -> list[LogRow]:
        """See `LogReader.read_log`."""
        return self._reader.read_log(site, after_seq, limit, stream, entry_type)

    async def read_subtrees(self, site: str, nodes: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """See `LogReader.read_subtrees`."""
        return self._reader.read_subtrees(site, nodes)


@contextmanager
def reading(path: Path) -> Iterator[RawConnection]:
    """Open a file for reading and close it again. Raises `StoreUnusable`."""
    if not path.is_file():
        raise StoreUnusable(f"there is no file {path}")
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    if not path.with_name(path.name + "-wal").exists():
        # Without a write-ahead log nothing can change under us; on a medium that cannot be written it is the only way.
        address += "" if os.access(path.parent, os.W_OK) else "&immutable=1"
    try:
        connection = driver.connect(address, uri=True, isolation_level=None)
    except driver.Error as exc:
        raise StoreUnusable(f"{path} cannot be opened: {exc}") from exc
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")  # what is committed meanwhile is not seen
        yield connection
    finally:
        connection.close()
