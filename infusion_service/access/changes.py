"""One change of a credential: log entry and record in one commit, then memory.

Promises: changes happen one after another (`turn`), so that none is computed from a record another one is about to
replace; memory follows the commit, never leads it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal, Protocol

from infusion_service.access.directory import Directory
from infusion_service.access.records import Record, as_value, key_of, kind_of
from infusion_service.clinical.vocabulary import JSON, SITE_STREAM, Actor
from infusion_service.log.store import Drop, Put


class Journal(Protocol):
    """Where changes are recorded: `intake.Intake`."""

    async def record(
        self,
        entry_type: str,
        data: dict[str, JSON],
        actor: Actor,
        operational: Sequence[Put | Drop] = (),
        *,
        kind: Literal["admin", "access"] = "admin",
        stream: str = SITE_STREAM,
    ) -> int:
        """Append an entry together with operational changes; return its sequence number."""
        ...


class Clock(Protocol):
    """What the time is."""

    def now(self) -> datetime:
        """Return the present moment, UTC."""
        ...


class Changes:
    """Makes changes, one at a time."""

    def __init__(self, directory: Directory, journal: Journal, clock: Clock) -> None:
        """Change `directory` after `journal` has the change."""
        self.directory = directory
        self.clock = clock
        self.turn = asyncio.Lock()
        """Hold it from reading a record until its change is made."""
        self.listeners: list[Callable[[], None]] = []
        """Called after each change, once it counts. They must not block."""
        self._journal = journal

    async def make(
        self,
        entry_type: str,
        data: dict[str, JSON],
        by: Actor,
        *changed: Record,
        kind: Literal["admin", "access"] = "admin",
        forgetting: Sequence[Drop] = (),
    ) -> None:
        """Record `entry_type` with the `changed` records in the same commit, then take them into memory."""
        puts = [Put(kind_of(record), key_of(record), as_value(record)) for record in changed]
        await self._journal.record(entry_type, data, by, (*puts, *forgetting), kind=kind)
        for record in changed:
            self.directory.take(record, self.clock.now())
        for drop in forgetting:
            self.directory.drop_session(drop.key)
        for listener in self.listeners:
            listener()
