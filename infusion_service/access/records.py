"""What is kept of each credential: the operational records of the access room.

Promises: a record holds hashes only. Tokens and badge codes are 256-bit or scanned codes and are kept as SHA-256, so
that a look-up is one dictionary access; PINs are short and kept as argon2id. Names stay in these records: the log
carries ids alone. Does not: read or write the store (`directory`).
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Any, Literal

import msgspec

StaffRole = Literal["nurse", "charge_nurse", "prescriber", "pharmacist"]
TokenRole = Literal["integration", "auditor", "admin"]

STAFF_ROLES: tuple[StaffRole, ...] = ("nurse", "charge_nurse", "prescriber", "pharmacist")
TOKEN_ROLES: tuple[TokenRole, ...] = ("integration", "auditor", "admin")

TOKEN_BYTES = 32
"""Random bytes of a token: too many to guess, so one round of SHA-256 protects it at rest."""

DEVICE_PREFIX = "infd_"
SESSION_PREFIX = "infs_"
SERVICE_PREFIX = "inft_"
"""What a token begins with, so that one found in a file or a log is recognised for what it is."""


class EnrolledDevice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tablet or gateway of one ward, with its own credential."""

    device_id: str
    ward: str
    token_sha256: str
    enrolled_at: datetime
    revoked_at: datetime | None = None


class StaffMember(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person who signs in with badge and PIN. `wards` None means all wards of the site."""

    staff_id: str
    name: str
    role: StaffRole
    badge_sha256: str
    pin_argon2: str
    added_at: datetime
    wards: tuple[str, ...] | None = None
    wrong_pins: int = 0
    locked_at: datetime | None = None
    disabled_at: datetime | None = None


class StaffSession(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One person signed in on one device. Kept after its end, because a tablet may still bring facts entered in it."""

    session_id: str
    staff_id: str
    role: StaffRole
    device_id: str
    token_sha256: str
    opened_at: datetime
    expires_at: datetime
    """The latest end (12 h after opening, say); being idle ends it earlier."""
    ended_at: datetime | None = None
    """When it was closed or revoked, if it was."""


class ServiceToken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A credential of a program or an office: integration engine, auditor, administrator."""

    token_id: str
    label: str
    role: TokenRole
    token_sha256: str
    minted_at: datetime
    expires_at: datetime
    scopes: tuple[str, ...] = ()
    """Groups of routes it is narrowed to; empty means all that its role may call."""
    wards: tuple[str, ...] | None = None
    revoked_at: datetime | None = None


class BrokenGlass(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One person may read one patient's days outside their wards for a while, and must be asked about it."""

    glass_id: str
    staff_id: str
    role: str
    patient_id: str
    reason: str
    broken_at: datetime
    expires_at: datetime
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None


Record = EnrolledDevice | StaffMember | StaffSession | ServiceToken | BrokenGlass

KIND_DEVICE = "device"
KIND_STAFF = "staff"
KIND_SESSION = "session"
KIND_TOKEN = "token"  # noqa: S105 - the name of a kind of record
KIND_GLASS = "break_glass"


_KINDS: dict[type[Record], str] = {
    EnrolledDevice: KIND_DEVICE,
    StaffMember: KIND_STAFF,
    StaffSession: KIND_SESSION,
    ServiceToken: KIND_TOKEN,
    BrokenGlass: KIND_GLASS,
}


def new_token(prefix: str) -> str:
    """Make a token: shown once, never kept."""
    return prefix + secrets.token_urlsafe(TOKEN_BYTES)


def digest(secret: str) -> str:
    """Return the SHA-256 under which a token or badge code is kept, in hex."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def kind_of(record: Record) -> str:
    """Return the operational kind under which a record is kept."""
    return _KINDS[type(record)]


def key_of(record: Record) -> str:
    """Return the id under which a record is kept."""
    match record:
        case EnrolledDevice():
            return record.device_id
        case StaffMember():
            return record.staff_id
        case StaffSession():
            return record.session_id
        case ServiceToken():
            return record.token_id
        case BrokenGlass():
            return record.glass_id


def as_value(record: Record) -> dict[str, Any]:
    """Write a record as the JSON value of an operational `Put`."""
    value: dict[str, Any] = msgspec.to_builtins(record)
    return value
