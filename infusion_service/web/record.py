"""The record of a day that a person can read: one HTML file, printed on A4, without scripts or anything to fetch.

A pure function of the day's entries: the same entries give the same bytes, wherever and whenever it is made. Promises:
nothing is left out; what was struck, came late, was refused or overridden says so; values of a blind double check are
never shown. Does not: decide who may see it, or read the log.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from infusion_service.clinical.day import Day
from infusion_service.clinical.ledger import Alert
from infusion_service.clinical.vocabulary import DOUBLE_CHECK_ENTERED, Actor, Entry, format_time
from infusion_service.log.entry import LogEntry
from infusion_service.web.record_chart import chart_of, split_unit

LATE = timedelta(minutes=1)
"""From this delay on an entry shows when it was received."""

_HIDDEN = frozenset({"alert_id", "family", "rank", "submitted", "members", "patient", "file"})


@dataclass(frozen=True, slots=True)
class Seal:
    """The signed checkpoint that covers the day's entries."""

    origin: str
    size: int
    root: bytes


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
    day: Day, entries: Sequence[LogEntry], seal: Seal | None, *, hidden: Collection[str] = frozenset()
) -> bytes:
    """The record of a day from all its entries, in the order of the log. `day` is the day folded over them.

    Of the entries in `hidden` it says that there is one, and not what.
    """
    return _Record(day, entries, hidden).html(seal)


class _Record:
    def __init__(self, day: Day, entries: Sequence[LogEntry], hidden: Collection[str]) -> None:
        self._day = day
        self._hidden = hidden
        self._logged = entries
        self._zone = ZoneInfo(day.timezone)
        self._entries = [logged.entry for logged in entries]
        self._number = {
            entry.entry_id: logged.parsed_leaf.n
            for logged, entry in zip(entries, self._entries, strict=True)
            if entry is not None
        }

    def html(self, seal: Seal | None) -> bytes:
        day = self._day
        last = self._logged[-1]
        page = _template().render(
            day=day,
            patient=day.patient,
            state=self._title_of_state(),
            as_of=self._time(last.parsed_leaf.received_at),
            received_by=format_time(last.parsed_leaf.received_at),
            chart=chart_of(day, self._zone, self._number),
            timeline=sorted(self._timeline(), key=lambda shown: shown[0]),
            segments=[
                (self._time(piece.since), self._time(piece.until), f"{piece.rate_ml_per_h.normalize():f}")
                for piece in day.picture.pump.segments
            ],
            dose=self._dose(),
            given=list(self._given()),
            alerts=[self._alert(alert) for alert in day.ledger.alerts.values()],
            corrections=list(self._corrections()),
            overrides=list(self._overrides()),
            refusals=[shown for _, shown in self._timeline() if "refused" in shown.marks],
            seal=seal,
            root="" if seal is None else base64.b64encode(seal.root).decode(),
            entries=len(self._logged),
            last_seq=last.seq,
            last_hash=base64.b64encode(last.leaf_hash).decode(),
        )
        return str(page).encode()

    def _time(self, moment: datetime | None) -> str:
        if moment is None:
            return ""
        local = moment.astimezone(self._zone)
        return f"{local:%H:%M:%S}" if local.date() == self._day.date else f"{local:%Y-%m-%d %H:%M:%S}"

    def _title_of_state(self) -> str:
        return "" if self._day.state is None else self._day.workflow.states[self._day.state].title

    def _timeline(self) -> Iterator[tuple[tuple[datetime, int], Shown]]:
        for logged, entry in zip(self._logged, self._entries, strict=True):
            leaf = logged.parsed_leaf
            if entry is None:
                received = self._time(leaf.received_at)
                erased = Shown(leaf.n, logged.seq, "", received, "erased", "", "", "", ("erased",), struck=False)
                yield (leaf.received_at, leaf.n), erased
                continue
            late = entry.received_at - entry.occurred_at >= LATE
            shown = Shown(
                n=leaf.n,
                seq=logged.seq,
                at=self._time(entry.occurred_at),
                received=self._time(entry.received_at) if late else "",
                what=self._what(entry),
                says=self._says(entry),
                who=_who(entry),
                state=entry.outcome.get("state_to", ""),
                marks=tuple(self._marks(entry)),
                struck=entry.entry_id in self._day.ledger.struck,
            )
            yield (entry.occurred_at, leaf.n), shown

    def _what(self, entry: Entry) -> str:
        if entry.kind == "refused":
            return f"refused: {entry.data.get('type', '')}"
        fact = self._day.workflow.facts.get(entry.type)
        return entry.type if fact is None else fact.title

    def _marks(self, entry: Entry) -> Iterator[str]:
        if entry.kind != "fact":
            yield entry.kind
        if entry.entry_id in self._day.ledger.struck:
            yield "struck"
        if entry.corrects is not None:
            yield f"corrects no. {self._number.get(entry.corrects, 0)}"
        if entry.late_reason is not None:
            yield f"late: {entry.late_reason}"
        if entry.claimed is not None:
            yield "tablet's time corrected"
        if entry.entry_id in self._day.ledger.unconfirmed:
            yield "unconfirmed"
        if entry.data.get("retrospective") is True:
            yield "retrospective"

    def _says(self, entry: Entry) -> str:
        if entry.type == DOUBLE_CHECK_ENTERED:
            return f"first of two independent entries of {entry.data.get('type', '')}"
        if entry.entry_id in self._hidden:
            return "not shown while two people enter this apart"
        if entry.kind == "refused":
            return f"{entry.data.get('code', '')}: {entry.data.get('detail', '')}"
        return self._in_words(entry.data)

    def _in_words(self, data: Mapping[str, Any]) -> str:
        parts = []
        for name, value in data.items():
            if name not in _HIDDEN and value not in (None, "", [], {}):
                label, unit = split_unit(name)
                parts.append(f"{label} {self._value(value)} {unit}".rstrip())
        return "; ".join(parts)

    def _value(self, value: Any) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, Mapping):
            return f"({self._in_words(value)})"
        if isinstance(value, list | tuple):
            return ", ".join(self._value(item) for item in value)
        text = str(value)
        if text in self._number:
            return f"no. {self._number[text]}"
        return self._moment(text)

    def _moment(self, text: str) -> str:
        if len(text) == len("2026-11-23T07:20:00.000Z") and text.endswith("Z"):
            try:
                return self._time(datetime.fromisoformat(text))
            except ValueError:
                return text
        return text

    def _dose(self) -> dict[str, Any]:
        picture = self._day.picture
        pump = picture.pump
        end = pump.last_ran_at or self._day.received_at
        if pump.bag is None or end is None:
            return {}
        bags = (*(picture.bags[before.bag_id] for before in pump.taken_down), pump.bag)
        return {
            "bags": [(bag.product, bag.batch, self._time(bag.prepared_at)) for bag in bags],
            "planned_mg": f"{sum((bag.dose_mg for bag in bags), Decimal(0)).normalize():f}",
            "volume_ml": f"{sum((bag.volume_ml for bag in bags), Decimal(0)).normalize():f}",
            "delivered_mg": f"{pump.delivered_mg(end):.2f}",
            "delivered_ml": f"{pump.delivered_ml(end):.2f}",
            "stated_ml": "" if pump.stated_ml is None else f"{pump.stated_ml.normalize():f}",
        }

    def _given(self) -> Iterator[tuple[str, str, str, bool]]:
        """Every other dose: facts that name a drug."""
        for _, shown, entry in self._with_entries():
            if entry.kind == "fact" and "drug" in entry.data:
                yield shown.at, shown.says, shown.who, shown.struck

    def _with_entries(self) -> Iterator[tuple[tuple[datetime, int], Shown, Entry]]:
        paired = zip(self._timeline(), self._entries, strict=True)
        ordered = [(place, shown, entry) for (place, shown), entry in paired if entry is not None]
        yield from sorted(ordered, key=lambda item: item[0])

    def _alert(self, alert: Alert) -> dict[str, Any]:
        minutes = None if alert.answered_at is None else (alert.answered_at - alert.learned_at) / timedelta(minutes=1)
        return {
            "number": self._number.get(alert.id, 0),
            "rule": alert.rule,
            "severity": alert.severity,
            "raised": self._time(alert.raised_at),
            "learned": self._time(alert.learned_at) if alert.learned_at != alert.raised_at else "",
            "answer_by": self._time(alert.answer_by),
            "answered": self._time(alert.answered_at),
            "minutes": "" if minutes is None else f"{max(minutes, 0):.1f}",
            "overdue": alert.answer_by is not None
            and (alert.answered_at is None or alert.answered_at > alert.answer_by),
            "acknowledged": f"{self._time(alert.acknowledged_at)} {alert.acknowledged_by}".strip(),
            "escalated": ", ".join(sorted(alert.escalated)),
            "closed": self._time(alert.closed_at),
            "reason": alert.closed_reason.replace("_", " "),
            "retrospective": alert.retrospective,
        }

    def _corrections(self) -> Iterator[tuple[Shown, Shown | None]]:
        """Each struck entry beside what struck or replaced it."""
        by_target: dict[str, Shown] = {}
        shown_of: dict[str, Shown] = {}
        for _, shown, entry in self._with_entries():
            shown_of[entry.entry_id] = shown
            if entry.corrects is not None:
                by_target[entry.corrects] = shown
            elif "entry" in entry.data and str(entry.data["entry"]) in self._day.ledger.struck:
                by_target.setdefault(str(entry.data["entry"]), shown)
        for target in sorted(self._day.ledger.struck, key=lambda id: self._number.get(id, 0)):
            if target in shown_of:
                yield shown_of[target], by_target.get(target)

    def _overrides(self) -> Iterator[dict[str, str]]:
        for override in self._day.ledger.overrides.values():
            used = self._number.get(override.used_by)
            yield {
                "guard": override.guard,
                "reason": override.reason,
                "by": _person(override.by) + ("" if override.second is None else f" with {_person(override.second)}"),
                "at": self._time(override.at),
                "until": self._time(override.until),
                "used": "not used" if used is None else f"for no. {used}",
            }


def _who(entry: Entry) -> str:
    who = _person(entry.actor)
    if entry.second is not None:
        who += f" with {_person(entry.second)}"
    if entry.device is not None and entry.device.id != entry.actor.id:
        who += f", {entry.device.id}"
    return who


def _person(actor: Actor) -> str:
    how = "" if actor.how in ("session", "service", "device", "token") else f", {actor.how.replace('_', ' ')}"
    return actor.id if actor.role == "service" else f"{actor.id} ({actor.role.replace('_', ' ')}{how})"


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
