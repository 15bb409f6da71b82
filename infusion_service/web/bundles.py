"""One day's bundle over HTTP: what `infusion export --day` writes.

Promises: byte for byte what the command writes under the same checkpoint; the reading is an entry of the day, and in
the bundle; the name of the file holds no patient. One is made at a time, and in a thread. Does not: wait for a
checkpoint to be published: the service's own covers all that is committed.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from infusion_service.clinical.vocabulary import format_time
from infusion_service.log.bundle import Bundle, BundleRejected, CheckpointBehind, collect
from infusion_service.web import reach
from infusion_service.web.days import day_id_of
from infusion_service.web.evidence import StillBlind, check_nothing_is_blind, packed_evidence
from infusion_service.web.keys import CHECKPOINTS, INTAKE, STORE
from infusion_service.web.problems import Problem
from infusion_service.web.queries import Query

BUNDLE_TYPE = "application/zip"

TURN = web.AppKey("bundle_turn", asyncio.Semaphore)
"""A day is held whole and verified before it is handed out: one at a time."""

TRIES_MAX = 10
"""A fact that is committed between signing and reading asks for the next checkpoint, which is there at once."""


async def get_bundle(request: web.Request) -> web.Response:
    """Return a day as evidence; `from` is the size of the receiver's own checkpoint, to prove that the log only grew.

    A number is enough: the proof follows from it, and the receiver holds the checkpoint against it. Refused while two
    people enter something apart (409, `until`).
    """
    query = Query(request, "from")
    since = query.whole("from", least=0, most=request.app[INTAKE].log_size)
    intake, day_id = request.app[INTAKE], day_id_of(request)
    day = await reach.readable_day(request, day_id)
    try:
        check_nothing_is_blind(day, await intake.entries(day_id), intake.clock.now())
        await reach.note_reading(request, day, "bundle")
        async with request.app[TURN]:
            bundle = await _collected(request, day_id, since)
            packed = await asyncio.to_thread(packed_evidence, bundle, intake.clock.now())
    except StillBlind as blind:
        raise Problem("not_possible", _sentence(blind), members={"until": format_time(blind.until)}) from None
    except BundleRejected as rejected:
        raise Problem("not_possible", _sentence(rejected)) from None
    headers = {"Content-Disposition": f'attachment; filename="infusion-day-{day_id}.zip"'}
    return web.Response(body=packed, content_type=BUNDLE_TYPE, headers=headers)


async def _collected(request: web.Request, day_id: str, since: int | None) -> Bundle:
    """Read the day under the newest checkpoint. Raises `Problem`, `BundleRejected`."""
    checkpoints, site = request.app[CHECKPOINTS], request.app[INTAKE].site
    for _ in range(TRIES_MAX):
        note = checkpoints.note
        if note is None:
            raise Problem("not_possible", "Nothing is signed here: without a signing key a bundle would prove nothing.")
        keys = [str(key["key"]) for key in checkpoints.list_keys() if key["retired_seq"] is None]
        try:
            return await collect(request.app[STORE], site, day_id, note=note, keys=keys, since=since)
        except CheckpointBehind:
            continue
    raise Problem("unavailable", "The day does not stand still. Ask again.", headers={"Retry-After": "1"})


def _sentence(error: Exception) -> str:
    said = str(error)
    return f"{said[:1].upper()}{said[1:]}."
