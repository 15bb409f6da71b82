"""The two clocks of a machine, moved by hand, and a service that lives by them: intake and running watch."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from infusion_service.clinical.vocabulary import Actor
from infusion_service.intake.clock import SystemClock
from infusion_service.intake.intake import Intake
from infusion_service.intake.watch import Watch
from infusion_service.log.store import Store
from tests.intake.ward import SITE, settings

ADMIN = Actor(id="admin-1", role="admin", how="token")


class Hands:
    """The wall clock and the monotonic clock of a machine."""

    def __init__(self, wall: datetime) -> None:
        self.wall = wall
        self.monotonic_s = 0.0
        self.boot = "boot-1"

    def pass_time(self, span: timedelta) -> None:
        """Let both go on."""
        self.wall += span
        self.monotonic_s += span.total_seconds()

    def reboot(self) -> None:
        """Start the machine anew: its monotonic clock begins again."""
        self.boot += "1"
        self.monotonic_s = 0.0

    def clock(self) -> HandClock:
        """The clock of a process that starts now."""
        return HandClock(self)


class HandClock(SystemClock):
    """The machine's clock as a process reads it; who waits looks again whenever a hand was moved."""

    def __init__(self, hands: Hands) -> None:
        super().__init__(wall=lambda: hands.wall, monotonic_s=lambda: hands.monotonic_s, boot=lambda: hands.boot)
        self._sleepers: set[asyncio.Event] = set()

    def moved(self) -> None:
        """Wake who waits, as the real clock does every so often by itself."""
        for wake in self._sleepers:
            wake.set()

    @property
    def idle(self) -> bool:
        """Whether somebody waits whom nothing has woken."""
        return any(not wake.is_set() for wake in self._sleepers)

    async def wait_until(self, moment: datetime | None, wake: asyncio.Event) -> None:
        if moment is not None and moment <= self.now():
            return
        self._sleepers.add(wake)
        try:
            await wake.wait()
        finally:
            self._sleepers.discard(wake)


class Living:
    """A service on a machine whose clocks are moved by hand."""

    def __init__(self, store: Store, hands: Hands, **changed: Any) -> None:
        """`changed` are settings other than the test ward's."""
        self.store = store
        self.hands = hands
        self._settings = settings(**changed)
        self.intake: Intake
        self._clock: HandClock
        self._watching: asyncio.Task[None]

    async def begin(self) -> None:
        """Start the process."""
        self._clock = self.hands.clock()
        self.intake = Intake(settings=self._settings, store=self.store, clock=self._clock)
        await self.intake.start()
        watch = Watch(
            site=SITE,
            store=self.store,
            clock=self._clock,
            tick=self.intake.tick,
            note_clock=self.intake.note_clock,
        )
        self.intake.add_due_listener(watch.notice)
        self._watching = asyncio.create_task(watch.run())
        await self._settled()

    async def end(self) -> None:
        """Stop the process."""
        self._watching.cancel()
        await asyncio.wait({self._watching})
        await self.intake.stop()

    async def pass_time(self, span: timedelta) -> None:
        """Let time pass, stopping wherever something falls due by the process's own clock."""
        left = span
        while True:
            due = await self.store.next_due(SITE)
            ahead = left if due is None else due - self._clock.now()
            if ahead >= left or ahead <= timedelta(0):
                break
            self.hands.pass_time(ahead)
            left -= ahead
            await self._look()
        self.hands.pass_time(left)
        await self._look()

    async def jump(self, span: timedelta) -> None:
        """Set the wall clock."""
        self.hands.wall += span
        await self._look()

    async def confirm(self) -> bool:
        """A person says that the clock is right."""
        held = await self.intake.confirm_clock(ADMIN)
        await self._look()
        return held

    async def _look(self) -> None:
        self._clock.moved()
        await self._settled()

    async def _settled(self) -> None:
        """Give the others their turns until the watch waits for what is yet to come."""
        async with asyncio.timeout(20):
            while not self._clock.idle:  # noqa: ASYNC110 - a turn for the others, no time passes
                await asyncio.sleep(0)
