"""A day as evidence: the bundle with the record a person can read, made the same way for a command and for a route.

Promises: what does not verify is not handed out; a bundle tells no second person what the first one entered; the same
day under the same checkpoint gives the same bytes, whoever asks. Does not: read the log or wait for a checkpoint
(`log.bundle.collect`, its callers), or note who asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from infusion_service.clinical.day import Day
from infusion_service.log.bundle import Bundle, BundleRejected, pack
from infusion_service.log.entry import LogEntry
from infusion_service.log.verify_bundle import verify_bundle
from infusion_service.web.blind import blind_entries, expires_at
from infusion_service.web.record import Seal, record_html


class StillBlind(Exception):
    """Two people are entering something apart, and a bundle cannot leave it out. `until`: when it is over at last."""

    def __init__(self, until: datetime) -> None:
        super().__init__(
            "two people are entering something apart, and a bundle would show it:"
            f" ask for the day once both have, or after {until:%H:%M} UTC"
        )
        self.until = until


def packed_evidence(bundle: Bundle, now: datetime) -> bytes:
    """The bundle with its record, as one zip file. Verifies it first: for a thread, where others wait for the loop.

    Raises `BundleRejected` for a day that does not verify, `StillBlind`.
    """
    report, day = verify_bundle(pack(bundle))  # the check also gives the day that the record shows
    if not report.ok or day is None:
        found = report.findings.listed[0].what if report.findings.listed else "the day cannot be folded"
        raise BundleRejected(f"the day does not verify ({found}): run `infusion verify`")
    entries = [proven.entry for proven in bundle.entries]
    check_nothing_is_blind(day, entries, now)
    checkpoint = bundle.checkpoint
    record = record_html(day, entries, Seal(checkpoint.origin, checkpoint.size, checkpoint.root))
    return pack(replace(bundle, record=record))


def check_nothing_is_blind(day: Day, entries: Sequence[LogEntry], now: datetime) -> None:
    """See to it that nothing of a day is being entered by two people apart. Raises `StillBlind`."""
    # A log made on a simulated clock may be ahead of this machine's.
    now = max(now, entries[-1].parsed_leaf.received_at)
    hidden = blind_entries(day, (logged.entry for logged in entries), now)
    if hidden:
        raise StillBlind(
            max(
                expires_at(day, logged.parsed_leaf.received_at)
                for logged in entries
                if logged.entry is not None and logged.entry.entry_id in hidden
            )
        )
