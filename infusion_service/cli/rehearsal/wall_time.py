"""Local wall times as a rehearsal writes them: "08:00", "2026-11-24 08:00", with seconds or an offset where needed.

Promises: a time without a date gets one from the candidates it is given; on the night a clock goes back the first of
the two equal times is meant. Does not: know what the time is for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_CLOCK = re.compile(r"(?:(\d{4}-\d{2}-\d{2})[ T])?(\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:\d{2})?")


@dataclass(frozen=True, slots=True)
class WallTime:
    """A wall time with or without its date; `offset` only where the writer was explicit."""

    clock: time
    on: date | None = None

    @classmethod
    def parse(cls, value: object) -> WallTime:
        """Read a string or a TOML time or date-time. Raises `ValueError` when it is neither."""
        if isinstance(value, datetime):
            return cls(value.timetz(), value.date())
        if isinstance(value, time):
            return cls(value)
        if not isinstance(value, str) or (match := _CLOCK.fullmatch(value)) is None:
            raise ValueError(f'{value!r} is not a time such as "08:00" or "2026-11-24 08:00"')
        day_text, clock_text, offset = match.groups()
        if offset and not day_text:
            raise ValueError(f"{value!r}: an offset needs a date")
        return cls(time.fromisoformat(clock_text + (offset or "")), date.fromisoformat(day_text) if day_text else None)

    def __str__(self) -> str:
        clock = self.clock.isoformat("auto" if self.clock.second else "minutes")
        return f"{self.on} {clock}" if self.on else clock

    def moment(self, on: date, zone: ZoneInfo) -> datetime:
        """Return the UTC moment; `on` is the date where none was written."""
        local = datetime.combine(self.on or on, self.clock)
        return (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)

    def not_before(self, floor: datetime, dates: Sequence[date], zone: ZoneInfo) -> datetime:
        """Return the moment on the first of `dates` on which it is not before `floor`, else on the last of them."""
        for on in dates:
            if self.moment(on, zone) >= floor:
                return self.moment(on, zone)
        return self.moment(dates[-1], zone)

    def not_after(self, ceiling: datetime, dates: Sequence[date], zone: ZoneInfo) -> datetime:
        """Return the moment on the first of `dates` on which it is not after `ceiling`, else on the first of them."""
        for on in dates:
            if self.moment(on, zone) <= ceiling:
                return self.moment(on, zone)
        return self.moment(dates[0], zone)


def to_the_minute(moment: datetime, zone: ZoneInfo) -> datetime:
    """Round to the nearest minute (half a minute up) and show it in the ward's zone."""
    rounded = (moment + timedelta(seconds=30)).replace(second=0, microsecond=0)
    return rounded.astimezone(zone)
