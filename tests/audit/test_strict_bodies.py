"""A body that is accepted is written again byte for byte, however it was changed before it was read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from infusion_service.log.entry import NotCanonical, body_bytes, entry_from_body
from infusion_service.log.log_file import LogFile, reading
from tests.audit.played import play

RECEIVED = datetime(2026, 11, 23, 7, tzinfo=UTC)
BYTES = b'0 9-+.eE"\\{}[],:nuTZ\n\x00\x80\xc3W/'


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """One body of each type that was played, short ones."""
    directory: Path = tmp_path_factory.mktemp("bodies")
    settings = play(directory, "s02")
    with reading(settings.database) as connection:
        by_type = {row[6]: row[5] for row in LogFile(connection).rows()}
    return sorted((body for body in by_type.values() if len(body) < 700), key=len)


def accepted(raw: bytes) -> bool:
    """Whether a body is taken; when it is, it is written again as it was read."""
    try:
        entry = entry_from_body(raw, stream="site", received_at=RECEIVED)
    except NotCanonical:
        return False
    assert body_bytes(entry) == raw
    return True


def test_every_body_of_a_log_is_taken(bodies: list[bytes]) -> None:
    assert len(bodies) > 15
    assert all(accepted(body) for body in bodies)


def test_no_changed_byte_makes_a_body_in_another_form(bodies: list[bytes]) -> None:
    for body in bodies[:6]:
        for place in range(len(body)):
            for byte in BYTES:
                accepted(body[:place] + bytes([byte]) + body[place + 1 :])
                accepted(body[:place] + bytes([byte]) + body[place:])
            accepted(body[:place] + body[place + 1 :])


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1.0}', b'{"a":1e2}', b'{"a":-0}', b'{"a":9007199254740992}', b'{"a":9007199254740991}', b'{"a":null}',
        b'{"b":1,"a":2}', b'{"a":1,"a":1}', b'{"a": 1}', b'{"\\u00e9":1}', b'{"a":"\\u0061"}', b'{"a":"\\/"}',
        '{"é":1}'.encode(), '{"a":"é"}'.encode(), b'{"a":"\\ud800"}', b'{"a":1E400}', b'{"a":00}', b'{"a":0.5}',
    ],
)  # fmt: skip
def test_data_in_any_other_form_is_refused(bodies: list[bytes], data: bytes) -> None:
    body = next(body for body in bodies if b'"data":{}' in body).replace(b'"data":{}', b'"data":' + data)
    assert accepted(body) == (data in (b'{"a":9007199254740991}', '{"a":"é"}'.encode()))


@pytest.mark.parametrize(
    "time",
    [
        "2026-W48-1T07:20:00.000Z", "2026-11-23 07:20:00.000Z", "2026-11-23T07:20:00.000+00:00", "20261123T072000.000Z",
        "2026-11-23T07:20:00,000Z", "2026-11-23T07:20:00Z", "2026-11-23T07:20:00.000000Z", "2026-11-23t07:20:00.000Z",
    ],
)  # fmt: skip
def test_a_time_in_any_other_form_is_refused(bodies: list[bytes], time: str) -> None:
    body = bodies[0]
    at = body.index(b'"occurred_at":"') + len(b'"occurred_at":"')
    assert accepted(body)
    assert not accepted(body[:at] + time.encode() + body[at + 24 :])
