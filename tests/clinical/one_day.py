"""One infusion day in memory, for tests of the clinical core: people, unremarkable data, and a wall clock.

`post` asks the core; `chart` folds an entry that nobody judged, to bring a day into a state quickly.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from infusion_service.clinical.course import EMPTY_COURSE, Course, with_day
from infusion_service.clinical.day import Day, evolve, new_day
from infusion_service.clinical.decide import Accepted, decide, tick
from infusion_service.clinical.observe import observe
from infusion_service.clinical.vocabulary import (
    DOUBLE_CHECK_ENTERED,
    JSON,
    Actor,
    Entry,
    Refusal,
    Submission,
    cut_to_milliseconds,
    format_time,
)
from infusion_service.clinical.workflow import Workflow, load_workflow

SHIPPED = Path(__file__).parents[2] / "workflows" / "alemtuzumab.v1.toml"
WORKFLOW = load_workflow(SHIPPED.read_bytes(), file=SHIPPED.name)

NURSE = Actor(id="nurse-1", role="nurse")
SECOND_NURSE = Actor(id="nurse-2", role="nurse")
CHARGE_NURSE = Actor(id="charge-nurse-1", role="charge_nurse")
PRESCRIBER = Actor(id="prescriber-1", role="prescriber")
PHARMACIST = Actor(id="pharmacist-1", role="pharmacist")
TABLET = Actor(id="tablet-1", role="device", how="device")

SIGNS: Mapping[str, JSON] = {
    "heart_rate_per_min": 72,
    "systolic_mmhg": 122,
    "diastolic_mmhg": 76,
    "spo2_percent": 98,
    "on_oxygen": False,
    "spo2_scale": 1,
    "respiratory_rate_per_min": 16,
    "temperature_celsius": "36.8",
    "consciousness": "A",
}
NEGATIVE: Mapping[str, JSON] = dict.fromkeys(
    ("balance", "eyes", "face", "arms", "speech", "severe_headache", "neck_pain"), False
)
ECG: Mapping[str, JSON] = {
    "rhythm": "sinus",
    "rate_per_min": 72,
    "st_change": "none",
    "changed_from_baseline": False,
}
BAG: Mapping[str, JSON] = {
    "product": "Lemtrada",
    "batch": "A1234",
    "vial_expires_on": "2027-06-30",
    "prepared_at": "2026-11-23T09:20:00+01:00",
    "diluent": "sodium_chloride_0_9",
    "volume_ml": "101.2",
    "dose_mg": "12",
}
RATE: Mapping[str, JSON] = {"rate_ml_per_h": "25.3"}

TO: Mapping[str, tuple[tuple[str, Mapping[str, JSON]], ...]] = {
    "scheduled": (),
    "checked_in": (("patient.checked_in", {"identity_check": "wristband_scan"}),),
    "screening": (("screening.started", {}),),
    "premedicating": (("screening.passed", {}),),
    "ready": (("premed.completed", {}), ("bag.prepared", BAG)),
    "infusing": (("infusion.started", RATE),),
}
"""What is charted to bring a day from each state to the next, until it infuses."""

ON_FROM_INFUSING: Mapping[str, tuple[tuple[str, Mapping[str, JSON]], ...]] = {
    "paused": (("infusion.paused", {"reason": "technical"}),),
    "emergency": (("emergency.declared", {"reason": "collapse"}),),
    "observing": (("infusion.completed", {}),),
    "extended_observation": (("infusion.stopped", {"reason": "bleeding"}),),
    "discharged": (("infusion.completed", {}), ("patient.discharged", {"alert_card_given": True})),
    "left_early": (("patient.left", {"reason": "refusal"}),),
    "transferred": (
        ("emergency.declared", {"reason": "collapse"}),
        ("patient.transferred", {"destination": "intensive care", "handover_to": "Dr B"}),
    ),
}
INSTEAD_OF_CHECKING_IN: Mapping[str, tuple[tuple[str, Mapping[str, JSON]], ...]] = {
    "deferred": (("day.deferred", {"reason": "febrile"}),),
    "cancelled": (("day.cancelled", {"reason": "pregnant"}),),
    "missed": (("day.missed", {}),),
}


class OneDay:
    """A scheduled day. `now` is where its clock stands; times are wall times ("10:00", "2026-11-24 10:00")."""

    def __init__(
        self,
        *,
        date: str = "2026-11-23",
        timezone: str = "Europe/Paris",
        workflow: Workflow = WORKFLOW,
        number: int = 0,
        **data: JSON,
    ) -> None:
        """`number` tells the ids of several days apart."""
        self._number = number
        self.zone = ZoneInfo(timezone)
        self.date = date
        self.others: Course = EMPTY_COURSE
        self._ids = count(1)
        self.day: Day = new_day(self.new_id(), "demo", workflow)
        self.now = self.at("00:00")
        given = {
            "patient": {"id": "P-1"},
            "course": 1,
            "day": 1,
            "date": date,
            "ward": "neuro-day",
            "timezone": timezone,
            "missed_cutoff": "12:00",
            **data,
        }
        self.chart("day.scheduled", {name: value for name, value in given.items() if value is not None})

    def new_id(self) -> str:
        """An id like any other; they count, so that a failure reads the same every time."""
        return f"{self._number:08d}-0000-4000-8000-{next(self._ids):012d}"

    def at(self, clock: str) -> datetime:
        """The moment of a wall time, on the date of the day unless another is written."""
        text = clock if " " in clock else f"{self.date} {clock}"
        return cut_to_milliseconds(datetime.fromisoformat(text).replace(tzinfo=self.zone))

    @property
    def course(self) -> Course:
        """The patient's days, this one as it stands."""
        return with_day(self.others, self.day)

    def chart(self, fact_type: str, data: Mapping[str, JSON], at: str | None = None, by: Actor = NURSE) -> Entry:
        """Fold a fact that nobody judged."""
        if at is not None:
            self.now = self.at(at)
        entry = Entry(
            entry_id=self.new_id(),
            kind="fact",
            type=fact_type,
            stream=self.day.day_id,
            occurred_at=self.now,
            received_at=self.now,
            actor=by,
            data=_in_utc(data),
            day_version=self.day.version + 1,
        )
        self.day = evolve(self.day, entry)
        return entry

    def brought_to(self, state: str, at: str | None = None) -> OneDay:
        """Chart what leads to a state, all at one moment."""
        if at is not None:
            self.now = self.at(at)
        if state in INSTEAD_OF_CHECKING_IN:
            steps = list(INSTEAD_OF_CHECKING_IN[state])
        else:
            until = state if state in TO else "infusing"
            names = list(TO)
            steps = [step for name in names[: names.index(until) + 1] for step in TO[name]]
            steps += ON_FROM_INFUSING.get(state, ())
        for fact_type, data in steps:
            self.chart(fact_type, data)
        assert self.day.state == state
        return self

    def brought_on(self, at: str) -> OneDay:
        """Chart what leads from where the day stands to the infusion, all at one moment."""
        self.now = self.at(at)
        names = list(TO)
        for fact_type, data in (step for name in names[names.index(str(self.day.state)) + 1 :] for step in TO[name]):
            self.chart(fact_type, data)
        return self

    def submission(
        self, fact_type: str, data: JSON = None, *, by: Actor | None = None, occurred_at: str | None = None, **more: Any
    ) -> Submission:
        """A fact by the first role that may post it, unless somebody is named."""
        fact = self.day.workflow.facts.get(fact_type)
        role = fact.by[0] if fact is not None and fact.by else "nurse"
        return Submission(
            event_id=self.new_id(),
            day_id=self.day.day_id,
            type=fact_type,
            actor=by or Actor(id=f"{role}-1", role=role),
            data={} if data is None else data,
            occurred_at=None if occurred_at is None else self.at(occurred_at),
            **more,
        )

    def post(self, fact_type: str, data: JSON = None, at: str | None = None, **more: Any) -> Accepted | Refusal:
        """Let the core judge a fact, and keep what it accepts."""
        if at is not None:
            self.now = self.at(at)
        return self.keep(decide(self.course, self.day, [self.submission(fact_type, data, **more)], self.now))

    def keep(self, answer: Accepted | Refusal) -> Accepted | Refusal:
        """Go on from the day of an accepted decision."""
        if isinstance(answer, Accepted):
            self.day = answer.day
        return answer

    def double_check(
        self, fact_type: str, data: JSON, at: str | None = None, by: Actor = SECOND_NURSE, **more: Any
    ) -> Accepted | Refusal:
        """Enter a fact blind, as the first of two people."""
        return self.post(DOUBLE_CHECK_ENTERED, {"type": fact_type, "data": data}, at, by=by, **more)

    def pass_to(self, clock: str) -> Accepted:
        """Let time pass, and append what has become true."""
        self.now = self.at(clock)
        answer = tick(self.course, self.day, self.now)
        self.day = answer.day
        return answer

    def view(self) -> dict[str, JSON]:
        """The day view as of now."""
        return observe(self.course, self.day, self.now)


def accepted(answer: Accepted | Refusal) -> Accepted:
    """The decision, which was no refusal."""
    assert isinstance(answer, Accepted), answer
    return answer


def refused(answer: Accepted | Refusal) -> Refusal:
    """The refusal, which was no acceptance."""
    assert isinstance(answer, Refusal), answer
    return answer


def _in_utc(data: Mapping[str, JSON]) -> dict[str, JSON]:
    """Write times as the log holds them."""
    return {
        name: format_time(cut_to_milliseconds(datetime.fromisoformat(value)))
        if name.endswith("_at") and isinstance(value, str)
        else value
        for name, value in data.items()
    }
