"""Whether the wall clock can be believed, kept across restarts until a person has looked at it.

A day that a wrong clock declares missed is missed for good, so moves by time wait while the clock is in doubt; checks
and alerts go on, by the monotonic clock. The clock is in doubt when it has parted from the monotonic one, and at start
when it stands behind the last entry of the log or more than a day ahead of it. Promises: once noticed, the doubt
outlives the process (an operational record, with an entry of stream `site` in the same commit) and only `confirm` ends
it; every entry between `clock.doubted` and `clock.confirmed` was made under it. Does not: correct the clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from infusion_service.clinical.vocabulary import JSON, SERVICE, Actor, format_time, parse_time
from infusion_service.intake.clock import Clock, Mark, SystemClock
from infusion_service.log.store import Drop, Put, Store

CLOCK_DOUBTED = "clock.doubted"
CLOCK_CONFIRMED = "clock.confirmed"
RECORD_KIND = "clock"
RECORD_KEY = "doubt"
CONFIRMED_KEY = "confirmed"
MARK = "mark"

AHEAD_MAX = timedelta(hours=24)
"""A service that was down longer than this asks a person whether the clock is right before it declares a day missed."""


class Journal(Protocol):
    """Where the doubt is written down."""

    async def record(
        self, entry_type: str, data: dict[str, JSON], actor: Actor, operational: Sequence[Put | Drop] = ()
    ) -> int:
        """Append an entry of administration with its operational records in one commit."""
        ...


class ClockDoubt:
    """The doubt about one site's clock."""

    def __init__(self, *, site: str, store: Store, clock: Clock) -> None:
        """Begin without doubt; `learn` looks at the log."""
        self._site = site
        self._store = store
        self._clock = clock
        self._recorded = False
        self._reason = ""

    @property
    def held(self) -> bool:
        """Whether moves by time must wait."""
        return bool(self._reason) or self._clock.parted

    @property
    def reason(self) -> str:
        """Why the clock is in doubt, empty when it is not."""
        if self._reason or not self._clock.parted:
            return self._reason
        wall = self._clock.wall_time if isinstance(self._clock, SystemClock) else self._clock.now()
        return f"the wall clock jumped to {format_time(wall)}; time goes on from {format_time(self._clock.now())}"

    async def learn(self, last_received_at: datetime | None) -> None:
        """Compare the clock with the log at start, and take up a doubt that was recorded before."""
        if not isinstance(self._clock, SystemClock):
            return  # a simulated clock is right by definition
        records = await self._store.records(self._site, RECORD_KIND)
        if RECORD_KEY in records:
            self._recorded, self._reason = True, str(records[RECORD_KEY]["reason"])
            _go_on(self._clock, records[RECORD_KEY], last_received_at)
        elif last_received_at is not None and not _said_to_be_right(records.get(CONFIRMED_KEY), self._clock.now()):
            self._compare(self._clock, last_received_at)

    def _compare(self, clock: SystemClock, last_received_at: datetime) -> None:
        """Doubt a clock that the log contradicts, or that says it stood still for long."""
        now = clock.now()
        if now < last_received_at:
            self._reason = f"the clock says {format_time(now)}, the last entry is of {format_time(last_received_at)}"
            clock.go_on_from(last_received_at)
        elif now - last_received_at > AHEAD_MAX:
            # A long weekend is likelier than a wrong clock: believed, but for what it would move.
            self._reason = f"the last entry is of {format_time(last_received_at)}, more than a day ago"

    async def note(self, journal: Journal) -> None:
        """Write the doubt down, once."""
        if not self.held or self._recorded:
            return
        reason = self.reason
        self._recorded, self._reason = True, reason
        value: dict[str, JSON] = {"reason": reason, "since": format_time(self._clock.now())}
        if isinstance(self._clock, SystemClock):
            value[MARK] = msgspec.to_builtins(self._clock.mark())
        record = Put(kind=RECORD_KIND, key=RECORD_KEY, value=value)
        try:
            await journal.record(CLOCK_DOUBTED, {"reason": reason}, SERVICE, (record,))
        except BaseException:
            self._recorded = False
            raise

    async def confirm(self, journal: Journal, by: Actor) -> bool:
        """End the doubt: a person says the clock is right. Returns whether there was one."""
        was_held, reason = self.held, self.reason
        if isinstance(self._clock, SystemClock):
            self._clock.confirm()
        if was_held:
            data: dict[str, JSON] = {"now": format_time(self._clock.now()), "reason": reason}
            confirmed = Put(kind=RECORD_KIND, key=CONFIRMED_KEY, value={"at": format_time(self._clock.now())})
            await journal.record(CLOCK_CONFIRMED, data, by, (Drop(kind=RECORD_KIND, key=RECORD_KEY), confirmed))
        self._recorded, self._reason = False, ""
        return was_held


def _go_on(clock: SystemClock, doubt: Mapping[str, JSON], last_received_at: datetime | None) -> None:
    """Let time go on from where the process before this one stood, for that one did not believe the wall clock."""
    if MARK in doubt and clock.go_on_from_mark(msgspec.convert(doubt[MARK], Mark)):
        return
    if last_received_at is not None and not timedelta(0) <= clock.now() - last_received_at <= AHEAD_MAX:
        clock.go_on_from(last_received_at)


def _said_to_be_right(confirmed: Mapping[str, JSON] | None, now: datetime) -> bool:
    """Whether a person has confirmed the clock within the last day: one that was set back stands behind the log for as
    long as it was ahead."""
    if confirmed is None:
        return False
    since = parse_time(confirmed["at"])
    return since <= now < since + AHEAD_MAX
