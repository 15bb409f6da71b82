"""The body of a delivery: CloudEvents 1.0 in structured JSON, ASCII-escaped.

Promises: what contract 4 names and nothing else at the top level; a body is rendered once, when the entry takes its
number, and its bytes are what is kept and sent. ASCII, because engines that take a body without charset for ISO-8859-1
would break the signature otherwise. Does not: sign, or choose what is delivered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from infusion_service.delivery.endpoint import Payload

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
BODY_BYTES_MAX = 64 * 1024
"""What every intermediary must carry (CloudEvents 1.0, size limits); above it the data is thin, with a `dataref`."""

COUNTER_DIGITS = 10
SCHEMA_VERSION = 1

_FULL = (
    "entry_id",
    "kind",
    "type",
    "occurred_at",
    "recorded_at",
    "sent_at",
    "claimed",
    "actor",
    "second",
    "device",
    "session",
    "day_version",
    "workflow",
    "cause",
    "corrects",
    "group",
    "late_reason",
    "data",
    "outcome",
    "leaf_hash",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFacts:
    """What a payload says of the day an entry belongs to."""

    ward: str | None
    patient: Mapping[str, Any]


def event_type(entry_type: str) -> str:
    """The CloudEvents type of an entry type."""
    return f"infusion.{entry_type}.v{SCHEMA_VERSION}"


def schema_url(base: str, entry_type: str) -> str:
    """Where the JSON Schema of that type is served; it never moves."""
    return f"{base}/schemas/{event_type(entry_type)}.json"


def render_entry(
    entry: Mapping[str, Any], day: DayFacts | None, *, base: str, epsequence: int, payload: Payload
) -> bytes:
    """Render an entry as readers get it (`LogEntry.as_json`). `base` is the address the service is known by."""
    stream = entry["stream"]
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": entry["entry_id"],
        "source": f"{base}/infusion-days/{stream}" if day is not None else base,
        "type": event_type(entry["type"]),
        "subject": stream,
        "time": entry["occurred_at"],
        "recordedtime": entry["rcv"],
        "sequence": counter(entry["n"]),
        "epsequence": counter(epsequence),
        "partitionkey": stream,
        "dataschema": schema_url(base, entry["type"]),
    }
    if "cause" in entry:
        event["causationid"] = entry["cause"]
    thin = _thin(entry, day, base)
    if payload == "full":
        body = encoded({**event, "data": {**thin, **_full(entry, day)}})
        if len(body) <= BODY_BYTES_MAX:
            return body
        event["dataref"] = thin["href"]
    return encoded({**event, "data": thin})


def render_own(own_type: str, *, event_id: str, subject: str, time: str, base: str, data: Mapping[str, Any]) -> bytes:
    """Render what the service itself tells an endpoint outside its sequence: ping, heartbeat."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id,
        "source": base,
        "type": event_type(own_type),
        "subject": subject,
        "time": time,
        "recordedtime": time,
        "dataschema": schema_url(base, own_type),
        "data": dict(data),
    }
    return encoded(event)


def counter(number: int) -> str:
    """A counter as a text that sorts like its number."""
    return f"{number:0{COUNTER_DIGITS}d}"


def encoded(event: Mapping[str, Any]) -> bytes:
    """JSON in ASCII, without blanks."""
    quickly = msgspec.json.encode(event)
    return quickly if quickly.isascii() else _escaping(event).encode("ascii")


_escaping = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def _thin(entry: Mapping[str, Any], day: DayFacts | None, base: str) -> dict[str, Any]:
    thin = {"entry_id": entry["entry_id"], "seq": entry["seq"], "kind": entry["kind"], "type": entry["type"]}
    if day is None:
        return {**thin, "href": f"{base}/v1/log?after={entry['seq'] - 1}&limit=1"}
    return {**thin, "day_id": entry["stream"], "ward": day.ward, "href": f"{base}/v1/days/{entry['stream']}"}


def _full(entry: Mapping[str, Any], day: DayFacts | None) -> dict[str, Any]:
    full = {name: entry[name] for name in _FULL if name in entry}
    return full if day is None else {**full, "patient": dict(day.patient)}
