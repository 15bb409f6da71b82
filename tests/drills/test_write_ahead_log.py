"""The write-ahead log half copied, torn, lost, old or of another database: nothing acknowledged is lost, or it is said.

What was acknowledged is known outside the files: the newest checkpoint outside the database, here of everything that
was committed. A start either has all of it or refuses to write, with both sizes.
"""

from __future__ import annotations

import random
import re
import shutil
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infusion_service.log.checkpoints import CheckpointDirectory
from infusion_service.log.store import StoreError
from tests.audit.played import SITE
from tests.audit.rotting import power_cut, rows_of
from tests.drills.conftest import Drill
from tests.drills.test_bit_rot import DATABASE, answers, checked, short_and_whole

WAL = f"{DATABASE}-wal"
WAL_HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
SECTOR_BYTES = 512


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site as a power cut leaves it: its newest entries in the write-ahead log alone."""
    return power_cut(tmp_path_factory.mktemp("cut"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another site, cut off in the same way."""
    return power_cut(tmp_path_factory.mktemp("stranger"))


@short_and_whole
async def test_a_checkpoint_that_was_cut_off_loses_nothing(
    drill: Drill, cut: Path, tmp_path: Path, places: int
) -> None:
    """Any of the pages it was to copy may be in the database, whole or torn in sectors: the log still has them all."""
    acknowledged = acknowledged_in(cut)
    pages, size = committed_pages(cut / WAL)
    wanted = await answers(Path(shutil.copytree(cut, tmp_path / "whole")), acknowledged)
    for number in range(places):
        copy = Path(shutil.copytree(cut, tmp_path / str(number)))
        copied = drill.chance.sample(sorted(pages), drill.chance.randint(1, len(pages)))
        with (copy / DATABASE).open("r+b") as file:
            for page in copied:
                write(file, (page - 1) * size, pages[page], drill.chance)
        assert checked(copy / DATABASE)[0] == 0
        assert await answers(copy, acknowledged) == wanted
        shutil.rmtree(copy)
    drill.figure(f"a checkpoint cut off in {places} ways: 0 of {acknowledged} entries lost, all answers the same")


@short_and_whole
async def test_a_write_ahead_log_torn_anywhere_is_refused_where_it_costs_entries(
    drill: Drill, cut: Path, tmp_path: Path, places: int
) -> None:
    acknowledged, whole = acknowledged_in(cut), (cut / WAL).read_bytes()
    became: Counter[str] = Counter()
    for number in range(places):
        copy = Path(shutil.copytree(cut, tmp_path / str(number)))
        end = drill.chance.randrange(len(whole))
        # What lies behind the tear is what the file held before: nothing, zeros, or an older run of the log.
        tail = drill.chance.choice([b"", bytes(len(whole) - end), drill.chance.randbytes(len(whole) - end)])
        (copy / WAL).write_bytes(whole[:end] + tail)
        became[await all_there_or_said(copy, acknowledged)] += 1
        shutil.rmtree(copy)
    drill.figure(f"a write-ahead log torn at {places} places: {dict(became)}")


async def test_a_write_ahead_log_that_is_lost_is_missed(cut: Path, tmp_path: Path) -> None:
    for lost in ((WAL,), (WAL, f"{DATABASE}-shm")):
        copy = Path(shutil.copytree(cut, tmp_path / "-".join(lost)))
        for name in lost:
            (copy / name).unlink(missing_ok=True)
        assert await all_there_or_said(copy, acknowledged_in(cut)) == "refused"


async def test_the_write_ahead_log_of_another_database_is_not_taken_for_ours(
    drill: Drill, cut: Path, stranger: Path, tmp_path: Path
) -> None:
    """SQLite itself would: nothing in the file says whose it is."""
    copy = Path(shutil.copytree(cut, tmp_path / "site"))
    shutil.copy(stranger / WAL, copy / WAL)
    (copy / f"{DATABASE}-shm").unlink(missing_ok=True)

    code, _ = checked(copy / DATABASE)
    assert code != 0
    with pytest.raises(StoreError) as refused:
        await answers(copy, 0)
    drill.figure(f"the write-ahead log of another database: {type(refused.value).__name__}, found at night with {code}")


async def test_an_older_write_ahead_log_of_the_same_database_is_missed(cut: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(cut, tmp_path / "site"))
    commits = [end for end, ends_commit in frames_of((copy / WAL).read_bytes()) if ends_commit]
    (copy / WAL).write_bytes((copy / WAL).read_bytes()[: commits[len(commits) // 2]])

    assert await all_there_or_said(copy, acknowledged_in(cut)) == "refused"


async def all_there_or_said(copy: Path, acknowledged: int) -> str:
    """Open what is left: either every acknowledged entry is there, or the start says how many are missing."""
    left = len(rows_of(copy / DATABASE))
    code, _ = checked(copy / DATABASE)
    if left == acknowledged:
        await answers(copy, acknowledged)
        assert code == 0
        return "all there"
    with pytest.raises(StoreError) as refused:
        await answers(copy, acknowledged)
    assert {str(left), str(acknowledged)} <= set(re.findall(r"\d+", str(refused.value))), refused.value
    assert code != 0
    return "refused"


def acknowledged_in(directory: Path) -> int:
    """How many entries the newest checkpoint outside vouches for: all that were committed."""
    newest = CheckpointDirectory(directory / "checkpoints", SITE).newest()
    assert newest is not None
    assert newest.checkpoint.size == len(rows_of(directory / DATABASE))
    return newest.checkpoint.size


def frames_of(wal: bytes) -> Iterator[tuple[int, bool]]:
    """Where each frame ends, and whether it ends a commit."""
    (size,) = struct.unpack_from(">I", wal, 8)
    for at in range(WAL_HEADER_BYTES, len(wal) - size - FRAME_HEADER_BYTES + 1, size + FRAME_HEADER_BYTES):
        _, commits = struct.unpack_from(">II", wal, at)
        if wal[at + 8 : at + 16] != wal[16:24]:
            return  # left over from before the file was begun again
        yield at + FRAME_HEADER_BYTES + size, commits != 0


def committed_pages(path: Path) -> tuple[dict[int, bytes], int]:
    """The newest committed version of each page in a write-ahead log, and the size of a page."""
    wal = path.read_bytes()
    (size,) = struct.unpack_from(">I", wal, 8)
    pages: dict[int, bytes] = {}
    pending: dict[int, bytes] = {}
    for end, commits in frames_of(wal):
        (number,) = struct.unpack_from(">I", wal, end - size - FRAME_HEADER_BYTES)
        pending[number] = wal[end - size : end]
        if commits:
            pages |= pending
            pending = {}
    return pages, size


def write(file: Any, at: int, page: bytes, chance: random.Random) -> None:
    """Write a page, all of it or some of its sectors."""
    torn = chance.random() < 0.5
    for first in range(0, len(page), SECTOR_BYTES):
        if not torn or chance.random() < 0.5:
            file.seek(at + first)
            file.write(page[first : first + SECTOR_BYTES])
