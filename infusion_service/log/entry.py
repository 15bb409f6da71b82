"""The bytes of an entry: body, commitment, leaf and leaf hash (design 4). They never change afterwards.

An entry becomes a *body* (RFC 8785 JSON), the body a *commitment* (HMAC-SHA-256 under 32 random bytes of salt), and
that the *leaf* of the Merkle tree. Body and salt can be destroyed; the leaf cannot, and tells only that something was
recorded. Parsers are strict: bytes that would not be written again exactly as they were read are refused.

Does not: draw salts, count, or keep anything; see `store` for where rows live and `merkle` for the tree.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Literal

import msgspec

from infusion_service.clinical.vocabulary import JSON, Actor, Device, Entry, Kind, format_time, parse_time

SALT_BYTES = 32
"""HMAC pads shorter keys with zeros, so only a fixed length makes the commitment binding."""

HASH_BYTES = 32
NO_PREVIOUS = bytes(HASH_BYTES)
"""`ph` of a stream's first entry."""

INTEGER_MAX = 2**53 - 1
"""Past this RFC 8785 numbers are no longer exact."""

LEAF_VERSION = 1
_LEAF_PREFIX = b"\x00"  # RFC 6962 2.1: keeps a leaf from ever being read as an inner node


class NotCanonical(ValueError):
    """A value that has no place in the log's bytes, or bytes that are not exactly what would be written."""


class LogRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row as stores keep it. `body` and `salt` are None once erased; `event_id` and `entry_type` are empty then.

    A `Struct` because a batch makes and reads thousands: a frozen dataclass costs six times as much.
    """

    seq: int
    stream: str
    n: int
    leaf: bytes
    leaf_hash: bytes
    event_id: str
    entry_type: str
    kind: str
    body: bytes | None
    salt: bytes | None


class Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """A leaf taken apart. It holds no clinical data and no name of what happened."""

    site: str
    stream: str
    n: int
    received_at: datetime
    commitment: bytes
    previous: bytes


class LogEntry(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A row of the log with its body read. `entry` is None once the body has been erased."""

    seq: int
    n: int
    leaf: bytes
    leaf_hash: bytes
    body: bytes | None
    salt: bytes | None

    @classmethod
    def of(cls, row: LogRow) -> LogEntry:
        """The entry a stored row holds; nothing is parsed before it is asked for."""
        return cls(seq=row.seq, n=row.n, leaf=row.leaf, leaf_hash=row.leaf_hash, body=row.body, salt=row.salt)

    @classmethod
    def just_written(cls, row: LogRow, entry: Entry) -> LogEntry:
        """The entry of a row that was made of `entry` a moment ago: it need not be read back."""
        logged = cls.of(row)
        logged.__dict__["entry"] = entry
        return logged

    @cached_property
    def parsed_leaf(self) -> Leaf:
        """The leaf's fields. Raises `NotCanonical`."""
        return parse_leaf(self.leaf)

    @cached_property
    def entry(self) -> Entry | None:
        """The entry as the clinical core sees it. Raises `NotCanonical`."""
        if self.body is None:
            return None
        leaf = self.parsed_leaf
        return entry_from_body(self.body, stream=leaf.stream, received_at=leaf.received_at)

    def as_json(self) -> dict[str, JSON]:
        """The entry as readers get it: leaf fields, body, `seq` and `leaf_hash` (base64, like `ph`) side by side."""
        shown: dict[str, JSON] = {"seq": self.seq, "leaf_hash": b64encode(self.leaf_hash).decode()}
        shown.update(msgspec.json.decode(self.leaf))
        if self.body is not None:
            shown.update(msgspec.json.decode(self.body))
        return shown


def seal(entry: Entry, *, site: str, seq: int, n: int, previous: bytes, salt: bytes) -> LogRow:
    """Turn an entry into the row to append: `n`-th of its stream, after the entry whose leaf hash is `previous`.

    `salt` is 32 fresh random bytes. Raises `NotCanonical`.
    """
    body = body_bytes(entry)
    leaf = leaf_bytes(
        site=site,
        stream=entry.stream,
        n=n,
        received_at=entry.received_at,
        commitment=commitment(salt, body),
        previous=previous,
    )
    return LogRow(
        seq=seq,
        stream=entry.stream,
        n=n,
        leaf=leaf,
        leaf_hash=leaf_hash(leaf),
        event_id=entry.entry_id,
        entry_type=entry.type,
        kind=entry.kind,
        body=body,
        salt=salt,
    )


def body_bytes(entry: Entry) -> bytes:
    """The body of an entry: RFC 8785 JSON, absent keys left out, `data` and `outcome` always there.

    Raises `NotCanonical` for a number that is not a safe integer, a null, a key that is not ASCII, a lone surrogate.
    """
    body: dict[str, JSON] = {
        "actor": _actor_json(entry.actor),
        "data": dict(entry.data),
        "entry_id": entry.entry_id,
        "kind": entry.kind,
        "occurred_at": format_time(entry.occurred_at),
        "outcome": dict(entry.outcome),
        "type": entry.type,
    }
    for key in _PLAIN_KEYS:
        value = getattr(entry, key)
        if value is not None:
            body[key] = value
    if entry.recorded_at is not None:
        body["recorded_at"] = format_time(entry.recorded_at)
    if entry.sent_at is not None:
        body["sent_at"] = format_time(entry.sent_at)
    if entry.second is not None:
        body["second"] = _actor_json(entry.second)
    if entry.claimed is not None:
        body["claimed"] = dict(entry.claimed)
    if entry.workflow is not None:
        body["workflow"] = dict(entry.workflow)
    if entry.device is not None:
        device = entry.device
        body["device"] = {"id": device.id} if device.seq is None else {"id": device.id, "seq": device.seq}
    return canonical(body)


_PLAIN_KEYS = ("day_version", "session", "cause", "corrects", "group", "late_reason")


def _actor_json(actor: Actor) -> dict[str, str]:
    return {"how": actor.how, "id": actor.id, "role": actor.role}


def entry_from_body(raw: bytes, *, stream: str, received_at: datetime) -> Entry:
    """Read a body back. Raises `NotCanonical` unless `body_bytes` would write exactly these bytes again."""
    try:
        body = _decode_body(raw)
        entry = Entry(
            entry_id=body.entry_id,
            kind=body.kind,
            type=body.type,
            stream=stream,
            occurred_at=parse_time(body.occurred_at),
            received_at=received_at,
            actor=_actor(body.actor),
            data=body.data,
            outcome=body.outcome,
            day_version=body.day_version,
            recorded_at=None if body.recorded_at is None else parse_time(body.recorded_at),
            sent_at=None if body.sent_at is None else parse_time(body.sent_at),
            claimed=body.claimed,
            second=None if body.second is None else _actor(body.second),
            device=None if body.device is None else Device(id=body.device.id, seq=body.device.seq),
            session=body.session,
            workflow=body.workflow,
            cause=body.cause,
            corrects=body.corrects,
            group=body.group,
            late_reason=body.late_reason,
        )
    except (ValueError, OverflowError, RecursionError) as exc:  # JSON, Unicode, times near year 1, endless nesting
        raise NotCanonical(f"not an entry body: {exc}") from exc
    if not _is_plainly_canonical(raw, body) and body_bytes(entry) != raw:
        raise NotCanonical("the body is not in canonical form")
    return entry


def _is_plainly_canonical(raw: bytes, body: _Body) -> bool:
    """Whether `body_bytes` would surely write these bytes again: said of nearly every body, at a quarter the price."""
    if not raw.isascii() or b"null" in raw or _LONG_NUMBER in raw.translate(_DIGITS_ALIKE):
        return False
    times = (body.occurred_at, body.recorded_at, body.sent_at)
    if not all(text is None or _PLAIN_TIME(text) for text in times):
        return False
    try:
        return _encode(_decode_without_fractions(raw)) == raw
    except (ValueError, RecursionError):
        return False


_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 16  # shorter ones are exact
_PLAIN_TIME = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z").fullmatch


_decode_without_fractions = msgspec.json.Decoder(float_hook=int).decode  # which takes no fraction


class _ActorBody(msgspec.Struct, forbid_unknown_fields=True):
    how: str
    id: str
    role: str


class _DeviceBody(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    seq: int | None = None


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    actor: _ActorBody
    data: dict[str, JSON]
    entry_id: str
    kind: Kind
    occurred_at: str
    outcome: dict[str, str]
    type: str
    cause: str | None = None
    claimed: dict[str, str] | None = None
    corrects: str | None = None
    day_version: int | None = None
    device: _DeviceBody | None = None
    group: str | None = None
    late_reason: str | None = None
    recorded_at: str | None = None
    second: _ActorBody | None = None
    sent_at: str | None = None
    session: str | None = None
    workflow: dict[str, JSON] | None = None


_decode_body = msgspec.json.Decoder(_Body).decode


def _actor(body: _ActorBody) -> Actor:
    return Actor(id=body.id, role=body.role, how=body.how)


def commitment(salt: bytes, body: bytes) -> bytes:
    """HMAC-SHA-256 of the body under its salt: binds the leaf to the body and hides it.

    Raises `NotCanonical` for a salt that is not 32 bytes.
    """
    if len(salt) != SALT_BYTES:
        raise NotCanonical(f"a salt is {SALT_BYTES} bytes, not {len(salt)}")
    return hmac.digest(salt, body, "sha256")


def leaf_bytes(*, site: str, stream: str, n: int, received_at: datetime, commitment: bytes, previous: bytes) -> bytes:
    """The leaf: RFC 8785 JSON of `n, pc, ph, rcv, site, stream, v`, written in that (sorted) order.

    Put together by hand because every entry pays for it; a property test holds it to RFC 8785. Raises `NotCanonical`.
    """
    if not 1 <= n <= INTEGER_MAX:
        raise NotCanonical(f"an entry's number in its stream is 1 or more, not {n}")
    if len(commitment) != HASH_BYTES or len(previous) != HASH_BYTES:
        raise NotCanonical(f"a commitment and a leaf hash are {HASH_BYTES} bytes each")
    return b'{"n":%d,"pc":"%b","ph":"%b","rcv":"%b","site":%b,"stream":%b,"v":1}' % (
        n,
        b64encode(commitment),
        b64encode(previous),
        format_time(received_at).encode(),
        _text(site),
        _text(stream),
    )


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00 || leaf), RFC 6962 2.1."""
    return sha256(_LEAF_PREFIX + leaf).digest()


def parse_leaf(raw: bytes) -> Leaf:
    """Take a leaf apart. Raises `NotCanonical` unless `leaf_bytes` would write exactly these bytes again."""
    try:
        body = _decode_leaf(raw)
        leaf = Leaf(
            site=body.site,
            stream=body.stream,
            n=body.n,
            received_at=parse_time(body.rcv),
            commitment=b64decode(body.pc, validate=True),
            previous=b64decode(body.ph, validate=True),
        )
    except (ValueError, OverflowError) as exc:
        raise NotCanonical(f"not a leaf: {exc}") from exc
    again = leaf_bytes(
        site=leaf.site,
        stream=leaf.stream,
        n=leaf.n,
        received_at=leaf.received_at,
        commitment=leaf.commitment,
        previous=leaf.previous,
    )
    if again != raw:
        raise NotCanonical("the leaf is not in canonical form")
    return leaf


class _LeafBody(msgspec.Struct, forbid_unknown_fields=True):
    n: int
    pc: str
    ph: str
    rcv: str
    site: str
    stream: str
    v: Literal[1]


_decode_leaf = msgspec.json.Decoder(_LeafBody).decode


def canonical(value: JSON) -> bytes:
    """RFC 8785 (JCS) JSON of objects with ASCII keys, lists, strings, booleans and safe integers.

    For these the sorted encoder writes what the RFC demands (a property test compares them); everything else, where
    the two part, is refused. Raises `NotCanonical` naming the place.
    """
    try:
        _refuse_foreign(value, "")
        return _text(value)
    except RecursionError as exc:
        raise NotCanonical("nested too deeply") from exc


def _text(value: JSON) -> bytes:
    try:
        return _encode(value)
    except UnicodeEncodeError as exc:
        raise NotCanonical("a text holds half a surrogate pair: it has no UTF-8 form") from exc


_encode = msgspec.json.Encoder(order="sorted").encode


def _refuse_foreign(value: JSON, where: str) -> None:
    """Exact types on purpose: an enum, a `Decimal` or a float would be written, but not as the RFC or we mean it."""
    found = type(value)
    if found is str or found is bool:
        return
    if found is int:
        if not -INTEGER_MAX <= value <= INTEGER_MAX:
            raise NotCanonical(f"{where or '/'}: {value} is beyond the exact integers")
    elif found is dict:
        _refuse_foreign_members(value, where)
    elif found is list or found is tuple:
        for index, item in enumerate(value):
            _refuse_foreign(item, f"{where}/{index}")
    else:
        raise NotCanonical(f"{where or '/'}: {found.__name__} has no place in the log")


def _refuse_foreign_members(members: Mapping[str, JSON], where: str) -> None:
    for key, item in members.items():
        if type(key) is not str or not key.isascii():
            raise NotCanonical(f"{where or '/'}: the key {key!r} is not ASCII text")
        found = type(item)  # most members are spared the call
        if not (found is str or found is bool or (found is int and -INTEGER_MAX <= item <= INTEGER_MAX)):
            _refuse_foreign(item, f"{where}/{key}")
