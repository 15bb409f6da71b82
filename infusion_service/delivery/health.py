"""Whether an endpoint answers at all: the circuit, the pause it asked for, the pace after an outage.

A dead engine is not the fault of any message. Promises: while the circuit is open only probes go out, no attempt
counts and nothing is parked; the first 2xx closes it. Failures in two lanes, or five in a row, without a 2xx between
them, open it. What it knows survives a restart: a dead engine is not fallen upon by whoever starts anew. Does not: send
or keep anything.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from infusion_service.delivery.endpoint import Progress
from infusion_service.delivery.schedule import probe_gap

FAILED_LANES_MAX = 2
FAILED_IN_ROW_MAX = 5
FRESH_PROBE_GAP = timedelta(seconds=30)
"""A delivery never tried may probe sooner than the schedule: it may be of a lane that is not to blame."""

FAILING_AFTER = timedelta(minutes=15)
"""How long without a 2xx before the operator is told."""


class Health:
    """What is known of one endpoint's state of life."""

    def __init__(self, progress: Progress, *, chance: Callable[[], float], catch_up_per_s: int) -> None:
        """Go on from what was kept in `progress`."""
        self._chance = chance
        self._catch_up_gap = timedelta(milliseconds=round(1000 / catch_up_per_s))
        self._lanes_failed: set[str] = set()
        self._in_row = 0
        self._probes = progress.probes
        self._last_probe_at = progress.last_probe_at
        self._next_start_at: datetime | None = None
        self.first_failed_at = progress.first_failed_at
        """Since when there has been no 2xx, where there was a failure since."""
        self.last_success_at = progress.last_success_at
        self.open = progress.circuit_open
        self.paused_until = progress.paused_until
        """It asked to be left alone (`Retry-After`)."""
        self.next_probe_at = progress.next_probe_at
        self.catching_up = progress.catching_up

    def kept_in(self, progress: Progress) -> Progress:
        """Write down what a restart has to know."""
        return replace(
            progress,
            first_failed_at=self.first_failed_at,
            last_success_at=self.last_success_at,
            circuit_open=self.open,
            probes=self._probes,
            last_probe_at=self._last_probe_at,
            next_probe_at=self.next_probe_at,
            paused_until=self.paused_until,
            catching_up=self.catching_up,
        )

    def succeeded(self, now: datetime) -> bool:
        """Hear of a 2xx; returns whether it ended an outage."""
        ended = self.open
        self.catching_up = self.catching_up or ended
        self.open = False
        self._lanes_failed.clear()
        self._in_row = self._probes = 0
        self.first_failed_at = self.next_probe_at = None
        self.last_success_at = now
        return ended

    def start_over(self) -> None:
        """Forget failures: a person has looked at it."""
        self.open = False
        self._lanes_failed.clear()
        self._in_row = self._probes = 0
        self.first_failed_at = self.next_probe_at = self.paused_until = None

    def hasten(self) -> None:
        """Let the next probe go out at once."""
        self.next_probe_at = None

    def failed(self, lane: str, now: datetime, *, probe: bool) -> None:
        """Hear of a failure of a delivery in `lane`; those under way when the circuit opens say nothing new."""
        self.first_failed_at = self.first_failed_at or now
        self._in_row += 1
        self._lanes_failed.add(lane)
        if self.open:
            if not probe:
                return
            self._probes += 1
        elif len(self._lanes_failed) >= FAILED_LANES_MAX or self._in_row >= FAILED_IN_ROW_MAX:
            self.open = True
            self._probes = 1
        if self.open:
            self._last_probe_at = now
            self.next_probe_at = now + probe_gap(self._probes, self._chance)

    def pause(self, until: datetime) -> None:
        """Leave it alone until then."""
        self.paused_until = max(until, self.paused_until or until)

    def may_probe(self, now: datetime, *, fresh: bool) -> bool:
        """Whether a probe may go out; `fresh`: with a delivery that was never tried."""
        if self.next_probe_at is None or now >= self.next_probe_at:
            return True
        return fresh and self._last_probe_at is not None and now >= self._last_probe_at + FRESH_PROBE_GAP

    def next_probe(self, *, fresh: bool) -> datetime | None:
        """When a probe may go out."""
        if fresh and self._last_probe_at is not None and self.next_probe_at is not None:
            return min(self.next_probe_at, self._last_probe_at + FRESH_PROBE_GAP)
        return self.next_probe_at

    def start_not_before(self) -> datetime | None:
        """When the pace of catching up lets the next delivery start; None: at once."""
        return self._next_start_at if self.catching_up else None

    def started(self, now: datetime) -> None:
        """Hear that a delivery has started, for the pace."""
        if self.catching_up:
            self._next_start_at = max(now, self._next_start_at or now) + self._catch_up_gap

    def caught_up(self) -> None:
        """The queue is empty: no more pace to keep."""
        self.catching_up = False
        self._next_start_at = None

    def alive_since(self, moment: datetime) -> bool:
        """Whether something got through after `moment`."""
        return not self.open and self.last_success_at is not None and self.last_success_at > moment
