"""One attempt over HTTP: connect where the guard lets it, post, read what comes back within bounds.

Promises: no redirect is followed, no proxy of the environment used, nothing compressed or kept as a cookie; a reply is
read up to 64 kB and only a scrubbed excerpt of it leaves here. Whatever goes wrong is a `Reply` with a fault, never an
exception. Does not: retry, sign, or know endpoints beyond their address and credentials.

Connections, TLS, keep-alive and the reading of replies are aiohttp's. The request is written here and not by its client
session: the head of a delivery is ten lines that are alike but for four, and what a session does about redirects,
cookies, proxies and traces is done for nothing each time.
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
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError
from msgspec.structs import replace
from yarl import URL

from infusion_service.delivery.egress import EgressGuard, EgressRefused, GuardedResolver, Lookup, look_up
from infusion_service.delivery.schedule import OK_MIN, Reply
from infusion_service.delivery.scrubbing import excerpt

CONNECT_S = 5.0
REPLY_BYTES_MAX = 64 * 1024
IDLE_CONNECTION_S = 60.0
KEPT_HEADERS = ("retry-after", "webhook-delivery")
HEADER_CHARS_MAX = 200
SWITCHING_PROTOCOLS = 101
CLIENT_ERROR_MIN = 400

_CONNECT = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S)


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
        self._timeout_s = target.timeout_s
        self._refused = _refusal_of(target.url, guard)
        tls = _tls(target)
        plain = target.url.startswith("http://")
        # Looked up anew for each connection and never kept: the answer of a name is not a property of the endpoint.
        self._connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(guard, plain=plain, lookup=lookup),
            socket_factory=guard.socket_factory(plain=plain),
            use_dns_cache=False,
            limit=target.max_in_flight + 2,
            keepalive_timeout=IDLE_CONNECTION_S,
        )
        self._way = None if self._refused is not None else _Way(target.url, tls=tls)

    async def post(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """See `Courier.post`."""
        started_s = time.perf_counter()
        reply = await self._attempt(headers, body)
        return replace(reply, duration_ms=round((time.perf_counter() - started_s) * 1000))

    async def _attempt(self, headers: Mapping[str, str], body: bytes) -> Reply:
        if self._way is None:
            return Reply(fault="egress_refused", excerpt=str(self._refused))
        try:
            request = self._way.head(headers, len(body)) + body
            async with asyncio.timeout(self._timeout_s):
                connection = await self._connector.connect(self._way.whereto, traces=[], timeout=_CONNECT)
                try:
                    reply = await _exchanged(connection, request, body)
                except BaseException:
                    connection.close()
                    raise
                connection.release()  # which closes it where not all of the reply was read
                return reply
        except (OSError, aiohttp.ClientError, HttpProcessingError, ValueError, asyncio.IncompleteReadError) as error:
            fault, said = _fault(error)
            return Reply(fault=fault, excerpt=said)

    async def close(self) -> None:
        """See `Courier.close`."""
        await self._connector.close()


class _Way:
    """Where requests go, and what is alike in all of their heads."""

    def __init__(self, url: str, *, tls: ssl.SSLContext | bool) -> None:
        parsed = URL(url)
        self.whereto = aiohttp.ClientRequest("POST", parsed, ssl=tls, loop=asyncio.get_running_loop())
        """Tells the connector host, port and TLS; it is never sent itself."""
        self._begin = (
            f"POST {parsed.raw_path_qs} HTTP/1.1\r\nHost: {parsed.host_port_subcomponent}\r\n"
            "accept-encoding: identity\r\n"
        )

    def head(self, headers: Mapping[str, str], length: int) -> bytes:
        """The head of a request. Raises `ValueError` for a value that would not stay within its line."""
        own = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        if not own.count("\r") == own.count("\n") == len(headers) or "\0" in own:
            raise ValueError("a header is one line")
        return f"{self._begin}{own}content-length: {length}\r\n\r\n".encode()


def _refusal_of(url: str, guard: EgressGuard) -> EgressRefused | None:
    """What is wrong with the URL. Neither it nor the list changes while a courier lives; addresses are judged anew."""
    try:
        guard.check_url(url)
    except EgressRefused as refused:
        return refused
    return None


async def _exchanged(connection: Connection, request: bytes, body: bytes) -> Reply:
    """Send a request and read what comes back, within bounds."""
    protocol = connection.protocol
    if protocol is None or protocol.transport is None:
        raise ConnectionResetError
    protocol.set_response_params(read_until_eof=True, auto_decompress=False)
    protocol.transport.write(request)  # waiting for it to leave would bound nothing: a body has 64 kB at most
    message, content = await protocol.read()
    while message.code < SWITCHING_PROTOCOLS or SWITCHING_PROTOCOLS < message.code < OK_MIN:
        message, content = await protocol.read()  # said on the way to the answer, such as 103
    read = b"" if content.at_eof() else await _read(content)  # most receivers have nothing to say
    kept = {name: message.headers[name][:HEADER_CHARS_MAX] for name in KEPT_HEADERS if name in message.headers}
    # Of what was taken nothing needs explaining.
    said = "" if message.code < CLIENT_ERROR_MIN else excerpt(read, body)
    return Reply(status=message.code, headers=kept, excerpt=said)


async def _read(content: aiohttp.StreamReader) -> bytes:
    """Read as much of a reply as is looked at; its connection is not used again when there is more."""
    parts: list[bytes] = []
    size = 0
    async for part in content.iter_chunked(8192):
        parts.append(part)
        size += len(part)
        if size >= REPLY_BYTES_MAX:
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
