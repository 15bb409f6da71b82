"""An aiosqlite connection as the store uses it: whole functions run in its thread, one after another.

Promises: what was started ends, whether or not its caller still waits. Does not: know what the functions do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import aiosqlite

from infusion_service.log.sqlite_schema import RawConnection

_Answer = TypeVar("_Answer")


class ThreadedConnection(aiosqlite.Connection):
    """An aiosqlite connection that runs whole functions in its thread: one hop each, however many statements."""

    def __init__(self, connect: Callable[[], RawConnection]) -> None:
        super().__init__(connect, iter_chunk_size=1)
        self._thread.daemon = True  # a forgotten connection must not keep the interpreter from ending
        self.waiting = 0

    @classmethod
    async def begin(cls, connect: Callable[[], RawConnection]) -> ThreadedConnection:
        """Start the thread and connect in it. What `connect` raises ends the thread again."""
        connection = cls(connect)
        try:
            _ = await connection
        except BaseException:
            connection._thread.join()  # told to stop already; its last word must find the loop still there
            raise
        return connection

    @property
    def raw(self) -> RawConnection:
        """The driver's connection, for functions that run in this thread."""
        return self._conn

    async def run(self, function: Callable[..., _Answer], *arguments: object) -> _Answer:
        """Run a function in the thread, after those before it. Cancelling the caller does not stop it."""
        self.waiting += 1
        try:
            answer: _Answer = await self._execute(function, *arguments)  # type: ignore[no-untyped-call] # its own
            return answer
        finally:
            self.waiting -= 1

    def start(self, function: Callable[..., _Answer], *arguments: object) -> asyncio.Future[_Answer]:
        """Run a function in the thread, after those before it, and return its answer to come.

        No task of its own stands between: each would cost a commit two more turns of the event loop.
        """
        answer: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        self._tx.put_nowait((answer, partial(function, *arguments)))
        return answer

    async def end(self) -> None:
        """Close after everything that waits has run, and see the thread off."""
        await self.close()
        self._thread.join()  # it has answered its last call: nothing is left to wait for
