"""Questions an auditor asks across days, answered from the entries of the log alone.

Promises: a row begins with one entry, whose `seq` it names, and is completed by entries of the same day alone; constant
work for each entry; times as logged, minutes as whole numbers rounded down. Does not: read the log (`audit_scan` hands
the entries over as the wire shows them, and adds whose `day` it is and of which date) or know who asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from infusion_service.access.readings import READING_TYPES, reading_of
from infusion_service.clinical.vocabulary import parse_time
from infusion_service.log.entry import LogRow

Entry = Mapping[str, Any]
Row = dict[str, Any]

LATE_AFTER = timedelta(minutes=1)
"""From this delay on a fact counts as charted late; what needs a reason is the workflow's to say."""

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Question:
    """One question: which entries can begin a row, and the rows of a run of entries of one or more days."""

    may_begin: Callable[[LogRow], bool]
    """Whether a row of the log is worth reading: told from its columns, or a look at its bytes."""
    rows: Callable[[Iterable[Entry]], list[Row]]
    follows_the_day: bool
    """Whether later entries of the day complete a row; else one entry is one row."""


def _person(who: Mapping[str, Any] | None) -> str | None:
    return None if who is None else f"{who['role']} {who['id']}"


def overrides(entries: Iterable[Entry]) -> list[Row]:
    """Every override: who granted it, who consented, why, and what it was used for."""
    granted: dict[str, Row] = {}
    for entry in entries:
        data = entry["data"]
        if entry["kind"] == "fact" and {"guard", "valid_minutes"} <= data.keys():
            granted[entry["entry_id"]] = {
                "seq": entry["seq"],
                "received_at": entry["rcv"],
                "day": entry["stream"],
                "patient": None,
                "date": None,
                "guard": data["guard"],
                "reason": data["reason"],
                "by": _person(entry["actor"]),
                "second": _person(entry.get("second")),
                "used_for": None,
            }
        elif entry["type"] == "override.used" and data["override"] in granted:
            granted[data["override"]]["used_for"] = data["fact"]
    return list(granted.values())


def late(entries: Iterable[Entry]) -> list[Row]:
    """Every fact that was received noticeably after it happened."""
    rows = []
    for entry in entries:
        if entry["kind"] != "fact":
            continue
        delay = parse_time(entry["rcv"]) - parse_time(entry["occurred_at"])
        if delay >= LATE_AFTER:
            rows.append(
                {
                    "seq": entry["seq"],
                    "received_at": entry["rcv"],
                    "occurred_at": entry["occurred_at"],
                    "minutes": delay // _MINUTE,
                    "day": entry["stream"],
                    "patient": None,
                    "date": None,
                    "type": entry["type"],
                    "reason": entry.get("late_reason"),
                    "by": _person(entry["actor"]),
                    "device": (entry.get("device") or {}).get("id"),
                }
            )
    return rows


def answers(entries: Iterable[Entry]) -> list[Row]:
    """Every alert with the minutes from when the service raised it to its acknowledgement, answer and closing."""
    raised: dict[str, Row] = {}
    for entry in entries:
        data = entry["data"]
        if entry["type"] == "alert.raised":
            raised[entry["entry_id"]] = {
                "seq": entry["seq"],
                "received_at": entry["rcv"],
                "day": entry["stream"],
                "patient": None,
                "date": None,
                "rule": data["rule"],
                "severity": data["severity"],
                "action": data["action"],
                "acknowledged_min": None,
                "answered_min": None,
                "answered_by": None,
                "escalated_to": [],
                "closed_min": None,
                "closed": None,
            }
            continue
        row = raised.get(str(data.get("alert_id", data.get("alert"))))
        if row is None:
            continue
        minutes = (parse_time(entry["occurred_at"]) - parse_time(row["received_at"])) // _MINUTE
        if entry["type"] == "alert.answered":
            row.update(answered_min=minutes, answered_by=data["by"])
        elif entry["type"] == "alert.escalated":
            row["escalated_to"] += data["to"]
        elif entry["type"] == "alert.closed":
            row.update(closed_min=minutes, closed=data["reason"])
        elif entry["kind"] == "fact" and row["acknowledged_min"] is None:
            row["acknowledged_min"] = minutes
    return list(raised.values())


def reads(entries: Iterable[Entry]) -> list[Row]:
    """Every logged reading: of a day or the log by auditors, and through a broken glass, with breaking and review.

    A review names the breaking alone (`glass`); whose it was is left to who can look it up.
    """
    rows = []
    for entry in entries:
        reading = reading_of(entry)
        if reading is not None:
            rows.append(
                {
                    "seq": entry["seq"],
                    "received_at": reading.received_at,
                    "day": reading.day,
                    "patient": reading.patient,
                    "date": None,
                    "type": reading.type,
                    "what": reading.what,
                    "by": f"{reading.role} {reading.by}",
                    "reason": reading.reason,
                    "glass": reading.glass,
                }
            )
    return rows


QUESTIONS: Mapping[str, Question] = {
    "overrides": Question(
        # What an override is called, and which it is, says the workflow file; every one is valid for some time.
        lambda row: row.kind == "fact" and row.body is not None and b'"valid_minutes"' in row.body,
        overrides,
        follows_the_day=True,
    ),
    "late": Question(lambda row: row.kind == "fact", late, follows_the_day=False),
    "answers": Question(lambda row: row.entry_type == "alert.raised", answers, follows_the_day=True),
    "reads": Question(
        lambda row: row.kind == "access" and row.entry_type in READING_TYPES, reads, follows_the_day=False
    ),
}
"""The questions by name."""
