"""How often one may ask: buckets per device and per site, what is exempt, and that a place comes free again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from infusion_service.access.identity import Identity
from infusion_service.clinical.vocabulary import Actor
from infusion_service.limits import Limits
from infusion_service.settings import Settings
from infusion_service.web.problems import Problem
from infusion_service.web.rates import Rates
from tests.web.conftest import OPERATOR, VITALS, WARDS, HttpWard, new_event_id, opened_ward

NARROW = Limits(device_requests_per_s=1, device_requests_burst_max=8, site_requests_per_s=3, site_requests_burst_max=40)


def tablet(name: str) -> Identity:
    return Identity(kind="device", actor=Actor(id=name, role="device", how="device"), device_id=name)


class Bench:
    """Buckets, and the seconds they count by."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.rates = Rates(NARROW, lambda: self.now_s)

    def passed(self, name: str, requests: int) -> int:
        """How many of so many requests of a tablet pass."""
        return sum(self.wait_s(name) == 0 for _ in range(requests))

    def wait_s(self, name: str, *, urgent: bool = False) -> int:
        try:
            self.rates.admit(tablet(name), urgent=urgent)
        except Problem as problem:
            return int(problem.headers["Retry-After"])
        return 0


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_burst_passes_and_then_the_steady_rate(bench: Bench) -> None:
    assert bench.passed("tab-1", 20) == 8
    assert bench.wait_s("tab-1") == 1
    bench.now_s += 3
    assert bench.passed("tab-1", 20) == 3


def test_one_device_does_not_use_up_what_is_anothers(bench: Bench) -> None:
    bench.passed("tab-1", 100)

    assert bench.passed("tab-2", 20) == 8


def test_the_site_as_a_whole_is_bounded_too(bench: Bench) -> None:
    assert sum(bench.passed(f"tab-{number}", 8) for number in range(10)) == 40
    bench.now_s += 2
    assert sum(bench.passed(f"tab-{number}", 8) for number in range(10)) == 6


def test_a_stop_passes_whatever_there_is_left(bench: Bench) -> None:
    bench.passed("tab-1", 20)

    assert [bench.wait_s("tab-1", urgent=True) for _ in range(20)] == [0] * 20
    assert bench.wait_s("tab-1") == 1


def test_a_clock_that_runs_back_takes_nothing_away(bench: Bench) -> None:
    bench.now_s = 100
    bench.passed("tab-1", 8)
    bench.now_s = 50
    assert bench.wait_s("tab-1") == 1
    bench.now_s = 52
    assert bench.passed("tab-1", 5) == 2


@pytest.fixture
async def narrow_ward() -> AsyncIterator[HttpWard]:
    """A ward with room for few requests; time is what the clock skips."""
    slow = Limits(device_requests_per_s=1, device_requests_burst_max=8, site_requests_per_s=1000)
    async with opened_ward(Settings(wards=WARDS, clock="simulated", limits=slow)) as ward:
        ward.pass_by(minutes=1)
        yield ward


async def exhaust(ward: HttpWard, by: str) -> None:
    for _ in range(40):
        if (await ward.get("/v1/workflows", by=by)).status == 429:
            return
    pytest.fail("nothing was refused")


async def test_over_http_it_is_429_with_retry_after_and_time_heals_it(narrow_ward: HttpWard) -> None:
    ward = narrow_ward
    await exhaust(ward, "device")

    refused = await ward.get("/v1/workflows", by="device")
    same_tablet = await ward.get("/v1/workflows", by="nurse")
    other_tablet = await ward.get("/v1/workflows", by="device_2")
    health = await ward.get("/health/live", by=None)
    ward.pass_by(seconds=int(refused.headers["Retry-After"]))
    later = await ward.get("/v1/workflows", by="device")

    assert (refused.status, refused.code) == (429, "rate_limited")
    assert int(refused.headers["Retry-After"]) >= 1
    assert same_tablet.status == 429
    assert (other_tablet.status, health.status, later.status) == (200, 200, 200)


async def test_stop_and_emergency_are_taken_from_a_tablet_that_asked_too_often(narrow_ward: HttpWard) -> None:
    ward = narrow_ward
    ward.tokens["tab-3"] = await ward.service.access.enrol_device("tab-3", "neuro-day", OPERATOR)
    day_id = await ward.schedule()
    await ward.fact(day_id, "patient.checked_in", {"identity_check": "two_identifiers"})
    await exhaust(ward, "tab-3")
    flush = [
        {"event_id": new_event_id(), "day": day_id, "type": "vitals.recorded", "data": VITALS},
        {"event_id": new_event_id(), "day": day_id, "type": "infusion.stopped", "data": {"reason": "technical"}},
    ]

    plain = await ward.fact(day_id, "vitals.recorded", VITALS, by="tab-3")
    plain_batch = await ward.post("/v1/batches", {"items": flush[:1]}, by="tab-3")
    emergency = await ward.fact(day_id, "emergency.declared", {"reason": "other"}, by="tab-3")
    with_a_stop = await ward.post("/v1/batches", {"items": flush}, by="tab-3")

    assert (plain.status, plain_batch.status) == (429, 429)
    assert (emergency.status, emergency.body["state"]) == (201, "emergency")
    assert [item["status"] for item in with_a_stop.body["items"]] == ["accepted", "accepted"]


async def test_what_was_held_up_decides_nothing(narrow_ward: HttpWard) -> None:
    ward = narrow_ward
    day_id = await ward.schedule()
    await exhaust(ward, "nurse")
    fact = {"event_id": new_event_id(), "type": "note.added", "data": {"text": "x"}}

    held_up = await ward.post(f"/v1/days/{day_id}/events", fact)
    ward.pass_by(seconds=5)
    again = await ward.post(f"/v1/days/{day_id}/events", fact)

    assert (held_up.status, again.status) == (429, 201)
    assert "Idempotency-Replayed" not in again.headers
