"""Putting the web application of an open service on a port, and taking it off again in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import structlog

from infusion_service.bootstrap import Service
from infusion_service.web.app import build_app
from infusion_service.web.server import serve

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def hosted(service: Service) -> AsyncIterator[str]:
    """Serve `service` over HTTP while the block runs and yield the base URL (`port` 0 picks a free port).

    Raises `OSError` when the address cannot be had.
    """
    stop = asyncio.Event()
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def listens(base_url: str) -> None:
        service.endpoints.guard.own_listener(urlsplit(base_url).port or 0)
        listening.set_result(base_url)

    server = asyncio.create_task(
        serve(build_app(service), settings=service.settings, stop=stop, on_listening=listens),
        name="web server",
    )
    try:
        # A port that is taken ends the server before it ever listens.
        either: set[asyncio.Future[Any]] = {server, listening}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if server.done():
            await server
        base_url = await listening
        await service.endpoints.start()
        yield base_url
    finally:
        stop.set()
        await asyncio.wait({server})
        if (failure := server.exception()) is not None:
            _log.error("hosting.server_failed", error=type(failure).__name__)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the event loop: uvloop where there is one."""
    try:
        import uvloop
    except ImportError:  # not built for every platform
        return asyncio.new_event_loop
    return uvloop.new_event_loop
