"""Bodies going out: JSON as the wire shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

JSON_TYPE = "application/json; charset=utf-8"

_JSON_ENCODER = msgspec.json.Encoder(decimal_format="string")


def encode(value: object) -> bytes:
    """Write a value as JSON; decimals become strings, as in the log."""
    return _JSON_ENCODER.encode(value)


def answer(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Make a JSON response."""
    given = {"Content-Type": JSON_TYPE}
    if headers:
        given.update(headers)
    return web.Response(status=status, body=_JSON_ENCODER.encode(value), headers=given)


def nothing() -> web.Response:
    """Make the answer without a body."""
    return web.Response(status=204)


def packed(response: web.Response) -> web.Response:
    """Have an answer compressed for who takes it so. For long ones that hold nothing a caller could choose."""
    response.enable_compression()
    response.headers["Vary"] = "Accept, Accept-Encoding"
    return response
