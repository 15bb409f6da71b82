"""Signed checkpoints kept outside the database, and the guard that compares the log with the last one at start.

One directory for each origin, `<site>/log<N>`: the file `checkpoint` is the newest signed note, replaced as a whole;
`leaf_hashes` is every leaf hash under it, 32 bytes each, so that a verifier can name the very entry that was changed.
The hashes need no trust: they count only where they add up to the signed root.

Promises: whoever reads sees a whole note, the old or the new one; a note is not there before the hashes under it are.
Does not: sign, or decide when (`intake.checkpointing`).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from infusion_service.log.merkle import HASH_BYTES
from infusion_service.log.note import Checkpoint, NoteRejected, Verifier, parse_note, verify_checkpoint
from infusion_service.log.proofs import root_at
from infusion_service.log.store import Store, StoreUnusable

CHECKPOINT_FILE = "checkpoint"
LEAF_HASHES_FILE = "leaf_hashes"

KEY_ADDED = "key.added"
KEY_RETIRED = "key.retired"
LOG_CONTINUED = "log.continued"
PATIENT_ERASED = "patient.erased"
"""The entry that comes with an erasure; its data name the `days` whose bodies are destroyed."""

_GENERATION = re.compile("log([1-9][0-9]{0,8})")


class LogForked(StoreUnusable):
    """The log is not the one its last checkpoint was signed over: shorter, or different. Nothing may be written."""


@dataclass(frozen=True, slots=True)
class Outside:
    """The newest checkpoint outside the database, its signatures not verified."""

    origin: str
    note: bytes
    path: Path

    @property
    def checkpoint(self) -> Checkpoint:
        """What the note says. Raises `NoteRejected`, also for the note of another log."""
        checkpoint = Checkpoint.from_text(parse_note(self.note).text)
        if checkpoint.origin != self.origin:
            raise NoteRejected(f"it is of {checkpoint.origin}")
        return checkpoint


def origin_of(site: str, generation: int) -> str:
    """The name of a site's log: its first is `<site>/log1`; each `log continue` opens the next."""
    return f"{site}/log{generation}"


def generation_of(origin: str) -> int:
    """The number in an origin. Raises `ValueError`."""
    found = _GENERATION.fullmatch(origin.rpartition("/")[2])
    if found is None:
        raise ValueError(f"not the origin of a log: {origin!r}")
    return int(found[1])


class CheckpointDirectory:
    """The directory of one site's checkpoints. Its methods wait for the disk: call them in a thread."""

    def __init__(self, directory: Path, site: str) -> None:
        self.path = directory
        self._site = site

    def newest(self) -> Outside | None:
        """The checkpoint of the site's latest origin, or None. Raises `OSError`."""
        folder = self.path / self._site
        names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        generations = sorted((int(found[1]) for name in names if (found := _GENERATION.fullmatch(name))), reverse=True)
        for generation in generations:
            origin = origin_of(self._site, generation)
            path = self.path / origin / CHECKPOINT_FILE
            if path.exists():
                return Outside(origin, path.read_bytes(), path)
        return None

    def leaf_hashes_file(self, origin: str) -> Path:
        """Where the leaf hashes under an origin's checkpoint are."""
        return self.path / origin / LEAF_HASHES_FILE

    def hashes_kept(self, origin: str) -> int:
        """How many leaf hashes are kept; one that was cut off half-way does not count. Raises `OSError`."""
        path = self.leaf_hashes_file(origin)
        return path.stat().st_size // HASH_BYTES if path.exists() else 0

    def publish(self, origin: str, note: bytes, *, after: int, leaf_hashes: bytes) -> None:
        """Keep the leaf hashes that follow the first `after`, then the note over them. Raises `OSError`."""
        folder = self.path / origin
        folder.mkdir(parents=True, exist_ok=True)
        self._keep_hashes(folder / LEAF_HASHES_FILE, after, leaf_hashes)
        fresh = folder / (CHECKPOINT_FILE + ".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(folder / CHECKPOINT_FILE)
        sync_folder(folder)

    def _keep_hashes(self, path: Path, after: int, leaf_hashes: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        with os.fdopen(descriptor, "wb") as file:  # opened without truncating: it goes on where it ended
            file.seek(after * HASH_BYTES)
            file.write(leaf_hashes)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def check_not_forked(store: Store, site: str, origin: str, outside: Outside, keys: list[bytes]) -> None:
    """Compare the log with the newest checkpoint outside: that one may not be ahead of it, nor other than it.

    `origin` is the log's own, `keys` are the public keys that sign or have signed for it. Raises `LogForked`, which
    names both sizes and the way out.
    """
    size = (await store.log_head(site)).size
    try:
        checkpoint = outside.checkpoint
    except NoteRejected as exc:
        raise LogForked(f"the checkpoint {outside.path} cannot be read ({exc}). {_WAY_OUT}") from exc
    where = f"the checkpoint {outside.path} is of {checkpoint.size} entries of {checkpoint.origin}"
    if generation_of(outside.origin) > generation_of(origin):
        raise LogForked(f"this log is {origin} with {size} entries, but {where}: an older copy. {_WAY_OUT}")
    if outside.origin != origin:
        return  # the log was continued under a new origin, and nothing has been signed for it yet
    if checkpoint.size > size:
        raise LogForked(f"this log has {size} entries, but {where}: an older copy. {_WAY_OUT}")
    try:
        root = await root_at(store, site, checkpoint.size)
    except ValueError as exc:  # rows are missing among those the log is said to have
        raise StoreUnusable(f"the log is damaged ({exc}): run infusion verify") from exc
    if root != checkpoint.root:
        raise LogForked(f"this log has {size} entries, {where}, and they are not the same entries. {_WAY_OUT}")
    try:
        verify_checkpoint(outside.note, [Verifier(origin, key) for key in keys])
    except NoteRejected as exc:
        raise LogForked(f"{where}, but {exc}: this log's size is {size}. {_WAY_OUT}") from exc


_WAY_OUT = (
    "Nothing is written. Bring back the newer database; if it is lost for good: "
    "`infusion log continue --accept-loss --reason TEXT`"
)
