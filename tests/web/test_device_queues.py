"""What a tablet still holds, shown on the screens of the others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from infusion_service.bootstrap import open_service
from infusion_service.intake.clock import SimulatedClock
from infusion_service.log.memory import MemoryStore
from infusion_service.settings import Settings
from infusion_service.web.app import build_app
from infusion_service.web.device_queues import DEVICE_QUEUES, DeviceQueues
from tests.web.conftest import START, WARDS, HttpWard, new_event_id, opened_ward

OLDEST = "2026-11-23T07:00:00.000Z"


async def missing(ward: HttpWard, day: str) -> list[dict[str, Any]]:
    """Return what the day view and, the same, the board say is missing."""
    view = (await ward.get(f"/v1/days/{day}")).body["missing_from_devices"]
    rows = {row["day_id"]: row for row in (await ward.get("/v1/days")).body["days"]}
    assert rows[day]["missing_from_devices"] == view
    return list(view)


async def note(ward: HttpWard, day: str, number: int) -> None:
    """Chart a note under the tablet's own number."""
    assert (await ward.fact(day, "note.added", {"text": "x"}, device_seq=number)).status == 201


async def test_a_tablet_says_itself_what_waits_on_it(ward: HttpWard) -> None:
    day, other = await ward.schedule(), await ward.schedule()
    waiting = {"waiting": [{"day": day, "facts": 2, "oldest_at": OLDEST}]}

    assert (await ward.call("PUT", "/v1/devices/current/queue", waiting, by="device")).status == 204
    assert [(each["facts"], each["oldest_at"]) for each in await missing(ward, day)] == [(2, OLDEST)]
    assert await missing(ward, other) == []

    assert (await ward.call("PUT", "/v1/devices/current/queue", {"waiting": []}, by="device")).status == 204
    assert await missing(ward, day) == []


async def test_a_gap_in_a_device_s_numbers_is_missing_until_it_closes(ward: HttpWard) -> None:
    day = await ward.schedule()
    await note(ward, day, 4)
    assert await missing(ward, day) == []

    await note(ward, day, 7)
    assert [(each["facts"], each["oldest_at"]) for each in await missing(ward, day)] == [(2, None)]

    await note(ward, day, 5)
    await note(ward, day, 6)
    assert await missing(ward, day) == []


async def test_a_service_without_a_device_has_nothing_that_waits(ward: HttpWard) -> None:
    bad_time = {"waiting": [{"day": new_event_id(), "facts": 1, "oldest_at": "yesterday"}]}

    assert (await ward.call("PUT", "/v1/devices/current/queue", {"waiting": [{}]}, by="device")).code == "malformed"
    assert (await ward.call("PUT", "/v1/devices/current/queue", bad_time, by="device")).code == "malformed"


async def test_what_a_tablet_said_is_known_after_a_restart_until_it_says_otherwise() -> None:
    store = MemoryStore()
    settings = Settings(wards=WARDS, clock="simulated")
    async with opened_ward(settings, store) as ward:
        day = await ward.schedule()
        waiting = {"waiting": [{"day": day, "facts": 2, "oldest_at": OLDEST}]}
        assert (await ward.call("PUT", "/v1/devices/current/queue", waiting, by="device")).status == 204
        before = await missing(ward, day)

    async with restarted(settings, store) as queues:
        assert queues.missing_of(day) == before
        queues.say(str(before[0]["device"]), ())

    async with restarted(settings, store) as queues:
        assert queues.missing_of(day) == []


@asynccontextmanager
async def restarted(settings: Settings, store: MemoryStore) -> AsyncIterator[DeviceQueues]:
    """The service begun again on the same store."""
    async with open_service(settings, clock=SimulatedClock(START), store=store) as service:
        app = build_app(service)
        async with TestClient(TestServer(app)):
            yield app[DEVICE_QUEUES]
