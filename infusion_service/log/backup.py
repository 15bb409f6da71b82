"""A copy of a database taken while it is written, verified before it is called a backup, and put back where none is.

A backup is one SQLite file and, beside it, `<file>.checkpoint`: the newest signed checkpoint that was outside when the
copy began. Promises: the copy is one moment of the log; what bears the backup's name is whole, on the disk, and has
passed the verifier; nothing that is there is written over. Does not: hold signing keys, or judge how old is too old
(the guard at start does).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pysqlite3.dbapi2 as driver

from infusion_service.log.checkpoints import CheckpointDirectory, Outside, sync_folder
from infusion_service.log.log_file import LogFile, reading
from infusion_service.log.note import Checkpoint, Verifier, parse_note
from infusion_service.log.sqlite_schema import renew_derived, transaction
from infusion_service.log.store import StoreUnusable
from infusion_service.log.verify import Evidence, verify_log
from infusion_service.log.verify_report import Report

CHECKPOINT_SUFFIX = ".checkpoint"
UNFINISHED_SUFFIX = ".unfinished"
"""What a copy is called until it has been verified; one that was cut off is written over by the next."""


class BackupUnsound(Exception):
    """The copy does not verify. `report` says where."""

    def __init__(self, path: Path, report: Report) -> None:
        super().__init__(f"{path} does not verify: {_first_of(report)}")
        self.report = report


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A copy that has been verified. `checkpoint_size` is None where there was no checkpoint to hold against it."""

    path: Path
    size: int
    root: str
    size_bytes: int
    checkpoint_size: int | None


def back_up(database: Path, out: Path, *, checkpoints: CheckpointDirectory, site: str, states: bool = False) -> Copied:
    """Copy a database to `out`, also while a service writes it, and verify the copy.

    `states`: derive every day again as well, which takes longer. Raises `StoreUnusable` (no database, `out` is there),
    `BackupUnsound`, `OSError`.
    """
    _refuse_to_replace(out)
    _refuse_to_replace(checkpoint_of(out))
    # Before the copy: a checkpoint signed meanwhile would be of a longer log than the one copied.
    outside = checkpoints.newest()
    with _unfinished(out) as fresh:
        _copy(database, fresh)
        copied = _verified(fresh, out, site, outside.note if outside is not None else None, states=states)
        if outside is not None:
            _write(checkpoint_of(out), outside.note)
    return copied


def restore(backup: Path, database: Path, *, site: str, keys: Sequence[Verifier] = (), states: bool = True) -> Copied:
    """Put a backup where no database is, after the copy put there has been verified against the backup's checkpoint.

    `keys` are public keys known beforehand; without any, those count that the log names. Nothing is left behind when
    it fails. Raises `StoreUnusable`, `BackupUnsound`, `OSError`.
    """
    for path in (database, *(database.with_name(database.name + more) for more in ("-wal", "-shm"))):
        _refuse_to_replace(path)
    beside = checkpoint_of(backup)
    note = beside.read_bytes() if beside.exists() else None
    database.parent.mkdir(parents=True, exist_ok=True)
    with _unfinished(database) as fresh:
        _copy(backup, fresh)
        return _verified(fresh, database, site, note, keys=keys, states=states)


def missing_since(copied: Copied, outside: Outside | None) -> int:
    """How many signed entries a restored log lacks, going by the newest checkpoint outside. Raises `NoteRejected`."""
    return 0 if outside is None else max(0, outside.checkpoint.size - copied.size)


def checkpoint_of(backup: Path) -> Path:
    """Where a backup's checkpoint lies."""
    return backup.with_name(backup.name + CHECKPOINT_SUFFIX)


def _refuse_to_replace(path: Path) -> None:
    if path.exists():
        raise StoreUnusable(f"{path} is there already and is not written over: name another, or move it away")


@contextmanager
def _unfinished(final: Path) -> Iterator[Path]:
    """Yield the path to write to; what is there in the end gets its name when everything went well, and goes if not."""
    fresh = final.with_name(final.name + UNFINISHED_SUFFIX)
    fresh.unlink(missing_ok=True)
    os.close(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        yield fresh
        _sync(fresh)
        # A link, not a rename: it fails where somebody else has made a file of this name meanwhile.
        os.link(fresh, final)
    finally:
        for more in ("", "-wal", "-shm", "-journal"):
            fresh.with_name(fresh.name + more).unlink(missing_ok=True)
        sync_folder(final.parent)


def _copy(source: Path, target: Path) -> None:
    """Copy by SQLite's own backup, in one step: the reader's view is one moment, and no commit makes it start over."""
    with reading(source) as connection:
        try:
            into = driver.connect(str(target), isolation_level=None)
            try:
                connection.backup(into, pages=-1)
                # One file that can be read from a medium nobody can write: no write-ahead log beside it.
                into.execute("PRAGMA journal_mode = DELETE")
            finally:
                into.close()
        except driver.Error as exc:
            raise StoreUnusable(f"{source} cannot be copied: {exc}") from exc


def _verified(
    fresh: Path, final: Path, site: str, note: bytes | None, *, keys: Sequence[Verifier] = (), states: bool
) -> Copied:
    with reading(fresh) as connection:
        (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if said != "ok":
            raise StoreUnusable(f"the copy of {final.name} is no sound database: {said}")
        report = verify_log(LogFile(connection, site), Evidence(keys=keys, checkpoint=note), states=states, tables=True)
    if report.found_only("derived"):
        _drop_derived(fresh)  # functions of the log, not worth a backup that is refused: the next start makes them anew
    elif not report.ok:
        raise BackupUnsound(final, report)
    return Copied(
        path=final,
        size=report.size,
        root=report.root.hex(),
        size_bytes=fresh.stat().st_size,
        checkpoint_size=_size_of(note),
    )


def _drop_derived(fresh: Path) -> None:
    connection = driver.connect(str(fresh), isolation_level=None)
    try:
        with transaction(connection):
            renew_derived(connection)
    except driver.Error as exc:
        raise StoreUnusable(f"the derived tables of the copy cannot be dropped: {exc}") from exc
    finally:
        connection.close()


def _size_of(note: bytes | None) -> int | None:
    return None if note is None else Checkpoint.from_text(parse_note(note).text).size  # it has just been verified


def _first_of(report: Report) -> str:
    found = report.findings.listed[0]
    return found.what if found.seq is None else f"entry {found.seq}: {found.what}"


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
