"""Whether the operational records are what was written, and what the log says of them: the last step on a database.

Every row has a check sum: a flipped bit is found. Whoever edits a file sums up anew; but each change of a device, a
member of staff, a token, a session, a broken glass or an endpoint is an entry of the log as well, committed together
with the record, and what the entries say is compared: who exists, with which role, wards, scopes and end, who was
revoked, disabled, locked, where an endpoint leads. Does not: know names, badges, PINs, tokens and secrets, which the
log never holds, or how far an endpoint has come.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec

from infusion_service.clinical.vocabulary import Entry, format_time, parse_time
from infusion_service.log.log_file import UNREADABLE, LogFile
from infusion_service.log.row_check import check_of
from infusion_service.log.sqlite_schema import shipped_migrations
from infusion_service.log.store import UUID_BYTES, id_text
from infusion_service.log.verify_report import Report

_MADE: Mapping[str, tuple[str, str]] = {
    "device.enrolled": ("device", "device"),
    "staff.added": ("staff", "staff"),
    "token.minted": ("token", "token"),
    "session.opened": ("session", "session"),
    "glass.broken": ("break_glass", "glass"),
    "endpoint.created": ("endpoint", "endpoint"),
}
"""Entry type -> the kind of record it makes, and the member that names it."""

_SAID: Mapping[str, tuple[str, str, Mapping[str, object]]] = {
    "device.revoked": ("device", "device", {"revoked": True}),
    "staff.disabled": ("staff", "staff", {"disabled": True}),
    "staff.locked": ("staff", "staff", {"locked": True}),
    "staff.unlocked": ("staff", "staff", {"locked": False}),
    "token.revoked": ("token", "token", {"revoked": True}),
    "session.closed": ("session", "session", {"ended": True}),
    "glass.reviewed": ("break_glass", "glass", {"reviewed": True}),
    "endpoint.enabled": ("endpoint", "endpoint", {"state": "active"}),
    "endpoint.held": ("endpoint", "endpoint", {"state": "held"}),
    "endpoint.disabled": ("endpoint", "endpoint", {"state": "disabled"}),
}
"""Entry type -> kind, member that names the record, and what is so from then on."""

_FORGOTTEN = frozenset({"session"})
"""Kinds whose records go in the end: one that is missing was forgotten."""

RECORDS_DROPPED = "records.dropped"
"""Entry about records that were damaged and given up."""

REMEDY = "restore a backup, or stop the service, `infusion log drop-damaged`, and make it anew"

_PROGRESS, _ENDPOINT = "endpoint_progress", "endpoint"

_UNSAID: Any = object()


class RecordsCheck:
    """Gathers what the log says of records, then compares."""

    def __init__(self, log: LogFile, report: Report) -> None:
        self._log = log
        self._report = report
        self._said: dict[tuple[str, str], dict[str, Any]] = {}

    def site_entry(self, entry: Entry) -> None:
        """Take in an entry of stream `site`. What nobody would have written is left to the other steps."""
        with suppress(LookupError, TypeError, ValueError, AttributeError):
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        data = entry.data
        if entry.type in _MADE:
            kind, name = _MADE[entry.type]
            self._said[kind, str(data.get(name))] = _made(entry)
        elif entry.type in _SAID:
            kind, name, change = _SAID[entry.type]
            self._said.setdefault((kind, str(data.get(name))), {}).update(change)
        elif entry.type in ("endpoint.changed", "endpoint.filter_changed"):
            said = self._said.setdefault(("endpoint", str(data.get("endpoint"))), {})
            if "host" in data:
                said |= {"host": data["host"], "state": _UNSAID}  # re-pointed: it may wait for a second person
        elif entry.type == "endpoint.removed":
            self._said.pop((_ENDPOINT, str(data.get("endpoint"))), None)
        elif entry.type == RECORDS_DROPPED:
            for record in data.get("records", ()):
                self._said.pop((record["kind"], record["key"]), None)

    def run(self) -> None:
        """Compare every record and delivery."""
        (version,) = self._log.connection.execute(self._log.statement("schema_version")).fetchone()
        if version != len(shipped_migrations()):
            self._report.skipped["records"] = "records of another version of the program have no check sums yet"
            return
        try:
            self._check_records()
            self._check_deliveries()
        except UNREADABLE as exc:
            self._found(f"the file cannot be read beside the log: {exc}")

    def _check_records(self) -> None:
        missing = {place for place in self._said if place[0] not in _FORGOTTEN}
        for kind, key, value, check in self._log.every("operational"):
            missing.discard((kind, key))
            if check != check_of(self._log.site_key, kind, key, value):
                self._found(f"operational {kind} {key!r} is not the record that was written: {REMEDY}")
                continue
            if self._report.log_ok:
                self._compare(kind, key, value)
        if self._report.log_ok:
            for kind, key in sorted(missing):
                self._found(f"operational holds no {kind} {key!r}, which the log says there is")

    def _compare(self, kind: str, key: str, value: str) -> None:
        said = self._said.get((kind, key))
        if said is None:
            if kind in {made for made, _ in _MADE.values()}:
                self._found(f"operational {kind} {key!r} is none that the log knows of")
            return
        try:
            holds = _held(msgspec.json.decode(value, type=dict[str, Any]))
        except msgspec.DecodeError:
            self._found(f"operational {kind} {key!r} is no record")
            return
        for name, wanted in said.items():
            if wanted is not _UNSAID and holds.get(name, wanted) != wanted:
                self._found(f"operational {kind} {key!r} says {name} {holds[name]!r}, the log {wanted!r}")

    def _check_deliveries(self) -> None:
        for site_key, endpoint_id, number, *values, body, row_check, body_check in self._log.every("deliveries"):
            sound = row_check == check_of(site_key, endpoint_id, number, *values)
            if not sound or (body is not None and body_check != check_of(body)):
                self._found(
                    f"delivery {number} to {_name_of(endpoint_id)} is not what was written: it is parked and never "
                    "sent; `infusion endpoint drop` ends it"
                )

    def _found(self, what: str) -> None:
        self._report.findings.add("records", None, what)


def damaged_records(log: LogFile) -> list[tuple[str, str]]:
    """Kind and key of every record that is not what was written; of an endpoint's place in the log, the endpoint too:
    without it nobody knows what it was sent."""
    found: dict[tuple[str, str], None] = {}
    for kind, key, value, check in log.every("operational"):
        if check != check_of(log.site_key, kind, key, value):
            found[kind, key] = None
            if kind in (_PROGRESS, _ENDPOINT):
                found |= {(_ENDPOINT, key): None, (_PROGRESS, key): None}
    return list(found)


def _made(entry: Entry) -> dict[str, Any]:
    """What an entry says of the record it makes, in the terms of `_held`."""
    data = entry.data
    match entry.type:
        case "device.enrolled":
            return {"ward": data.get("ward"), "revoked": False}
        case "staff.added":
            wards = data.get("wards")
            said = {"wards": None if wards == "all" else list(wards or ())}
            return {"role": data.get("role"), **said, "disabled": False, "locked": False}
        case "token.minted":
            return {
                "role": data.get("role"),
                "scopes": list(data.get("scopes", ())),
                "expires": data.get("expires_at"),
                "revoked": False,
            }
        case "session.opened":
            return {"staff": data.get("staff"), "device": data.get("device"), "ended": False}
        case "glass.broken":
            return {"staff": entry.actor.id, "patient": data.get("patient"), "reviewed": False}
        case _:
            return {"host": data.get("host"), "state": data.get("state")}


def _held(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a record says, as far as the log speaks of it."""
    url = urlsplit(str(record.get("url", "")))
    return {
        "ward": record.get("ward"),
        "wards": record.get("wards"),
        "role": record.get("role"),
        "scopes": record.get("scopes", []),
        "expires": _time(record.get("expires_at")),
        "staff": record.get("staff_id"),
        "device": record.get("device_id"),
        "patient": record.get("patient_id"),
        "revoked": "revoked_at" in record,
        "disabled": "disabled_at" in record,
        "locked": "locked_at" in record,
        "ended": "ended_at" in record,
        "reviewed": "reviewed_at" in record,
        "host": f"{url.scheme}://{url.netloc}",
        "state": record.get("state"),
    }


def _time(text: object) -> str | None:
    try:
        return None if text is None else format_time(parse_time(str(text)))
    except ValueError:
        return str(text)


def _name_of(endpoint_id: object) -> str:
    return (
        id_text(endpoint_id) if isinstance(endpoint_id, bytes) and len(endpoint_id) == UUID_BYTES else repr(endpoint_id)
    )
