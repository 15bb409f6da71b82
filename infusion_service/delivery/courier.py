"""One attempt over HTTP: connect where the guard lets it, post, read what comes back within bounds.

Promises: no redirect is followed, no proxy of the environment used, nothing compressed or kept as a cookie; a reply is
read up to 64 kB and only a scrubbed excerpt of it leaves here. Whatever goes wrong is a `Reply` with a fault, never an
exception. Does not: retry, sign, or know endpoints beyond their address and credentials.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import aiohttp

from infusion_service.delivery.egress import EgressGuard, EgressRefused, GuardedResolver, Lookup, look_up
from infusion_service.delivery.schedule import Reply
from infusion_service.delivery.scrubbing import excerpt

CONNECT_S = 5.0
REPLY_BYTES_MAX = 64 * 1024
IDLE_CONNECTION_S = 60.0
KEPT_HEADERS = ("retry-after", "webhook-delivery")
HEADER_CHARS_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where one endpoint's deliveries go."""

    url: str
    timeout_s: float = 15.0
    max_in_flight: int = 4
    ca_pem: str | None = None
    client_pem: str | None = None
    """Certificate and private key of the service towards this endpoint."""


class Courier(Protocol):
    """Carries bodies to one endpoint."""

    async def post(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """Make one attempt. Raises nothing but `CancelledError`."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class HttpCourier:
    """The courier over aiohttp, with connections of its own for each endpoint: a slow one holds up nobody else's."""

    def __init__(self, target: Target, guard: EgressGuard, *, lookup: Lookup = look_up) -> None:
        """Raises `ValueError` or `ssl.SSLError` for certificates that cannot be used."""
        self._target = target
        self._refused = _refusal_of(target.url, guard)
        self._tls = _tls(target)
        plain = target.url.startswith("http://")
        # Looked up anew for each connection and never kept: the answer of a name is not a property of the endpoint.
        self._connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(guard, plain=plain, lookup=lookup),
            socket_factory=guard.socket_factory(plain=plain),
            use_dns_cache=False,
            limit=target.max_in_flight + 2,
            keepalive_timeout=IDLE_CONNECTION_S,
        )
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers={"accept-encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=target.timeout_s, sock_connect=CONNECT_S),
        )

    async def post(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """See `Courier.post`."""
        started_s = time.perf_counter()
        reply = await self._attempt(headers, body)
        took_ms = round((time.perf_counter() - started_s) * 1000)
        return Reply(
            status=reply.status, fault=reply.fault, headers=reply.headers, excerpt=reply.excerpt, duration_ms=took_ms
        )

    async def _attempt(self, headers: Mapping[str, str], body: bytes) -> Reply:
        if self._refused is not None:
            return Reply(fault="egress_refused", excerpt=str(self._refused))
        try:
            async with self._session.post(
                self._target.url, data=body, headers=headers, allow_redirects=False, ssl=self._tls
            ) as response:
                read = await _read(response)
                kept = {name: response.headers.get(name, "")[:HEADER_CHARS_MAX] for name in KEPT_HEADERS}
                said = "" if response.ok else excerpt(read, body)  # of what was taken nothing needs explaining
                return Reply(status=response.status, headers=kept, excerpt=said)
        except (OSError, aiohttp.ClientError, ValueError, asyncio.IncompleteReadError) as error:
            fault, said = _fault(error)
            return Reply(fault=fault, excerpt=said)

    async def close(self) -> None:
        """See `Courier.close`."""
        await self._session.close()


def _refusal_of(url: str, guard: EgressGuard) -> EgressRefused | None:
    """What is wrong with the URL. Neither it nor the list changes while a courier lives; addresses are judged anew."""
    try:
        guard.check_url(url)
    except EgressRefused as refused:
        return refused
    return None


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Read within bounds; what is longer ends the connection instead of being read to its end."""
    if response.content.at_eof():  # most receivers have nothing to say
        return b""
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(8192):
        parts.append(part)
        size += len(part)
        if size >= REPLY_BYTES_MAX:
            response.close()
            break
    return b"".join(parts)


def _fault(error: Exception) -> tuple[str, str]:
    """A word for what went wrong. The text of the error is kept only where it is our own."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, EgressRefused):
            return "egress_refused", str(cause)
        cause = getattr(cause, "os_error", None) or cause.__cause__
    for kinds, fault in _FAULTS:
        if isinstance(error, kinds):
            return fault, ""
    return "unreadable", ""


_FAULTS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((TimeoutError,), "timeout"),
    ((aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError, ssl.SSLError), "tls_failed"),
    ((aiohttp.ClientConnectorError,), "connect_failed"),
    ((ConnectionError, aiohttp.ClientPayloadError, asyncio.IncompleteReadError), "connection_lost"),
    ((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError), "connection_lost"),
)
"""In this order: what goes on with TLS is a connector error too."""


def _tls(target: Target) -> ssl.SSLContext | bool:
    if target.ca_pem is None and target.client_pem is None:
        return True
    context = ssl.create_default_context(cadata=target.ca_pem)
    if target.client_pem is not None:
        _load_client(context, target.client_pem)
    return context


def _load_client(context: ssl.SSLContext, pem: str) -> None:
    # OpenSSL's Python binding reads keys from files alone: one that only we can read, for as long as that takes.
    descriptor, path = tempfile.mkstemp(prefix="infusion-client-")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(pem)
        context.load_cert_chain(path)
    finally:
        Path(path).unlink()
