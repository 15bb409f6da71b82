"""Questions an auditor asks across days, answered from the entries of the log alone.

Promises: one pass over the entries in log order, constant work for each; times as logged, minutes as whole numbers
rounded down. Does not: read the log (`audit` hands the entries over as the wire shows them) or print.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from infusion_service.access.readings import LOG_READ, reading_of
from infusion_service.clinical.vocabulary import parse_time

Entry = Mapping[str, Any]
Row = dict[str, Any]

LATE_AFTER = timedelta(minutes=1)
"""From this delay on a fact counts as charted late; what needs a reason is the workflow's to say."""

_MINUTE = timedelta(minutes=1)


def answers_to(question: str, entries: Iterable[Entry], *, since: datetime | None, patient: str | None) -> list[Row]:
    """Answer one of `QUESTIONS` for what was received since a moment, of one patient where one is named."""
    days: dict[str, str] = {}
    known_since: dict[str, str] = {}
    rows = QUESTIONS[question](_followed(entries, days, known_since))

    def concerns(row: Row) -> bool:
        if row.get("type") == LOG_READ:  # whoever reads the log reads everybody who is in it
            return known_since.get(str(patient), "~") <= str(row["received_at"])
        return patient in (days.get(row["day"]), row.get("patient"))

    return [
        row
        for row in rows
        if (since is None or parse_time(row["received_at"]) >= since) and (patient is None or concerns(row))
    ]


def _followed(entries: Iterable[Entry], days: dict[str, str], known_since: dict[str, str]) -> Iterator[Entry]:
    """Yield the entries, noting whose day each stream is and since when the log knows whom."""
    for entry in entries:
        if "type" not in entry:
            continue  # erased: the leaf stands, what it said is gone
        if entry["kind"] == "fact" and isinstance(entry["data"].get("patient"), dict):
            days[entry["stream"]] = entry["data"]["patient"]["id"]
            known_since.setdefault(days[entry["stream"]], entry["rcv"])
        yield entry


def _person(who: Mapping[str, Any] | None) -> str | None:
    return None if who is None else f"{who['role']} {who['id']}"


def overrides(entries: Iterable[Entry]) -> list[Row]:
    """Every override: who granted it, who consented, why, and what it was used for."""
    granted: dict[str, Row] = {}
    for entry in entries:
        data = entry["data"]
        if entry["kind"] == "fact" and {"guard", "valid_minutes"} <= data.keys():
            granted[entry["entry_id"]] = {
                "received_at": entry["rcv"],
                "day": entry["stream"],
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
                    "received_at": entry["rcv"],
                    "occurred_at": entry["occurred_at"],
                    "minutes": delay // _MINUTE,
                    "day": entry["stream"],
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
                "received_at": entry["rcv"],
                "day": entry["stream"],
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
    """Every logged reading: of a day or the log by auditors, and through a broken glass, with breaking and review."""
    rows = []
    broken_for: dict[str | None, str | None] = {}
    for entry in entries:
        reading = reading_of(entry)
        if reading is not None:
            # A review names the breaking alone; it belongs to the same patient.
            patient = broken_for.setdefault(reading.glass, reading.patient) if reading.glass else reading.patient
            rows.append(
                {
                    "received_at": reading.received_at,
                    "day": reading.day,
                    "patient": patient,
                    "type": reading.type,
                    "what": reading.what,
                    "by": f"{reading.role} {reading.by}",
                    "reason": reading.reason,
                }
            )
    return rows


QUESTIONS: dict[str, Callable[[Iterable[Entry]], list[Row]]] = {
    "overrides": overrides,
    "late": late,
    "answers": answers,
    "reads": reads,
}
"""Question to the function that answers it."""
