"""Listening: one address, slow clients cut off, an end within seconds.

Promises: after `stop` is set nothing new is accepted and open requests get `drain_s_max` to finish; raw bytes of
requests that are no HTTP are never logged. Does not: handle signals or open the service (`cli`).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any

from aiohttp import web

from infusion_service.settings import Settings
from infusion_service.web.connections import Places, allow_files, connections
from infusion_service.web.first_header import Waiting, behind

BACKLOG = 512
"""Connections the system keeps for us until we take them."""

LINGER_S = 2.0
"""How long the rest of a refused body is read and thrown away, so that the client gets to see the refusal."""


async def serve(
    app: web.Application,
    *,
    settings: Settings,
    stop: asyncio.Event,
    host: str | None = None,
    port: int | None = None,
    on_listening: Callable[[str], None] = lambda _url: None,
) -> None:
    """Serve `app` until `stop` is set. `on_listening` gets the URL, with the port that was chosen for port 0.

    Raises `OSError` when the address cannot be had.
    """
    limits = settings.limits
    tls = _tls_of(settings)
    options: dict[str, Any] = {
        "access_log": None,
        "keepalive_timeout": limits.idle_connection_s,
        "lingering_time": LINGER_S,
        "logger": _protocol_logger(),
    }
    runner = web.AppRunner(app, handler_cancellation=False, shutdown_timeout=limits.drain_s_max, **options)
    await runner.setup()
    allow_files(limits.connections_max)
    listening: asyncio.Server | None = None
    try:
        listening = await _listen(runner, settings, host, port, tls, options)
        on_listening(_url_of(listening, secure=tls is not None))
        await stop.wait()
    finally:
        if listening is not None:
            listening.close()
        await runner.cleanup()


async def _listen(
    runner: web.AppRunner,
    settings: Settings,
    host: str | None,
    port: int | None,
    tls: ssl.SSLContext | None,
    options: dict[str, Any],
) -> asyncio.Server:
    limits = settings.limits
    waiting = Waiting(wait_s=limits.header_wait_s, connections_max=limits.unheard_connections_max)
    if runner.server is None:
        raise RuntimeError("the runner was not set up")
    # Behind a proxy all connections come from one address.
    each_most = limits.connections_max if settings.behind_proxy else limits.connections_each_max
    places = Places(most=limits.connections_max, each_most=each_most)
    make = connections(runner.server, places=places, hsts=tls is not None or settings.behind_proxy, options=options)
    return await asyncio.get_running_loop().create_server(
        behind(make, waiting),
        settings.host if host is None else host,
        settings.port if port is None else port,
        ssl=tls,
        ssl_handshake_timeout=None if tls is None else limits.header_wait_s,
        backlog=BACKLOG,
    )


def _url_of(listening: asyncio.Server, *, secure: bool) -> str:
    host, port = listening.sockets[0].getsockname()[:2]
    return f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def _tls_of(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls_certificate_file is None or settings.tls_key_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.tls_certificate_file, settings.tls_key_file)
    return context


def _protocol_logger() -> logging.Logger:
    logger = logging.getLogger("infusion_service.web.protocol")
    logger.addFilter(_without_bytes)
    return logger


def _without_bytes(record: logging.LogRecord) -> bool:
    # aiohttp quotes the bytes it could not parse, and they may name a patient: keep what happened, not with what.
    error = record.exc_info[0] if record.exc_info else None
    record.msg = f"http.unreadable {error.__name__}" if error else "http.unreadable"
    record.args = ()
    record.exc_info = None
    record.exc_text = None
    return True
