"""The clinical picture: what the facts of a day, read in clinical order, amount to.

Promises: a pure fold. The same facts in the same order give the same picture; `apply` never refuses. A picture is
replaced, not changed: whoever holds one keeps it as it was. Does not: know the order of the log, who was told what
(`ledger`), or the time of day; whatever depends on "now" is derived in `observe`, `checks` and `clock_bands`.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from infusion_service.clinical.dose import Bag, Pump
from infusion_service.clinical.trail import Trail
from infusion_service.clinical.vocabulary import Actor


class Fact(msgspec.Struct, frozen=True):
    """A charted fact in its clinical place. `pos` counts the facts before it; `rules` are those of the open alerts
    that a review named when it was logged (an alert that had closed by then is not closed again). `replaces` is the
    first of the entries that this one corrects: others may still name it."""

    id: str
    type: str
    at: datetime
    data: Mapping[str, Any]
    actor: Actor
    pos: int = 0
    rules: tuple[str, ...] = ()
    received_at: datetime | None = None
    replaces: str = ""


class Reading(msgspec.Struct, frozen=True):
    """The latest value of one sign."""

    value: Any
    at: datetime
    pos: int


class VitalSet(msgspec.Struct, frozen=True):
    """One charted set of vital signs; `values` hold decimals, codes and flags, unrecordable signs as what they count
    as. `wakes` names the alert families that this set could open."""

    fact: Fact
    values: Mapping[str, Any]
    complete: bool
    wakes: frozenset[str] = frozenset()


class ActiveSymptom(msgspec.Struct, frozen=True):
    """A symptom reported and not resolved."""

    code: str
    severity: int | None
    at: datetime
    pos: int


class LabResult(msgspec.Struct, frozen=True):
    """One laboratory result."""

    value: Decimal
    sampled_at: datetime
    reference_high: Decimal | None
    pos: int
    fact_id: str


class ScoreResult(msgspec.Struct, frozen=True):
    """An aggregate score of one complete set, with the totals of the set before it and of the day's first."""

    total: int
    parts: Mapping[str, int]
    pos: int
    before: int | None = None
    first: int | None = None


class Episode(msgspec.Struct, frozen=True):
    """How an alert family stands. `rank` is the open rung, -1 when closed; `closed_pos` is the place after which
    evidence counts as new."""

    rank: int
    raised_at: datetime
    opened_by: str
    evidence: tuple[str, ...]
    closed_at: datetime | None = None
    closed_pos: int = -1
    closed_how: str = ""
    closed_known_at: datetime | None = None
    """When the service learned of a closing by a person, who cannot have seen what was charted after that."""

    @property
    def open(self) -> bool:
        """Whether a rung stands."""
        return self.rank >= 0


class Entered(msgspec.Struct, frozen=True):
    """When and by which place in the order a state was last entered."""

    at: datetime
    pos: int


class Picture(msgspec.Struct, eq=False):
    """All that the facts so far say. Read its attributes; only `fold` makes new ones."""

    state: str | None = None
    entered: Entered | None = None
    entries_into: dict[str, Entered] = {}
    patient: Mapping[str, Any] = {}
    course_number: int = 0
    day_number: int = 0
    day_date: date | None = None
    zone: ZoneInfo | None = None
    cutoff: str = ""
    ward: str = ""
    chair: str = ""
    attested: tuple[Mapping[str, Any], ...] = ()
    planned_dose_mg: Decimal | None = None
    planned_duration_min: int | None = None
    """What was said of this day; None: as the workflow plans it."""
    pump: Pump = Pump()
    bags: dict[str, Bag] = {}
    flush_started_at: datetime | None = None
    flush_ended_at: datetime | None = None
    facts: Trail[Fact] = msgspec.field(default_factory=Trail)
    by_type: dict[str, Trail[Fact]] = {}
    vitals: Trail[VitalSet] = msgspec.field(default_factory=Trail)
    readings: dict[str, Reading] = {}
    baseline: Mapping[str, Any] | None = None
    last_complete: VitalSet | None = None
    scores: dict[str, ScoreResult] = {}
    symptoms: dict[str, ActiveSymptom] = {}
    deficits: frozenset[str] = frozenset()
    baseline_pos: int = -1
    labs: dict[str, tuple[LabResult, ...]] = {}
    samples: dict[str, tuple[datetime, ...]] = {}
    checklist: dict[str, tuple[str, datetime, str]] = {}
    episodes: dict[str, Episode] = {}
    reviewed: dict[str, Reviewed] = {}
    last_at: datetime | None = None
    illegal: tuple[Fact, ...] = ()
    """Moves that were not legal from where they stand, in clinical order."""
    carried: Mapping[str, Any] = {}
    """What the patient's other days say: `first_infusion_at` of the course and earlier `labs`."""

    def copy(self) -> Picture:
        """Return another picture that says the same and may be filled on."""
        return copy(self)

    def last(self, fact_type: str) -> Fact | None:
        """Return the latest fact of a type."""
        facts = self.by_type.get(fact_type)
        return facts[-1] if facts else None

    def of_type(self, fact_type: str) -> Trail[Fact]:
        """Return all facts of a type in clinical order."""
        return self.by_type.get(fact_type) or Trail()

    def local_date(self, moment: datetime) -> date:
        """Return the calendar date of a moment on the ward."""
        return moment.astimezone(self.zone).date() if self.zone else moment.date()


class Reviewed(msgspec.Struct, frozen=True):
    """What a review of an alert family covered: when, where in the order, and the highest value of each sign by
    then."""

    at: datetime
    pos: int
    highest: Mapping[str, Decimal] = {}


def observation_anchor(picture: Picture) -> datetime | None:
    """Return the moment from which the observation counts: the end of the flush where one was given, else the last
    moment the pump ran. None while a flush runs, or when nothing was infused."""
    ran = picture.pump.last_ran_at
    if ran is None or picture.pump.started_at is None or picture.pump.running_since is not None:
        return None
    if picture.flush_started_at is not None and picture.flush_ended_at is None:
        return None
    return max(ran, picture.flush_ended_at) if picture.flush_ended_at is not None else ran
