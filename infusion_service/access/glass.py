"""Breaking the glass: reading one patient outside one's wards for an hour, with a reason, and being asked about it.

Promises: each is an entry of the log before anything is shown, ends by itself, and stays listed until somebody else has
reviewed it. Does not: open anything for writing, or note the single readings (`web.reach` does, on the day read).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from infusion_service.access.changes import Changes
from infusion_service.access.errors import OwnReview, UnknownRecord
from infusion_service.access.identity import Identity
from infusion_service.access.records import BrokenGlass
from infusion_service.clinical.vocabulary import Actor, format_time

GLASS_BROKEN = "glass.broken"
GLASS_REVIEWED = "glass.reviewed"

GLASS_LIFE = timedelta(minutes=60)


class Glass:
    """What was broken, and who has looked into it."""

    def __init__(self, changes: Changes) -> None:
        """Work on the records that `changes` changes."""
        self._changes = changes
        self._directory = changes.directory

    async def break_for(self, caller: Identity, patient_id: str, reason: str, now: datetime) -> BrokenGlass:
        """Let a person read the days of a patient for an hour. What is open already is noted again and begins anew."""
        async with self._changes.turn:
            broken = BrokenGlass(
                glass_id=f"glass-{secrets.token_hex(8)}",
                staff_id=caller.actor.id,
                role=caller.role,
                patient_id=patient_id,
                reason=reason,
                broken_at=now,
                expires_at=now + GLASS_LIFE,
            )
            data = {
                "glass": broken.glass_id,
                "patient": patient_id,
                "reason": reason,
                "expires_at": format_time(broken.expires_at),
                **({"device": caller.device_id} if caller.device_id else {}),
            }
            await self._changes.make(GLASS_BROKEN, data, caller.actor, broken, kind="access")
        return broken

    async def review(self, glass_id: str, by: Actor, now: datetime) -> BrokenGlass:
        """Note that somebody else has looked into it. Raises `UnknownRecord`, `OwnReview`."""
        async with self._changes.turn:
            broken = self._directory.glass.get(glass_id)
            if broken is None:
                raise UnknownRecord("there is no such breaking of the glass")
            if broken.staff_id == by.id:
                raise OwnReview
            if broken.reviewed_at is None:
                broken = msgspec.structs.replace(broken, reviewed_by=by.id, reviewed_at=now)
                await self._changes.make(GLASS_REVIEWED, {"glass": glass_id}, by, broken, kind="access")
        return broken

    def all(self) -> Iterable[BrokenGlass]:
        """Return every one there was, newest first."""
        return sorted(self._directory.glass.values(), key=lambda broken: broken.broken_at, reverse=True)
