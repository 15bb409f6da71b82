"""What requests hold, as types: the same ones that OpenAPI shows.

Promises: an unknown member, a missing one or a wrong type is refused with its JSON pointer; times carry an offset; ids
are UUIDs in lower case. Does not: look into `data`, which is the workflow file's (`clinical.facts`).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from infusion_service.access.issuer import TOKEN_CHARS_MAX
from infusion_service.access.records import StaffRole, TokenRole
from infusion_service.clinical.vocabulary import cut_to_milliseconds
from infusion_service.web.problems import Problem, malformed

UUID_PATTERN = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"

Uuid = Annotated[str, Meta(pattern=UUID_PATTERN, description="UUID, version 7 where it is made today.")]
Time = Annotated[
    datetime,
    Meta(tz=True, description="RFC 3339 with offset.", extra_json_schema={"pattern": "^(19|20|21)[0-9]{2}-"}),
]
Pin = Annotated[str, Meta(pattern="^[0-9]{4,12}$", description="4 to 12 digits.")]
ShortText = Annotated[str, Meta(min_length=1, max_length=120)]
RecordId = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,63}$")]
Wards = Annotated[list[ShortText], Meta(max_length=64)]

YEAR_MIN, YEAR_MAX = 1900, 2199
"""A time outside these is a broken clock; near the ends of the calendar even changing the zone fails."""


class Second(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The second person of a fact that needs one: their own session's token, or one of the house's issuer. It is never
    stored."""

    token: Annotated[str, Meta(max_length=TOKEN_CHARS_MAX)]


class Fact(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One fact as a client posts it."""

    event_id: Uuid
    type: ShortText
    data: dict[str, Any] = {}
    occurred_at: Time | None = None
    recorded_at: Time | None = None
    sent_at: Time | None = None
    corrects: Uuid | None = None
    late_reason: Annotated[str, Meta(max_length=500)] | None = None
    device_seq: Annotated[int, Meta(ge=0, le=9007199254740991)] | None = None
    session: Annotated[str, Meta(max_length=64)] | None = None
    badge: ShortText | None = None
    group: ShortText | None = None
    second: Second | None = None


class BatchItem(Fact, frozen=True, kw_only=True):
    """A fact of a batch: it names its day itself."""

    day: Uuid


class NewDay(msgspec.Struct, frozen=True, kw_only=True):
    """A day to schedule: the data of its `day.scheduled` fact, with that fact's id and times beside them."""

    ward: ShortText
    patient: dict[str, Any]
    course: int
    day: int
    date: str
    event_id: Uuid | None = None
    occurred_at: Time | None = None
    recorded_at: Time | None = None
    sent_at: Time | None = None
    workflow: str | None = None


class FactBatch(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Several facts. Those with the same `group` are accepted all or none, the others each for itself."""

    items: list[Any]


class DoubleCheck(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What the first of two people enters, before the second posts the fact itself."""

    event_id: Uuid
    day: Uuid
    type: ShortText
    data: dict[str, Any] = {}
    occurred_at: Time | None = None
    recorded_at: Time | None = None
    sent_at: Time | None = None


class WaitingFacts(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How many facts of a day wait on a device, and when the oldest of them was entered."""

    day: Uuid
    facts: Annotated[int, Meta(ge=1, le=100_000)]
    oldest_at: Time


class DeviceQueue(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """All that waits on a device; nothing where everything has arrived."""

    waiting: Annotated[list[WaitingFacts], Meta(max_length=500)]


class SignIn(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Badge and PIN. With `cookie` the session's token goes into a cookie instead of the answer."""

    badge: ShortText
    pin: ShortText
    cookie: bool = False


class NewDevice(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A device to enrol."""

    device: RecordId
    ward: ShortText


class NewStaff(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A person to add. Without `wards`: all wards of the site."""

    staff: RecordId | None = None
    name: ShortText
    role: StaffRole
    badge: ShortText
    pin: Pin
    wards: Wards | None = None


class NewToken(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A service token to mint. Without `scopes`: all that the role may call."""

    label: ShortText
    role: TokenRole
    expires_at: Time
    scopes: Annotated[list[ShortText], Meta(max_length=32)] = []
    wards: Wards | None = None


class Nothing(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A call that says everything by being made."""


class BreakGlass(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Whose days are to be read outside one's wards, and why."""

    patient: ShortText
    reason: Annotated[str, Meta(min_length=5, max_length=500)]


class Revocation(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Revoke for good; enrol or mint anew instead of taking it back."""

    revoked: Literal[True]


class StaffChange(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What changes of a person: another PIN or badge, or the end of their access."""

    disabled: Literal[True] | None = None
    pin: Pin | None = None
    badge: ShortText | None = None


class ClockChange(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Where to move the simulated clock."""

    now: Time


PayloadT = TypeVar("PayloadT")

_PLACE = re.compile(r" - at `(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<name>[^`]*)`")
_MISSING = re.compile(r"^Object missing required field `(?P<name>[^`]*)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


def read_as(value: Any, kind: type[PayloadT]) -> PayloadT:
    """Read decoded JSON as a payload. Raises `Problem` 400 with the pointer of the first thing that does not fit."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise _misfit(str(error)) from None


def utc(moment: datetime, pointer: str) -> datetime:
    """Cut a time that came in to UTC milliseconds. Raises `Problem` 400 for years no infusion takes place in."""
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        detail = f"the year must be between {YEAR_MIN} and {YEAR_MAX}"
        raise malformed(f"{pointer}: {detail}.", [{"pointer": pointer, "detail": detail}])
    return cut_to_milliseconds(moment)


def to_utc(moment: datetime | None, pointer: str) -> datetime | None:
    """Do the same where there may be no time."""
    return None if moment is None else utc(moment, pointer)


def _misfit(message: str) -> Problem:
    place = _PLACE.search(message)
    pointer = "".join(f"/{name or index}" for name, index in _STEP.findall(place["path"])) if place else ""
    said = message[: place.start()] if place else message
    for pattern, detail in ((_UNKNOWN, "unknown member"), (_MISSING, "missing member")):
        if found := pattern.match(said):
            pointer, said = f"{pointer}/{found['name']}", detail
    # What is left of msgspec's words names types and limits, never values; enum values are the one exception.
    if said.startswith("Invalid enum value"):
        said = "not one of the values allowed here"
    return malformed(f"{pointer or '/'}: {said}.", [{"pointer": pointer, "detail": said}])
