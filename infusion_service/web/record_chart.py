"""The chart of a day's record: alerts, signs, infusion, drugs, symptoms and checks on one axis of time.

Returns geometry, not markup: the template draws it. Which marks there are and what each is called is told by
`record_marks`; every one of them is drawn. Which signs share a strip and in which range they lie is told by the day's
own workflow. Does not: decide what a mark means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from infusion_service.clinical.day import Day
from infusion_service.web.record_marks import MARKS, Mark, charted_fields, check_names, pressures
from infusion_service.web.record_shapes import FLAGS, POINTS, box, crossed, flag
from infusion_service.web.record_words import Words, split_unit

WIDTH = 680
LEFT = 112
RIGHT = 30
"""Room for the number beside a mark that stands at the end."""
GAP = 9
STRIP_HEIGHT = 44
HIGH_STRIP = 104
"""The strip of pressure and pulse, which people look at first."""
RATE_HEIGHT = 40
ROW_HEIGHT = 15
ROW_ROOM = 21
"""So far apart stand two marks with a number in one row."""
ROWS_MAX = 8
CHAR_WIDTH = 4.8
"""Of a digit under the axis."""
BAR_WIDTH = 3.2
ROOM_BELOW = 17
ASIDE = 9

_EDGE = timedelta(minutes=10)
_NEAR = timedelta(hours=1)
_HOUR = timedelta(hours=1)
_CHARTED = frozenset(
    {"pressure", "pulse", "spo2", "respiration", "temperature", "sign", "unrecordable", "rate", "pause", "symptom"}
)
"""Between the first and the last of these runs the axis; what lies far outside stands at its edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A mark in its place. `label` stands beside it, `letter` in it, `crossed` over it where it was struck."""

    mark: Mark
    path: str
    says: str
    x: float
    y: float
    label: str = ""
    label_x: float = 0
    label_y: float = 0
    letter: str = ""
    crossed: str = ""


@dataclass(slots=True, kw_only=True)
class Strip:
    """One strip of the chart: its frame, what its marks stand for, and the lines between them."""

    titles: tuple[tuple[str, str], ...]
    top: float
    height: float
    levels: tuple[tuple[float, str], ...] = ()
    drawn: list[Drawn] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    framed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """All there is to draw. `beyond` counts the marks that stand at an edge because they lie far outside."""

    width: int
    height: float
    left: int
    right: int
    bottom: float
    strips: tuple[Strip, ...]
    ticks: tuple[tuple[float, str], ...]
    beyond: int


@dataclass(frozen=True, slots=True)
class KeyItem:
    """One line of the key: a sample of a mark in a square of 16, and what it stands for."""

    kind: str
    path: str
    says: str
    letter: str


def chart_of(day: Day, marks: Sequence[Mark], words: Words) -> Chart | None:
    """The chart of a day's marks; None while there is none."""
    if not marks:
        return None
    plot = _Plot(day, marks, words)
    bottom = plot.draw()
    return Chart(
        width=WIDTH,
        height=bottom + ROOM_BELOW,
        left=LEFT,
        right=WIDTH - RIGHT,
        bottom=bottom,
        strips=tuple(plot.strips),
        ticks=tuple(plot.axis.ticks(words)),
        beyond=sum(plot.axis.is_beyond(mark.at) for mark in marks),
    )


def key_of(chart: Chart) -> list[KeyItem]:
    """What the marks of a chart stand for, each kind that is in it once, an alert's by severity."""
    drawn = [each.mark for strip in chart.strips for each in strip.drawn]
    kinds = {mark.kind for mark in drawn}
    items = []
    for kind, says in MARKS.items():
        if kind == "alert":
            severities = {mark.severity for mark in drawn if mark.kind == kind}
            items += [
                KeyItem(kind, flag(name, 8, 8), f"alert, {name}", name[:1].upper())
                for name in FLAGS
                if name in severities
            ]
        elif kind in kinds:
            items.append(KeyItem(kind, _SAMPLES.get(kind) or POINTS[kind](8, 8), says.partition(":")[0], ""))
    return items


_SAMPLES: Mapping[str, str] = {
    "pressure": box(8 - BAR_WIDTH / 2, 2, BAR_WIDTH, 12),
    "unrecordable": "M0 0Z",
    "rate": box(2, 5, 12, 8),
    "pause": box(2, 3, 12, 10),
}
"""In the key: marks that are no figure of their own."""


class _Axis:
    def __init__(self, marks: Sequence[Mark]) -> None:
        core = [moment for mark in marks if mark.kind in _CHARTED for moment in (mark.at, mark.until) if moment]
        core = core or [mark.at for mark in marks]
        first, last = min(core), max(core)
        near = [mark.at for mark in marks if first - _NEAR <= mark.at <= last + _NEAR]
        self.first = min(first, *near) - _EDGE
        self.last = max(last, *near) + _EDGE

    def is_beyond(self, moment: datetime) -> bool:
        """Whether a moment has its place outside the axis."""
        return not self.first <= moment <= self.last

    def x(self, moment: datetime | None) -> float:
        """Where a moment lies; None is the end."""
        inside = self.last if moment is None else min(max(moment, self.first), self.last)
        return LEFT + (WIDTH - LEFT - RIGHT) * ((inside - self.first) / (self.last - self.first))

    def ticks(self, words: Words) -> Iterator[tuple[float, str]]:
        """Full hours, no more than have room for what is written under them."""
        first = self.first.replace(minute=0, second=0, microsecond=0) + _HOUR
        count = int((self.last - first) / _HOUR) + 1
        hours = [first + number * _HOUR for number in range(count)]
        chars = max((len(words.hour(moment)) for moment in hours), default=1)
        room = (WIDTH - LEFT - RIGHT) / (chars * CHAR_WIDTH + 8)
        for moment in hours[:: max(1, -int(-count // room))]:
            yield self.x(moment), words.hour(moment)


class _Plot:
    def __init__(self, day: Day, marks: Sequence[Mark], words: Words) -> None:
        self._day = day
        self._words = words
        self._kinds: dict[str, list[Mark]] = {}
        for mark in marks:
            self._kinds.setdefault(mark.kind, []).append(mark)
        self.axis = _Axis(marks)
        self.strips: list[Strip] = []
        self._top = 4.0

    def draw(self) -> float:
        """Lay everything out from top to bottom; return where the last strip ends."""
        self._rows(("alerts", ""), self._kinds.get("alert", []), 18, self._flag)
        for signs in self._groups():
            self._strip_of(signs)
        self._infusion()
        self._rows(("other drugs", ""), self._kinds.get("drug", []), ROW_HEIGHT, self._numbered)
        self._rows(("symptoms", ""), self._kinds.get("symptom", []), ROW_HEIGHT, self._numbered)
        self._checks()
        return self._top - GAP

    def _add(self, titles: tuple[tuple[str, str], ...], height: float, *, framed: bool = True) -> Strip:
        strip = Strip(titles=titles, top=self._top, height=height, framed=framed)
        self.strips.append(strip)
        self._top += height + GAP
        return strip

    def _groups(self) -> Iterator[list[str]]:
        """Fields that share a strip: pressures with the pulse, every other sign alone."""
        marked = {mark.sign for marks in self._kinds.values() for mark in marks if mark.sign}
        bars = pressures(self._day)
        first = [name for name in bars if name in marked]
        pulses = {mark.sign for mark in self._kinds.get("pulse", [])}
        together = [*first, *(name for name in charted_fields(self._day) if first and name in pulses)]
        if together:
            yield together
        shown = {*together, *(bars[name] for name in first)}
        for name in charted_fields(self._day):
            if name in marked and name not in shown:
                yield [name]
        for name in sorted(marked & set(bars.values()) & shown):
            yield [name]  # only half of a pair, or one that could not be measured

    def _strip_of(self, signs: list[str]) -> None:
        bars = pressures(self._day)
        marks = [mark for kind in self._kinds.values() for mark in kind if mark.sign in signs]
        values = [Decimal(part) for mark in marks if mark.value for part in mark.value.split("/")]
        titles = tuple(self._title(name, bars) for name in signs)
        strip = self._add(titles, HIGH_STRIP if signs[0] in bars and values else STRIP_HEIGHT)
        levels = _levels(values, 5 if strip.height == HIGH_STRIP else 3)
        foot = strip.top + strip.height

        def y(value: Decimal) -> float:
            return foot - strip.height * float((value - levels[0]) / (levels[-1] - levels[0]))

        strip.levels = tuple((y(level), f"{level.normalize():f}") for level in levels) if values else ()
        counted = {(mark.sign, mark.at) for mark in marks if not mark.struck}
        for mark in marks:
            # What was struck stands beside what replaced it, and not under it.
            aside = ASIDE if mark.struck and (mark.sign, mark.at) in counted else 0
            strip.drawn.append(self._reading(mark, self.axis.x(mark.at) - aside, y, foot))
        for name in signs:
            line = [mark for mark in marks if mark.sign == name and not mark.struck and mark.kind not in _NO_LINE]
            places = [(self.axis.x(mark.at), y(Decimal(mark.value))) for mark in line]
            strip.lines.append(" ".join(f"{x:.1f},{height:.1f}" for x, height in places))

    def _title(self, name: str, bars: Mapping[str, str]) -> tuple[str, str]:
        label, unit = split_unit(name)
        return (f"{label}/{split_unit(bars[name])[0]}" if name in bars else label), unit

    def _reading(self, mark: Mark, x: float, y: Callable[[Decimal], float], foot: float) -> Drawn:
        if mark.kind == "unrecordable":
            return self._at(mark, "", x, foot - 5, letter="?")
        values = [Decimal(part) for part in mark.value.split("/")]
        top = y(values[0])
        if mark.kind == "pressure":
            path = box(x - BAR_WIDTH / 2, top, BAR_WIDTH, y(values[1]) - top)
            return self._at(mark, path, x, (top + y(values[1])) / 2)
        return self._at(mark, POINTS[mark.kind](x, top), x, top)

    def _at(self, mark: Mark, path: str, x: float, y: float, *, letter: str = "") -> Drawn:
        over = crossed(x, y) if mark.struck else ""
        return Drawn(mark=mark, path=path, says=self._says(mark), x=x, y=y, letter=letter, crossed=over)

    def _says(self, mark: Mark) -> str:
        what, unit = split_unit(mark.sign) if mark.sign else (mark.check or mark.kind.replace("-", " "), "")
        marked = ["late"] * mark.late + ["struck"] * mark.struck + [mark.doubt] * bool(mark.doubt)
        said = " ".join(part for part in (what, mark.value, unit) if part)
        return ", ".join((f"{self._words.time(mark.at)} {said}", *marked))

    def _infusion(self) -> None:
        rates, pauses = self._kinds.get("rate", []), self._kinds.get("pause", [])
        if not rates:
            return
        strip = self._add((("infusion rate", "mL/h"),), RATE_HEIGHT)
        foot = strip.top + strip.height
        most = max(Decimal(1), *(Decimal(mark.value) for mark in rates))
        for mark in (*rates, *pauses):
            x, until = self.axis.x(mark.at), self.axis.x(mark.until)
            share = float(Decimal(mark.value) / most) if mark.kind == "rate" else 1.0
            height = max(1.0, (strip.height - 11) * share) if mark.kind == "rate" else strip.height
            drawn = self._at(mark, box(x, foot - height, max(0.8, until - x), height), x, foot - height)
            room = until - x >= ROW_ROOM
            strip.drawn.append(_labelled(drawn, mark.value if room else "", (x + until) / 2, foot - height - 2))

    def _rows(
        self, title: tuple[str, str], marks: Sequence[Mark], height: float, draw: Callable[[Mark, float], Drawn]
    ) -> None:
        """Marks that carry a number, in as many rows as they need to stand beside each other."""
        if not marks:
            return
        free_from: list[float] = []
        places: list[tuple[Mark, int]] = []
        for mark in marks:
            x = self.axis.x(mark.at)
            row = next((row for row, free in enumerate(free_from) if free <= x), len(free_from))
            row = min(row, ROWS_MAX - 1)
            free_from[row : row + 1] = [x + ROW_ROOM + 4]
            places.append((mark, row))
        strip = self._add((title,), len(free_from) * height, framed=False)
        strip.drawn += [draw(mark, strip.top + height * (row + 0.5)) for mark, row in places]

    def _flag(self, mark: Mark, y: float) -> Drawn:
        x = self.axis.x(mark.at)
        drawn = self._at(mark, flag(mark.severity, x, y), x, y, letter=mark.severity[:1].upper())
        return _labelled(drawn, f"{self._words.number(mark.entry)}", x + 8, y + 3)

    def _numbered(self, mark: Mark, y: float) -> Drawn:
        x = self.axis.x(mark.at)
        return _labelled(
            self._at(mark, POINTS[mark.kind](x, y), x, y), f"{self._words.number(mark.entry)}", x + 7, y + 3
        )

    def _checks(self) -> None:
        for name in check_names(self._day, [mark for kind in self._kinds.values() for mark in kind]):
            for kind, title in (("check-done", f"check: {name}"), ("check-missed", f"overdue: {name}")):
                marks = [mark for mark in self._kinds.get(kind, []) if mark.check == name]
                if marks:
                    strip = self._add(((title, ""),), ROW_HEIGHT - 3, framed=False)
                    y = strip.top + strip.height / 2
                    for mark in marks:
                        x = self.axis.x(mark.at)
                        strip.drawn.append(self._at(mark, POINTS[kind](x, y), x, y))


_NO_LINE = frozenset({"pressure", "unrecordable"})


def _labelled(drawn: Drawn, label: str, x: float, y: float) -> Drawn:
    return replace(drawn, label=label, label_x=x, label_y=y)


def _levels(values: Sequence[Decimal], about: int) -> list[Decimal]:
    """Round levels with room around the values: a step of 1, 2 or 5 times a power of ten, about so many of them."""
    if not values:
        return [Decimal(0), Decimal(1)]
    room = max((max(values) - min(values)) / 10, Decimal(1))
    low, high = min(values) - room, max(values) + room
    step = next(each for each in _STEPS if each >= (high - low) / about)
    levels = [low // step * step]
    while levels[-1] < high:
        levels.append(levels[-1] + step)
    return levels


_STEPS = tuple(Decimal(digit) * Decimal(10) ** power for power in range(-1, 6) for digit in (1, 2, 5))
