"""The desk: how the auditor's and the operator's pages sign in.

Promises: a token that is handed over once becomes a cookie no script can read; it gives no more than the token does,
and ends with it. Does not: make tokens (`administration`).
"""

from __future__ import annotations

from aiohttp import web

from infusion_service.access.identity import Identity
from infusion_service.clinical.vocabulary import format_time
from infusion_service.web import body, payloads
from infusion_service.web.answers import answer, nothing
from infusion_service.web.credentials import DESK_COOKIE, DESK_COOKIE_S, identify, prepare, set_cookie
from infusion_service.web.days import clock_of
from infusion_service.web.keys import CALLER, INTAKE
from infusion_service.web.problems import Problem
from infusion_service.web.queries import Query


async def get_current_token(request: web.Request) -> web.Response:
    """Return whom the credential that asks stands for and what it reaches; nulls where there is none that is valid.

    Nobody is no error here: a page asks this first, and what is refused stands in the browser's list of faults.
    """
    Query(request)
    try:
        await prepare(request)
        caller = identify(request, counts_as_use=False)
    except Problem:
        return answer(_shown(request, None))
    return answer(_shown(request, caller))


async def post_cookie(request: web.Request) -> web.Response:
    """Turn the token into a cookie of the desk: 201 with whom it stands for."""
    payloads.read_as(await body.json_of(request), payloads.Nothing)
    token = request.headers.get("Authorization", "").partition(" ")[2].strip()
    response = answer(_shown(request, request[CALLER]), status=201)
    if token:
        set_cookie(response, request, DESK_COOKIE, token, max_age_s=DESK_COOKIE_S)
    return response


async def delete_cookie(_request: web.Request) -> web.Response:
    """Leave the desk: 204. The token itself stays what it was."""
    response = nothing()
    response.del_cookie(DESK_COOKIE, path="/")
    return response


def _shown(request: web.Request, caller: Identity | None) -> dict[str, object]:
    intake = request.app[INTAKE]
    shown: dict[str, object] = {"as_of": format_time(intake.clock.now()), "clock": clock_of(intake)}
    if caller is None:
        return {"id": None, "role": None, "wards": None, "scopes": [], "site": None, **shown}
    wards = None if caller.wards is None else list(caller.wards)
    scopes = sorted(caller.scopes)
    return {
        "id": caller.actor.id,
        "role": caller.role,
        "wards": wards,
        "scopes": scopes,
        "site": intake.site,
        **shown,
    }
