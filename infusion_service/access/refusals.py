"""Who was refused what: an entry of the log for each, without letting one who tries again and again fill it.

Promises: the same refusal of the same bearer is noted once in a while, however often it happens; memory is bounded.
Does not: decide (`web.routing`, `web.reach`), or keep refused facts (the intake does, as `fact.refused`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta

from infusion_service.access.changes import Clock, Journal
from infusion_service.clinical.vocabulary import Actor

ACCESS_REFUSED = "access.refused"

AGAIN_AFTER = timedelta(minutes=5)
"""How long the same refusal is not noted again."""

REMEMBERED_MAX = 2048
"""Refusals remembered for that; the oldest is forgotten first."""


class Refusals:
    """Notes refusals of bearers who are known."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        """Note in `journal`."""
        self._journal = journal
        self._clock = clock
        self._noted: OrderedDict[tuple[str, ...], datetime] = OrderedDict()

    async def note(self, by: Actor, data: Mapping[str, str]) -> bool:
        """Note that `by` was refused what `data` says; returns whether it was noted or had been just before."""
        now = self._clock.now()
        key = (by.id, by.role, *(f"{name}={value}" for name, value in sorted(data.items())))
        before = self._noted.get(key)
        if before is not None and now - before < AGAIN_AFTER:
            return False
        self._noted[key] = now
        self._noted.move_to_end(key)
        while len(self._noted) > REMEMBERED_MAX:
            self._noted.popitem(last=False)
        await self._journal.record(ACCESS_REFUSED, dict(data), by, kind="access")
        return True
