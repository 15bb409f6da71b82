"""What somebody does again and again, noted once in a while: refusals at the door, readings of the log, replays.

Promises: the same doing of the same bearer becomes an entry of the log once in a while, however often it happens, so
that nobody fills the log by trying or by asking for news; memory is bounded. Does not: decide (`web.routing`,
`web.reach`), or keep refused facts (the intake does, as `fact.refused`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta

from infusion_service.access.changes import Clock, Journal
from infusion_service.clinical.vocabulary import SITE_STREAM, Actor

ACCESS_REFUSED = "access.refused"

AGAIN_AFTER = timedelta(minutes=5)
"""How long the same is not noted again."""

REMEMBERED_MAX = 2048
"""Doings remembered for that; the oldest is forgotten first."""


class OnceInAWhile:
    """Notes what bearers who are known do, as entries of one type."""

    def __init__(self, entry_type: str, journal: Journal, clock: Clock) -> None:
        """Note in `journal`."""
        self._entry_type = entry_type
        self._journal = journal
        self._clock = clock
        self._noted: OrderedDict[tuple[str, ...], datetime] = OrderedDict()

    async def note(self, by: Actor, data: Mapping[str, str], *, stream: str = SITE_STREAM) -> bool:
        """Note that `by` did, or was refused, what `data` says; returns False where it had been noted just before."""
        now = self._clock.now()
        key = (by.id, by.role, stream, *(f"{name}={value}" for name, value in sorted(data.items())))
        before = self._noted.get(key)
        if before is not None and now - before < AGAIN_AFTER:
            return False
        self._noted[key] = now
        self._noted.move_to_end(key)
        while len(self._noted) > REMEMBERED_MAX:
            self._noted.popitem(last=False)
        await self._journal.record(self._entry_type, dict(data), by, kind="access", stream=stream)
        return True
