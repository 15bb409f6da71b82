"""For those who run the service: health, figures, the simulated clock, the interface's own description."""

from __future__ import annotations

from aiohttp import web

from infusion_service.clinical.vocabulary import format_time
from infusion_service.intake.clock import SimulatedClock
from infusion_service.web import body, metrics, payloads
from infusion_service.web.answers import JSON_TYPE, answer
from infusion_service.web.days import clock_of
from infusion_service.web.keys import CALLER, ENDPOINTS, INTAKE, METRICS, OPENAPI, STOPPING, WATCH
from infusion_service.web.problems import Problem, malformed, not_found
from infusion_service.web.queries import Query


async def get_live(_request: web.Request) -> web.Response:
    """Say that the process answers."""
    return answer({"status": "alive"})


async def get_ready(request: web.Request) -> web.Response:
    """Say whether facts can be taken: 200, or 503 while stopping or after the log could not be written."""
    intake = request.app[INTAKE]
    if request.app[STOPPING].is_set():
        raise Problem("unavailable", "The service is stopping.", headers={"Retry-After": "5"})
    if intake.failed is not None:
        raise Problem("unavailable", "The log cannot be written.", headers={"Retry-After": "5"})
    return answer({"status": "ready", "log_size": intake.log_size})


async def get_metrics(request: web.Request) -> web.Response:
    """Return all figures for Prometheus."""
    deliveries = await request.app[ENDPOINTS].figures()
    exposition = request.app[METRICS].exposition(deliveries, await request.app[WATCH].lateness_s())
    return web.Response(body=exposition, headers={"Content-Type": metrics.CONTENT_TYPE})


async def get_clock(request: web.Request) -> web.Response:
    """Return the simulated time; 404 where time is real."""
    Query(request)
    _simulated(request)
    intake = request.app[INTAKE]
    return answer({"now": format_time(intake.clock.now()), **clock_of(intake)})


async def put_clock(request: web.Request) -> web.Response:
    """Move the simulated time forward; answers once everything due by then has been appended."""
    clock = _simulated(request)
    change = payloads.read_as(await body.json_of(request), payloads.ClockChange)
    to = payloads.utc(change.now, "/now")
    try:
        await request.app[WATCH].advance(to)
    except ValueError:
        detail = f"time moves forward only; it is {format_time(clock.now())}"
        raise malformed(f"/now: {detail}.", [{"pointer": "/now", "detail": detail}]) from None
    return answer({"now": format_time(clock.now()), **clock_of(request.app[INTAKE])})


async def post_clock_confirmation(request: web.Request) -> web.Response:
    """Take an administrator's word that the clock is right: moves by time go on."""
    payloads.read_as(await body.json_of(request), payloads.Nothing)
    intake = request.app[INTAKE]
    held = await intake.confirm_clock(request[CALLER].actor)
    return answer({"held": held, "now": format_time(intake.clock.now())})


async def get_openapi(request: web.Request) -> web.Response:
    """Return the OpenAPI 3.1 document of this interface."""
    return web.Response(body=request.app[OPENAPI], headers={"Content-Type": JSON_TYPE})


def _simulated(request: web.Request) -> SimulatedClock:
    clock = request.app[INTAKE].clock
    if not isinstance(clock, SimulatedClock):
        raise not_found("Time is real here; only a simulated clock can be read and moved.")
    return clock
