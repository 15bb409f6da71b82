"""The bytes of an entry, held to the golden vector of the design and to RFC 8785."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from infusion_service.clinical.vocabulary import Actor, Device, Entry
from infusion_service.log.entry import (
    INTEGER_MAX,
    NO_PREVIOUS,
    LogEntry,
    NotCanonical,
    body_bytes,
    canonical,
    commitment,
    entry_from_body,
    leaf_bytes,
    leaf_hash,
    parse_leaf,
    seal,
)
from infusion_service.log.merkle import Frontier
from tests.log.given import DAY_1, MORNING, an_entry, unhurried

BODY_1 = (
    b'{"actor":{"how":"session","id":"staff-7f","role":"nurse"},"data":{"course":1,"date":"2026-11-23","day":1,'
    b'"patient":{"id":"P-1"},"ward":"neuro-day"},"day_version":1,"entry_id":"0197c0de-7000-7000-8000-0000000000a1",'
    b'"kind":"fact","occurred_at":"2026-11-20T09:00:00.000Z","outcome":{"state_to":"scheduled"},'
    b'"type":"day.scheduled","workflow":{"hash":"sha256:00","name":"alemtuzumab","version":1}}'
)
LEAF_1 = (
    b'{"n":1,"pc":"rYpABt3LpIQ/9J9KJai/Qakp/24J8NM7q6beAQEmyA8=","ph":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",'
    b'"rcv":"2026-11-20T09:00:00.250Z","site":"demo","stream":"0197c0de-7000-7000-8000-000000000001","v":1}'
)
HASH_1 = "9c151bfec6f23935652265a6213882a3184eb21e5a109374a82643dc4916c881"
BODY_2 = (
    b'{"actor":{"how":"session","id":"staff-7f","role":"nurse"},"data":{"diastolic_mmhg":76,"systolic_mmhg":122,'
    b'"temperature_celsius":"36.8"},"day_version":2,"device":{"id":"tab-12","seq":41},'
    b'"entry_id":"0197c0de-7000-7000-8000-0000000000a2","kind":"fact","occurred_at":"2026-11-23T07:20:00.000Z",'
    b'"outcome":{},"type":"vitals.recorded"}'
)
LEAF_2 = (
    b'{"n":2,"pc":"teIqZFDE3/2EzzJ4wDrEITDhbXCcK+ifJMxeLeOAEZw=","ph":"nBUb/sbyOTVlImWmITiCoxhOsh5aEJN0qCZD3EkWyIE=",'
    b'"rcv":"2026-11-23T07:20:01.000Z","site":"demo","stream":"0197c0de-7000-7000-8000-000000000001","v":1}'
)
HASH_2 = "cfca096823afaec84ad83694cf8bb882b8cc2377f14f7021d41c33133d13b14b"
ROOT_2 = "ZhlqoqxN/ab8mvUIKaHsBZp35NzmCc2biNIfG+V+l/U="

NURSE = Actor(id="staff-7f", role="nurse")
ENTRY_1 = Entry(
    entry_id="0197c0de-7000-7000-8000-0000000000a1",
    kind="fact",
    type="day.scheduled",
    stream=DAY_1,
    occurred_at=datetime(2026, 11, 20, 9, tzinfo=UTC),
    received_at=datetime(2026, 11, 20, 9, 0, 0, 250_000, tzinfo=UTC),
    actor=NURSE,
    data={"ward": "neuro-day", "patient": {"id": "P-1"}, "course": 1, "day": 1, "date": "2026-11-23"},
    outcome={"state_to": "scheduled"},
    day_version=1,
    workflow={"name": "alemtuzumab", "version": 1, "hash": "sha256:00"},
)
ENTRY_2 = Entry(
    entry_id="0197c0de-7000-7000-8000-0000000000a2",
    kind="fact",
    type="vitals.recorded",
    stream=DAY_1,
    occurred_at=datetime(2026, 11, 23, 7, 20, tzinfo=UTC),
    received_at=datetime(2026, 11, 23, 7, 20, 1, tzinfo=UTC),
    actor=NURSE,
    data={"systolic_mmhg": 122, "diastolic_mmhg": 76, "temperature_celsius": "36.8"},
    day_version=2,
    device=Device(id="tab-12", seq=41),
)

texts = st.text(st.characters(exclude_categories=["Cs"]))
ascii_keys = st.text(st.characters(codec="ascii"))
documents = st.recursive(
    st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(ascii_keys, inner),
    max_leaves=20,
)
moments = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)).map(  # noqa: DTZ001 - hypothesis adds the zone
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
actors = st.builds(Actor, id=texts, role=texts, how=texts)
entries = st.builds(
    Entry,
    entry_id=texts,
    kind=st.sampled_from(["fact", "derived", "refused", "access", "admin"]),
    type=texts,
    stream=texts,
    occurred_at=moments,
    received_at=moments,
    actor=actors,
    data=st.dictionaries(ascii_keys, documents),
    outcome=st.dictionaries(ascii_keys, texts),
    day_version=st.none() | st.integers(1, 5000),
    recorded_at=st.none() | moments,
    sent_at=st.none() | moments,
    claimed=st.none() | st.dictionaries(ascii_keys, texts),
    second=st.none() | actors,
    device=st.none() | st.builds(Device, id=texts, seq=st.none() | st.integers(0, INTEGER_MAX)),
    session=st.none() | texts,
    workflow=st.none() | st.dictionaries(ascii_keys, documents),
    cause=st.none() | texts,
    corrects=st.none() | texts,
    group=st.none() | texts,
    late_reason=st.none() | texts,
)


def test_the_golden_vector_comes_out_byte_for_byte() -> None:
    first = seal(ENTRY_1, site="demo", seq=1, n=1, previous=NO_PREVIOUS, salt=b"\x01" * 32)
    second = seal(ENTRY_2, site="demo", seq=2, n=2, previous=first.leaf_hash, salt=b"\x02" * 32)
    assert (first.body, first.leaf, first.leaf_hash.hex()) == (BODY_1, LEAF_1, HASH_1)
    assert (second.body, second.leaf, second.leaf_hash.hex()) == (BODY_2, LEAF_2, HASH_2)
    assert b64encode(Frontier([first.leaf_hash, second.leaf_hash]).root()).decode() == ROOT_2


def test_the_golden_vector_reads_back() -> None:
    assert entry_from_body(BODY_1, stream=DAY_1, received_at=ENTRY_1.received_at) == ENTRY_1
    assert entry_from_body(BODY_2, stream=DAY_1, received_at=ENTRY_2.received_at) == ENTRY_2
    leaf = parse_leaf(LEAF_2)
    assert (leaf.site, leaf.stream, leaf.n, leaf.received_at) == ("demo", DAY_1, 2, ENTRY_2.received_at)
    assert leaf.commitment == commitment(b"\x02" * 32, BODY_2)
    assert leaf.previous.hex() == HASH_1


@unhurried
@given(documents)
def test_what_is_written_is_rfc_8785(document: Any) -> None:
    assert canonical(document) == rfc8785.dumps(document)


@unhurried
@given(documents)
def test_the_standard_encoder_agrees(document: Any) -> None:
    plain = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical(document) == plain.encode()


@unhurried
@given(
    site=texts, stream=texts, n=st.integers(1, INTEGER_MAX), moment=moments, hashes=st.binary(min_size=64, max_size=64)
)
def test_a_leaf_is_rfc_8785_and_reads_back(site: str, stream: str, n: int, moment: datetime, hashes: bytes) -> None:
    written = leaf_bytes(
        site=site, stream=stream, n=n, received_at=moment, commitment=hashes[:32], previous=hashes[32:]
    )
    document: dict[str, Any] = {
        "v": 1,
        "site": site,
        "stream": stream,
        "n": n,
        "rcv": moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z",
        "pc": b64encode(hashes[:32]).decode(),
        "ph": b64encode(hashes[32:]).decode(),
    }
    assert written == rfc8785.dumps(document)
    leaf = parse_leaf(written)
    assert (leaf.site, leaf.stream, leaf.n, leaf.received_at) == (site, stream, n, moment)
    assert leaf.commitment + leaf.previous == hashes


@unhurried
@given(entries)
def test_a_body_is_rfc_8785_and_reads_back(entry: Entry) -> None:
    body = body_bytes(entry)
    assert body == rfc8785.dumps(json.loads(body))
    assert entry_from_body(body, stream=entry.stream, received_at=entry.received_at) == entry


def test_a_body_always_has_data_and_outcome_and_nothing_absent() -> None:
    bare = Entry(
        entry_id="e", kind="admin", type="t", stream="site", occurred_at=MORNING, received_at=MORNING, actor=NURSE
    )
    keys = set(json.loads(body_bytes(bare)))
    assert keys == {"actor", "data", "entry_id", "kind", "occurred_at", "outcome", "type"}


class Colour(StrEnum):
    """Looks like a string, is none."""

    RED = "red"


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (25.3, "/data/x: float"),
        (Decimal("25.3"), "/data/x: Decimal"),
        (None, "/data/x: NoneType"),
        (MORNING, "/data/x: datetime"),
        (b"raw", "/data/x: bytes"),
        ({1, 2}, "/data/x: set"),
        (Colour.RED, "/data/x: Colour"),
        (2**53, "/data/x: 9007199254740992 is beyond"),
        (-(2**53), "/data/x: -9007199254740992 is beyond"),
        ([1, [True, None]], "/data/x/1/1: NoneType"),
        ({"y": {"z": 0.5}}, "/data/x/y/z: float"),
        ({"größe": 1}, "/data/x: the key 'größe' is not ASCII"),
        ({1: "one"}, "/data/x: the key 1 is not ASCII"),
        ("\ud800", "half a surrogate pair"),
        ({"y": ["\udfff"]}, "half a surrogate pair"),
    ],
)
def test_what_has_no_place_in_the_log_is_refused_by_place(value: object, place: str) -> None:
    with pytest.raises(NotCanonical, match=place):
        body_bytes(an_entry(1, data={"x": value}))


@pytest.mark.parametrize("edge", [INTEGER_MAX, -INTEGER_MAX, 0])
def test_integers_up_to_the_last_exact_one_are_written(edge: int) -> None:
    assert canonical(edge) == str(edge).encode()


def test_endless_nesting_is_refused_not_crashed_on() -> None:
    deep: Any = "bottom"
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(NotCanonical, match="nested too deeply"):
        canonical(deep)
    raw = BODY_2.replace(b"76", b"[" * 100_000 + b"]" * 100_000)
    with pytest.raises(NotCanonical):
        entry_from_body(raw, stream=DAY_1, received_at=MORNING)
    while isinstance(deep, list):  # taken apart by hand: the collector, too, has a bottom
        deep = deep.pop()


@pytest.mark.parametrize(
    "raw",
    [
        BODY_2.replace(b'":', b'": ', 1),
        BODY_2 + b"\n",
        BODY_2.replace(b'"day_version":2,', b'"day_version":2,"cause":null,'),
        BODY_2.replace(b'"day_version":2,', b'"cause":"x","day_version":2,'),
        BODY_2.replace(b'"day_version":2', b'"day_version":2.0'),
        BODY_2.replace(b'"day_version":2', b'"day_version":2,"day_version":2'),
        BODY_2.replace(b'"systolic_mmhg":122', b'"systolic_mmhg":1.22e2'),
        BODY_2.replace(b'"type"', b'"unknown":1,"type"'),
        BODY_2.replace(b'"outcome":{},', b""),
        BODY_2.replace(b'"kind":"fact"', b'"kind":"rumour"'),
        BODY_2.replace(b".000Z", b"Z"),
        BODY_2.replace(b"07:20:00.000Z", b"08:20:00.000+01:00"),
        BODY_2.replace(b"2026-11-23T07:20:00.000Z", b"0001-01-01T00:00:00.000+23:59"),
        BODY_2.replace(b"tab-12", b"tab\\u002d12"),
        BODY_2.replace(b"tab-12", b"tab-\xff"),
        b"\xef\xbb\xbf" + BODY_2,
        b"[]",
        b"",
    ],
)
def test_a_body_that_would_not_be_written_like_that_is_refused(raw: bytes) -> None:
    assert raw != BODY_2
    with pytest.raises(NotCanonical):
        entry_from_body(raw, stream=DAY_1, received_at=MORNING)


def test_a_leaf_changed_in_any_one_byte_is_refused_or_another_leaf() -> None:
    for at in range(len(LEAF_2)):
        for other in range(256):
            changed = LEAF_2[:at] + bytes([other]) + LEAF_2[at + 1 :]
            try:
                leaf = parse_leaf(changed)
            except NotCanonical:
                continue
            assert (leaf == parse_leaf(LEAF_2)) == (changed == LEAF_2)


@pytest.mark.parametrize(
    "raw",
    [
        LEAF_2.replace(b"AEZw=", b"AEZx="),  # other trailing bits, the same 32 bytes
        LEAF_2.replace(b"AEZw=", b"AEZw"),
        LEAF_2.replace(b'"v":1', b'"v":2'),
        LEAF_2.replace(b'"n":2', b'"n":0'),
        LEAF_2.replace(b'"n":2', b'"n":9007199254740992'),
        LEAF_2.replace(b'"n":2', b'"n":02'),
        LEAF_2.replace(b'"v":1', b'"v":1,"w":1'),
        LEAF_2.replace(b"2026-11-23T07:20:01.000Z", b"0001-01-01T00:00:00.000+23:59"),
        LEAF_2 + b" ",
        b"{}",
    ],
)
def test_a_leaf_in_another_form_is_refused(raw: bytes) -> None:
    with pytest.raises(NotCanonical):
        parse_leaf(raw)


@pytest.mark.parametrize("salt", [b"", b"\x01" * 31, b"\x01" * 33])
def test_only_a_salt_of_full_length_binds(salt: bytes) -> None:
    with pytest.raises(NotCanonical, match="32 bytes"):
        commitment(salt, BODY_1)


def test_only_whole_hashes_go_into_a_leaf() -> None:
    with pytest.raises(NotCanonical, match="32 bytes"):
        leaf_bytes(site="demo", stream=DAY_1, n=1, received_at=MORNING, commitment=b"short", previous=NO_PREVIOUS)


def test_readers_get_leaf_and_body_side_by_side() -> None:
    row = seal(ENTRY_2, site="demo", seq=2, n=2, previous=bytes.fromhex(HASH_1), salt=b"\x02" * 32)
    shown = LogEntry.of(row).as_json()
    expected = {"seq": 2, "leaf_hash": b64encode(bytes.fromhex(HASH_2)).decode()}
    assert shown == expected | json.loads(LEAF_2) | json.loads(BODY_2)
    assert LogEntry.of(row).entry == ENTRY_2


def test_an_erased_entry_still_shows_its_leaf() -> None:
    row = seal(ENTRY_2, site="demo", seq=2, n=2, previous=bytes.fromhex(HASH_1), salt=b"\x02" * 32)
    erased = LogEntry.of(msgspec.structs.replace(row, body=None, salt=None))
    assert erased.entry is None
    assert erased.as_json() == {"seq": 2, "leaf_hash": b64encode(leaf_hash(LEAF_2)).decode()} | json.loads(LEAF_2)
