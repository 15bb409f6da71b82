"""A log of many whole days: days that were really played, copied under new ids and dates and sealed anew."""

import re
import secrets
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from infusion_service.clinical.vocabulary import SITE_STREAM, derived_entry_id
from infusion_service.log.checkpoints import CheckpointDirectory, origin_of
from infusion_service.log.entry import (
    NO_PREVIOUS,
    SALT_BYTES,
    Leaf,
    LogEntry,
    LogRow,
    commitment,
    leaf_bytes,
    leaf_hash,
)
from infusion_service.log.log_file import LogFile, reading
from infusion_service.log.merkle import Frontier
from infusion_service.log.note import Checkpoint, Signer, sign_checkpoint
from infusion_service.log.signing_keys import make_first_key, read_keys
from infusion_service.log.sqlite import SqliteStore
from infusion_service.log.sqlite_rows import day_head, stream_bytes
from infusion_service.log.store import Batch, DayHead

ROWS_IN_A_COMMIT = 512

_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DATE = re.compile(rb"20[0-9]{2}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Model:
    """One stream as it was played."""

    stream: str
    entries: tuple[LogEntry, ...]
    head: DayHead | None
    """Where it stood in the end; None of stream `site`."""


def models(database: Path) -> tuple[str, list[Model]]:
    """Return the site of a database and its streams, stream `site` first."""
    with reading(database) as connection:
        log = LogFile(connection)
        by_stream: dict[str, list[LogEntry]] = {}
        for seq, (_, stream_key, n, leaf, salt, body, _) in enumerate(log.rows(), start=1):
            name = log.stream_name(stream_key) or ""
            entry = LogEntry(seq=seq, n=n, leaf=leaf, leaf_hash=leaf_hash(leaf), body=body, salt=salt)
            by_stream.setdefault(name, []).append(entry)
        found = [Model(name, tuple(entries), _head_of(log, name)) for name, entries in by_stream.items()]
        return log.site, sorted(found, key=lambda model: model.stream != SITE_STREAM)


def _head_of(log: LogFile, stream: str) -> DayHead | None:
    found = None if stream == SITE_STREAM else log.one("day_head", stream_bytes(stream))
    return None if found is None else day_head(found)


class Copier:
    """Copies days one after another, each on a later date than the one before, with ids nobody else has."""

    def __init__(self, site: str) -> None:
        """Begin with an empty log."""
        self.site = site
        self.size = 0
        self.leaf_hashes = bytearray()
        self.frontier = Frontier()
        self._heads: list[DayHead] = []
        self._ids = 0

    def copy(self, model: Model, days: int) -> Iterator[LogRow]:
        """Return the rows of a copy of `model`, moved by so many days; stream `site` keeps its name."""
        stream = SITE_STREAM if model.stream == SITE_STREAM else self._id()
        names = self._names(model, stream)
        shift = _Shift(days)
        previous = NO_PREVIOUS
        for entry in model.entries:
            assert entry.body is not None
            body = _DATE.sub(shift, _UUID.sub(lambda found: names.get(found[0], found[0]), entry.body))
            leaf = entry.parsed_leaf
            row = self._sealed(stream, entry, leaf, body, previous, leaf.received_at + timedelta(days=days))
            previous = row.leaf_hash
            yield row
        if model.head is not None and model.head.date is not None:
            moved = date.fromisoformat(model.head.date) + timedelta(days=days)
            self._heads.append(
                replace(model.head, day_id=stream, date=moved.isoformat(), last_leaf_hash=previous, last_seq=self.size)
            )

    def batch(self, rows: Sequence[LogRow]) -> Batch:
        """Return rows as one commit, with the heads of the days they end."""
        heads, self._heads = self._heads, []
        return Batch(site=self.site, rows=rows, frontier=self.frontier.to_bytes(), heads=heads)

    def _names(self, model: Model, stream: str) -> dict[bytes, bytes]:
        names = {model.stream.encode(): stream.encode()}
        counts: dict[tuple[str, str], int] = {}
        for logged in model.entries:
            entry = logged.entry
            assert entry is not None
            fresh = self._id()
            if entry.kind == "derived":
                rule = str(entry.data.get("rule", entry.data.get("check", "")))
                counts[entry.type, rule] = counts.get((entry.type, rule), 0) + 1
                fresh = derived_entry_id(stream, entry.type, rule, counts[entry.type, rule])
            names[entry.entry_id.encode()] = fresh.encode()
        return names

    def _id(self) -> str:
        self._ids += 1
        return str(uuid.UUID(int=0x0197C0DE << 96 | 0x7000 << 64 | 0x8 << 60 | self._ids))

    def _sealed(
        self, stream: str, entry: LogEntry, leaf: Leaf, body: bytes, previous: bytes, received_at: datetime
    ) -> LogRow:
        salt = secrets.token_bytes(SALT_BYTES)
        raw = leaf_bytes(
            site=self.site,
            stream=stream,
            n=leaf.n,
            received_at=received_at,
            commitment=commitment(salt, body),
            previous=previous,
        )
        self.size += 1
        row_hash = leaf_hash(raw)
        self.frontier.append(row_hash)
        self.leaf_hashes += row_hash
        original = entry.entry
        assert original is not None
        copied = LogEntry(seq=self.size, n=leaf.n, leaf=raw, leaf_hash=row_hash, body=body, salt=salt)
        assert copied.entry is not None
        return LogRow(
            seq=self.size,
            stream=stream,
            n=leaf.n,
            leaf=raw,
            leaf_hash=row_hash,
            event_id=copied.entry.entry_id,
            entry_type=original.type,
            kind=original.kind,
            body=body,
            salt=salt,
        )


class _Shift:
    """Moves dates, each looked up once."""

    def __init__(self, days: int) -> None:
        self._days = timedelta(days=days)
        self._moved: dict[bytes, bytes] = {}

    def __call__(self, found: "re.Match[bytes]") -> bytes:
        raw = found[0]
        if raw not in self._moved:
            self._moved[raw] = (date.fromisoformat(raw.decode()) + self._days).isoformat().encode()
        return self._moved[raw]


async def fill(played: Path, directory: Path, entries: int) -> Path:
    """Make a database of at least `entries` entries from one that was played, with its checkpoint; return its path."""
    site, (of_site, *days) = models(played)
    make_first_key(directory)
    database = directory / "infusion.db"
    store = SqliteStore(database, synchronous="OFF")
    await store.open()
    copier = Copier(site)
    try:
        waiting = list(copier.copy(of_site, 0))
        number = 0
        span = 1 + (days[-1].entries[-1].parsed_leaf.received_at - days[0].entries[0].parsed_leaf.received_at).days
        while copier.size < entries:
            waiting += copier.copy(days[number % len(days)], span * (number // len(days)))
            number += 1
            if len(waiting) >= ROWS_IN_A_COMMIT:
                await store.append(copier.batch(waiting))
                waiting = []
        await store.append(copier.batch(waiting))
    finally:
        await store.close()
    origin = origin_of(site, 1)
    note = sign_checkpoint(
        Checkpoint(origin, copier.size, copier.frontier.root()), [Signer(origin, read_keys(directory)[0])]
    )
    CheckpointDirectory(directory / "checkpoints", site).publish(
        origin, note, after=0, leaf_hashes=bytes(copier.leaf_hashes)
    )
    return database
