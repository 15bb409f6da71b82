"""A clock that cannot be believed: moves by time wait for a person, and nothing else does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infusion_service.bootstrap import open_service
from infusion_service.intake.clock_doubt import CLOCK_CONFIRMED, CLOCK_DOUBTED
from infusion_service.intake.intake import Intake
from infusion_service.log.memory import MemoryStore
from infusion_service.log.store import Store
from tests.intake.hands import ADMIN, Hands
from tests.intake.ward import schedule, settings

MONDAY = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


async def opened(store: Store, hands: Hands) -> Intake:
    intake = Intake(settings=settings(), store=store, clock=hands.clock())
    await intake.start()
    return intake


async def types(intake: Intake) -> list[str]:
    return [entry.entry.type for entry in await intake.log_page(0, 100) if entry.entry is not None]


async def test_a_clock_that_jumps_two_days_misses_no_day_until_it_is_confirmed() -> None:
    """A wall clock two days ahead holds the missed day back; when a person confirms it, the day is missed once."""
    store, hands = MemoryStore(), Hands(MONDAY)
    await store.open()
    intake = await opened(store, hands)
    day_id = await schedule(intake, date="2026-11-23")

    hands.wall += timedelta(days=2)
    await intake.tick(day_id)
    held = await intake.day(day_id)
    assert held is not None
    assert held.state == "scheduled"
    assert intake.clock_doubt

    assert await intake.confirm_clock(ADMIN)
    await intake.tick(day_id)
    await intake.tick(day_id)
    missed = await intake.day(day_id)
    assert missed is not None
    assert missed.state == "missed"
    assert not intake.clock_doubt
    seen = await types(intake)
    assert (seen.count(CLOCK_DOUBTED), seen.count(CLOCK_CONFIRMED), seen.count("day.missed")) == (1, 1, 1)
    await intake.stop()


async def test_a_jump_back_and_forth_loses_nothing_and_needs_nobody() -> None:
    """A clock that comes back before anything was due leaves no trace of a move."""
    store, hands = MemoryStore(), Hands(MONDAY)
    await store.open()
    intake = await opened(store, hands)
    day_id = await schedule(intake, date="2026-11-23")

    hands.wall -= timedelta(days=2)
    assert intake.clock_doubt
    hands.wall += timedelta(days=2)
    assert not intake.clock_doubt

    hands.pass_time(timedelta(hours=6))
    await intake.tick(day_id)
    day = await intake.day(day_id)
    assert day is not None
    assert day.state == "missed"
    await intake.stop()


@pytest.mark.parametrize("away", [timedelta(days=2), timedelta(days=-2)])
async def test_a_start_with_a_clock_far_from_the_log_waits_for_a_person(away: timedelta) -> None:
    """Behind the last entry, or more than a day ahead of it, the doubt is recorded and outlives a restart."""
    store, hands = MemoryStore(), Hands(MONDAY)
    await store.open()
    first = await opened(store, hands)
    day_id = await schedule(first, date="2026-11-23")
    await first.stop()

    hands.wall += away
    again = await opened(store, hands)
    assert again.clock_doubt
    await again.stop()
    third = await opened(store, hands)  # the log now holds entries of the doubted clock: the record must remember
    assert third.clock_doubt
    await third.tick(day_id)
    day = await third.day(day_id)
    assert day is not None
    assert day.state == "scheduled"

    assert await third.confirm_clock(ADMIN)
    await third.stop()
    fourth = await opened(store, hands)
    assert not fourth.clock_doubt
    await fourth.stop()


async def test_a_start_after_a_night_doubts_nothing() -> None:
    """A service that was down for less than a day goes on by itself."""
    store, hands = MemoryStore(), Hands(MONDAY)
    await store.open()
    first = await opened(store, hands)
    await first.stop()

    hands.pass_time(timedelta(hours=14))
    again = await opened(store, hands)
    assert not again.clock_doubt
    await again.stop()


async def test_a_running_service_writes_the_doubt_down_although_nobody_does_anything(tmp_path: Path) -> None:
    """The watch looks at the clock, not only at what is due: a restart right after a jump knows of it."""
    hands = Hands(MONDAY)
    clock = hands.clock()
    async with open_service(settings(database=tmp_path / "ward.db"), clock=clock) as service:
        hands.wall += timedelta(days=2)
        clock.moved()
        async with asyncio.timeout(10):
            while CLOCK_DOUBTED not in await types(service.intake):
                clock.moved()
                await asyncio.sleep(0)

        assert "2026-11-25T06:00:00.000Z" in service.intake.clock_doubt
