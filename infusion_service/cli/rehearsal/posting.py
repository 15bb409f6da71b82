"""Posting what a script says: facts, batches, new days, with the second person each needs.

Promises: what was posted under a label can be referred to and sent again, byte for byte. Does not: compare or move the
clock (`player`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from infusion_service.cli.rehearsal import composition
from infusion_service.cli.rehearsal.expectation import Reply
from infusion_service.cli.rehearsal.scene import Gains, PlayedDay, Scene
from infusion_service.cli.rehearsal.script import GivenDay, Post, Script, SecondPerson
from infusion_service.cli.rehearsal.strict import ScriptInvalid
from infusion_service.cli.rehearsal.ward import Call, Ward
from infusion_service.clinical.vocabulary import format_time
from infusion_service.clinical.workflow import Workflow
from infusion_service.intake.identifiers import new_id

SECOND_PERSON_REQUIRED = "second_person_required"

AS_WRITTEN = timedelta()

Vary = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class _Composed(NamedTuple):
    """A fact ready to be posted, and what the independent second person enters before, if anybody."""

    call: Call
    double_check: Call | None


class Posting:
    """Composes and posts; knows what was posted under which label."""

    def __init__(
        self,
        script: Script,
        ward: Ward,
        workflow: Workflow,
        *,
        scene: Scene,
        gains: Gains,
        unremarkable: Mapping[str, Any],
        vary: Vary,
    ) -> None:
        """`unremarkable` are the values of signs that nothing is said of; `vary` changes each filled set of signs."""
        self._script = script
        self._ward = ward
        self._workflow = workflow
        self._scene = scene
        self._gains = gains
        self._unremarkable = unremarkable
        self._vary = vary
        self._event_ids: dict[str, str] = {}
        self._replays: dict[str, Callable[[], Awaitable[list[Reply]]]] = {}

    async def schedule(
        self, given: GivenDay, details: Mapping[str, Any], *, by: str | None = None, label: str | None = None
    ) -> Reply:
        """Schedule a day and, when it is accepted, add it to the scene. `details` joins the fact's data."""
        fact_type = self._workflow.only_of_meaning("scheduling")
        version = self._script.workflow_version
        data = {
            **details,
            "patient": {**details.get("patient", {}), "id": given.patient},
            "workflow": self._script.workflow + (f"@{version}" if version is not None else ""),
            "course": given.course,
            "day": given.day,
            "date": given.date.isoformat(),
            **given.data,
            **self._stated(fact_type, "baseline_deficits", given.baseline_deficits),
            **self._stated(fact_type, "attested_history", given.attested_history),
        }
        fact = {"event_id": self._new_id(), "data": data}
        person = composition.poster(Post(type=fact_type, by=by), self._workflow.facts[fact_type])

        async def send() -> list[Reply]:
            return [await self._ward.schedule(person, fact)]

        reply = (await send())[0]
        if label is not None:
            self._event_ids[label] = reply.event_id
            self._replays[label] = send
        if reply.refused is None:
            self._scene.days.append(PlayedDay(day_id=reply.day_id, given=given, label=label))
        return reply

    def _stated(self, fact_type: str, name: str, values: Sequence[Any]) -> dict[str, list[Any]]:
        """Return what the script says of a field, an empty list too where the workflow has the field."""
        return {name: list(values)} if values or name in self._workflow.facts[fact_type].fields else {}

    async def replay(self, label: str) -> list[Reply]:
        """Send the bytes of a labelled step again."""
        return await self._replays[label]()

    async def post(self, post: Post, day: PlayedDay, *, shift: timedelta = AS_WRITTEN) -> list[Reply]:
        """Post one fact that should be accepted, with its second person where it needs one."""
        return await self._send_all([await self._compose(post, day, "routine", shift)])

    async def post_refused(self, post: Post, day: PlayedDay, where: str) -> list[Reply]:
        """Post one fact that should be refused: a second person comes in only when that is what it is refused for.

        Their own entry would stay valid after the refusal and stand in for the second person of a later step.
        """
        composed = await self._compose(post, day, where)
        if isinstance(post.second, SecondPerson) and post.second.data is not None:
            return await self._send_all([composed], post.label)
        reply = await self._ward.post(composed.call)
        if composed.double_check is None or reply.refused != SECOND_PERSON_REQUIRED:
            self._keep(post.label, [composed.call], batch=False)
            return [reply]
        # The decision on an event id is final: what is posted after the second person's entry is a new one.
        again = replace(composed.call, fact={**composed.call.fact, "event_id": self._new_id()})
        return await self._send_all([_Composed(again, composed.double_check)], post.label)

    async def post_step(
        self, posts: Sequence[Post], day: PlayedDay, where: str, *, label: str | None, batch: bool
    ) -> list[Reply]:
        """Post the facts of a step. What a second person's own entry was refused for comes before the replies."""
        composed = [
            await self._compose(post, day if post.day is None else self._scene.day(post.day, where), where)
            for post in posts
        ]
        return await self._send_all(composed, label, batch=batch)

    async def _send_all(
        self, composed: Sequence[_Composed], label: str | None = None, *, batch: bool = False
    ) -> list[Reply]:
        checks = [each.double_check for each in composed if each.double_check is not None]
        entered = [await self._ward.double_check(check) for check in checks]
        calls = [each.call for each in composed]
        self._keep(label, calls, batch=batch)
        sent = await self._send(calls, batch=batch)
        return [reply for reply in entered if reply.refused is not None] + sent

    async def _send(self, calls: Sequence[Call], *, batch: bool) -> list[Reply]:
        return await self._ward.post_batch(calls) if batch else [await self._ward.post(calls[0])]

    def _keep(self, label: str | None, calls: Sequence[Call], *, batch: bool) -> None:
        if label is not None:
            self._event_ids[label] = calls[0].fact["event_id"]
            self._replays[label] = lambda: self._send(calls, batch=batch)

    async def _compose(self, post: Post, day: PlayedDay, where: str, shift: timedelta = AS_WRITTEN) -> _Composed:
        """Make the call of a post and, where two people enter it independently, the entry of the other one."""
        kind = self._workflow.facts.get(post.type)
        fields = {} if kind is None else kind.fields
        context = composition.Context(
            day=day.given.date,
            zone=self._scene.zone,
            labels=self._event_ids,
            alert_ids=await self._alert_ids(day) if composition.names_alerts(kind) else {},
            shift=shift,
        )
        data = composition.resolve(post.data, fields, context)
        if kind is not None and kind.means == "vital_signs" and post.fill:
            data = composition.fill(data, kind, self._vary({**self._unremarkable, **day.given.unremarkable}))
        person = composition.poster(post, kind)
        members = self._members(post, day, where)
        fact: dict[str, Any] = {"event_id": self._new_id(), "type": post.type, **members, "data": data}
        if post.label is not None:
            self._event_ids[post.label] = fact["event_id"]
        second = composition.second_person(post, kind, self._workflow)
        if kind is None or second is None or kind.second != "independent":
            return _Composed(Call(person=person, day_id=day.day_id, fact=fact, second=second), None)
        if isinstance(post.second, SecondPerson) and post.second.data is not None:
            data = composition.resolve(post.second.data, fields, context)
        entered = {"event_id": self._new_id(), "type": post.type, "data": data}
        double_check = Call(person=second, day_id=day.day_id, fact=entered)
        return _Composed(Call(person=person, day_id=day.day_id, fact=fact), double_check)

    async def _alert_ids(self, day: PlayedDay) -> dict[str, str]:
        """Return rule to alert id: of the day itself, else of another day of its patient (a review may lift its
        hold)."""
        known: dict[str, str] = {}
        for other in self._scene.days:
            if other.given.patient == day.given.patient and other is not day:
                known |= await self._gains.alert_ids(other.day_id)
        return known | await self._gains.alert_ids(day.day_id)

    def _members(self, post: Post, day: PlayedDay, where: str) -> dict[str, str]:
        """Return the members of a fact beside id, type and data that the post gives."""
        members: dict[str, str | None] = {"late_reason": post.late_reason, "group": post.group}
        if post.occurred_at is not None:
            members["occurred_at"] = format_time(self._scene.behind(post.occurred_at, day))
        if post.sent_at is not None:
            members["sent_at"] = format_time(post.sent_at.moment(self._scene.today, self._scene.zone))
        if post.corrects is not None:
            if post.corrects not in self._event_ids:
                problem = f"no earlier step is labelled {post.corrects!r}"
                raise ScriptInvalid(self._scene.file, where, "corrects", problem)
            members["corrects"] = self._event_ids[post.corrects]
        return {name: text for name, text in members.items() if text is not None}

    def _new_id(self) -> str:
        return new_id(self._scene.now)
