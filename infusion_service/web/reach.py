"""How far a credential reaches: which days it reads, which it writes, and what is noted of it.

Promises: a day out of reach is answered like one that does not exist, and the attempt is an entry of the log. Reading
goes by the ward the day lies on now, or by a broken glass. Writing goes by every ward the day has lain on, because a
tablet that was offline still brings what it saw there. A stop or an emergency is taken on any ward of the site: one
refused would cost more than one too many. Source: contract 3.
"""

from __future__ import annotations

from aiohttp import web

from infusion_service.access.identity import Identity
from infusion_service.access.readings import DAY_READ
from infusion_service.clinical.day import Day
from infusion_service.clinical.vocabulary import SITE_STREAM, Actor
from infusion_service.intake.intake import Intake
from infusion_service.web.keys import ACCESS, CALLER, INTAKE, SETTINGS, STORE
from infusion_service.web.problems import Denied, Problem

NO_SUCH_DAY = "There is no such day, or none that you may see."


async def readable_day(request: web.Request, day_id: str) -> Day:
    """Return a day that the caller may read. Raises `Problem` 404, which tells nothing."""
    caller = request[CALLER]
    day = await request.app[INTAKE].day(day_id)
    if day is None:
        raise Problem("not_found", NO_SUCH_DAY)
    if not caller.may_read(day.ward, day.patient_id):
        raise _out_of_reach(caller.actor, day_id)
    return day


async def note_reading(request: web.Request, day: Day, what: str, *, replayed: bool = False) -> None:
    """Make an entry of the day of its reading by an auditor, or through a broken glass (`what`: view, entries...).

    An auditor who looks at one moment of a day after the other (`replayed`) reads one day: noted once in a while.
    """
    caller = request[CALLER]
    data = {"what": what}
    if not caller.may_see_ward(day.ward):
        glass_id = caller.glass[str(day.patient_id)]
        broken = request.app[ACCESS].broken_glass(glass_id)
        data |= {"glass": glass_id, "reason": broken.reason if broken is not None else ""}
    elif caller.role != "auditor":
        return
    elif replayed:
        await request.app[ACCESS].replays.note(caller.actor, data, stream=day.day_id)
        return
    await request.app[INTAKE].record(DAY_READ, data, caller.actor, kind="access", stream=day.day_id)


async def note_log_reading(request: web.Request, what: str) -> None:
    """Make an entry of an auditor's reading of many days at once: `what` is the log, its stream, or the board."""
    caller = request[CALLER]
    if caller.role == "auditor":
        await request.app[ACCESS].log_readings.note(caller.actor, {"what": what})


async def check_writable(intake: Intake, day_id: str, bearer: Identity, caller: Identity, *, urgent: bool) -> None:
    """See to it that a fact of `bearer`, brought by `caller`, may be posted to a day. Raises `Problem` 404.

    A day that does not exist is left to the intake, which may have an answer from before.
    """
    if urgent or bearer.wards is None or caller.wards is None:
        return
    day = await intake.day(day_id)
    if day is None:
        return
    wards = {*bearer.wards, *caller.wards}
    if day.ward not in wards and wards.isdisjoint(_wards_of(day)):
        raise _out_of_reach(bearer.actor, day_id)


async def check_corrected(
    request: web.Request, corrects: str, bearer: Identity, caller: Identity, *, urgent: bool
) -> None:
    """See to it that what a fact corrects, on whatever day it stands, may be written too. Raises `Problem` 404.

    A correction strikes there, so it reaches as far as a fact of that day would.
    """
    settings, store = request.app[SETTINGS], request.app[STORE]
    row = await store.find_event(settings.site, corrects)
    if row is not None and row.stream != SITE_STREAM:
        await check_writable(request.app[INTAKE], row.stream, bearer, caller, urgent=urgent)


def check_ward(bearer: Identity, ward: object) -> None:
    """See to it that a day may be scheduled on a ward. Raises `Problem` 403."""
    if isinstance(ward, str) and not bearer.may_see_ward(ward):
        raise Denied(
            "role_not_permitted",
            "/ward: schedule days on your own wards.",
            by=bearer.actor,
            reason="ward",
        )


def _wards_of(day: Day) -> set[str]:
    """Every ward the day has lain on."""
    return {str(fact.data["ward"]) for fact in day.charted.backwards() if "ward" in fact.data}


def _out_of_reach(by: Actor, day_id: str) -> Denied:
    return Denied("not_found", NO_SUCH_DAY, by=by, reason="ward", about={"day": day_id})
