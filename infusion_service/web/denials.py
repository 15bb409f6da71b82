"""Noting in the log who was refused what.

Promises: the answer is the same whether it could be noted or not; a refusal tells the client nothing more by it.
"""

from __future__ import annotations

import structlog
from aiohttp import web

from infusion_service.intake.outcome import Unavailable
from infusion_service.web.keys import ACCESS
from infusion_service.web.problems import Denied
from infusion_service.web.routing import route_of

_log = structlog.stdlib.get_logger(__name__)


async def note_denial(request: web.Request, denied: Denied) -> None:
    """Make an entry of a refusal, with the route it was met on."""
    data = {"route": f"{request.method} {route_of(request)}", **denied.noted}
    try:
        await request.app[ACCESS].refusals.note(denied.by, data)
    except Unavailable:
        # It is on the request's own line too; the log in the database takes nothing just now.
        _log.warning("access.refusal_not_noted", reason=denied.noted["reason"])
