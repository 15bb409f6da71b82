"""An invented day of many entries, sealed as the intake would seal them."""

import secrets
from datetime import UTC, datetime, timedelta

from infusion_service.clinical.vocabulary import Actor, Entry
from infusion_service.log.entry import NO_PREVIOUS, LogRow, seal
from infusion_service.log.merkle import Frontier
from infusion_service.log.store import Batch

SITE = "bench"
DAY = "0197c0de-7000-7000-8000-000000000001"
START = datetime(2026, 11, 23, 7, tzinfo=UTC)
NURSE = Actor(id="staff-7f", role="nurse", how="session")


def vital_signs(number: int) -> Entry:
    """Return the `number`-th set of vital signs of the day."""
    moment = START + timedelta(seconds=number)
    return Entry(
        entry_id=f"0197c0de-7000-7000-8000-{number:012x}",
        kind="fact",
        type="vitals.recorded",
        stream=DAY,
        occurred_at=moment,
        received_at=moment,
        actor=NURSE,
        data={
            "systolic_mmhg": 122,
            "diastolic_mmhg": 76,
            "heart_rate_per_min": 72,
            "spo2_percent": 98,
            "respiratory_rate_per_min": 16,
            "temperature_celsius": "36.8",
            "consciousness": "A",
        },
        day_version=number,
    )


class Chain:
    """A site's log as it grows."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.size = 0
        self.previous = NO_PREVIOUS
        self.frontier = Frontier()

    def extend(self, count: int) -> None:
        """Seal `count` more entries and keep only the end of the chain."""
        for _ in range(count):
            self._row()

    def batch(self, count: int) -> Batch:
        """Return the next `count` entries, sealed and linked, as one commit."""
        rows = [self._row() for _ in range(count)]
        return Batch(site=SITE, rows=rows, frontier=self.frontier.to_bytes())

    def _row(self) -> LogRow:
        self.size += 1
        entry = vital_signs(self.size)
        row = seal(entry, site=SITE, seq=self.size, n=self.size, previous=self.previous, salt=secrets.token_bytes(32))
        self.previous = row.leaf_hash
        self.frontier.append(row.leaf_hash)
        return row
