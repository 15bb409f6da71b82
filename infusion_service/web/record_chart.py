"""The chart of a day's record: one panel for each vital sign, one for the rate of the infusion, on one axis of time.

Returns geometry, not markup: the template draws it. Which signs there are, which belong together and in which range
they lie is told by the day's own workflow. A struck reading is drawn apart, never left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from infusion_service.clinical.day import Day
from infusion_service.clinical.definition import Field

WIDTH = 680
LEFT = 92
PANEL_HEIGHT = 58
PANEL_GAP = 12
TOP = 30
RIGHT = 16
ALERT_ROWS = 3
"""Alerts follow one another closely: their numbers stand in turn on so many rows."""

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

_MARGIN = timedelta(minutes=10)
_HOUR = timedelta(hours=1)
_TICKS_MAX = 14


@dataclass(frozen=True, slots=True)
class Point:
    """A reading in its place, with what it says."""

    x: float
    y: float
    says: str


@dataclass(frozen=True, slots=True)
class Line:
    """One sign over the day: its readings in order, and those that were struck."""

    name: str
    dash: str
    points: tuple[Point, ...]
    struck: tuple[Point, ...]

    @property
    def path(self) -> str:
        """The points of the line, as SVG writes them."""
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)


@dataclass(frozen=True, slots=True)
class Panel:
    """One strip of the chart."""

    title: str
    unit: str
    top: float
    height: float
    high: str
    low: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something at one moment: a tick of the axis, or an alert."""

    x: float
    label: str
    says: str = ""
    row: int = 0


@dataclass(frozen=True, slots=True)
class Chart:
    """All there is to draw."""

    width: int
    height: float
    left: int
    right: int
    panels: tuple[Panel, ...]
    ticks: tuple[Mark, ...]
    alerts: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class _Reading:
    at: datetime
    value: Decimal
    struck: bool


def split_unit(name: str) -> tuple[str, str]:
    """Take a field's name apart: `systolic_mmhg` is systolic, in mmHg; no unit, no second part."""
    for suffix, shown in UNITS.items():
        if name.endswith("_" + suffix):
            return name.removesuffix("_" + suffix).replace("_", " "), shown
    return name.replace("_", " "), ""


def chart_of(day: Day, zone: ZoneInfo, numbers: Mapping[str, int]) -> Chart | None:
    """The chart of a day; None while nothing is charted that could be drawn.

    `numbers` tells the number of each entry: alerts are marked with theirs.
    """
    readings = _readings(day)
    steps = _rate_steps(day)
    moments = [reading.at for series in readings.values() for reading in series] + [at for at, _ in steps]
    if not moments:
        return None
    axis = _Axis(min(moments) - _MARGIN, max(moments) + _MARGIN)
    panels: list[Panel] = []
    for names in _groups(day, readings):
        panels.append(_panel({name: readings[name] for name in names}, axis, _top(len(panels))))
    if steps:
        panels.append(_rate_panel(steps, axis, _top(len(panels))))
    alerts = tuple(
        Mark(axis.x(alert.raised_at), f"{numbers.get(alert.id, 0)}", alert.rule, place % ALERT_ROWS)
        for place, alert in enumerate(day.ledger.alerts.values())
    )
    return Chart(WIDTH, _top(len(panels)) + 14, LEFT, RIGHT, tuple(panels), tuple(axis.ticks(zone)), alerts)


def _top(index: int) -> float:
    return TOP + index * (PANEL_HEIGHT + PANEL_GAP)


class _Axis:
    def __init__(self, first: datetime, last: datetime) -> None:
        self._first = first
        self._last = last

    def x(self, moment: datetime) -> float:
        inside = min(max(moment, self._first), self._last)
        return LEFT + (WIDTH - LEFT - RIGHT) * ((inside - self._first) / (self._last - self._first))

    def ticks(self, zone: ZoneInfo) -> Iterator[Mark]:
        hours = max(1, -(-int((self._last - self._first) / _HOUR) // _TICKS_MAX))
        moment = self._first.replace(minute=0, second=0, microsecond=0) + _HOUR
        while moment <= self._last:
            yield Mark(self.x(moment), f"{moment.astimezone(zone):%H:%M}")
            moment += hours * _HOUR


def _charted_fields(day: Day) -> dict[str, Field]:
    return {
        name: field
        for kind in day.workflow.of_meaning("vital_signs")
        for name, field in day.workflow.facts[kind].fields.items()
        if field.type in ("integer", "decimal") and (field.soft or field.hard)
    }


def _readings(day: Day) -> dict[str, list[_Reading]]:
    fields = _charted_fields(day)
    kinds = day.workflow.of_meaning("vital_signs")
    found: dict[str, list[_Reading]] = {}
    for fact in sorted(day.charted, key=lambda fact: fact.at):
        if fact.type in kinds:
            for name in fields:
                if name in fact.data:
                    reading = _Reading(fact.at, Decimal(str(fact.data[name])), fact.id in day.ledger.struck)
                    found.setdefault(name, []).append(reading)
    return {name: found[name] for name in fields if name in found}


def _groups(day: Day, readings: Mapping[str, Sequence[_Reading]]) -> Iterator[list[str]]:
    """Signs that are always measured together share a panel."""
    together = [group for kind in day.workflow.of_meaning("vital_signs") for group in day.workflow.facts[kind].together]
    seen: set[str] = set()
    for name in readings:
        if name not in seen:
            group = [other for group in together if name in group for other in group if other in readings] or [name]
            seen.update(group)
            yield group


def _panel(signs: Mapping[str, Sequence[_Reading]], axis: _Axis, top: float) -> Panel:
    values = [reading.value for series in signs.values() for reading in series]
    low, high = _range(min(values), max(values))
    names = [split_unit(name) for name in signs]

    def point(reading: _Reading) -> Point:
        share = float((reading.value - low) / (high - low))
        return Point(axis.x(reading.at), top + PANEL_HEIGHT * (1 - share), str(reading.value))

    lines = tuple(
        Line(
            name=split_unit(name)[0],
            dash="" if number == 0 else "4 2",
            points=tuple(point(reading) for reading in series if not reading.struck),
            struck=tuple(point(reading) for reading in series if reading.struck),
        )
        for number, (name, series) in enumerate(signs.items())
    )
    title = ", ".join(name for name, _ in names)
    return Panel(title, names[0][1], top, PANEL_HEIGHT, str(high), str(low), lines)


def _range(low: Decimal, high: Decimal) -> tuple[Decimal, Decimal]:
    """A little more than what is charted, in whole numbers."""
    room = max(Decimal(1), (high - low) / 10)
    return Decimal(int(low - room)), Decimal(int(high + room) + 1)


def _rate_steps(day: Day) -> list[tuple[datetime, Decimal]]:
    steps: list[tuple[datetime, Decimal]] = []
    last = day.picture.last_at
    for segment in day.picture.pump.segments:
        until = segment.until or last or segment.since
        if not steps or steps[-1][0] != segment.since:
            steps.append((segment.since, Decimal(0)))
        steps += [(segment.since, segment.rate_ml_per_h), (until, segment.rate_ml_per_h)]
        steps.append((until, Decimal(0)))
    return steps


def _rate_panel(steps: Sequence[tuple[datetime, Decimal]], axis: _Axis, top: float) -> Panel:
    high = _range(Decimal(0), max(rate for _, rate in steps))[1]
    points = tuple(
        Point(axis.x(at), top + PANEL_HEIGHT * (1 - float(rate / high)), f"{rate.normalize():f}") for at, rate in steps
    )
    return Panel("infusion rate", "mL/h", top, PANEL_HEIGHT, str(high), "0", (Line("rate", "", points, ()),))
