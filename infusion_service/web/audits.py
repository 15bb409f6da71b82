"""What an auditor asks across days, over HTTP: the four questions, and a search for days.

Promises: what is asked about a patient is in a body, never in an address; every asking is noted as a reading of the
log; entries outside the auditor's wards, and for one who is narrowed to wards those of no day, are left out. One
stretch is looked through at a time, however many ask, so that a fact waits for one turn and not for all of them.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from infusion_service.clinical.vocabulary import format_time
from infusion_service.web import body, reach
from infusion_service.web.answers import answer, packed
from infusion_service.web.audit_scan import Asked, Scan
from infusion_service.web.audit_shapes import AuditQuestion, DaySearch
from infusion_service.web.day_search import Sought, search_days
from infusion_service.web.days import cursor_of
from infusion_service.web.keys import CALLER, INTAKE, STORE
from infusion_service.web.payloads import read_as, to_utc
from infusion_service.web.problems import malformed
from infusion_service.web.queries import Query
from infusion_service.web.routing import Handler

TURN = web.AppKey("audit_turn", asyncio.Semaphore)


def asking(question: str) -> Handler:
    """The handler of one question."""

    async def post_question(request: web.Request) -> web.Response:
        """Return the rows that begin in the next stretch of the log, complete as of now."""
        Query(request)  # whoever puts a patient into the address is told so
        wanted = read_as(await body.json_of(request), AuditQuestion)
        asked = Asked(
            question=question,
            since=to_utc(wanted.since, "/since"),
            until=to_utc(wanted.until, "/until"),
            patient=wanted.patient,
        )
        await reach.note_log_reading(request, "questions")
        intake, caller = request.app[INTAKE], request[CALLER]

        def may_see(ward: str | None) -> bool:
            return caller.wards is None or (ward is not None and caller.may_see_ward(ward))

        async with request.app[TURN]:
            scan = Scan(request.app[STORE], intake.site, asked, may_see=may_see)
            stretch = await scan.stretch(wanted.after, wanted.limit)
        shown = {"rows": stretch.rows, "next_after": stretch.next_after, "more": stretch.more}
        as_of = format_time(intake.clock.now())
        # Not compressed: so much at once would hold up everybody for longer than it takes over the wire.
        return answer({**shown, "log_size": intake.log_size, "as_of": as_of})

    return post_question


async def post_search(request: web.Request) -> web.Response:
    """Return the days of a patient: by pseudonym, an identifier, or the beginning of the family name."""
    Query(request)
    wanted = read_as(await body.json_of(request), DaySearch)
    if wanted.patient is None and wanted.identifier is None and wanted.family is None:
        detail = "one of patient, identifier and family is expected"
        raise malformed(f"/: {detail}; dates and wards alone are what GET /v1/days is for.", [_at("", detail)])
    intake = request.app[INTAKE]
    await reach.note_log_reading(request, "search")
    sought = Sought(
        patient=wanted.patient,
        identifier=wanted.identifier,
        family=wanted.family,
        born=None if wanted.born is None else wanted.born.isoformat(),
        wards=_wards(request, wanted.ward),
        first=None if wanted.first is None else wanted.first.isoformat(),
        last=None if wanted.last is None else wanted.last.isoformat(),
    )
    async with request.app[TURN]:
        found = await search_days(
            request.app[STORE], intake.site, sought, after=cursor_of(wanted.after), limit=wanted.limit
        )
    shown: dict[str, Any] = {"days": found.days, "as_of": format_time(intake.clock.now())}
    if found.next_place is not None:
        shown["next"] = "~".join(found.next_place)
    return packed(answer(shown))


def _wards(request: web.Request, ward: str | None) -> list[str] | None:
    caller = request[CALLER]
    if caller.wards is None:
        return None if ward is None else [ward]
    return [mine for mine in caller.wards if ward is None or ward == mine]


def _at(pointer: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "detail": detail}
