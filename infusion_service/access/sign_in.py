"""Signing in on a shared tablet: badge, PIN, session.

Promises: a wrong PIN counts even across a restart, and the last one allowed locks the badge until a charge nurse
unlocks it; what is said about an unknown badge and a wrong PIN is the same, in the same time. Does not: keep tokens or
PINs, or say what a role may do.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from infusion_service.access import records
from infusion_service.access.changes import Changes
from infusion_service.access.errors import BadgeDisabled, BadgeLocked, UnknownRecord, WrongPin
from infusion_service.access.identity import Identity
from infusion_service.access.pins import PinHasher
from infusion_service.access.records import StaffMember, StaffRole, StaffSession
from infusion_service.clinical.vocabulary import Actor
from infusion_service.log.store import Drop

SESSION_KEPT = timedelta(days=7)
"""How long an ended session is remembered, for tablets that bring its facts late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """A session just opened. `token` is shown once and kept nowhere."""

    token: str
    session_id: str
    staff_id: str
    role: StaffRole
    expires_at: datetime


class SignIn:
    """Opens and closes the sessions of staff on devices."""

    def __init__(self, changes: Changes, pins: PinHasher, *, session_life: timedelta, wrong_pins_max: int) -> None:
        """Sessions end `session_life` after opening at the latest; `wrong_pins_max` wrong PINs in a row lock."""
        self._changes = changes
        self._directory = changes.directory
        self._pins = pins
        self._session_life = session_life
        self._wrong_pins_max = wrong_pins_max

    async def open(self, device: Identity, badge: str, pin: str, now: datetime) -> OpenSession:
        """Sign a person in on `device`. Raises `WrongPin` or `BadgeLocked`."""
        async with self._changes.turn:
            member = self._directory.member_by_badge(badge)
            if member is not None and member.locked_at is not None:
                raise BadgeLocked(member.staff_id)
            enabled = member is not None and member.disabled_at is None
            right = await self._pins.matches(member.pin_argon2 if member and enabled else None, pin)
            if member is None:
                raise WrongPin
            if not enabled:
                raise BadgeDisabled(member.staff_id)
            if not right:
                await self._count_wrong_pin(member, device.actor, now)
                raise WrongPin
            return await self._open(member, str(device.device_id), now)

    async def close(self, session_id: str, by: Actor, now: datetime) -> None:
        """End a session; nothing happens when it has ended. Raises `UnknownRecord`."""
        async with self._changes.turn:
            session = self._directory.sessions.get(session_id)
            if session is None:
                raise UnknownRecord("there is no such session")
            if session.ended_at is None:
                ended = msgspec.structs.replace(session, ended_at=now)
                await self._changes.make("session.closed", {"session": session_id}, by, ended, kind="access")

    async def _open(self, member: StaffMember, device_id: str, now: datetime) -> OpenSession:
        token = records.new_token(records.SESSION_PREFIX)
        session = StaffSession(
            session_id=f"session-{secrets.token_hex(8)}",
            staff_id=member.staff_id,
            role=member.role,
            device_id=device_id,
            token_sha256=records.digest(token),
            opened_at=now,
            expires_at=now + self._session_life,
        )
        await self._changes.make(
            "session.opened",
            {"session": session.session_id, "staff": member.staff_id, "device": device_id},
            Actor(id=member.staff_id, role=member.role),
            msgspec.structs.replace(member, wrong_pins=0),
            session,
            kind="access",
            forgetting=self._long_ended(now),
        )
        return OpenSession(
            token=token,
            session_id=session.session_id,
            staff_id=member.staff_id,
            role=member.role,
            expires_at=session.expires_at,
        )

    async def _count_wrong_pin(self, member: StaffMember, device: Actor, now: datetime) -> None:
        wrong_pins = member.wrong_pins + 1
        locks = wrong_pins >= self._wrong_pins_max
        counted = msgspec.structs.replace(member, wrong_pins=wrong_pins, locked_at=now if locks else None)
        await self._changes.make(
            "staff.locked" if locks else "pin.refused",
            {"staff": member.staff_id, "device": device.id, "wrong_pins": wrong_pins},
            device,
            counted,
            kind="admin" if locks else "access",
        )

    def _long_ended(self, now: datetime) -> list[Drop]:
        ended_before = now - SESSION_KEPT
        return [
            Drop(records.KIND_SESSION, session.session_id)
            for session in self._directory.sessions.values()
            if min(session.expires_at, session.ended_at or session.expires_at) < ended_before
        ]
