"""What the clinical core costs by itself: microseconds a fact, on a day of 150 facts and on one of 5,000.

`python -m bench.clinical_core`. One process, no log, no clock. A day's facts are those of an infusion that is watched
closely: mostly complete sets of vital signs, of which some raise and close an alert. "At" a size means the last facts
of a day of that size; processor time, so that what else the machine does counts little.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.figures import Figure, header, row
from infusion_service import packaged
from infusion_service.clinical.course import Course, course_of
from infusion_service.clinical.day import Day, evolve, new_day
from infusion_service.clinical.decide import Accepted, decide
from infusion_service.clinical.observe import observe
from infusion_service.clinical.vocabulary import Actor, Entry, Submission
from infusion_service.clinical.workflow import Workflow, load_workflow

SHORT = 150
LONG = 5_000
LAST = 100
"""The facts at the end of a day whose cost is taken."""
RUNS_OF_A_DAY = 3
US = 1_000_000
FOLD_US_GOAL = 40.0
DECIDE_US_GOAL = 60.0
OBSERVE_US_GOAL = 400.0
GROWTH_GOAL = 2.0

NURSE = Actor(id="nurse-1", role="nurse")
PRESCRIBER = Actor(id="prescriber-1", role="prescriber")
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
INFUSION = timedelta(hours=4)

BEFORE: Sequence[tuple[str, dict[str, Any]]] = (
    (
        "day.scheduled",
        {
            "patient": {"id": "P-1"},
            "course": 1,
            "day": 1,
            "date": "2026-11-23",
            "ward": "neuro-day",
            "timezone": "Europe/Paris",
            "missed_cutoff": "12:00",
        },
    ),
    ("patient.checked_in", {"identity_check": "wristband_scan"}),
    ("screening.started", {}),
    ("screening.passed", {}),
    ("premed.completed", {}),
    (
        "bag.prepared",
        {
            "product": "P",
            "batch": "A1",
            "vial_expires_on": "2027-06-30",
            "prepared_at": "2026-11-23T08:20:00.000Z",
            "diluent": "glucose_5",
            "volume_ml": "101.2",
            "dose_mg": "12",
        },
    ),
    ("infusion.started", {"rate_ml_per_h": "25.3"}),
)


@dataclass(frozen=True, slots=True)
class Watched:
    """A day under infusion, with the facts that follow."""

    start: Day
    facts: tuple[Submission, ...]

    @classmethod
    def of(cls, workflow: Workflow, size: int) -> Watched:
        """Make a day of so many facts, spread over the infusion."""
        day = new_day(_id(0), "bench", workflow)
        for number, (fact_type, data) in enumerate(BEFORE, start=1):
            day = evolve(day, _charted(day, number, fact_type, data))
        step = INFUSION / size
        facts = tuple(_submission(number, START + number * step) for number in range(len(BEFORE) + 1, size + 1))
        return cls(day, facts)

    def decided(self) -> tuple[Day, list[Entry], list[float]]:
        """Let the core judge every fact; return the day, its entries, and the seconds of each decision."""
        day = self.start
        entries: list[Entry] = []
        seconds: list[float] = []
        for submission in self.facts:
            assert submission.occurred_at is not None
            course = course_of([day])
            began = time.process_time()
            answer = decide(course, day, [submission], submission.occurred_at)
            seconds.append(time.process_time() - began)
            assert isinstance(answer, Accepted), answer
            entries += answer.entries
            day = answer.day
        return day, entries, seconds

    def folded(self, entries: Sequence[Entry]) -> list[float]:
        """Fold the entries in order; return the seconds of each fact."""
        day = self.start
        seconds: list[float] = []
        for entry in entries:
            began = time.process_time()
            day = evolve(day, entry)
            if entry.kind == "fact":
                seconds.append(time.process_time() - began)
        return seconds


def _id(number: int) -> str:
    return f"0197c0de-7000-7000-8000-{number:012d}"


def _charted(day: Day, number: int, fact_type: str, data: dict[str, Any]) -> Entry:
    return Entry(
        entry_id=_id(number),
        kind="fact",
        type=fact_type,
        stream=day.day_id,
        occurred_at=START,
        received_at=START,
        actor=PRESCRIBER,
        data=data,
        day_version=day.version + 1,
    )


def _submission(number: int, at: datetime) -> Submission:
    fact_type, data = _fact(number)
    return Submission(event_id=_id(number), day_id=_id(0), type=fact_type, actor=NURSE, data=data, occurred_at=_cut(at))


def _cut(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _fact(number: int) -> tuple[str, dict[str, Any]]:
    """Return the fact in a place of the day: of twenty, sixteen sets (one is high), two checks and two notes."""
    place = number % 20
    if place in (5, 15):
        signs = ("balance", "eyes", "face", "arms", "speech", "severe_headache", "neck_pain")
        return "befast.checked", dict.fromkeys(signs, False)
    if place in (6, 16):
        return "note.added", {"text": "asleep"}
    return "vitals.recorded", {
        "heart_rate_per_min": 70 + number % 7,
        "systolic_mmhg": 162 if place == 0 else 120 + number % 9,
        "diastolic_mmhg": 76,
        "spo2_percent": 98,
        "on_oxygen": False,
        "spo2_scale": 1,
        "respiratory_rate_per_min": 16,
        "temperature_celsius": "36.8",
        "consciousness": "A",
    }


def measured() -> Iterator[Figure]:
    """Every figure, the short day's before the long one's."""
    raw = next(path for path in sorted(packaged.workflows_dir().glob("*.toml"))).read_bytes()
    workflow = load_workflow(raw, file="workflow")
    seen = {size: _at(workflow, size) for size in (SHORT, LONG)}
    goals = {"fold": FOLD_US_GOAL, "decide": DECIDE_US_GOAL, "observe": OBSERVE_US_GOAL}
    for what in ("fold", "decide", "observe"):
        for size in (SHORT, LONG):
            goal = goals.get(what) if size == SHORT else None
            yield Figure(name=f"{what} at {size:,} facts, a fact", seen=seen[size][what], unit="us", goal=goal)
    for what in ("fold", "decide", "observe"):
        ratio = seen[LONG][what] / seen[SHORT][what]
        yield Figure(name=f"{what} at {LONG:,} facts to {SHORT}", seen=ratio, unit="x", goal=GROWTH_GOAL)


def _at(workflow: Workflow, size: int) -> dict[str, float]:
    """Microseconds of processor time a fact, at the end of a day of a size."""
    watched = Watched.of(workflow, size)
    runs = [watched.decided() for _ in range(RUNS_OF_A_DAY)]
    day, entries, _ = runs[0]
    course, now = course_of([day]), START + INFUSION
    return {
        "fold": _last([watched.folded(entries) for _ in range(RUNS_OF_A_DAY)]),
        "decide": _last([seconds for _, _, seconds in runs]),
        "observe": _observing(course, day, now),
    }


def _last(runs: Sequence[Sequence[float]]) -> float:
    """The mean of the last facts of a day, the best of its runs: what else the machine does only ever adds."""
    return min(statistics.fmean(seconds[-LAST:]) for seconds in runs) * US


def _observing(course: Course, day: Day, now: datetime) -> float:
    runs = []
    for _ in range(RUNS_OF_A_DAY):
        began = time.process_time()
        for _ in range(LAST):
            observe(course, day, now)
        runs.append((time.process_time() - began) / LAST)
    return min(runs) * US


def main() -> None:
    """Print the table."""
    print(header())
    for figure in measured():
        print(row(figure), flush=True)


if __name__ == "__main__":
    main()
