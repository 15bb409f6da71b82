"""A ward reached without HTTP: the real intake on a real SQLite file, people as the actors they would sign in as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from infusion_service.bootstrap import Service
from infusion_service.cli.rehearsal.expectation import Reply
from infusion_service.cli.rehearsal.ward import Call, Person
from infusion_service.clinical.vocabulary import DOUBLE_CHECK_ENTERED, Actor, Device, Submission, parse_time
from infusion_service.intake.outcome import Outcome

TABLET = Device(id="tablet-1")

ENTRIES_PER_READ = 1000


class InProcessWard:
    """Hands submissions to the intake of an open service on a simulated clock."""

    def __init__(self, service: Service) -> None:
        """Play on `service`."""
        self._service = service

    async def advance(self, to: datetime) -> None:
        """Move the clock forward through everything that falls due."""
        await self._service.watch.advance(to)

    async def schedule(self, person: Person, fact: dict[str, Any]) -> Reply:
        """Schedule a day."""
        submission = Submission(
            event_id=fact["event_id"],
            day_id="",
            type=self._service.intake.scheduling_fact(fact["data"].get("workflow")),
            actor=actor(person),
            data=fact["data"],
            device=TABLET,
        )
        return _reply(submission, await self._service.intake.submit(submission))

    async def post(self, call: Call) -> Reply:
        """Post one fact."""
        submission = _submission(call)
        return _reply(submission, await self._service.intake.submit(submission))

    async def post_batch(self, calls: Sequence[Call]) -> list[Reply]:
        """Post several facts as one batch."""
        submissions = [_submission(call) for call in calls]
        outcomes = await self._service.intake.submit_batch(submissions)
        return [_reply(submission, outcome) for submission, outcome in zip(submissions, outcomes, strict=True)]

    async def double_check(self, call: Call) -> Reply:
        """Enter a fact as the first of two independent people."""
        submission = Submission(
            event_id=call.fact["event_id"],
            day_id=call.day_id,
            type=DOUBLE_CHECK_ENTERED,
            actor=actor(call.person),
            data={"type": call.fact["type"], "data": call.fact["data"]},
            device=TABLET,
        )
        return _reply(submission, await self._service.intake.submit(submission))

    async def view(self, day_id: str) -> dict[str, Any]:
        """Return the day view as of now."""
        view = await self._service.intake.view(day_id)
        if view is None:
            raise LookupError(day_id)
        return view

    async def entries(self, after_seq: int) -> list[dict[str, Any]]:
        """Return the log's entries after `after_seq`."""
        page = await self._service.intake.log_page(after_seq, ENTRIES_PER_READ)
        return [entry.as_json() for entry in page]


def actor(person: Person) -> Actor:
    """Return the actor a person is recorded as, without the credential that would prove it."""
    if person.role == "device":
        return Actor(id=TABLET.id, role="device", how="device")
    how = "token" if person.role in ("integration", "auditor", "admin") else "session"
    return Actor(id=staff_id(person), role=person.role, how=how)


def staff_id(person: Person) -> str:
    """Return the id a person of the rehearsal has on the ward's staff list."""
    return f"{person.role.replace('_', '-')}-{person.number}"


def _submission(call: Call) -> Submission:
    fact = call.fact
    return Submission(
        event_id=fact["event_id"],
        day_id=call.day_id,
        type=fact["type"],
        actor=actor(call.person),
        data=fact["data"],
        occurred_at=_time(fact, "occurred_at"),
        sent_at=_time(fact, "sent_at"),
        second=None if call.second is None else actor(call.second),
        device=TABLET,
        corrects=fact.get("corrects"),
        late_reason=fact.get("late_reason"),
        group=fact.get("group"),
    )


def _time(fact: Mapping[str, Any], member: str) -> datetime | None:
    return parse_time(fact[member]) if member in fact else None


def _reply(submission: Submission, outcome: Outcome) -> Reply:
    refusal = outcome.refusal
    problem = None
    if refusal is not None:
        problem = {"code": refusal.code, "detail": refusal.detail, **refusal.members}
    receipt = outcome.receipt or {}
    return Reply(
        event_id=submission.event_id,
        day_id=str(receipt.get("day_id", submission.day_id)),
        duplicate=outcome.replayed,
        problem=problem,
    )
