"""Whereto the service may connect: the operator's allow-list, enforced on the address of the socket itself.

Integration engines live on private addresses, so private is no mark of danger: what is not listed is refused. Promises:
the address that is checked is the one connected, also behind a name that changes its mind; forms that hide an address
(IPv4-mapped, NAT64, 6to4, Teredo, decimal, octal) are unwrapped or refused; link-local, multicast and unspecified
addresses and our own listeners are never reached, this machine only where it is listed as itself.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

URL_CHARS_MAX = 2000
DEFAULT_PORTS = {"http": 80, "https": 443}

_NAT64 = tuple(ipaddress.IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48"))
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_SITE_LOCAL = ipaddress.IPv6Network("fec0::/10")
_NULL_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")
_METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16")))
"""Where clouds keep the credentials of a machine outside 169.254.0.0/16; no integration engine lives there."""

_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?", re.IGNORECASE)
_NUMERIC_LABEL = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)


class EgressRefused(OSError):
    """The operator's allow-list has no place for this address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the operator allows. Empty `networks`: nothing. Empty `host_suffixes`: any name."""

    networks: tuple[Network, ...] = ()
    plain_networks: tuple[Network, ...] = ()
    """Where `http` without TLS is allowed too."""
    ports: tuple[int, ...] = (443,)
    host_suffixes: tuple[str, ...] = ()


def policy_of(
    *, networks: Iterable[str], plain_networks: Iterable[str], ports: Iterable[int], host_suffixes: Iterable[str]
) -> Policy:
    """Build a policy from texts. Raises `ValueError` for what is no network."""
    return Policy(
        networks=tuple(ipaddress.ip_network(text) for text in networks),
        plain_networks=tuple(ipaddress.ip_network(text) for text in plain_networks),
        ports=tuple(ports),
        host_suffixes=tuple(suffix.lower().strip(".") for suffix in host_suffixes),
    )


class EgressGuard:
    """Judges addresses before a socket for them exists."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._own_ports: set[int] = set()

    def own_listener(self, port: int) -> None:
        """Learn of a port this service listens on: deliveries never go there."""
        self._own_ports.add(port)

    def check_url(self, url: str) -> SplitResult:
        """Judge what can be judged before a name is looked up. Raises `EgressRefused` with what is wrong."""
        if len(url) > URL_CHARS_MAX or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
            raise EgressRefused(f"a URL has at most {URL_CHARS_MAX} printable ASCII characters")
        parts, port = _split(url)
        if parts.scheme not in DEFAULT_PORTS:
            raise EgressRefused("the scheme must be https, or http where the operator allows it")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise EgressRefused("a URL carries no user, password or fragment here")
        self._check_host(parts.hostname or "", port, plain=parts.scheme == "http")
        return parts

    def _check_host(self, host: str, port: int, *, plain: bool) -> None:
        if port not in self.policy.ports:
            raise EgressRefused(f"port {port} is not among the operator's delivery.ports")
        address = _literal(host)
        if address is not None:
            self.check_address(address, port, plain=plain)
            return
        labels = host.rstrip(".").split(".")
        if not _NAME.fullmatch(host) or _NUMERIC_LABEL.fullmatch(labels[-1]):
            raise EgressRefused("the host is neither a name nor an address in its usual form")
        suffixes = self.policy.host_suffixes
        name = host.rstrip(".").lower()
        if suffixes and not any(name == suffix or name.endswith("." + suffix) for suffix in suffixes):
            raise EgressRefused("the host is not among the operator's delivery.host_suffixes")
        if not (self.policy.plain_networks if plain else self.policy.networks):
            raise EgressRefused("the operator allows no networks (delivery.networks, delivery.plain_networks)")

    def check_address(self, address: Address, port: int, *, plain: bool) -> None:
        """Judge one address. Raises `EgressRefused`."""
        found = _unwrapped(address)
        networks = self.policy.plain_networks if plain else (*self.policy.networks, *self.policy.plain_networks)
        if _never(found):
            raise EgressRefused(f"{address} is an address nothing is ever delivered to")
        if not any(_lists(network, found) for network in networks):
            where = "delivery.plain_networks" if plain else "delivery.networks"
            raise EgressRefused(f"{address} is not in the operator's {where}")
        if port not in self.policy.ports:
            raise EgressRefused(f"port {port} is not among the operator's delivery.ports")
        if port in self._own_ports and _is_here(found):
            raise EgressRefused("the service does not deliver to itself")

    def socket_factory(self, *, plain: bool) -> Callable[[Any], socket.socket]:
        """Make sockets for aiohttp's connector, for addresses that pass alone."""

        def make(candidate: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
            family, kind, protocol, _, target = candidate
            self.check_address(ipaddress.ip_address(str(target[0]).partition("%")[0]), int(target[1]), plain=plain)
            return socket.socket(family, kind, protocol)

        return make


Lookup = Callable[[str, int], Awaitable[list[str]]]
"""Names to addresses, as texts."""


async def look_up(host: str, port: int) -> list[str]:
    """Ask the system."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(target[0]) for *_, target in found]


class GuardedResolver(AbstractResolver):
    """A resolver for aiohttp that gives out addresses which pass, and refuses when none does."""

    def __init__(self, guard: EgressGuard, *, plain: bool, lookup: Lookup = look_up) -> None:
        self._guard = guard
        self._plain = plain
        self._lookup = lookup

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - aiohttp's own signature
    ) -> list[ResolveResult]:
        """Look a name up. Raises `EgressRefused` when no address of it may be reached, `OSError` when it has none."""
        passed: list[ResolveResult] = []
        refusal: EgressRefused | None = None
        for text in await self._lookup(host, port):
            address = ipaddress.ip_address(text.partition("%")[0])
            try:
                self._guard.check_address(address, port, plain=self._plain)
            except EgressRefused as refused:
                refusal = refused
                continue
            own = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - a version of IP
            numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
            passed.append(
                ResolveResult(hostname=host, host=str(address), port=port, family=own, proto=0, flags=numeric)
            )
        if not passed:
            raise refusal or EgressRefused(f"{host} has no address")
        return passed

    async def close(self) -> None:
        """Nothing to let go of."""


def _split(url: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        raise EgressRefused("the URL cannot be read") from None
    return parts, port


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _unwrapped(address: Address) -> Address:
    """The address that would be reached in the end."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    hidden = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if hidden is None and (any(address in network for network in _NAT64) or _is_compatible(address)):
        hidden = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return hidden or address


def _is_compatible(address: ipaddress.IPv6Address) -> bool:
    return address in _COMPATIBLE and int(address) > 1


def _never(address: Address) -> bool:
    if address in _METADATA or address.is_link_local or address.is_multicast or address.is_unspecified:
        return True
    if isinstance(address, ipaddress.IPv4Address):
        return address in _NULL_NETWORK or address.is_reserved
    return address in _SITE_LOCAL


def _lists(network: Network, address: Address) -> bool:
    if address.version != network.version or address not in network:
        return False
    # This machine must have been meant: 0.0.0.0/0 does not name it.
    return not address.is_loopback or network.is_loopback


def _is_here(address: Address) -> bool:
    """Whether it is an address of this machine: then, and only then, a socket can be bound to it."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - a version of IP
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True
