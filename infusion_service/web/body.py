"""Bodies coming in: bytes within their limit, JSON read strictly.

Promises: nothing is read past the limit of the route or its time; what is refused says where. JSON means RFC 8259
with I-JSON's strictness (RFC 7493): UTF-8, no duplicate member names, no lone surrogates, whole numbers within 2^53.
Fractions become `Decimal`, exactly as written. Does not: know which members a request has (`payloads`).
"""

from __future__ import annotations

import asyncio
import json
import re
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from infusion_service.web.credentials import identify
from infusion_service.web.keys import CALLER, SETTINGS
from infusion_service.web.problems import Problem, malformed

NESTING_MAX = 32
"""Levels of objects and lists in a body."""

INTEGER_MAX = 2**53
"""Beyond this, JSON readers of other languages round."""

FRACTION_CHARS_MAX = 64
FRACTION_EXPONENT_MAX = 400
"""Room for every double there is; what a field takes is its workflow's."""

_CUT_SHORT = "The connection ended before the body did."

_POSITION = re.compile(r"\(byte (\d+)\)")


async def json_of(request: web.Request, *, bytes_max: int | None = None) -> Any:
    """Return the request's body as strict JSON, at most `bytes_max` long (None: the setting `body_bytes_max`).

    Raises `Problem`: 400, 401 (the credential ended meanwhile), 408, 413 or 415.
    """
    limits = request.app[SETTINGS].limits
    came_with_header = request.content.is_eof()
    raw = await read(request, bytes_max=bytes_max or limits.body_bytes_max, wait_s=limits.body_wait_s)
    if not came_with_header:
        # Whoever was shut out while the body was on its way is out.
        request[CALLER] = identify(request, counts_as_use=False)
    return decode(raw)


async def read(request: web.Request, *, bytes_max: int, wait_s: float) -> bytes:
    """Return the request's body.

    Raises `Problem`: 413 before or while reading, 415, 408 when it takes too long, 400 when
    the client went away within it.
    """
    _check_type(request)
    declared = request.content_length
    if declared is not None and declared > bytes_max:
        raise _too_large(bytes_max)
    if request.content.is_eof():  # it came with its header, as nearly all do: there is nothing to wait for
        raw = request.content.read_nowait()
        if len(raw) > bytes_max:
            raise _too_large(bytes_max)
        return raw
    if request.transport is None:  # lost before this task began: nobody would ever wake the reader
        raise malformed(_CUT_SHORT)
    try:
        async with asyncio.timeout(wait_s):
            return await _read_up_to(request, bytes_max)
    except ConnectionError:
        raise malformed(_CUT_SHORT) from None
    except TimeoutError:
        raise Problem("body_timeout", f"Send the whole body within {wait_s:g} seconds.", closes=True) from None


def decode(raw: bytes) -> Any:
    """Read strict JSON. Raises `Problem` 400 with the position or the pointer of what cannot be read."""
    try:
        value = _DECODER.decode(raw)
    except RecursionError:
        raise malformed(f"The body is nested deeper than {NESTING_MAX} levels.") from None
    except UnicodeDecodeError:
        raise malformed("The body is not UTF-8.") from None
    except msgspec.DecodeError as error:
        raise malformed(f"The body is not JSON: {_reason(error)}") from None
    try:
        colons = _measure(value, 1)
    except _Unreadable as found:
        raise malformed(f"{found.detail}.", [{"pointer": found.pointer, "detail": found.detail}]) from None
    if colons != raw.count(b":") or b"\\u003" in raw:
        # Either a colon is written as an escape, or a member name is there twice: only now is a second look worth it.
        _refuse_duplicates(raw)
    return value


async def _read_up_to(request: web.Request, bytes_max: int) -> bytes:
    chunks = []
    size = 0
    while chunk := await request.content.readany():
        size += len(chunk)
        if size > bytes_max:
            raise _too_large(bytes_max)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _check_type(request: web.Request) -> None:
    headers = request.headers
    if headers.get("Content-Type") == "application/json" and "Content-Encoding" not in headers:
        return  # nearly every request
    if "Content-Encoding" in headers:
        raise Problem("unsupported_media_type", "Send the body without Content-Encoding.", closes=True)
    if request.content_type != "application/json" or (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise Problem("unsupported_media_type", "Send the body as application/json in UTF-8.", closes=True)


def _too_large(bytes_max: int) -> Problem:
    return Problem(
        "too_large", f"A body here has at most {bytes_max} bytes.", members={"limit_bytes": bytes_max}, closes=True
    )


def _reason(error: msgspec.DecodeError) -> str:
    # msgspec quotes nothing of the input, but only what it says of positions is kept, in case that ever changes.
    position = _POSITION.search(str(error))
    if position is not None:
        return f"unexpected character at byte {position[1]}."
    if isinstance(error, msgspec.ValidationError):
        return f"a number has more than {FRACTION_CHARS_MAX} characters or is out of range."
    return "it ends too early, or a text in it is broken."


def _exact_fraction(text: str) -> Decimal:
    # An exponent costs the sender three characters and us a gigabyte of digits.
    if len(text) > FRACTION_CHARS_MAX:
        raise ValueError("too many digits")
    value = Decimal(text)
    if value and abs(value.adjusted()) > FRACTION_EXPONENT_MAX:
        raise ValueError("exponent out of range")
    return value


_DECODER = msgspec.json.Decoder(float_hook=_exact_fraction)


class _Unreadable(Exception):
    """A value that cannot be taken; the pointer grows while the exception rises."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = ""

    def under(self, step: object) -> _Unreadable:
        escaped = str(step).replace("~", "~0").replace("/", "~1")
        self.pointer = f"/{escaped}{self.pointer}"
        return self


def _measure(value: Any, depth: int) -> int:
    """Return how many colons a plain writing of `value` has; raise `_Unreadable` for what is not taken."""
    found = type(value)
    if found is str:
        return int(value.count(":"))
    if found is int:
        if not -INTEGER_MAX <= value <= INTEGER_MAX:
            raise _Unreadable("a whole number is beyond 2^53")
        return 0
    if found is dict:
        return _measure_members(value, depth)
    if found is list:
        if depth > NESTING_MAX:
            raise _Unreadable(f"nested deeper than {NESTING_MAX} levels")
        colons = 0
        for index, item in enumerate(value):
            try:
                colons += _measure(item, depth + 1)
            except _Unreadable as error:
                raise error.under(index) from None
        return colons
    return 0


def _measure_members(members: dict[str, Any], depth: int) -> int:
    if depth > NESTING_MAX:
        raise _Unreadable(f"nested deeper than {NESTING_MAX} levels")
    colons = len(members)
    for name, item in members.items():
        if not name.isascii():
            raise _Unreadable("a member name is not ASCII")
        colons += name.count(":")
        found = type(item)
        if found is str:  # most members: spare them the call
            colons += item.count(":")
            continue
        if found is bool or (found is int and -INTEGER_MAX <= item <= INTEGER_MAX):
            continue
        try:
            colons += _measure(item, depth + 1)
        except _Unreadable as error:
            raise error.under(name) from None
    return colons


def _refuse_duplicates(raw: bytes) -> None:
    try:
        json.loads(raw, object_pairs_hook=_unique)
    except _Unreadable as error:
        raise malformed("A member name is there twice in one object.") from error


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _Unreadable("a member name is there twice")
