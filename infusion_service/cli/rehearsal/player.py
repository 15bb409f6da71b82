"""Playing a script on a ward, step by step, and collecting every difference from what it expects.

Promises: the result depends on the script, the workflow and the service alone, not on how the ward is reached. An
`expect` is looked at after the clock has reached the step's time, everything due has been appended and the post has
been made. Does not: stop at a difference (one run shows all), except when the given day itself cannot be set up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from infusion_service.cli.rehearsal.expectation import Difference, Expectation, Found, Reply, differences
from infusion_service.cli.rehearsal.posting import Posting, Vary
from infusion_service.cli.rehearsal.routine import RoutineStep, read_routine
from infusion_service.cli.rehearsal.scene import Gains, PlayedDay, Scene
from infusion_service.cli.rehearsal.script import Facts, Post, ReplayOf, RoutineUntil, ScheduleDay, Script, Step
from infusion_service.cli.rehearsal.strict import ScriptInvalid
from infusion_service.cli.rehearsal.wall_time import WallTime
from infusion_service.cli.rehearsal.ward import Ward
from infusion_service.clinical.workflow import Workflow

WARD_ID = "rehearsal"
"""The ward every rehearsal plays on; its time zone is the script's."""


class Player:
    """Plays one script once."""

    def __init__(
        self,
        script: Script,
        ward: Ward,
        workflow: Workflow,
        *,
        details: Mapping[str, Any] | None = None,
        vary: Vary = lambda signs: signs,
    ) -> None:
        """`details` joins the data of each day scheduled (ward, chair, a name); `vary` changes each filled set."""
        self.scene = Scene(file=script.file, zone=script.timezone, now=opening(script))
        self._script = script
        self._ward = ward
        self._routine = read_routine(workflow)
        self._details = {"ward": WARD_ID, **(details or {})}
        self._gains = Gains(ward)
        self._posting = Posting(
            script,
            ward,
            workflow,
            scene=self.scene,
            gains=self._gains,
            unremarkable=self._routine.unremarkable,
            vary=vary,
        )

    async def play(self) -> list[Difference]:
        """Play the whole script; an empty list means that every expectation was met. Raises `ScriptInvalid`."""
        await self._go_to(self.scene.now)
        if result := await self._set_up():
            return result
        await self._gains.catch_up()
        for step in self._script.steps:
            self._gains.forget()
            result += await self._step(step)
        return result

    async def _set_up(self) -> list[Difference]:
        scheduled = await self._posting.schedule(self._script.given, self._details)
        if found := _unexpected("[given]", [scheduled]):
            return found
        if self._script.routine_to is None:
            return []
        shift = self._routine.shift(self._script.start)
        for step in self._routine.up_to(self._script.routine_to):
            name = f"[given] routine {step.at:%H:%M} {step.post or step.check or 'due checks'}"
            if found := _unexpected(name, await self._routine_step(step, self.scene.days[0], shift)):
                return found
        return []

    async def _routine_step(self, step: RoutineStep, day: PlayedDay, shift: timedelta) -> list[Reply]:
        at = WallTime(step.at).moment(day.given.date, self.scene.zone) + shift
        if step.due:
            return await self._do_due_checks(day, at)
        await self._go_to(at)
        if step.ordinal_max is not None and (await self._ward.view(day.day_id))["ordinal"] > step.ordinal_max:
            return []
        if step.check is not None:
            return await self._do_check(step.check, day)
        dates = {name: (day.given.date + timedelta(days=days)).isoformat() for name, days in step.days_after.items()}
        return await self._posting.post(Post(type=str(step.post), data={**step.data, **dates}), day, shift=shift)

    async def _step(self, step: Step) -> list[Difference]:
        day = self.scene.day(step.day, step.name)
        if step.at is not None:
            await self._go_to(self.scene.ahead(step.at, day, step.name))
        replies = await self._act(step, day)
        if isinstance(step.action, ScheduleDay) and replies[0].refused is None:
            day = self.scene.days[-1]
        found = Found(
            replies=replies,
            view=await self._ward.view(day.day_id) if step.expect != Expectation() else {},
            entries=await self._gains.of_day(day.day_id),
            zone=self.scene.zone,
        )
        return differences(step.name, step.expect, found)

    async def _act(self, step: Step, day: PlayedDay) -> list[Reply]:
        match step.action:
            case Facts(posts=(post,), batch=False) if step.expect.refusal:
                return await self._posting.post_refused(post, day, step.name)
            case Facts(posts=posts, batch=batch):
                return await self._posting.post_step(posts, day, step.name, label=step.label, batch=batch)
            case RoutineUntil(until=until):
                return await self._do_due_checks(day, self.scene.ahead(until, day, step.name))
            case ReplayOf(label=label):
                return await self._posting.replay(label)
            case ScheduleDay(given=given, by=by):
                return [
                    await self._posting.schedule(given, self._details, by=by, label=step.label or given.label),
                ]
        return []

    async def _do_due_checks(self, day: PlayedDay, until: datetime) -> list[Reply]:
        """Do every check the routine knows at the moment it falls due, up to and including `until`."""
        replies: list[Reply] = []
        done: set[tuple[str, datetime]] = set()
        while (due := await self._next_due(day, until)) is not None:
            due_at, name = due
            if due_at > self.scene.now:
                # What becomes true on the way may change what is due: look again.
                await self._go_to(due_at)
                continue
            if (name, due_at) in done:
                raise ScriptInvalid(self.scene.file, "routine", name, f"is still due at {due_at} after it was done")
            done.add((name, due_at))
            replies += await self._do_check(name, day)
        await self._go_to(until)
        return replies

    async def _next_due(self, day: PlayedDay, until: datetime) -> tuple[datetime, str] | None:
        """Return the check that falls due first, not after `until`; of several at one moment the routine's first."""
        names = list(self._routine.checks)
        checks = (await self._ward.view(day.day_id))["checks"]
        due = sorted(
            (datetime.fromisoformat(check["due_at"]), names.index(check["check"]))
            for check in checks
            if check["check"] in names
        )
        return (due[0][0], names[due[0][1]]) if due and due[0][0] <= until else None

    async def _do_check(self, name: str, day: PlayedDay) -> list[Reply]:
        check = self._routine.checks[name]
        view = await self._ward.view(day.day_id) if check.baseline else {}
        known_deficits = dict.fromkeys(view.get("baseline_deficits", ()), True)
        post = Post(type=check.post, data={**check.data, **known_deficits}, fill=check.fill)
        return await self._posting.post(post, day)

    async def _go_to(self, moment: datetime) -> None:
        await self._ward.advance(moment)
        self.scene.now = moment


def opening(script: Script) -> datetime:
    """Return the moment at which the clock of a script begins."""
    return WallTime(script.start).moment(script.given.date, script.timezone)


def _unexpected(name: str, replies: Sequence[Reply]) -> list[Difference]:
    """Return the refusals among replies that should all have been accepted."""
    return differences(name, Expectation(), Found(replies=replies, view={}, entries=[], zone=ZoneInfo("UTC")))
