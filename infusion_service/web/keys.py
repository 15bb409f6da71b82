"""What handlers find on the application and on a request, by typed key."""

from __future__ import annotations

import asyncio

from aiohttp import web

from infusion_service.access.access import Access
from infusion_service.access.identity import Identity
from infusion_service.delivery.endpoints import Endpoints
from infusion_service.intake.checkpointing import Checkpoints
from infusion_service.intake.intake import Intake
from infusion_service.intake.watch import Watch
from infusion_service.log.store import Store
from infusion_service.settings import Settings
from infusion_service.web.metrics import Metrics

ACCESS = web.AppKey("access", Access)
CHECKPOINTS = web.AppKey("checkpoints", Checkpoints)
ENDPOINTS = web.AppKey("endpoints", Endpoints)
INTAKE = web.AppKey("intake", Intake)
METRICS = web.AppKey("metrics", Metrics)
OPENAPI = web.AppKey("openapi", bytes)
"""The document of the interface, encoded once."""
SETTINGS = web.AppKey("settings", Settings)
STOPPING = web.AppKey("stopping", asyncio.Event)
"""Set when the service begins to stop: whoever keeps a connection open must let it go."""
STORE = web.AppKey("store", Store)
WATCH = web.AppKey("watch", Watch)

CALLER = web.RequestKey("caller", Identity)
"""Who asks, once the route has let them in."""
REQUEST_ID = web.RequestKey("request_id", str)
