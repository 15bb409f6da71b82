"""Breaking the glass over HTTP: opening a patient for an hour, the list for review, the review.

Promises: the reason is in the log before the first day is shown; it is listed until somebody else has looked into it.
The patient is named in a body, never in an address.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from infusion_service.access.errors import UnknownRecord
from infusion_service.access.records import BrokenGlass
from infusion_service.clinical.vocabulary import format_time
from infusion_service.web import body, payloads
from infusion_service.web.answers import answer
from infusion_service.web.keys import ACCESS, CALLER, INTAKE
from infusion_service.web.problems import Denied, not_found
from infusion_service.web.queries import Query


async def post_break_glass(request: web.Request) -> web.Response:
    """Open a patient's days to the caller for an hour: 201 with these days, on whatever ward they lie."""
    wanted = payloads.read_as(await body.json_of(request), payloads.BreakGlass)
    access, caller = request.app[ACCESS], request[CALLER]
    days = await access.days_of(wanted.patient)
    if not days:
        detail = "There is no such patient."
        raise Denied("not_found", detail, by=caller.actor, reason="unknown_patient")
    now = request.app[INTAKE].clock.now()
    broken = await access.glass.break_for(caller, wanted.patient, wanted.reason, now)
    found = [{"day_id": day.day_id, "ward": day.ward, "date": day.date, "state": day.state} for day in days]
    return answer({**_shown(broken), "days": found}, status=201)


async def get_break_glass(request: web.Request) -> web.Response:
    """Return every breaking of the glass by people of the caller's wards, newest first; `open` those not reviewed."""
    open_only = Query(request, "open").flag("open") or False
    access, caller = request.app[ACCESS], request[CALLER]
    listed = [
        broken
        for broken in access.glass.all()
        if caller.meets(_wards_of(request, broken)) and not (open_only and broken.reviewed_at is not None)
    ]
    return answer({"break_glass": [_shown(broken) for broken in listed]})


async def post_review(request: web.Request) -> web.Response:
    """Note that somebody other than who broke it has looked into it."""
    payloads.read_as(await body.json_of(request), payloads.Nothing)
    access, caller = request.app[ACCESS], request[CALLER]
    broken = access.broken_glass(request.match_info["glass"])
    if broken is None or not caller.meets(_wards_of(request, broken)):
        raise not_found("There is no such breaking of the glass.")
    try:
        reviewed = await access.glass.review(broken.glass_id, caller.actor, request.app[INTAKE].clock.now())
    except UnknownRecord:
        raise not_found("There is no such breaking of the glass.") from None
    return answer(_shown(reviewed))


def _wards_of(request: web.Request, broken: BrokenGlass) -> tuple[str, ...] | None:
    member = request.app[ACCESS].staff_member(broken.staff_id)
    return None if member is None else member.wards


def _shown(broken: BrokenGlass) -> dict[str, Any]:
    return {
        "id": broken.glass_id,
        "staff": broken.staff_id,
        "role": broken.role,
        "patient": broken.patient_id,
        "reason": broken.reason,
        "broken_at": format_time(broken.broken_at),
        "expires_at": format_time(broken.expires_at),
        "reviewed_by": broken.reviewed_by,
        "reviewed_at": None if broken.reviewed_at is None else format_time(broken.reviewed_at),
    }
