"""What there is to measure of deliveries: attempts by what came of them, how far behind, what is parked.

Promises: an endpoint is named by its id alone, never by its URL; nothing of a patient. Does not: put figures into any
format (`web.metrics`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from infusion_service.delivery.endpoint import State
from infusion_service.delivery.schedule import Reply
from infusion_service.log.entry import LogEntry
from infusion_service.log.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointFigures:
    """One endpoint at one moment."""

    endpoint: str
    state: State
    attempts: Mapping[str, int]
    """Since the start of the process, by outcome: `2xx`, `5xx`, `timeout` and the like; pings and heartbeats too."""
    lag_entries: int
    """Deliveries that wait in their lanes, and entries of the log not looked at yet."""
    lag_s: float
    """Since when the oldest of them has been in the log; 0 where there is none."""
    parked: int
    in_flight: int
    circuit_open: bool


class Tally:
    """Attempts of the endpoints of a site since the start."""

    def __init__(self) -> None:
        self._outcomes: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def count(self, endpoint_id: str, reply: Reply) -> None:
        """Count an attempt."""
        self._outcomes[endpoint_id][outcome(reply)] += 1

    def of(self, endpoint_id: str) -> Mapping[str, int]:
        """Attempts of one endpoint by outcome."""
        return self._outcomes.get(endpoint_id, {})

    def forget(self, endpoint_id: str) -> None:
        """Forget an endpoint that was removed."""
        self._outcomes.pop(endpoint_id, None)


def outcome(reply: Reply) -> str:
    """A word for what came of an attempt: few of them, so that they can be a label."""
    return reply.fault or f"{(reply.status or 0) // 100}xx"


async def lag_of(
    store: Store, site: str, endpoint_id: str, *, after_seq: int, log_size: int, now: datetime
) -> tuple[int, float]:
    """How many entries, and how many seconds, an endpoint is behind."""
    counts = await store.deliveries.counts(site, endpoint_id)
    entries = counts["waiting"] + max(log_size - after_seq, 0)
    if not entries:
        return 0, 0.0
    oldest = await store.deliveries.waiting(site, endpoint_id, limit=1)
    seq = oldest[0].seq if oldest else after_seq + 1
    rows = [] if seq is None else await store.read_log(site, after_seq=seq - 1, limit=1)
    if not rows:
        return entries, 0.0
    received_at = LogEntry.of(rows[0]).parsed_leaf.received_at
    # The site's clock may be simulated and ahead; nothing is ever behind by less than nothing.
    return entries, max((now - received_at).total_seconds(), 0.0)
