"""How the service fares, in one answer: for a page that an operator looks at, and for who has no Prometheus.

Promises: every number comes from where `/metrics` takes it; nothing of a patient or a person, no path of the machine.
Does not: judge (`findings`), or keep anything.
"""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from infusion_service import __version__
from infusion_service.intake.checkpointing import Checkpoints
from infusion_service.intake.intake import Intake
from infusion_service.log.note import NoteRejected
from infusion_service.log.soundness import Soundness
from infusion_service.settings import Settings
from infusion_service.web.answers import answer
from infusion_service.web.days import clock_of
from infusion_service.web.findings import ALERTS_PER_PATIENT_HOUR_MAX, DISK_FREE_BYTES_MIN, findings
from infusion_service.web.keys import CHECKPOINTS, ENDPOINTS, INTAKE, SETTINGS, STOPPING, WATCH
from infusion_service.web.metrics import files_of
from infusion_service.web.queries import Query
from infusion_service.web.shapes import Clock
from infusion_service.web.status_shapes import (
    CheckpointStatus,
    CommitStatus,
    DiskStatus,
    LogStatus,
    ServiceStatus,
    Verification,
    WardStatus,
)
from infusion_service.web.stream import BROADCAST


@dataclass(frozen=True, slots=True)
class Since:
    """What is kept for the answer: when this began, and what the last verification found."""

    started_at: datetime
    soundness: Soundness


SINCE = web.AppKey("since", Since)


async def get_status(request: web.Request) -> web.Response:
    """Return how the service fares, with what needs somebody's eye."""
    Query(request)
    app = request.app
    intake, settings, since = app[INTAKE], app[SETTINGS], app[SINCE]
    clock = clock_of(intake)
    status = ServiceStatus(
        as_of=intake.clock.now(),
        machine_time=datetime.now(UTC),
        clock=Clock(**clock),
        clock_doubt=intake.clock_doubt,
        site=intake.site,
        version=__version__,
        python=sys.version.split()[0],
        started_at=since.started_at,
        taking_facts=intake.failed is None and not app[STOPPING].is_set(),
        watch_lateness_s=await app[WATCH].lateness_s(),
        streams=app[BROADCAST].clients,
        log=_log_of(intake, settings.database),
        disk=DiskStatus(free_bytes=files_of(settings.database)["disk_free_bytes"](), reserve_bytes=DISK_FREE_BYTES_MIN),
        commits=_commits_of(intake),
        checkpoint=await asyncio.to_thread(_newest, app[CHECKPOINTS], settings, intake.log_size),
        verify_at=settings.verify_at,
        verification=_verification_of(since.soundness),
        wards=_wards_of(intake, settings),
        alerts_per_patient_hour_max=ALERTS_PER_PATIENT_HOUR_MAX,
    )
    status.findings = findings(status, await app[ENDPOINTS].figures())
    return answer(status)


def _log_of(intake: Intake, database: Path) -> LogStatus:
    files = files_of(database)
    return LogStatus(
        entries=intake.log_size,
        entries_since_start=intake.tally.entries,
        database_bytes=files["database_bytes"](),
        wal_bytes=files["wal_bytes"](),
    )


def _commits_of(intake: Intake) -> CommitStatus:
    tally = intake.tally
    return CommitStatus(
        commits=tally.commits,
        mean_ms=round(1000 * tally.commit_s / tally.commits, 3) if tally.commits else None,
        conflicts=tally.conflicts,
        storage_full=tally.storage_full,
        queue=intake.queue_depth,
    )


def _newest(checkpoints: Checkpoints, settings: Settings, log_size: int) -> CheckpointStatus | None:
    """The newest checkpoint outside, or None where there is none that can be read. Waits for the disk."""
    try:
        outside = checkpoints.directory.newest()
        if outside is None:
            return None
        found, entries = outside.path.stat(), outside.checkpoint.size
        return CheckpointStatus(
            entries=entries,
            behind=max(log_size - entries, 0),
            written_at=datetime.fromtimestamp(round(found.st_mtime, 3), UTC),
            on_another_disk=found.st_dev != settings.database.absolute().parent.stat().st_dev,
        )
    except (OSError, NoteRejected):
        return None


def _verification_of(soundness: Soundness) -> Verification | None:
    if soundness.verified_at is None or soundness.sound is None:
        return None
    return Verification(
        verified_at=soundness.verified_at,
        sound=soundness.sound,
        tables_sound=soundness.tables_sound is not False,
        entries=soundness.size,
        first_bad_seq=soundness.first_bad_seq,
    )


def _wards_of(intake: Intake, settings: Settings) -> list[WardStatus]:
    hours = intake.patient_hours()
    raised: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (ward, severity), count in sorted(intake.alerts_raised().items()):
        raised[ward][severity] = count
    named = {ward.id: ward.name for ward in settings.wards}
    return [
        _ward(ward, named.get(ward), hours, raised.get(ward, {}))
        for ward in dict.fromkeys((*named, *sorted(hours), *sorted(raised)))
    ]


def _ward(ward: str, name: str | None, hours: Mapping[str, float], alerts: dict[str, int]) -> WardStatus:
    lived_h = hours.get(ward, 0.0)
    return WardStatus(
        ward=ward,
        name=name,
        patient_hours=lived_h,
        alerts=alerts,
        alerts_per_patient_hour=sum(alerts.values()) / lived_h if lived_h > 0 else None,
    )
