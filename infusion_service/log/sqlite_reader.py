"""What is read from an SQLite database, each call one short transaction, run whole in a reader's thread.

Does not: connect, translate errors or wait (`sqlite`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from infusion_service.clinical.vocabulary import JSON, SITE_STREAM
from infusion_service.log.entry import NO_PREVIOUS, LogRow, leaf_hash, parse_leaf
from infusion_service.log.merkle import STORED_LEVELS, Frontier
from infusion_service.log.row_check import check_of
from infusion_service.log.sqlite_rows import (
    day_head,
    entry_key,
    from_ms,
    last_key,
    log_row,
    seq_of,
    stream_bytes,
    stream_text,
    to_ms,
)
from infusion_service.log.sqlite_schema import RawConnection
from infusion_service.log.statements import load_statements
from infusion_service.log.store import (
    EMPTY_FRONTIER,
    DayHead,
    LogHead,
    RebuildRequired,
    RecordDamaged,
    StorageFailed,
    id_bytes,
)

SQL = load_statements("sqlite/read.sql")

_LAST_DATE = "\U0010ffff"  # sorts behind every date
_BEFORE_ALL = ("", b"")
_AFTER_ALL = (_LAST_DATE, b"\xff" * 17)  # longer than the bytes of any day


class StoredHead(NamedTuple):
    """A row of `log_head`: where the log stands, and up to which size event ids and day heads are derived."""

    size: int
    frontier: bytes
    site_n: int
    site_last_hash: bytes
    event_keys_size: int
    day_heads_size: int

    @property
    def current(self) -> bool:
        """Whether everything derived has come as far as the log."""
        return self.size == self.event_keys_size == self.day_heads_size


EMPTY_HEAD = StoredHead(0, EMPTY_FRONTIER, 0, NO_PREVIOUS, 0, 0)


class Reader:
    """Queries over one connection. A site or stream that never wrote has nothing; what is no id finds nothing."""

    def __init__(self, connection: RawConnection) -> None:
        self._execute = self.execute = connection.execute
        self._site_keys: dict[str, int] = {}  # a site keeps its key for ever

    def ping(self) -> None:
        """Read something."""
        self._execute("SELECT 1").fetchone()

    def site_key(self, site: str) -> int | None:
        """Key of a site, None before its first write."""
        key = self._site_keys.get(site)
        if key is None:
            found = self._execute(SQL["site_key"], (site,)).fetchone()
            if found is None:
                return None
            (key,) = found
            self._site_keys[site] = key
        return key

    def stream_key(self, site_key: int, stream: str) -> int | None:
        """Key of a stream, None before its first entry."""
        try:
            stream_id = stream_bytes(stream)
        except ValueError:
            return None
        found = self._execute(SQL["stream_key"], (site_key, stream_id)).fetchone()
        return None if found is None else found[0]

    def size(self, site_key: int) -> int:
        """How many entries the log has, from the log itself."""
        (key,) = self._execute(SQL["last_entry_key"], (entry_key(site_key, 1), last_key(site_key))).fetchone()
        return 0 if key is None else seq_of(key)

    def log_head(self, site: str) -> LogHead:
        """See `Store.log_head`."""
        site_key = self.site_key(site)
        if site_key is None:
            return LogHead()
        stored = self.stored_head(site_key)
        if stored is None:
            return self.computed_head(site_key)
        leaf = self._execute(SQL["leaf"], (entry_key(site_key, stored.size),)).fetchone()
        return LogHead(
            size=stored.size,
            frontier=stored.frontier,
            received_at=None if leaf is None else parse_leaf(leaf[0]).received_at,
            site_n=stored.site_n,
            site_last_hash=stored.site_last_hash,
        )

    def stored_head(self, site_key: int) -> StoredHead | None:
        """The derived head; None when dropped."""
        found = self._execute(SQL["log_head"], (site_key,)).fetchone()
        if found is not None and found[-1] != check_of(site_key, *found[:-1]):
            raise RebuildRequired("the head of the log is damaged")
        return None if found is None else StoredHead(*found[:-1])

    def computed_head(self, site_key: int) -> LogHead:
        """The head from the leaves alone, in constant memory."""
        frontier = Frontier()
        leaf = b""
        for (leaf,) in self._execute(SQL["leaves"], (entry_key(site_key, 0), last_key(site_key))):
            frontier.append(leaf_hash(leaf))
        return self.head_at(site_key, frontier, leaf)

    def head_at(self, site_key: int, frontier: Frontier, last_leaf: bytes) -> LogHead:
        """The head of a log with this frontier and last leaf."""
        if not frontier.size:
            return LogHead()
        stream_key = self.stream_key(site_key, SITE_STREAM)
        of_site = None if stream_key is None else self._execute(SQL["last_of_stream"], (stream_key,)).fetchone()
        return LogHead(
            size=frontier.size,
            frontier=frontier.to_bytes(),
            received_at=parse_leaf(last_leaf).received_at,
            site_n=of_site[0] if of_site else 0,
            site_last_hash=leaf_hash(of_site[1]) if of_site else NO_PREVIOUS,
        )

    def derived_is_current(self, site: str) -> bool:
        """See `Store.derived_is_current`."""
        site_key = self.site_key(site)
        size = 0 if site_key is None else self.size(site_key)
        if site_key is None or size == 0:
            return True
        for kind, key, *kept in self._execute(SQL["all_records"], (site_key,)):
            _sound_record(site_key, kind, key, *kept)  # under another kind or key nobody would look for it
        level = STORED_LEVELS[0]
        values = {"site_key": site_key, "level": level, "node_index": (size >> level) - 1}
        try:
            found = self.stored_head(site_key)
            if found is None or found.size != size or not found.current:
                return False
            return all(self._execute(SQL["derived_rows_present"], values).fetchone()) and self._heads_are_sound(
                site_key
            )
        except RebuildRequired:
            return False

    def _heads_are_sound(self, site_key: int) -> bool:
        """Whether the heads of days are as they were written: by these the board and the watch find a day.

        A few microseconds for each day; event keys, as many as entries, are held against the log at night.
        """
        for record in self._execute(SQL["all_day_heads"], (site_key,)):
            day_head(record)
        return True

    def find_events(self, site: str, event_ids: Sequence[str]) -> dict[str, LogRow]:
        """See `Store.find_events`."""
        site_key = self.site_key(site)
        if site_key is None:
            return {}
        found = {}
        for event_id in event_ids:
            try:
                raw = id_bytes(event_id)
            except ValueError:
                continue
            record = self._execute(SQL["row_of_event"], (site_key, raw)).fetchone()
            if record is not None:
                row = found[event_id] = log_row(record)
                if row.body is not None and row.event_id != event_id:
                    raise RebuildRequired("a key of an event is damaged: it leads to another's entry")
        return found

    def read_stream(self, site: str, stream: str, after_n: int, limit: int) -> list[LogRow]:
        """See `Store.read_stream`."""
        site_key = self.site_key(site)
        stream_key = None if site_key is None else self.stream_key(site_key, stream)
        if stream_key is None:
            return []
        rows = self._rows(self._execute(SQL["rows_of_stream"], (stream_key, after_n, limit)))
        tail = b',"stream":%b,"v":1}' % msgspec.json.encode(stream)
        for n, row in enumerate(rows, start=after_n + 1):
            # The index led here: what the row itself says has the last word.
            if row.n != n or not row.leaf.startswith(b'{"n":%d,' % n) or not row.leaf.endswith(tail):
                raise _damaged(f"entry {n} of stream {stream}")
        return rows

    def read_log(
        self, site: str, after_seq: int, limit: int, stream: str | None, entry_type: str | None
    ) -> list[LogRow]:
        """See `Store.read_log`."""
        site_key = self.site_key(site)
        if site_key is None:
            return []
        after = entry_key(site_key, after_seq)
        if stream is not None:
            stream_key = self.stream_key(site_key, stream)
            values = {"stream_key": stream_key, "after": after, "entry_type": entry_type, "limit": limit}
            return self._rows(self._execute(SQL["rows_of_stream_after"], values))
        last = last_key(site_key)
        if entry_type is not None:
            return self._rows(self._execute(SQL["rows_of_type"], (after, last, entry_type, limit)))
        rows = self._rows(self._execute(SQL["rows"], (after, last, limit)))
        for seq, row in enumerate(rows, start=after_seq + 1):
            if row.seq != seq:
                raise _damaged(f"entry {seq}")
        return rows

    def _rows(self, records: Iterable[tuple[Any, ...]]) -> list[LogRow]:
        """Rows of the log, each with its body unless that was erased. Raises `StorageFailed` for one that lost it."""
        rows = [log_row(record) for record in records]
        for row in rows:
            if row.body is None and not self._is_erased(row):
                raise _damaged(f"the body of entry {row.seq}")
        return rows

    def _is_erased(self, row: LogRow) -> bool:
        site = parse_leaf(row.leaf).site
        key = entry_key(self.site_key(site) or 0, row.seq)
        return self._execute(SQL["is_erased"], (key,)).fetchone() is not None

    def read_subtrees(self, site: str, nodes: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """See `Store.read_subtrees`."""
        site_key = self.site_key(site) or 0  # a key no site has: nothing is whole there
        return {node: self.subtree(site_key, *node) for node in nodes}

    def subtree(self, site_key: int, level: int, index: int) -> bytes:
        """Root of a perfect subtree, from the highest stored level below it. Raises `ValueError` when not whole."""
        base = max((stored for stored in STORED_LEVELS if stored <= level), default=0)
        width = 1 << (level - base)
        first = index * width
        found: Iterable[bytes]
        if base:
            nodes = self._execute(SQL["tree_nodes"], (site_key, base, first, first + width))
            found = (_sound_root(site_key, base, node) for node in nodes)
        else:
            keys = entry_key(site_key, first), entry_key(site_key, first + width)
            found = (leaf_hash(leaf) for (leaf,) in self._execute(SQL["leaves"], keys))
        frontier = Frontier(found)
        if frontier.size != width:
            raise ValueError(f"the subtree {index} of level {level} is not whole")
        return frontier.root()

    def read_streams(self, site: str, after: str | None, limit: int) -> list[str]:
        """See `Store.read_streams`."""
        behind = b"" if after is None else stream_bytes(after)
        found = self._execute(SQL["streams"], (self.site_key(site), behind, limit))
        return [stream_text(stream_id) for (stream_id,) in found]

    def day_head(self, site: str, day_id: str) -> DayHead | None:
        """See `Store.day_head`."""
        try:
            raw = id_bytes(day_id)
        except ValueError:
            return None
        record = self._execute(SQL["day_head"], (self.site_key(site), raw)).fetchone()
        return None if record is None else day_head(record)

    def day_heads(self, site: str, filters: dict[str, Any], after: tuple[str, str] | None) -> list[DayHead]:
        """See `Store.day_heads`; the statement is the one whose index narrows most."""
        date, newest_first = filters["date"], filters["newest_first"]
        start = _AFTER_ALL if newest_first else _BEFORE_ALL
        place = start if after is None else (after[0], id_bytes(after[1]))
        if date is not None:
            place = min(place, (date, _AFTER_ALL[1])) if newest_first else max(place, (date, b""))
        if filters["patient_id"] is not None:
            statement = "day_heads_of_patient"
        elif filters["open_only"]:
            statement = "day_heads_open"
        elif filters["ward"] is not None:
            statement = "day_heads_of_ward"
        else:
            statement = "day_heads"
        values = filters | {
            "site_key": self.site_key(site),
            "after_date": place[0],
            "after_day": place[1],
            "first_date": date or "",
            "last_date": _LAST_DATE if date is None else date,
        }
        return [day_head(record) for record in self._execute(SQL[statement + "_newest" * newest_first], values)]

    def due_heads(self, site: str, until: datetime, limit: int) -> list[DayHead]:
        """See `Store.due_heads`."""
        return [
            day_head(record) for record in self._execute(SQL["due_heads"], (self.site_key(site), to_ms(until), limit))
        ]

    def next_due(self, site: str) -> datetime | None:
        """See `Store.next_due`."""
        (found,) = self._execute(SQL["next_due"], (self.site_key(site),)).fetchone()
        return None if found is None else from_ms(found)

    def records(self, site: str, kind: str) -> dict[str, dict[str, JSON]]:
        """See `Store.records`."""
        site_key = self.site_key(site)
        found = self._execute(SQL["records"], (site_key, kind))
        return {key: _sound_record(site_key, kind, key, *kept) for key, *kept in found}

    def record(self, site: str, kind: str, key: str) -> dict[str, JSON] | None:
        """See `Store.record`."""
        site_key = self.site_key(site)
        found = self._execute(SQL["record"], (site_key, kind, key)).fetchone()
        return None if found is None else _sound_record(site_key, kind, key, *found)


def _sound_root(site_key: int, level: int, node: tuple[int, bytes, int]) -> bytes:
    index, root, check = node
    if check != check_of(site_key, level, index, root):
        raise RebuildRequired("a node of the tree is damaged")
    return root


def _sound_record(site_key: int | None, kind: str, key: str, value: str, check: int | None) -> dict[str, JSON]:
    if check != check_of(site_key, kind, key, value):
        raise RecordDamaged(kind, key)
    record: dict[str, JSON] = msgspec.json.decode(value)
    return record


def _damaged(what: str) -> StorageFailed:
    return StorageFailed(f"{what} cannot be read: the database is damaged, run infusion verify", fatal=False)
