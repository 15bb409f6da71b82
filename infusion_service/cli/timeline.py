"""A day as a timeline that a person can follow: one line per entry, in clinical order, ward time.

Promises: nothing is left out; what came late, was refused or was struck says so. Does not: decide what is shown of a
day to whom (entries come in as the wire shows them).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

COLUMNS = ("time", "what", "who", "values", "then")

LATE_S = 60.0
"""From this delay on an entry shows when it was received."""

Entry = Mapping[str, Any]


def known_entries(entries: Iterable[Entry], *, at: datetime | None, known_at: datetime | None) -> list[Entry]:
    """Return what had happened by `at` and been received by `known_at`, in clinical order."""
    known = [
        entry
        for entry in entries
        if (at is None or _occurred(entry) <= at) and (known_at is None or _received(entry) <= known_at)
    ]
    return sorted(known, key=lambda entry: (_occurred(entry), entry["n"]))


def rows(entries: Sequence[Entry], *, zone: ZoneInfo, struck: Iterable[str]) -> list[tuple[str, str, str, str, str]]:
    """Return the lines of the timeline under `COLUMNS`."""
    taken_out = set(struck)
    return [
        (
            _when(entry, zone),
            _what(entry) + (" (struck)" if entry.get("entry_id") in taken_out else ""),
            _who(entry),
            _values(entry),
            entry.get("outcome", {}).get("state_to", ""),
        )
        for entry in entries
    ]


def headline(view: Mapping[str, Any], *, zone: ZoneInfo, at: datetime | None, known_at: datetime | None) -> list[str]:
    """Return the lines above the timeline: which day, and how it stood."""
    workflow = view["workflow"]
    dose = view.get("dose") or {}
    alerts = ", ".join(f"{alert['rule']} ({alert['severity']})" for alert in view["alerts"]) or "none"
    checks = ", ".join(
        f"{check['check']} {_clock(check['due_at'], zone)} {check['status']}" for check in view["checks"]
    )
    which = f"day {view['day_id']}, {view['date']} ({zone.key}), patient {view['patient'].get('id')}"
    course = f"course {view['course']} day {view['day']}, {workflow['name']}@{workflow['version']}"
    stood = f"as it stood at {at.astimezone(zone):%Y-%m-%d %H:%M:%S}" if at else "as it stood last"
    known = f", as known at {known_at.astimezone(zone):%Y-%m-%d %H:%M:%S}" if known_at else ""
    state = f"state {view['state']} since {_clock(view['state_since'], zone)}, pump {view['pump']}"
    given = f"given {dose.get('delivered_ml')} mL = {dose.get('delivered_mg')} mg"
    return [
        f"{which}, {course}",
        f"{stood}{known}",
        f"{state}, {given}",
        f"open alerts: {alerts}",
        f"checks: {checks or 'none'}",
    ]


def explained(view: Mapping[str, Any], entries: Sequence[Entry], *, zone: ZoneInfo) -> list[str]:
    """Return a line for each open alert: since when, because of which entries, and where its rule comes from."""
    by_id = {entry.get("entry_id"): entry for entry in entries}
    lines = []
    for alert in view["alerts"]:
        because = ", ".join(
            f"{_what(by_id[entry_id])} of {_clock(by_id[entry_id]['occurred_at'], zone)}"
            for entry_id in alert["evidence"]
            if "occurred_at" in by_id.get(entry_id, {})
        )
        since = f"  {alert['rule']} since {_clock(alert['raised_at'], zone)}"
        lines.append(f"{since} because of {because or 'entries that were erased'} ({alert['source']})")
    return lines


def _occurred(entry: Entry) -> datetime:
    return datetime.fromisoformat(entry.get("occurred_at") or entry["rcv"])


def _received(entry: Entry) -> datetime:
    return datetime.fromisoformat(entry["rcv"])


def _when(entry: Entry, zone: ZoneInfo) -> str:
    occurred, received = _occurred(entry), _received(entry)
    shown = f"{occurred.astimezone(zone):%m-%d %H:%M:%S}"
    if (received - occurred).total_seconds() > LATE_S:
        shown += f" (received {received.astimezone(zone):%H:%M:%S})"
    return shown


def _clock(text: str | None, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(text).astimezone(zone):%H:%M}" if text else "-"


def _what(entry: Entry) -> str:
    if "type" not in entry:
        return "(erased)"
    data = entry.get("data", {})
    if entry["kind"] == "refused":
        return f"refused: {data.get('type', '?')}"
    return f"{entry['type']} {data['rule']}" if "rule" in data else str(entry["type"])


def _who(entry: Entry) -> str:
    actor = entry.get("actor")
    if actor is None:
        return ""
    second = f" + {entry['second']['id']}" if "second" in entry else ""
    return f"{actor['id']}{second}"


def _values(entry: Entry) -> str:
    """Return the data as text, all of it: a cut line may hide the very reading somebody looks for."""
    if entry.get("withheld"):
        return "not shown while two people enter this apart"
    data = {name: value for name, value in entry.get("data", {}).items() if name not in ("rule", "alert_id")}
    return " ".join(f"{name}={_value(value)}" for name, value in data.items() if value not in (None, "", [], {}))


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "{" + " ".join(f"{name}={_value(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + " ".join(map(_value, value)) + "]"
    return str(value)
