"""Reading JSON strictly: what is not exactly that is refused, with its place."""

from __future__ import annotations

from decimal import Decimal

import pytest

from infusion_service.web.body import NESTING_MAX, decode
from infusion_service.web.problems import Problem


def nested(levels: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return opening * levels + b"1" + closing * levels


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"a": 01}',
        b'{"a": 1,}',
        b'{"a": 1} trailing',
        b"\xef\xbb\xbf{}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": "\\ud800"}',
        b'{"a": "\\udc00"}',
        b'{"a": "\\ud800x"}',
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": 9007199254740993}',
        b'{"a": -9007199254740993}',
        b'{"a": 123456789012345678901234567890}',
        b'{"a": ' + b"1" * 5000 + b"}",
        b'{"a": 1e401}',
        b'{"a": 1e999999999999}',
        b'{"a": 0.' + b"1" * 70 + b"}",
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'{"a": "\\u003a", "b": 1, "b": 2}',
        b'{"\xc3\xa9": 1}',
        nested(NESTING_MAX + 1),
        nested(10_000),
        nested(NESTING_MAX + 1, b'{"a":', b"}"),
        nested(10_000, b'{"a":', b"}"),
        b'{"a": "' + b"\x01" + b'"}',
    ],
)
def test_what_is_no_strict_json_is_refused_as_malformed(raw: bytes) -> None:
    with pytest.raises(Problem) as refused:
        decode(raw)

    assert (refused.value.code, refused.value.status) == ("malformed", 400)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a": 25.30}', {"a": Decimal("25.30")}),
        (b'{"a": 1e2}', {"a": Decimal("1E+2")}),
        (b'{"a": 9007199254740992}', {"a": 2**53}),
        (b'{"a:b": "c:d", "at": "10:00:00"}', {"a:b": "c:d", "at": "10:00:00"}),
        (b'{"a": "\\u003a\\u00e9", "b": "\\ud83d\\ude00"}', {"a": ":é", "b": "😀"}),
        (b'{"a": {"b": 1}, "c": {"b": 1}}', {"a": {"b": 1}, "c": {"b": 1}}),
        (b"[true, false, null]", [True, False, None]),
    ],
)
def test_what_is_strict_json_is_read_exactly(raw: bytes, value: object) -> None:
    assert decode(raw) == value


def test_the_position_of_a_syntax_error_is_told() -> None:
    with pytest.raises(Problem) as refused:
        decode(b'{"a": x}')

    assert "byte 6" in refused.value.detail


def test_the_place_of_an_inexact_number_is_told_and_its_value_is_not() -> None:
    with pytest.raises(Problem) as refused:
        decode(b'{"data": {"readings": [1, {"a/b": 9007199254740993}]}}')

    assert refused.value.members["errors"][0]["pointer"] == "/data/readings/1/a~1b"
    assert "9007199254740993" not in repr(vars(refused.value))


def test_the_deepest_body_allowed_is_read() -> None:
    assert decode(nested(NESTING_MAX)) is not None
