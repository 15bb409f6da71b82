"""How the record writes times, values and people: for readers, in the ward's own time.

Promises: the same value reads the same everywhere on the page. A time names its date only where it is not the day's,
and its offset only on a date on which the ward's clock changes; the zone itself is named once. Does not: decide what
is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from infusion_service.clinical.vocabulary import Actor, Entry, parse_time

UNITS: Mapping[str, str] = {
    "per_min": "/min",
    "mmhg": "mmHg",
    "percent": "%",
    "celsius": "°C",
    "mmol_per_l": "mmol/L",
    "ml_per_h": "mL/h",
    "mg": "mg",
    "ml": "mL",
    "minutes": "min",
}
"""What stands last in a field's name, and how people write it."""

HOW: Mapping[str, str] = {
    "session": "signed in with badge and PIN",
    "session_expired": "entered while signed in, sent after the session had ended",
    "offline_badge": "badge scanned while the tablet was offline, no PIN",
    "device": "the device itself, nobody signed in",
    "token": "a token: of a service, or by the hospital's own sign-in",
    "service": "the service itself",
}
"""In which way somebody was known (`actor.how`)."""

SERVICE_TITLES: Mapping[str, str] = {
    "alert.raised": "Alert raised",
    "alert.closed": "Alert closed",
    "alert.answered": "Alert answered",
    "alert.escalated": "Alert escalated",
    "check.overdue": "Check overdue",
    "override.used": "Override used",
    "course.carried": "Carried over from the course",
    "clock.ticked": "Time passed",
    "entry.struck": "Entry struck",
    "day.read": "Record read",
    "double_check.entered": "First of two entries",
}
"""What the entries are called that the service makes itself; a fact's title is its workflow's."""

_HIDDEN = frozenset({"alert_id", "family", "rank", "submitted", "members", "patient", "file"})
_TIME_CHARS = len("2026-11-23T07:20:00.000Z")
_ID_CHARS = 36


def split_unit(name: str) -> tuple[str, str]:
    """Take a field's name apart: `systolic_mmhg` is systolic, in mmHg; no unit, no second part."""
    for suffix, shown in UNITS.items():
        if name.endswith("_" + suffix):
            return name.removesuffix("_" + suffix).replace("_", " "), shown
    return name.replace("_", " "), ""


class Words:
    """Writes what stands in the entries of one day."""

    def __init__(self, zone: ZoneInfo, day_date: date | None, numbers: Mapping[str, int]) -> None:
        """`numbers` tells the number of each entry, by which it is named wherever another one refers to it."""
        self._zone = zone
        self._date = day_date
        self._numbers = numbers

    def time(self, moment: datetime | None, *, seconds: bool = True) -> str:
        """Return a moment in ward time, with what is needed to tell it from every other."""
        if moment is None:
            return ""
        local = moment.astimezone(self._zone)
        text = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
        if local.date() != self._date:
            text = f"{local:%Y-%m-%d} {text}"
        return f"{text} {_offset(local)}" if self.changes_on(local.date()) else text

    def hour(self, moment: datetime) -> str:
        """Return the time of day for an axis: without its date, with its offset where the clock changes."""
        local = moment.astimezone(self._zone)
        return f"{local:%H:%M}{_offset(local)}" if self.changes_on(local.date()) else f"{local:%H:%M}"

    def changes_on(self, day_date: date) -> bool:
        """Whether the ward's clock is changed on a date: then the same time of day may come twice."""
        midnight = datetime.combine(day_date, time(0), tzinfo=self._zone)
        return midnight.utcoffset() != (midnight + timedelta(days=1)).utcoffset()

    @property
    def zone(self) -> str:
        """Return the ward's zone, with its offset on the day."""
        if self._date is None:
            return self._zone.key
        morning = datetime.combine(self._date, time(0), tzinfo=self._zone)
        said = f"{self._zone.key}, UTC{_offset(morning)}"
        if self.changes_on(self._date):
            said += f" until the clock change of that day, then UTC{_offset(morning + timedelta(days=1))}"
        return said

    def number(self, entry_id: str) -> int:
        """Return the number of an entry of the day, 0 for one of another day."""
        return self._numbers.get(entry_id, 0)

    def data(self, data: Mapping[str, Any], order: Sequence[str] = ()) -> str:
        """Return what an entry says, each field with its name and unit: those named in `order` first, and so."""
        parts = []
        for name in (*(name for name in order if name in data), *(name for name in data if name not in order)):
            value = data[name]
            if name not in _HIDDEN and value not in (None, "", [], {}):
                label, unit = split_unit(name)
                parts.append(f"{label} {self.value(value)} {unit}".rstrip())
        return "; ".join(parts)

    def value(self, value: Any) -> str:
        """Return one value: a moment in ward time, an entry by its number, anything else as it was charted."""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, Mapping):
            return f"({self.data(value)})"
        if isinstance(value, list | tuple):
            return self._grouped(value) or ", ".join(self.value(item) for item in value)
        text = str(value)
        if len(text) == _ID_CHARS and text in self._numbers:
            return f"no. {self._numbers[text]}"
        return self._moment(text)

    def _grouped(self, items: Sequence[Any]) -> str:
        """A checklist by its answers: which items were answered so."""
        if not all(isinstance(item, Mapping) and len(item) == len(("item", "answer")) for item in items):
            return ""
        answers: dict[str, list[str]] = {}
        for item in items:
            what, answer = item.values()
            answers.setdefault(self.value(answer), []).append(self.value(what))
        return "; ".join(f"{answer}: {', '.join(whats)}" for answer, whats in answers.items())

    def _moment(self, text: str) -> str:
        if len(text) == _TIME_CHARS and text.endswith("Z"):
            try:
                return self.time(parse_time(text))
            except ValueError:
                return text
        return text


def _offset(local: datetime) -> str:
    return f"{local:%z}"[:3] + ":" + f"{local:%z}"[3:5]


def who(entry: Entry) -> str:
    """Return who an entry is by: the person, the second person, the device it came through."""
    said = person(entry.actor)
    if entry.second is not None:
        said += f" with {person(entry.second)}"
    if entry.device is not None and entry.device.id != entry.actor.id:
        said += f", {entry.device.id}"
    return said


def person(actor: Actor) -> str:
    """Return somebody's id and role, and how they were known where that was no sign-in."""
    how = "" if actor.how in ("session", "service", "device", "token") else f", {actor.how.replace('_', ' ')}"
    return actor.id if actor.role == "service" else f"{actor.id} ({actor.role.replace('_', ' ')}{how})"


def as_css_text(text: str) -> str:
    """Return text as a CSS string that ends nowhere but at its end, whatever is in it."""
    safe = "".join(
        each if each.isascii() and (each.isalnum() or each in " .,:-") else f"\\{ord(each):06x} " for each in text
    )
    return f'"{safe}"'
