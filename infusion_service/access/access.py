"""Who may enter: enrolling, signing in, revoking.

Promises: every change is an entry of the log and its record goes into the same commit; memory changes after the commit.
Tokens are returned once, by the call that makes them. Ids are stable and carry no name. Does not: decide what a role
may post (`clinical.decide`) or call (`web.routes`).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from infusion_service.access import records
from infusion_service.access.changes import Changes, Clock, Journal
from infusion_service.access.directory import Directory, Outlived
from infusion_service.access.errors import AlreadyThere, UnknownRecord, UnusableValue
from infusion_service.access.glass import Glass
from infusion_service.access.identity import Identity
from infusion_service.access.issuer import is_jwt
from infusion_service.access.jwks import Keys
from infusion_service.access.noting import ACCESS_REFUSED, OnceInAWhile
from infusion_service.access.outside import outside_of
from infusion_service.access.pins import PIN_PATTERN, PinHasher
from infusion_service.access.readings import DAY_READ, LOG_READ
from infusion_service.access.records import (
    BrokenGlass,
    EnrolledDevice,
    ServiceToken,
    StaffMember,
    StaffRole,
    TokenRole,
)
from infusion_service.access.sign_in import OpenSession, SignIn
from infusion_service.clinical.vocabulary import Actor, format_time
from infusion_service.log.store import DayHead, Store
from infusion_service.settings import Settings

RecordT = TypeVar("RecordT")

ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
"""What an id of a device or a person looks like: it stands in URLs and in the log, so it is no place for a name."""


DAYS_OF_A_PATIENT_MAX = 500
"""More days than any course of treatment has."""


class Access:
    """Devices, staff, sessions and service tokens of one site."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: Store,
        journal: Journal,
        clock: Clock,
        hasher: PinHasher | None = None,
        issuer_keys: Keys | None = None,
    ) -> None:
        """Work on the operational records of `settings.site`; call `load` before anything else.

        `hasher` and `issuer_keys` replace what the settings name.
        """
        limits = settings.limits
        self._settings = settings
        self._store = store
        self._clock = clock
        self._pins = hasher or PinHasher()
        self._directory = Directory(session_idle=timedelta(minutes=limits.session_idle_min))
        self._outside = outside_of(settings, self._directory, issuer_keys)
        self._changes = Changes(self._directory, journal, clock)
        self.glass = Glass(self._changes)
        self.refusals = OnceInAWhile(ACCESS_REFUSED, journal, clock)
        self.log_readings = OnceInAWhile(LOG_READ, journal, clock)
        self.replays = OnceInAWhile(DAY_READ, journal, clock)
        self._sign_in = SignIn(
            self._changes,
            self._pins,
            session_life=timedelta(hours=limits.session_hours_max),
            wrong_pins_max=limits.pin_attempts_max,
        )

    async def load(self) -> None:
        """Read the stored records into memory."""
        now = self._clock.now()
        for kind in self._directory.kinds():
            stored = await self._store.records(self._settings.site, kind)
            self._directory.load(kind, stored.values(), now)

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Have `listener` called whenever a credential has been made, changed or ended. It must not block."""
        self._changes.listeners.append(listener)

    # Looking up

    def authenticate(self, token: str, now: datetime, *, counts_as_use: bool = True) -> Identity | None:
        """Return who bears `token`, or None when it is not valid now. Synchronous: one hash, one look-up.

        A token of the issuer is taken only once `prepare` has seen to its key.
        """
        if self._outside is not None and is_jwt(token):
            return self._outside.authenticate(token, now)
        return self._directory.authenticate(token, now, counts_as_use=counts_as_use)

    async def prepare(self, token: str) -> None:
        """See to it that what is needed to look at a token is there; nothing happens for our own."""
        if self._outside is not None and is_jwt(token):
            await self._outside.issuer.prepare(token)

    def second_person(self, token: str, now: datetime) -> Actor | None:
        """Return the member of staff behind another credential; None when it is nobody's here, or an office's.

        It is another session's token, or one of the issuer that `prepare` has seen to. Whether that person may stand in
        as the second one (not the same, right role) is decided with the fact.
        """
        identity = self.authenticate(token, now)
        return identity.actor if identity is not None and identity.actor.id in self._directory.staff else None

    def session_bearer(self, session_id: str, device_id: str, recorded_at: datetime, now: datetime) -> Identity | None:
        """Return under whom a fact counts that `device_id` brings for one of its own sessions, also an ended one.

        None when the session is unknown, another device's, or `recorded_at` lies outside its life. Being idle does not
        end that life: what a person does on an offline tablet is not seen here.
        """
        session = self._directory.sessions.get(session_id)
        if session is None or session.device_id != device_id:
            return None
        if not session.opened_at <= recorded_at < self._directory.end_of(session):
            return None
        how = "session" if self._directory.is_live(session, now) else "session_expired"
        member = self._directory.staff[session.staff_id]
        return Identity(
            kind="session",
            actor=Actor(id=session.staff_id, role=session.role, how=how),
            device_id=device_id,
            session_id=session_id,
            wards=member.wards,
        )

    def badge_bearer(self, badge: str, device_id: str, recorded_at: datetime) -> Identity | None:
        """Return whose badge was scanned on an offline device, without PIN; None for one that did not count then.

        Nobody has proved to be this person: what is entered so stays unconfirmed until somebody confirms it.
        """
        member = self._directory.member_by_badge(badge)
        if member is None:
            return None
        if any(end is not None and recorded_at >= end for end in (member.disabled_at, member.locked_at)):
            return None
        actor = Actor(id=member.staff_id, role=member.role, how="offline_badge")
        return Identity(kind="session", actor=actor, device_id=device_id, wards=member.wards)

    def outlived(self, token: str, now: datetime) -> Outlived | None:
        """Return whose a refused token was and why it no longer counts; None for one that never did."""
        if self._outside is not None and is_jwt(token):
            return self._outside.outlived(token, now)
        return self._directory.outlived(token, now)

    def device(self, device_id: str) -> EnrolledDevice | None:
        """Return a device by id, revoked ones too."""
        return self._directory.devices.get(device_id)

    def device_seen_at(self, device_id: str) -> datetime | None:
        """Return when a device was heard of last since the start, by its own token or somebody signed in on it."""
        return self._directory.device_seen_at.get(device_id)

    def service_token(self, token_id: str) -> ServiceToken | None:
        """Return a service token's record by id, expired and revoked ones too."""
        return self._directory.tokens.get(token_id)

    def staff_member(self, staff_id: str) -> StaffMember | None:
        """Return a person by id, disabled ones too."""
        return self._directory.staff.get(staff_id)

    def barred(self) -> frozenset[str]:
        """Return the ids of people whose access has ended."""
        return self._directory.barred

    def session_member(self, session_id: str) -> StaffMember | None:
        """Return whose session this is or was; None for one not known."""
        session = self._directory.sessions.get(session_id)
        return None if session is None else self._directory.staff.get(session.staff_id)

    def broken_glass(self, glass_id: str) -> BrokenGlass | None:
        """Return one breaking of the glass by its id."""
        return self._directory.glass.get(glass_id)

    async def days_of(self, patient_id: str) -> list[DayHead]:
        """Return all days of a patient, whatever ward they lie on, by date."""
        return await self._store.day_heads(self._settings.site, patient_id=patient_id, limit=DAYS_OF_A_PATIENT_MAX)

    def list_devices(self) -> list[EnrolledDevice]:
        """Return all devices, revoked ones too, by id."""
        return [device for _, device in sorted(self._directory.devices.items())]

    def list_staff(self) -> list[StaffMember]:
        """Return all staff, disabled ones too, by id."""
        return [member for _, member in sorted(self._directory.staff.items())]

    def list_tokens(self) -> list[ServiceToken]:
        """Return all service tokens, expired and revoked ones too, by id."""
        return [token for _, token in sorted(self._directory.tokens.items())]

    # Sessions

    async def open_session(self, device: Identity, badge: str, pin: str, now: datetime) -> OpenSession:
        """Sign a person in on `device`. Raises `WrongPin` or `BadgeLocked`; the last wrong PIN allowed locks."""
        return await self._sign_in.open(device, badge, pin, now)

    async def close_session(self, session_id: str, by: Actor, now: datetime) -> None:
        """End a session. Raises `UnknownRecord`."""
        await self._sign_in.close(session_id, by, now)

    # Devices

    async def enrol_device(self, device_id: str, ward: str, by: Actor) -> str:
        """Enrol a device of `ward` and return its token. Raises `AlreadyThere`, `UnusableValue`."""
        _check_id(device_id, "/device")
        self._check_wards((ward,), "/ward")
        async with self._changes.turn:
            if device_id in self._directory.devices:
                raise AlreadyThere(f"a device {device_id} is enrolled already")
            token = records.new_token(records.DEVICE_PREFIX)
            device = EnrolledDevice(
                device_id=device_id, ward=ward, token_sha256=records.digest(token), enrolled_at=self._clock.now()
            )
            await self._changes.make("device.enrolled", {"device": device_id, "ward": ward}, by, device)
        return token

    async def revoke_device(self, device_id: str, by: Actor) -> EnrolledDevice:
        """Shut a device out, and every session on it. Raises `UnknownRecord`."""
        async with self._changes.turn:
            device = _found(self._directory.devices.get(device_id), "device")
            if device.revoked_at is None:
                device = msgspec.structs.replace(device, revoked_at=self._clock.now())
                await self._changes.make("device.revoked", {"device": device_id}, by, device)
        return device

    # Staff

    async def add_staff(
        self,
        staff_id: str,
        name: str,
        role: StaffRole,
        *,
        badge: str,
        pin: str,
        wards: tuple[str, ...] | None,
        by: Actor,
    ) -> StaffMember:
        """Add a person who signs in with `badge` and `pin` (4 to 12 digits); `wards` None means all.

        Raises `AlreadyThere`, `UnusableValue`.
        """
        _check_id(staff_id, "/staff")
        _check_one_of(role, records.STAFF_ROLES, "/role")
        self._check_wards(wards, "/wards")
        pin_argon2 = await self._hashed_pin(pin)
        async with self._changes.turn:
            if staff_id in self._directory.staff:
                raise AlreadyThere(f"there is a member of staff {staff_id} already")
            member = StaffMember(
                staff_id=staff_id,
                name=name,
                role=role,
                badge_sha256=self._unused_badge(badge),
                pin_argon2=pin_argon2,
                wards=wards,
                added_at=self._clock.now(),
            )
            data = {"staff": staff_id, "role": role, "wards": "all" if wards is None else list(wards)}
            await self._changes.make("staff.added", data, by, member)
        return member

    async def change_staff(
        self, staff_id: str, by: Actor, *, pin: str | None = None, badge: str | None = None
    ) -> StaffMember:
        """Give a person another PIN or badge. Raises `UnknownRecord`, `AlreadyThere`, `UnusableValue`."""
        changed = [name for name, value in (("pin", pin), ("badge", badge)) if value is not None]
        pin_argon2 = None if pin is None else await self._hashed_pin(pin)
        async with self._changes.turn:
            member = _found(self._directory.staff.get(staff_id), "member of staff")
            if pin_argon2 is not None:
                member = msgspec.structs.replace(member, pin_argon2=pin_argon2)
            if badge is not None:
                member = msgspec.structs.replace(member, badge_sha256=self._unused_badge(badge))
            if changed:
                await self._changes.make("staff.changed", {"staff": staff_id, "changed": changed}, by, member)
        return member

    async def disable_staff(self, staff_id: str, by: Actor) -> StaffMember:
        """End a person's access and all their sessions. Raises `UnknownRecord`."""
        async with self._changes.turn:
            member = _found(self._directory.staff.get(staff_id), "member of staff")
            if member.disabled_at is None:
                member = msgspec.structs.replace(member, disabled_at=self._clock.now())
                await self._changes.make("staff.disabled", {"staff": staff_id}, by, member)
        return member

    async def unlock_staff(self, staff_id: str, by: Actor) -> StaffMember:
        """Let a locked badge sign in again. Raises `UnknownRecord`."""
        async with self._changes.turn:
            member = _found(self._directory.staff.get(staff_id), "member of staff")
            if member.locked_at is not None or member.wrong_pins:
                member = msgspec.structs.replace(member, locked_at=None, wrong_pins=0)
                await self._changes.make("staff.unlocked", {"staff": staff_id}, by, member)
        return member

    # Service tokens

    async def mint_token(
        self,
        label: str,
        role: TokenRole,
        expires_at: datetime,
        by: Actor,
        *,
        scopes: tuple[str, ...] = (),
        wards: tuple[str, ...] | None = None,
    ) -> tuple[ServiceToken, str]:
        """Make a token for a program or an office; return its record and the token. Raises `UnusableValue`."""
        now = self._clock.now()
        _check_one_of(role, records.TOKEN_ROLES, "/role")
        self._check_wards(wards, "/wards")
        if expires_at <= now:
            raise UnusableValue("/expires_at", "the token would have expired already")
        token = records.new_token(records.SERVICE_PREFIX)
        record = ServiceToken(
            token_id=f"{role}-{secrets.token_hex(4)}",
            label=label,
            role=role,
            token_sha256=records.digest(token),
            minted_at=now,
            expires_at=expires_at,
            scopes=scopes,
            wards=wards,
        )
        data = {"token": record.token_id, "role": role, "scopes": list(scopes), "expires_at": format_time(expires_at)}
        async with self._changes.turn:
            await self._changes.make("token.minted", data, by, record)
        return record, token

    async def revoke_token(self, token_id: str, by: Actor) -> ServiceToken:
        """Shut a service token out. Raises `UnknownRecord`."""
        async with self._changes.turn:
            token = _found(self._directory.tokens.get(token_id), "token")
            if token.revoked_at is None:
                token = msgspec.structs.replace(token, revoked_at=self._clock.now())
                await self._changes.make("token.revoked", {"token": token_id}, by, token)
        return token

    async def _hashed_pin(self, pin: str) -> str:
        if PIN_PATTERN.fullmatch(pin) is None:
            raise UnusableValue("/pin", "a PIN has 4 to 12 digits")
        return await self._pins.hashed(pin)

    def _unused_badge(self, badge: str) -> str:
        if self._directory.member_by_badge(badge) is not None:
            raise AlreadyThere("this badge belongs to somebody already")
        return records.digest(badge)

    def _check_wards(self, wards: Iterable[str] | None, pointer: str) -> None:
        for ward in wards or ():
            if self._settings.ward(ward) is None:
                known = ", ".join(known.id for known in self._settings.wards)
                raise UnusableValue(pointer, f"the site has no such ward; it has {known}")


def _found(record: RecordT | None, what: str) -> RecordT:
    if record is None:
        raise UnknownRecord(f"there is no such {what}")
    return record


def _check_id(value: str, pointer: str) -> None:
    if ID_PATTERN.fullmatch(value) is None:
        raise UnusableValue(pointer, "an id has up to 64 lower-case letters, digits and hyphens")


def _check_one_of(value: str, allowed: tuple[str, ...], pointer: str) -> None:
    if value not in allowed:
        raise UnusableValue(pointer, f"must be one of {', '.join(allowed)}")
