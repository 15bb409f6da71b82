"""Where in an SQLite file the values of a table lie, byte by byte: its b-tree read as the file format describes it.

SQLite's own tools say what a file holds, not where; a drill that flips the bit of a salt must know the place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pysqlite3.dbapi2 as driver

INTERIOR, LEAF = 0x05, 0x0D
HEADER_BYTES = 100
"""Of the file, before the first page's own header."""

_NUMBER_BYTES = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)
"""Of a value by its serial type, up to 9; above that texts and blobs say their length."""


@dataclass(frozen=True)
class Stored:
    """One value: whose it is and where its bytes lie, in order."""

    rowid: int
    column: str
    places: tuple[range, ...]

    @property
    def size(self) -> int:
        return sum(map(len, self.places))

    def place(self, number: int) -> int:
        """Where in the file its `number`-th byte lies."""
        for part in self.places:
            if number < len(part):
                return part[number]
            number -= len(part)
        raise IndexError(number)


def values_of(database: Path, table: str) -> Iterator[Stored]:
    """Every value stored in a table of a database that nobody has open."""
    connection = driver.connect(str(database))
    try:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
        columns = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
    finally:
        connection.close()
    yield from _Pages(database.read_bytes()).values(root, columns)


def tables_of_roots(database: Path) -> dict[int, str]:
    """The table that each first page of a b-tree belongs to, its own or that of one of its indexes; pages from 1."""
    connection = driver.connect(str(database))
    try:
        return dict(connection.execute("SELECT rootpage, tbl_name FROM sqlite_schema WHERE rootpage > 0").fetchall())
    finally:
        connection.close()


class _Pages:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._page_bytes = self._number(16, 2)
        self._usable = self._page_bytes - raw[20]

    def values(self, page: int, columns: list[str]) -> Iterator[Stored]:
        start = (page - 1) * self._page_bytes
        header = start + (HEADER_BYTES if page == 1 else 0)
        kind = self._raw[header]
        assert kind in (INTERIOR, LEAF), f"page {page} is not of a table"
        pointers = header + (12 if kind == INTERIOR else 8)
        for number in range(self._number(header + 3, 2)):
            cell = start + self._number(pointers + 2 * number, 2)
            if kind == INTERIOR:
                yield from self.values(self._number(cell, 4), columns)
            else:
                yield from self._row(cell, columns)
        if kind == INTERIOR:
            yield from self.values(self._number(header + 8, 4), columns)

    def _row(self, cell: int, columns: list[str]) -> Iterator[Stored]:
        size, at = self._varint(cell)
        rowid, at = self._varint(at)
        parts = list(self._parts(at, size))
        header_bytes, kinds_at = self._varint(at)
        offset, end = header_bytes, at + header_bytes
        for column in columns:
            if kinds_at >= end:
                return
            kind, kinds_at = self._varint(kinds_at)
            length = _NUMBER_BYTES[kind] if kind < len(_NUMBER_BYTES) else (kind - 12) // 2
            yield Stored(rowid, column, tuple(_cut(parts, offset, length)))
            offset += length

    def _parts(self, at: int, size: int) -> Iterator[range]:
        """Where a row's bytes lie: in its cell, and what has no room there in a chain of pages."""
        room = self._usable - 35
        local = size
        if size > room:
            least = (self._usable - 12) * 32 // 255 - 23
            wanted = least + (size - least) % (self._usable - 4)
            local = wanted if wanted <= room else least
        yield range(at, at + local)
        left, link = size - local, at + local
        while left:
            start = (self._number(link, 4) - 1) * self._page_bytes
            length = min(left, self._usable - 4)
            yield range(start + 4, start + 4 + length)
            left, link = left - length, start

    def _number(self, at: int, length: int) -> int:
        return int.from_bytes(self._raw[at : at + length], "big")

    def _varint(self, at: int) -> tuple[int, int]:
        value = 0
        for place in range(at, at + 8):
            value = value << 7 | self._raw[place] & 0x7F
            if not self._raw[place] & 0x80:
                return value, place + 1
        return value << 8 | self._raw[at + 8], at + 9


def _cut(parts: list[range], offset: int, length: int) -> Iterator[range]:
    for part in parts:
        taken = part[offset : offset + length]
        if taken:
            yield taken
            length -= len(taken)
        offset = max(0, offset - len(part))


def flip(path: Path, place: int, bit: int) -> None:
    """Change one bit of a file; the same again changes it back."""
    with path.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ 1 << bit]))
