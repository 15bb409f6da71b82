"""The marks a day's chart is made of, in the printed record and on the auditor's page.

The one place where the vocabulary is defined: `MARKS` for the kinds, `Mark` for what a drawn mark carries. Both charts
draw exactly the marks that `marks_of` lists, each with the attributes of `Mark.attributes`; a test holds them against
each other, mark for mark. Promises: a pure function of the day and its entries; what was struck or came late is there
and says so. Does not: know where on paper a mark lies (`record_chart` does).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from infusion_service.clinical.day import Day
from infusion_service.clinical.definition import Check, Field
from infusion_service.clinical.facts import doubt_about, shortest
from infusion_service.clinical.ledger import ALERT_RAISED, CHECK_OVERDUE
from infusion_service.clinical.vocabulary import Entry, format_time, parse_time

LATE = timedelta(minutes=1)
"""An entry received so long after it happened, or longer, is drawn hollow."""

MARKS: Mapping[str, str] = {
    "pressure": "blood pressure: a bar from the lower to the higher value",
    "pulse": "pulse: a disc",
    "spo2": "oxygen saturation: a square",
    "respiration": "breaths a minute: a triangle on its point",
    "temperature": "temperature: a diamond",
    "sign": "any other number of a set of signs: a small upright cross",
    "unrecordable": "a sign that could not be measured: a question mark at the foot of its strip",
    "rate": "infusion rate: a band as high as the rate, from the entry that set it until the next",
    "pause": "the pump stood between two rates: a hatched band",
    "drug": "another drug: a wedge pointing down",
    "symptom": "a reported symptom: a star",
    "alert": "an alert, by severity: octagon C critical, triangle H high, diamond M medium, circle L low",
    "check-done": "a check that was made: a tick",
    "check-missed": "a check recorded as overdue, at the moment it was due: an empty box",
}
"""Kind of mark (`data-mark`) to what it stands for and how it is drawn. Late is hollow, struck is crossed out, a value
outside the usual range has a question mark beside it; nothing is left out for being any of these."""

_SIGN_MARKS: Mapping[str, str] = {
    "heart_rate": "pulse",
    "pulse": "pulse",
    "spo2": "spo2",
    "respiratory": "respiration",
    "celsius": "temperature",
}
"""What a field's name contains, to the mark of its sign; any other is a `sign`."""

_RUNS = frozenset({"pump_started", "pump_rate_changed", "pump_resumed"})
_STANDS = frozenset({"pump_paused", "pump_alarm", "pump_stopped", "pump_completed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One mark: of which entry, when, and what it says. `until` ends a band; None: it had not ended."""

    kind: str
    entry: str
    at: datetime
    late: bool
    struck: bool
    value: str = ""
    until: datetime | None = None
    sign: str = ""
    """The field of a reading; of a pressure the higher one."""
    check: str = ""
    severity: str = ""
    doubt: str = ""
    """`unusual` or `implausible`, for a reading outside the range its workflow calls so."""

    @property
    def attributes(self) -> dict[str, str]:
        """What the drawn mark carries, in the record and on the auditor's page."""
        carried = {
            "data-mark": self.kind,
            "data-entry": self.entry,
            "data-late": _flag(self.late),
            "data-struck": _flag(self.struck),
            "data-at": format_time(self.at),
            "data-value": self.value,
        }
        if self.kind in ("rate", "pause"):
            carried["data-until"] = "" if self.until is None else format_time(self.until)
        for name in ("sign", "check", "severity", "doubt"):
            if text := getattr(self, name):
                carried[f"data-{name}"] = text
        return carried


def _flag(value: object) -> str:
    return "true" if value else "false"


def marks_of(day: Day, entries: Sequence[Entry | None]) -> list[Mark]:
    """Return every mark of a day's chart, in the order of `MARKS` and within a kind in that of time."""
    known = [entry for entry in entries if entry is not None]
    marks = [
        mark
        for draw in (_signs, _rates, _pauses, _drugs, _symptoms, _alerts, _done, _missed)
        for mark in draw(day, known)
    ]
    kinds = list(MARKS)
    return sorted(marks, key=lambda mark: (kinds.index(mark.kind), mark.at))


def is_late(entry: Entry) -> bool:
    """Whether an entry was received noticeably after it happened."""
    return entry.received_at - entry.occurred_at >= LATE


def charted_fields(day: Day) -> dict[str, Field]:
    """Return the fields of vital signs that are drawn: numbers with a plausible range."""
    return {
        name: field
        for kind in day.workflow.of_meaning("vital_signs")
        for name, field in day.workflow.facts[kind].fields.items()
        if field.type in ("integer", "decimal") and (field.soft or field.hard)
    }


def mark_of_sign(name: str) -> str:
    """Return the kind of mark that a sign is drawn with, by the name of its field."""
    return next((kind for part, kind in _SIGN_MARKS.items() if part in name), "sign")


def pressures(day: Day) -> dict[str, str]:
    """Return the fields that are drawn as one bar: the higher one to the lower one."""
    charted = charted_fields(day)
    return {
        pair.higher: pair.lower
        for kind in day.workflow.of_meaning("vital_signs")
        for pair in day.workflow.facts[kind].greater
        if pair.higher in charted and pair.lower in charted
    }


def _of(entry: Entry, day: Day, kind: str, **said: Any) -> Mark:
    said.setdefault("at", entry.occurred_at)
    return Mark(
        kind=kind,
        entry=entry.entry_id,
        late=is_late(entry),
        struck=entry.entry_id in day.ledger.struck,
        **said,
    )


def _facts(day: Day, entries: Sequence[Entry], *meanings: str) -> Iterator[Entry]:
    """The accepted facts of these meanings."""
    return (entry for entry in entries if entry.kind == "fact" and day.workflow.meaning.get(entry.type) in meanings)


def _signs(day: Day, entries: Sequence[Entry]) -> Iterator[Mark]:
    fields, bars = charted_fields(day), pressures(day)
    for entry in _facts(day, entries, "vital_signs"):
        data = entry.data
        in_bars: set[str] = set()
        for higher, lower in bars.items():
            if higher in data and lower in data:
                in_bars |= {higher, lower}
                doubt = _doubt(fields, data, higher) or _doubt(fields, data, lower)
                yield _of(entry, day, "pressure", value=f"{data[higher]}/{data[lower]}", sign=higher, doubt=doubt)
        for name in fields:
            if name in data and name not in in_bars:
                doubt = _doubt(fields, data, name)
                yield _of(entry, day, mark_of_sign(name), value=str(data[name]), sign=name, doubt=doubt)
        for name in data.get("unrecordable", ()):
            if name in fields:
                yield _of(entry, day, "unrecordable", sign=name)


def _doubt(fields: Mapping[str, Field], data: Mapping[str, Any], name: str) -> str:
    return doubt_about(fields[name], Decimal(str(data[name])))


def _rates(day: Day, entries: Sequence[Entry]) -> Iterator[Mark]:
    for segment in day.picture.pump.segments:
        yield _band(day, entries, "rate", segment.since, segment.until, shortest(segment.rate_ml_per_h), _RUNS)


def _pauses(day: Day, entries: Sequence[Entry]) -> Iterator[Mark]:
    segments = day.picture.pump.segments
    for segment, following in pairwise(segments):
        if segment.until is not None and segment.until < following.since:
            yield _band(day, entries, "pause", segment.until, following.since, "", _STANDS)
    stands = day.state is not None and day.workflow.states[day.state].paused
    if stands and segments and segments[-1].until is not None:
        yield _band(day, entries, "pause", segments[-1].until, None, "", _STANDS)


def _band(
    day: Day,
    entries: Sequence[Entry],
    kind: str,
    since: datetime,
    until: datetime | None,
    value: str,
    meanings: frozenset[str],
) -> Mark:
    """A band of the pump as the facts that count give it: the last of those at its moment began it."""
    began = [
        entry
        for entry in _facts(day, entries, *meanings)
        if entry.occurred_at == since and entry.entry_id not in day.ledger.struck
    ]
    late = bool(began) and is_late(began[-1])
    entry_id = began[-1].entry_id if began else ""
    return Mark(kind=kind, entry=entry_id, at=since, until=until, value=value, late=late, struck=False)


def _drugs(day: Day, entries: Sequence[Entry]) -> Iterator[Mark]:
    for entry in entries:
        if entry.kind == "fact" and "drug" in entry.data:
            started_at = entry.data.get("started_at")
            at = parse_time(started_at) if started_at else entry.occurred_at
            yield _of(entry, day, "drug", at=at, value=str(entry.data["drug"]))


def _symptoms(day: Day, entries: Sequence[Entry]) -> Iterator[Mark]:
    for entry in _facts(day, entries, "symptom"):
        yield _of(entry, day, "symptom", value=str(entry.data.get("code", "")))


def _alerts(day: Day, entries: Sequence[Entry]) -> Iterator[Mark]:
    """An alert whose evidence was corrected away is drawn as struck: it should never have been raised."""
    for entry in entries:
        if entry.type == ALERT_RAISED:
            alert = day.ledger.alerts[entry.entry_id]
            yield Mark(
                kind="alert",
                entry=entry.entry_id,
                at=entry.occurred_at,
                late=is_late(entry),
                struck=alert.closed_reason == "corrected",
                value=alert.rule,
                severity=alert.severity,
            )


def _done(day: Day, entries: Sequence[Entry]) -> Iterator[Mark]:
    """A fact does a check when it carries what the check asks for, in whichever state."""
    checks: dict[str, list[Check]] = {}
    for check in day.workflow.definition.checks:
        checks.setdefault(check.check, []).append(check)
    for entry in entries:
        if entry.kind == "fact":
            for name, kinds in checks.items():
                if any(does(check, entry.type, entry.data, day) for check in kinds):
                    yield _of(entry, day, "check-done", check=name)


def check_names(day: Day, marks: Sequence[Mark]) -> list[str]:
    """Return the checks that marks are of: the workflow's in its order, then those that only an alert has asked for."""
    marked = {mark.check: None for mark in marks if mark.check}
    names = dict.fromkeys(check.check for check in day.workflow.definition.checks)
    return [name for name in (names | marked) if name in marked]


def does(check: Check, fact_type: str, data: Mapping[str, Any], day: Day) -> bool:
    """Whether a fact carries all that a check asks for; a sign that could not be measured was looked at."""
    if fact_type != check.fact or (check.analyte and data.get("analyte") != check.analyte):
        return False
    wanted = day.workflow.facts[fact_type].complete_set if check.complete_set else check.signs
    return all(sign in data or sign in data.get("unrecordable", ()) for sign in wanted)


def _missed(day: Day, entries: Sequence[Entry]) -> Iterator[Mark]:
    for entry in entries:
        if entry.type == CHECK_OVERDUE:
            at, missed = parse_time(str(entry.data["due_at"])), str(entry.data["missed"])
            yield _of(entry, day, "check-missed", at=at, value=missed, check=str(entry.data["check"]))
