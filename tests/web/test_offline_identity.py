"""Under whom a fact counts that a tablet brings late: ended sessions, badges without PIN, nobody at all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from infusion_service.clinical.vocabulary import format_time
from tests.web.conftest import BAG, OPERATOR, VITALS, Answer, HttpWard, new_event_id, sign_in

NOTE = {"text": "resting"}


async def entry_of(ward: HttpWard, day_id: str, event_id: str) -> dict[str, Any]:
    entries = (await ward.get(f"/v1/days/{day_id}/entries", by="device")).body["entries"]
    found: dict[str, Any] = next(entry for entry in entries if entry["entry_id"] == event_id)
    return found


async def scanned(
    ward: HttpWard,
    day_id: str,
    badge: str,
    kind: str = "note.added",
    data: Any = None,
    *,
    by: str = "device",
    **more: Any,
) -> tuple[Answer, str]:
    """Post a fact of somebody whose badge was scanned."""
    event_id = new_event_id()
    body = {"event_id": event_id, "type": kind, "data": NOTE if data is None else data, "badge": badge, **more}
    return await ward.post(f"/v1/days/{day_id}/events", body, by=by), event_id


async def test_a_badge_scanned_offline_names_a_person_who_still_has_to_confirm(ward: HttpWard) -> None:
    day_id = await ward.schedule()

    taken, event_id = await scanned(ward, day_id, "B-nurse-1", "vitals.recorded", VITALS)
    entry = await entry_of(ward, day_id, event_id)
    unconfirmed = (await ward.get(f"/v1/days/{day_id}")).body["unconfirmed"]
    confirmed = await ward.fact(day_id, "entry.confirmed", {"entry": event_id})
    after = (await ward.get(f"/v1/days/{day_id}")).body["unconfirmed"]

    assert taken.status == 201, taken.body
    assert entry["actor"] == {"id": "nurse-1", "role": "nurse", "how": "offline_badge"}
    assert entry["device"]["id"] == "tab-1"
    assert "session" not in entry
    assert event_id in str(unconfirmed)
    assert (confirmed.status, after) == (201, [])


async def test_the_page_brings_what_was_charted_by_badge_also_while_somebody_is_signed_in(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    cookies = f"infusion_session={ward.tokens['nurse_2']}; infusion_device={ward.tokens['device']}"
    as_page = {"Cookie": cookies, "Origin": str(ward.client.make_url("")).rstrip("/")}
    event_id = new_event_id()
    items = [{"event_id": event_id, "day": day_id, "type": "note.added", "data": NOTE, "badge": "B-nurse-1"}]

    under_the_session = await ward.post("/v1/batches", {"items": items}, by=None, **as_page)
    taken = await ward.post("/v1/batches", {"items": items}, by=None, **as_page, Infusion_As="device")

    assert under_the_session.body["items"][0]["problem"]["code"] == "malformed"
    assert taken.body["items"][0]["status"] == "accepted"
    assert (await entry_of(ward, day_id, event_id))["actor"]["id"] == "nurse-1"


async def test_the_badge_itself_is_kept_nowhere(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    await scanned(ward, day_id, "B-nurse-1")
    await scanned(ward, day_id, "B-unknown-1")
    await scanned(ward, day_id, "B-nurse-1", "screening.started", {})

    log = str((await ward.get("/v1/log", by="auditor")).body)

    assert "B-nurse-1" not in log
    assert "B-unknown-1" not in log


async def test_a_badge_alone_is_enough_for_offline_facts_only(ward: HttpWard) -> None:
    day_id = await ward.schedule()

    refused, event_id = await scanned(
        ward, day_id, "B-nurse-1", "patient.checked_in", {"identity_check": "two_identifiers"}
    )
    bag, _ = await scanned(ward, day_id, "B-pharm-1", "bag.prepared", BAG)
    entry = await entry_of(ward, day_id, event_id)

    assert (refused.status, refused.code, bag.code) == (403, "role_not_permitted", "role_not_permitted")
    assert (entry["type"], entry["actor"]["id"], entry["actor"]["how"]) == ("fact.refused", "nurse-1", "offline_badge")


async def test_a_badge_resumes_only_together_with_the_pause(ward: HttpWard) -> None:
    day_id = await ward.schedule()

    alone, _ = await scanned(ward, day_id, "B-nurse-1", "infusion.resumed", {"rate_ml_per_h": 25})
    together, _ = await scanned(ward, day_id, "B-nurse-1", "infusion.resumed", {"rate_ml_per_h": 25}, group="pause")

    assert (alone.code, together.code) == ("role_not_permitted", "transition_not_allowed")


async def test_the_roles_own_limits_hold_for_a_badge_too(ward: HttpWard) -> None:
    day_id = await ward.schedule()

    by_pharmacist, _ = await scanned(ward, day_id, "B-pharm-1", "vitals.recorded", VITALS)

    assert by_pharmacist.code == "role_not_permitted"


async def test_a_badge_comes_from_a_tablet_and_with_nothing_beside_it(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    session = (await ward.get("/v1/sessions/current")).body["session"]

    answers = [
        (await scanned(ward, day_id, "B-nurse-1", by=by))[0] for by in ("nurse_2", "auditor", "integration", "admin")
    ]
    answers.append((await scanned(ward, day_id, "B-nurse-1", session=session))[0])

    assert {(answer.status, answer.body["errors"][0]["pointer"]) for answer in answers} == {(400, "/badge")}


@pytest.mark.parametrize("how", ["disabled", "locked", "changed"])
async def test_a_badge_counts_no_more_from_the_moment_it_was_shut_out(ward: HttpWard, how: str) -> None:
    day_id = await ward.schedule()
    before = format_time(ward.clock.now())
    ward.pass_by(minutes=10)
    if how == "disabled":
        await ward.call("PATCH", "/v1/staff/nurse-1", {"disabled": True}, by="admin")
    elif how == "changed":
        await ward.call("PATCH", "/v1/staff/nurse-1", {"badge": "B-new"}, by="admin")
    else:
        for _ in range(5):
            await ward.post("/v1/sessions", {"badge": "B-nurse-1", "pin": "0000"}, by="device")
    ward.pass_by(minutes=1)

    then = {"occurred_at": before, "recorded_at": before, "late_reason": "offline"}
    entered_before, _ = await scanned(ward, day_id, "B-nurse-1", **then)
    entered_after, _ = await scanned(ward, day_id, "B-nurse-1")
    stop, event_id = await scanned(ward, day_id, "B-nurse-1", "infusion.stopped", {"reason": "technical"})

    assert entered_after.code == "role_not_permitted"
    assert entered_before.status == (403 if how == "changed" else 201), entered_before.body
    # A stop counts whatever is wrong with the badge: then it is the tablet's, until somebody claims it.
    assert stop.code != "role_not_permitted"
    assert (await entry_of(ward, day_id, event_id))["actor"]["id"] == "tab-1"


async def test_one_tablet_brings_what_several_people_entered_after_their_sessions_ended(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    opened = {}
    for staff in ("nurse-1", "nurse-2", "doc-1"):
        answer = await ward.post("/v1/sessions", {"badge": f"B-{staff}", "pin": "1234"}, by="device")
        opened[staff] = answer.body["session"]
        ward.pass_by(minutes=5)
    entered = {staff: format_time(ward.clock.now() + timedelta(minutes=n)) for n, staff in enumerate(opened)}
    ward.pass_by(hours=3)

    def item(staff: str, **more: Any) -> dict[str, Any]:
        times = {"occurred_at": entered[staff], "recorded_at": entered[staff], "late_reason": "offline"}
        return {"event_id": new_event_id(), "day": day_id, "type": "note.added", "data": NOTE, **times, **more}

    items = [
        *(item(staff, session=session) for staff, session in opened.items()),
        item("nurse-1", badge="B-charge-1"),
        item("nurse-1", type="vitals.recorded", data=VITALS),
    ]
    results = (await ward.post("/v1/batches", {"items": items}, by="device")).body["items"]

    assert {result["status"] for result in results} == {"accepted"}
    actors = [(await entry_of(ward, day_id, item["event_id"]))["actor"] for item in items]
    assert [(actor["id"], actor["how"]) for actor in actors] == [
        *((staff, "session_expired") for staff in opened),
        ("charge-1", "offline_badge"),
        ("tab-1", "device"),
    ]


async def test_a_revoked_session_counts_up_to_its_end_and_a_revoked_tablet_not_at_all(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    session = (await ward.get("/v1/sessions/current")).body["session"]
    before = format_time(ward.clock.now())
    ward.pass_by(minutes=5)
    await ward.call("DELETE", f"/v1/sessions/{session}", by="charge_nurse")
    after = format_time(ward.clock.now())
    ward.pass_by(minutes=5)

    def entered(at: str) -> dict[str, Any]:
        return {"occurred_at": at, "recorded_at": at, "late_reason": "offline", "session": session}

    in_its_life = await ward.fact(day_id, "note.added", NOTE, by="device", **entered(before))
    past_its_end = await ward.fact(day_id, "note.added", NOTE, by="device", **entered(after))
    await ward.call("PATCH", "/v1/devices/tab-1", {"revoked": True}, by="admin")
    revoked = await ward.fact(day_id, "note.added", NOTE, by="device", **entered(before))

    assert in_its_life.status == 201, in_its_life.body
    assert (past_its_end.status, past_its_end.code) == (403, "role_not_permitted")
    assert (revoked.status, revoked.code) == (401, "not_authenticated")


async def test_who_works_on_several_wards_brings_their_facts_through_a_tablet_of_one(ward: HttpWard) -> None:
    elsewhere = await ward.schedule(ward="onco-day")
    session = (await ward.get("/v1/sessions/current")).body["session"]

    alone = await ward.fact(elsewhere, "note.added", NOTE, by="device")
    hers = await ward.fact(elsewhere, "note.added", NOTE, by="device", session=session)
    await ward.service.access.add_staff(
        "nurse-9", "x", "nurse", badge="B-nurse-9", pin="1234", wards=("neuro-day",), by=OPERATOR
    )
    scanned_there, _ = await scanned(ward, elsewhere, "B-nurse-9")

    assert (alone.status, hers.status, scanned_there.status) == (404, 201, 404)


async def test_stop_and_emergency_work_from_a_locked_tablet_and_wait_to_be_claimed(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    await ward.fact(day_id, "patient.checked_in", {"identity_check": "two_identifiers"})

    declared = await ward.fact(day_id, "emergency.declared", {"reason": "other"}, by="device")
    stopped = await ward.fact(day_id, "infusion.stopped", {"reason": "reaction"}, by="device")
    unconfirmed = (await ward.get(f"/v1/days/{day_id}")).body["unconfirmed"]
    ward.tokens["new"] = await sign_in(ward, "nurse-2")
    for receipt in (declared, stopped):
        claimed = await ward.fact(day_id, "entry.confirmed", {"entry": receipt.body["event_id"]}, by="new")
        assert claimed.status == 201

    assert (declared.status, stopped.status, len(unconfirmed)) == (201, 201, 2)
    assert (await ward.get(f"/v1/days/{day_id}")).body["unconfirmed"] == []
