"""Every manipulation is caught at the entry it was made at, and nobody is accused of one that was not made."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from random import Random

import pytest

from bench.days import fill
from infusion_service.log.checkpoints import CheckpointDirectory
from infusion_service.log.log_file import LogFile
from infusion_service.log.note import Signer, Verifier
from infusion_service.log.signing_keys import read_keys
from infusion_service.log.verify import verify_log
from infusion_service.log.verify_report import Report
from tests.audit.played import SITE, play
from tests.audit.rotting import caught_or_harmless, power_cut
from tests.audit.tampering import MANIPULATIONS, Manipulation, Victim, first_difference, opened


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


@pytest.fixture
def unclosed(tmp_path: Path) -> Path:
    return power_cut(tmp_path)


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
