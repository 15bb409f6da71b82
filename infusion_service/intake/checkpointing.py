"""Checkpoints of the running service: signed with every commit, published outside the database, keys rotated.

Promises: no acknowledgement waits for a checkpoint: signing comes after the answers, and the disk is written in a
thread. What is published is never ahead of what is committed. When the directory cannot be written, facts are taken on
and the publishing is tried again. Does not: serve them (`web.proofs`) or judge them (`log.verify`).
"""

from __future__ import annotations

import asyncio
import contextlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infusion_service.clinical.vocabulary import JSON, SERVICE, SITE_STREAM, Actor
from infusion_service.log.checkpoints import (
    KEY_ADDED,
    KEY_RETIRED,
    LOG_CONTINUED,
    CheckpointDirectory,
    check_not_forked,
    origin_of,
)
from infusion_service.log.entry import LogEntry
from infusion_service.log.merkle import HASH_BYTES
from infusion_service.log.note import Checkpoint, Signer, Verifier, sign_checkpoint
from infusion_service.log.signing_keys import make_further_key, read_keys
from infusion_service.log.store import Store, StoreUnusable

PUBLISH_PAUSE_S = 0.1
"""Between two writes outside: three fsyncs for every commit would cost the commits half their disk."""

STOP_S_MAX = 5.0
"""How long a stop waits for a disk that hangs; what is not published then is at the next start."""

RETRY_AFTER_S = 5.0
"""After a directory that could not be written."""

ENTRIES_PER_READ = 1_000

_log = structlog.get_logger(__name__)


class Journal(Protocol):
    """The log as it grows: `intake.Intake`."""

    @property
    def log_size(self) -> int:
        """Entries committed."""
        ...

    def root(self) -> bytes:
        """The root over them."""
        ...

    def add_listener(self, listener: Callable[[list[LogEntry]], None]) -> None:
        """Have `listener` called after each commit."""
        ...

    async def record(self, entry_type: str, data: dict[str, JSON], actor: Actor) -> int:
        """Append an entry of administration to stream `site`."""
        ...


class KeyRefused(Exception):
    """A key cannot be retired: it is not there, or retired already."""


class LastKey(KeyRefused):
    """A key cannot be retired: no other one signs."""


class Checkpoints:
    """One site's checkpoints. `guard` before anything is written, `start` with the intake, `stop` after it."""

    def __init__(self, *, site: str, store: Store, directory: CheckpointDirectory, keys: Path) -> None:
        """`keys` is the directory of the key files. Without a key there nothing is signed."""
        self.origin = origin_of(site, 1)
        self._note: bytes | None = None
        self._site = site
        self._store = store
        self._directory = directory
        self._key_directory = keys
        self._journal: Journal | None = None
        self._added: dict[bytes, int] = {}
        self._retired: dict[bytes, int] = {}
        self._private: list[Ed25519PrivateKey] = []
        self._signers: list[Signer] = []
        self._size = -1
        self._kept = 0
        self._hashes = bytearray()
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    @property
    def note(self) -> bytes | None:
        """The signed checkpoint of all that is committed; None where there is no key."""
        self._sign()
        return self._note

    @property
    def directory(self) -> CheckpointDirectory:
        """Where they are published."""
        return self._directory

    def list_keys(self) -> list[dict[str, JSON]]:
        """Every key that signs or has signed, oldest first: `key` in one line, where it was added and retired."""
        return [
            {
                "id": Verifier(self.origin, key).key_id.hex(),
                "key": Verifier(self.origin, key).as_text(),
                "added_seq": seq,
                "retired_seq": self._retired.get(key),
                "signs": any(signer.verifier.public_key == key for signer in self._signers),
            }
            for key, seq in self._added.items()
        ]

    async def guard(self) -> None:
        """Read what the log says of its origin and keys, and compare it with the checkpoint outside.

        Raises `log.store.StoreUnusable`: `LogForked`, `KeyUnusable`, or for a directory that cannot be read.
        """
        await self._learn()
        try:
            outside = await asyncio.to_thread(self._directory.newest)
        except OSError as exc:
            raise StoreUnusable(f"the checkpoints outside the database cannot be read: {exc}") from exc
        if outside is not None:
            if not await self._store.derived_is_current(self._site):
                await self._store.rebuild_event_keys(self._site)  # the tree that the comparison reads is derived
            known = {*self._added, *(_public(key) for key in self._private)}
            await check_not_forked(self._store, self._site, self.origin, outside, sorted(known))

    async def _learn(self) -> None:
        self._private = read_keys(self._key_directory)
        for entry in await self._entries_of(LOG_CONTINUED):
            self.origin = _said(entry, "origin")
        for kind, found in ((KEY_ADDED, self._added), (KEY_RETIRED, self._retired)):
            for entry in await self._entries_of(kind):
                found[b64decode(_said(entry, "public_key"))] = entry.seq

    async def _entries_of(self, entry_type: str) -> list[LogEntry]:
        rows = await self._store.read_log(self._site, limit=ENTRIES_PER_READ, stream=SITE_STREAM, entry_type=entry_type)
        return [LogEntry.of(row) for row in rows if row.body is not None]

    async def start(self, journal: Journal) -> None:
        """Sign what is committed, and from now on every commit. Records a key that the log does not know yet."""
        self._journal = journal
        if not any(_public(key) not in self._retired for key in self._private):
            _log.warning("checkpoints.no_signing_key")
            return
        self._take_signers()
        await self._catch_up()
        journal.add_listener(self._committed)
        for signer in self._signers:
            if signer.verifier.public_key not in self._added:
                await self._record_added(signer.verifier, SERVICE)
        self._sign()
        self._task = asyncio.create_task(self._run(), name=f"checkpoints of {self._site}")

    async def stop(self) -> None:
        """Publish the last checkpoint. Call it once nothing is committed any more."""
        if self._task is None:
            return
        # Never cancelled: a thread that writes goes on without us, and must not meet the one that writes last.
        self._stop.set()
        self._wake.set()
        _, hanging = await asyncio.wait({self._task}, timeout=STOP_S_MAX)
        self._task = None
        if not hanging:
            self._sign()
            await self._publish()

    async def rotate(self, by: Actor) -> dict[str, JSON]:
        """Add a key: from the next checkpoint on it signs beside those there are. Raises `KeyRefused`, `OSError`."""
        if not self._signers:
            raise KeyRefused("nothing is signed here: the site has no signing key")
        async with self._turn:
            key = await asyncio.to_thread(make_further_key, self._key_directory)
            await self._record_added(Verifier(self.origin, _public(key)), by)
            self._private.append(key)
            self._take_signers()
            self._sign(again=True)
            return self.list_keys()[-1]

    async def retire(self, key_id: str, by: Actor) -> dict[str, JSON]:
        """Let a key sign no more. Its file may then be destroyed. Raises `KeyRefused`."""
        async with self._turn:
            found = [signer.verifier for signer in self._signers if signer.verifier.key_id.hex() == key_id]
            if not found:
                raise KeyRefused(f"no key {key_id} signs")
            if len(self._signers) == 1:
                raise LastKey(f"{key_id} is the only key that signs: rotate first")
            data = {"key": found[0].as_text(), "public_key": b64encode(found[0].public_key).decode()}
            self._retired[found[0].public_key] = await self._recorded(KEY_RETIRED, data, by)
            self._take_signers()
            self._sign(again=True)
            return next(key for key in self.list_keys() if key["id"] == key_id)

    async def _record_added(self, verifier: Verifier, by: Actor) -> None:
        data = {"key": verifier.as_text(), "public_key": b64encode(verifier.public_key).decode()}
        self._added[verifier.public_key] = await self._recorded(KEY_ADDED, data, by)

    async def _recorded(self, entry_type: str, data: dict[str, JSON], by: Actor) -> int:
        if self._journal is None:
            raise RuntimeError("the checkpoints have not been started")
        return await self._journal.record(entry_type, data, by)

    def _take_signers(self) -> None:
        self._signers = [Signer(self.origin, key) for key in self._private if _public(key) not in self._retired]

    def _committed(self, entries: Sequence[LogEntry]) -> None:
        """Called by the writer: only remember. The signing waits until those who were answered have been told."""
        for entry in entries:
            self._hashes += entry.leaf_hash
        asyncio.get_running_loop().call_soon(self._sign)

    def _sign(self, *, again: bool = False) -> None:
        journal = self._journal
        if journal is None or not self._signers or (journal.log_size == self._size and not again):
            return
        self._size = journal.log_size
        self._note = sign_checkpoint(Checkpoint(self.origin, self._size, journal.root()), self._signers)
        self._wake.set()

    async def _run(self) -> None:
        while not self._stop.is_set():
            await self._wake.wait()
            self._wake.clear()
            await self._publish()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PUBLISH_PAUSE_S):
                    await self._stop.wait()

    async def _publish(self) -> None:
        if self._note is None:
            return
        waiting = bytes(self._hashes)
        note, size = self._note, self._kept + len(waiting) // HASH_BYTES
        if size != self._size:
            return  # a commit has been told of and is signed in a moment: this is called again then
        try:
            await asyncio.to_thread(self._directory.publish, self.origin, note, after=self._kept, leaf_hashes=waiting)
        except OSError as error:
            _log.error("checkpoints.not_published", error=str(error), size=size)
            asyncio.get_running_loop().call_later(RETRY_AFTER_S, self._wake.set)
            return
        del self._hashes[: len(waiting)]
        self._kept = size

    async def _catch_up(self) -> None:
        """Take in the leaf hashes that the directory does not have yet."""
        journal = self._journal
        size = 0 if journal is None else journal.log_size
        self._kept = min(size, await asyncio.to_thread(self._directory.hashes_kept, self.origin))
        after = self._kept
        while after < size:
            rows = await self._store.read_log(self._site, after_seq=after, limit=min(ENTRIES_PER_READ, size - after))
            for row in rows:
                self._hashes += row.leaf_hash
            after = rows[-1].seq


def _said(entry: LogEntry, name: str) -> str:
    """What an entry about keys or origins says. Raises `StoreUnusable` for one that is not what was written."""
    try:
        return str(entry.as_json()["data"][name])
    except (KeyError, TypeError, ValueError):
        raise StoreUnusable(f"entry {entry.seq} of the log is damaged: run infusion verify") from None


def _public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()
