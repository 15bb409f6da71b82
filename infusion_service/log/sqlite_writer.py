"""What the writer does to an SQLite database: one transaction per call, run whole in the writer's thread.

The only writer of the file (a lock sees to that) may remember what it wrote: keys of streams and where they end. A
failed transaction makes it forget. Does not: connect, translate errors or wait (`sqlite`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import msgspec

from infusion_service.log.entry import LogRow, leaf_hash
from infusion_service.log.merkle import STORED_LEVELS, Frontier
from infusion_service.log.row_check import check_of
from infusion_service.log.sqlite_reader import EMPTY_HEAD, Reader, StoredHead
from infusion_service.log.sqlite_reader import SQL as READ_SQL
from infusion_service.log.sqlite_rows import entry_key, event_id_of, head_values, last_key, stream_bytes
from infusion_service.log.sqlite_schema import RawConnection, renew_derived, transaction
from infusion_service.log.statements import for_rows, load_statements
from infusion_service.log.store import (
    Batch,
    DayHead,
    Drop,
    EventIdTaken,
    Put,
    RebuildRequired,
    SequenceTaken,
    check_batch,
    check_continues,
    id_bytes,
    last_of_site_stream,
)

SQL = load_statements("sqlite/write.sql")

_ROWS_AT_ONCE = (64, 16, 4, 1)
"""Each statement hands the interpreter to the event loop and waits for it again, so a batch uses few, not one per row.
"""
_INSERTS = {
    (name, rows): for_rows(SQL[name], rows)
    for name in ("insert_leaf", "insert_payload", "insert_event_key", "move_day_head")
    for rows in _ROWS_AT_ONCE
}
_REMEMBERED_STREAMS_MAX = 20_000


class Writer:
    """The write side of one connection. Each public call is a transaction of its own."""

    def __init__(self, connection: RawConnection) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._executemany = connection.executemany
        self._reader = Reader(connection)
        self._streams: dict[tuple[int, str], tuple[int, int]] = {}  # (site key, stream) -> (stream key, last n)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with transaction(self._connection):
                yield
        except BaseException:
            self._reader = Reader(self._connection)
            self._streams.clear()
            raise

    def append(self, batch: Batch) -> int:
        """See `Store.append`. Returns the pages now waiting in the write-ahead log."""
        if len(self._streams) > _REMEMBERED_STREAMS_MAX:
            self._streams.clear()
        with self._transaction():
            site_key = self._own_site_key(batch.site)
            head = self._current_head(site_key, batch.site)
            check_batch(batch, head.size)
            self._erase(site_key, batch)
            if batch.rows:
                self._insert_rows(site_key, batch, head.size)
                self._set_log_head(site_key, _head_after(head, batch))
                self._insert_tree_nodes(site_key, head, batch.rows)
            self._set_day_heads(site_key, batch.heads)
            self._change_records(site_key, batch.operational)
        return self.pages_to_copy()

    def _own_site_key(self, site: str) -> int:
        found = self._reader.site_key(site)
        if found is None:
            (found,) = self._execute(SQL["insert_site"], (site,)).fetchone()
        return found

    def _current_head(self, site_key: int, site: str) -> StoredHead:
        found = self._reader.stored_head(site_key)
        if found is None and self._reader.size(site_key) == 0:
            return EMPTY_HEAD
        if found is None or not found.current:
            raise RebuildRequired(f"derived data of site {site} are not those of its log")
        return found

    def _insert_rows(self, site_key: int, batch: Batch, size: int) -> None:
        leaves, payloads, event_keys = [], [], []
        for row in batch.rows:
            key = entry_key(site_key, row.seq)
            leaves.append((key, self._continued_stream_key(site_key, row), row.n, row.leaf))
            payloads.append((key, row.entry_type, row.salt, row.body))
            event_keys.append((site_key, id_bytes(row.event_id), row.seq))
        conflict = self._connection.IntegrityError
        try:
            self._insert("insert_leaf", leaves)
        except conflict as exc:
            raise SequenceTaken("the log has these numbers already") from exc
        self._insert("insert_payload", payloads)
        try:
            self._insert("insert_event_key", event_keys)
        except conflict as exc:
            raise EventIdTaken(self._first_taken(site_key, batch.rows, size)) from exc

    def _insert(self, name: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """Insert rows, many with one statement. Returns how many were inserted or updated."""
        changed = first = 0
        for width in _ROWS_AT_ONCE:
            while len(rows) - first >= width:
                values = list(chain.from_iterable(rows[first : first + width]))
                changed += self._execute(_INSERTS[name, width], values).rowcount
                first += width
        return changed

    def _continued_stream_key(self, site_key: int, row: LogRow) -> int:
        stream_key, last_n = self._streams.get((site_key, row.stream)) or self._stream_end(site_key, row.stream)
        check_continues(row, last_n)
        self._streams[site_key, row.stream] = stream_key, row.n
        return stream_key

    def _stream_end(self, site_key: int, stream: str) -> tuple[int, int]:
        stream_id = stream_bytes(stream)
        found = self._execute(SQL["stream_end"], (site_key, stream_id)).fetchone()
        if found is None:
            (stream_key,) = self._execute(SQL["insert_stream"], (site_key, stream_id)).fetchone()
            return stream_key, 0
        return found[0], found[1]

    def _first_taken(self, site_key: int, rows: Sequence[LogRow], size: int) -> str:
        for row in rows:
            found = self._execute(SQL["seq_of_event"], (site_key, id_bytes(row.event_id))).fetchone()
            if found is not None and found[0] <= size:
                return row.event_id
        raise AssertionError("an event id was refused, but none of the batch is in the log")

    def _set_log_head(self, site_key: int, head: StoredHead) -> None:
        self._execute(SQL["set_log_head"], (site_key, *head, check_of(site_key, *head)))

    def _insert_tree_nodes(self, site_key: int, head: StoredHead, rows: Sequence[LogRow]) -> None:
        if head.size >> STORED_LEVELS[0] == rows[-1].seq >> STORED_LEVELS[0]:
            return  # most batches complete no subtree worth keeping
        frontier = Frontier.from_bytes(head.frontier)
        for row in rows:
            self._append_to_tree(site_key, frontier, row.leaf_hash)

    def _append_to_tree(self, site_key: int, frontier: Frontier, leaf: bytes) -> None:
        completed: list[bytes] = []  # roots of the subtrees that become whole: level 1, 2, 3 ...
        frontier.append(leaf, completed)
        for level in STORED_LEVELS:
            if level > len(completed):
                return
            index = (frontier.size >> level) - 1
            values = site_key, level, index, completed[level - 1]
            self._execute(SQL["insert_tree_node"], (*values, check_of(*values)))

    def _set_day_heads(self, site_key: int, heads: Sequence[DayHead]) -> None:
        values = [head_values(site_key, head) for head in heads]
        if self._insert("move_day_head", values) < len(values):  # a day among them has changed patient, ward or date
            self._executemany(SQL["set_day_head"], values)

    def _change_records(self, site_key: int, operations: Iterable[Put | Drop]) -> None:
        for operation in operations:
            if isinstance(operation, Drop):
                self._execute(SQL["drop_record"], (site_key, operation.kind, operation.key))
            else:
                text = msgspec.json.encode(operation.value).decode()
                values = site_key, operation.kind, operation.key, text
                self._execute(SQL["put_record"], (*values, check_of(*values)))

    def _erase(self, site_key: int, batch: Batch) -> None:
        for stream in batch.erase:
            stream_key = self._reader.stream_key(site_key, stream)
            if stream_key is not None:
                self._execute(SQL["record_erasure"], (entry_key(site_key, batch.rows[-1].seq), stream_key))
                self._execute(SQL["erase_payload"], (stream_key,))
                self._execute(SQL["erase_deliveries"], (site_key, stream))

    def change(
        self, site: str, work: Callable[[RawConnection, int], None], operations: Sequence[Put | Drop] = ()
    ) -> int:
        """Run `work` on the connection and the site's key, with operational changes, in one transaction.

        Returns the pages now waiting in the write-ahead log.
        """
        with self._transaction():
            site_key = self._own_site_key(site)
            work(self._connection, site_key)
            self._change_records(site_key, operations)
        return self.pages_to_copy()

    def put(self, site: str, operations: Sequence[Put | Drop]) -> int:
        """See `Store.put`. Returns the pages now waiting in the write-ahead log."""
        with self._transaction():
            self._change_records(self._own_site_key(site), operations)
        return self.pages_to_copy()

    def replace_heads(self, site: str, heads: Sequence[DayHead]) -> int:
        """See `Store.replace_heads`. Returns the pages now waiting in the write-ahead log."""
        with self._transaction():
            site_key = self._own_site_key(site)
            self._execute(SQL["clear_day_heads"], (site_key,))
            self._executemany(SQL["set_day_head"], (head_values(site_key, head) for head in heads))
            self._execute(SQL["day_heads_rebuilt"], (site_key,))
        return self.pages_to_copy()

    def rebuild_event_keys(self, site: str) -> int:
        """See `Store.rebuild_event_keys`. Returns the pages now waiting in the write-ahead log."""
        with self._transaction():
            site_key = self._own_site_key(site)
            frontier = Frontier()
            leaf = b""
            keys = entry_key(site_key, 0), last_key(site_key)
            for seq, leaf, body in self._execute(READ_SQL["leaves_and_bodies"], keys):
                self._append_to_tree(site_key, frontier, leaf_hash(leaf))
                if body is not None:
                    self._execute(SQL["add_event_key"], (site_key, id_bytes(event_id_of(body)), seq))
            head = self._reader.head_at(site_key, frontier, leaf)
            rebuilt = StoredHead(
                size=head.size,
                frontier=head.frontier,
                site_n=head.site_n,
                site_last_hash=head.site_last_hash,
                event_keys_size=head.size,
                day_heads_size=self._day_heads_size(site_key),
            )
            self._set_log_head(site_key, rebuilt)
        return self.pages_to_copy()

    def _day_heads_size(self, site_key: int) -> int:
        try:
            stored = self._reader.stored_head(site_key)
        except RebuildRequired:
            return -1
        return -1 if stored is None else stored.day_heads_size

    def drop_derived(self) -> int:
        """See `Store.drop_derived`. Returns the pages now waiting in the write-ahead log."""
        with self._transaction():
            renew_derived(self._connection)
            self._execute("REINDEX")
        return self.pages_to_copy()

    def pages_to_copy(self) -> int:
        """Pages of the write-ahead log that are not in the database yet."""
        _, pages, copied = self._execute("PRAGMA wal_checkpoint(NOOP)").fetchone()
        return int(pages - copied)

    def checkpoint(self) -> int:
        """Copy the write-ahead log into the database as far as readers allow. Returns the pages left.

        PASSIVE: waits for nobody. Once all is copied, the next commit starts the file again from its beginning.
        """
        _, pages, copied = self._execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return int(pages - copied)


def _head_after(head: StoredHead, batch: Batch) -> StoredHead:
    size = batch.rows[-1].seq
    of_site = last_of_site_stream(batch.rows)
    return StoredHead(
        size=size,
        frontier=batch.frontier,
        site_n=of_site.n if of_site else head.site_n,
        site_last_hash=of_site.leaf_hash if of_site else head.site_last_hash,
        event_keys_size=size,
        day_heads_size=size,
    )
