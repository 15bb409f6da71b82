"""The live stream: order, resumption, beats, what it leaves out, and its ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientResponse

from infusion_service.access.identity import Identity
from infusion_service.clinical.vocabulary import Actor
from infusion_service.limits import Limits
from infusion_service.log.entry import LogRow
from infusion_service.log.memory import MemoryStore
from infusion_service.settings import Settings
from infusion_service.web import stream
from infusion_service.web.keys import STOPPING
from tests.web.conftest import BAG, WARDS, HttpWard, new_event_id, opened_ward

PATIENCE_S = 5


@dataclass
class Event:
    """One server-sent event as a browser would see it."""

    name: str
    id: int
    data: Any


class Listener:
    """Reads events from an open stream."""

    def __init__(self, response: ClientResponse) -> None:
        self.response = response

    async def event(self, name: str = "entry") -> Event:
        """Return the next event of this name."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                block = (await self.response.content.readuntil(b"\n\n")).decode()
                fields = dict(line.split(": ", 1) for line in block.strip().splitlines())
                if fields.get("event") == name:
                    return Event(name, int(fields["id"]), json.loads(fields["data"]))

    async def end(self) -> None:
        """Return when the service closes the stream."""
        async with asyncio.timeout(PATIENCE_S):
            while await self.response.content.readany():
                pass


@asynccontextmanager
async def listening(ward: HttpWard, by: str = "auditor", path: str = "", **headers: str) -> AsyncIterator[Listener]:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    credential = {"Authorization": f"Bearer {ward.tokens[by]}"}
    async with ward.client.get(f"/v1/log/stream{path}", headers={**credential, **given}) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        yield Listener(response)


async def test_what_is_committed_arrives_with_its_place_as_id(ward: HttpWard) -> None:
    async with listening(ward) as listener:
        await listener.event("beat")
        day_id = await ward.schedule()

        scheduled = await listener.event()

    assert scheduled.id == scheduled.data["seq"] == ward.service.intake.log_size
    assert (scheduled.data["type"], scheduled.data["stream"]) == ("day.scheduled", day_id)


async def test_a_client_that_was_cut_off_goes_on_where_it_was(ward: HttpWard) -> None:
    size = ward.service.intake.log_size
    day_id = await ward.schedule()
    for text in ("one", "two"):
        await ward.fact(day_id, "note.added", {"text": text})

    async with listening(ward, Last_Event_ID=str(size + 1)) as listener:
        after_id = [(await listener.event()).data["data"]["text"] for _ in range(2)]
    async with listening(ward, path="?after=0") as listener:
        from_the_start = [(await listener.event()).id for _ in range(size + 3)]

    assert after_id == ["one", "two"]
    assert from_the_start == list(range(1, size + 4))


async def test_who_is_far_behind_reads_from_the_store(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    # As after a restart: nothing of what was committed before is kept in memory.
    ward.app[stream.BROADCAST].forget()
    size = ward.service.intake.log_size

    async with listening(ward, path=f"?after={size - 1}") as listener:
        scheduled = await listener.event()
        await ward.fact(day_id, "note.added", {"text": "x"})
        noted = await listener.event()

    assert (scheduled.id, noted.id) == (size, size + 1)


async def test_what_is_kept_for_streams_is_bounded_in_bytes_too(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    broadcast = ward.app[stream.BROADCAST]
    before = ward.service.intake.log_size
    for _ in range(stream.RECENT_BYTES // 250_000 + 1):
        await ward.fact(day_id, "note.added", {"text": "x" * 250_000})  # refused, and kept as refused

    assert broadcast.since(before, 100) is None
    kept = broadcast.since(ward.service.intake.log_size - 10, 100)
    assert kept is not None
    assert len(kept) == 10


class CountingStore(MemoryStore):
    """A store that knows how often its log was read."""

    reads = 0

    async def read_log(self, site: str, **wanted: Any) -> list[LogRow]:
        self.reads += 1
        return await super().read_log(site, **wanted)


async def test_sixty_four_clients_cost_one_read_of_the_log_and_then_none() -> None:
    limits = Limits(sse_clients_max=64, sse_clients_each_max=64)
    store = CountingStore()
    async with (
        opened_ward(Settings(wards=WARDS, clock="simulated", limits=limits), store) as ward,
        AsyncExitStack() as stack,
    ):
        day_id = await ward.schedule()
        for number in range(100):
            await ward.fact(day_id, "note.added", {"text": str(number)})
        # As after a restart: all come back at once, each a little behind.
        broadcast, size = ward.app[stream.BROADCAST], ward.service.intake.log_size
        broadcast.forget()
        before = store.reads
        opened = [listening(ward, "integration", Last_Event_ID=str(size - 1 - n)) for n in range(64)]
        clients = [await stack.enter_async_context(each) for each in opened]
        for behind, client in enumerate(clients):
            assert [(await client.event()).id for _ in range(behind + 1)] == list(range(size - behind, size + 1))
        assert store.reads - before == 1

        for number in range(10):
            await ward.fact(day_id, "note.added", {"text": f"more {number}"})
        for client in clients:
            assert [(await client.event()).id for _ in range(10)] == list(range(size + 1, size + 11))
        assert store.reads - before == 1


@pytest.mark.parametrize("place", ["behind", "ahead"])
async def test_who_is_too_far_behind_or_ahead_hears_reset_and_goes_on_from_now(
    ward: HttpWard, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(stream, "REPLAY_ENTRIES_MAX", 3)
    day_id = await ward.schedule()
    size = ward.service.intake.log_size
    given = size - 4 if place == "behind" else size + 1000

    async with listening(ward, "integration", Last_Event_ID=str(given)) as listener:
        reset = await listener.event("reset")
        await ward.fact(day_id, "note.added", {"text": "x"})
        noted = await listener.event()
    async with listening(ward, "integration", Last_Event_ID=str(size - 1)) as listener:
        near = await listener.event()

    assert (reset.id, reset.data["from"], reset.data["seq"]) == (size, given, size)
    assert noted.id == size + 1
    assert near.id == size


async def test_each_sees_of_one_reading_what_its_credential_may_see(ward: HttpWard) -> None:
    async with listening(ward, "device") as ours, listening(ward, "device_2") as theirs, listening(ward) as all_of_it:
        for each in (ours, theirs, all_of_it):
            await each.event("beat")
        first = await ward.schedule()
        other = await ward.schedule(ward="onco-day", by="prescriber")

        of_ours = (await ours.event()).data["stream"]
        of_theirs = (await theirs.event()).data["stream"]
        of_all = [(await all_of_it.event()).data["stream"] for _ in range(2)]

    assert (of_ours, of_theirs, of_all) == (first, other, [first, other])


async def test_a_beat_says_how_far_the_log_was_looked_through(ward: HttpWard) -> None:
    async with listening(ward, "device_2", "?after=0") as listener:
        beat = await listener.event("beat")

    # Nothing of the log is this ward's, and still the client need not ask for it again.
    assert beat.id == beat.data["seq"] == ward.service.intake.log_size
    assert beat.data["as_of"] == "2026-11-23T07:00:00.000Z"
    assert beat.data["clock"] == {"simulated": True, "speed": 0}


async def test_the_stream_is_as_blind_as_every_other_feed(ward: HttpWard) -> None:
    async with listening(ward) as listener:
        await listener.event("beat")
        day_id = await ward.schedule()
        check = {"event_id": new_event_id(), "day": day_id, "type": "bag.prepared", "data": BAG}
        await ward.post("/v1/double-checks", check)
        await listener.event()

        entered = await listener.event()

    assert (entered.data["type"], entered.data["data"], entered.data["withheld"]) == ("double_check.entered", {}, True)


async def test_a_stream_ends_when_its_credential_is_revoked(ward: HttpWard) -> None:
    async with listening(ward, "device") as listener:
        await listener.event("beat")

        await ward.call("PATCH", "/v1/devices/tab-1", {"revoked": True}, by="admin")

        await listener.end()


async def test_a_stream_ends_when_the_service_stops(ward: HttpWard) -> None:
    async with listening(ward) as listener:
        await listener.event("beat")

        ward.app[STOPPING].set()
        ward.app[stream.BROADCAST].wake()

        await listener.end()
    assert (await ward.get("/health/ready", by=None)).code == "unavailable"


async def test_more_streams_than_there_may_be_are_refused(ward: HttpWard) -> None:
    broadcast, limits = ward.app[stream.BROADCAST], ward.service.settings.limits

    def taken(name: str, places: int) -> ExitStack:
        somebody = Identity(kind="token", actor=Actor(id=name, role="integration", how="token"))
        places_taken = ExitStack()
        for _ in range(places):
            places_taken.enter_context(broadcast.place_for(somebody, limits))
        return places_taken

    per_name = limits.sse_clients_each_max
    with ExitStack() as all_taken:
        for name in range(limits.sse_clients_max // per_name):
            all_taken.enter_context(taken(f"engine-{name}", per_name))
        site_full = await ward.get("/v1/log/stream", by="auditor")
    auditor = ward.service.access.authenticate(ward.tokens["auditor"], ward.clock.now())
    assert auditor is not None
    with taken(auditor.actor.id, per_name):
        own_full = await ward.get("/v1/log/stream", by="auditor")

    assert (site_full.status, site_full.code, site_full.headers["Retry-After"]) == (503, "unavailable", "30")
    assert (own_full.status, own_full.code, own_full.headers["Retry-After"]) == (429, "rate_limited", "30")
    assert broadcast.clients == 0


async def test_a_place_that_is_none_is_refused(ward: HttpWard) -> None:
    for given in ("-1", "x", "9" * 40, ""):
        answer = await ward.get("/v1/log/stream", by="auditor", Last_Event_ID=given)

        assert answer.code == "malformed", given
