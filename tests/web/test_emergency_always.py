"""Stop and emergency are taken whatever stands in the way of everything else; a revoked tablet alone is not heard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from infusion_service.limits import Limits
from infusion_service.settings import Settings
from tests.web.conftest import BAG, OPERATOR, WARDS, Answer, HttpWard, new_event_id, opened_ward

EMERGENCY = "emergency.declared"
WHY = {"reason": "other"}

Call = Callable[[HttpWard, str], Awaitable[Answer]]


@pytest.fixture
async def ward() -> AsyncIterator[HttpWard]:
    limits = replace(Limits(), device_requests_per_s=1, device_requests_burst_max=100)
    async with opened_ward(Settings(wards=WARDS, clock="simulated", limits=limits)) as opened:
        yield opened


async def called(ward: HttpWard, day_id: str, by: str = "device", **envelope: Any) -> Answer:
    return await ward.fact(day_id, EMERGENCY, WHY, by=by, **envelope)


async def with_nobody_signed_in(ward: HttpWard, day_id: str) -> Answer:
    return await called(ward, day_id)


async def from_a_tablet_that_asked_too_often(ward: HttpWard, day_id: str) -> Answer:
    while (await ward.get("/v1/clock", by="device")).status != 429:
        pass
    return await called(ward, day_id)


async def from_a_tablet_of_another_ward(ward: HttpWard, day_id: str) -> Answer:
    return await called(ward, day_id, by="device_2")


async def under_a_session_that_has_expired(ward: HttpWard, day_id: str) -> Answer:
    session = (await ward.get("/v1/sessions/current", by="nurse")).body["session"]
    ward.pass_by(hours=13)
    return await called(ward, day_id, session=session)


async def under_a_session_that_is_nobodys(ward: HttpWard, day_id: str) -> Answer:
    return await called(ward, day_id, session="session-of-nobody")


async def with_a_badge_that_is_locked(ward: HttpWard, day_id: str) -> Answer:
    for _ in range(5):
        await ward.post("/v1/sessions", {"badge": "B-nurse-1", "pin": "0000"}, by="device")
    return await called(ward, day_id, badge="B-nurse-1")


async def with_the_badge_of_somebody_disabled(ward: HttpWard, day_id: str) -> Answer:
    await ward.service.access.disable_staff("nurse-1", OPERATOR)
    return await called(ward, day_id, badge="B-nurse-1")


async def by_the_page_when_its_session_has_ended(ward: HttpWard, day_id: str) -> Answer:
    await ward.call("DELETE", "/v1/sessions/current", by="nurse")
    cookies = f"infusion_session={ward.tokens['nurse']}; infusion_device={ward.tokens['device']}"
    origin = f"http://{ward.client.host}:{ward.client.port}"
    body = {"event_id": new_event_id(), "type": EMERGENCY, "data": WHY}
    return await ward.post(f"/v1/days/{day_id}/events", body, by=None, Cookie=cookies, Origin=origin)


async def while_two_people_enter_something_apart(ward: HttpWard, day_id: str) -> Answer:
    check = {"event_id": new_event_id(), "day": day_id, "type": "bag.prepared", "data": BAG}
    await ward.post("/v1/double-checks", check)
    return await called(ward, day_id)


async def with_a_second_person_who_is_nobody(ward: HttpWard, day_id: str) -> Answer:
    return await called(ward, day_id, second={"token": "infs_nobody"})


CALLS: tuple[Call, ...] = (
    with_nobody_signed_in,
    from_a_tablet_that_asked_too_often,
    from_a_tablet_of_another_ward,
    under_a_session_that_has_expired,
    under_a_session_that_is_nobodys,
    with_a_badge_that_is_locked,
    with_the_badge_of_somebody_disabled,
    by_the_page_when_its_session_has_ended,
    while_two_people_enter_something_apart,
    with_a_second_person_who_is_nobody,
)


@pytest.mark.parametrize("call", CALLS, ids=[call.__name__ for call in CALLS])
async def test_an_emergency_is_taken(ward: HttpWard, call: Call) -> None:
    day_id = await ward.schedule()
    await ward.fact(day_id, "patient.checked_in", {"identity_check": "two_identifiers"})

    answer = await call(ward, day_id)

    assert answer.status == 201, answer.body
    assert answer.body["state"] == "emergency"


async def test_a_revoked_tablet_is_not_heard_at_all(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    await ward.fact(day_id, "patient.checked_in", {"identity_check": "two_identifiers"})
    await ward.service.access.revoke_device("tab-1", OPERATOR)

    assert (await called(ward, day_id)).status == 401
    assert (await called(ward, day_id, by="nurse")).status == 401
