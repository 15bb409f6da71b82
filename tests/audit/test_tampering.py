"""Every manipulation is caught at the entry it was made at, and nobody is accused of one that was not made."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from infusion_service.log.checkpoints import CheckpointDirectory
from infusion_service.log.log_file import LogFile
from infusion_service.log.note import Verifier
from infusion_service.log.verify import verify_log
from infusion_service.log.verify_report import Report
from tests.audit.played import SITE, play
from tests.audit.tampering import MANIPULATIONS, Manipulation, Victim, first_difference, opened


def keys_of(victim: Victim) -> list[Verifier]:
    """The public keys that the log names: here they are handed in, as an auditor who kept them would."""
    import json

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
