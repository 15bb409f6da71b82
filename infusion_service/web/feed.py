"""The log as a page: JSON or one entry per line, as far as the credential may see."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from aiohttp import web

from infusion_service.clinical.vocabulary import format_time
from infusion_service.web import reach
from infusion_service.web.answers import answer, encode
from infusion_service.web.keys import CALLER, INTAKE, SETTINGS
from infusion_service.web.payloads import UUID_PATTERN
from infusion_service.web.problems import malformed
from infusion_service.web.queries import Query
from infusion_service.web.visibility import Reader

NDJSON_TYPE = "application/x-ndjson"

TURNS = web.AppKey("turns", asyncio.Semaphore)
"""One page of the log is made at a time, so that however many read, a fact waits for one page and not for all."""

ENTRIES_PER_TURN = 50
"""Entries shown before everybody else has the event loop for a moment."""

_UUID = re.compile(UUID_PATTERN)


async def get_log(request: web.Request) -> web.Response:
    """Return entries after `after`, at most `limit`; `next_after` continues it even where the page shows nothing."""
    query = Query(request, "after", "limit", "day", "type")
    intake = request.app[INTAKE]
    page_max = request.app[SETTINGS].limits.page_entries_max
    after = query.whole("after", least=0) or 0
    limit = query.whole("limit", least=1, most=page_max) or page_max
    day_id = query.text("day")
    if day_id is not None and _UUID.match(day_id) is None:
        raise malformed("Query parameter day: a UUID is expected.", [{"pointer": "?day", "detail": "not a UUID"}])
    if day_id is None:
        await reach.note_log_reading(request, "log")
    as_of = format_time(intake.clock.now())
    found = await intake.log_page(
        after=after, limit=limit, day_id=day_id and day_id.lower(), entry_type=query.text("type")
    )
    if day_id is not None and request[CALLER].role == "auditor":
        await _note_auditor(request, day_id)
    reader = Reader(intake, request[CALLER])
    shown: list[dict[str, Any]] = []
    async with request.app[TURNS]:
        for first in range(0, len(found), ENTRIES_PER_TURN):
            shown += await reader.page(found[first : first + ENTRIES_PER_TURN])
            await asyncio.sleep(0)
    next_after = found[-1].seq if found else after
    if NDJSON_TYPE in request.headers.get("Accept", ""):
        lines = b"".join(encode(entry) + b"\n" for entry in shown)
        headers = {"Content-Type": NDJSON_TYPE, "Next-After": str(next_after), "As-Of": as_of, "Vary": "Accept"}
        return web.Response(body=lines, headers=headers)
    return answer({"entries": shown, "next_after": next_after, "as_of": as_of}, headers={"Vary": "Accept"})


async def _note_auditor(request: web.Request, day_id: str) -> None:
    """Who reads one day through the log reads that day."""
    day = await request.app[INTAKE].day(day_id.lower())
    if day is not None and request[CALLER].may_see_ward(day.ward):
        await reach.note_reading(request, day, "log")
