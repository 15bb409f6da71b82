"""The alarm budget: alerts over the hours of patients under way, by ward, for as long as the service runs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest

from infusion_service.intake.clock import SimulatedClock
from infusion_service.intake.intake import Intake
from infusion_service.intake.watch import Watch
from infusion_service.log.memory import MemoryStore
from tests.intake.ward import MORNING, SITE, check_in, fact, moments, opened, schedule, vitals


async def let_pass(intake: Intake, store: MemoryStore, clock: SimulatedClock, hours: float) -> None:
    """Let time pass, with all that falls due."""
    watch = Watch(site=SITE, store=store, clock=clock, tick=intake.tick)
    await watch.advance(clock.now() + timedelta(hours=hours))


def rounded(hours: Iterable[tuple[str, float]]) -> dict[str, float]:
    return {ward: round(passed_h, 6) for ward, passed_h in hours}


async def test_a_day_counts_from_the_check_in_to_its_end() -> None:
    store, clock = MemoryStore(), SimulatedClock(MORNING)
    async with opened(store, clock) as intake:
        first, second = await schedule(intake, "P-1"), await schedule(intake, "P-2")
        await let_pass(intake, store, clock, 1)
        await intake.submit(check_in(first))
        await let_pass(intake, store, clock, 1)
        await intake.submit(check_in(second))
        await let_pass(intake, store, clock, 1)
        await intake.submit(fact(first, "day.deferred", {"reason": "infection"}))
        await let_pass(intake, store, clock, 4)

        assert rounded(intake.patient_hours().items()) == {"neuro-day": 2 + 5}
        assert intake.alerts_raised() == {}


async def test_an_alert_counts_once_for_its_ward_and_severity() -> None:
    store, clock = MemoryStore(), SimulatedClock(MORNING)
    async with opened(store, clock) as intake:
        day_id = await schedule(intake)
        await intake.submit(check_in(day_id))
        for systolic_mmhg in (165, 166, 130, 167):
            await intake.submit(vitals(day_id, systolic_mmhg=systolic_mmhg))

        assert intake.alerts_raised() == {("neuro-day", "medium"): 2}


async def test_after_a_restart_open_days_go_on_counting() -> None:
    store, clock = MemoryStore(), SimulatedClock(MORNING)
    async with opened(store, clock) as intake:
        await intake.submit(check_in(await schedule(intake)))
    clock.move_to(moments("09:00")[0])
    async with opened(store, clock) as intake:
        await let_pass(intake, store, clock, 3)

        assert rounded(intake.patient_hours().items()) == {"neuro-day": 3}


@pytest.mark.parametrize("ward", ["neuro-day", "a ward that has been closed"])
async def test_a_ward_that_the_settings_do_not_name_is_not_named(ward: str) -> None:
    """Also an open text stands in the place of a ward: what a person typed is no label."""
    store, clock = MemoryStore(), SimulatedClock(MORNING)
    async with opened(store, clock) as intake:
        day_id = await schedule(intake)
        await intake.submit(check_in(day_id))
        await intake.submit(fact(day_id, "day.moved", {"ward": ward, "reason": "a bed"}))
        await let_pass(intake, store, clock, 1)

        assert set(intake.patient_hours()) <= {"neuro-day", "other"}
