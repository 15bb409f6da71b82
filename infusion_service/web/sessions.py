"""Signing in and out on a shared tablet."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from infusion_service.access.errors import BadgeDisabled, BadgeLocked, SignInRefused, UnknownRecord, WrongPin
from infusion_service.access.identity import Identity
from infusion_service.clinical.vocabulary import Actor, format_time
from infusion_service.web import body, payloads
from infusion_service.web.answers import answer, nothing
from infusion_service.web.credentials import (
    DEVICE_COOKIE,
    DEVICE_COOKIE_S,
    SESSION_COOKIE,
    came_by_cookie,
    set_cookie,
)
from infusion_service.web.keys import ACCESS, CALLER, INTAKE, METRICS
from infusion_service.web.problems import Denied, Problem

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="infusion"'}


async def post_session(request: web.Request) -> web.Response:
    """Sign a person in on the device that asks: 201 with the session's token, or with a cookie for the page."""
    sign_in = payloads.read_as(await body.json_of(request), payloads.SignIn)
    metrics = request.app[METRICS]
    now = request.app[INTAKE].clock.now()
    device = _device_of(request[CALLER])
    try:
        opened = await request.app[ACCESS].open_session(device, sign_in.badge, sign_in.pin, now)
    except BadgeLocked as locked:
        metrics.sign_in("locked")
        raise _known(device, "badge_locked", locked, locked.staff_id, members={"locked": True}) from None
    except BadgeDisabled as disabled:
        metrics.sign_in("wrong_pin")
        raise _known(device, "disabled", disabled, disabled.staff_id) from None
    except WrongPin as wrong:
        metrics.sign_in("wrong_pin")
        raise Problem("not_authenticated", f"{wrong}.", headers=_CHALLENGE) from None
    metrics.sign_in("opened")
    shown = {
        "session": opened.session_id,
        "staff": opened.staff_id,
        "role": opened.role,
        "expires_at": format_time(opened.expires_at),
    }
    if not sign_in.cookie:
        return answer({"token": opened.token, **shown}, status=201)
    response = answer(shown, status=201)
    life_s = int((opened.expires_at - now).total_seconds())
    set_cookie(response, request, SESSION_COOKIE, opened.token, max_age_s=life_s)
    return response


async def get_current_session(request: web.Request) -> web.Response:
    """Return which device asks and who is signed in on it, if anybody."""
    caller = request[CALLER]
    shown: dict[str, str | None] = {"device": caller.device_id, "session": caller.session_id, "role": caller.role}
    return answer({**shown, "staff": caller.actor.id if caller.kind == "session" else None})


async def delete_current_session(request: web.Request) -> web.Response:
    """Sign the caller out: 204."""
    caller = request[CALLER]
    await _close(request, str(caller.session_id))
    response = nothing()
    if came_by_cookie(request):
        response.del_cookie(SESSION_COOKIE, path="/")
    return response


async def delete_session(request: web.Request) -> web.Response:
    """End somebody else's session, on a tablet that was lost, say: 204."""
    member = request.app[ACCESS].session_member(request.match_info["session"])
    if member is not None and not request[CALLER].meets(member.wards):
        raise UnknownRecord("there is no such session")
    await _close(request, request.match_info["session"])
    return nothing()


async def post_device_cookie(request: web.Request) -> web.Response:
    """Turn the device's token into a cookie of the page, so that no script keeps it: 204."""
    token = request.headers.get("Authorization", "").partition(" ")[2].strip()
    response = nothing()
    if token:
        set_cookie(response, request, DEVICE_COOKIE, token, max_age_s=DEVICE_COOKIE_S)
    return response


def _known(
    device: Identity, reason: str, error: SignInRefused, staff_id: str, *, members: Mapping[str, bool] | None = None
) -> Denied:
    """Refuse to sign somebody in whose badge it is known to be; that becomes an entry."""
    return Denied(
        "not_authenticated",
        f"{error}.",
        by=device.actor,
        reason=reason,
        about={"staff": staff_id},
        members=members,
        headers=_CHALLENGE,
    )


async def _close(request: web.Request, session_id: str) -> None:
    await request.app[ACCESS].close_session(session_id, request[CALLER].actor, request.app[INTAKE].clock.now())


def _device_of(caller: Identity) -> Identity:
    # Also where somebody is signed in already: a wrong PIN counts against the badge, and is the device's deed.
    device_id = str(caller.device_id)
    actor = Actor(id=device_id, role="device", how="device")
    return Identity(kind="device", actor=actor, device_id=device_id, wards=caller.wards)
