"""The demonstration's time: one clock that several players wait on, moved as fast as the speed allows.

Promises: nothing is posted late however slow the machine is, because the clock stands while somebody acts; between two
acts it moves in small steps, so that whoever watches sees it run. Does not: know what is played.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import aiohttp

from infusion_service.cli.rehearsal.expectation import Reply
from infusion_service.cli.rehearsal.over_http import HttpWard, SignedIn
from infusion_service.cli.rehearsal.ward import Call, Person
from infusion_service.clinical.vocabulary import cut_to_milliseconds, format_time, parse_time
from infusion_service.intake.clock import SimulatedClock
from infusion_service.intake.watch import Watch

STEP_S = 0.1
"""Real time between two moves of the clock."""

ENTERING = timedelta(seconds=20)
"""From what is seen at the bed to what has been entered."""


class PacedClock(SimulatedClock):
    """A clock that says at which speed it is being moved, and stands in between."""

    def __init__(self, start: datetime, *, speed: float) -> None:
        """Stand at `start`; `speed` is what is shown."""
        super().__init__(start, speed=speed)
        self._standing = SimulatedClock(start)

    def now(self) -> datetime:
        """Return the moment it was last moved to."""
        return self._standing.now()

    def move_to(self, moment: datetime) -> None:
        """Move forward and wake who waited for it."""
        self._standing.move_to(moment)

    async def wait_until(self, moment: datetime | None, wake: asyncio.Event) -> None:
        """Return once it has been moved to `moment`, or `wake` is set."""
        await self._standing.wait_until(moment, wake)


class Conductor:
    """Moves the clock while all players wait for it, to the earliest moment any of them waits for."""

    def __init__(self, watch: Watch, clock: PacedClock, *, players: int, unpaced_until: datetime) -> None:
        """Until `unpaced_until` time flies; from there on it runs at the clock's speed."""
        self._watch = watch
        self._clock = clock
        self._players = players
        self._unpaced_until = unpaced_until
        self._paced_since_s: float | None = None
        self._waiting: list[tuple[datetime, asyncio.Future[None]]] = []
        self._changed = asyncio.Event()

    @property
    def now(self) -> datetime:
        """What the ward's clock says."""
        return self._clock.now()

    async def reach(self, moment: datetime) -> None:
        """Wait, as one of the players, until the clock has reached `moment` and all due by then is appended."""
        if moment <= self._clock.now():
            return
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((moment, reached))
        self._changed.set()
        await reached

    def leave(self) -> None:
        """One of the players has finished and waits no more."""
        self._players -= 1
        self._changed.set()

    async def run(self) -> None:
        """Move the clock until cancelled; when nobody plays any more it just runs on."""
        while True:
            while len(self._waiting) < self._players:
                self._changed.clear()
                await self._changed.wait()
            target = self._target()
            await self._move(target)
            for moment, reached in self._waiting:
                if moment <= target and not reached.done():
                    reached.set_result(None)
            self._waiting = [(moment, reached) for moment, reached in self._waiting if not reached.done()]

    def _target(self) -> datetime:
        if self._waiting:
            return min(moment for moment, _ in self._waiting)
        return cut_to_milliseconds(self._paced_now() + timedelta(seconds=STEP_S * self._clock.speed))

    async def _move(self, target: datetime) -> None:
        while (now := self._clock.now()) < target:
            if now < self._unpaced_until:
                await self._watch.advance(min(target, self._unpaced_until))
                continue
            ahead = (target - self._paced_now()).total_seconds()
            if ahead > 0:
                await asyncio.sleep(min(STEP_S, ahead / self._clock.speed))
            await self._watch.advance(max(now, min(target, self._paced_now())))

    def _paced_now(self) -> datetime:
        """Return where the clock would be if it had run at its speed since the pacing began."""
        if self._paced_since_s is None:
            self._paced_since_s = time.monotonic()
        passed_s = (time.monotonic() - self._paced_since_s) * self._clock.speed
        # In the clock's own grain: a target between two of its moments would never be reached.
        return cut_to_milliseconds(self._unpaced_until + timedelta(seconds=passed_s))


class PacedWard(HttpWard):
    """A ward over HTTP whose clock belongs to the conductor. Its batches are those of a tablet that was away."""

    def __init__(self, client: aiohttp.ClientSession, people: SignedIn, conductor: Conductor) -> None:
        """Post as `people` through `client`, wait with `conductor`."""
        super().__init__(client, people)
        self._conductor = conductor
        self._numbers = count(1)

    async def advance(self, to: datetime) -> None:
        """Wait until the conductor has moved the clock there."""
        await self._conductor.reach(to)

    async def post_batch(self, calls: Sequence[Call]) -> list[Reply]:
        """Bring what waited on a tablet while it was away, as the page's queue does: say what waits, then send it."""
        by_day: dict[str, list[str]] = {}
        for call in calls:
            by_day.setdefault(call.day_id, []).append(call.fact["occurred_at"])
        waiting = [{"day": day, "facts": len(times), "oldest_at": min(times)} for day, times in by_day.items()]
        await self._say_what_waits(waiting)
        replies = await super().post_batch(calls)
        await self._say_what_waits([])
        return replies

    async def _say_what_waits(self, waiting: list[dict[str, Any]]) -> None:
        await self._call("PUT", "/v1/devices/current/queue", Person("device"), {"waiting": waiting})

    async def _item(self, call: Call, alone: Person | None) -> dict[str, Any]:
        """One fact as the tablet kept it: numbered, with when it was entered and when it was sent."""
        item = await super()._item(call, alone)
        entered_at = parse_time(item["occurred_at"]) + ENTERING
        times = {"recorded_at": format_time(entered_at), "sent_at": format_time(self._conductor.now)}
        return {**item, **times, "device_seq": next(self._numbers)}
