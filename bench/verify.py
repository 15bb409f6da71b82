"""How fast a log verifies: `python -m bench.verify [ENTRIES]`, 20 000 unless told, 1 000 000 with `--million`.

The floor is what nobody can do without: the same file read and one SHA-256 for each leaf and node of the tree. Every
figure is of the same run, each taken in a process of its own so that its memory can be seen.
"""

import asyncio
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from bench.days import fill
from infusion_service.log.checkpoints import CheckpointDirectory
from infusion_service.log.log_file import LogFile, reading
from infusion_service.log.merkle import Frontier
from infusion_service.log.note import Signer
from infusion_service.log.signing_keys import read_keys
from infusion_service.log.verify import Evidence, verify_log
from tests.audit.played import play

ENTRIES = 20_000
PLAYED = ("s01", "s02", "s06", "s08")
"""Rehearsals whose days are copied: quiet ones and eventful ones."""

MILLION = 1_000_000
STRUCTURE_SHARE_MIN = 0.15
"""Of the floor."""
STATES_PER_S_MIN = 12_000
MEMORY_MB_MAX = 300

KIB_PER_MB = 1024


def main(arguments: list[str]) -> None:
    """Make a log, verify it each way, and print what it took."""
    entries = MILLION if "--million" in arguments else int(next(iter(arguments), ENTRIES))
    with tempfile.TemporaryDirectory(prefix="infusion-bench-") as directory:
        played, long = Path(directory) / "played", Path(directory) / "long"
        played.mkdir()
        long.mkdir()
        database = asyncio.run(fill(play(played, *PLAYED).database, long, entries))
        print(f"{entries} entries, {database.stat().st_size / 1e6:.0f} MB")
        floor, _ = _apart(_floor, database)
        _say("floor: read, hash leaves and tree", entries / floor, "")
        structure, memory = _apart(_without_states, database)
        share = floor / structure
        _say(
            "structure and commitments",
            entries / structure,
            f"{share:.2f} x floor (>= {STRUCTURE_SHARE_MIN}), {memory} MB",
        )
        tables, memory = _apart(_without_states_with_tables, database)
        _say("the same, tables held against it", entries / tables, f"{floor / tables:.2f} x floor, {memory} MB")
        states, memory = _apart(_with_states, database)
        _say("with states", entries / states, f"(>= {STATES_PER_S_MIN}), {memory} MB (< {MEMORY_MB_MAX})")
        whole, memory = _apart(_with_states_and_tables, database)
        _say("the same, tables held against it", entries / whole, f"{states / whole:.2f} x, {memory} MB")


def _say(name: str, per_second: float, more: str) -> None:
    print(f"  {name:<36} {per_second:>12,.0f} /s  {more}", flush=True)


def _apart(work: Callable[[Path], tuple[float, int]], database: Path) -> tuple[float, int]:
    """Run in a process of its own; return the seconds it took and its peak memory in MB."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, (database,))


def _measured(started: float) -> tuple[float, int]:
    return time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // KIB_PER_MB


def _floor(database: Path) -> tuple[float, int]:
    with reading(database) as connection:
        frontier = Frontier()
        started = time.perf_counter()
        for row in LogFile(connection).rows():
            frontier.append(sha256(b"\x00" + row[3]).digest())
        frontier.root()
        return _measured(started)


def _without_states(database: Path) -> tuple[float, int]:
    return _verified(database, states=False)


def _with_states(database: Path) -> tuple[float, int]:
    return _verified(database, states=True)


def _without_states_with_tables(database: Path) -> tuple[float, int]:
    return _verified(database, states=False, tables=True)


def _with_states_and_tables(database: Path) -> tuple[float, int]:
    return _verified(database, states=True, tables=True)


def _verified(database: Path, *, states: bool, tables: bool = False) -> tuple[float, int]:
    with reading(database) as connection:
        log = LogFile(connection)
        outside = CheckpointDirectory(database.parent / "checkpoints", log.site)
        newest = outside.newest()
        assert newest is not None
        evidence = Evidence(
            keys=[Signer(newest.origin, read_keys(database.parent)[0]).verifier],
            checkpoint=newest.note,
            leaf_hashes=outside.leaf_hashes_file(newest.origin).read_bytes(),
        )
        started = time.perf_counter()
        report = verify_log(log, evidence, states=states, tables=tables)
        assert report.ok, report.findings.listed[:3]
        assert not tables or "derived" not in report.skipped, report.skipped
        return _measured(started)


if __name__ == "__main__":
    main(sys.argv[1:])
