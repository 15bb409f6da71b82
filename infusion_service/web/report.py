"""The printable record of a day, as a page."""

from __future__ import annotations

from aiohttp import web

from infusion_service.web import reach
from infusion_service.web.blind import blind_entries
from infusion_service.web.days import day_id_of
from infusion_service.web.keys import CALLER, INTAKE
from infusion_service.web.queries import Query
from infusion_service.web.record import Printed, record_html

PAGE_TYPE = "text/html"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""It brings its own style and fetches nothing."""


async def get_report(request: web.Request) -> web.Response:
    """Return the record of a day, to read and print; it says who asked for it, and when.

    An auditor's reading is an entry of the day.
    """
    Query(request)
    intake = request.app[INTAKE]
    day = await reach.readable_day(request, day_id_of(request))
    await reach.note_reading(request, day, "report")
    entries = await intake.entries(day.day_id)
    day = await intake.day(day.day_id) or day
    now = intake.clock.now()
    hidden = blind_entries(day, (logged.entry for logged in entries), now)
    page = record_html(day, entries, None, hidden=hidden, printed=Printed(request[CALLER].actor, now))
    return web.Response(
        body=page, content_type=PAGE_TYPE, charset="utf-8", headers={"Content-Security-Policy": _POLICY}
    )
