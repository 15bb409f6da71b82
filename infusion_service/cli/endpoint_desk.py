"""Endpoints as the commands need them: over HTTP while the service runs, directly on its database when it does not.

Promises: both ways take and return the same documents and refuse with the same exit codes; directly nothing is sent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import msgspec

from infusion_service.bootstrap import open_service
from infusion_service.cli.administration import CONSOLE, WAIT_S, HttpAdministration, read_token
from infusion_service.cli.configuration import url_of
from infusion_service.cli.exits import refused, usage
from infusion_service.delivery.endpoints import Endpoints
from infusion_service.delivery.errors import DeliveryRefused
from infusion_service.delivery.requests import NewEndpoint, Replay
from infusion_service.delivery.vault import VaultUnusable
from infusion_service.log.store import StoreUnusable
from infusion_service.settings import Settings


class EndpointDesk(Protocol):
    """What can be done about endpoints. Every call may raise `CommandFailed`."""

    async def add(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Create an endpoint; the answer holds its secret."""
        ...

    async def endpoints(self) -> list[dict[str, Any]]:
        """All endpoints."""
        ...

    async def status(self, endpoint: str) -> dict[str, Any]:
        """How one fares, with what is parked."""
        ...

    async def ping(self, endpoint: str) -> dict[str, Any]:
        """Send a ping."""
        ...

    async def replay(self, endpoint: str, from_seq: int, to_seq: int) -> dict[str, Any]:
        """Send a range of the log again."""
        ...

    async def retry(self, endpoint: str, n: int, reason: str) -> dict[str, Any]:
        """Try a parked delivery again."""
        ...


@asynccontextmanager
async def endpoint_desk(settings: Settings, *, url: str | None, token_file: Path | None) -> AsyncIterator[EndpointDesk]:
    """Open the way in: to `url` where one is given, else the database, else the running service that holds it."""
    if url is None:
        if not settings.database.exists():
            raise refused(f"there is no database {settings.database}: run `infusion init`, or name a service by --url")
        try:
            async with open_service(settings) as service:
                yield DirectDesk(service.endpoints)
                return
        except (DeliveryRefused, VaultUnusable) as no:
            raise refused(str(no)) from None
        except StoreUnusable:  # held by the running service, which then is the one to ask
            url = url_of(settings)
    token = read_token(settings, token_file)
    async with aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=WAIT_S)) as client:
        yield HttpDesk(HttpAdministration(client, token))


class HttpDesk:
    """Endpoints of a running service."""

    def __init__(self, way: HttpAdministration) -> None:
        self._way = way

    async def add(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """See `EndpointDesk.add`."""
        return await self._way.call("POST", "/v1/endpoints", wanted)

    async def endpoints(self) -> list[dict[str, Any]]:
        """See `EndpointDesk.endpoints`."""
        return list((await self._way.call("GET", "/v1/endpoints"))["endpoints"])

    async def status(self, endpoint: str) -> dict[str, Any]:
        """See `EndpointDesk.status`."""
        return await self._way.call("GET", f"/v1/endpoints/{endpoint}/status")

    async def ping(self, endpoint: str) -> dict[str, Any]:
        """See `EndpointDesk.ping`."""
        return await self._way.call("POST", f"/v1/endpoints/{endpoint}/ping", {})

    async def replay(self, endpoint: str, from_seq: int, to_seq: int) -> dict[str, Any]:
        """See `EndpointDesk.replay`."""
        body = {"from_seq": from_seq, "to_seq": to_seq}
        return await self._way.call("POST", f"/v1/endpoints/{endpoint}/replay", body)

    async def retry(self, endpoint: str, n: int, reason: str) -> dict[str, Any]:
        """See `EndpointDesk.retry`."""
        return await self._way.call("POST", f"/v1/endpoints/{endpoint}/deliveries/{n}/retry", {"reason": reason})


class DirectDesk:
    """Endpoints of a service that does not run."""

    def __init__(self, room: Endpoints) -> None:
        self._room = room

    async def add(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """See `EndpointDesk.add`."""
        try:
            endpoint = msgspec.convert(dict(wanted), NewEndpoint)
        except msgspec.ValidationError as error:
            raise usage(str(error)) from None
        return await self._room.create(endpoint, CONSOLE)

    async def endpoints(self) -> list[dict[str, Any]]:
        """See `EndpointDesk.endpoints`."""
        return self._room.all()

    async def status(self, endpoint: str) -> dict[str, Any]:
        """See `EndpointDesk.status`."""
        return await self._room.status(endpoint)

    async def ping(self, endpoint: str) -> dict[str, Any]:
        """See `EndpointDesk.ping`."""
        return await self._room.ping(endpoint)

    async def replay(self, endpoint: str, from_seq: int, to_seq: int) -> dict[str, Any]:
        """See `EndpointDesk.replay`."""
        await self._room.replay(endpoint, Replay(from_seq=from_seq, to_seq=to_seq), CONSOLE)
        return {"from_seq": from_seq, "to_seq": to_seq}

    async def retry(self, endpoint: str, n: int, reason: str) -> dict[str, Any]:
        """See `EndpointDesk.retry`."""
        return await self._room.retry(endpoint, n, reason, CONSOLE)
