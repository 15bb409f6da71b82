"""The nightly check: the whole log verified while the service runs, by `infusion verify` in a process of its own.

A flipped bit in a row that nobody reads is found by nothing else: SQLite keeps no checksum of it, and the tree at the
start is taken from derived nodes. Damage beside the log (derived tables, records) is told apart from damage of the log:
what is to be done differs. Promises: the service's own threads do none of the work; what was found is logged,
counted, and told by the figures. Does not: stop a service whose log is unsound, for then a ward could chart nothing.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec
import structlog

from infusion_service.cli.exits import Exit
from infusion_service.log.verify_report import BESIDE_THE_LOG

if TYPE_CHECKING:
    from infusion_service.bootstrap import Service
    from infusion_service.settings import Settings

POLITENESS = ("nice", "-n", "15")
"""It has all night, and the ward may have an infusion running."""

NAMED_MAX = 10
"""Rows beside the log that are named in the log line. They bear ids, never what a row holds of a patient."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a verification ended: its exit code and the report it printed."""

    code: int
    report: bytes


Verify = Callable[["Settings"], Awaitable[Ended]]


class _Found(msgspec.Struct):
    step: str
    what: str


class _Report(msgspec.Struct):
    size: int
    first_bad_seq: int | None = None
    log_ok: bool = True
    findings: list[_Found] = []


async def verified_nightly(service: Service, *, verify: Verify | None = None) -> None:
    """Verify the log each day at the settings' `verify_at`, in the time zone of the first ward, until cancelled."""
    settings = service.settings
    if settings.verify_at is None:
        return
    zone = ZoneInfo(settings.wards[0].timezone)
    at = time.fromisoformat(settings.verify_at)
    while True:
        due = next_time(service.clock.now(), at, zone)
        while service.clock.now() < due:
            await service.clock.wait_until(due, asyncio.Event())  # a clock that has woken somebody leaves its event set
        await verify_once(service, verify or in_a_process_of_its_own)


def next_time(now: datetime, at: time, zone: ZoneInfo) -> datetime:
    """The next moment after `now` at which clocks in `zone` show `at`. Where they skip it, the moment they skip to."""
    local = now.astimezone(zone)
    due = datetime.combine(local.date(), at, zone)
    if due <= now:
        due = datetime.combine(local.date() + timedelta(days=1), at, zone)
    return due.astimezone(now.tzinfo)


async def verify_once(service: Service, verify: Verify) -> None:
    """Verify, and keep and log what was found. What goes wrong with verifying itself is logged and tried next night."""
    began = service.clock.now()
    try:
        ended = await verify(service.settings)
        report = msgspec.json.decode(ended.report, type=_Report) if ended.code in (Exit.FINE, Exit.FINDING) else None
    except (OSError, msgspec.DecodeError) as error:
        _log.error("log.not_verified", error=type(error).__name__)
        return
    if report is None:
        _log.error("log.not_verified", code=ended.code)
        return
    now = service.clock.now()
    all_sound = ended.code == Exit.FINE
    sound = all_sound or (report.log_ok and bool(report.findings))
    beside = [found.what for found in report.findings if found.step in BESIDE_THE_LOG]
    service.soundness.found(
        at=now, sound=sound, tables_sound=not beside, size=report.size, first_bad_seq=report.first_bad_seq
    )
    told = {"entries": report.size, "took_s": round((now - began).total_seconds(), 1)}
    if not sound:
        _log.error("log.unsound", first_bad_seq=report.first_bad_seq, **told)
    elif beside:
        _log.error("tables.unsound", found=beside[:NAMED_MAX], **told)
    else:
        _log.info("log.verified", **told)


async def in_a_process_of_its_own(settings: Settings) -> Ended:
    """Run `infusion verify` on the settings' database. Ends it when cancelled."""
    polite = POLITENESS if shutil.which(POLITENESS[0]) else ()
    process = await asyncio.create_subprocess_exec(
        *polite,
        *(sys.executable, "-m", "infusion_service", "verify", "--json"),
        *("--db", str(settings.database.absolute()), "--site", settings.site),
        env={**os.environ, "INFUSION_STORAGE_CHECKPOINT_DIR": str(settings.checkpoints.absolute())},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        report, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    return Ended(int(process.returncode or 0), report)
