"""What answers hold, as types: OpenAPI shows them, and a test holds every answer to them.

Promises: every member named in contract 2 is here. Does not: build answers; rooms hand over dictionaries that are
written as they are.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from infusion_service.access.records import StaffRole, TokenRole
from infusion_service.web.payloads import Uuid


class Named(msgspec.Struct, forbid_unknown_fields=True):
    """Which workflow file, by name, version and content hash."""

    name: str
    version: int
    hash: str


class AlertChange(msgspec.Struct):
    """Alerts that the fact raised and closed."""

    raised: list[dict[str, Any]]
    closed: list[dict[str, Any]]


class Receipt(msgspec.Struct, forbid_unknown_fields=True):
    """The fact is durable, at this place of the log. The same event id always gets the same receipt."""

    seq: int
    event_id: Uuid
    day_id: Uuid
    day_version: int
    state: str
    received_at: datetime
    leaf_hash: str
    alerts: AlertChange


class DoubleCheckReceipt(msgspec.Struct, forbid_unknown_fields=True):
    """The first person's entry is kept, unseen, until the second person posts the fact or it expires."""

    double_check: Uuid
    day_id: Uuid
    seq: int
    received_at: datetime
    expires_at: datetime


class FieldError(msgspec.Struct):
    """Where something is wrong, as a JSON pointer into the request (`?name` for a query parameter), and what."""

    pointer: str
    detail: str


class Problem(msgspec.Struct):
    """Why it was not done (RFC 9457). `code` is what programs look at; further members depend on it."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[FieldError] | msgspec.UnsetType = msgspec.UNSET


class BatchResult(msgspec.Struct, forbid_unknown_fields=True):
    """What became of one item of a batch. `replayed` marks a refusal that was given before."""

    status: Literal["accepted", "duplicate", "refused"]
    receipt: Receipt | msgspec.UnsetType = msgspec.UNSET
    problem: Problem | msgspec.UnsetType = msgspec.UNSET
    replayed: bool | msgspec.UnsetType = msgspec.UNSET


class BatchResults(msgspec.Struct, forbid_unknown_fields=True):
    """One result per item, in order."""

    items: list[BatchResult]


class Clock(msgspec.Struct, forbid_unknown_fields=True):
    """Whether time is simulated, and how many times faster than real time it runs (0: it stands)."""

    simulated: bool
    speed: float


class ClockReading(Clock, forbid_unknown_fields=True, kw_only=True):
    """The simulated time."""

    now: datetime


class ClockConfirmed(msgspec.Struct, forbid_unknown_fields=True):
    """Whether moves by time were held until now, and what the clock says."""

    held: bool
    now: datetime


class MissingFacts(msgspec.Struct, forbid_unknown_fields=True):
    """Facts a device has and the record has not. `oldest_at` is null where only gaps in its numbers tell of them."""

    device: str
    facts: int
    oldest_at: datetime | None


class BoardRow(msgspec.Struct):
    """One bed of the board: what of the day view is seen at a glance. `patient` has the initials; names only for
    people who are signed in."""

    day_id: Uuid
    version: int
    as_of: datetime
    ward: str
    chair: str | None
    patient: dict[str, Any]
    workflow: Named
    course: int
    day: int
    ordinal: int
    date: str
    timezone: str
    state: str
    state_since: datetime
    pump: Literal["idle", "running", "halted"]
    dose: dict[str, Any]
    observation: dict[str, Any]
    checks: list[dict[str, Any]]
    alerts: list[dict[str, Any]]
    vitals: dict[str, Any]
    score_changes: dict[str, dict[str, int | None]]
    double_checks: list[dict[str, Any]]
    baseline_deficits: list[str]
    missing_from_devices: list[MissingFacts]
    next_change_at: datetime | None


class Board(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The days asked for, by date. `next` continues with `?after=`."""

    days: list[BoardRow]
    as_of: datetime
    clock: Clock
    next: str | msgspec.UnsetType = msgspec.UNSET


class DayView(msgspec.Struct):
    """One day as it stands at `as_of`. Decimals are strings, as in the log.

    A device with nobody signed in gets of `patient` the pseudonym and the initials, no batch and no reasons.
    """

    day_id: Uuid
    version: int
    as_of: datetime
    site: str
    ward: str
    chair: str | None
    patient: dict[str, Any]
    workflow: Named
    course: int
    day: int
    ordinal: int
    date: str
    state: str
    state_since: datetime
    pump: Literal["idle", "running", "halted"]
    dose: dict[str, Any]
    bag: dict[str, Any] | None
    observation: dict[str, Any]
    checks: list[dict[str, Any]]
    alerts: list[dict[str, Any]]
    vitals: dict[str, Any]
    score_changes: dict[str, dict[str, int | None]]
    allowed: list[dict[str, Any]]
    course_flags: list[Any]
    unconfirmed: list[Any]
    missing_from_devices: list[MissingFacts]
    next_change_at: datetime | None


class LogEntry(msgspec.Struct):
    """Leaf fields, body, `seq` and `leaf_hash` side by side. The body is absent once it was erased.

    `withheld` marks values that must not be seen yet (a double check); `data` is then empty. A device with nobody
    signed in gets `data` without names and without what people wrote in words.
    """

    seq: int
    leaf_hash: str
    v: int
    site: str
    stream: str
    n: int
    rcv: datetime
    pc: str
    ph: str
    entry_id: Uuid | msgspec.UnsetType = msgspec.UNSET
    kind: Literal["fact", "derived", "refused", "access", "admin"] | msgspec.UnsetType = msgspec.UNSET
    type: str | msgspec.UnsetType = msgspec.UNSET
    occurred_at: datetime | msgspec.UnsetType = msgspec.UNSET
    actor: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    data: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    outcome: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    withheld: bool | msgspec.UnsetType = msgspec.UNSET


class DayEntries(msgspec.Struct, forbid_unknown_fields=True):
    """All entries of one day, in order."""

    day_id: Uuid
    entries: list[LogEntry]
    as_of: datetime


class LogPage(msgspec.Struct, forbid_unknown_fields=True):
    """A page of the log. `next_after` continues it with `?after=`, also where nothing could be shown."""

    entries: list[LogEntry]
    next_after: int
    as_of: datetime


class Session(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A person is signed in. `token` is absent where it went into a cookie."""

    session: str
    staff: str
    role: StaffRole
    expires_at: datetime
    token: str | msgspec.UnsetType = msgspec.UNSET


class CurrentSession(msgspec.Struct, forbid_unknown_fields=True):
    """The device that asks, and who is signed in on it: `session` and `staff` are null where nobody is."""

    device: str
    session: str | None
    role: str
    staff: str | None


class CurrentToken(msgspec.Struct, forbid_unknown_fields=True):
    """Whom a credential stands for; all null where there is none that is valid. `wards` null: every ward."""

    id: str | None
    role: str | None
    wards: list[str] | None
    scopes: list[str]
    site: str | None
    as_of: datetime
    clock: Clock


class WorkflowNamed(Named, forbid_unknown_fields=True):
    """One version of a workflow."""

    title: str


class Workflows(msgspec.Struct, forbid_unknown_fields=True):
    """Every version of every workflow there is."""

    workflows: list[WorkflowNamed]


class WorkflowDefinition(Named, forbid_unknown_fields=False):
    """What the wire shows of a workflow file. The file's own bytes are served as `application/toml`."""

    title: str
    states: dict[str, Any]
    facts: dict[str, Any]


class BrokenGlass(msgspec.Struct, forbid_unknown_fields=True):
    """One person may read one patient's days outside their wards until `expires_at`, and why."""

    id: str
    staff: str
    role: str
    patient: str
    reason: str
    broken_at: datetime
    expires_at: datetime
    reviewed_by: str | None
    reviewed_at: datetime | None


class DayFound(msgspec.Struct, forbid_unknown_fields=True):
    """Where a day lies."""

    day_id: Uuid
    ward: str | None
    date: str | None
    state: str | None


class OpenedGlass(BrokenGlass, forbid_unknown_fields=True, kw_only=True):
    """The glass is broken; these days can be read."""

    days: list[DayFound]


class BrokenGlasses(msgspec.Struct, forbid_unknown_fields=True):
    """Every breaking of the glass, newest first."""

    break_glass: list[BrokenGlass]


class Device(msgspec.Struct, forbid_unknown_fields=True):
    """A device of a ward. `last_seen_at` null: not since the start of the service."""

    device: str
    ward: str
    enrolled_at: datetime
    revoked_at: datetime | None
    last_seen_at: datetime | None


class EnrolledDevice(msgspec.Struct, forbid_unknown_fields=True):
    """A device just enrolled. The token is shown this once."""

    device: str
    ward: str
    token: str


class Devices(msgspec.Struct, forbid_unknown_fields=True):
    """All devices."""

    devices: list[Device]


class StaffMember(msgspec.Struct, forbid_unknown_fields=True):
    """A person. `wards` null means all wards of the site."""

    staff: str
    name: str
    role: StaffRole
    wards: list[str] | None
    added_at: datetime
    locked_at: datetime | None
    disabled_at: datetime | None


class Staff(msgspec.Struct, forbid_unknown_fields=True):
    """All staff."""

    staff: list[StaffMember]


class ServiceToken(msgspec.Struct, forbid_unknown_fields=True):
    """A service token without its secret."""

    id: str
    label: str
    role: TokenRole
    scopes: list[str]
    wards: list[str] | None
    minted_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class MintedToken(ServiceToken, forbid_unknown_fields=True, kw_only=True):
    """A service token just minted. `token` is shown this once."""

    token: str


class Tokens(msgspec.Struct, forbid_unknown_fields=True):
    """All service tokens."""

    tokens: list[ServiceToken]


class Alive(msgspec.Struct, forbid_unknown_fields=True):
    """The process answers."""

    status: Literal["alive"]


class Ready(msgspec.Struct, forbid_unknown_fields=True):
    """Facts can be taken."""

    status: Literal["ready"]
    log_size: int
