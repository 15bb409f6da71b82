"""What the auditor's calls take and give: questions across days, a search for days, openings of entries.

Promises: who a patient is stands in a body, never in an address. Does not: build answers.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from infusion_service.web.audit_scan import ENTRIES_PER_CALL_MAX
from infusion_service.web.day_search import DAYS_PER_CALL_MAX
from infusion_service.web.payloads import ShortText, Time, Uuid


class AuditQuestion(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Of what was received from `since` to before `until`, of one patient (pseudonym), after entry `after`.

    One call looks through at most `limit` entries, also where it then has nothing to show.
    """

    since: Time | None = None
    until: Time | None = None
    patient: ShortText | None = None
    after: Annotated[int, Meta(ge=0, le=9007199254740991)] = 0
    limit: Annotated[int, Meta(ge=1, le=ENTRIES_PER_CALL_MAX)] = ENTRIES_PER_CALL_MAX


class Stretch(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Rows that begin in the stretch looked through. `next_after` is the next call's `after`, while there is `more`."""

    next_after: int
    more: bool
    log_size: int
    as_of: datetime


class OverrideRow(msgspec.Struct, forbid_unknown_fields=True):
    """An override: who granted it and consented, why, and the fact it was used for."""

    seq: int
    received_at: datetime
    day: Uuid
    patient: str | None
    date: str | None
    guard: str
    reason: str
    by: str
    second: str | None
    used_for: str | None


class Overrides(Stretch, forbid_unknown_fields=True, kw_only=True):
    """Overrides, in the order of the log."""

    rows: list[OverrideRow]


class LateRow(msgspec.Struct, forbid_unknown_fields=True):
    """A fact that was received a minute or more after it happened."""

    seq: int
    received_at: datetime
    occurred_at: datetime
    minutes: int
    day: Uuid
    patient: str | None
    date: str | None
    type: str
    reason: str | None
    by: str
    device: str | None


class LateFacts(Stretch, forbid_unknown_fields=True, kw_only=True):
    """Late facts, in the order of the log."""

    rows: list[LateRow]


class AnswerRow(msgspec.Struct, forbid_unknown_fields=True):
    """An alert, with whole minutes from its raising; null where it has not come to that."""

    seq: int
    received_at: datetime
    day: Uuid
    patient: str | None
    date: str | None
    rule: str
    severity: str
    action: str
    acknowledged_min: int | None
    answered_min: int | None
    answered_by: str | None
    escalated_to: list[str]
    closed_min: int | None
    closed: str | None


class AlertAnswers(Stretch, forbid_unknown_fields=True, kw_only=True):
    """Alerts, in the order of their raising."""

    rows: list[AnswerRow]


class ReadRow(msgspec.Struct, forbid_unknown_fields=True):
    """A reading of a day or of the log, a breaking of the glass, or its review."""

    seq: int
    received_at: datetime
    day: Uuid | None
    patient: str | None
    date: str | None
    type: str
    what: str | None
    by: str
    reason: str | None


class Readings(Stretch, forbid_unknown_fields=True, kw_only=True):
    """Readings, in the order of the log."""

    rows: list[ReadRow]


class DaySearch(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Whose day is looked for: by pseudonym, by an identifier's value, or by the beginning of the family name.

    `from` and `to` (dates of the ward) and `ward` narrow it; `after` is `next` of the page before.
    """

    patient: ShortText | None = None
    identifier: ShortText | None = None
    family: ShortText | None = None
    born: date | None = None
    ward: ShortText | None = None
    first: date | None = msgspec.field(default=None, name="from")
    last: date | None = msgspec.field(default=None, name="to")
    after: ShortText | None = None
    limit: Annotated[int, Meta(ge=1, le=DAYS_PER_CALL_MAX)] = DAYS_PER_CALL_MAX


class FoundDay(msgspec.Struct, forbid_unknown_fields=True):
    """A day as it was scheduled, with the ward and state it has now."""

    day_id: Uuid
    patient: dict[str, Any]
    ward: str | None
    date: str | None
    state: str | None
    open: bool


class FoundDays(msgspec.Struct, forbid_unknown_fields=True):
    """Days by date. `next` goes on where one call could not look through all of them."""

    days: list[FoundDay]
    as_of: datetime
    next: str | msgspec.UnsetType = msgspec.UNSET


class EntryOpening(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The very bytes of an entry, in base64, and its RFC 6962 inclusion proof, leaf side first.

    `body` and `salt` are null where two people are still entering something apart (`withheld`) or nothing is left
    (`erased`).
    """

    seq: int
    state: Literal["open", "withheld", "erased"]
    leaf: str
    body: str | None
    salt: str | None
    proof: list[str]


class Opening(EntryOpening, forbid_unknown_fields=True, kw_only=True):
    """The very bytes of one entry, in base64, and its RFC 6962 inclusion proof under the log's first `size` entries."""

    size: int


class Openings(msgspec.Struct, forbid_unknown_fields=True):
    """The openings of a day's entries under the log's first `size`. `next_after` goes on while there is `more`."""

    day_id: Uuid
    size: int
    openings: list[EntryOpening]
    next_after: int
    more: bool
