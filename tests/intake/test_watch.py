"""Time is an input like any other: nothing due is left out, nothing is looked at without end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from infusion_service.intake import draft
from infusion_service.intake.clock import Clock, SimulatedClock, SystemClock
from infusion_service.intake.intake import Intake
from infusion_service.intake.outcome import Unavailable
from infusion_service.intake.watch import ClockNotSimulated, Watch
from infusion_service.log.store import StorageFailed, Store
from tests.intake.ward import MORNING, NURSE, SITE, FaultyStore, moments, note, opened, schedule


@asynccontextmanager
async def watched(store: Store, clock: Clock) -> AsyncIterator[tuple[Intake, Watch]]:
    """An intake with its watch, not yet running."""
    async with opened(store, clock) as intake:
        watch = Watch(site=SITE, store=store, clock=clock, tick=intake.tick)
        intake.add_due_listener(watch.notice)
        yield intake, watch


async def types_of(intake: Intake, day_id: str) -> list[str]:
    """The types of a day's entries, in order."""
    return [logged.entry.type for logged in await intake.entries(day_id) if logged.entry]


async def test_moving_the_clock_appends_what_falls_due_on_the_way_at_its_own_moment() -> None:
    store, clock = FaultyStore(), SimulatedClock(MORNING)
    async with watched(store, clock) as (intake, watch):
        days = [await schedule(intake, f"P-{number}") for number in range(3)]

        await watch.advance(moments("18:00")[0])

        for day_id in days:
            missed = (await intake.entries(day_id))[-1].entry
            assert missed is not None
            assert missed.type == "day.missed"
            assert missed.received_at == missed.occurred_at == moments("11:00")[0]
        assert clock.now() == moments("18:00")[0]
        assert await store.next_due(SITE) is None


async def test_moving_the_clock_twice_appends_nothing_twice() -> None:
    store, clock = FaultyStore(), SimulatedClock(MORNING)
    async with watched(store, clock) as (intake, watch):
        day_id = await schedule(intake)

        await asyncio.gather(watch.advance(moments("11:30")[0]), watch.advance(moments("11:30")[0]))
        await intake.tick(day_id)

        assert await types_of(intake, day_id) == ["day.scheduled", "day.missed"]


async def test_only_a_simulated_clock_moves_and_only_forward() -> None:
    store = FaultyStore()
    async with watched(store, SimulatedClock(MORNING)) as (_, watch):
        with pytest.raises(ValueError, match="forward"):
            await watch.advance(MORNING - timedelta(seconds=1))
    async with watched(FaultyStore(), SystemClock()) as (_, watch):
        with pytest.raises(ClockNotSimulated):
            await watch.advance(datetime.max.replace(tzinfo=UTC))


async def test_the_running_watch_wakes_for_a_day_that_is_due_before_what_it_waits_for() -> None:
    store, clock = FaultyStore(), SimulatedClock(MORNING)
    async with watched(store, clock) as (intake, watch):
        running = asyncio.create_task(watch.run())
        tomorrow = await schedule(intake, "P-1", date="2026-11-24")
        today = await schedule(intake, "P-2")
        clock.move_to(moments("11:00")[0])

        await until_types(intake, today, ["day.scheduled", "day.missed"])

        assert await types_of(intake, tomorrow) == ["day.scheduled"]
        running.cancel()


async def test_the_running_watch_survives_a_storage_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infusion_service.intake.watch.REST_S", 0.001)
    store, clock = FaultyStore(), SimulatedClock(MORNING)
    async with watched(store, clock) as (intake, watch):
        day_id = await schedule(intake)
        store.failures = [StorageFailed("busy", fatal=False)] * 2
        running = asyncio.create_task(watch.run())
        clock.move_to(moments("11:00")[0])

        await until_types(intake, day_id, ["day.scheduled", "day.missed"])

        running.cancel()


async def test_moving_the_clock_says_when_the_log_cannot_be_written() -> None:
    store, clock = FaultyStore(), SimulatedClock(MORNING)
    async with watched(store, clock) as (intake, watch):
        await schedule(intake)
        store.failures = [StorageFailed("fsync", fatal=True)]

        with pytest.raises(Unavailable):
            await watch.advance(moments("18:00")[0])


async def test_a_day_that_says_its_change_is_now_although_it_was_just_looked_at_does_not_spin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, clock = FaultyStore(), SimulatedClock(MORNING)
    async with watched(store, clock) as (intake, watch):
        monkeypatch.setattr(draft, "next_change_at", lambda course, day, now: now)
        await schedule(intake)

        await watch.advance(MORNING + timedelta(minutes=10))

        assert len(store.batches) <= 15


async def test_a_day_whose_future_cannot_be_told_still_takes_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(course: object, day: object, now: object) -> None:
        raise RuntimeError("look-ahead")

    store, clock = FaultyStore(), SimulatedClock(MORNING)
    async with watched(store, clock) as (intake, watch):
        monkeypatch.setattr(draft, "next_change_at", broken)
        monkeypatch.setattr("infusion_service.intake.judge.tick", broken)
        day_id = await schedule(intake)
        await watch.advance(MORNING + timedelta(minutes=3))

        assert (await intake.submit(note(day_id))).status == 201


async def until_types(intake: Intake, day_id: str, types: list[str]) -> None:
    """Give the other tasks their turns until the day has these entries."""
    async with asyncio.timeout(5):
        while await types_of(intake, day_id) != types:  # noqa: ASYNC110 - a turn for the others, no time passes
            await asyncio.sleep(0)


class DoubtfulClock(SimulatedClock):
    """A simulated clock that may part from what it should be."""

    parted = False


async def test_while_the_clock_is_in_doubt_no_day_is_missed_and_afterwards_it_is() -> None:
    store, clock = FaultyStore(), DoubtfulClock(MORNING)
    async with watched(store, clock) as (intake, watch):
        day_id = await schedule(intake)
        clock.parted = True
        await watch.advance(moments("11:30")[0])
        await intake.submit(note(day_id))
        assert await types_of(intake, day_id) == ["day.scheduled", "note.added"]

        clock.parted = False
        assert await intake.confirm_clock(NURSE)
        await watch.advance(moments("11:32")[0])

        assert await types_of(intake, day_id) == ["day.scheduled", "note.added", "day.missed"]
