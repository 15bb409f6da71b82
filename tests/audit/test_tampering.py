"""Every manipulation is caught at the entry it was made at, and nobody is accused of one that was not made."""

from __future__ import annotations

import asyncio
import json
import shutil
from itertools import zip_longest
from pathlib import Path
from random import Random

import pytest

from bench.days import fill
from infusion_service.bootstrap import open_service
from infusion_service.clinical.vocabulary import parse_time
from infusion_service.intake.clock import SimulatedClock
from infusion_service.log.checkpoints import CheckpointDirectory
from infusion_service.log.log_file import UNREADABLE, LogFile, reading
from infusion_service.log.note import Signer, Verifier
from infusion_service.log.signing_keys import read_keys
from infusion_service.log.store import StoreUnusable
from infusion_service.log.verify import Evidence, verify_log
from infusion_service.log.verify_report import Report
from tests.audit.played import OFFICE, SITE, play, settings_in
from tests.audit.tampering import MANIPULATIONS, Manipulation, Row, Victim, first_difference, opened


def keys_of(victim: Victim) -> list[Verifier]:
    """The public keys that the log names: here they are handed in, as an auditor who kept them would."""
    added = [json.loads(row[5])["data"] for row in victim.original if row[6] == "key.added"]
    return [Verifier.from_text(data["key"]) for data in added]


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Victim:
    directory = tmp_path_factory.mktemp("tampering")
    settings = play(directory, "s08", "s06")
    return read(settings.database, CheckpointDirectory(settings.checkpoints, SITE))


def read(database: Path, outside: CheckpointDirectory) -> Victim:
    """An untouched log with what is kept outside of it."""
    newest = outside.newest()
    assert newest is not None
    victim = opened(database, newest.note, outside.leaf_hashes_file(newest.origin).read_bytes(), [])
    victim.keys = keys_of(victim)
    return victim


def verdict(victim: Victim) -> Report:
    """What the verifier says of a log in memory."""
    return verify_log(LogFile(victim.connection), victim.evidence)


def tried(pristine: Victim, manipulation: Manipulation, seed: int) -> None:
    """Manipulate a copy and hold the verdict against what was really changed."""
    victim = Victim.copy_of(pristine)
    streams = victim.streams()
    try:
        manipulation(victim, Random(seed))  # noqa: S311 - the same forgery every time
        changed = first_difference(victim, streams)
        report = verdict(victim)
        found = report.findings.first_bad_seq
        what = f"{manipulation.__name__} with seed {seed}: {report.findings.listed[:3]}"
        if changed is None and not victim.note_is_forged:
            assert report.ok, what
            return
        assert not report.ok, what
        if victim.hashes_are_forged:  # then nothing that is left can tell where, and nobody is named too early
            assert report.status("signatures") == "failed", what
            assert found is None or (changed is not None and found >= changed), what
        else:
            assert found == changed, what
    finally:
        victim.connection.close()


def test_an_untouched_log_is_never_accused(pristine: Victim) -> None:
    report = verdict(pristine)
    assert report.ok, report.findings.listed
    assert all(
        report.status(step) == "ok" for step in ("form", "signatures", "tree", "chains", "commitments", "states")
    )
    assert report.size == len(pristine.original)


@pytest.mark.parametrize("manipulation", MANIPULATIONS, ids=lambda manipulation: manipulation.__name__)
def test_a_manipulation_is_caught_at_its_entry(pristine: Victim, manipulation: Manipulation) -> None:
    for seed in range(14):  # 322 in all
        tried(pristine, manipulation, seed)


@pytest.mark.parametrize("where", ["the log", "the write-ahead log"])
def test_a_flipped_bit_in_a_file_is_caught_where_it_changes_the_log(
    tmp_path: Path, unclosed: Path, pristine: Victim, where: str
) -> None:
    """`unclosed` is a site as a power cut leaves it: part of the log is in the write-ahead log alone."""
    flipped = 0
    for seed in range(60):
        random = Random(seed)  # noqa: S311 - the same bit every time
        copy = tmp_path / f"{seed}"
        shutil.copytree(unclosed, copy)
        harmed = copy / ("infusion.db" if where == "the log" else "infusion.db-wal")
        raw = bytearray(harmed.read_bytes())
        raw[random.randrange(len(raw))] ^= 1 << random.randrange(8)
        harmed.write_bytes(raw)
        flipped += caught_or_harmless(copy, unclosed, seed)
        shutil.rmtree(copy)
    assert flipped  # some of them hit an entry


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
    except (StoreUnusable, UNREADABLE):
        pass
    return rows


@pytest.fixture
def unclosed(tmp_path: Path) -> Path:
    """Copy a site's files while it runs, after the start and a few days."""
    directory = tmp_path / "running"
    directory.mkdir()
    play(directory, "s08")
    cut = tmp_path / "cut"

    async def run_on() -> None:
        settings = settings_in(directory)
        async with open_service(settings, clock=SimulatedClock(parse_time("2026-12-24T08:00:00Z"))) as service:
            for _ in range(12):
                await service.intake.record("note", {"text": "x" * 300}, OFFICE)
            await service.checkpoints.stop()
            shutil.copytree(directory, cut)

    asyncio.run(run_on())
    assert (cut / "infusion.db-wal").stat().st_size
    return cut


@pytest.mark.drill
@pytest.mark.parametrize(("entries", "manipulations"), [(500, 10_000), (20_000, 50)])
def test_many_manipulations_of_long_logs_are_caught(tmp_path: Path, entries: int, manipulations: int) -> None:
    (tmp_path / "played").mkdir()
    (tmp_path / "long").mkdir()
    played = play(tmp_path / "played", "s01", "s02", "s06", "s08")
    database = asyncio.run(fill(played.database, tmp_path / "long", entries))
    pristine = read(database, CheckpointDirectory(database.parent / "checkpoints", SITE))
    # The log was copied: the key that its entries name is the one it was played with, not the one that signed.
    pristine.keys = [Signer("rehearsal/log1", read_keys(database.parent)[0]).verifier]
    assert verdict(pristine).ok
    for seed in range(manipulations):
        tried(pristine, MANIPULATIONS[seed % len(MANIPULATIONS)], seed)
