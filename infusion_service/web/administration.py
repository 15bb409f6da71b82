"""Devices, staff and service tokens over HTTP. Secrets are in the answer that makes them and nowhere else."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from aiohttp import web

from infusion_service.access.records import EnrolledDevice, ServiceToken, StaffMember
from infusion_service.clinical.vocabulary import format_time
from infusion_service.web import body, payloads
from infusion_service.web.answers import answer
from infusion_service.web.keys import ACCESS, CALLER
from infusion_service.web.queries import Query


async def get_devices(request: web.Request) -> web.Response:
    """Return all devices, revoked ones too."""
    Query(request)
    return answer({"devices": [_device(device) for device in request.app[ACCESS].list_devices()]})


async def post_device(request: web.Request) -> web.Response:
    """Enrol a device: 201 with its token, shown this once."""
    new = payloads.read_as(await body.json_of(request), payloads.NewDevice)
    token = await request.app[ACCESS].enrol_device(new.device, new.ward, request[CALLER].actor)
    return answer({"device": new.device, "ward": new.ward, "token": token}, status=201)


async def patch_device(request: web.Request) -> web.Response:
    """Revoke a device and every session on it."""
    payloads.read_as(await body.json_of(request), payloads.Revocation)
    device = await request.app[ACCESS].revoke_device(request.match_info["device"], request[CALLER].actor)
    return answer(_device(device))


async def get_staff(request: web.Request) -> web.Response:
    """Return all staff, disabled ones too."""
    Query(request)
    return answer({"staff": [_member(member) for member in request.app[ACCESS].list_staff()]})


async def post_staff(request: web.Request) -> web.Response:
    """Add a person: 201. Without an id one is made; it is what the log names them by."""
    new = payloads.read_as(await body.json_of(request), payloads.NewStaff)
    member = await request.app[ACCESS].add_staff(
        new.staff or f"staff-{secrets.token_hex(4)}",
        new.name,
        new.role,
        badge=new.badge,
        pin=new.pin,
        wards=None if new.wards is None else tuple(new.wards),
        by=request[CALLER].actor,
    )
    return answer(_member(member), status=201)


async def patch_staff(request: web.Request) -> web.Response:
    """Change a person's PIN or badge, or end their access."""
    change = payloads.read_as(await body.json_of(request), payloads.StaffChange)
    access = request.app[ACCESS]
    staff_id, by = request.match_info["staff"], request[CALLER].actor
    member = await access.change_staff(staff_id, by, pin=change.pin, badge=change.badge)
    if change.disabled:
        member = await access.disable_staff(staff_id, by)
    return answer(_member(member))


async def post_unlock(request: web.Request) -> web.Response:
    """Let a locked badge sign in again."""
    member = await request.app[ACCESS].unlock_staff(request.match_info["staff"], request[CALLER].actor)
    return answer(_member(member))


async def get_tokens(request: web.Request) -> web.Response:
    """Return all service tokens, expired and revoked ones too, without their secrets."""
    Query(request)
    return answer({"tokens": [_token(token) for token in request.app[ACCESS].list_tokens()]})


async def post_token(request: web.Request) -> web.Response:
    """Mint a service token: 201 with the token, shown this once."""
    new = payloads.read_as(await body.json_of(request), payloads.NewToken)
    record, token = await request.app[ACCESS].mint_token(
        new.label,
        new.role,
        payloads.utc(new.expires_at, "/expires_at"),
        request[CALLER].actor,
        scopes=tuple(new.scopes),
        wards=None if new.wards is None else tuple(new.wards),
    )
    return answer({**_token(record), "token": token}, status=201)


async def patch_token(request: web.Request) -> web.Response:
    """Revoke a service token."""
    payloads.read_as(await body.json_of(request), payloads.Revocation)
    token = await request.app[ACCESS].revoke_token(request.match_info["token"], request[CALLER].actor)
    return answer(_token(token))


def _device(device: EnrolledDevice) -> dict[str, Any]:
    return {
        "device": device.device_id,
        "ward": device.ward,
        "enrolled_at": format_time(device.enrolled_at),
        "revoked_at": _time(device.revoked_at),
    }


def _member(member: StaffMember) -> dict[str, Any]:
    return {
        "staff": member.staff_id,
        "name": member.name,
        "role": member.role,
        "wards": member.wards,
        "added_at": format_time(member.added_at),
        "locked_at": _time(member.locked_at),
        "disabled_at": _time(member.disabled_at),
    }


def _token(token: ServiceToken) -> dict[str, Any]:
    return {
        "id": token.token_id,
        "label": token.label,
        "role": token.role,
        "scopes": token.scopes,
        "wards": token.wards,
        "minted_at": format_time(token.minted_at),
        "expires_at": format_time(token.expires_at),
        "revoked_at": _time(token.revoked_at),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)
