"""A service process that dies while it appends what time has made true, and begins again from what is on the disk.

Everything above the disk is the real thing: the SQLite store (without fsync: nothing here cuts the power), intake,
watch. A death is an append whose outcome the process never hears of, before or after the commit; then every task of the
process is gone, with all it held in memory.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from infusion_service.intake.clock import Clock
from infusion_service.intake.intake import Intake
from infusion_service.intake.watch import Watch
from infusion_service.log.sqlite import SqliteStore
from infusion_service.log.store import Batch
from tests.intake.ward import SITE, settings


class MortalStore(SqliteStore):
    """A store whose next append is the last thing its process does, when told so."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, synchronous="OFF")
        self.dies = ""
        """`before` or `after` the next commit; empty for as long as the process lives on."""
        self.dead = asyncio.Event()

    async def append(self, batch: Batch) -> None:
        dies = self.dies
        if dies != "before":
            await super().append(batch)
        if dies:
            self.dead.set()
            await asyncio.Event().wait()


class Process:
    """One service after another on the same database and the same clock."""

    def __init__(self, database: Path, clock: Clock, *, dies_every_ticks: int = 0) -> None:
        """`dies_every_ticks` 0: it never does."""
        self._database = database
        self._clock = clock
        self._dies_every_ticks = dies_every_ticks
        self._own = asyncio.current_task()
        self.ticks = 0
        self.deaths = 0
        self.store: MortalStore
        self.intake: Intake
        self.watch: Watch

    async def begin(self) -> None:
        """Start from what is on the disk."""
        self.store = MortalStore(self._database)
        await self.store.open()
        self.intake = Intake(settings=settings(), store=self.store, clock=self._clock)
        await self.intake.start()
        self.watch = Watch(site=SITE, store=self.store, clock=self._clock, tick=self._tick)

    async def advance(self, to: datetime) -> None:
        """Let time pass until `to`, however often the process dies on the way."""
        while True:
            going = asyncio.create_task(self.watch.advance(to))
            dying = asyncio.create_task(self.store.dead.wait())
            await asyncio.wait({going, dying}, return_when=asyncio.FIRST_COMPLETED)
            if not self.store.dead.is_set():
                dying.cancel()
                await going
                return
            await self.kill()
            await self.begin()

    async def kill(self) -> None:
        """End every task of the process where it stands."""
        self.deaths += 1
        others = [task for task in asyncio.all_tasks() if task is not self._own]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self.store.close()

    async def end(self) -> None:
        """Stop as one stops a service."""
        await self.intake.stop()
        await self.store.close()

    async def _tick(self, day_id: str) -> None:
        self.ticks += 1
        if self._dies_every_ticks and self.ticks % self._dies_every_ticks == 0:
            self.store.dies = ("before", "after")[self.deaths % 2]
        await self.intake.tick(day_id)
