"""One process per database file: a lock that dies with its holder and names it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from infusion_service.log.store import StoreUnusable


class ProcessLock:
    """An exclusive `flock` on a file beside the database. The kernel lets go of it however the process ends.

    The file stays: removing it would let two processes lock two files of the same name.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the lock and leave our process id in it. Raises `StoreUnusable` naming the process that has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise StoreUnusable(
                f"the database is in use by process {holder} (lock {self._path}): "
                "stop it, or talk to it over HTTP instead of opening its file"
            ) from exc
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go. May be called twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
