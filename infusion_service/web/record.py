"""The record of a day that a person can read: one HTML file, printed on A4, without scripts or anything to fetch.

A pure function of the day's entries and of who prints it: the same give the same bytes, wherever they are made.
Promises: nothing is left out; what was struck, came late, was refused or overridden says so; values of a blind double
check are never shown; each sheet names the patient, the day and its place among the sheets. Does not: decide who may
see it, or read the log.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from infusion_service.clinical.day import Day
from infusion_service.clinical.vocabulary import Actor, Entry, format_time
from infusion_service.log.entry import LogEntry
from infusion_service.web import record_tables as tables
from infusion_service.web.record_chart import chart_of, key_of
from infusion_service.web.record_marks import LATE, is_late, marks_of
from infusion_service.web.record_shapes import flag
from infusion_service.web.record_signs import sets_of_signs
from infusion_service.web.record_words import Words, as_css_text, person, who

_HEAD_CHARS = 12
"""So much of the last leaf's hash stands at the foot of each sheet."""


@dataclass(frozen=True, slots=True)
class Seal:
    """The signed checkpoint that covers the day's entries."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Printed:
    """Who asked for the page, and when."""

    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """One entry as the timeline shows it."""

    n: int
    seq: int
    at: str
    received: str
    what: str
    says: str
    who: str
    state: str
    marks: tuple[str, ...]
    struck: bool


def record_html(
    day: Day,
    entries: Sequence[LogEntry],
    seal: Seal | None,
    *,
    hidden: Collection[str] = frozenset(),
    printed: Printed | None = None,
) -> bytes:
    """The record of a day from all its entries, in the order of the log. `day` is the day folded over them.

    Of the entries in `hidden` it says that there is one, and not what.
    """
    as_of = entries[-1].parsed_leaf.received_at
    record = _Record(day, entries, hidden, as_of if printed is None else max(as_of, printed.at))
    return record.html(seal, printed)


class _Record:
    def __init__(self, day: Day, entries: Sequence[LogEntry], hidden: Collection[str], as_of: datetime) -> None:
        self._day = day
        self._logged = entries
        numbers = {logged.entry.entry_id: logged.n for logged in entries if logged.entry is not None}
        self._words = Words(ZoneInfo(day.timezone), day.date, numbers)
        self._charted = tables.Charted(day=day, logged=entries, words=self._words, hidden=hidden, as_of=as_of)

    def html(self, seal: Seal | None, printed: Printed | None) -> bytes:
        marks = marks_of(self._day, [logged.entry for logged in self._logged])
        chart = chart_of(self._day, marks, self._words)
        page = _template().render(
            day=self._day,
            patient=self._day.patient,
            zone=self._words.zone,
            state=self._title_of(self._day.state),
            at_a_glance=list(self._at_a_glance()),
            sheet=self._sheet(seal, printed),
            chart=chart,
            key=[] if chart is None else key_of(chart),
            flag=flag,
            **self._tables(marks),
            **self._proof(seal),
            printed="" if printed is None else f"{person(printed.by)}, {self._moment(printed.at)}",
        )
        return str(page).encode()

    def _tables(self, marks: Sequence[Any]) -> dict[str, Any]:
        charted = self._charted
        timeline = [shown for _, shown in sorted(self._timeline(), key=lambda item: item[0])]
        return {
            "timeline": timeline,
            "segments": [
                (self._words.time(piece.since), self._words.time(piece.until), f"{piece.rate_ml_per_h.normalize():f}")
                for piece in self._day.picture.pump.segments
            ],
            "dose": tables.dose(charted),
            "given": [shown for entry, shown in self._shown() if entry.kind == "fact" and "drug" in entry.data],
            "sets": sets_of_signs(charted),
            "checks": tables.checks(charted, marks),
            "alerts": tables.alert_rows(charted),
            "double_checks": list(tables.double_checks(charted)),
            "corrections": list(self._corrections()),
            "late_entries": list(self._late()),
            "overrides": list(tables.override_rows(charted)),
            "refusals": [shown for entry, shown in self._shown() if entry.kind == "refused"],
            "signatures": tables.signatures(charted),
            "time": self._words.time,
        }

    def _proof(self, seal: Seal | None) -> dict[str, Any]:
        last = self._logged[-1]
        received_at = last.parsed_leaf.received_at
        return {
            "as_of": self._moment(received_at),
            "seal": seal,
            "root": "" if seal is None else base64.b64encode(seal.root).decode(),
            "entries": len(self._logged),
            "last_seq": last.seq,
            "last_hash": base64.b64encode(last.leaf_hash).decode(),
        }

    def _moment(self, moment: datetime) -> str:
        return f"{self._words.time(moment)} ({format_time(moment)})"

    def _sheet(self, seal: Seal | None, printed: Printed | None) -> dict[str, str]:
        """What stands at the edges of every sheet, as CSS strings."""
        day, last = self._day, self._logged[-1]
        names = [name for name in (day.patient.get("family"), day.patient.get("given")) if name]
        patient = f"{', '.join(names) or 'Patient'} ({day.patient.get('id', '')})"
        if day.patient.get("born"):
            patient += f", born {day.patient['born']}"
        leaf = base64.b16encode(last.leaf_hash).decode().lower()[:_HEAD_CHARS]
        made = f"entry {last.seq} of the log, leaf {leaf}"
        if seal is not None:
            made += f", sealed by {seal.origin} at {seal.size}"
        if printed is not None:
            made += f"; printed by {person(printed.by)} {self._words.time(printed.at)}"
        about = f"Infusion day {day.date}, course {day.course_number} day {day.day_number}"
        return {"patient": as_css_text(patient), "about": as_css_text(about), "made": as_css_text(made)}

    def _title_of(self, state: str | None) -> str:
        return "" if state is None else self._day.workflow.states[state].title

    def _at_a_glance(self) -> Iterator[tuple[str, int]]:
        """What an auditor counts first."""
        ledger, entries = self._day.ledger, self._charted.entries
        yield "alerts", len(ledger.alerts)
        yield "still open", len(ledger.standing)
        yield "checks recorded as overdue", len(ledger.overdue)
        yield "late entries", sum(1 for _, entry in entries if entry.kind == "fact" and is_late(entry))
        yield "struck", len(ledger.struck & set(self._charted.by_id))
        yield "overrides", sum(1 for _ in tables.override_rows(self._charted))
        yield "refused", sum(1 for _, entry in entries if entry.kind == "refused")
        yield "unconfirmed", len(ledger.unconfirmed)

    def _timeline(self) -> Iterator[tuple[tuple[datetime, int], Shown]]:
        for entry, shown in self._shown():
            yield (entry.occurred_at, shown.n), shown
        for logged in self._logged:
            if logged.entry is None:
                leaf = logged.parsed_leaf
                received = self._words.time(leaf.received_at)
                erased = Shown(leaf.n, logged.seq, "", received, "erased", "", "", "", ("erased",), struck=False)
                yield (leaf.received_at, leaf.n), erased

    def _shown(self) -> Iterator[tuple[Entry, Shown]]:
        """Every entry in clinical order, as it is shown."""
        for logged, entry in self._charted.entries:
            yield (
                entry,
                Shown(
                    n=logged.n,
                    seq=logged.seq,
                    at=self._words.time(entry.occurred_at),
                    received=self._words.time(entry.received_at) if is_late(entry) else "",
                    what=self._charted.title(entry),
                    says=self._charted.says(entry),
                    who=who(entry),
                    state=self._title_of(entry.outcome.get("state_to")),
                    marks=tuple(self._marks(entry)),
                    struck=self._charted.struck(entry),
                ),
            )

    def _marks(self, entry: Entry) -> Iterator[str]:
        if entry.kind != "fact":
            yield entry.kind
        if self._charted.struck(entry):
            yield "struck"
        if entry.corrects is not None:
            yield f"corrects no. {self._words.number(entry.corrects)}"
        if entry.late_reason is not None:
            yield f"late: {entry.late_reason}"
        if entry.claimed is not None:
            yield "tablet's time corrected"
        if entry.entry_id in self._day.ledger.unconfirmed:
            yield "unconfirmed"
        if entry.data.get("retrospective") is True:
            yield "retrospective"

    def _late(self) -> Iterator[dict[str, Any]]:
        for entry, shown in self._shown():
            if entry.kind == "fact" and is_late(entry):
                minutes = (entry.received_at - entry.occurred_at) // LATE
                recorded = self._words.time(entry.recorded_at)
                number = "" if entry.device is None or entry.device.seq is None else f" no. {entry.device.seq}"
                yield {
                    "shown": shown,
                    "minutes": minutes,
                    "recorded": recorded,
                    "device": "" if entry.device is None else entry.device.id + number,
                    "reason": entry.late_reason or "",
                    "by": person(entry.actor) + ("" if entry.second is None else f" with {person(entry.second)}"),
                }

    def _corrections(self) -> Iterator[tuple[Shown, Shown | None]]:
        """Each struck entry beside what struck or replaced it."""
        by_target: dict[str, Shown] = {}
        shown_of: dict[str, Shown] = {}
        struck = self._day.ledger.struck
        for entry, shown in self._shown():
            shown_of[entry.entry_id] = shown
            if entry.corrects is not None:
                by_target[entry.corrects] = shown
            elif "entry" in entry.data and str(entry.data["entry"]) in struck:
                by_target.setdefault(str(entry.data["entry"]), shown)
        for target in sorted(struck & shown_of.keys(), key=self._words.number):
            yield shown_of[target], by_target.get(target)


@cache
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("infusion_service.web"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("record.html")
