"""The table of a day's vital signs: every set under the columns that any of them fills, with its scores.

Promises: a row for each set that was charted, struck or late ones too; a score only for a set that counts, computed as
the picture computes it. Does not: lay out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infusion_service.clinical.day import Day
from infusion_service.clinical.definition import FactType
from infusion_service.clinical.vocabulary import Entry
from infusion_service.web.record_marks import is_late, pressures
from infusion_service.web.record_tables import Charted
from infusion_service.web.record_words import Words, split_unit

_ASIDE = frozenset({"confirmed", "source", "position", "unrecordable"})
"""What a set says about itself, not a sign: in the last column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRow:
    """One set of vital signs."""

    n: int
    at: str
    late: bool
    struck: bool
    cells: tuple[str, ...]
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTable:
    """All sets under the columns that any of them fills."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[SetRow, ...]


def sets_of_signs(charted: Charted) -> SetTable | None:
    """Every set of vital signs with its scores; None while there is none."""
    day = charted.day
    kinds = {name: day.workflow.facts[name] for name in day.workflow.of_meaning("vital_signs")}
    sets = [(logged, entry) for logged, entry in charted.entries if entry.kind == "fact" and entry.type in kinds]
    if not sets:
        return None
    bars = pressures(day)
    columns = list(_columns(kinds.values(), bars, [entry for _, entry in sets]))
    scores = _scores(day)
    names = list(day.workflow.scores)
    rows = tuple(
        SetRow(
            n=logged.n,
            at=charted.words.time(entry.occurred_at),
            late=is_late(entry),
            struck=charted.struck(entry),
            cells=(
                *(_cell(charted.words, entry.data, name, bars) for name in columns),
                *(scores.get((entry.entry_id, name), "") for name in names),
                charted.words.data({name: value for name, value in entry.data.items() if name in _ASIDE}),
            ),
            by=_signed(entry),
        )
        for logged, entry in sets
    )
    heads = [_head(name, bars) for name in columns] + [(name.upper(), "") for name in names]
    aside = any(row.cells[-1] for row in rows)
    shown = rows if aside else tuple(_without_last(row) for row in rows)
    return SetTable(columns=(*heads, *((("", ""),) if aside else ())), rows=shown)


def _signed(entry: Entry) -> str:
    """Who charted a set, in short: the role and the device stand in the timeline."""
    how = "" if entry.actor.how == "session" else f" ({entry.actor.how.replace('_', ' ')})"
    return entry.actor.id + how


def _without_last(row: SetRow) -> SetRow:
    return SetRow(n=row.n, at=row.at, late=row.late, struck=row.struck, cells=row.cells[:-1], by=row.by)


def _columns(kinds: Collection[FactType], bars: Mapping[str, str], sets: Sequence[Entry]) -> Iterator[str]:
    charted = {name for entry in sets for name in entry.data}
    for name in dict.fromkeys(name for kind in kinds for name in kind.fields):
        lower_of = next((higher for higher, lower in bars.items() if lower == name), None)
        if name in charted and name not in _ASIDE and not (lower_of and lower_of in charted):
            yield name


def _head(name: str, bars: Mapping[str, str]) -> tuple[str, str]:
    label, unit = split_unit(name)
    return (f"{label} / {split_unit(bars[name])[0]}" if name in bars else label), unit


def _cell(words: Words, data: Mapping[str, Any], name: str, bars: Mapping[str, str]) -> str:
    if name in data.get("unrecordable", ()):
        return "not measurable"
    if name in bars and bars[name] in data:
        return f"{data.get(name, '-')}/{data[bars[name]]}"
    return words.value(data[name]) if name in data else ""


def _scores(day: Day) -> dict[tuple[str, str], str]:
    """The scores of each complete set that counts, with the parts that made them: by entry and score."""
    found: dict[tuple[str, str], str] = {}
    known: dict[str, Any] = {}
    for vital in day.picture.vitals:
        for name, table in day.workflow.scores.items():
            known |= {sign: vital.values[sign] for sign in table.defaults if sign in vital.values}
            parts = table.points({**known, **vital.values}) if vital.complete else None
            if parts:
                found[vital.fact.id, name] = _score(parts)
    return found


def _score(parts: Mapping[str, int]) -> str:
    scoring = ", ".join(f"{split_unit(sign)[0]} {points}" for sign, points in parts.items() if points)
    return f"{sum(parts.values())}" + (f" ({scoring})" if scoring else "")
