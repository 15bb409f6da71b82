"""Who read what: the entries of the log that say so, read back for those who ask afterwards.

Promises: every reading of a day by an auditor, and every one through a broken glass, is one of these entries; so is the
breaking itself and its review. An auditor who reads the log itself, or the board, reads many days: that is an entry
of the site, once in a while. Does not: write them (`glass`, `web.reach`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infusion_service.access.glass import GLASS_BROKEN, GLASS_REVIEWED

DAY_READ = "day.read"
LOG_READ = "log.read"

READING_TYPES = (DAY_READ, LOG_READ, GLASS_BROKEN, GLASS_REVIEWED)
"""Types of the entries (kind `access`) that `infusion audit reads` is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One reading, breaking of the glass, or review of one."""

    received_at: str
    type: str
    by: str
    role: str
    day: str | None
    """The day that was read; None for a breaking of the glass and its review."""
    patient: str | None
    """The patient's pseudonym, where the entry names it."""
    what: str | None
    """`view`, `entries`, `report`, `log`, `opening`, `openings` or `bundle` of a day; `log`, `stream`, `board`,
    `questions`, `search` or `opening` of the site."""
    glass: str | None
    reason: str | None


def reading_of(entry: Mapping[str, Any]) -> Reading | None:
    """Read an entry as the wire shows it; None when it is no reading, or erased."""
    if entry.get("kind") != "access" or entry.get("type") not in READING_TYPES:
        return None
    data, actor = entry.get("data", {}), entry["actor"]
    return Reading(
        received_at=entry["rcv"],
        type=entry["type"],
        by=actor["id"],
        role=actor["role"],
        day=entry["stream"] if entry["type"] == DAY_READ else None,
        patient=data.get("patient"),
        what=data.get("what"),
        glass=data.get("glass"),
        reason=data.get("reason"),
    )
