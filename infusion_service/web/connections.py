"""How many connections there are, and what is said on one that speaks no HTTP.

Promises: never more than so many at once, so that files do not run out; nobody takes the places of others: where there
are too many, the address that holds most gives one up. Bytes that are no request are answered by a problem document
like everything else, and the connection ends. Does not: wait for headers (`first_header`), or know who asks.
"""

from __future__ import annotations

import asyncio
import ipaddress
import resource
from collections.abc import Callable
from typing import Any, Protocol

import structlog
from aiohttp import web
from aiohttp.web_request import BaseRequest

from infusion_service.web.boundary import unanswerable, unreadable
from infusion_service.web.problems import is_starved

FILES_BESIDE = 256
"""Files the process has open besides its connections: database, checkpoints, deliveries."""

_SERVER_ERROR = 500

_NETWORK_BITS = 64
"""What one host has of IPv6: with a whole network of addresses it would be nobody in particular."""

_log = structlog.stdlib.get_logger(__name__)


class Held(Protocol):
    """A connection as far as its place is concerned."""

    address: str
    """The network it comes from."""

    def give_up(self, bound: str) -> None:
        """Cut the connection off, because of this bound."""
        ...


class Places:
    """The connections there are, by the address they come from, oldest first."""

    def __init__(self, *, most: int, each_most: int) -> None:
        """Keep `most` places, of which one address may have `each_most`."""
        self._most = most
        self._each_most = each_most
        self._count = 0
        self._held: dict[str, dict[Held, None]] = {}

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    def enter(self, connection: Held) -> None:
        """Give a connection its place, or cut one off: itself, or the oldest of the address that holds most."""
        held = self._held.setdefault(connection.address, {})
        held[connection] = None
        self._count += 1
        if len(held) > self._each_most:
            connection.give_up("connections_each_max")
        elif self._count > self._most:
            most = max(self._held.values(), key=len)
            (connection if most is held else next(iter(most))).give_up("connections_max")

    def leave(self, connection: Held) -> None:
        """Take the place back; nothing happens the second time."""
        held = self._held.get(connection.address, {})
        if connection in held:
            del held[connection]
            self._count -= 1
            if not held:
                del self._held[connection.address]


class Connection(web.RequestHandler):
    """One connection, with its place among the others."""

    __slots__ = ("_hsts", "_places", "address")

    def __init__(self, server: web.Server, *, places: Places, hsts: bool, **options: Any) -> None:
        """Serve requests by `server`; `hsts` where the browser reached us over TLS."""
        super().__init__(server, **options)
        self._places = places
        self._hsts = hsts
        self.address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a place."""
        super().connection_made(transport)
        self.address = network_of(transport.get_extra_info("peername"))
        self._places.enter(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give the place back."""
        self._places.leave(self)
        super().connection_lost(exc)

    def give_up(self, bound: str) -> None:
        """Cut the connection off, because of this bound."""
        _log.warning("http.connection_refused", bound=bound)
        self._places.leave(self)
        if self.transport is not None:
            self.transport.abort()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it quotes what was sent, and goes nowhere
    ) -> web.StreamResponse:
        """Answer what could not be read as HTTP, or was read and met a fault before or behind the middleware."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun")
        # Only the first kind is the sender's fault: a tablet takes 400 for final and would lay a good fact aside.
        ours = status >= _SERVER_ERROR or is_starved(exc)
        response = unanswerable(exc, hsts=self._hsts) if ours else unreadable(hsts=self._hsts)
        event = "http.unanswered" if ours else "http.unreadable"
        _log.warning(event, request_id=response.headers["X-Request-Id"], fault=type(exc).__name__)
        return response


def connections(
    server: web.Server, *, places: Places, hsts: bool, options: dict[str, Any]
) -> Callable[[], asyncio.Protocol]:
    """Return what makes the connections of a server; `options` are those of `web.RequestHandler`."""
    loop = asyncio.get_running_loop()
    return lambda: Connection(server, places=places, hsts=hsts, loop=loop, **options)


def allow_files(connections_max: int) -> None:
    """Let the process open as many files as it may have connections, as far as the system lets it."""
    wanted = connections_max + FILES_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        _log.warning("http.few_files", allowed=allowed, wanted=wanted)


def network_of(peer: Any) -> str:
    """Return where a connection comes from; the empty text where the system does not say."""
    if not isinstance(peer, tuple) or not peer:
        return ""
    address = ipaddress.ip_address(str(peer[0]).partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False))
    return str(address)
