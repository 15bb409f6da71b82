"""A year of days on which people stop charting, and what must become true of each by itself: the schedule of timers.

Each kind of day is a handful of facts and a table of what follows, written from the protocol by hand (minutes after the
start of the infusion): a check turns red 10 min after it fell due, a critical alert goes up after 2 and 4 min, a high
one after 15, a bag is good for 8 h. The drill holds the log against this table, never against the code's own idea.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from infusion_service.clinical.vocabulary import DOUBLE_CHECK_ENTERED, Actor, Entry, Submission, format_time
from tests.intake.ward import NURSE, PRESCRIBER, SECOND_NURSE, SIGNS, TABLET

NEW_YEAR = date(2026, 1, 5)
DATES = 365
ZONE = ZoneInfo("Europe/Paris")
START = time(9, tzinfo=UTC)
"""When an infusion begins: 10:00 on the ward in winter, 11:00 in summer, in time for the cut-off at noon."""

PATIENTS = uuid.UUID("00000000-0000-4000-8000-00000000a11e")
CLEAR = dict.fromkeys(("balance", "eyes", "face", "arms", "speech", "severe_headache", "neck_pain"), False)
ITEMS = (
    "hypersensitivity", "hiv", "severe_infection", "uncontrolled_hypertension", "arterial_dissection_history",
    "stroke_history", "angina_or_mi_history", "coagulopathy", "antiplatelet_or_anticoagulant",
    "other_autoimmune_disease", "consent", "intensive_care_access", "labs_in_window", "pregnancy_excluded",
    "herpes_prophylaxis_prescribed", "alert_card_explained",
)  # fmt: skip
BAG = {"product": "Lemtrada", "batch": "A1234", "diluent": "sodium_chloride_0_9", "volume_ml": "101.2", "dose_mg": 12}
RATE = {"rate_ml_per_h": "25.3"}


@dataclass(frozen=True, slots=True)
class Charted:
    """One fact of a kind of day, so many minutes after the start; the second person's blind entry has a `blind`."""

    after_min: int
    type: str
    data: Mapping[str, Any]
    by: Actor = NURSE
    blind: bool = False


@dataclass(frozen=True, slots=True)
class Timer:
    """Something that becomes true by itself: type, what of (rule or check), which stage or end, and when."""

    type: str
    of: str
    what: str
    after_min: int
    just_after: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A kind of day: what is charted from the start on, and the timers that fire because nothing more is."""

    name: str
    infused: bool
    charted: tuple[Charted, ...] = ()
    timers: tuple[Timer, ...] = ()


def _overdue(check: str, after_min: int) -> Timer:
    return Timer("check.overdue", check, "", after_min)


def _raised(rule: str, severity: str, after_min: int, *, just_after: bool = False) -> Timer:
    return Timer("alert.raised", rule, severity, after_min, just_after)


def _replaced(rule: str, after_min: int, *, just_after: bool = False) -> Timer:
    return Timer("alert.closed", rule, "superseded", after_min, just_after)


def _up(rule: str, to: str, after_min: int, *, just_after: bool = False) -> Timer:
    return Timer("alert.escalated", rule, f"unacknowledged:{to}", after_min, just_after)


def _unanswered(rule: str, after_min: int) -> Timer:
    return Timer("alert.escalated", rule, "unanswered", after_min)


NOBODY_CAME = Kind("nobody came", infused=False)
FORGOTTEN = Kind(
    "forgotten while it runs, with a racing heart",
    infused=True,
    charted=(Charted(5, "vitals.recorded", {**SIGNS, "heart_rate_per_min": 140}),),
    timers=(
        _unanswered("heart-rate", 7), _up("heart-rate", "charge_nurse", 7), _up("heart-rate", "prescriber", 9),
        _overdue("vitals", 5 + 15 + 10), _overdue("befast", 60 + 10),
        _raised("vitals-gap", "critical", 5 + 60),
        _up("vitals-gap", "charge_nurse", 67), _up("vitals-gap", "prescriber", 69),
        _raised("end-overdue", "medium", 240 + 5),
        _replaced("end-overdue", 255), _raised("end-overdue", "high", 240 + 15),
        _up("end-overdue", "charge_nurse", 270),
        _raised("bag-expiry", "high", 440 - 30), _up("bag-expiry", "charge_nurse", 425),
        _replaced("bag-expiry", 440), _raised("bag-expiry", "critical", -40 + 480), _unanswered("bag-expiry", 441),
        _up("bag-expiry", "charge_nurse", 442), _up("bag-expiry", "prescriber", 444),
    ),
)  # fmt: skip
PAUSED = Kind(
    "a pause that nobody ends",
    infused=True,
    charted=(
        Charted(15, "vitals.recorded", SIGNS),
        Charted(30, "infusion.paused", {"reason": "technical"}),
    ),
    timers=(
        _overdue("vitals", 30 + 15 + 10),
        _raised("pause-long", "medium", 30 + 15, just_after=True),
        _replaced("pause-long", 150, just_after=True), _raised("pause-long", "high", 30 + 120, just_after=True),
        _up("pause-long", "charge_nurse", 165, just_after=True),
        _raised("bag-expiry", "high", 410), _up("bag-expiry", "charge_nurse", 425),
    ),
)  # fmt: skip
LEFT = Kind(
    "left, and called back late each time",
    infused=True,
    charted=(
        Charted(15, "vitals.recorded", SIGNS),
        Charted(20, "patient.left", {"reason": "refusal"}),
        Charted(20 + 5 * 60, "callback.recorded", {"reached": True, "symptoms": [], "advice": "none"}),
        Charted(20 + 25 * 60, "callback.recorded", {"reached": True, "symptoms": [], "advice": "none"}),
    ),
    timers=(
        _up("left-early", "charge_nurse", 35),
        _overdue("callback", 20 + 4 * 60 + 10), _overdue("callback", 20 + 24 * 60 + 10),
        _overdue("callback", 20 + 48 * 60 + 10),
    ),
)  # fmt: skip
STOPPED = Kind(
    "stopped by a locked tablet",
    infused=True,
    charted=(
        Charted(15, "vitals.recorded", SIGNS),
        Charted(20, "infusion.stopped", {"reason": "line_lost"}, by=TABLET),
    ),
    timers=(
        _overdue("vitals", 20 + 10), _raised("unattributed", "medium", 20 + 60), _overdue("befast", 20 + 60 + 10),
    ),
)  # fmt: skip
KINDS = (NOBODY_CAME, FORGOTTEN, PAUSED, LEFT, STOPPED)

OF_THE_CLOCK = frozenset({"day.missed", "check.overdue", "alert.raised", "alert.closed", "alert.escalated"})


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """One day of the year."""

    number: int
    kind: Kind
    date: date
    starts: time = START
    zone: ZoneInfo = ZONE

    @property
    def patient(self) -> str:
        """The patient's pseudonym."""
        return f"P-{self.number}"

    @property
    def start(self) -> datetime:
        """When the infusion starts, if it does."""
        return datetime.combine(self.date, self.starts)

    def event_id(self, name: object) -> str:
        """The id of one of the day's facts: the same in every run."""
        return str(uuid.uuid5(PATIENTS, f"{self.number}/{name}"))

    def expected(self) -> list[tuple[str, str, str, str]]:
        """What must be in the log of this day, each exactly once: (when, type, what of, which)."""
        if not self.kind.infused:
            noon = datetime.combine(self.date, time(12), tzinfo=self.zone).astimezone(UTC)
            return [(format_time(noon), "day.missed", "", "")]
        return sorted(
            (format_time(self.start + timedelta(minutes=timer.after_min, milliseconds=int(timer.just_after))),
             timer.type, timer.of, timer.what)
            for timer in self.kind.timers
        )  # fmt: skip


def planned(days_of_kind: Mapping[Kind, int], chance: random.Random) -> list[PlannedDay]:
    """So many days of each kind, on dates that chance spreads over the year."""
    kinds = [kind for kind, count in days_of_kind.items() for _ in range(count)]
    return [
        PlannedDay(number, kind, NEW_YEAR + timedelta(days=chance.randrange(DATES)))
        for number, kind in enumerate(kinds)
    ]


def scheduling(day: PlannedDay) -> Submission:
    """The fact that makes the day."""
    data = {"patient": {"id": day.patient}, "course": 1, "day": 1, "date": day.date.isoformat(), "ward": "neuro-day"}
    return Submission(event_id=day.event_id("scheduled"), day_id="", type="day.scheduled", actor=NURSE, data=data)


def hours_before(start: datetime) -> tuple[Charted, ...]:
    """What was charted from the check-in to the start of an infusion at `start`."""
    bag = {
        **BAG,
        "prepared_at": format_time(start - timedelta(minutes=40)),
        "vial_expires_on": (start.date() + timedelta(days=365)).isoformat(),
    }
    steroid = {
        "class": "corticosteroid", "drug": "methylprednisolone", "dose_mg": 1000, "route": "iv",
        "started_at": format_time(start - timedelta(minutes=90)),
        "ended_at": format_time(start - timedelta(minutes=30)),
    }  # fmt: skip
    ecg = {"rhythm": "sinus", "rate_per_min": 72, "st_change": "none", "changed_from_baseline": False}
    return (
        Charted(-120, "patient.checked_in", {"identity_check": "two_identifiers"}),
        Charted(-115, "screening.started", {}),
        Charted(-110, "checklist.recorded", {"items": [{"item": item, "result": "clear"} for item in ITEMS]}),
        Charted(-108, "ecg.recorded", ecg),
        Charted(-106, "befast.checked", CLEAR),
        Charted(-105, "vitals.recorded", SIGNS),
        Charted(-100, "screening.passed", {}, by=PRESCRIBER),
        Charted(-95, "premed.given", {"class": "antiviral", "drug": "aciclovir", "dose_mg": 200, "route": "oral"}),
        Charted(-30, "premed.given", steroid),
        Charted(-29, "premed.completed", {}),
        Charted(-20, "bag.prepared", bag, by=SECOND_NURSE, blind=True),
        Charted(-20, "bag.prepared", bag),
        Charted(-10, "vitals.recorded", SIGNS),
        Charted(0, "infusion.started", RATE, by=SECOND_NURSE, blind=True),
        Charted(0, "infusion.started", RATE),
    )


def submission(day: PlannedDay, day_id: str, number: int, charted: Charted) -> Submission:
    """One fact of the day as it is handed in."""
    data: dict[str, Any] = dict(charted.data)
    return Submission(
        event_id=day.event_id(number),
        day_id=day_id,
        type=DOUBLE_CHECK_ENTERED if charted.blind else charted.type,
        actor=charted.by,
        second=SECOND_NURSE if charted.type in ("bag.prepared", "infusion.started") and not charted.blind else None,
        data={"type": charted.type, "data": data} if charted.blind else data,
        occurred_at=day.start + timedelta(minutes=charted.after_min),
        late_reason="charted by a tablet without network",
    )


def appointments(days: Sequence[PlannedDay]) -> Iterator[tuple[datetime, PlannedDay, tuple[tuple[int, Charted], ...]]]:
    """What people do all year, in the order of time: (when, on which day, which facts, numbered)."""
    visits = []
    for day in days:
        if not day.kind.infused:
            continue
        before = tuple(enumerate(hours_before(day.start)))
        visits.append((day.start, day, before))
        for number, charted in enumerate(day.kind.charted, len(before)):
            visits.append((day.start + timedelta(minutes=charted.after_min), day, ((number, charted),)))
    yield from sorted(visits, key=lambda visit: (visit[0], visit[1].number))


def told(entries: Sequence[Entry]) -> list[tuple[str, str, str, str]]:
    """What the service appended by itself because time passed, as `PlannedDay.expected` writes it."""
    return sorted(
        (
            format_time(entry.occurred_at),
            entry.type,
            str(entry.data.get("rule", entry.data.get("check", ""))),
            str(entry.data.get("stage") or entry.data.get("severity") or entry.data.get("reason") or ""),
        )
        for entry in entries
        if entry.kind == "derived" and entry.cause is None and entry.type in OF_THE_CLOCK
    )
