"""A site as a power cut leaves it, and whether a bit that flipped in one of its files changes the log unnoticed."""

from __future__ import annotations

import asyncio
import shutil
from itertools import zip_longest
from pathlib import Path

from infusion_service.bootstrap import open_service
from infusion_service.clinical.vocabulary import parse_time
from infusion_service.intake.clock import SimulatedClock
from infusion_service.log.checkpoints import CheckpointDirectory
from infusion_service.log.log_file import UNREADABLE, LogFile, reading
from infusion_service.log.store import StoreUnusable
from infusion_service.log.verify import Evidence, verify_log
from tests.audit.played import OFFICE, SITE, play
from tests.audit.tampering import Row

NEXT_MORNING = parse_time("2026-12-24T08:00:00Z")


def power_cut(directory: Path) -> Path:
    """The files of a site copied while it runs: part of the log is in the write-ahead log alone."""
    running, cut = directory / "running", directory / "cut"
    running.mkdir()
    settings = play(running, "s08")

    async def run_on() -> None:
        async with open_service(settings, clock=SimulatedClock(NEXT_MORNING)) as service:
            for _ in range(12):
                await service.intake.record("note", {"text": "x" * 300}, OFFICE)
            await service.checkpoints.stop()
            shutil.copytree(running, cut)

    asyncio.run(run_on())
    assert (cut / "infusion.db-wal").stat().st_size
    return cut


def caught_or_harmless(copy: Path, unclosed: Path, seed: int) -> bool:
    """Hold the verdict on a harmed copy against the rows that can still be read; True when it was caught."""
    outside = CheckpointDirectory(unclosed / "checkpoints", SITE)
    newest = outside.newest()
    assert newest is not None
    hashes = outside.leaf_hashes_file(newest.origin).read_bytes()
    before = rows_of(unclosed / "infusion.db")
    now = rows_of(copy / "infusion.db")
    evidence = Evidence(checkpoint=newest.note, leaf_hashes=hashes)
    changed = next((seq for seq, (old, new) in enumerate(zip_longest(before, now), start=1) if old != new), None)
    try:
        with reading(copy / "infusion.db") as connection:
            report = verify_log(LogFile(connection), evidence)
    except StoreUnusable:
        return True  # not even a database any more
    assert report.ok == (changed is None), (seed, changed, report.findings.listed[:3])
    assert report.findings.first_bad_seq == changed, (seed, report.findings.listed[:3])
    return changed is not None


def rows_of(database: Path) -> list[Row]:
    """As many rows as can be read."""
    rows: list[Row] = []
    try:
        with reading(database) as connection:
            names = dict(connection.execute("SELECT stream_key, stream_id FROM stream"))
            rows.extend((*row, names.get(row[1])) for row in LogFile(connection, SITE).rows())
    except (StoreUnusable, *UNREADABLE):
        pass
    return rows
