"""The rows of the route table about endpoints, and what OpenAPI says of each."""

from __future__ import annotations

from collections.abc import Mapping

from infusion_service.delivery import requests
from infusion_service.delivery.rendering import CONTENT_TYPE
from infusion_service.web import endpoint_shapes as shapes
from infusion_service.web import endpoints
from infusion_service.web.describing import Description
from infusion_service.web.routing import PUBLIC, Handler, Route

ENGINEERS = frozenset({"integration", "admin"})
OVERSEERS = ENGINEERS | {"auditor"}
ENGINES = frozenset({"integration"})
"""Who reads the feed as an engine does: what is sent holds patients, which are no administrator's business."""
SCOPE = "endpoints"

_ONE = "/v1/endpoints/{endpoint}"
_DELIVERY = _ONE + "/deliveries/{n}"
_CHANGE = (503, 507)


def _route(method: str, path: str, handler: Handler, allowed: frozenset[str] = ENGINEERS) -> Route:
    return Route(method=method, path=path, handler=handler, allowed=allowed, scope=SCOPE if allowed else "")


ENDPOINT_ROUTES: tuple[Route, ...] = (
    _route("GET", "/asyncapi.json", endpoints.get_asyncapi, PUBLIC),
    _route("GET", "/schemas/{schema}", endpoints.get_schema, PUBLIC),
    _route("GET", "/v1/endpoints", endpoints.get_endpoints, OVERSEERS),
    _route("POST", "/v1/endpoints", endpoints.post_endpoint),
    _route("GET", _ONE, endpoints.get_endpoint, OVERSEERS),
    _route("PATCH", _ONE, endpoints.patch_endpoint),
    _route("DELETE", _ONE, endpoints.delete_endpoint),
    _route("POST", _ONE + "/ping", endpoints.post_ping),
    _route("POST", _ONE + "/rotate-secret", endpoints.post_rotation),
    _route("POST", _ONE + "/replay", endpoints.post_replay),
    _route("POST", _ONE + "/hold", endpoints.post_hold),
    _route("POST", _ONE + "/enable", endpoints.post_enable),
    _route("GET", _ONE + "/status", endpoints.get_status, OVERSEERS),
    _route("GET", _ONE + "/deliveries", endpoints.get_deliveries, OVERSEERS),
    _route("POST", _ONE + "/redrive", endpoints.post_retries),
    _route("GET", _DELIVERY, endpoints.get_delivery, OVERSEERS),
    _route("GET", _DELIVERY + "/attempts", endpoints.get_attempts, OVERSEERS),
    _route("GET", _DELIVERY + "/body", endpoints.get_body, ENGINES),
    _route("POST", _DELIVERY + "/retry", endpoints.post_retry),
    _route("POST", _DELIVERY + "/drop", endpoints.post_drop),
)


def _says(summary: str, *, status: int = 200, **more: object) -> Description:
    return Description(summary=summary, tag="endpoints", status=status, **more)  # type: ignore[arg-type] # its own rows


ENDPOINT_DESCRIPTIONS: Mapping[tuple[str, str], Description] = {
    ("GET", "/asyncapi.json"): Description(
        summary="What endpoints are sent, as AsyncAPI 3", tag="operation", media=("application/json",)
    ),
    ("GET", "/schemas/{schema}"): Description(
        summary="The JSON Schema of one event type", tag="operation", media=(endpoints.SCHEMA_TYPE,)
    ),
    ("GET", "/v1/endpoints"): _says("All endpoints", gives=shapes.EndpointList),
    ("POST", "/v1/endpoints"): _says(
        "Create an endpoint",
        status=201,
        takes=requests.NewEndpoint,
        gives=shapes.EndpointWithSecret,
        refuses=(409, *_CHANGE),
    ),
    ("GET", _ONE): _says("One endpoint", gives=shapes.Endpoint),
    ("PATCH", _ONE): _says("Change an endpoint", takes=requests.EndpointChange, gives=shapes.Endpoint, refuses=_CHANGE),
    ("DELETE", _ONE): _says("Remove an endpoint", status=204, refuses=_CHANGE),
    ("POST", _ONE + "/ping"): _says("Send a signed ping now", gives=shapes.Ping, refuses=(409, 503)),
    ("POST", _ONE + "/rotate-secret"): _says(
        "Give it a new secret", takes=requests.Rotation, gives=shapes.EndpointWithSecret, refuses=(409, *_CHANGE)
    ),
    ("POST", _ONE + "/replay"): _says(
        "Send a range of the log again",
        status=202,
        takes=requests.Replay,
        gives=shapes.Replayed,
        refuses=(409, *_CHANGE),
    ),
    ("POST", _ONE + "/hold"): _says(
        "Pause it; the queue is kept", takes=requests.MayGiveReason, gives=shapes.Endpoint, refuses=(409, *_CHANGE)
    ),
    ("POST", _ONE + "/enable"): _says(
        "Go on where it stood", takes=requests.MayGiveReason, gives=shapes.Endpoint, refuses=(409, *_CHANGE)
    ),
    ("GET", _ONE + "/status"): _says("How it fares", gives=shapes.EndpointStatus),
    ("GET", _ONE + "/deliveries"): _says(
        "Its deliveries and their attempts",
        gives=shapes.DeliveryPage,
        query=("state", "day", "type", "answer", "since", "until", "after", "limit"),
    ),
    ("POST", _ONE + "/redrive"): _says(
        "Try what is parked in a range again", takes=requests.Retries, gives=shapes.Retried, refuses=(409, *_CHANGE)
    ),
    ("GET", _DELIVERY): _says("One delivery and its attempts", gives=shapes.Delivery),
    ("GET", _DELIVERY + "/attempts"): _says("The attempts of one delivery", gives=shapes.DeliveryAttempts),
    ("GET", _DELIVERY + "/body"): _says(
        "Its bytes, as they are sent on every attempt", media=(CONTENT_TYPE.partition(";")[0],)
    ),
    ("POST", _DELIVERY + "/retry"): _says(
        "Try a parked delivery again", takes=requests.Reason, gives=shapes.Delivery, refuses=(409, *_CHANGE)
    ),
    ("POST", _DELIVERY + "/drop"): _says(
        "Give a parked delivery up", takes=requests.Reason, gives=shapes.Delivery, refuses=(409, *_CHANGE)
    ),
}
