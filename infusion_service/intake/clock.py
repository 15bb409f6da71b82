"""The clock port: what time it is, and waiting for a moment.

Promises: every time is UTC cut to milliseconds, so that what is decided is what the log holds. Does not: keep timers
(`intake.watch` asks the day heads), or make `received_at` monotone (`intake.writer` does).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from infusion_service.clinical.vocabulary import cut_to_milliseconds

PARTING_MAX = timedelta(seconds=60)
"""Past this difference between wall and monotonic clock the wall clock is not trusted."""

RECHECK_S_MAX = 30.0
"""A wall clock may jump while we sleep: look at it again at least this often."""


class Clock(Protocol):
    """What the service knows of time."""

    @property
    def parted(self) -> bool:
        """Whether the wall clock has left the monotonic one, so that moves by time must wait for a person."""
        ...

    def now(self) -> datetime:
        """Return the present moment, UTC in milliseconds."""
        ...

    async def wait_until(self, moment: datetime | None, wake: asyncio.Event) -> None:
        """Return once `moment` has come or `wake` is set, whichever is first; never when both are absent."""
        ...


def _seconds_since_boot() -> float:
    """Seconds that pass also while the machine sleeps, where the system counts them."""
    # CLOCK_MONOTONIC stands still in suspend, which would look like a wall clock that jumped.
    clock_id = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock_id)


class SystemClock:
    """The machine's wall clock, watched against its monotonic one."""

    def __init__(
        self,
        *,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic_s: Callable[[], float] = _seconds_since_boot,
    ) -> None:
        self._wall = wall
        self._monotonic_s = monotonic_s
        self._wall_start = wall()
        self._monotonic_start_s = monotonic_s()

    @property
    def parting(self) -> timedelta:
        """How far the wall clock has run ahead of (or, negative, fallen behind) the monotonic one since the start."""
        passed = timedelta(seconds=self._monotonic_s() - self._monotonic_start_s)
        return self._wall() - self._wall_start - passed

    @property
    def parted(self) -> bool:
        """Whether wall and monotonic clock differ by more than `PARTING_MAX`."""
        return abs(self.parting) > PARTING_MAX

    def confirm(self) -> None:
        """Take the wall clock as right from now on (a person has looked at it)."""
        self._wall_start = self._wall()
        self._monotonic_start_s = self._monotonic_s()

    def now(self) -> datetime:
        """Return the present moment, UTC in milliseconds."""
        return cut_to_milliseconds(self._wall())

    async def wait_until(self, moment: datetime | None, wake: asyncio.Event) -> None:
        """Return once `moment` has come by the wall clock or `wake` is set."""
        while not wake.is_set():
            left_s = RECHECK_S_MAX if moment is None else (moment - self._wall()).total_seconds()
            if left_s <= 0:
                return
            await _wait(wake, min(left_s, RECHECK_S_MAX))


class SimulatedClock:
    """A clock that stands still until it is moved (speed 0) or runs `speed` times as fast as the real one."""

    def __init__(
        self, start: datetime, *, speed: float = 0.0, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        if speed < 0:
            raise ValueError("time does not run backwards: speed must be 0 or more")
        self.speed = speed
        self._monotonic_s = monotonic_s
        self._anchor = cut_to_milliseconds(start)
        self._anchor_s = monotonic_s()
        self._sleepers: dict[asyncio.Event, datetime] = {}

    parted = False
    """A simulated clock is right by definition."""

    def now(self) -> datetime:
        """Return the simulated moment, UTC in milliseconds."""
        if self.speed == 0:
            return self._anchor
        passed_s = (self._monotonic_s() - self._anchor_s) * self.speed
        return cut_to_milliseconds(self._anchor + timedelta(seconds=passed_s))

    def move_to(self, moment: datetime) -> None:
        """Set the clock forward and wake who waited for a moment that has now come.

        Raises `ValueError` when `moment` lies in the clock's past.
        """
        if moment < self.now():
            raise ValueError("a simulated clock moves forward only")
        self._anchor = cut_to_milliseconds(moment)
        self._anchor_s = self._monotonic_s()
        for wake, awaited in list(self._sleepers.items()):
            if awaited <= self._anchor:
                wake.set()

    async def wait_until(self, moment: datetime | None, wake: asyncio.Event) -> None:
        """Return once the simulated `moment` has come or `wake` is set."""
        if moment is not None:
            self._sleepers[wake] = moment
        try:
            while not wake.is_set():
                left_s = None
                if moment is not None:
                    left = (moment - self.now()).total_seconds()
                    if left <= 0:
                        return
                    left_s = left / self.speed if self.speed else None
                await _wait(wake, left_s)
        finally:
            self._sleepers.pop(wake, None)


async def _wait(wake: asyncio.Event, seconds: float | None) -> None:
    """Wait for `wake`, at most so many seconds (None: as long as it takes)."""
    try:
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        return
