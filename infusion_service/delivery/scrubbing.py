"""What is kept of a receiver's reply: an excerpt that tells an engineer what went wrong, and nobody who was ill.

Engines like to quote the message they refuse. Promises: no text value of the delivered data, no secret and no long
number survives; control characters do not either. Does not: keep more than `EXCERPT_CHARS_MAX`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

EXCERPT_CHARS_MAX = 1024
WORD_CHARS_MIN = 3
"""Shorter values (codes such as "A") occur in any text and say nothing by themselves."""

HIDDEN = "[...]"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufeff]+")
_SECRET = re.compile(r"(?i)(whs(?:ec|k)_|inf[dst]_|bearer\s+|basic\s+)[A-Za-z0-9+/=._~-]+")
_NUMBER = re.compile(r"\d[\d ./-]{4,}\d")
"""Six digits or more, also in groups: record numbers, insurance numbers, dates of birth, telephone numbers."""


def excerpt(reply: bytes, sent: bytes) -> str:
    """The scrubbed beginning of `reply`, the answer to the body `sent`."""
    # A word cut in two by the limit would be recognised no more: scrub more than is kept.
    text = reply[: 4 * EXCERPT_CHARS_MAX].decode("utf-8", "replace")
    text = _CONTROL.sub(" ", text)
    text = _SECRET.sub(lambda found: found[1] + HIDDEN, text)
    for value in sorted(set(_texts_of(sent)), key=len, reverse=True):
        text = re.sub(re.escape(value), HIDDEN, text, flags=re.IGNORECASE)
    return _NUMBER.sub(HIDDEN, text).strip()[:EXCERPT_CHARS_MAX]


def _texts_of(sent: bytes) -> Iterator[str]:
    try:
        data = json.loads(sent).get("data", {})
    except (ValueError, AttributeError):
        return
    for name in ("patient", "data", "late_reason", "actor", "second"):
        for text in _leaves(data.get(name)):
            if len(text) >= WORD_CHARS_MIN:
                yield text
            # Quoted as JSON, a name with an accent looks different.
            escaped = json.dumps(text)[1:-1]
            if escaped != text:
                yield escaped


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
