"""The clinical picture: what the facts of a day, read in clinical order, amount to.

Promises: a pure fold. The same facts in the same order give the same picture; `apply` never refuses. A picture is
replaced, not changed: whoever holds one keeps it as it was. Does not: know the order of the log, who was told what
(`ledger`), or the time of day; whatever depends on "now" is derived in `observe`, `checks` and `clock_bands`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from infusion_service.clinical.dose import Bag, Pump
from infusion_service.clinical.trail import Trail
from infusion_service.clinical.vocabulary import Actor


@dataclass(frozen=True, slots=True)
class Fact:
    """A charted fact in its clinical place. `pos` counts the facts before it; `rules` are those of the open alerts
    that a review named when it was logged (an alert that had closed by then is not closed again)."""

    id: str
    type: str
    at: datetime
    data: Mapping[str, Any]
    actor: Actor
    pos: int = 0
    rules: tuple[str, ...] = ()
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The latest value of one sign."""

    value: Any
    at: datetime
    pos: int


@dataclass(frozen=True, slots=True)
class VitalSet:
    """One charted set of vital signs; `values` hold decimals, codes and flags, unrecordable signs as what they count
    as."""

    fact: Fact
    values: Mapping[str, Any]
    complete: bool


@dataclass(frozen=True, slots=True)
class ActiveSymptom:
    """A symptom reported and not resolved."""

    code: str
    severity: int | None
    at: datetime
    pos: int


@dataclass(frozen=True, slots=True)
class LabResult:
    """One laboratory result."""

    value: Decimal
    sampled_at: datetime
    reference_high: Decimal | None
    pos: int
    fact_id: str


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """An aggregate score of one complete set."""

    total: int
    parts: Mapping[str, int]
    pos: int


@dataclass(frozen=True, slots=True)
class Episode:
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


@dataclass(frozen=True, slots=True)
class Entered:
    """When and by which place in the order a state was last entered."""

    at: datetime
    pos: int


_SHARED = (
    "state", "entered", "entries_into", "patient", "course_number", "day_number", "day_date", "zone", "cutoff", "ward",
    "chair", "attested", "pump", "bags", "flush_started_at", "flush_ended_at", "facts", "by_type", "vitals", "readings",
    "baseline", "last_complete", "scores", "symptoms", "deficits", "baseline_pos", "labs", "samples", "checklist",
    "episodes", "reviewed", "last_at", "illegal", "carried",
)  # fmt: skip


class Picture:
    """All that the facts so far say. Read its attributes; only `fold` makes new ones."""

    __slots__ = _SHARED

    def __init__(self) -> None:
        """Start with nothing charted."""
        self.state: str | None = None
        self.entered: Entered | None = None
        self.entries_into: dict[str, Entered] = {}
        self.patient: Mapping[str, Any] = {}
        self.course_number = 0
        self.day_number = 0
        self.day_date: date | None = None
        self.zone: ZoneInfo | None = None
        self.cutoff = ""
        self.ward = ""
        self.chair = ""
        self.attested: tuple[Mapping[str, Any], ...] = ()
        self.pump = Pump()
        self.bags: dict[str, Bag] = {}
        self.flush_started_at: datetime | None = None
        self.flush_ended_at: datetime | None = None
        self.facts: Trail[Fact] = Trail()
        self.by_type: dict[str, Trail[Fact]] = {}
        self.vitals: Trail[VitalSet] = Trail()
        self.readings: dict[str, Reading] = {}
        self.baseline: Mapping[str, Any] | None = None
        self.last_complete: VitalSet | None = None
        self.scores: dict[str, ScoreResult] = {}
        self.symptoms: dict[str, ActiveSymptom] = {}
        self.deficits: frozenset[str] = frozenset()
        self.baseline_pos = -1
        self.labs: dict[str, tuple[LabResult, ...]] = {}
        self.samples: dict[str, tuple[datetime, ...]] = {}
        self.checklist: dict[str, tuple[str, datetime, str]] = {}
        self.episodes: dict[str, Episode] = {}
        self.reviewed: dict[str, Reviewed] = {}
        self.last_at: datetime | None = None
        self.illegal: tuple[Fact, ...] = ()
        """Moves that were not legal from where they stand, in clinical order."""
        self.carried: Mapping[str, Any] = {}
        """What the patient's other days say: `first_infusion_at` of the course and earlier `labs`."""

    def copy(self) -> Picture:
        """Return another picture that says the same and may be filled on."""
        other = Picture.__new__(Picture)
        for name in _SHARED:
            setattr(other, name, getattr(self, name))
        return other

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


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a review of an alert family covered: when, where in the order, and the highest value of each sign by
    then."""

    at: datetime
    pos: int
    highest: Mapping[str, Decimal] = field(default_factory=dict)
