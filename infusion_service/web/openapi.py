"""The OpenAPI 3.1 document, built from the route table, its descriptions and the payload types.

Promises: what a route takes, gives and refuses is stated once, where it is enforced or beside it; a test compares the
document with the routes and lets a judge validate it. Does not: describe `data` of facts, which is each workflow's own
(`GET /v1/workflows/{name}/{version}`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from infusion_service import __version__
from infusion_service.web.answers import encode
from infusion_service.web.credentials import DEVICE_COOKIE, SESSION_COOKIE
from infusion_service.web.days import CURSOR_PATTERN
from infusion_service.web.describing import Description
from infusion_service.web.descriptions import DESCRIPTIONS
from infusion_service.web.payloads import UUID_PATTERN, BatchItem
from infusion_service.web.problems import CONTENT_TYPE as PROBLEM_TYPE
from infusion_service.web.problems import PROBLEM_TYPES
from infusion_service.web.queries import INTEGER_MAX
from infusion_service.web.routes import ROUTES
from infusion_service.web.routing import Route
from infusion_service.web.shapes import Problem
from infusion_service.web.submissions import IF_MATCH_PATTERN

_JSON = "application/json"
_REFERENCE = "#/components/schemas/{name}"

_UUID: dict[str, Any] = {"type": "string", "format": "uuid", "pattern": UUID_PATTERN}
_TEXT: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 120}
_TIME: dict[str, Any] = {"type": "string", "format": "date-time"}

_SIZE: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": INTEGER_MAX}

_QUERY: dict[str, tuple[str, dict[str, Any]]] = {
    "answer": ("What came of the last attempt: a status, or a fault such as timeout.", _TEXT),
    "after": ("Continue after this place.", {"type": "string", "pattern": CURSOR_PATTERN}),
    "at": ("The day as it stood at this clinical time.", _TIME),
    "date": ("Calendar date of the ward.", {"type": "string", "format": "date"}),
    "day": ("Entries of this day alone.", _UUID),
    "from": ("Size of the older log.", _SIZE),
    "from_version": ("The version to compare with; without it, the one before.", {**_SIZE, "minimum": 1}),
    "known_at": ("From what the service had received by then.", _TIME),
    "limit": ("At most so many.", {"type": "integer", "minimum": 1, "maximum": 1000}),
    "newest": ("From the newest day to the oldest.", {"type": "boolean"}),
    "open": ("Only what is not over yet: days under way, what waits for a review.", {"type": "boolean"}),
    "seq": ("Number of the entry.", {**_SIZE, "minimum": 1}),
    "since": ("The last attempt was made then or later.", _TIME),
    "size": ("How many entries the log had; without it, all it has.", {**_SIZE, "minimum": 1}),
    "state": ("Only days in this state.", _TEXT),
    "to": ("Size of the younger log; without it, all it has.", _SIZE),
    "type": ("Entries of this type alone.", _TEXT),
    "until": ("The last attempt was made before.", _TIME),
    "ward": ("Only days of this ward.", _TEXT),
}

_HEADERS: dict[str, dict[str, Any]] = {
    "etag": {"description": "The day's version, in quotation marks.", "schema": {"type": "string"}},
    "replayed": {
        "description": "`true` where the answer was given before.",
        "schema": {"type": "string", "enum": ["true"]},
    },
}


@cache
def encoded() -> bytes:
    """Return the document as it is served; it is the same for every application of the process."""
    return encode(document())


def document() -> dict[str, Any]:
    """Return the document as JSON."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Infusion day service",
            "version": __version__,
            "description": "Records infusion days as facts in one append-only log. It is not a medical device and not "
            "an alarm system in the sense of IEC 60601-1-8.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in sorted({row.tag for row in DESCRIPTIONS.values()})],
        "paths": paths,
        "components": {"schemas": _schemas(), "securitySchemes": _security_schemes()},
    }


def _operation(route: Route) -> dict[str, Any]:
    row = DESCRIPTIONS[route.method, route.path]
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": row.summary,
        "tags": [row.tag],
        "parameters": list(_parameters(route, row)),
        "responses": _responses(route, row),
        "security": [] if route.public else [{"token": []}, {"session": []}, {"device": []}],
    }
    if not route.public:
        operation["x-roles"] = sorted(route.allowed)
    if row.takes is not None:
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": _reference(row.takes)}}}
    return operation


def _operation_id(route: Route) -> str:
    words = re.findall(r"[a-z]+", route.path.removeprefix("/v1"))
    return "_".join((route.method.lower(), *(words or ["page"])))


def _parameters(route: Route, row: Description) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"\{(\w+)\}", route.path):
        schema = _UUID if name == "day" else {"type": "string"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    for name in row.query:
        description, schema = _QUERY[name]
        if name == "after" and route.path.startswith(("/v1/log", "/v1/days/{day}")):
            schema = _SIZE
        yield {"name": name, "in": "query", "description": description, "schema": schema}
    if route.path == "/v1/days/{day}/events":
        description = "Refuse (412) unless the day still has this version."
        schema = {"type": "string", "pattern": IF_MATCH_PATTERN}
        yield {"name": "If-Match", "in": "header", "description": description, "schema": schema}


def _responses(route: Route, row: Description) -> dict[str, Any]:
    responses = {str(row.status): _answer(row)}
    if row.replays:
        again = _answer(row)
        again["description"] = "The same as before: it was accepted already."
        again.setdefault("headers", {})["Idempotency-Replayed"] = _HEADERS["replayed"]
        responses["200"] = again
    if row.unchanged:
        responses["304"] = {"description": "The bytes are those that `If-None-Match` names."}
    for status in sorted(_refusals(route, row)):
        responses[str(status)] = _problem(status)
    responses["default"] = {"description": "Why it was not done.", "content": _content(PROBLEM_TYPE, Problem)}
    return responses


def _answer(row: Description) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": _said_of(row.gives) if row.gives else row.summary}
    content = _content(_JSON, row.gives) if row.gives else {}
    content.update({media: {"schema": {"type": "string"}} for media in row.media if media != _JSON})
    if _JSON in row.media:
        content[_JSON] = {"schema": {"type": "object"}}
    if content:
        answer["content"] = content
    if row.gives is not None and row.gives.__name__ in ("DayView", "Receipt"):
        answer["headers"] = {"ETag": _HEADERS["etag"]}
    return answer


def _said_of(kind: type) -> str:
    return (kind.__doc__ or kind.__name__).partition("\n")[0]


def _refusals(route: Route, row: Description) -> set[int]:
    statuses = set(row.refuses)
    if not route.public:
        statuses |= {401, 403, 429}
    if row.takes is not None:
        statuses |= {400, 408, 413, 415}
    if row.query or not route.public:
        statuses.add(400)
    if "{" in route.path:
        statuses.add(404)
    return statuses


def _problem(status: int) -> dict[str, Any]:
    codes = [f"`{code}`" for code, kind in PROBLEM_TYPES.items() if kind.status == status]
    return {"description": f"Problem: {', '.join(codes)}.", "content": _content(PROBLEM_TYPE, Problem)}


def _content(media: str, kind: type) -> dict[str, Any]:
    return {media: {"schema": _reference(kind)}}


def _reference(kind: type) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


def _schemas() -> dict[str, Any]:
    kinds: set[type] = {BatchItem, Problem}
    for row in DESCRIPTIONS.values():
        kinds |= {kind for kind in (row.takes, row.gives) if kind is not None}
    ordered = sorted(kinds, key=lambda kind: kind.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template=_REFERENCE)
    schemas["Problem"]["properties"]["code"]["enum"] = list(PROBLEM_TYPES)
    # Its items are read one by one, so that a broken one does not take the others with it.
    schemas["FactBatch"]["properties"]["items"]["items"] = {"anyOf": [_reference(BatchItem), {}]}
    return schemas


def _security_schemes() -> dict[str, Any]:
    return {
        "token": {"type": "http", "scheme": "bearer", "description": "Token of a device, a session or a service."},
        "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE, "description": "The page, signed in."},
        "device": {"type": "apiKey", "in": "cookie", "name": DEVICE_COOKIE, "description": "The page, enrolled."},
    }
