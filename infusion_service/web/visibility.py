"""What a reader may see of the log.

Promises: double checks are blind in every feed: the values of the first person's entry are withheld until the second
person's fact has used them or 30 minutes have passed, and so are the values of a refused second entry, because both
then start again. Entries of days outside the reader's wards, and configuration for readers of the ward, are left out.
Does not: withhold anything from the log itself; proofs of withheld entries still hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from infusion_service.access.identity import Identity
from infusion_service.clinical.vocabulary import DOUBLE_CHECK_ENTERED, FACT_REFUSED, SITE_STREAM, Entry
from infusion_service.intake.intake import Intake
from infusion_service.log.entry import LogEntry

BLIND_FOR = timedelta(minutes=30)
"""How long a double check stays valid, and its values unseen."""

_BLIND_REFUSALS = frozenset({"double_check_mismatch", "second_person_required"})


class Reader:
    """One credential's view of the log during one request. Looks every day up once."""

    def __init__(self, intake: Intake, caller: Identity) -> None:
        """Read for `caller`."""
        self._intake = intake
        self._caller = caller
        self._wards: dict[str, str | None] = {}
        self._days: dict[str, list[LogEntry]] = {}

    async def page(self, entries: Iterable[LogEntry]) -> list[dict[str, Any]]:
        """Return the entries of a page of the log that the caller may see, as the wire shows them."""
        return [await self._shown(entry) for entry in entries if await self._may_see(entry)]

    def day(self, entries: Sequence[LogEntry]) -> list[dict[str, Any]]:
        """Return all entries of one day, as the wire shows them."""
        now = self._intake.clock.now()
        return [_withheld(entry) if is_blind(entry.entry, entries, now) else entry.as_json() for entry in entries]

    async def _may_see(self, entry: LogEntry) -> bool:
        stream = entry.parsed_leaf.stream
        role = self._caller.role
        if role == "auditor" and self._caller.wards is None:
            return True
        if stream == SITE_STREAM:
            # A refused scheduling stands there too, with its patient: no administrator's business.
            refused = entry.entry is not None and entry.entry.kind == "refused"
            return role == "auditor" or (role == "admin" and not refused)
        if role == "admin":
            return False
        return self._caller.wards is None or self._caller.may_see_ward(await self._ward_of(stream))

    async def _ward_of(self, day_id: str) -> str | None:
        if day_id not in self._wards:
            day = await self._intake.day(day_id)
            self._wards[day_id] = day.ward if day is not None else None
        return self._wards[day_id]

    async def _shown(self, entry: LogEntry) -> dict[str, Any]:
        now = self._intake.clock.now()
        if not _may_be_blind(entry.entry, now):
            return entry.as_json()
        day_id = entry.parsed_leaf.stream
        if day_id not in self._days:
            self._days[day_id] = await self._intake.entries(day_id)
        return _withheld(entry) if is_blind(entry.entry, self._days[day_id], now) else entry.as_json()


def is_blind(entry: Entry | None, day: Sequence[LogEntry], now: datetime) -> bool:
    """Whether the values of `entry` must not be seen yet, given all entries of its day."""
    if entry is None or not _may_be_blind(entry, now):
        return False
    if entry.type != DOUBLE_CHECK_ENTERED:
        return True
    return not any(_uses(other.entry, entry) for other in day)


def _may_be_blind(entry: Entry | None, now: datetime) -> bool:
    if entry is None or now - entry.received_at >= BLIND_FOR:
        return False
    if entry.type == FACT_REFUSED:
        return entry.data.get("code") in _BLIND_REFUSALS or entry.data.get("type") == DOUBLE_CHECK_ENTERED
    return entry.type == DOUBLE_CHECK_ENTERED


def _uses(fact: Entry | None, check: Entry) -> bool:
    return (
        fact is not None
        and fact.kind == "fact"
        and fact.received_at >= check.received_at
        and fact.type == check.data.get("type")
        and fact.second is not None
        and fact.second.id == check.actor.id
    )


def _withheld(entry: LogEntry) -> dict[str, Any]:
    return {**entry.as_json(), "data": {}, "withheld": True}
