"""The port to the log's store, and what every store promises.

One `append` is one transaction with everything in it: rows of the log, day heads, operational records, frontier. When
it returns, the batch survives a power cut; when it raises, nothing of it is there (except after
`StorageFailed(fatal=True)`, when only a restart can tell). Sequence numbers are gapless and in commit order, event
ids are unique for ever, and no row of the log is ever updated or deleted.

Derived data (day heads, the event-id index, tree and head of the log) can be dropped at any time: the log is the truth.
Does not: decide, fold or sign. Shipped stores: `memory.MemoryStore`, `sqlite.SqliteStore`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from infusion_service.clinical.vocabulary import JSON, SITE_STREAM
from infusion_service.log.deliveries import Deliveries
from infusion_service.log.entry import NO_PREVIOUS, LogRow
from infusion_service.log.merkle import Frontier
from infusion_service.log.records import Drop, Put

__all__ = ["Batch", "DayHead", "Drop", "LogHead", "LogReader", "LogRow", "Put", "Store"]

EMPTY_FRONTIER = Frontier().to_bytes()
UUID_BYTES = 16


class StoreError(Exception):
    """Root of what a store raises.

    StoreError
    ├── EventIdTaken         an event id of the batch is in the log already (or twice in the batch)
    ├── SequenceTaken        the batch does not continue the log as it stands: someone else appended
    ├── RebuildRequired      derived data are missing or behind: rebuild, then append
    ├── StorageFull          no room; nothing was written, reading goes on, writing may work again later
    ├── StorageFailed        the storage is at fault; `fatal` means: acknowledge nothing more, exit, recover
    └── StoreUnusable        this database cannot be opened by this program, with the reason and the way out
        └── RecordDamaged    a record beside the log is not what was written: which one
    """


class EventIdTaken(StoreError):
    """An event id can be used once. Nothing of the batch was appended."""

    def __init__(self, event_id: str) -> None:
        super().__init__(f"event id {event_id} is in the log already")
        self.event_id = event_id


class SequenceTaken(StoreError):
    """The batch does not begin where the log, or one of its streams, ends. Nothing of it was appended."""


class RebuildRequired(StoreError):
    """Without a current event-id index a duplicate could slip in, so nothing is appended before the rebuild."""


class StorageFull(StoreError):
    """The disk is full. Nothing was appended."""


class StorageFailed(StoreError):
    """The storage reported an error. After a fatal one the outcome of the batch is unknown until a restart."""

    def __init__(self, message: str, *, fatal: bool) -> None:
        super().__init__(message)
        self.fatal = fatal


class StoreUnusable(StoreError):
    """The database cannot be opened: in use by another process, of a newer program, or not ours at all."""


class RecordDamaged(StoreUnusable):
    """An operational record does not have the check sum it was written with. Nothing in the log makes it anew."""

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(
            f"the record {kind} {key!r} is damaged: restore the last backup that verifies, or drop it by "
            "`infusion log drop-damaged` and make it anew"
        )
        self.kind = kind
        self.key = key


class DayHead(msgspec.Struct, frozen=True, kw_only=True):
    """Where a day stands, without folding it. Derived; `next_change_at` is None when nothing is due by itself."""

    day_id: str
    patient_id: str | None
    ward: str | None
    date: str | None
    state: str | None
    open: bool
    version: int
    n: int
    last_leaf_hash: bytes
    last_seq: int
    next_change_at: datetime | None
    workflow_hash: str | None


class LogHead(msgspec.Struct, frozen=True, kw_only=True):
    """Where a site's log stands. Of an empty log: size 0, the empty frontier, nothing received."""

    size: int = 0
    frontier: bytes = EMPTY_FRONTIER
    received_at: datetime | None = None
    site_n: int = 0
    site_last_hash: bytes = NO_PREVIOUS


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What one commit holds. `frontier` is the tree's after the last row; rows may be empty only with the rest.

    `erase` names streams whose bodies and salts this commit destroys, those of its own rows excepted: the rows say
    why, the leaves stay, and `erased` rows are told from lost ones.
    """

    site: str
    rows: Sequence[LogRow]
    frontier: bytes
    heads: Sequence[DayHead] = ()
    operational: Sequence[Put | Drop] = ()
    erase: Sequence[str] = ()


class LogReader(Protocol):
    """What it takes to read a log and to prove what is in it."""

    async def read_stream(self, site: str, stream: str, *, after_n: int = 0, limit: int) -> list[LogRow]:
        """Rows of one stream in order, from `after_n` exclusive."""

    async def read_log(
        self, site: str, *, after_seq: int = 0, limit: int, stream: str | None = None, entry_type: str | None = None
    ) -> list[LogRow]:
        """Rows of the log in order, from `after_seq` exclusive."""

    async def read_subtrees(self, site: str, nodes: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """Roots of perfect subtrees of the Merkle tree by (level, index); level 0 are the leaf hashes.

        Raises `ValueError` for a subtree that is not whole yet.
        """


class Store(LogReader, Protocol):
    """A place for logs of any number of sites. One process writes; a site's appends come one after another."""

    @property
    def deliveries(self) -> Deliveries:
        """What is kept of webhook deliveries."""
        ...

    async def open(self) -> None:
        """Make it ready, migrating where needed. Raises `StoreUnusable`."""

    async def close(self) -> None:
        """Finish what is under way and let go. May be called twice."""

    async def ping(self) -> None:
        """Return when the store answers. Raises `StorageFailed`."""

    async def append(self, batch: Batch) -> None:
        """Append a batch, all of it or nothing, and return once it is durable.

        Cancelling the caller does not cancel the commit. Raises `EventIdTaken`, `SequenceTaken`, `RebuildRequired`,
        `StorageFull`, `StorageFailed`.
        """

    async def put(self, site: str, operations: Sequence[Put | Drop]) -> None:
        """Change operational records alone, durably. Raises `StorageFull`, `StorageFailed`."""

    async def log_head(self, site: str) -> LogHead:
        """Where the log ends. Computed from the log itself when the derived head is missing."""

    async def find_event(self, site: str, event_id: str) -> LogRow | None:
        """The row recorded under an event id."""

    async def find_events(self, site: str, event_ids: Sequence[str]) -> dict[str, LogRow]:
        """The rows recorded under these event ids, by event id; unknown ones are absent."""

    async def read_streams(self, site: str, *, after: str | None = None, limit: int) -> list[str]:
        """Day ids with at least one entry, ascending, from `after` exclusive. The stream "site" is not among them."""

    async def day_head(self, site: str, day_id: str) -> DayHead | None:
        """The head of one day."""

    async def day_heads(  # noqa: PLR0913 - each narrows the same question
        self,
        site: str,
        *,
        ward: str | None = None,
        state: str | None = None,
        date: str | None = None,
        open_only: bool = False,
        patient_id: str | None = None,
        after: tuple[str, str] | None = None,
        newest_first: bool = False,
        limit: int,
    ) -> list[DayHead]:
        """Heads in the order (date, day id), or in the reverse one, from `after` exclusive. A day without date counts
        as date ""."""

    async def due_heads(self, site: str, until: datetime, limit: int) -> list[DayHead]:
        """Heads with `next_change_at` <= `until`, earliest first."""

    async def next_due(self, site: str) -> datetime | None:
        """The earliest `next_change_at`."""

    async def records(self, site: str, kind: str) -> dict[str, dict[str, JSON]]:
        """All operational records of a kind, by key, in the order of the keys."""

    async def record(self, site: str, kind: str, key: str) -> dict[str, JSON] | None:
        """One operational record."""

    async def drop_derived(self) -> None:
        """Drop every derived table, as anyone with the file could. Then `derived_is_current` is False.

        A store that has indexes makes those of its other tables anew.
        """

    async def derived_is_current(self, site: str) -> bool:
        """Whether event-id index and day heads match the log; if not, rebuild both before appending.

        Raises `RecordDamaged` for an operational record that nothing makes anew.
        """

    async def rebuild_event_keys(self, site: str) -> None:
        """Derive event-id index, tree and head of the log anew from leaves and bodies."""

    async def replace_heads(self, site: str, heads: Sequence[DayHead]) -> None:
        """Take these as the heads of all days (folded anew by the caller)."""


def check_batch(batch: Batch, size: int) -> None:
    """Refuse a batch that does not continue a log of `size` entries, or contradicts itself.

    Raises `SequenceTaken` for a stale start, `EventIdTaken` for an id used twice, `ValueError` for a caller's mistake.
    """
    if not batch.rows:
        if batch.erase:
            raise ValueError("an erasure comes with the entry that says why")
        return
    if batch.rows[0].seq != size + 1:
        raise SequenceTaken(f"the log ends at {size}, the batch begins at {batch.rows[0].seq}")
    seen: set[str] = set()
    for seq, row in enumerate(batch.rows, start=size + 1):
        if row.seq != seq:
            raise ValueError(f"a batch is gapless: {row.seq} stands where {seq} belongs")
        if row.body is None or row.salt is None:
            raise ValueError(f"entry {seq} is appended without its body and salt")
        if row.event_id in seen:
            raise EventIdTaken(row.event_id)
        seen.add(row.event_id)
    if Frontier.from_bytes(batch.frontier).size != batch.rows[-1].seq:
        raise ValueError("the frontier is not the one after the last row")


def check_continues(row: LogRow, last_n: int) -> None:
    """Refuse a row that is not the next of its stream. Raises `SequenceTaken`."""
    if row.n != last_n + 1:
        raise SequenceTaken(f"stream {row.stream} ends at {last_n}, the batch goes on with {row.n}")


def last_of_site_stream(rows: Sequence[LogRow]) -> LogRow | None:
    """The last of these rows that belongs to no day, if any."""
    return next((row for row in reversed(rows) if row.stream == SITE_STREAM), None)


def id_bytes(text: str) -> bytes:
    """The 16 bytes of an id. Two spellings of one id must not pass for two, so there is one: lower case, hyphens.

    Raises `ValueError`.
    """
    if _UUID(text) is None:
        raise ValueError(f"not a UUID in lower case with hyphens: {text!r}")
    return bytes.fromhex(text.replace("-", ""))


_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch


def id_text(raw: bytes) -> str:
    """The id these 16 bytes are."""
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
