"""Clocks: what they say, what they wait for, and when the wall clock is not to be trusted."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from infusion_service.intake.clock import SimulatedClock, SystemClock, WallClock

NINE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Hands:
    """The two clocks of a machine, moved by hand."""

    def __init__(self) -> None:
        self.wall = NINE
        self.monotonic_s = 1000.0
        self.boot = "boot-1"

    def pass_s(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.monotonic_s += seconds

    def clock(self) -> SystemClock:
        return SystemClock(wall=lambda: self.wall, monotonic_s=lambda: self.monotonic_s, boot=lambda: self.boot)


def test_the_time_is_utc_cut_to_milliseconds() -> None:
    hands = Hands()
    hands.wall = NINE.replace(microsecond=123_999)

    assert hands.clock().now() == NINE.replace(microsecond=123_000)


def test_a_wall_clock_that_keeps_pace_is_trusted() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.pass_s(7200)

    assert not clock.parted


@pytest.mark.parametrize("jump_s", [61, -61, 2 * 86_400, -3600])
def test_a_wall_clock_that_jumps_by_more_than_a_minute_is_not(jump_s: int) -> None:
    hands = Hands()
    clock = hands.clock()
    hands.wall += timedelta(seconds=jump_s)

    assert clock.parted

    clock.confirm()

    assert not clock.parted


@pytest.mark.parametrize("jump_s", [2 * 86_400, -2 * 86_400])
def test_time_goes_on_by_the_monotonic_clock_until_somebody_confirms_the_jump(jump_s: int) -> None:
    hands = Hands()
    clock = hands.clock()
    hands.wall += timedelta(seconds=jump_s)
    hands.pass_s(90)

    assert clock.now() == NINE + timedelta(seconds=90)

    clock.confirm()

    assert clock.now() == clock.wall_time == NINE + timedelta(seconds=jump_s + 90)


def test_a_later_process_of_the_same_start_of_the_machine_goes_on_where_time_stood() -> None:
    hands = Hands()
    mark = hands.clock().mark()
    hands.pass_s(30)
    hands.wall += timedelta(days=2)
    later = hands.clock()

    assert later.go_on_from_mark(mark)
    assert later.now() == NINE + timedelta(seconds=30)


def test_after_another_start_of_the_machine_its_monotonic_clock_says_nothing() -> None:
    hands = Hands()
    mark = hands.clock().mark()
    hands.boot = "boot-2"

    assert not hands.clock().go_on_from_mark(mark)


async def test_who_waits_looks_again_when_the_wall_clock_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infusion_service.intake.clock.RECHECK_S_MAX", 0.001)
    hands = Hands()
    clock = hands.clock()
    waiting = asyncio.create_task(clock.wait_until(None, asyncio.Event()))
    await asyncio.sleep(0)
    hands.wall += timedelta(days=2)

    await asyncio.wait_for(waiting, timeout=5)


def test_what_other_machines_go_by_follows_the_wall_clock() -> None:
    hands = Hands()
    clock = WallClock(wall=lambda: hands.wall, monotonic_s=lambda: hands.monotonic_s)
    hands.wall += timedelta(days=2)

    assert clock.now() == NINE + timedelta(days=2)


@pytest.mark.parametrize("jump_s", [60, -60, 0.5])
def test_a_small_correction_of_the_wall_clock_is_trusted(jump_s: float) -> None:
    hands = Hands()
    clock = hands.clock()
    hands.wall += timedelta(seconds=jump_s)

    assert not clock.parted


async def test_the_real_clock_does_not_wait_for_a_moment_that_has_come() -> None:
    await SystemClock().wait_until(datetime.now(UTC), asyncio.Event())


async def test_the_real_clock_waits_for_a_moment_that_is_near() -> None:
    clock = SystemClock()
    moment = clock.now() + timedelta(milliseconds=20)

    await clock.wait_until(moment, asyncio.Event())

    assert clock.now() >= moment


async def test_waiting_ends_when_woken() -> None:
    wake = asyncio.Event()
    for clock in (SystemClock(), SimulatedClock(NINE), SimulatedClock(NINE, speed=2)):
        wake.clear()
        waiting = asyncio.create_task(clock.wait_until(None, wake))
        await asyncio.sleep(0)
        wake.set()
        await waiting


async def test_a_simulated_clock_stands_still_until_it_is_moved() -> None:
    clock = SimulatedClock(NINE)
    assert clock.now() == NINE

    clock.move_to(NINE + timedelta(hours=1))

    assert clock.now() == NINE + timedelta(hours=1)


async def test_moving_a_simulated_clock_wakes_who_waits_for_that_moment() -> None:
    clock = SimulatedClock(NINE)
    soon = asyncio.create_task(clock.wait_until(NINE + timedelta(minutes=5), asyncio.Event()))
    later = asyncio.create_task(clock.wait_until(NINE + timedelta(hours=5), asyncio.Event()))
    await asyncio.sleep(0)

    clock.move_to(NINE + timedelta(minutes=5))
    await soon

    assert not later.done()
    later.cancel()


def test_a_simulated_clock_does_not_go_back() -> None:
    clock = SimulatedClock(NINE)

    with pytest.raises(ValueError, match="forward"):
        clock.move_to(NINE - timedelta(seconds=1))
    with pytest.raises(ValueError, match="backwards"):
        SimulatedClock(NINE, speed=-1)


def test_a_running_simulated_clock_is_faster_than_the_real_one() -> None:
    hands = Hands()
    clock = SimulatedClock(NINE, speed=60, monotonic_s=lambda: hands.monotonic_s)
    hands.pass_s(10)

    assert clock.now() == NINE + timedelta(minutes=10)

    clock.move_to(NINE + timedelta(hours=1))
    hands.pass_s(1)

    assert clock.now() == NINE + timedelta(hours=1, minutes=1)


async def test_a_running_simulated_clock_waits_the_shorter_for_it() -> None:
    clock = SimulatedClock(NINE, speed=3600)
    moment = NINE + timedelta(minutes=1)

    await clock.wait_until(moment, asyncio.Event())

    assert clock.now() >= moment
