"""When an attempt is made again, and what a reply means.

Promises: 14 attempts, the last about 77 h after the first, each gap within 20 % of the plan; `Retry-After` is obeyed up
to an hour. Chance is a port. Source: contract 4, Standard Webhooks 1.0 (operational considerations), RFC 9110 10.2.3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

import msgspec

GAPS_S = (0, 5, 30, 120, 300, 900, 1800, 3600, 7200, 18000, 36000, 50400, 72000, 86400)
"""Seconds before each attempt, counted from the one before."""

ATTEMPTS_MAX = len(GAPS_S)
JITTER = 0.2
RETRY_AFTER_MAX = timedelta(hours=1)
PARK_AFTER = timedelta(minutes=30)
"""How long one delivery may hold up its lane while others get through."""

PROBE_GAP_MAX_S = 600
CONFIG_STATUSES = frozenset({401, 403, 404, 405, 413, 415})
"""They speak of how the endpoint is set up, not of one message."""

OK_MIN, OK_MAX = 200, 299
GONE = 410

Verdict = Literal["ok", "retry", "park", "disable"]


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What came back from one attempt: a status, or why there is none."""

    status: int | None = None
    fault: str = ""
    """connect_failed, egress_refused, tls_failed, timeout, connection_lost, unreadable; empty with a status."""
    headers: Mapping[str, str] = {}
    """Names in lower case."""
    excerpt: str = ""
    duration_ms: int = 0

    @property
    def ok(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and OK_MIN <= self.status <= OK_MAX


def verdict(reply: Reply, permanent: tuple[int, ...]) -> Verdict:
    """Judge a reply. The header `webhook-delivery` goes before the status."""
    said = reply.headers.get("webhook-delivery", "").strip().lower()
    if reply.status == GONE or said == "disable":
        return "disable"
    if said == "abort-message" or reply.status in permanent:
        return "park"
    return "ok" if reply.ok else "retry"


def gap_before(attempt: int, chance: Callable[[], float]) -> timedelta:
    """How long to wait before this attempt (1 is the first), jittered by `chance`, a number in [0, 1)."""
    planned_s = GAPS_S[min(attempt, ATTEMPTS_MAX) - 1]
    # Whole milliseconds, as the clock has them: a moment between two of them would never be reached.
    return timedelta(milliseconds=round(planned_s * 1000 * (1 + JITTER * (2 * chance() - 1))))


def probe_gap(probe: int, chance: Callable[[], float]) -> timedelta:
    """How long to wait before the next probe of an endpoint that does not answer, after so many."""
    return min(gap_before(probe + 1, chance), timedelta(seconds=PROBE_GAP_MAX_S))


def retry_after(reply: Reply, now: datetime) -> datetime | None:
    """Until when the receiver asks to be left alone; None where it does not, or says so in no form we know."""
    text = reply.headers.get("retry-after", "").strip()
    if not text or reply.ok:
        return None
    if text.isascii() and text.isdigit():
        return now + min(timedelta(seconds=int(text[:9])), RETRY_AFTER_MAX)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment.astimezone(UTC), now), now + RETRY_AFTER_MAX)
