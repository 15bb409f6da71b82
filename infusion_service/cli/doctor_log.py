"""What `infusion doctor` sees in the database file, also while the service holds it: it reads, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from infusion_service.cli.doctor_part import Part
from infusion_service.clinical.vocabulary import format_time

if TYPE_CHECKING:
    from infusion_service.log.sqlite_reader import Reader
    from infusion_service.settings import Settings

DISK_RESERVE_BYTES = 1_000_000_000
"""What the alerting rules ask for as well."""

WORKFLOWS_READ_MAX = 1_000


def look_into(settings: Settings) -> list[Part]:
    """Return what there is to say of checkpoint, room, clock, workflows, endpoints and staff."""
    from infusion_service.log.log_file import UNREADABLE, reading
    from infusion_service.log.sqlite_reader import Reader
    from infusion_service.log.store import StoreError

    looks: tuple[Callable[[Settings, Reader], Part], ...] = (
        _checkpoint,
        _room,
        _clock,
        _adopted,
        _endpoints,
        _charge_nurses,
    )
    try:
        with reading(settings.database) as connection:
            reader = Reader(connection)
            return [look(settings, reader) for look in looks]
    except (StoreError, *UNREADABLE) as error:
        return [Part("database", f"{settings.database} cannot be read", str(error))]


def _checkpoint(settings: Settings, reader: Reader) -> Part:
    from infusion_service.log.checkpoints import CheckpointDirectory
    from infusion_service.log.note import NoteRejected

    size = reader.log_head(settings.site).size
    try:
        outside = CheckpointDirectory(settings.checkpoints, settings.site).newest()
        signed = None if outside is None else outside.checkpoint.size
    except (OSError, NoteRejected) as error:
        return Part("checkpoint", f"the one in {settings.checkpoints} cannot be read", str(error))
    if signed is None:
        advice = "it is written at the first commit: start the service; is `storage.checkpoint_dir` there and writable?"
        return Part("checkpoint", f"none in {settings.checkpoints}", advice)
    if signed > size:
        advice = (
            "this is an older copy and will not be written: bring back the newer one, or see `infusion log continue`"
        )
        return Part("checkpoint", f"of {signed} entries, and the log has {size}", advice)
    return Part("checkpoint", f"of {signed} entries in {settings.checkpoints}")


def _room(settings: Settings, _reader: Reader) -> Part:
    free = shutil.disk_usage(settings.database.absolute().parent).free
    advice = "" if free >= DISK_RESERVE_BYTES else "make room: facts are refused where there is none"
    return Part("room", f"{free / 1e9:.1f} GB beside the database", advice)


def _clock(settings: Settings, reader: Reader) -> Part:
    from infusion_service.intake.clock_doubt import RECORD_KEY, RECORD_KIND

    last = reader.log_head(settings.site).received_at
    doubt = reader.record(settings.site, RECORD_KIND, RECORD_KEY)
    now = datetime.now(UTC)
    if doubt is not None:
        advice = "put the clock right, then `infusion clock confirm`: until then no day is moved by time"
        return Part("clock", f"in doubt: {doubt['reason']}", advice)
    if settings.clock == "real" and last is not None and now < last:
        said = f"it says {format_time(now)}, the last entry is of {format_time(last)}"
        return Part("clock", said, "put the clock right before the service is started")
    return Part("clock", f"{settings.clock}, {now:%Y-%m-%d %H:%M:%S} UTC")


def _adopted(settings: Settings, reader: Reader) -> Part:
    from infusion_service.clinical.workflow import WorkflowInvalid
    from infusion_service.intake.workflows import WORKFLOW_ADOPTED, read_workflow_files
    from infusion_service.log.entry import LogEntry

    try:
        files = {(each.name, each.version): each.hash for each in read_workflow_files(settings.workflows_dir)}
    except (WorkflowInvalid, OSError):
        return Part("adopted workflows", "not compared: see workflows")
    rows = reader.read_log(settings.site, 0, WORKFLOWS_READ_MAX, "site", WORKFLOW_ADOPTED)
    data: list[Any] = [entry.data for row in rows if (entry := LogEntry.of(row).entry) is not None]
    adopted = {(str(each["name"]), int(each["version"])): str(each["hash"]) for each in data}
    edited = [
        f"{name}@{version}" for (name, version), found in files.items() if adopted.get((name, version), found) != found
    ]
    if edited:
        advice = "put the released file back and make the change a new version: the service does not start on it"
        return Part("adopted workflows", f"edited after release: {', '.join(edited)}", advice)
    new = [f"{name}@{version}" for name, version in files if (name, version) not in adopted]
    shown = ", ".join(f"{name}@{version}" for name, version in adopted) or "none yet"
    advice = f"restart the service to have {', '.join(new)} for new days" if new and adopted else ""
    return Part("adopted workflows", shown, advice)


def _endpoints(settings: Settings, reader: Reader) -> Part:
    from infusion_service.delivery.endpoint import KIND_ENDPOINT, KIND_PROGRESS

    progress = reader.records(settings.site, KIND_PROGRESS)
    told: dict[str, str] = {}
    advice = ""
    for key, each in reader.records(settings.site, KIND_ENDPOINT).items():
        state = told[key] = str(each.get("state", "pending"))
        health = progress.get(key, {})
        if state == "active" and health.get("circuit_open"):
            told[key] = f"has not answered since {health.get('first_failed_at', 'its first delivery')}"
            advice = advice or f"`infusion endpoint status {key}` says what it last answered; nothing is lost meanwhile"
        elif state == "disabled":
            advice = f"`infusion endpoint status {key}` says why; `infusion endpoint enable` once it is mended"
    return Part("endpoints", ", ".join(f"{key} {said}" for key, said in told.items()) or "none", advice)


def _charge_nurses(settings: Settings, reader: Reader) -> Part:
    from infusion_service.access.records import KIND_STAFF

    staff = [each for each in reader.records(settings.site, KIND_STAFF).values() if each.get("disabled_at") is None]
    charge: list[Any] = [each for each in staff if each["role"] == "charge_nurse"]
    without = [
        ward.id
        for ward in settings.wards
        if not any(each.get("wards") is None or ward.id in each["wards"] for each in charge)
    ]
    if not staff:
        return Part("staff", "nobody yet: `infusion staff add`")
    if without:
        advice = "`infusion staff add ... --role charge_nurse`: nobody there can unlock a badge or hear an escalation"
        return Part("staff", f"{len(staff)}, no charge nurse on {', '.join(without)}", advice)
    return Part("staff", f"{len(staff)}, a charge nurse on every ward")
