"""Listening: one address, slow clients cut off, an end within seconds.

Promises: after `stop` is set nothing new is accepted and open requests get `drain_s_max` to finish; raw bytes of
requests that are no HTTP are never logged. Does not: handle signals or open the service (`cli`).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable

from aiohttp import web

from infusion_service.settings import Settings

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
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=False,
        keepalive_timeout=limits.idle_connection_s,
        lingering_time=LINGER_S,
        logger=_protocol_logger(),
        shutdown_timeout=limits.drain_s_max,
    )
    await runner.setup()
    try:
        site = web.TCPSite(
            runner,
            settings.host if host is None else host,
            settings.port if port is None else port,
            ssl_context=tls,
        )
        await site.start()
        on_listening(_url_of(runner, secure=tls is not None))
        await stop.wait()
    finally:
        await runner.cleanup()


def _url_of(runner: web.AppRunner, *, secure: bool) -> str:
    host, port = runner.addresses[0][:2]
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
