"""The application: the rooms it serves, its routes, its one middleware.

Promises: nothing is reachable that is not in `routes.ROUTES`; every answer passes the boundary. Does not: open or close
the service (`bootstrap`), or listen (`server`).
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from aiohttp import web

from infusion_service.access.access import Access
from infusion_service.delivery.endpoints import Endpoints
from infusion_service.intake.checkpointing import Checkpoints
from infusion_service.intake.intake import Intake
from infusion_service.intake.watch import Watch
from infusion_service.log.soundness import Soundness
from infusion_service.log.store import Store
from infusion_service.settings import Settings
from infusion_service.web import (
    audits,
    bundles,
    device_queues,
    feed,
    keys,
    openapi,
    page,
    rates,
    service_status,
    stream,
)
from infusion_service.web.boundary import boundary, expect, guarded
from infusion_service.web.metrics import Metrics
from infusion_service.web.routes import ROUTES


class Service(Protocol):
    """What the interface serves: the opened service of `bootstrap`."""

    @property
    def settings(self) -> Settings:
        """What the operator decided."""
        ...

    @property
    def intake(self) -> Intake:
        """The way into the log."""
        ...

    @property
    def watch(self) -> Watch:
        """Who sees to it that time passes."""
        ...

    @property
    def store(self) -> Store:
        """Where the log is kept."""
        ...

    @property
    def checkpoints(self) -> Checkpoints:
        """What is signed of the log."""
        ...

    @property
    def soundness(self) -> Soundness:
        """What the last verification of the log found."""
        ...

    @property
    def endpoints(self) -> Endpoints:
        """What is delivered, and whereto."""
        ...

    @property
    def access(self) -> Access:
        """Who may enter."""
        ...


def build_app(service: Service) -> web.Application:
    """Return the application over an opened service."""
    # Bodies are read within the limit of their own route, before and while they arrive (`body.read`).
    app = web.Application(middlewares=[boundary], client_max_size=service.settings.limits.batch_bytes_max)
    intake = service.intake
    app[keys.SETTINGS] = service.settings
    app[keys.INTAKE] = intake
    app[keys.WATCH] = service.watch
    app[keys.STORE] = service.store
    app[keys.CHECKPOINTS] = service.checkpoints
    app[keys.ENDPOINTS] = service.endpoints
    app[keys.ACCESS] = service.access
    app[keys.METRICS] = Metrics(log_entries=lambda: intake.log_size, intake_queue=lambda: intake.queue_depth)
    app[keys.METRICS].watch_alarm_budget(intake.alerts_raised, intake.patient_hours)
    app[keys.METRICS].watch_clock(lambda: intake.clock_doubt)
    app[keys.METRICS].watch_commits(lambda: intake.tally)
    app[keys.METRICS].watch_files(service.settings.database)
    app[keys.METRICS].watch_soundness(service.soundness)
    app[service_status.SINCE] = service_status.Since(intake.clock.now(), service.soundness)
    app[keys.OPENAPI] = openapi.encoded()
    app[keys.STOPPING] = asyncio.Event()
    app[page.PAGE] = page.load_files()
    app[rates.RATES] = rates.Rates(service.settings.limits, rates.seconds_of(intake.clock))
    app[feed.TURNS] = asyncio.Semaphore(1)
    app[audits.TURN] = asyncio.Semaphore(1)
    app[bundles.TURN] = asyncio.Semaphore(1)
    app[device_queues.DEVICE_QUEUES] = device_queues.DeviceQueues(intake, service.store)
    app.cleanup_ctx.append(device_queues.kept_over_a_restart)
    app[stream.BROADCAST] = stream.Broadcast(intake)
    # Whose credential has just ended is cut off at once, and not when a stream looks the next time.
    service.access.add_listener(app[stream.BROADCAST].wake)
    app.on_shutdown.append(_say_stopping)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, guarded(route), expect_handler=expect)
    return app


async def _say_stopping(app: web.Application) -> None:
    # Called before open requests are waited for: whoever holds a connection open looks at this and ends.
    app[keys.STOPPING].set()
    app[stream.BROADCAST].wake()
