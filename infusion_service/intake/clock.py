"""The clock port: what time it is, and waiting for a moment.

Promises: every time is UTC cut to milliseconds, so that what is decided is what the log holds; a wall clock that jumps
takes nobody along. Does not: keep timers (`intake.watch` asks the day heads), or make `received_at` monotone
(`intake.writer` does).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import msgspec

from infusion_service.clinical.vocabulary import cut_to_milliseconds

PARTING_MAX = timedelta(seconds=60)
"""Past this difference between wall and monotonic clock the wall clock is not trusted."""

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")

RECHECK_S_MAX = 30.0
"""A wall clock may jump while we sleep: look at it again at least this often."""


class Mark(msgspec.Struct, frozen=True):
    """A moment that was believed, and what the monotonic clock of that start of the machine said at it."""

    now: datetime
    monotonic_s: float
    boot: str


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
        """Return once `moment` has come or `wake` is set, whichever is first; never when both are absent.

        May return earlier: who waits looks again.
        """
        ...


def _seconds_since_boot() -> float:
    """Seconds that pass also while the machine sleeps, where the system counts them."""
    return time.clock_gettime(_STEADY_CLOCK)


# CLOCK_MONOTONIC stands still in suspend, which would look like a wall clock that jumped.
_STEADY_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _boot() -> str:
    """Which start of the machine the monotonic clock counts from; empty where the system does not say."""
    try:
        return BOOT_ID_FILE.read_text(encoding="ascii").strip()
    except OSError:
        return ""


class SystemClock:
    """The machine's wall clock, watched against its monotonic one.

    While the two have parted time goes on by the monotonic clock, from where it was believed last: a wall clock two
    days ahead would stamp the log with a time that nothing can take back, one two days behind would let no check fall
    due and refuse as future what people chart. A person who confirms the wall clock ends that.
    """

    def __init__(
        self,
        *,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic_s: Callable[[], float] = _seconds_since_boot,
        boot: Callable[[], str] = _boot,
    ) -> None:
        self._wall = wall
        self._monotonic_s = monotonic_s
        self._boot = boot
        self._wall_start = wall()
        self._monotonic_start_s = monotonic_s()

    @property
    def wall_time(self) -> datetime:
        """What the wall clock says, believed or not; UTC in milliseconds."""
        return cut_to_milliseconds(self._wall())

    @property
    def parting(self) -> timedelta:
        """How far the wall clock has run ahead of (or, negative, fallen behind) the monotonic one since the start."""
        return self._wall() - self._steady()

    @property
    def parted(self) -> bool:
        """Whether wall and monotonic clock differ by more than `PARTING_MAX`."""
        return abs(self.parting) > PARTING_MAX

    def confirm(self) -> None:
        """Take the wall clock as right from now on (a person has looked at it)."""
        self.go_on_from(self._wall())

    def go_on_from(self, moment: datetime) -> None:
        """Believe that it is `moment` now, whatever the wall clock says."""
        self._wall_start = moment
        self._monotonic_start_s = self._monotonic_s()

    def mark(self) -> Mark:
        """Return where time stands, for another process of the same start of the machine to go on from."""
        return Mark(now=self.now(), monotonic_s=self._monotonic_s(), boot=self._boot())

    def go_on_from_mark(self, mark: Mark) -> bool:
        """Believe that as much time has passed since `mark` as the monotonic clock has counted.

        Returns False, and believes nothing, when the machine was started anew since.
        """
        passed_s = self._monotonic_s() - mark.monotonic_s
        if not mark.boot or mark.boot != self._boot() or passed_s < 0:
            return False
        self.go_on_from(mark.now + timedelta(seconds=passed_s))
        return True

    def now(self) -> datetime:
        """Return the present moment, UTC in milliseconds: the wall clock's as long as that is believed."""
        wall, steady = self._wall(), self._steady()
        return cut_to_milliseconds(steady if abs(wall - steady) > PARTING_MAX else wall)

    async def wait_until(self, moment: datetime | None, wake: asyncio.Event) -> None:
        """Return once `moment` has come or `wake` is set, or earlier, when the wall clock parts or comes back."""
        parted = self.parted
        while not wake.is_set() and self.parted == parted:
            left_s = RECHECK_S_MAX if moment is None else (moment - self.now()).total_seconds()
            if left_s <= 0:
                return
            await _wait(wake, min(left_s, RECHECK_S_MAX))

    def _steady(self) -> datetime:
        """The moment that was believed last and what the monotonic clock has counted since."""
        return self._wall_start + timedelta(seconds=self._monotonic_s() - self._monotonic_start_s)


class WallClock(SystemClock):
    """The wall clock, believed without question: what other machines go by, for signatures that expire."""

    def now(self) -> datetime:
        """Return what the wall clock says, UTC in milliseconds."""
        return self.wall_time


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
