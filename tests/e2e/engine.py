"""An integration engine at the other end of an endpoint, which answers as the test says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

REFUSED = 422
"""What an endpoint of the tests takes for a refusal for good."""


@dataclass
class ScriptedEngine:
    """Takes what it is sent, unless it is away, or does not know what a message speaks of."""

    port: int = field(default_factory=unused_port)
    away: bool = False
    unknown: str = ""
    """A message that holds this is refused for good."""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    server: TestServer | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    async def start(self) -> None:
        """Listen."""
        app = web.Application()
        app.router.add_post("/hook", self._take)
        self.server = TestServer(app, port=self.port)
        await self.server.start_server()

    async def stop(self) -> None:
        """Listen no more."""
        assert self.server is not None
        await self.server.close()

    async def next_after(self, count: int) -> tuple[dict[str, str], bytes]:
        """Wait for the next message after so many, and return its headers and body."""
        while len(self.got) <= count:
            self._news.clear()
            await self._news.wait()
        return self.got[count]

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.away:
            return web.Response(status=503, text="maintenance until noon")
        if self.unknown and self.unknown.encode() in body:
            return web.Response(status=REFUSED, text="no such bed in the bed register")
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, body))
        self._news.set()
        return web.Response()
