"""How the service fares, as types: what `GET /v1/status` answers. No patient, no person, and no path of the machine."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from infusion_service.web.shapes import Clock


class LogStatus(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The log and its file. `entries_since_start` over the time since `started_at` is how fast it grows."""

    entries: int
    entries_since_start: int
    database_bytes: int
    wal_bytes: int


class DiskStatus(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Room beside the database, and the least there should be."""

    free_bytes: int
    reserve_bytes: int


class CommitStatus(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the writer has done since the start, and what waits for it. `mean_ms` null: nothing committed yet."""

    commits: int
    mean_ms: float | None
    conflicts: int
    storage_full: int
    queue: int


class CheckpointStatus(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The newest checkpoint outside the database. `behind`: entries committed since it. Times are the machine's."""

    entries: int
    behind: int
    written_at: datetime
    on_another_disk: bool


class Verification(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the last verification found of the whole log, and of the tables beside it."""

    verified_at: datetime
    sound: bool
    tables_sound: bool
    entries: int
    first_bad_seq: int | None


class WardStatus(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The alarm budget of a ward since the start; no rate where no patient was under way."""

    ward: str
    name: str | None
    patient_hours: float
    alerts: dict[str, int]
    alerts_per_patient_hour: float | None


class Finding(msgspec.Struct, forbid_unknown_fields=True):
    """An alerting rule that would ring now; its entry in the runbook has the same name."""

    rule: str
    severity: Literal["critical", "warning", "info"]
    endpoint: str | None = None
    ward: str | None = None


class ServiceStatus(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How the service fares, from the same sources as `/metrics`. `clock_doubt` is empty where the clock is believed.

    `as_of`, `started_at` and the time of the verification are the site's, which may be simulated.
    """

    as_of: datetime
    machine_time: datetime
    clock: Clock
    clock_doubt: str
    site: str
    version: str
    python: str
    started_at: datetime
    taking_facts: bool
    watch_lateness_s: float
    streams: int
    log: LogStatus
    disk: DiskStatus
    commits: CommitStatus
    checkpoint: CheckpointStatus | None
    verify_at: str | None
    verification: Verification | None
    wards: list[WardStatus]
    alerts_per_patient_hour_max: float
    findings: list[Finding] = []
