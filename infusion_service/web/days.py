"""Reading days: the board, one day as it stands or stood, its entries.

Promises: what lies outside the credential's reach is not found rather than forbidden; the reading of an auditor, or
through a broken glass, is itself an entry of the day. Source: contract 2, 3.
"""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from infusion_service.access.identity import Identity
from infusion_service.clinical.vocabulary import format_time
from infusion_service.intake.clock import SimulatedClock
from infusion_service.intake.intake import Intake
from infusion_service.web import reach
from infusion_service.web.answers import answer, packed
from infusion_service.web.device_queues import DEVICE_QUEUES, with_missing
from infusion_service.web.keys import CALLER, INTAKE, SETTINGS
from infusion_service.web.payloads import UUID_PATTERN
from infusion_service.web.problems import malformed, not_found
from infusion_service.web.queries import Query
from infusion_service.web.reach import NO_SUCH_DAY
from infusion_service.web.unattended import initials_of, patient_for, view_for
from infusion_service.web.visibility import Reader

_UUID = re.compile(UUID_PATTERN)

CURSOR_PATTERN = f"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}~{UUID_PATTERN[1:]}"
"""Where a page of the board ended: date and id of its last day."""


async def get_board(request: web.Request) -> web.Response:
    """Return one row per day, by date: `ward`, `state`, `date` and `open` narrow it, `after` continues it; `newest`
    begins at the other end."""
    query = Query(request, "ward", "state", "date", "open", "newest", "after", "limit")
    intake = request.app[INTAKE]
    page_max = request.app[SETTINGS].limits.page_entries_max
    limit = query.whole("limit", least=1, most=page_max) or page_max
    newest = query.flag("newest") or False
    await reach.note_log_reading(request, "board")
    rows: list[dict[str, Any]] = []
    for ward in _wards_asked_for(request, query.text("ward")):
        rows += await intake.board(
            ward=ward,
            state=query.text("state"),
            date=query.day("date"),
            open_only=query.flag("open") or False,
            after=cursor_of(query.text("after")),
            newest_first=newest,
            limit=limit,
        )
    rows.sort(key=_place, reverse=newest)
    queues = request.app[DEVICE_QUEUES]
    shown_rows = [with_missing(queues, _row(row, request[CALLER])) for row in rows[:limit]]
    shown: dict[str, Any] = {"days": shown_rows, "as_of": format_time(intake.clock.now()), "clock": clock_of(intake)}
    if len(rows) >= limit and rows:
        date, day_id = _place(rows[limit - 1])
        shown["next"] = f"{date}~{day_id}"
    return packed(answer(shown))


async def get_day(request: web.Request) -> web.Response:
    """Return a day's view, now or as it stood `at` a clinical time as `known_at` another."""
    query = Query(request, "at", "known_at")
    at, known_at = query.moment("at"), query.moment("known_at")
    # The ward it lies on now decides, also about its past: who received the patient needs it, who handed over has it.
    day = await reach.readable_day(request, day_id_of(request))
    view = await view_of(request, day.day_id, at=at, known_at=known_at)
    await reach.note_reading(request, day, "view", replayed=at is not None or known_at is not None)
    return answer(view, headers={"ETag": etag_of(view)})


async def get_entries(request: web.Request) -> web.Response:
    """Return all entries of a day, in order."""
    Query(request)
    intake = request.app[INTAKE]
    day = await reach.readable_day(request, day_id_of(request))
    await reach.note_reading(request, day, "entries")
    shown = await Reader(intake, request[CALLER]).day(day.day_id, await intake.entries(day.day_id))
    return packed(answer({"day_id": day.day_id, "entries": shown, "as_of": format_time(intake.clock.now())}))


def day_id_of(request: web.Request) -> str:
    """Return the day the address names. Raises `Problem` 404 when it cannot be one."""
    day_id = request.match_info["day"]
    if _UUID.match(day_id) is None:
        raise not_found(NO_SUCH_DAY)
    return day_id.lower()


async def view_of(request: web.Request, day_id: str, **when: Any) -> dict[str, Any]:
    """Return the view of a day as the caller sees it. Raises `Problem` 404 when there is none, or was none then."""
    view = await request.app[INTAKE].view(day_id, **when)
    if view is None:
        raise not_found(NO_SUCH_DAY)
    return with_missing(request.app[DEVICE_QUEUES], view_for(request[CALLER], view))


def etag_of(view: dict[str, Any]) -> str:
    """Return the ETag of a day's view: its version."""
    return f'"{view["version"]}"'


def cursor_of(text: str | None) -> tuple[str, str] | None:
    """Return date and day after which a page goes on. Raises `Problem` 400 for what is no `next` of a page."""
    if text is None:
        return None
    if re.match(CURSOR_PATTERN, text) is None:
        raise malformed("after: take it from `next` of the page before.")
    date, _, day_id = text.partition("~")
    return date, day_id.lower()


def clock_of(intake: Intake) -> dict[str, Any]:
    """Say whether time is simulated, and how fast it runs."""
    clock = intake.clock
    if isinstance(clock, SimulatedClock):
        return {"simulated": True, "speed": clock.speed}
    return {"simulated": False, "speed": 1}


def _row(row: dict[str, Any], caller: Identity) -> dict[str, Any]:
    """Add the initials, which are what a board calls everybody by."""
    patient = row["patient"]
    return {**row, "patient": {**patient_for(caller, patient), "initials": initials_of(patient)}}


def _wards_asked_for(request: web.Request, ward: str | None) -> list[str | None]:
    caller = request[CALLER]
    if caller.wards is None:
        return [ward]
    return [mine for mine in caller.wards if ward is None or ward == mine]


def _place(row: dict[str, Any]) -> tuple[str, str]:
    return str(row.get("date") or ""), str(row["day_id"])
