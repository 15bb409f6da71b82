"""Reading outside one's ward: with a reason, for an hour, one patient, logged, listed until somebody else looked."""

from __future__ import annotations

from typing import Any

import pytest

from infusion_service.access.readings import Reading, reading_of
from tests.web.conftest import OPERATOR, VITALS, HttpWard, new_event_id, sign_in

REASON = "cardiac arrest call to the other ward"


@pytest.fixture
async def day_elsewhere(ward: HttpWard) -> str:
    """A day of P-glass on a ward that is not Nora's; she is signed in as `nora`, a charge nurse of her ward too."""
    for staff, role, wards in (
        ("nora", "nurse", ("neuro-day",)),
        ("carla", "charge_nurse", ("neuro-day",)),
        ("olga", "charge_nurse", ("onco-day",)),
    ):
        await ward.service.access.add_staff(
            staff,
            staff,
            role,  # type: ignore[arg-type]  # one of the roles
            badge=f"B-{staff}",
            pin="1234",
            wards=wards,
            by=OPERATOR,
        )
        ward.tokens[staff] = await sign_in(ward, staff)
    return await ward.schedule(ward="onco-day", patient={"id": "P-glass", "family": "Mustermann"})


async def break_glass(ward: HttpWard, by: str = "nora", patient: str = "P-glass", reason: str = REASON) -> Any:
    return await ward.post("/v1/break-glass", {"patient": patient, "reason": reason}, by=by)


async def readings(ward: HttpWard) -> list[Reading]:
    """What the log says of who read what, as `infusion audit reads` takes it from there."""
    entries = (await ward.get("/v1/log", by="auditor")).body["entries"]
    return [reading for entry in entries if (reading := reading_of(entry)) is not None]


async def test_it_opens_one_patients_days_for_reading(ward: HttpWard, day_elsewhere: str) -> None:
    other_patient = await ward.schedule(ward="onco-day")
    before = await ward.get(f"/v1/days/{day_elsewhere}", by="nora")
    broken = await break_glass(ward)
    view = await ward.get(f"/v1/days/{day_elsewhere}", by="nora")
    entries = await ward.get(f"/v1/days/{day_elsewhere}/entries", by="nora")
    others = await ward.get(f"/v1/days/{other_patient}", by="nora")
    colleague = await ward.get(f"/v1/days/{day_elsewhere}", by="carla")

    assert (before.status, broken.status, view.status, entries.status) == (404, 201, 200, 200)
    assert broken.body["expires_at"] == "2026-11-23T08:00:00.000Z"
    assert [day["day_id"] for day in broken.body["days"]] == [day_elsewhere]
    assert (others.status, colleague.status) == (404, 404)


async def test_it_opens_nothing_for_writing_and_no_feed(ward: HttpWard, day_elsewhere: str) -> None:
    await break_glass(ward)

    fact = await ward.fact(day_elsewhere, "vitals.recorded", VITALS, by="nora")
    check = {"event_id": new_event_id(), "day": day_elsewhere, "type": "bag.prepared", "data": {}}
    board = await ward.get("/v1/days", by="nora")
    log = await ward.get("/v1/log", by="nora")

    assert (fact.status, (await ward.post("/v1/double-checks", check, by="nora")).status) == (404, 404)
    assert board.body["days"] == []
    assert day_elsewhere not in str(log.body)


async def test_it_ends_after_an_hour_and_lives_through_a_new_session(ward: HttpWard, day_elsewhere: str) -> None:
    await break_glass(ward)
    ward.pass_by(minutes=59)
    ward.tokens["nora"] = await sign_in(ward, "nora")
    in_time = await ward.get(f"/v1/days/{day_elsewhere}", by="nora")
    ward.pass_by(minutes=1)

    assert in_time.status == 200
    assert (await ward.get(f"/v1/days/{day_elsewhere}", by="nora")).status == 404


async def test_each_reading_through_it_and_each_by_an_auditor_is_in_the_log(ward: HttpWard, day_elsewhere: str) -> None:
    glass = (await break_glass(ward)).body["id"]
    await ward.get(f"/v1/days/{day_elsewhere}", by="nora")
    await ward.get(f"/v1/days/{day_elsewhere}/entries", by="nora")
    await ward.get(f"/v1/days/{day_elsewhere}", by="auditor")
    await ward.get(f"/v1/log?day={day_elsewhere}", by="auditor")
    await ward.get(f"/v1/days/{day_elsewhere}", by="olga")

    found = await readings(ward)

    assert [(each.type, each.by.partition("-")[0], each.what, each.glass, each.reason) for each in found] == [
        ("glass.broken", "nora", None, glass, REASON),
        ("day.read", "nora", "view", glass, REASON),
        ("day.read", "nora", "entries", glass, REASON),
        ("day.read", "auditor", "view", None, None),
        ("day.read", "auditor", "log", None, None),
        ("log.read", "auditor", "log", None, None),
    ]
    assert found[0].patient == "P-glass"
    assert {each.day for each in found[1:-1]} == {day_elsewhere}


async def test_it_is_listed_until_somebody_else_has_looked_into_it(ward: HttpWard, day_elsewhere: str) -> None:
    glass = (await break_glass(ward)).body["id"]
    own = (await break_glass(ward, by="carla")).body["id"]

    waiting = (await ward.get("/v1/break-glass?open=true", by="carla")).body["break_glass"]
    elsewhere = (await ward.get("/v1/break-glass", by="olga")).body["break_glass"]
    by_herself = await ward.post(f"/v1/break-glass/{own}/review", {}, by="carla")
    reviewed = await ward.post(f"/v1/break-glass/{glass}/review", {}, by="carla")
    unknown = await ward.post("/v1/break-glass/glass-0/review", {}, by="carla")
    left = (await ward.get("/v1/break-glass?open=true", by="carla")).body["break_glass"]
    listed = (await ward.get("/v1/break-glass", by="auditor")).body["break_glass"]

    assert [each["id"] for each in waiting] == [glass, own] or [each["id"] for each in waiting] == [own, glass]
    assert elsewhere == []
    assert (by_herself.status, by_herself.code, unknown.status) == (403, "role_not_permitted", 404)
    assert (reviewed.body["reviewed_by"], reviewed.body["reason"]) == ("carla", REASON)
    assert [each["id"] for each in left] == [own]
    assert len(listed) == 2


async def test_an_administrator_sees_nothing_of_it(ward: HttpWard, day_elsewhere: str) -> None:
    await break_glass(ward)

    log = str((await ward.get("/v1/log", by="admin")).body)

    assert "P-glass" not in log
    assert REASON not in log


@pytest.mark.parametrize(
    ("wanted", "status", "pointer"),
    [
        ({"patient": "P-glass"}, 400, "/reason"),
        ({"patient": "P-glass", "reason": "why"}, 400, "/reason"),
        ({"patient": "", "reason": REASON}, 400, "/patient"),
        ({"patient": "P-unknown", "reason": REASON}, 404, None),
    ],
)
async def test_without_a_reason_or_a_patient_nothing_opens(
    ward: HttpWard, day_elsewhere: str, wanted: Any, status: int, pointer: str | None
) -> None:
    answer = await ward.post("/v1/break-glass", wanted, by="nora")

    assert answer.status == status
    if pointer is not None:
        assert answer.body["errors"][0]["pointer"] == pointer
    assert (await ward.get(f"/v1/days/{day_elsewhere}", by="nora")).status == 404


async def test_a_disabled_person_reads_no_more_through_it(ward: HttpWard, day_elsewhere: str) -> None:
    await break_glass(ward)
    await ward.call("PATCH", "/v1/staff/nora", {"disabled": True}, by="admin")

    assert (await ward.get(f"/v1/days/{day_elsewhere}", by="nora")).status == 401
