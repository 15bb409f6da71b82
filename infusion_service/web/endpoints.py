"""Endpoints over HTTP: what engines are sent, how they fare, and what people do about it.

Promises: secrets are in the answer that makes them and nowhere else; every change carries the caller's name into the
log. Does not: send or judge addresses (`delivery`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast, get_args

from aiohttp import web

from infusion_service.delivery import asyncapi, schemas
from infusion_service.delivery.endpoints import Endpoints
from infusion_service.delivery.errors import (
    DeliveryRefused,
    SecondPersonNeeded,
    UnknownDelivery,
    UnknownEndpoint,
    UnusableSetting,
)
from infusion_service.delivery.rendering import CONTENT_TYPE, SCHEMA_VERSION
from infusion_service.delivery.requests import (
    EndpointChange,
    MayGiveReason,
    NewEndpoint,
    Reason,
    Replay,
    Retries,
    Rotation,
)
from infusion_service.delivery.vault import VaultUnusable
from infusion_service.log.deliveries import DeliverySearch, DeliveryState
from infusion_service.settings import Settings
from infusion_service.web import body, payloads
from infusion_service.web.answers import answer, nothing
from infusion_service.web.keys import CALLER, ENDPOINTS, INTAKE, SETTINGS
from infusion_service.web.problems import Problem, malformed, not_found
from infusion_service.web.queries import Query

SCHEMA_TYPE = "application/schema+json"
PREFIX, SUFFIX = "infusion.", f".v{SCHEMA_VERSION}.json"
STATES: tuple[str, ...] = get_args(DeliveryState)
NUMBER_DIGITS_MAX = 15

AnswerT = TypeVar("AnswerT")


async def get_endpoints(request: web.Request) -> web.Response:
    """Return all endpoints, without their secrets."""
    Query(request)
    return answer({"endpoints": _room(request).all()})


async def post_endpoint(request: web.Request) -> web.Response:
    """Create an endpoint: 201 with its secret, shown this once."""
    wanted = payloads.read_as(await body.json_of(request), NewEndpoint)
    created = await _refusing(_room(request).create(wanted, request[CALLER].actor))
    return answer(created, status=201, headers={"Location": f"/v1/endpoints/{created['id']}"})


async def get_endpoint(request: web.Request) -> web.Response:
    """Return one endpoint."""
    Query(request)
    return answer(_shown(request, lambda room, endpoint_id: room.show(endpoint_id)))


async def patch_endpoint(request: web.Request) -> web.Response:
    """Change an endpoint; what is absent stays."""
    wanted = payloads.read_as(await body.json_of(request), EndpointChange)
    room, by = _room(request), request[CALLER].actor
    return answer(await _refusing(room.change(request.match_info["endpoint"], wanted, by)))


async def delete_endpoint(request: web.Request) -> web.Response:
    """Remove an endpoint; nothing is sent to it any more."""
    await _refusing(_room(request).remove(request.match_info["endpoint"], request[CALLER].actor))
    return nothing()


async def post_ping(request: web.Request) -> web.Response:
    """Send a signed `webhook.ping` and return what came back."""
    return answer(await _refusing(_room(request).ping(request.match_info["endpoint"])))


async def post_rotation(request: web.Request) -> web.Response:
    """Give the endpoint a new secret, shown this once; the old one goes on signing for a while."""
    wanted = payloads.read_as(await body.json_of(request), Rotation)
    room, by = _room(request), request[CALLER].actor
    return answer(await _refusing(room.rotate(request.match_info["endpoint"], wanted.overlap_s, by)))


async def post_replay(request: web.Request) -> web.Response:
    """Send a range of the log again, with the same ids: 202 once that is durable."""
    wanted = payloads.read_as(await body.json_of(request), Replay)
    room, by = _room(request), request[CALLER].actor
    await _refusing(room.replay(request.match_info["endpoint"], wanted, by))
    return answer({"from_seq": wanted.from_seq, "to_seq": wanted.to_seq}, status=202)


async def post_hold(request: web.Request) -> web.Response:
    """Pause an endpoint; its queue is kept."""
    wanted = payloads.read_as(await body.json_of(request), MayGiveReason)
    room, by = _room(request), request[CALLER].actor
    return answer(await _refusing(room.set_state(request.match_info["endpoint"], "held", by, wanted.reason)))


async def post_enable(request: web.Request) -> web.Response:
    """Enable an endpoint: it goes on where it stood."""
    wanted = payloads.read_as(await body.json_of(request), MayGiveReason)
    room, by = _room(request), request[CALLER].actor
    return answer(await _refusing(room.set_state(request.match_info["endpoint"], "active", by, wanted.reason)))


async def get_status(request: web.Request) -> web.Response:
    """Return how an endpoint fares."""
    Query(request)
    return answer(await _refusing(_room(request).status(request.match_info["endpoint"])))


async def get_deliveries(request: web.Request) -> web.Response:
    """Return deliveries by number; `next_after` continues."""
    query = Query(request, "state", "day", "type", "answer", "since", "until", "after", "limit")
    state = query.text("state")
    if state is not None and state not in STATES:
        raise malformed(f"Query parameter state: one of {', '.join(STATES)}.", [{"pointer": "?state", "detail": ""}])
    search = DeliverySearch(
        state=cast(DeliveryState | None, state),
        lane=query.text("day"),
        event_type=query.text("type"),
        answer=query.text("answer"),
        since=query.moment("since"),
        until=query.moment("until"),
    )
    page_max = request.app[SETTINGS].limits.page_entries_max
    limit = query.whole("limit", least=1, most=page_max) or page_max
    after = query.whole("after", least=0) or 0
    desk = _room(request).deliveries
    rows = await _refusing(desk.page(request.match_info["endpoint"], search, after=after, limit=limit))
    return answer({"deliveries": rows, "next_after": rows[-1]["n"] if rows else after})


async def get_delivery(request: web.Request) -> web.Response:
    """Return one delivery with its attempts."""
    Query(request)
    return answer(await _refusing(_room(request).deliveries.one(request.match_info["endpoint"], _number(request))))


async def get_body(request: web.Request) -> web.Response:
    """Return the bytes of a delivery as they are sent: they hold what the feed holds, patients too."""
    Query(request)
    raw = await _refusing(_room(request).deliveries.body(request.match_info["endpoint"], _number(request)))
    return web.Response(body=raw, headers={"Content-Type": CONTENT_TYPE})


async def get_attempts(request: web.Request) -> web.Response:
    """Return the attempts of one delivery."""
    Query(request)
    shown = await _refusing(_room(request).deliveries.one(request.match_info["endpoint"], _number(request)))
    return answer({"n": shown["n"], "attempts": shown["attempts"]})


async def post_retries(request: web.Request) -> web.Response:
    """Try what is parked in a range of numbers again at once, the oldest first."""
    wanted = payloads.read_as(await body.json_of(request), Retries)
    desk, by = _room(request).deliveries, request[CALLER].actor
    endpoint = request.match_info["endpoint"]
    retried = await _refusing(desk.retry_range(endpoint, wanted.from_n, wanted.to_n, wanted.reason, by))
    return answer({"retried": retried})


async def post_retry(request: web.Request) -> web.Response:
    """Try a parked delivery again at once."""
    wanted = payloads.read_as(await body.json_of(request), Reason)
    desk, by = _room(request).deliveries, request[CALLER].actor
    return answer(await _refusing(desk.retry(request.match_info["endpoint"], _number(request), wanted.reason, by)))


async def post_drop(request: web.Request) -> web.Response:
    """Give a parked delivery up."""
    wanted = payloads.read_as(await body.json_of(request), Reason)
    desk, by = _room(request).deliveries, request[CALLER].actor
    return answer(await _refusing(desk.drop(request.match_info["endpoint"], _number(request), wanted.reason, by)))


async def get_asyncapi(request: web.Request) -> web.Response:
    """Return the AsyncAPI 3 document of what is delivered."""
    return answer(asyncapi.document(request.app[INTAKE].workflows(), base=base_of(request.app[SETTINGS])))


async def get_schema(request: web.Request) -> web.Response:
    """Return the JSON Schema of one event type."""
    name = request.match_info["schema"]
    workflows = request.app[INTAKE].workflows()
    entry_type = name.removeprefix(PREFIX).removesuffix(SUFFIX)
    if name != f"{PREFIX}{entry_type}{SUFFIX}" or entry_type not in schemas.delivered_types(workflows):
        raise not_found("There is no schema of that name.")
    schema = schemas.schema_of(entry_type, workflows, base=base_of(request.app[SETTINGS]))
    response = answer(schema)
    response.headers["Content-Type"] = SCHEMA_TYPE
    return response


def base_of(settings: Settings) -> str:
    """Return the address the service is known by."""
    return settings.delivery_public_url or f"https://{settings.site}"


def _room(request: web.Request) -> Endpoints:
    """Return the room, for who may see the whole site: an endpoint is no ward's own."""
    if request[CALLER].wards is not None:
        raise Problem("role_not_permitted", "A credential of single wards may not manage endpoints.")
    return request.app[ENDPOINTS]


def _shown(request: web.Request, look: Callable[[Endpoints, str], Any]) -> Any:
    try:
        return look(_room(request), request.match_info["endpoint"])
    except UnknownEndpoint as error:
        raise _problem(error) from None


async def _refusing(call: Awaitable[AnswerT]) -> AnswerT:
    """Await a call of the room; what it refuses becomes a problem."""
    try:
        return await call
    except DeliveryRefused as error:
        raise _problem(error) from None
    except VaultUnusable:
        detail = "The key of the endpoints' secrets cannot be used; see the service's log."
        raise Problem("unavailable", detail, headers={"Retry-After": "60"}) from None


def _problem(error: DeliveryRefused) -> Problem:
    said = f"{error}."
    match error:
        case UnknownEndpoint() | UnknownDelivery():
            return not_found(said[0].upper() + said[1:])
        case UnusableSetting():
            return malformed(f"{error.pointer}: {said}", [{"pointer": error.pointer, "detail": str(error)}])
        case SecondPersonNeeded():
            return Problem("second_person_required", said[0].upper() + said[1:])
    return Problem("not_possible", said[0].upper() + said[1:])


def _number(request: web.Request) -> int:
    text = request.match_info["n"]
    if not (text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS_MAX):
        raise not_found("The endpoint has no delivery of this number.")
    return int(text)
