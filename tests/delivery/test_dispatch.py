"""Dispatch in virtual time: order per day, retries, parking, circuit, catching up, replay, restarts."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infusion_service.delivery.errors import NotPossible
from infusion_service.delivery.schedule import GAPS_S, Reply
from tests.delivery.judging import order_per_day, same_bytes
from tests.delivery.virtual import ADMIN, Site, day, in_virtual_time, takes_all
from tests.log.given import MORNING

MINUTE, HOUR = 60.0, 3600.0


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "secrets.key"


def failing(status: int) -> Any:
    async def script(_event: dict[str, Any], _now: datetime) -> Reply:
        return Reply(status=status)

    return script


def test_everything_committed_arrives_in_order_and_numbered_without_gap(key_file: Path) -> None:
    async def work() -> None:
        site = Site(key_file)
        _, receiver = await site.endpoint()
        for number in range(60):
            await site.fact(day(number % 3))
        await asyncio.sleep(1)
        assert sorted(receiver.taken) == list(range(1, 61))
        order_per_day(receiver)
        same_bytes(receiver)
        await site.endpoints.stop()

    in_virtual_time(work)


def test_a_day_has_one_in_flight_and_days_at_most_so_many(key_file: Path) -> None:
    async def slow(_event: dict[str, Any], _now: datetime) -> Reply:
        await asyncio.sleep(1)
        return Reply(status=200)

    async def work() -> None:
        site = Site(key_file)
        _, receiver = await site.endpoint(slow, max_in_flight=3)
        for number in range(20):
            await site.fact(day(number % 5))
        await asyncio.sleep(60)
        assert receiver.most_under_way == 3
        _, alone = await site.endpoint(slow, url="https://two.hospital.test/", max_in_flight=3)
        for _ in range(4):
            await site.fact(day(1))
        await asyncio.sleep(60)
        assert alone.most_under_way == 1
        order_per_day(receiver)
        await site.endpoints.stop()

    in_virtual_time(work)


def test_a_lonely_failure_is_tried_on_by_the_schedule(key_file: Path) -> None:
    async def work() -> None:
        site = Site(key_file)
        _, receiver = await site.endpoint(failing(500))
        await site.fact(day(1))
        await asyncio.sleep(40)
        gaps = [(b.at - a.at).total_seconds() for a, b in zip(receiver.arrivals, receiver.arrivals[1:], strict=False)]
        assert len(gaps) == 2
        for gap, planned in zip(gaps, GAPS_S[1:], strict=False):
            assert planned * 0.8 <= gap <= planned * 1.2 + 0.01
        assert [a.headers["infday-reason"] for a in receiver.arrivals] == ["first", "retry", "retry"]
        assert [a.headers["infday-attempt"] for a in receiver.arrivals] == ["1", "2", "3"]
        await site.endpoints.stop()

    in_virtual_time(work)


def test_a_dead_engine_parks_nothing_and_is_caught_up_in_order_at_a_pace(key_file: Path) -> None:
    async def dead_for_two_days(_event: dict[str, Any], now: datetime) -> Reply:
        if now < MORNING + timedelta(days=2):
            return Reply(fault="connect_failed")
        return Reply(status=200)

    async def work() -> None:
        site = Site(key_file)
        endpoint_id, receiver = await site.endpoint(dead_for_two_days, catch_up_per_s=10)
        for number in range(1500):
            await site.fact(day(number % 7))
            await asyncio.sleep(60)
        probes = len(receiver.arrivals)
        assert probes < 48 * 6 + 200  # at most one in 10 minutes, but for days never tried
        await asyncio.sleep(2 * 24 * HOUR - 1500 * 60 + 900)
        assert sorted(receiver.taken) == list(range(1, 1501))
        order_per_day(receiver)
        same_bytes(receiver)
        status = await site.endpoints.status(endpoint_id)
        assert status["parked"] == status["waiting"] == 0
        assert status["circuit"] == "closed"
        recovered = [a for a in receiver.arrivals if a.ok]
        took_s = (recovered[1400].at - recovered[0].at).total_seconds()
        assert took_s >= 139
        types = [row.entry_type for row in site.scribe.rows if row.kind == "admin"]
        assert types == ["endpoint.created", "endpoint.failing", "endpoint.recovered"]
        await site.endpoints.stop()

    in_virtual_time(work)


def test_poison_is_parked_after_30_min_and_its_day_goes_on_and_others_never_waited(key_file: Path) -> None:
    poison = []

    async def script(event: dict[str, Any], _now: datetime) -> Reply:
        return Reply(status=500 if event["id"] in poison else 200)

    async def work() -> None:
        site = Site(key_file)
        endpoint_id, receiver = await site.endpoint(script)
        await site.fact(day(1))
        await site.fact(day(1))
        poison.append(site.scribe.rows[-1].event_id)
        written = {}
        for _ in range(50):
            for of_day in (day(1), day(2)):
                await site.fact(of_day)
                written[site.scribe.rows[-1].event_id] = site.clock.now()
            await asyncio.sleep(60)
        (parked,) = await site.rows(endpoint_id, state="parked")
        assert parked["n"] == 2
        assert parked["next_attempt_at"] is not None
        others = [a for a in receiver.arrivals if a.event["subject"] == day(2)]
        assert all(a.at - written[a.headers["webhook-id"]] < timedelta(seconds=1) for a in others)
        held = [a for a in receiver.arrivals if a.event["subject"] == day(1) and a.ok][1:]
        assert MORNING + timedelta(minutes=30) <= held[0].at <= MORNING + timedelta(minutes=31, seconds=1)
        order_per_day(receiver)
        # It is tried on out of its lane, 14 times over about 77 hours in all, then left to people.
        await asyncio.sleep(110 * HOUR)
        (parked,) = await site.rows(endpoint_id, state="parked")
        tries = [a for a in receiver.arrivals if a.headers["webhook-id"] == poison[0]]
        assert len(tries) == 14
        assert parked["next_attempt_at"] is None
        assert timedelta(hours=60) < tries[-1].at - tries[0].at < timedelta(hours=95)
        same_bytes(receiver)
        # A person has it tried again, out of its lane.
        poison.clear()
        await site.endpoints.deliveries.retry(endpoint_id, 2, "engine mended", ADMIN)
        await asyncio.sleep(1)
        assert [row["state"] for row in await site.rows(endpoint_id) if row["n"] == 2] == ["done"]
        assert receiver.arrivals[-1].headers["infday-reason"] == "redrive"
        with pytest.raises(NotPossible):
            await site.endpoints.deliveries.drop(endpoint_id, 2, "no", ADMIN)
        await site.endpoints.stop()

    in_virtual_time(work)


def test_what_is_tried_again_by_a_person_goes_in_the_order_of_its_day(key_file: Path) -> None:
    mended: list[bool] = []

    async def script(event: dict[str, Any], _now: datetime) -> Reply:
        if not mended:
            return Reply(status=422)
        await asyncio.sleep(1 / int(event["epsequence"]))  # the later, the sooner answered
        return Reply(status=200)

    async def work() -> None:
        site = Site(key_file)
        endpoint_id, receiver = await site.endpoint(script, permanent=[422], max_in_flight=8)
        for number in range(80):
            await site.fact(day(number % 3))
        await asyncio.sleep(1)
        assert len(await site.rows(endpoint_id, state="parked")) == 80
        mended.append(True)
        desk = site.endpoints.deliveries
        assert await desk.retry_range(endpoint_id, 5, 80, "engine mended", ADMIN) == 76
        await asyncio.sleep(60)
        assert sorted(receiver.taken) == list(range(5, 81))
        assert {a.headers["infday-reason"] for a in receiver.arrivals if a.ok} == {"redrive"}
        order_per_day(receiver)
        same_bytes(receiver)
        noted = [row for row in site.scribe.rows if row.entry_type == "delivery.retried"]
        assert len(noted) == 1
        with pytest.raises(NotPossible):
            await desk.retry_range(endpoint_id, 5, 80, "once more", ADMIN)
        await site.endpoints.stop()

    in_virtual_time(work)


def test_a_restart_does_not_fall_upon_an_engine_that_does_not_answer(key_file: Path) -> None:
    async def work() -> None:
        site = Site(key_file)
        endpoint_id, receiver = await site.endpoint(failing(502), max_in_flight=16)
        for number in range(40):
            await site.fact(day(number))
        await asyncio.sleep(2 * HOUR)
        assert (await site.endpoints.status(endpoint_id))["circuit"] == "open"
        before = len(receiver.arrivals)
        for _ in range(12):
            await site.crash()
            await asyncio.sleep(10)
        assert (await site.endpoints.status(endpoint_id))["circuit"] == "open"
        assert len(receiver.arrivals) - before <= 4  # one in 30 s, with days never tried
        receiver.script = takes_all
        await asyncio.sleep(11 * MINUTE)
        assert sorted(receiver.taken) == list(range(1, 41))
        await site.endpoints.stop()

    in_virtual_time(work)


def test_a_pause_that_was_asked_for_and_the_pace_of_catching_up_outlive_a_restart(key_file: Path) -> None:
    answered = asyncio.Event()

    async def script(_event: dict[str, Any], now: datetime) -> Reply:
        if now < MORNING + timedelta(minutes=10):
            return Reply(status=503, headers={"retry-after": "1800"})
        answered.set()
        return Reply(status=200)

    async def work() -> None:
        site = Site(key_file)
        _, receiver = await site.endpoint(script, catch_up_per_s=10)
        for number in range(300):
            await site.fact(day(number % 100))
        await asyncio.sleep(1)
        asked = len(receiver.arrivals)
        await site.crash()
        await asyncio.sleep(29 * MINUTE)
        assert len(receiver.arrivals) == asked
        await answered.wait()
        await asyncio.sleep(5)
        await site.crash()
        await asyncio.sleep(5 * MINUTE)
        assert len(receiver.taken) == 300
        taken = [a.at for a in receiver.arrivals if a.ok]
        assert taken[-1] - taken[0] >= timedelta(seconds=29)
        order_per_day(receiver)
        await site.endpoints.stop()

    in_virtual_time(work)


def test_strict_never_skips(key_file: Path) -> None:
    async def script(event: dict[str, Any], now: datetime) -> Reply:
        return Reply(status=500 if event["epsequence"].endswith("2") and now < MORNING + timedelta(hours=5) else 200)

    async def work() -> None:
        site = Site(key_file)
        _, receiver = await site.endpoint(script, ordering="strict")
        for number in range(6):
            await site.fact(day(number))
        await asyncio.sleep(4 * HOUR)
        assert receiver.taken == [1]
        await asyncio.sleep(2 * HOUR)
        assert receiver.taken == [1, 2, 3, 4, 5, 6]
        await site.endpoints.stop()

    in_virtual_time(work)


def test_retry_after_is_obeyed_for_the_whole_endpoint_and_no_longer_than_an_hour(key_file: Path) -> None:
    async def script(_event: dict[str, Any], now: datetime) -> Reply:
        if now < MORNING + timedelta(seconds=1):
            return Reply(status=503, headers={"retry-after": "600"})
        if now < MORNING + timedelta(minutes=11):
            return Reply(status=429, headers={"retry-after": "999999"})
        return Reply(status=200)

    async def work() -> None:
        site = Site(key_file)
        _, receiver = await site.endpoint(script)
        await site.fact(day(1))
        await asyncio.sleep(2)
        await site.fact(day(2))
        await asyncio.sleep(3 * HOUR)
        asked = [a.at - MORNING for a in receiver.arrivals]
        assert asked[1] >= timedelta(minutes=10)
        assert asked[2] >= timedelta(minutes=10)
        assert asked[3] >= timedelta(minutes=70)
        assert sorted(receiver.taken) == [1, 2]
        await site.endpoints.stop()

    in_virtual_time(work)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(status=410), "gone"),
        (Reply(status=200, headers={"webhook-delivery": "disable"}), "asked by the receiver"),
    ],
)
def test_gone_disables_and_enabling_resumes_where_it_stood(key_file: Path, reply: Reply, reason: str) -> None:
    async def script(_event: dict[str, Any], now: datetime) -> Reply:
        return reply if now < MORNING + timedelta(hours=1) else Reply(status=200)

    async def work() -> None:
        site = Site(key_file)
        endpoint_id, receiver = await site.endpoint(script)
        await site.fact(day(1))
        await asyncio.sleep(1)
        for _ in range(5):
            await site.fact(day(1))
        await asyncio.sleep(2 * HOUR)
        shown = site.endpoints.show(endpoint_id)
        assert (shown["state"], shown["state_reason"]) == ("disabled", reason)
        assert len(receiver.arrivals) == 1
        await site.endpoints.set_state(endpoint_id, "active", ADMIN)
        await asyncio.sleep(1)
        assert receiver.taken == [1, 2, 3, 4, 5, 6]
        types = [row.entry_type for row in site.scribe.rows if row.kind == "admin"]
        assert types == ["endpoint.created", "endpoint.disabled", "endpoint.enabled"]
        await site.endpoints.stop()

    in_virtual_time(work)


def test_abort_message_and_permanent_statuses_park_at_once(key_file: Path) -> None:
    async def script(event: dict[str, Any], _now: datetime) -> Reply:
        if event["epsequence"].endswith("1"):
            return Reply(status=500, headers={"webhook-delivery": "abort-message"})
        return Reply(status=422 if event["epsequence"].endswith("2") else 200)

    async def work() -> None:
        site = Site(key_file)
        endpoint_id, receiver = await site.endpoint(script, permanent=[422])
        for _ in range(3):
            await site.fact(day(1))
        await asyncio.sleep(1)
        assert receiver.taken == [3]
        parked = await site.rows(endpoint_id, state="parked")
        assert [(row["n"], row["next_attempt_at"]) for row in parked] == [(1, None), (2, None)]
        await site.endpoints.deliveries.drop(endpoint_id, 1, "a test message", ADMIN)
        assert [row["n"] for row in await site.rows(endpoint_id, state="dropped")] == [1]
        await site.endpoints.stop()

    in_virtual_time(work)


def test_an_endpoint_without_an_answer_for_120_h_is_disabled(key_file: Path) -> None:
    async def work() -> None:
        site = Site(key_file)
        endpoint_id, _ = await site.endpoint(failing(502))
        await site.fact(day(1))
        await asyncio.sleep(119 * HOUR)
        assert site.endpoints.show(endpoint_id)["state"] == "active"
        await asyncio.sleep(2 * HOUR)
        assert site.endpoints.show(endpoint_id)["state"] == "disabled"
        await site.endpoints.stop()

    in_virtual_time(work)


def test_a_hanging_endpoint_delays_nobody(key_file: Path) -> None:
    async def hangs(_event: dict[str, Any], _now: datetime) -> Reply:
        await asyncio.sleep(10**6)
        return Reply(status=200)

    async def work() -> None:
        site = Site(key_file)
        await site.endpoint(hangs)
        _, healthy = await site.endpoint(url="https://two.hospital.test/")
        written = {}
        for number in range(300):
            await site.fact(day(number % 4))
            written[site.scribe.rows[-1].event_id] = site.clock.now()
            await asyncio.sleep(7)
        facts = [a for a in healthy.arrivals if a.event["subject"] != "site"]
        assert len(facts) == 300
        assert all(a.at == written[a.headers["webhook-id"]] for a in facts)
        await site.endpoints.stop()

    in_virtual_time(work)
