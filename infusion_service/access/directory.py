"""The records of the access room in memory, and the look-up of a credential.

Promises: `authenticate` is synchronous and costs one hash and one dictionary access; a revoked, disabled or ended
credential is not found from the moment its record is taken. Does not: write anything (`access` records a change in the
log first, and hands it here once it is committed).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from infusion_service.access.identity import Identity
from infusion_service.access.records import (
    KIND_DEVICE,
    KIND_GLASS,
    KIND_SESSION,
    KIND_STAFF,
    KIND_TOKEN,
    STAFF_ROLES,
    BrokenGlass,
    EnrolledDevice,
    Record,
    ServiceToken,
    StaffMember,
    StaffSession,
    digest,
)
from infusion_service.clinical.vocabulary import Actor

_NEVER = datetime.max.replace(tzinfo=UTC)

_RECORD_TYPES: Mapping[str, type[Record]] = {
    KIND_DEVICE: EnrolledDevice,
    KIND_STAFF: StaffMember,
    KIND_TOKEN: ServiceToken,
    KIND_SESSION: StaffSession,
    KIND_GLASS: BrokenGlass,
}
"""In the order in which they are loaded: a session is worth something only beside its device and its person."""


@dataclass(slots=True)
class _Credential:
    identity: Identity
    ends_at: datetime
    used_at: datetime


@dataclass(frozen=True, slots=True)
class Outlived:
    """A credential that was one: whose it was and why it no longer counts."""

    actor: Actor
    reason: str
    """`revoked`, `expired`, `idle`, `ended`, `device_revoked` or `disabled`."""


class Directory:
    """All devices, staff, sessions and service tokens of a site."""

    def __init__(self, *, session_idle: timedelta) -> None:
        """Sessions that are not used for `session_idle` stop being valid."""
        self.devices: dict[str, EnrolledDevice] = {}
        self.device_seen_at: dict[str, datetime] = {}
        """When each was heard of last, by its own token or a session on it, since the start."""
        self.staff: dict[str, StaffMember] = {}
        self.tokens: dict[str, ServiceToken] = {}
        self.barred: frozenset[str] = frozenset()
        self.sessions: dict[str, StaffSession] = {}
        self.glass: dict[str, BrokenGlass] = {}
        self._glass_of: dict[str, set[str]] = {}
        self._bearers: dict[str, EnrolledDevice | ServiceToken | StaffSession] = {}
        self._session_idle = session_idle
        self._by_badge: dict[str, str] = {}
        self._by_token: dict[str, _Credential] = {}

    @staticmethod
    def kinds() -> Iterable[str]:
        """The operational kinds of record to load, in order."""
        return tuple(_RECORD_TYPES)

    def load(self, kind: str, values: Iterable[Mapping[str, Any]], now: datetime) -> None:
        """Take stored records of one kind. Sessions count as used `now`: when they last were is not stored."""
        for value in values:
            self.take(msgspec.convert(dict(value), _RECORD_TYPES[kind]), now)

    def take(self, record: Record, now: datetime) -> None:
        """Take a new or changed record; what depends on it changes with it at once."""
        if isinstance(record, EnrolledDevice | ServiceToken | StaffSession):
            self._bearers[record.token_sha256] = record
        if isinstance(record, EnrolledDevice):
            self.devices[record.device_id] = record
            self._credit(record.token_sha256, _device_credential(record, now))
            self._credit_sessions(now, device_id=record.device_id)
        elif isinstance(record, StaffMember):
            self._take_badge(record)
            self.staff[record.staff_id] = record
            if record.disabled_at is not None:
                self.barred |= {record.staff_id}
            self._credit_sessions(now, staff_id=record.staff_id)
        elif isinstance(record, ServiceToken):
            self.tokens[record.token_id] = record
            self._credit(record.token_sha256, _token_credential(record, now))
        elif isinstance(record, BrokenGlass):
            self.glass[record.glass_id] = record
            self._glass_of.setdefault(record.staff_id, set()).add(record.glass_id)
        else:
            self.sessions[record.session_id] = record
            self._credit(record.token_sha256, self._session_credential(record, now))

    def drop_session(self, session_id: str) -> None:
        """Forget a session that ended long ago."""
        session = self.sessions.pop(session_id)
        self._by_token.pop(session.token_sha256, None)
        self._bearers.pop(session.token_sha256, None)

    def authenticate(self, token: str, now: datetime, *, counts_as_use: bool = True) -> Identity | None:
        """Return who bears `token`, or None when it is not valid now.

        `counts_as_use` False leaves a session's idle time running (a page that refreshes itself is nobody at work).
        """
        credential = self._by_token.get(digest(token))
        if credential is None or now >= credential.ends_at:
            return None
        if credential.identity.session_id is not None:
            if now - credential.used_at >= self._session_idle:
                return None
            if counts_as_use:
                credential.used_at = now
        if credential.identity.device_id is not None:
            self.device_seen_at[credential.identity.device_id] = now
        return self.with_glass(credential.identity, now)

    def outlived(self, token: str, now: datetime) -> Outlived | None:
        """Return whose a token was that no longer counts, and why; None for one that never was."""
        match self._bearers.get(digest(token)):
            case EnrolledDevice() as device:
                return Outlived(Actor(id=device.device_id, role="device", how="device"), "revoked")
            case ServiceToken() as bearer:
                reason = "expired" if bearer.revoked_at is None else "revoked"
                return Outlived(Actor(id=bearer.token_id, role=bearer.role, how="token"), reason)
            case StaffSession() as session:
                actor = Actor(id=session.staff_id, role=session.role, how="session_expired")
                return Outlived(actor, self._end_reason(session, now))
            case _:
                return None

    def with_glass(self, identity: Identity, now: datetime) -> Identity:
        """Return the identity with the patients whose glass its person has broken and who may be read still."""
        broken = self._glass_of.get(identity.actor.id)
        if not broken or identity.role not in STAFF_ROLES:
            return identity
        live = [self.glass[glass_id] for glass_id in broken if now < self.glass[glass_id].expires_at]
        live.sort(key=lambda each: each.broken_at)
        return replace(identity, glass={each.patient_id: each.glass_id for each in live}) if live else identity

    def member_by_badge(self, badge: str) -> StaffMember | None:
        """Return whose badge this is."""
        staff_id = self._by_badge.get(digest(badge))
        return None if staff_id is None else self.staff[staff_id]

    def end_of(self, session: StaffSession) -> datetime:
        """Return the moment from which nothing entered in the session counts any more."""
        member = self.staff.get(session.staff_id)
        ends = (session.expires_at, session.ended_at, member.disabled_at if member else session.opened_at)
        return min(end for end in ends if end is not None)

    def is_live(self, session: StaffSession, now: datetime) -> bool:
        """Whether the session could still be used to sign a fact now."""
        credential = self._by_token.get(session.token_sha256)
        return credential is not None and now < credential.ends_at and now - credential.used_at < self._session_idle

    def _end_reason(self, session: StaffSession, now: datetime) -> str:
        device, member = self.devices.get(session.device_id), self.staff.get(session.staff_id)
        if device is None or device.revoked_at is not None:
            return "device_revoked"
        if member is None or member.disabled_at is not None:
            return "disabled"
        if session.ended_at is not None:
            return "ended"
        return "expired" if now >= session.expires_at else "idle"

    def _take_badge(self, member: StaffMember) -> None:
        before = self.staff.get(member.staff_id)
        if before is not None:
            self._by_badge.pop(before.badge_sha256, None)
        self._by_badge[member.badge_sha256] = member.staff_id

    def _credit(self, token_sha256: str, credential: _Credential | None) -> None:
        if credential is None:
            self._by_token.pop(token_sha256, None)
            return
        before = self._by_token.get(token_sha256)
        if before is not None:
            credential.used_at = before.used_at
        self._by_token[token_sha256] = credential

    def _credit_sessions(self, now: datetime, *, device_id: str | None = None, staff_id: str | None = None) -> None:
        for session in self.sessions.values():
            if device_id == session.device_id or staff_id == session.staff_id:
                self._credit(session.token_sha256, self._session_credential(session, now))

    def _session_credential(self, session: StaffSession, now: datetime) -> _Credential | None:
        device = self.devices.get(session.device_id)
        member = self.staff.get(session.staff_id)
        if session.ended_at is not None or device is None or device.revoked_at is not None:
            return None
        if member is None or member.disabled_at is not None:
            return None
        identity = Identity(
            kind="session",
            actor=Actor(id=session.staff_id, role=session.role, how="session"),
            device_id=session.device_id,
            session_id=session.session_id,
            wards=member.wards,
        )
        return _Credential(identity=identity, ends_at=session.expires_at, used_at=now)


def _device_credential(device: EnrolledDevice, now: datetime) -> _Credential | None:
    if device.revoked_at is not None:
        return None
    actor = Actor(id=device.device_id, role="device", how="device")
    identity = Identity(kind="device", actor=actor, device_id=device.device_id, wards=(device.ward,))
    return _Credential(identity=identity, ends_at=_NEVER, used_at=now)


def _token_credential(token: ServiceToken, now: datetime) -> _Credential | None:
    if token.revoked_at is not None:
        return None
    actor = Actor(id=token.token_id, role=token.role, how="token")
    identity = Identity(kind="token", actor=actor, wards=token.wards, scopes=frozenset(token.scopes))
    return _Credential(identity=identity, ends_at=token.expires_at, used_at=now)
