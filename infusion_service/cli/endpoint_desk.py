"""Endpoints as the commands need them: over HTTP while the service runs, directly on its database when it does not.

Promises: both ways take and return the same documents and refuse with the same exit codes; directly nothing is sent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar
from urllib.parse import urlencode

import aiohttp
import msgspec

from infusion_service.bootstrap import open_service
from infusion_service.cli.administration import CONSOLE, WAIT_S, HttpAdministration, read_token
from infusion_service.cli.configuration import url_of
from infusion_service.cli.exits import refused, usage
from infusion_service.delivery.endpoints import Endpoints
from infusion_service.delivery.errors import DeliveryRefused
from infusion_service.delivery.requests import NewEndpoint, Reason, Replay, Retries, Rotation
from infusion_service.delivery.vault import VaultUnusable
from infusion_service.log.deliveries import DeliverySearch
from infusion_service.log.store import StoreUnusable
from infusion_service.settings import Settings

_ASKED = {"held": "hold", "active": "enable"}

ShapeT = TypeVar("ShapeT")


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

    async def set_state(self, endpoint: str, state: Literal["held", "active"], reason: str) -> dict[str, Any]:
        """Hold it, or enable it."""
        ...

    async def rotate(self, endpoint: str, overlap_s: int) -> dict[str, Any]:
        """Give it a new secret; the answer holds it."""
        ...

    async def remove(self, endpoint: str) -> None:
        """Remove it."""
        ...

    async def ping(self, endpoint: str) -> dict[str, Any]:
        """Send a ping."""
        ...

    async def replay(self, endpoint: str, from_seq: int, to_seq: int) -> dict[str, Any]:
        """Send a range of the log again."""
        ...

    async def deliveries(self, endpoint: str, search: Mapping[str, str], *, after: int, limit: int) -> dict[str, Any]:
        """A page of deliveries; `search` as the query of `GET .../deliveries`."""
        ...

    async def delivery(self, endpoint: str, n: int) -> dict[str, Any]:
        """One delivery with its attempts."""
        ...

    async def retry(self, endpoint: str, n: int, reason: str) -> dict[str, Any]:
        """Try a parked delivery again."""
        ...

    async def retry_range(self, endpoint: str, from_n: int, to_n: int, reason: str) -> dict[str, Any]:
        """Try what is parked in a range of numbers again."""
        ...

    async def drop(self, endpoint: str, n: int, reason: str) -> dict[str, Any]:
        """Give a parked delivery up."""
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

    async def set_state(self, endpoint: str, state: Literal["held", "active"], reason: str) -> dict[str, Any]:
        """See `EndpointDesk.set_state`."""
        return await self._way.call("POST", f"/v1/endpoints/{endpoint}/{_ASKED[state]}", {"reason": reason})

    async def rotate(self, endpoint: str, overlap_s: int) -> dict[str, Any]:
        """See `EndpointDesk.rotate`."""
        return await self._way.call("POST", f"/v1/endpoints/{endpoint}/rotate-secret", {"overlap_s": overlap_s})

    async def remove(self, endpoint: str) -> None:
        """See `EndpointDesk.remove`."""
        await self._way.call("DELETE", f"/v1/endpoints/{endpoint}")

    async def ping(self, endpoint: str) -> dict[str, Any]:
        """See `EndpointDesk.ping`."""
        return await self._way.call("POST", f"/v1/endpoints/{endpoint}/ping", {})

    async def replay(self, endpoint: str, from_seq: int, to_seq: int) -> dict[str, Any]:
        """See `EndpointDesk.replay`."""
        body = {"from_seq": from_seq, "to_seq": to_seq}
        return await self._way.call("POST", f"/v1/endpoints/{endpoint}/replay", body)

    async def deliveries(self, endpoint: str, search: Mapping[str, str], *, after: int, limit: int) -> dict[str, Any]:
        """See `EndpointDesk.deliveries`."""
        query = urlencode({**search, "after": after, "limit": limit})
        return await self._way.call("GET", f"/v1/endpoints/{endpoint}/deliveries?{query}")

    async def delivery(self, endpoint: str, n: int) -> dict[str, Any]:
        """See `EndpointDesk.delivery`."""
        return await self._way.call("GET", f"/v1/endpoints/{endpoint}/deliveries/{n}")

    async def retry(self, endpoint: str, n: int, reason: str) -> dict[str, Any]:
        """See `EndpointDesk.retry`."""
        return await self._way.call("POST", f"/v1/endpoints/{endpoint}/deliveries/{n}/retry", {"reason": reason})

    async def retry_range(self, endpoint: str, from_n: int, to_n: int, reason: str) -> dict[str, Any]:
        """See `EndpointDesk.retry_range`."""
        body = {"from_n": from_n, "to_n": to_n, "reason": reason}
        return await self._way.call("POST", f"/v1/endpoints/{endpoint}/redrive", body)

    async def drop(self, endpoint: str, n: int, reason: str) -> dict[str, Any]:
        """See `EndpointDesk.drop`."""
        return await self._way.call("POST", f"/v1/endpoints/{endpoint}/deliveries/{n}/drop", {"reason": reason})


class DirectDesk:
    """Endpoints of a service that does not run."""

    def __init__(self, room: Endpoints) -> None:
        self._room = room

    async def add(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """See `EndpointDesk.add`."""
        return await self._room.create(_read(wanted, NewEndpoint), CONSOLE)

    async def endpoints(self) -> list[dict[str, Any]]:
        """See `EndpointDesk.endpoints`."""
        return self._room.all()

    async def status(self, endpoint: str) -> dict[str, Any]:
        """See `EndpointDesk.status`."""
        return await self._room.status(endpoint)

    async def set_state(self, endpoint: str, state: Literal["held", "active"], reason: str) -> dict[str, Any]:
        """See `EndpointDesk.set_state`."""
        return await self._room.set_state(endpoint, state, CONSOLE, reason)

    async def rotate(self, endpoint: str, overlap_s: int) -> dict[str, Any]:
        """See `EndpointDesk.rotate`."""
        return await self._room.rotate(endpoint, _read({"overlap_s": overlap_s}, Rotation).overlap_s, CONSOLE)

    async def remove(self, endpoint: str) -> None:
        """See `EndpointDesk.remove`."""
        await self._room.remove(endpoint, CONSOLE)

    async def ping(self, endpoint: str) -> dict[str, Any]:
        """See `EndpointDesk.ping`."""
        return await self._room.ping(endpoint)

    async def replay(self, endpoint: str, from_seq: int, to_seq: int) -> dict[str, Any]:
        """See `EndpointDesk.replay`."""
        await self._room.replay(endpoint, _read({"from_seq": from_seq, "to_seq": to_seq}, Replay), CONSOLE)
        return {"from_seq": from_seq, "to_seq": to_seq}

    async def deliveries(self, endpoint: str, search: Mapping[str, str], *, after: int, limit: int) -> dict[str, Any]:
        """See `EndpointDesk.deliveries`."""
        wanted = _read(search, DeliverySearch, lane="day", event_type="type")
        rows = await self._room.deliveries.page(endpoint, wanted, after=after, limit=limit)
        return {"deliveries": rows, "next_after": rows[-1]["n"] if rows else after}

    async def delivery(self, endpoint: str, n: int) -> dict[str, Any]:
        """See `EndpointDesk.delivery`."""
        return await self._room.deliveries.one(endpoint, n)

    async def retry(self, endpoint: str, n: int, reason: str) -> dict[str, Any]:
        """See `EndpointDesk.retry`."""
        return await self._room.deliveries.retry(endpoint, n, _reason(reason), CONSOLE)

    async def retry_range(self, endpoint: str, from_n: int, to_n: int, reason: str) -> dict[str, Any]:
        """See `EndpointDesk.retry_range`."""
        wanted = _read({"from_n": from_n, "to_n": to_n, "reason": reason}, Retries)
        room = self._room.deliveries
        return {"retried": await room.retry_range(endpoint, wanted.from_n, wanted.to_n, wanted.reason, CONSOLE)}

    async def drop(self, endpoint: str, n: int, reason: str) -> dict[str, Any]:
        """See `EndpointDesk.drop`."""
        return await self._room.deliveries.drop(endpoint, n, _reason(reason), CONSOLE)


def _reason(text: str) -> str:
    return _read({"reason": text}, Reason).reason


def _read(given: Mapping[str, Any], shape: type[ShapeT], **named: str) -> ShapeT:
    """Read what was given as strictly as the wire does; `named` says what members of the shape are called there."""
    values = dict(given)
    for member, name in named.items():
        if name in values:
            values[member] = values.pop(name)
    try:
        return msgspec.convert(values, shape)
    except msgspec.ValidationError as error:
        raise usage(str(error)) from None
