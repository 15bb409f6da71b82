"""What a reader may see of the log.

Promises: what is hidden of a double check (`blind`) is withheld from everybody. Entries of days outside the reader's
wards, and configuration for readers of the ward, are left out; a tablet with nobody signed in reads no words
(`unattended`). Does not: withhold anything from the log itself; proofs of withheld entries still hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from infusion_service.access.glass import GLASS_BROKEN
from infusion_service.access.identity import Identity
from infusion_service.clinical.day import Day
from infusion_service.clinical.vocabulary import DOUBLE_CHECK_ENTERED, FACT_REFUSED, SITE_STREAM, Entry
from infusion_service.intake.intake import Intake
from infusion_service.log.entry import LogEntry
from infusion_service.web.blind import check_is_blind, concerns_two_people, refusal_is_blind, withheld
from infusion_service.web.unattended import entry_for, is_unattended


class Reader:
    """One credential's view of the log during one request. Looks every day up once."""

    def __init__(self, intake: Intake, caller: Identity) -> None:
        """Read for `caller`."""
        self._intake = intake
        self._caller = caller
        self._days: dict[str, Day | None] = {}
        self._entries: dict[str, list[LogEntry]] = {}

    async def page(self, entries: Iterable[LogEntry]) -> list[dict[str, Any]]:
        """Return the entries of a page of the log that the caller may see, as the wire shows them."""
        return [await self._shown(entry) for entry in entries if await self._may_see(entry)]

    async def day(self, day_id: str, entries: list[LogEntry]) -> list[dict[str, Any]]:
        """Return all entries of one day, as the wire shows them."""
        self._entries[day_id] = entries
        return [await self._shown(entry) for entry in entries]

    async def _may_see(self, entry: LogEntry) -> bool:
        stream = entry.parsed_leaf.stream
        role = self._caller.role
        if role == "auditor" and self._caller.wards is None:
            return True
        if stream == SITE_STREAM:
            # It tells of every ward: for those alone who are narrowed to none.
            return self._caller.wards is None and role == "admin" and not _concerns_a_patient(entry.entry)
        if role == "admin":
            return False
        if self._caller.wards is None:
            return True
        day = await self._day(stream)
        return day is not None and self._caller.may_see_ward(day.ward)

    async def _day(self, day_id: str) -> Day | None:
        if day_id not in self._days:
            self._days[day_id] = await self._intake.day(day_id)
        return self._days[day_id]

    async def _shown(self, entry: LogEntry) -> dict[str, Any]:
        if _may_belong_to_a_double_check(entry) and entry.entry is not None and await self._is_blind(entry.entry):
            return withheld(entry)
        if is_unattended(self._caller):
            return entry_for(self._caller, entry.as_json(), await self._day(entry.parsed_leaf.stream))
        return entry.as_json()

    async def _is_blind(self, entry: Entry) -> bool:
        if entry.type == FACT_REFUSED and not self._concerns_two_people(entry):
            return False  # nearly every refusal: its day need not be folded for it
        day, now = await self._day(entry.stream), self._intake.clock.now()
        if day is None:
            return False
        if entry.type != DOUBLE_CHECK_ENTERED:
            return refusal_is_blind(day, entry, now)
        if entry.stream not in self._entries:
            self._entries[entry.stream] = await self._intake.entries(entry.stream)
        return check_is_blind(day, entry, (each.entry for each in self._entries[entry.stream]), now)

    def _concerns_two_people(self, refused: Entry) -> bool:
        return any(concerns_two_people(workflow, refused) for workflow in self._intake.workflows())


def _concerns_a_patient(entry: Entry | None) -> bool:
    # A refused scheduling and a breaking of the glass stand on the site's stream: no administrator's business.
    return entry is not None and (entry.kind == "refused" or entry.type == GLASS_BROKEN)


def _may_belong_to_a_double_check(entry: LogEntry) -> bool:
    # Most entries do not, and a look at the bytes spares reading them.
    return entry.body is not None and (b'"double_check' in entry.body or b'"fact.refused"' in entry.body)
