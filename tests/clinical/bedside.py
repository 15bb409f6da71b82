"""A site in memory: the clinical core, a clock that stands until it is moved, and a log. Nothing else of the service.

It plays rehearsals (`Bedside` is one of the wards a `Player` can play on) in a few hundredths of a second, and it can
lose everything but its log (`restart`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from infusion_service.cli.rehearsal.expectation import Difference, Reply
from infusion_service.cli.rehearsal.in_process import actor
from infusion_service.cli.rehearsal.player import Player, opening
from infusion_service.cli.rehearsal.script import Script
from infusion_service.cli.rehearsal.ward import Call, Person
from infusion_service.clinical.course import Course, course_of
from infusion_service.clinical.day import Day, evolve, new_day
from infusion_service.clinical.decide import Accepted, decide, refused_entry, same_submission, settle, tick
from infusion_service.clinical.observe import next_change_at, observe
from infusion_service.clinical.vocabulary import (
    DOUBLE_CHECK_ENTERED,
    Actor,
    Entry,
    Refusal,
    Submission,
    derived_entry_id,
    parse_time,
)
from infusion_service.clinical.workflow import Workflow, load_workflow
from infusion_service.intake.judge import units_of

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "workflows" / "alemtuzumab.v1.toml"
REHEARSALS = ROOT / "tests" / "rehearsals"

WORKFLOW = load_workflow(SHIPPED.read_bytes(), file=SHIPPED.name)

NURSE = Actor(id="nurse-1", role="nurse")
SECOND_NURSE = Actor(id="nurse-2", role="nurse")
CHARGE_NURSE = Actor(id="charge-nurse-1", role="charge_nurse")
PRESCRIBER = Actor(id="prescriber-1", role="prescriber")
TABLET = Actor(id="tablet-1", role="device", how="device")


class Bedside:
    """All days of a site. `now` only moves forward through `advance`, which appends whatever falls due on the way."""

    def __init__(self, now: datetime, *, workflow: Workflow = WORKFLOW, timezone: str = "Europe/Paris") -> None:
        self.now = now
        self.workflow = workflow
        self.timezone = timezone
        self.days: dict[str, Day] = {}
        self.log: list[Entry] = []
        self.moves_held = False
        self._due: dict[str, datetime | None] = {}

    def course(self, day_id: str) -> Course:
        """The days of the patient whose day this is."""
        patient = self.days[day_id].patient_id
        return course_of(day for day in self.days.values() if day.patient_id == patient)

    def begin(self, data: dict[str, Any], *, by: Actor = NURSE, event_id: str | None = None) -> Accepted | Refusal:
        """Schedule a day; the id of an accepted one is that of its first entry's stream."""
        day_id = str(uuid.uuid4())
        day = new_day(day_id, "demo", self.workflow)
        submission = Submission(
            event_id=event_id or str(uuid.uuid4()),
            day_id=day_id,
            type="day.scheduled",
            actor=by,
            data={**data, "timezone": self.timezone, "missed_cutoff": "12:00"},
        )
        patient = data["patient"]["id"]
        course = course_of(day for day in self.days.values() if day.patient_id == patient)
        return self._keep(decide(course, day, [submission], self.now, moves_held=self.moves_held))

    def submit(self, *submissions: Submission, settled: bool = True) -> Accepted | Refusal:
        """Decide submissions of one day that stand or fall together, and keep what was accepted.

        Without `settled` more of the same batch follows, and the caller settles the day.
        """
        day = self.days[submissions[0].day_id]
        course = self.course(day.day_id)
        elsewhere = self._corrected_elsewhere(submissions)
        decision = decide(
            course,
            day,
            submissions,
            self.now,
            moves_held=self.moves_held,
            corrects_elsewhere=elsewhere is not None,
            settled=settled,
        )
        if elsewhere is not None and isinstance(decision, Accepted):
            struck = self.submit(elsewhere)
            decision = struck if isinstance(struck, Refusal) else decision
        if isinstance(decision, Refusal) and decision.final:
            for submission in submissions:
                entry = refused_entry(day, submission, decision, self.now)
                day = evolve(day, entry)
                self.log.append(entry)
            self.days[day.day_id] = day
        answer = self._keep(decision)
        if settled and isinstance(answer, Accepted):
            self._look_around(day.day_id)
        return answer

    def _look_around(self, day_id: str) -> None:
        """Append what a day that was just posted to makes true of the same patient's other open days."""
        patient = self.days[day_id].patient_id
        for other_id, other in list(self.days.items()):
            if other_id != day_id and other.patient_id == patient and other.open:
                self.tick(other_id)

    def _corrected_elsewhere(self, submissions: Sequence[Submission]) -> Submission | None:
        """The strike that a correction of another day's fact brings with it."""
        first = submissions[0]
        if len(submissions) > 1 or first.corrects is None:
            return None
        for day_id, other in self.days.items():
            if day_id != first.day_id and other.fact(first.corrects) is not None:
                data = {"entry": first.corrects, "reason": f"corrected by {first.event_id} on another day"}
                strike_id = derived_entry_id(day_id, "entry.struck", first.corrects, 1)
                return Submission(event_id=strike_id, day_id=day_id, type="entry.struck", actor=first.actor, data=data)
        return None

    def settle(self, day_id: str, cause: str) -> None:
        """Append what follows from the batch whose last fact on a day is `cause`."""
        day = self.days[day_id]
        self._keep(settle(self.course(day_id), day, self.now, cause=cause, moves_held=self.moves_held))
        self._look_around(day_id)

    def tick(self, day_id: str) -> Sequence[Entry]:
        """Append what has become true of one day."""
        accepted = tick(self.course(day_id), self.days[day_id], self.now, moves_held=self.moves_held)
        self._keep(accepted)
        return accepted.entries

    def advance(self, to: datetime) -> None:
        """Move the clock to `to`, stopping at every moment at which something falls due."""
        while True:
            for day_id in self.days:
                if day_id not in self._due:
                    self._due[day_id] = next_change_at(self.course(day_id), self.days[day_id], self.now)
            due = min(((at, day_id) for day_id, at in self._due.items() if at is not None), default=None)
            if due is None or due[0] > to:
                break
            self.now = max(self.now, due[0])
            self.tick(due[1])
            self._due.pop(due[1], None)
        self.now = max(self.now, to)

    def restart(self) -> None:
        """Lose everything but the log, and fold it again."""
        self.days = folded(self.log, self.workflow)
        self._due = {}

    def view(self, day_id: str) -> dict[str, Any]:
        """The day view as of now."""
        return observe(self.course(day_id), self.days[day_id], self.now)

    def open_alerts(self, day_id: str) -> set[str]:
        """The rules of the open alerts of a day."""
        return {alert.rule for alert in self.days[day_id].ledger.open_list()}

    def _keep(self, decision: Accepted | Refusal) -> Accepted | Refusal:
        if isinstance(decision, Accepted):
            self.log += decision.entries
            self.days[decision.day.day_id] = decision.day
            patient = decision.day.patient_id
            for day_id, day in self.days.items():
                if day.patient_id == patient:
                    self._due.pop(day_id, None)
        return decision


def folded(log: Iterable[Entry], workflow: Workflow = WORKFLOW) -> dict[str, Day]:
    """Every day of a log, folded from nothing."""
    days: dict[str, Day] = {}
    for entry in log:
        day = days.get(entry.stream) or new_day(entry.stream, "demo", workflow)
        days[entry.stream] = evolve(day, entry)
    return days


class BedsideWard:
    """The ward of a rehearsal, played on a bedside."""

    def __init__(self, bedside: Bedside) -> None:
        self.bedside = bedside
        self._answers: dict[str, tuple[Submission, Reply]] = {}

    async def advance(self, to: datetime) -> None:
        self.bedside.advance(to)

    async def schedule(self, person: Person, fact: dict[str, Any]) -> Reply:
        data = {name: value for name, value in fact["data"].items() if name != "workflow"}
        decision = self.bedside.begin(data, by=actor(person), event_id=fact["event_id"])
        day_id = decision.day.day_id if isinstance(decision, Accepted) else ""
        return _reply(fact["event_id"], day_id, decision)

    async def post(self, call: Call) -> Reply:
        return (await self.post_batch([call]))[0]

    async def post_batch(self, calls: Sequence[Call]) -> list[Reply]:
        submissions = [_submission(call) for call in calls]
        replies: list[Reply] = []
        units = units_of(submissions)
        last_of_day: dict[str, str] = {}
        for places in units:
            unit = [submissions[place] for place in places]
            known = self._answers.get(unit[0].event_id)
            if known is not None:
                replies += [replace(self._answers[each.event_id][1], duplicate=True) for each in unit]
                continue
            decision = self.bedside.submit(*unit, settled=len(units) == 1)
            if isinstance(decision, Accepted) and len(units) > 1:
                last_of_day[unit[0].day_id] = unit[-1].event_id
            for submission in unit:
                reply = _reply(submission.event_id, submission.day_id, decision)
                self._answers[submission.event_id] = (submission, reply)
                replies.append(reply)
                if isinstance(decision, Accepted):
                    entry = next(entry for entry in decision.entries if entry.entry_id == submission.event_id)
                    assert same_submission(entry, submission)
        for day_id, cause in last_of_day.items():
            self.bedside.settle(day_id, cause)
        return replies

    async def double_check(self, call: Call) -> Reply:
        submission = Submission(
            event_id=call.fact["event_id"],
            day_id=call.day_id,
            type=DOUBLE_CHECK_ENTERED,
            actor=actor(call.person),
            data={"type": call.fact["type"], "data": call.fact["data"]},
        )
        return _reply(submission.event_id, call.day_id, self.bedside.submit(submission))

    async def view(self, day_id: str) -> dict[str, Any]:
        return self.bedside.view(day_id)

    async def entries(self, after_seq: int) -> list[dict[str, Any]]:
        return [
            {"seq": seq, "stream": entry.stream, "type": entry.type, "data": entry.data}
            for seq, entry in enumerate(self.bedside.log[after_seq:], after_seq + 1)
        ]


async def played(script: Script, workflow: Workflow = WORKFLOW) -> tuple[Bedside, list[Difference]]:
    """Play a rehearsal; return the bedside as it is at the end and what differs from what the script expects."""
    bedside = Bedside(opening(script), workflow=workflow, timezone=script.timezone.key)
    differences = await Player(script, BedsideWard(bedside), workflow).play()
    return bedside, differences


def _submission(call: Call) -> Submission:
    fact = call.fact
    return Submission(
        event_id=fact["event_id"],
        day_id=call.day_id,
        type=fact["type"],
        actor=actor(call.person),
        data=fact["data"],
        second=None if call.second is None else actor(call.second),
        occurred_at=_time(fact, "occurred_at"),
        sent_at=_time(fact, "sent_at"),
        corrects=fact.get("corrects"),
        late_reason=fact.get("late_reason"),
        group=fact.get("group"),
    )


def _time(fact: dict[str, Any], member: str) -> datetime | None:
    return parse_time(fact[member]) if member in fact else None


def _reply(event_id: str, day_id: str, decision: Accepted | Refusal) -> Reply:
    problem = None
    if isinstance(decision, Refusal):
        problem = {"code": decision.code, "detail": decision.detail, **decision.members}
    return Reply(event_id=event_id, day_id=day_id, problem=problem)
