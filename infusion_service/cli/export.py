"""`infusion export`: one day as evidence to be checked anywhere, or AuditEvents for an audit repository."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from infusion_service.cli.configuration import Config, Json, settings_from
from infusion_service.cli.exits import Exit, refused, usage
from infusion_service.cli.output import say, show_json

if TYPE_CHECKING:
    from infusion_service.log.bundle import Bundle
    from infusion_service.log.entry import LogEntry
    from infusion_service.settings import Settings

CHECKPOINT_LOOKS_MAX = 60
CHECKPOINT_LOOK_S = 0.05
"""A running service publishes within a tenth of a second; after 3 s none is running, or it cannot publish."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Which entries, by their number in the log."""

    from_seq: Annotated[int, Parameter(help="First entry.")] = 1
    to_seq: Annotated[int | None, Parameter(help="Last entry; without it the last there is.")] = None


WHOLE_LOG = Range()


def export(
    *,
    out: Path,
    day: str | None = None,
    since: Path | None = None,
    audit_events: Annotated[bool, Parameter(negative=())] = False,
    entries: Range = WHOLE_LOG,
    database: Path | None = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Write one day as a bundle: entries with salts and proofs, checkpoint, keys, workflow file, a record to print.

    Reads the database file, also while a service runs, and holds no word of another patient. `infusion verify FILE`
    checks it, without the database and without a network. With --audit-events instead: FHIR R4 AuditEvents of a range
    of the log, one a line.

    Parameters
    ----------
    out
        File to write; one that exists is never overwritten.
    day
        Id of the day.
    since
        The receiver's own last checkpoint: the bundle then also proves that the log has only grown since.
    audit_events
        Write AuditEvents (IHE BALP shapes, NDJSON) instead of a bundle.
    entries
        Which entries' AuditEvents.
    database
        Database file to read instead of the one the settings name.
    config
        Settings file.
    json
        Print what was written as one JSON document.
    """
    settings = settings_from(config, database=database)
    if audit_events == (day is not None):
        raise usage("name a day by --day, or say --audit-events")
    if day is not None:
        packed, count = _packed(settings, day, since)
        _write(out, [packed])
        said = f"{count} entries of day {day} in {out}; it holds a patient's data in the clear"
    else:
        count = _write(out, _audit_events(settings, entries))
        said = f"{count} AuditEvents in {out}"
    if json:
        show_json({"out": str(out), "day": day, "entries": count, "bytes": out.stat().st_size})
    else:
        say(said)
    return Exit.FINE


def _write(out: Path, pieces: Iterable[bytes]) -> int:
    """Write a new file that nobody else can read; return how many pieces went into it."""
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise refused(f"{out} cannot be made: {error.strerror}") from None
    count = 0
    with os.fdopen(descriptor, "wb") as file:
        for piece in pieces:
            file.write(piece)
            count += 1
    return count


def _audit_events(settings: Settings, entries: Range) -> Iterator[bytes]:
    import msgspec

    from infusion_service.log.entry import LogEntry, leaf_hash
    from infusion_service.log.log_file import LogFile, reading
    from infusion_service.log.store import StoreUnusable
    from infusion_service.web.audit_event import audit_event

    try:
        with reading(settings.database) as connection:
            patients: dict[int, str | None] = {}
            for seq, row in enumerate(LogFile(connection, settings.site).rows(), start=1):
                _, stream_key, n, leaf, salt, body, _ = row
                if entries.to_seq is not None and seq > entries.to_seq:
                    return
                logged = LogEntry(seq=seq, n=n, leaf=leaf, leaf_hash=leaf_hash(leaf), body=body, salt=salt)
                if n == 1:  # a day begins with its scheduling, which names the patient
                    patients[stream_key] = _patient_of(logged)
                if seq >= entries.from_seq:
                    yield msgspec.json.encode(audit_event(logged, patient_id=patients.get(stream_key))) + b"\n"
    except StoreUnusable as error:
        raise refused(str(error)) from None


def _patient_of(logged: LogEntry) -> str | None:
    patient = {} if logged.entry is None else logged.entry.data.get("patient", {})
    return patient.get("id") if isinstance(patient, dict) else None


def _packed(settings: Settings, day_id: str, since: Path | None) -> tuple[bytes, int]:
    from infusion_service.log.bundle import BundleRejected
    from infusion_service.log.store import StoreUnusable, id_bytes
    from infusion_service.web.evidence import StillBlind, packed_evidence

    try:
        id_bytes(day_id)
    except ValueError:
        raise usage(f"{day_id!r} is not the id of a day") from None
    try:
        bundle = collected(settings, day_id, since)
        return packed_evidence(bundle, datetime.now(UTC)), len(bundle.entries)
    except (BundleRejected, StillBlind, StoreUnusable) as error:
        raise refused(str(error)) from None
    except OSError as error:
        raise refused(f"a file cannot be read: {error}") from None


def collected(
    settings: Settings, day_id: str, since: Path | None, *, wait: Callable[[float], None] = time.sleep
) -> Bundle:
    """Read the day with its proofs; what was committed a moment ago is waited for until its checkpoint is outside.

    Raises `CommandFailed`, and what `bundle.collect` raises.
    """
    from infusion_service.log.bundle import CheckpointBehind, collect
    from infusion_service.log.checkpoints import CheckpointDirectory
    from infusion_service.log.log_file import LogFile, OpenedLog, reading

    looks_left = CHECKPOINT_LOOKS_MAX
    while True:
        newest = CheckpointDirectory(settings.checkpoints, settings.site).newest()
        if newest is None:
            raise refused(f"there is no signed checkpoint in {settings.checkpoints}: a bundle would prove nothing")
        try:
            with reading(settings.database) as connection:
                log = LogFile(connection, settings.site)
                keys, since_size = log.public_keys(newest.origin), _size_of(since, newest.origin)
                opened = OpenedLog(connection)
                return asyncio.run(collect(opened, log.site, day_id, note=newest.note, keys=keys, since=since_size))
        except CheckpointBehind:
            if looks_left == 0:
                raise
            looks_left -= 1
            wait(CHECKPOINT_LOOK_S)


def _size_of(since: Path | None, origin: str) -> int | None:
    from infusion_service.log.note import Checkpoint, NoteRejected, parse_note

    if since is None:
        return None
    try:
        checkpoint = Checkpoint.from_text(parse_note(since.read_bytes()).text)
    except (OSError, NoteRejected) as error:
        raise usage(f"{since} cannot be read as a checkpoint: {error}") from None
    if checkpoint.origin != origin:
        raise usage(f"{since} is a checkpoint of {checkpoint.origin}, this log is {origin}")
    return checkpoint.size
