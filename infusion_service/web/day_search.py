"""Finds days by whose they are, for who reads many years of them.

The pseudonym has an index. Names and identifiers have none, on purpose: they are looked for in the days themselves, by
date, a bounded number of them in each call. Promises: memory by the page; days outside the wards asked for are not
looked into. Does not: note that somebody searches (`audits`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infusion_service.log.entry import LogEntry
from infusion_service.log.store import DayHead, Store

DAYS_PER_CALL_MAX = 1_000
"""How many days one call looks into."""

Place = tuple[str, str]
"""Where a page ended: date and id of the last day looked into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Whose days; `wards` None: on any. Dates as `YYYY-MM-DD`, both included."""

    patient: str | None = None
    identifier: str | None = None
    family: str | None = None
    born: str | None = None
    wards: Sequence[str] | None = None
    first: str | None = None
    last: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Days by date; `next_place` where there may be more."""

    days: list[dict[str, Any]]
    next_place: Place | None


async def search_days(store: Store, site: str, sought: Sought, *, after: Place | None, limit: int) -> Found:
    """Look into at most `limit` days after a place."""
    place = after if after is not None else (sought.first, "") if sought.first is not None else None
    heads = await _heads(store, site, sought, place, limit)
    found: list[dict[str, Any]] = []
    for head in heads:
        if sought.last is not None and (head.date or "") > sought.last:
            return Found(found, None)
        patient = await _patient_of(store, site, head)
        if patient is not None and _is_sought(sought, patient):
            found.append(
                {
                    "day_id": head.day_id,
                    "patient": patient,
                    "ward": head.ward,
                    "date": head.date,
                    "state": head.state,
                    "open": head.open,
                }
            )
    last = heads[-1] if len(heads) == limit else None
    return Found(found, None if last is None else (last.date or "", last.day_id))


async def _heads(store: Store, site: str, sought: Sought, after: Place | None, limit: int) -> list[DayHead]:
    heads: list[DayHead] = []
    for ward in [None] if sought.wards is None else sought.wards:
        heads += await store.day_heads(site, ward=ward, patient_id=sought.patient, after=after, limit=limit)
    return sorted(heads, key=lambda head: (head.date or "", head.day_id))[:limit]


async def _patient_of(store: Store, site: str, head: DayHead) -> dict[str, Any] | None:
    """The patient as scheduled; None once erased."""
    rows = await store.read_stream(site, head.day_id, limit=1)
    entry = LogEntry.of(rows[0]).entry if rows else None
    patient = None if entry is None else entry.data.get("patient")
    return dict(patient) if isinstance(patient, dict) else None


def _is_sought(sought: Sought, patient: dict[str, Any]) -> bool:
    if sought.identifier is not None:
        values = [each.get("value") for each in patient.get("identifiers", ())]
        if sought.identifier not in values:
            return False
    if sought.family is not None and not _folded(str(patient.get("family", ""))).startswith(_folded(sought.family)):
        return False
    return sought.born is None or patient.get("born") == sought.born


def _folded(name: str) -> str:
    """A name as it is compared: without case, accents in one form."""
    return unicodedata.normalize("NFKC", name).casefold()
