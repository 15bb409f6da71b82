"""How the port's values look in SQLite: keys, times, ids and rows, there and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from infusion_service.clinical.vocabulary import SITE_STREAM
from infusion_service.log.entry import LogRow, leaf_hash
from infusion_service.log.row_check import check_of
from infusion_service.log.store import UUID_BYTES, DayHead, RebuildRequired, id_bytes, id_text

_SEQ_BITS = 40
_SITE_STREAM_ID = SITE_STREAM.encode()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class _Named(msgspec.Struct):
    """What a row says of its entry without reading all of the body."""

    entry_id: str
    kind: str
    type: str


_named = msgspec.json.Decoder(_Named).decode


def entry_key(site_key: int, seq: int) -> int:
    """Key of an entry: the site's log is one run of keys."""
    return (site_key << _SEQ_BITS) + seq


def last_key(site_key: int) -> int:
    """Largest key an entry of the site could have."""
    return entry_key(site_key + 1, 0) - 1


def seq_of(key: int) -> int:
    """Sequence number of the entry with that key."""
    return key & ((1 << _SEQ_BITS) - 1)


def stream_bytes(stream: str) -> bytes:
    """A stream as its key column holds it. Raises `ValueError` for anything but a day id or "site"."""
    return _SITE_STREAM_ID if stream == SITE_STREAM else id_bytes(stream)


def stream_text(raw: bytes) -> str:
    """The stream a key column names."""
    return id_text(raw) if len(raw) == UUID_BYTES else raw.decode()


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970, UTC."""
    return (moment - _EPOCH) // _MILLISECOND


def from_ms(milliseconds: int) -> datetime:
    """The moment so many milliseconds after 1970, UTC."""
    return _EPOCH + milliseconds * _MILLISECOND


def event_id_of(body: bytes) -> str:
    """The event id inside a body."""
    return _named(body).entry_id


def log_row(record: tuple[Any, ...]) -> LogRow:
    """A row from the view `entry`: seq, stream_id, n, leaf, salt, body."""
    seq, stream_id, n, leaf, salt, body = record
    named = _ERASED if body is None else _named(body)
    return LogRow(
        seq=seq,
        stream=stream_text(stream_id),
        n=n,
        leaf=leaf,
        leaf_hash=leaf_hash(leaf),
        event_id=named.entry_id,
        entry_type=named.type,
        kind=named.kind,
        body=body,
        salt=salt,
    )


_ERASED = _Named(entry_id="", kind="", type="")


def day_head(record: tuple[Any, ...]) -> DayHead:
    """A row of `day_head`, in the order of its columns. Raises `RebuildRequired` for one that is damaged."""
    (_, day_id, patient_id, ward, date, workflow_hash, state, is_open, version, n, leaf, seq, due_ms, check) = record
    if check != check_of(*record[:-1]):
        raise RebuildRequired("a head of a day is damaged")
    return DayHead(
        day_id=id_text(day_id),
        patient_id=patient_id,
        ward=ward,
        date=date or None,
        state=state,
        open=bool(is_open),
        version=version,
        n=n,
        last_leaf_hash=leaf,
        last_seq=seq,
        next_change_at=None if due_ms is None else from_ms(due_ms),
        workflow_hash=workflow_hash,
    )


def head_values(site_key: int, head: DayHead) -> tuple[Any, ...]:
    """A day head in the order of the columns of `day_head`. Raises `ValueError` for a day id that is none."""
    values = (
        site_key,
        id_bytes(head.day_id),
        head.patient_id,
        head.ward,
        head.date or "",
        head.workflow_hash,
        head.state,
        int(head.open),
        head.version,
        head.n,
        head.last_leaf_hash,
        head.last_seq,
        None if head.next_change_at is None else to_ms(head.next_change_at),
    )
    return (*values, check_of(*values))
