"""Openings of entries: the very bytes that were committed to, for an auditor's browser to check by itself.

Promises: leaf, body and salt exactly as they lie in the log, with the proof that they are in it; what is withheld from
everybody (a blind half of a double check) keeps body and salt back, what was erased has none. Reading is noted where a
day's reading is. Does not: verify anything: whoever serves the bytes cannot vouch for them.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Sequence
from typing import Any

from aiohttp import web

from infusion_service.clinical.day import Day
from infusion_service.clinical.vocabulary import SITE_STREAM
from infusion_service.log.entry import LogEntry
from infusion_service.log.proofs import prove_inclusion
from infusion_service.web import reach
from infusion_service.web.answers import answer
from infusion_service.web.blind import blind_entries
from infusion_service.web.days import day_id_of
from infusion_service.web.keys import CALLER, INTAKE, STORE
from infusion_service.web.problems import malformed, not_found
from infusion_service.web.queries import Query

OPENINGS_MAX = 200
"""A page of openings: each comes with a proof of its own."""

NO_SUCH_ENTRY = "There is no such entry, or none that you may see."


async def get_opening(request: web.Request) -> web.Response:
    """Return the opening of entry `seq`, with its proof under the log's first `size` entries (not given: all)."""
    query = Query(request, "seq", "size")
    intake = request.app[INTAKE]
    seq, size = query.whole("seq", least=1), _size(query, intake.log_size)
    if seq is None or seq > size:
        detail = f"a number from 1 to {size} is expected"
        raise malformed(f"Query parameter seq: {detail}.", [{"pointer": "?seq", "detail": detail}])
    entry = LogEntry.of((await request.app[STORE].read_log(intake.site, after_seq=seq - 1, limit=1))[0])
    hidden = await _noted_and_hidden(request, entry)
    return answer({"size": size, **await _opening(request, entry, size, hidden)})


async def get_openings(request: web.Request) -> web.Response:
    """Return the openings of a day's entries among the log's first `size`, after entry `after`."""
    query = Query(request, "after", "size")
    intake = request.app[INTAKE]
    size = _size(query, intake.log_size)
    after = query.whole("after", least=0) or 0
    day = await reach.readable_day(request, day_id_of(request))
    await reach.note_reading(request, day, "openings")
    entries = await intake.entries(day.day_id)
    hidden = _hidden(request, day, entries)
    wanted = [entry for entry in entries if after < entry.seq <= size]
    shown = [await _opening(request, entry, size, hidden) for entry in wanted[:OPENINGS_MAX]]
    more = len(wanted) > OPENINGS_MAX
    next_after = shown[-1]["seq"] if shown else after
    return answer({"day_id": day.day_id, "size": size, "openings": shown, "next_after": next_after, "more": more})


def _size(query: Query, log_size: int) -> int:
    return query.whole("size", least=1, most=log_size) or log_size


async def _noted_and_hidden(request: web.Request, entry: LogEntry) -> Collection[str]:
    """Note who opens an entry, and return the ids of what is withheld of its day. Raises `Problem` 404."""
    stream = entry.parsed_leaf.stream
    day = None if stream == SITE_STREAM else await request.app[INTAKE].day(stream)
    if day is None:  # of no day, or of one that was erased: for those alone who are narrowed to no ward
        if request[CALLER].wards is not None:
            raise not_found(NO_SUCH_ENTRY)
        await reach.note_log_reading(request, "opening")
        return ()
    await reach.readable_day(request, stream)
    await reach.note_reading(request, day, "opening")
    return _hidden(request, day, await request.app[INTAKE].entries(stream))


def _hidden(request: web.Request, day: Day, entries: Sequence[LogEntry]) -> Collection[str]:
    return blind_entries(day, (logged.entry for logged in entries), request.app[INTAKE].clock.now())


async def _opening(request: web.Request, logged: LogEntry, size: int, hidden: Collection[str]) -> dict[str, Any]:
    proof = await prove_inclusion(request.app[STORE], request.app[INTAKE].site, logged.seq, size)
    entry = logged.entry
    state = "erased" if entry is None else "withheld" if entry.entry_id in hidden else "open"
    return {
        "seq": logged.seq,
        "state": state,
        "leaf": _text(logged.leaf),
        "body": _text(logged.body) if state == "open" else None,
        "salt": _text(logged.salt) if state == "open" else None,
        "proof": [_text(step) for step in proof],
    }


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else b64encode(raw).decode("ascii")
