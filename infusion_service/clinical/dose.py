"""How much was infused: running segments of rate x time, exactly.

Promises: volumes are kept as millilitre-milliseconds-per-hour products, so that no sum of segments ever rounds; numbers
are rounded only where a person reads them. The computed volume never exceeds the bag. Does not: know what a pump did;
it knows what was charted.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

import msgspec
from msgspec.structs import replace

MS_PER_HOUR = 3_600_000
_MILLISECOND = timedelta(milliseconds=1)

PumpStatus = Literal["idle", "running", "halted"]


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch in which the pump ran at one rate. `until` is None while it runs."""

    since: datetime
    until: datetime | None
    rate_ml_per_h: Decimal


class Bag(msgspec.Struct, frozen=True, kw_only=True):
    """A prepared bag as charted."""

    id: str
    product: str
    batch: str
    vial_expires_on: str
    prepared_at: datetime
    volume_ml: Decimal
    dose_mg: Decimal
    discarded: bool = False
    replaces: str = ""
    """The first of the entries that this one corrects: a start may still name that."""

    def as_discarded(self) -> Bag:
        """Return this bag, thrown away."""
        return replace(self, discarded=True)


class TakenDown(msgspec.Struct, frozen=True, kw_only=True):
    """A bag that another one followed, with what it had given by then."""

    bag_id: str
    volume_ml: Decimal
    given_ml: Decimal
    given_mg: Decimal


class Pump(msgspec.Struct, frozen=True, kw_only=True):
    """What is charted of the pump. `done_ml_ms_per_h` sums rate x milliseconds of the segments of the present bag that
    ended, `done_ms` counts those of all."""

    status: PumpStatus = "idle"
    rate_ml_per_h: Decimal = Decimal(0)
    running_since: datetime | None = None
    started_at: datetime | None = None
    last_ran_at: datetime | None = None
    halted_at: datetime | None = None
    halt_reason: str = ""
    done_ml_ms_per_h: Decimal = Decimal(0)
    done_ms: int = 0
    segments: tuple[Segment, ...] = ()
    bag: Bag | None = None
    taken_down: tuple[TakenDown, ...] = ()
    """The bags before the present one."""
    stated_ml: Decimal | None = None
    ended_by_state: bool = False
    """A terminal state ended a running segment: nobody charted how the pump stopped."""

    def run(self, at: datetime, rate_ml_per_h: Decimal, bag: Bag | None = None) -> Pump:
        """Start, resume or change the rate at `at`, where one is named from another bag."""
        ended = self._end_segment(at)
        if bag is not None and ended.bag is not None and bag.id != ended.bag.id:
            ended = ended.without_bag(at)
        return replace(
            ended,
            status="running",
            rate_ml_per_h=rate_ml_per_h,
            running_since=at,
            started_at=ended.started_at or at,
            last_ran_at=at,
            halted_at=None,
            halt_reason="",
            segments=(*ended.segments, Segment(since=at, until=None, rate_ml_per_h=rate_ml_per_h)),
            bag=bag or ended.bag,
        )

    def halt(self, at: datetime, reason: str, *, status: PumpStatus = "halted") -> Pump:
        """Pause, stop or complete at `at`. A pump that already stands keeps the moment it last ran; one that was never
        started, or is done, stays so."""
        if self.status == "idle":
            return self
        return replace(
            self._end_segment(at),
            status=status,
            rate_ml_per_h=Decimal(0),
            running_since=None,
            halted_at=self.halted_at or at,
            halt_reason=reason,
        )

    def hung(self, bag: Bag) -> Pump:
        """Give a pump that was started its bag, where that was not known so far."""
        return replace(self, bag=bag)

    def stating(self, stated_ml: Decimal | None) -> Pump:
        """Keep the volume that the pump showed, where one was charted."""
        return self if stated_ml is None else replace(self, stated_ml=stated_ml)

    def ended_by_terminal_state(self, at: datetime) -> Pump:
        """End the running segment because the day is over, though nobody charted that the pump stopped."""
        return replace(self.halt(at, "day ended", status="idle"), ended_by_state=True)

    def _end_segment(self, at: datetime) -> Pump:
        if self.running_since is None:
            return self
        ms = milliseconds(at - self.running_since)
        return replace(
            self,
            done_ml_ms_per_h=self.done_ml_ms_per_h + self.rate_ml_per_h * ms,
            done_ms=self.done_ms + ms,
            running_since=None,
            last_ran_at=at,
            segments=(*self.segments[:-1], replace(self.segments[-1], until=at)),
        )

    def without_bag(self, at: datetime) -> Pump:
        """Take the present bag down at `at`; what it gave stays counted."""
        if self.bag is None:
            return self
        given = TakenDown(
            bag_id=self.bag.id,
            volume_ml=self.bag.volume_ml,
            given_ml=self._of_bag_ml(at),
            given_mg=self._of_bag_mg(at),
        )
        return replace(self, taken_down=(*self.taken_down, given), done_ml_ms_per_h=Decimal(0), bag=None)

    def delivered_ml(self, now: datetime) -> Decimal:
        """Return the computed volume at `now`, at most what the bags hold."""
        return sum((bag.given_ml for bag in self.taken_down), self._of_bag_ml(now))

    def _of_bag_ml(self, now: datetime) -> Decimal:
        total = self.done_ml_ms_per_h
        if self.running_since is not None:
            total += self.rate_ml_per_h * milliseconds(now - self.running_since)
        volume = total / MS_PER_HOUR
        return min(volume, self.bag.volume_ml) if self.bag else volume

    def delivered_mg(self, now: datetime) -> Decimal:
        """Return the dose that the computed volume carried."""
        return sum((bag.given_mg for bag in self.taken_down), self._of_bag_mg(now))

    def _of_bag_mg(self, now: datetime) -> Decimal:
        if self.bag is None or self.bag.volume_ml <= 0:
            return Decimal(0)
        return self.bag.dose_mg * self._of_bag_ml(now) / self.bag.volume_ml

    def running_ms(self, now: datetime) -> int:
        """Return how long the pump has run in all."""
        return self.done_ms + (milliseconds(now - self.running_since) if self.running_since is not None else 0)

    def projected_end(self) -> datetime | None:
        """Return when the present bag will be empty at the present rate; None unless the pump runs."""
        if self.running_since is None or self.bag is None or self.rate_ml_per_h <= 0:
            return None
        remaining = self.bag.volume_ml * MS_PER_HOUR - self.done_ml_ms_per_h
        if remaining <= 0:
            return self.running_since
        ms = int((remaining / self.rate_ml_per_h).to_integral_value(ROUND_HALF_EVEN))
        return self.running_since + timedelta(milliseconds=ms)


def milliseconds(span: timedelta) -> int:
    """Return a span in whole milliseconds, never below zero (a fact may carry an earlier time than its neighbour)."""
    return max(0, span // _MILLISECOND)


def planned_rate_ml_per_h(volume_ml: Decimal, duration_min: int) -> Decimal:
    """Return bag volume over planned duration."""
    return volume_ml * MINUTES_PER_HOUR / duration_min


def ml_per_h(mg_per_h: Decimal, bag: Bag) -> Decimal | None:
    """Return the rate at which a bag gives so many milligrams an hour; None for a bag that holds none."""
    return mg_per_h * bag.volume_ml / bag.dose_mg if bag.dose_mg > 0 else None


MINUTES_PER_HOUR = 60
