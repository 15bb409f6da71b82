"""`infusion export`: one day as evidence that can be carried away and checked anywhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from infusion_service.cli.configuration import Config, Json, settings_from
from infusion_service.cli.exits import Exit, refused, usage
from infusion_service.cli.output import say, show_json

if TYPE_CHECKING:
    from infusion_service.settings import Settings


def export(
    *,
    day: str,
    out: Path,
    since: Path | None = None,
    database: Path | None = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Write one day as a bundle: entries with salts and proofs, checkpoint, keys, workflow file, a record to print.

    Reads the database file, also while a service runs, and holds no word of another patient. `infusion verify FILE`
    checks it, without the database and without a network.

    Parameters
    ----------
    day
        Id of the day.
    out
        File to write; one that exists is never overwritten.
    since
        The receiver's own last checkpoint: the bundle then also proves that the log has only grown since.
    database
        Database file to read instead of the one the settings name.
    config
        Settings file.
    json
        Print what was written as one JSON document.
    """
    settings = settings_from(config, database=database)
    packed, entries = _packed(settings, day, since)
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise refused(f"{out} cannot be made: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(packed)
    if json:
        show_json({"out": str(out), "day": day, "entries": entries, "bytes": len(packed)})
    else:
        say(f"{entries} entries of day {day} in {out}; it holds a patient's data in the clear")
    return Exit.FINE


def _packed(settings: Settings, day_id: str, since: Path | None) -> tuple[bytes, int]:
    from dataclasses import replace

    from infusion_service.log.bundle import BundleRejected, collect, pack
    from infusion_service.log.checkpoints import CheckpointDirectory
    from infusion_service.log.log_file import LogFile, reading
    from infusion_service.log.store import StoreUnusable, id_bytes
    from infusion_service.log.verify_bundle import verify_bundle
    from infusion_service.web.record import Seal, record_html

    try:
        id_bytes(day_id)
    except ValueError:
        raise usage(f"{day_id!r} is not the id of a day") from None
    try:
        newest = CheckpointDirectory(settings.checkpoints, settings.site).newest()
        if newest is None:
            raise refused(f"there is no signed checkpoint in {settings.checkpoints}: a bundle would prove nothing")
        with reading(settings.database) as connection:
            log = LogFile(connection, settings.site)
            keys = log.public_keys(newest.origin)
            bundle = collect(
                connection, log.site, day_id, note=newest.note, keys=keys, since=_size_of(since, newest.origin)
            )
        # What does not verify is not handed out; the check also gives the day that the record shows.
        report, day = verify_bundle(pack(bundle))
        if not report.ok or day is None:
            found = report.findings.listed[0].what if report.findings.listed else "the day cannot be folded"
            raise refused(f"the day does not verify ({found}): run `infusion verify`")
        checkpoint = bundle.checkpoint
        seal = Seal(checkpoint.origin, checkpoint.size, checkpoint.root)
        record = record_html(day, [proven.entry for proven in bundle.entries], seal)
        return pack(replace(bundle, record=record)), len(bundle.entries)
    except (BundleRejected, StoreUnusable) as error:
        raise refused(str(error)) from None
    except OSError as error:
        raise refused(f"a file cannot be read: {error}") from None


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
