"""Where a play stands: the clock, the days scheduled so far, and what the log has gained since the last step."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from infusion_service.cli.rehearsal.expectation import ALERT_RAISED
from infusion_service.cli.rehearsal.script import GivenDay
from infusion_service.cli.rehearsal.strict import ScriptInvalid
from infusion_service.cli.rehearsal.wall_time import WallTime
from infusion_service.cli.rehearsal.ward import Ward


@dataclass(slots=True, kw_only=True)
class PlayedDay:
    """One day that has been scheduled."""

    day_id: str
    given: GivenDay
    label: str | None = None


@dataclass(slots=True, kw_only=True)
class Scene:
    """The clock and the days of one play."""

    file: str
    zone: ZoneInfo
    now: datetime
    days: list[PlayedDay] = field(default_factory=list)

    @property
    def today(self) -> date:
        """The ward's calendar date."""
        return self.now.astimezone(self.zone).date()

    def day(self, which: int | str | None, where: str) -> PlayedDay:
        """Return the day a step means: the n-th scheduled or the one with a label; by default the first.

        A number beyond those scheduled may still name the only one with that day number in its course. Raises
        `ScriptInvalid` when there is no such day.
        """
        if which is None:
            return self.days[0]
        for number, day in enumerate(self.days, 1):
            if which in (number, day.label):
                return day
        numbered = [day for day in self.days if day.given.day == which]
        if len(numbered) == 1:
            return numbered[0]
        raise ScriptInvalid(self.file, where, "day", f"{which!r} is none of the {len(self.days)} scheduled days")

    def ahead(self, when: WallTime, day: PlayedDay, where: str) -> datetime:
        """Return the moment of a step's time: on the day's date, or today where that has passed.

        Raises `ScriptInvalid` for a time that has passed either way.
        """
        moment = when.not_before(self.now, [day.given.date, self.today], self.zone)
        if moment < self.now:
            raise ScriptInvalid(
                self.file, where, "at", f"{when} is before {self.now.astimezone(self.zone):%Y-%m-%d %H:%M}"
            )
        return moment

    def behind(self, when: WallTime, day: PlayedDay) -> datetime:
        """Return the moment at which something happened: today, or on the day's date where today it is yet to come."""
        return when.not_after(self.now, [self.today, day.given.date], self.zone)


class Gains:
    """What the log has gained since the last step, and the latest alert of each rule."""

    def __init__(self, ward: Ward) -> None:
        """Start before the log's first entry."""
        self._ward = ward
        self._seen_seq = 0
        self._entries: list[dict[str, Any]] = []
        self._alerts: dict[tuple[str, str], str] = {}

    def forget(self) -> None:
        """A new step begins: what was gained before does not count for it."""
        self._entries.clear()

    async def of_day(self, day_id: str) -> list[dict[str, Any]]:
        """Return the entries of a day appended since the step began."""
        await self.catch_up()
        return [entry for entry in self._entries if entry["stream"] == day_id]

    async def alert_ids(self, day_id: str) -> dict[str, str]:
        """Return rule to alert id of a day: the open alert's, else that of the latest there was."""
        await self.catch_up()
        latest = {rule: alert for (stream, rule), alert in self._alerts.items() if stream == day_id}
        view = await self._ward.view(day_id)
        return latest | {alert["rule"]: alert["alert_id"] for alert in view["alerts"]}

    async def catch_up(self) -> None:
        """Read what has been appended since the last look."""
        while entries := await self._ward.entries(self._seen_seq):
            for entry in entries:
                if entry["type"] == ALERT_RAISED:
                    self._alerts[(entry["stream"], entry["data"]["rule"])] = entry["data"]["alert_id"]
            self._entries += entries
            self._seen_seq = entries[-1]["seq"]
