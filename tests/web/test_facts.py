"""Posting over HTTP: scheduling, receipts, replays, refusals, batches, double checks."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.web.conftest import BAG, OPERATOR, VITALS, HttpWard, new_event_id


async def test_a_scheduled_day_is_there_to_be_read(ward: HttpWard) -> None:
    body = {
        "ward": "neuro-day",
        "patient": {"id": "P-900"},
        "workflow": "alemtuzumab",
        "course": 1,
        "day": 1,
        "date": "2026-11-23",
        "baseline_deficits": [],
        "attested_history": [],
    }

    made = await ward.post("/v1/days", body)
    read = await ward.get(made.headers["Location"])

    assert made.status == 201
    assert (made.body["state"], made.body["ward"], made.body["date"]) == ("scheduled", "neuro-day", "2026-11-23")
    assert read.body == made.body
    assert read.headers["ETag"] == made.headers["ETag"] == f'"{read.body["version"]}"'
    assert read.headers["Cache-Control"] == "no-store"


async def test_the_same_scheduling_again_finds_the_same_day(ward: HttpWard) -> None:
    body = {
        "event_id": new_event_id(),
        "ward": "neuro-day",
        "patient": {"id": "P-901"},
        "workflow": "alemtuzumab",
        "course": 1,
        "day": 1,
        "date": "2026-11-23",
    }

    first, again = await ward.post("/v1/days", body), await ward.post("/v1/days", body)
    other = await ward.post("/v1/days", {**body, "date": "2026-11-24"})

    assert (first.status, again.status) == (201, 200)
    assert again.body["day_id"] == first.body["day_id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status, other.code) == (422, "event_id_reused")


async def test_a_day_that_cannot_be_is_refused_with_pointers_into_what_was_sent(ward: HttpWard) -> None:
    answer = await ward.post("/v1/days", {"ward": "nowhere", "patient": {"id": "P-902"}, "course": 1, "day": 1})

    assert (answer.status, answer.code) == (422, "invalid_fact")
    assert "/ward" in [error["pointer"] for error in answer.body["errors"]]


async def test_a_fact_gets_a_receipt_and_the_same_one_again(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    fact = {"event_id": new_event_id(), "type": "vitals.recorded", "data": VITALS}

    first = await ward.post(f"/v1/days/{day_id}/events", fact)
    again = await ward.post(f"/v1/days/{day_id}/events", fact)

    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body
    assert first.headers["ETag"] == f'"{first.body["day_version"]}"'
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_another_body_or_another_person_under_a_used_event_id_is_refused(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    fact = {"event_id": new_event_id(), "type": "note.added", "data": {"text": "calm"}}
    await ward.post(f"/v1/days/{day_id}/events", fact)

    other_body = await ward.post(f"/v1/days/{day_id}/events", {**fact, "data": {"text": "restless"}})
    other_person = await ward.post(f"/v1/days/{day_id}/events", fact, by="nurse_2")

    assert (other_body.status, other_body.code) == (422, "event_id_reused")
    assert (other_person.status, other_person.code) == (422, "event_id_reused")


async def test_twenty_posts_of_one_fact_at_once_give_one_entry_and_equal_receipts(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    fact = {"event_id": new_event_id(), "type": "note.added", "data": {"text": "once"}}

    answers = await asyncio.gather(*(ward.post(f"/v1/days/{day_id}/events", fact) for _ in range(20)))
    entries = await ward.get(f"/v1/days/{day_id}/entries")

    assert sorted(answer.status for answer in answers) == [*[200] * 19, 201]
    assert all(answer.body == answers[0].body for answer in answers)
    assert [entry["type"] for entry in entries.body["entries"]] == ["day.scheduled", "note.added"]


async def test_sixty_four_posts_at_once_end_in_one_order_without_a_lost_one(ward: HttpWard) -> None:
    day_id = await ward.schedule()

    answers = await asyncio.gather(*(ward.fact(day_id, "note.added", {"text": str(n)}) for n in range(64)))
    view = await ward.get(f"/v1/days/{day_id}")

    assert {answer.status for answer in answers} == {201}
    assert sorted(answer.body["day_version"] for answer in answers) == list(range(2, 66))
    assert view.body["version"] == 65


async def test_a_refusal_is_final_and_says_so_the_second_time(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    start = {"event_id": new_event_id(), "type": "screening.started", "data": {}}

    refused = await ward.post(f"/v1/days/{day_id}/events", start)
    await ward.fact(day_id, "patient.checked_in", {"identity_check": "two_identifiers"})
    again = await ward.post(f"/v1/days/{day_id}/events", start)
    anew = await ward.fact(day_id, "screening.started")

    assert (refused.status, refused.code) == (409, "transition_not_allowed")
    assert refused.body["state"] == "scheduled"
    assert "patient.checked_in" in refused.body["allowed"]
    assert (again.status, again.code) == (409, "transition_not_allowed")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (anew.status, anew.body["state"]) == (201, "screening")


async def test_a_stale_version_is_refused_and_decides_nothing(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    fact = {"event_id": new_event_id(), "type": "note.added", "data": {"text": "x"}}

    stale = await ward.post(f"/v1/days/{day_id}/events", fact, If_Match='"7"')
    fresh = await ward.post(f"/v1/days/{day_id}/events", fact, If_Match='"1"')
    broken = await ward.post(f"/v1/days/{day_id}/events", fact, If_Match='W/"1"')

    assert (stale.status, stale.code) == (412, "version_conflict")
    assert fresh.status == 201
    assert (broken.status, broken.code) == (400, "malformed")


async def test_a_fact_of_no_day_is_not_found(ward: HttpWard) -> None:
    assert (await ward.fact(new_event_id(), "note.added", {"text": "x"})).code == "not_found"
    assert (await ward.fact("nonsense", "note.added", {"text": "x"})).code == "not_found"


async def test_who_may_not_post_is_refused_and_the_refusal_is_kept(ward: HttpWard) -> None:
    day_id = await ward.schedule()

    for by in ("auditor", "integration", "admin", "pharmacist"):
        answer = await ward.fact(day_id, "patient.checked_in", {"identity_check": "two_identifiers"}, by=by)
        assert (answer.status, answer.code) == (403, "role_not_permitted"), by

    entries = (await ward.get(f"/v1/days/{day_id}/entries")).body["entries"]
    assert [entry["type"] for entry in entries[1:]] == ["fact.refused"] * 4
    assert {entry["actor"]["role"] for entry in entries[1:]} == {"auditor", "integration", "admin", "pharmacist"}


async def test_the_actor_comes_from_the_credential(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    await ward.fact(day_id, "note.added", {"text": "x"}, device_seq=41)
    await ward.fact(day_id, "vitals.recorded", {**VITALS, "source": "monitor"}, by="device")

    noted, measured = (await ward.get(f"/v1/days/{day_id}/entries")).body["entries"][1:3]

    assert noted["actor"] == {"id": "nurse-1", "role": "nurse", "how": "session"}
    assert noted["device"] == {"id": "tab-1", "seq": 41}
    assert noted["session"].startswith("session-")
    assert measured["actor"] == {"id": "tab-1", "role": "device", "how": "device"}
    assert "session" not in measured


async def test_a_tablet_brings_facts_of_a_session_that_has_ended(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    session = (await ward.post("/v1/sessions", {"badge": "B-nurse-1", "pin": "1234"}, by="device")).body
    ward.pass_by(minutes=20)
    entered = ward.clock.now().isoformat()
    ward.pass_by(hours=2)
    brought: dict[str, Any] = {"session": session["session"], "occurred_at": entered, "recorded_at": entered}

    accepted = await ward.fact(
        day_id, "note.added", {"text": "offline"}, by="device", late_reason="offline", sent_at=None, **brought
    )
    ward.tokens["tab-3"] = await ward.service.access.enrol_device("tab-3", "neuro-day", OPERATOR)
    other_tablet = await ward.fact(day_id, "note.added", {"text": "x"}, by="tab-3", late_reason="offline", **brought)
    other_ward = await ward.fact(day_id, "note.added", {"text": "x"}, by="device_2", late_reason="offline", **brought)
    unknown = await ward.fact(day_id, "note.added", {"text": "x"}, by="device", session="session-0")

    entry = (await ward.get(f"/v1/days/{day_id}/entries", by="auditor")).body["entries"][1]
    assert accepted.status == 201, accepted.body
    assert entry["actor"] == {"id": "nurse-1", "role": "nurse", "how": "session_expired"}
    assert entry["session"] == session["session"]
    assert (other_tablet.status, other_tablet.code) == (403, "role_not_permitted")
    assert (other_ward.status, other_ward.code) == (404, "not_found")
    assert (unknown.status, unknown.code) == (403, "role_not_permitted")


async def test_a_fact_under_a_session_it_cannot_stand_under_is_refused_and_kept(ward: HttpWard) -> None:
    day_id = await ward.schedule()

    await ward.fact(day_id, "vitals.recorded", VITALS, by="device", session="session-0")
    await ward.fact(day_id, "note.added", {"text": "x"}, by="nurse", session="session-0")
    refused = (await ward.get(f"/v1/days/{day_id}/entries")).body["entries"][1:]

    assert [(entry["type"], entry["data"]["code"]) for entry in refused] == [
        ("fact.refused", "role_not_permitted"),
        ("fact.refused", "role_not_permitted"),
    ]
    assert {(entry["actor"]["id"], entry["actor"]["role"]) for entry in refused} == {("tab-1", "session_invalid")}


async def test_an_emergency_counts_whatever_is_wrong_with_the_session_it_names(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    await ward.fact(day_id, "patient.checked_in", {"identity_check": "two_identifiers"})

    declared = await ward.fact(day_id, "emergency.declared", {"reason": "other"}, by="device", session="session-0")
    view = await ward.get(f"/v1/days/{day_id}")

    assert (declared.status, declared.body["state"]) == (201, "emergency")
    assert len(view.body["unconfirmed"]) == 1


async def test_a_batch_answers_for_each_item_in_order(ward: HttpWard) -> None:
    day_id = await ward.schedule()

    def note(text: str, **more: Any) -> dict[str, Any]:
        return {"event_id": new_event_id(), "day": day_id, "type": "note.added", "data": {"text": text}, **more}

    twice = note("twice")
    items = [
        note("first"),
        twice,
        twice,
        {"day": day_id, "type": "note.added", "data": {}},
        note("x", type="screening.started", data={}),
        note("lost", day=new_event_id()),
        note("a", group="g"),
        note("b", group="g", event_id="broken"),
        "nonsense",
    ]

    answer = await ward.post("/v1/batches", {"items": items})
    results = answer.body["items"]

    assert answer.status == 200
    assert [result["status"] for result in results] == [
        *("accepted", "accepted", "duplicate"),
        *["refused"] * 6,
    ]
    assert results[1]["receipt"] == results[2]["receipt"]
    codes = [result["problem"]["code"] for result in results[3:]]
    assert codes == ["malformed", "transition_not_allowed", "not_found", "malformed", "malformed", "malformed"]
    assert results[3]["problem"]["errors"][0]["pointer"] == "/items/3/event_id"


async def test_a_batch_item_refused_before_is_refused_the_same(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    item = {"event_id": new_event_id(), "day": day_id, "type": "screening.started", "data": {}}
    first = (await ward.post("/v1/batches", {"items": [item]})).body["items"][0]

    again = (await ward.post("/v1/batches", {"items": [item]})).body["items"][0]

    assert "replayed" not in first
    assert again["replayed"] is True
    assert again["problem"]["code"] == first["problem"]["code"]


async def test_a_batch_that_is_too_long_is_refused_whole(ward: HttpWard) -> None:
    answer = await ward.post("/v1/batches", {"items": [{}] * 501})

    assert (answer.status, answer.code, answer.body["limit_items"]) == (413, "too_large", 500)
    assert (await ward.post("/v1/batches", {"items": []})).body == {"items": []}


async def test_a_double_check_is_blind_until_the_second_person_agrees(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    check = {"event_id": new_event_id(), "day": day_id, "type": "bag.prepared", "data": BAG}

    entered = await ward.post("/v1/double-checks", check, by="nurse")
    before = (await ward.get(f"/v1/days/{day_id}/entries", by="nurse_2")).body["entries"][-1]
    in_the_log = (await ward.get(f"/v1/log?day={day_id}&type=double_check.entered", by="auditor")).body["entries"][0]
    prepared = await ward.fact(day_id, "bag.prepared", BAG, by="nurse_2")
    entries = (await ward.get(f"/v1/days/{day_id}/entries", by="nurse_2")).body["entries"]
    after = [entry for entry in entries if entry["kind"] == "fact"]

    assert entered.status == 201
    assert entered.body["double_check"] == check["event_id"]
    assert entered.body["expires_at"] == "2026-11-23T07:30:00.000Z"
    assert (before["type"], before["data"], before["withheld"]) == ("double_check.entered", {}, True)
    assert (in_the_log["data"], in_the_log["withheld"]) == ({}, True)
    assert prepared.status == 201
    assert after[1]["data"]["data"]["batch"] == "L-1"
    assert after[2]["second"]["id"] == "nurse-1"


async def test_a_double_check_that_differs_tells_neither_value(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    check = {"event_id": new_event_id(), "day": day_id, "type": "bag.prepared", "data": BAG}
    await ward.post("/v1/double-checks", check, by="nurse")

    differs = await ward.fact(day_id, "bag.prepared", {**BAG, "batch": "L-2"}, by="nurse_2")
    entries = (await ward.get(f"/v1/days/{day_id}/entries", by="auditor")).body["entries"]

    assert (differs.status, differs.code) == (409, "double_check_mismatch")
    assert "L-" not in str(differs.body)
    assert "L-" not in str(entries)
    ward.pass_by(minutes=31)
    later = (await ward.get(f"/v1/days/{day_id}/entries", by="auditor")).body["entries"]
    assert "L-1" in str(later)


async def test_one_person_is_not_two(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    check = {"event_id": new_event_id(), "day": day_id, "type": "bag.prepared", "data": BAG}
    await ward.post("/v1/double-checks", check, by="nurse")

    alone = await ward.fact(day_id, "bag.prepared", BAG, by="nurse")

    assert (alone.status, alone.code) == (409, "second_person_required")
