"""The one way derived entries are made: computed id, cause, and the day folded over each before the next is thought
of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from infusion_service.clinical.day import Day, evolve
from infusion_service.clinical.ledger import CLOCK
from infusion_service.clinical.vocabulary import JSON, SERVICE, Entry, derived_entry_id


class Appending:
    """Collects the entries that follow from a day at a moment, keeping `day` level with them."""

    def __init__(self, day: Day, now: datetime, cause: str | None, *, clock_in_doubt: bool = False) -> None:
        """Start from a day; `cause` is the event that everything follows from, None for the passing of time.

        What is derived while the clock is in doubt says so.
        """
        self.day = day
        self.now = now
        self.cause = cause
        self.clock_in_doubt = clock_in_doubt
        self.entries: list[Entry] = []

    def next_id(self, entry_type: str, rule: str) -> str:
        """Return the id that the next derived entry of this type and rule will have."""
        return derived_entry_id(self.day.day_id, entry_type, rule, self.day.ledger.next_k(entry_type, rule))

    def derive(self, entry_type: str, rule: str, data: Mapping[str, JSON], occurred_at: datetime) -> Entry:
        """Append an entry that is no move."""
        return self._append(entry_type, rule, data, occurred_at, {}, None)

    def move(self, entry_type: str, rule: str, data: Mapping[str, JSON], occurred_at: datetime) -> Entry | None:
        """Append an entry that moves the state, if the move is legal from where the day is."""
        picture, table = self.day.picture, self.day.workflow.table
        source = picture.state or ""
        on_the_date = picture.local_date(occurred_at) == picture.day_date
        target = table.target(source, entry_type, data, on_the_date=on_the_date)
        if target is None:
            return None
        outcome = {"state_from": source, "state_to": target}
        # A move must follow what is charted already: one that fell due earlier takes its place after the last fact.
        at = max(occurred_at, picture.last_at) if picture.last_at else occurred_at
        return self._append(entry_type, rule, data, at, outcome, self.day.version + 1)

    def _append(
        self,
        entry_type: str,
        rule: str,
        data: Mapping[str, JSON],
        occurred_at: datetime,
        outcome: Mapping[str, str],
        day_version: int | None,
    ) -> Entry:
        entry = Entry(
            entry_id=self.next_id(entry_type, rule),
            kind="derived",
            type=entry_type,
            stream=self.day.day_id,
            occurred_at=occurred_at,
            received_at=self.now,
            actor=SERVICE,
            data={**data, CLOCK: "in_doubt"} if self.clock_in_doubt else data,
            outcome=outcome,
            day_version=day_version,
            cause=self.cause,
        )
        self.entries.append(entry)
        self.day = evolve(self.day, entry)
        return entry
