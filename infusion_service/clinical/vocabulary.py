"""The nouns every room shares: actor, submission, entry, refusal.

Promises: every value is frozen; every time is timezone-aware UTC cut to milliseconds, so that what is folded is exactly
what the log holds. Does not: validate clinical data (`facts`), decide (`decide`) or make bytes (`log.entry`).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

JSON = Any  # what a JSON document may hold; in an entry: dict, list, str, int, bool only

Kind = Literal["fact", "derived", "refused", "access", "admin"]

CHARS_TO_MILLISECONDS = len("2026-11-23T07:20:00.000")

SITE_STREAM = "site"
"""Stream of the entries that belong to no day (configuration is history too)."""

FACT_REFUSED = "fact.refused"
DOUBLE_CHECK_ENTERED = "double_check.entered"
CLOCK_TICKED = "clock.ticked"
SERVICE_ENTRIES = frozenset(
    {
        "alert.raised", "alert.closed", "alert.answered", "alert.escalated", "check.overdue", "override.used",
        "course.carried", FACT_REFUSED, DOUBLE_CHECK_ENTERED, CLOCK_TICKED, "workflow.adopted", "day.read",
    }
)  # fmt: skip
"""Entries about a day that the service appends itself: no fact of a workflow may be called so."""

SERVICE_ROLE = "service"
CLINICAL_ROLES = ("nurse", "charge_nurse", "prescriber", "pharmacist", "device")
ROLES = (*CLINICAL_ROLES, "integration", "auditor", "admin")


def cut_to_milliseconds(moment: datetime) -> datetime:
    """Return `moment` in UTC with the digits below a millisecond cut off (never rounded up into the future).

    Raises `ValueError` for a time without zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone")
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def format_time(moment: datetime) -> str:
    """Write a UTC time as the log and the wire show it: `2026-11-23T07:20:00.000Z`."""
    return moment.isoformat(timespec="milliseconds")[:CHARS_TO_MILLISECONDS] + "Z"


def parse_time(text: str) -> datetime:
    """Read an RFC 3339 time with offset into UTC milliseconds. Raises `ValueError` without zone or when malformed."""
    return cut_to_milliseconds(datetime.fromisoformat(text))


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who did it, always from a credential, never from a body. `how`: session, session_expired, offline_badge,
    device, token, service."""

    id: str
    role: str
    how: str = "session"


SERVICE = Actor(id="service", role=SERVICE_ROLE, how="service")


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """The tablet a fact came through, with its own running number for the fact where it keeps one."""

    id: str
    seq: int | None = None


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """One fact as a credentialed actor handed it in, not yet judged.

    `data` is decoded JSON in which fractional numbers are `Decimal`. `occurred_at` absent means "now". `second` is the
    consenting person of a `2c` fact, resolved from `second.token`; a `2i` fact finds its double check in the day.
    """

    event_id: str
    day_id: str
    type: str
    actor: Actor
    data: JSON = {}
    occurred_at: datetime | None = None
    recorded_at: datetime | None = None
    sent_at: datetime | None = None
    second: Actor | None = None
    device: Device | None = None
    session: str | None = None
    corrects: str | None = None
    late_reason: str | None = None
    group: str | None = None
    if_match: int | None = None
    barred: frozenset[str] = frozenset()
    """Ids of people whose access has ended: what one of them entered first makes nobody a second person."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the log as the clinical core sees it: the body (design 4) plus its stream and `received_at`.

    `data` and `outcome` hold strings, integers, booleans, lists and objects only; a decimal field is its shortest
    string. Sequence number, chain and bytes are the log's (`log.entry`).
    """

    entry_id: str
    kind: Kind
    type: str
    stream: str
    occurred_at: datetime
    received_at: datetime
    actor: Actor
    data: Mapping[str, JSON] = {}
    outcome: Mapping[str, str] = {}
    day_version: int | None = None
    recorded_at: datetime | None = None
    sent_at: datetime | None = None
    claimed: Mapping[str, str] | None = None
    second: Actor | None = None
    device: Device | None = None
    session: str | None = None
    workflow: Mapping[str, JSON] | None = None
    cause: str | None = None
    corrects: str | None = None
    group: str | None = None
    late_reason: str | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a submission was not accepted: a problem `code` of the contract with its members.

    `final` tells whether the decision is kept for ever under the event id (403, 409, 422) or decides nothing
    (400, 404, 412, 413, 429, 503, 507).
    """

    code: str
    status: int
    detail: str
    members: Mapping[str, JSON] = {}
    index: int = 0
    """Which submission of a group failed."""

    @property
    def final(self) -> bool:
        """Whether the same event id gets this refusal again, whatever has changed meanwhile."""
        return self.status in (403, 409, 422)


class WorkflowRef(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow file by name, version and content hash (`sha256:` + hex)."""

    name: str
    version: int
    hash: str

    def as_json(self) -> dict[str, JSON]:
        """Return the reference as entries and day views carry it."""
        return {"hash": self.hash, "name": self.name, "version": self.version}


_DERIVED_NAMESPACE = uuid.UUID("5f0c1f3e-6a3c-5d0b-9f0e-1b7a1d5c2e11")


def derived_entry_id(day_id: str, entry_type: str, rule: str, k: int) -> str:
    """Compute the id of the k-th derived entry of a type and rule in a day, so that no crash, retry or second
    instance can append one twice (design 2)."""
    return str(uuid.uuid5(_DERIVED_NAMESPACE, "|".join((day_id, entry_type, rule, str(k)))))


def texts(values: Sequence[str]) -> str:
    """Join names for a sentence a person reads: `a, b and c`."""
    *most, last = values or ("",)
    return ", ".join(most) + " and " + last if most else last
