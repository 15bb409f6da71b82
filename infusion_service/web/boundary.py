"""The outermost ring of every request: its id, its credential, its errors, its one line in the log.

Promises: whatever happens inside, the client gets a problem document and never a traceback; every answer carries the
security headers and the request id; one line per request is logged, with the route's pattern instead of its address.
"""

from __future__ import annotations

import itertools
import logging
import re
import secrets
import time
from collections.abc import Mapping

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler as AiohttpHandler

from infusion_service.access.errors import AccessRefused, AlreadyThere, OwnReview, UnknownRecord, UnusableValue
from infusion_service.intake.outcome import Unavailable
from infusion_service.log.store import StoreError
from infusion_service.web import problems, rates
from infusion_service.web.credentials import identify, prepare
from infusion_service.web.denials import note_denial
from infusion_service.web.keys import CALLER, METRICS, REQUEST_ID, SETTINGS
from infusion_service.web.problems import Denied, Problem
from infusion_service.web.routing import UNMATCHED, Handler, Route, route_of

SECURITY_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "infusion",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

HSTS = "max-age=31536000"
"""A browser that reached us over TLS once does not come without it for a year (RFC 6797)."""

STORAGE_RETRY_AFTER_S = 5
"""A disk that is damaged or does not answer is not mended sooner."""

_log = structlog.stdlib.get_logger("infusion_service.web")
_std_log = logging.getLogger("infusion_service.web")

_GIVEN_ID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
"""What a client's own id of a request looks like: 128 random bits. It stands in our lines, so it is no place for a name
or a record's number."""
_run = secrets.token_hex(4)
_numbers = itertools.count(1)


def guarded(route: Route) -> Handler:
    """Wrap a route's handler so that only those the route lets in reach it."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            await prepare(request)
            identity = identify(request, fits=route.lets_in)
            request[CALLER] = identity
            if not route.takes_facts:
                # Whether a fact is urgent is only known once it has been read.
                rates.admit(request)
            route.check(identity)
            return await route.handler(request)
        except Denied as denied:
            await note_denial(request, denied)
            raise

    return route.handler if route.public else handle


@web.middleware
async def boundary(request: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
    """Answer every request, log it once, count it."""
    started_s = time.perf_counter()
    request_id = _request_id(request)
    request[REQUEST_ID] = request_id
    code = None
    response: web.StreamResponse
    try:
        response = await handler(request)
    except Problem as problem:
        found = problems.out_of_memory() if problems.is_starved(problem) else problem
        code = found.code
        response = problems.respond(found, request_id)
    except Exception as error:  # noqa: BLE001 - the boundary: whatever it is, the client gets a problem document
        found = problems.out_of_memory() if problems.is_starved(error) else _as_problem(error, request_id)
        code = found.code
        response = problems.respond(found, request_id)
    if not response.prepared:
        _dress(request, response)
    _report(request, response, code, time.perf_counter() - started_s)
    return response


async def expect(request: web.Request) -> web.StreamResponse | None:
    """Answer an `Expect` header, which aiohttp asks about before any middleware runs."""
    if request.headers.get("Expect", "").lower() != "100-continue":
        problem = Problem("expectation_failed", "Only 100-continue can be expected.", closes=True)
        request[REQUEST_ID] = _request_id(request)
        response = problems.respond(problem, request[REQUEST_ID])
        _dress(request, response)
        return response
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # What was sent so far is no part of the answer.
    request.writer.output_size = 0
    return None


def unreadable(*, hsts: bool) -> web.Response:
    """Answer bytes that are no request, which no middleware ever sees; the connection ends with it."""
    return _of_no_request(_of_http_status(400), hsts=hsts)


def unanswerable(error: BaseException | None, *, hsts: bool) -> web.Response:
    """Answer a request whose fate got past the middleware: what was sent may be right, and can be sent again."""
    problem = problems.out_of_memory() if problems.is_starved(error) else _internal()
    return _of_no_request(problem, hsts=hsts)


def _of_no_request(problem: Problem, *, hsts: bool) -> web.Response:
    request_id = _own_id()
    response = problems.respond(problem, request_id)
    response.headers.update({**SECURITY_HEADERS, "X-Request-Id": request_id})
    if hsts:
        response.headers["Strict-Transport-Security"] = HSTS
    response.force_close()
    return response


def _as_problem(error: Exception, request_id: str) -> Problem:
    match error:
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            return Problem("method_not_allowed", f"Use {allowed}.", headers={"Allow": allowed})
        case web.HTTPException():
            return _of_http_status(error.status)
        case Unavailable():
            return Problem("unavailable", str(error), headers={"Retry-After": str(error.retry_after_s)})
        case AccessRefused():
            return _of_access(error)
        case StoreError():
            _log.error("http.storage_failed", request_id=request_id, fault=str(error))
            retry = {"Retry-After": str(STORAGE_RETRY_AFTER_S)}
            return Problem("unavailable", "The storage of the service cannot answer this now.", headers=retry)
    _log.error("http.failed", request_id=request_id, exc_info=error)
    return _internal()


def _internal() -> Problem:
    return Problem("internal", "The fault is ours and has been logged; name the request id when you report it.")


def _of_http_status(status: int) -> Problem:
    match status:
        case 404:
            return problems.not_found()
        case 413:
            return Problem("too_large", "The request is too large.", closes=True)
        case _:
            return problems.malformed("The request cannot be read as HTTP.")


def _of_access(error: AccessRefused) -> Problem:
    match error:
        case UnknownRecord():
            return problems.not_found(f"{error}.".capitalize())
        case AlreadyThere():
            return Problem("already_exists", f"{error}.".capitalize())
        case UnusableValue():
            return problems.malformed(f"{error.pointer}: {error}.", [{"pointer": error.pointer, "detail": str(error)}])
        case OwnReview():
            return Problem("role_not_permitted", f"{error}.".capitalize())
    return Problem("not_authenticated", f"{error}.".capitalize())


def _request_id(request: web.Request) -> str:
    given = request.headers.get("X-Request-Id")
    if given is not None and _GIVEN_ID.fullmatch(given):
        return given
    return _own_id()


def _own_id() -> str:
    return f"{_run}-{next(_numbers):06x}"


def _dress(request: web.Request, response: web.StreamResponse) -> None:
    headers = response.headers
    for name, value in SECURITY_HEADERS.items():
        if name not in headers:
            headers[name] = value
    if request.secure or request.app[SETTINGS].behind_proxy:
        headers["Strict-Transport-Security"] = HSTS
    headers["X-Request-Id"] = request[REQUEST_ID]


def _report(request: web.Request, response: web.StreamResponse, code: str | None, seconds: float) -> None:
    route = route_of(request)
    method = request.method if route != UNMATCHED else "any"
    request.app[METRICS].answered(route, method, response.status, seconds)
    if not _std_log.isEnabledFor(logging.INFO):
        return
    caller = request.get(CALLER)
    _log.info(
        "http.answered",
        request_id=request[REQUEST_ID],
        method=method,
        route=route,
        status=response.status,
        code=code,
        duration_ms=round(seconds * 1000, 3),
        actor=caller.actor.id if caller else None,
        role=caller.role if caller else None,
        device=caller.device_id if caller else None,
        bytes_in=request.content_length,
    )
