"""Devices, staff and service tokens over HTTP.

Promises: secrets are in the answer that makes them and nowhere else; who is narrowed to wards or scopes sees and
disposes of no more than these, so that no token makes a wider one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

from aiohttp import web

from infusion_service.access import showing
from infusion_service.access.errors import UnknownRecord
from infusion_service.web import body, payloads
from infusion_service.web.answers import answer
from infusion_service.web.keys import ACCESS, CALLER, SETTINGS
from infusion_service.web.problems import Denied
from infusion_service.web.queries import Query


async def get_devices(request: web.Request) -> web.Response:
    """Return all devices, revoked ones too."""
    Query(request)
    reach = request[CALLER]
    access = request.app[ACCESS]
    devices = [device for device in access.list_devices() if reach.may_see_ward(device.ward)]
    return answer({"devices": [showing.device(each, access.device_seen_at(each.device_id)) for each in devices]})


async def post_device(request: web.Request) -> web.Response:
    """Enrol a device: 201 with its token, shown this once."""
    new = payloads.read_as(await body.json_of(request), payloads.NewDevice)
    if request.app[SETTINGS].ward(new.ward) is not None:
        _check_covers(request, (new.ward,), "/ward")
    token = await request.app[ACCESS].enrol_device(new.device, new.ward, request[CALLER].actor)
    return answer({"device": new.device, "ward": new.ward, "token": token}, status=201)


async def patch_device(request: web.Request) -> web.Response:
    """Revoke a device and every session on it."""
    payloads.read_as(await body.json_of(request), payloads.Revocation)
    access, device_id = request.app[ACCESS], request.match_info["device"]
    known = access.device(device_id)
    if known is None or not request[CALLER].may_see_ward(known.ward):
        raise UnknownRecord("there is no such device")
    revoked = await access.revoke_device(device_id, request[CALLER].actor)
    return answer(showing.device(revoked, access.device_seen_at(device_id)))


async def get_staff(request: web.Request) -> web.Response:
    """Return all staff, disabled ones too."""
    Query(request)
    reach = request[CALLER]
    return answer(
        {"staff": [showing.member(each) for each in request.app[ACCESS].list_staff() if reach.meets(each.wards)]}
    )


async def post_staff(request: web.Request) -> web.Response:
    """Add a person: 201. Without an id one is made; it is what the log names them by."""
    new = payloads.read_as(await body.json_of(request), payloads.NewStaff)
    _check_covers(request, new.wards, "/wards")
    member = await request.app[ACCESS].add_staff(
        new.staff or f"staff-{secrets.token_hex(4)}",
        new.name,
        new.role,
        badge=new.badge,
        pin=new.pin,
        wards=None if new.wards is None else tuple(new.wards),
        by=request[CALLER].actor,
    )
    return answer(showing.member(member), status=201)


async def patch_staff(request: web.Request) -> web.Response:
    """Change a person's PIN or badge, or end their access."""
    change = payloads.read_as(await body.json_of(request), payloads.StaffChange)
    access = request.app[ACCESS]
    staff_id, by = request.match_info["staff"], request[CALLER].actor
    known = access.staff_member(staff_id)
    if known is None or not request[CALLER].covers(known.wards):
        raise UnknownRecord("there is no such member of staff")
    member = await access.change_staff(staff_id, by, pin=change.pin, badge=change.badge)
    if change.disabled:
        member = await access.disable_staff(staff_id, by)
    return answer(showing.member(member))


async def post_unlock(request: web.Request) -> web.Response:
    """Let a locked badge sign in again."""
    access, staff_id = request.app[ACCESS], request.match_info["staff"]
    known = access.staff_member(staff_id)
    if known is None or not request[CALLER].meets(known.wards):
        raise UnknownRecord("there is no such member of staff")
    member = await access.unlock_staff(staff_id, request[CALLER].actor)
    return answer(showing.member(member))


async def get_tokens(request: web.Request) -> web.Response:
    """Return all service tokens, expired and revoked ones too, without their secrets."""
    Query(request)
    reach = request[CALLER]
    return answer(
        {
            "tokens": [
                showing.service_token(each) for each in request.app[ACCESS].list_tokens() if reach.covers(each.wards)
            ]
        }
    )


async def post_token(request: web.Request) -> web.Response:
    """Mint a service token: 201 with the token, shown this once."""
    new = payloads.read_as(await body.json_of(request), payloads.NewToken)
    _check_covers(request, new.wards, "/wards")
    _check_scopes(request, new.scopes)
    record, token = await request.app[ACCESS].mint_token(
        new.label,
        new.role,
        payloads.utc(new.expires_at, "/expires_at"),
        request[CALLER].actor,
        scopes=tuple(new.scopes),
        wards=None if new.wards is None else tuple(new.wards),
    )
    return answer({**showing.service_token(record), "token": token}, status=201)


async def patch_token(request: web.Request) -> web.Response:
    """Revoke a service token."""
    payloads.read_as(await body.json_of(request), payloads.Revocation)
    access, token_id = request.app[ACCESS], request.match_info["token"]
    known = access.service_token(token_id)
    if known is None or not request[CALLER].covers(known.wards):
        raise UnknownRecord("there is no such token")
    return answer(showing.service_token(await access.revoke_token(token_id, request[CALLER].actor)))


def _check_covers(request: web.Request, wards: Iterable[str] | None, pointer: str) -> None:
    caller = request[CALLER]
    if not caller.covers(wards):
        raise Denied(
            "role_not_permitted",
            f"{pointer}: name wards within your own.",
            by=caller.actor,
            reason="ward",
        )


def _check_scopes(request: web.Request, scopes: Sequence[str]) -> None:
    caller = request[CALLER]
    if caller.scopes and not (scopes and caller.scopes.issuperset(scopes)):
        raise Denied(
            "role_not_permitted",
            "/scopes: name scopes within your own.",
            by=caller.actor,
            reason="scope",
        )
