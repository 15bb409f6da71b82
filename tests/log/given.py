"""What the tests of the log start from: entries, and a scribe that puts them in order as the intake would."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings

from infusion_service.clinical.vocabulary import SITE_STREAM, Actor, Device, Entry
from infusion_service.log.entry import NO_PREVIOUS, LogRow, seal
from infusion_service.log.merkle import Frontier
from infusion_service.log.store import Batch, DayHead, Drop, LogHead, Put

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For properties: a busy machine is no counter-example."""

SITE = "demo"
MORNING = datetime(2026, 11, 23, 7, 20, tzinfo=UTC)
DAY_1 = "0197c0de-7000-7000-8000-000000000001"
DAY_2 = "0197c0de-7000-7000-8000-000000000002"
DAY_3 = "0197c0de-7000-7000-8000-000000000003"


def event_id(number: int) -> str:
    """An id that tells which event it is."""
    return str(uuid.UUID(int=0x0197C0DE_7000_7000_8000_0A0000000000 + number))


def an_entry(number: int, stream: str = DAY_1, **changes: Any) -> Entry:
    """An unremarkable entry with the id of that number, received a second after the one before."""
    values: dict[str, Any] = {
        "entry_id": event_id(number),
        "kind": "fact",
        "type": "vitals.recorded",
        "stream": stream,
        "occurred_at": MORNING,
        "received_at": MORNING + timedelta(seconds=number),
        "actor": Actor(id="staff-7f", role="nurse"),
        "data": {"systolic_mmhg": 122, "temperature_celsius": "36.8", "on_oxygen": False},
        "day_version": number,
        "device": Device(id="tab-12", seq=number),
    }
    return Entry(**values | changes)


def a_head(day_id: str = DAY_1, **changes: Any) -> DayHead:
    """The head of an open day on which nothing is due."""
    values: dict[str, Any] = {
        "day_id": day_id,
        "patient_id": "P-1",
        "ward": "neuro-day",
        "date": "2026-11-23",
        "state": "infusing",
        "open": True,
        "version": 1,
        "n": 1,
        "last_leaf_hash": bytes(32),
        "last_seq": 1,
        "next_change_at": None,
        "workflow_hash": "sha256:00",
    }
    return DayHead(**values | changes)


class Scribe:
    """Numbers and seals entries of one site, the way a single writer does. Salts are predictable."""

    def __init__(self, site: str = SITE) -> None:
        self.site = site
        self.frontier = Frontier()
        self.ends: dict[str, tuple[int, bytes]] = {}
        self.rows: list[LogRow] = []

    def write(
        self,
        *entries: Entry,
        heads: Sequence[DayHead] = (),
        operational: Sequence[Put | Drop] = (),
        erase: Sequence[str] = (),
    ) -> Batch:
        """The batch that appends these entries after everything written so far."""
        rows = [self._seal(entry) for entry in entries]
        return Batch(
            site=self.site,
            rows=rows,
            heads=heads,
            operational=operational,
            erase=erase,
            frontier=self.frontier.to_bytes(),
        )

    def _seal(self, entry: Entry) -> LogRow:
        n, previous = self.ends.get(entry.stream, (0, NO_PREVIOUS))
        seq = len(self.rows) + 1
        row = seal(entry, site=self.site, seq=seq, n=n + 1, previous=previous, salt=seq.to_bytes(32))
        self.ends[entry.stream] = row.n, row.leaf_hash
        self.frontier.append(row.leaf_hash)
        self.rows.append(row)
        return row

    def copy(self) -> Scribe:
        """A scribe who goes on alone from the same place."""
        twin = Scribe(self.site)
        twin.frontier, twin.ends, twin.rows = self.frontier.copy(), self.ends.copy(), self.rows.copy()
        return twin

    def head(self) -> LogHead:
        """The head the log must have now."""
        site_n, site_last_hash = self.ends.get(SITE_STREAM, (0, NO_PREVIOUS))
        return LogHead(
            size=len(self.rows),
            frontier=self.frontier.to_bytes(),
            received_at=MORNING + timedelta(seconds=len(self.rows)),
            site_n=site_n,
            site_last_hash=site_last_hash,
        )
