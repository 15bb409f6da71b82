"""Two people: who counts as the second one, that the first entry stays unseen in every feed, what stands in for it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from infusion_service.clinical.vocabulary import format_time
from infusion_service.settings import Settings
from infusion_service.web.routes import ROUTES
from tests.web.conftest import BAG, STAFF, START, VITALS, WARDS, Answer, HttpWard, new_event_id, opened_ward, sign_in
from tests.web.test_stream import listening

CANARY = "SECRET-BATCH-7"
BAG_WITH_CANARY = {**BAG, "batch": CANARY}


async def enter_first(ward: HttpWard, day_id: str, *, by: str = "nurse", data: Any = None) -> str:
    """Enter a bag as the first person and return the id of the entry."""
    check = {"event_id": new_event_id(), "day": day_id, "type": "bag.prepared", "data": data or BAG}
    answer = await ward.post("/v1/double-checks", check, by=by)
    assert answer.status == 201, answer.body
    return str(answer.body["double_check"])


async def prepare(ward: HttpWard, day_id: str, *, by: str = "nurse_2", data: Any = None) -> Answer:
    return await ward.fact(day_id, "bag.prepared", data or BAG, by=by)


READABLE = [route for route in ROUTES if route.method == "GET"]
NAMED = {"name": "alemtuzumab", "version": "1", "file": "ward.js"}
ASKED = {"/v1/log/proof/inclusion": "?seq=1", "/v1/log/proof/consistency": "?from=1"}


async def feeds(ward: HttpWard, day_id: str) -> dict[str, str]:
    """Everything that anybody can read, as text: every route there is, by every role that may call it."""
    texts = {}
    for route in READABLE:
        address = re.sub(r"\{(\w+)\}", lambda found: {**NAMED, "day": day_id}.get(found[1], "none"), route.path)
        for by in sorted(route.allowed - {"nurse"} | {"nurse_2"} if route.allowed else {""}):
            where = f"{route.path} {by}"
            if route.path == "/v1/log/stream":
                texts[where] = await heard(ward, by)
                continue
            asked = address + ASKED.get(route.path, "")
            texts[where] = str((await ward.get(asked, by=by or None)).body)
            if route.path == "/v1/log":
                lines = await ward.get(address, by=by, Accept="application/x-ndjson")
                texts[f"{where} lines"] = str(lines.body)
            if route.path == "/v1/days/{day}" and by in route.allowed | {"nurse_2"}:
                texts[f"{where} then"] = str((await ward.get(f"{address}?at={format_time(START)}", by=by)).body)
    return texts


async def heard(ward: HttpWard, by: str) -> str:
    """The stream from its beginning up to the first beat."""
    seen = b""
    async with listening(ward, by, "?after=0") as listener, asyncio.timeout(5):
        while b"event: beat" not in seen:
            seen += await listener.response.content.readany()
    return seen.decode()


def telling(texts: Mapping[str, str]) -> list[str]:
    return [feed for feed, text in texts.items() if "SECRET" in text]


async def test_the_first_entry_is_unseen_in_every_feed_until_it_is_used(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    await enter_first(ward, day_id, data=BAG_WITH_CANARY)
    before = await feeds(ward, day_id)
    mismatch = await prepare(ward, day_id, data={**BAG, "batch": "SECRET-BATCH-8"})
    after_mismatch = await feeds(ward, day_id)

    assert {path.partition(" ")[0] for path in before} == {route.path for route in READABLE}
    assert telling(before) == []
    assert "SECRET" not in str(mismatch.body)
    assert telling(after_mismatch) == []
    await enter_first(ward, day_id, data=BAG_WITH_CANARY)  # both do it again
    prepared = await prepare(ward, day_id, data=BAG_WITH_CANARY)
    after = await feeds(ward, day_id)
    assert prepared.status == 201, prepared.body
    assert {"/v1/days/{day}/entries nurse_2", "/v1/log/stream auditor", "/v1/days/{day}/report prescriber"} <= {
        *telling(after)
    }


@pytest.mark.parametrize("data", [BAG_WITH_CANARY, {**BAG_WITH_CANARY, "dose_mg": 999_999}])
async def test_who_tried_alone_first_has_not_shown_it_by_that(ward: HttpWard, data: Any) -> None:
    day_id = await ward.schedule()
    alone = await prepare(ward, day_id, by="nurse", data=data)
    at_once = await feeds(ward, day_id)
    ward.pass_by(minutes=20)
    await ward.get(f"/v1/days/{day_id}", by="nurse")
    await enter_first(ward, day_id, data=BAG_WITH_CANARY)
    ward.pass_by(minutes=15)  # by now the refusal is old, and what it shows is being entered again
    for who, (staff_id, _) in STAFF.items():
        ward.tokens[who] = await sign_in(ward, staff_id)
    later = await feeds(ward, day_id)

    assert alone.status in (409, 422), alone.body
    assert telling(at_once) == telling(later) == []


async def test_what_expired_is_seen_and_counts_no_more(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    await enter_first(ward, day_id, data=BAG_WITH_CANARY)
    ward.pass_by(minutes=31)
    for who, staff in (("nurse_2", "nurse-2"), ("auditor", "")):
        if staff:
            ward.tokens[who] = await sign_in(ward, staff)

    seen = await ward.get(f"/v1/days/{day_id}/entries", by="nurse_2")
    alone = await prepare(ward, day_id, data=BAG_WITH_CANARY)

    assert CANARY in str(seen.body)
    assert (alone.status, alone.code) == (409, "second_person_required")


async def test_a_double_check_counts_once(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    await enter_first(ward, day_id)

    first = await prepare(ward, day_id)
    reused = await prepare(ward, day_id)

    assert first.status == 201
    assert (reused.status, reused.code) == (409, "second_person_required")


async def test_the_same_person_is_not_two_in_two_sessions_on_two_tablets(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    await enter_first(ward, day_id)
    ward.tokens["again"] = await sign_in(ward, "nurse-1", device="device_2")

    assert (await prepare(ward, day_id, by="again")).code == "second_person_required"


async def test_what_somebody_entered_whose_access_has_ended_counts_for_nobody(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    await enter_first(ward, day_id)
    await ward.call("PATCH", "/v1/staff/nurse-1", {"disabled": True}, by="admin")

    alone = await prepare(ward, day_id)
    await enter_first(ward, day_id, by="charge_nurse")
    with_another = await prepare(ward, day_id)

    assert (alone.status, alone.code) == (409, "second_person_required")
    assert with_another.status == 201
    entries = (await ward.get(f"/v1/days/{day_id}/entries", by="nurse_2")).body["entries"]
    assert [entry["second"]["id"] for entry in entries if entry["type"] == "bag.prepared"] == ["charge-1"]


async def override(ward: HttpWard, day_id: str, token: str | None, by: str = "prescriber") -> Answer:
    """Ask for an override that needs a second person's consent."""
    data = {"guard": "consent-recorded", "reason": "consented by telephone", "valid_minutes": 20}
    guards = (await ward.get("/v1/workflows/alemtuzumab/1")).body["guards"]
    data["guard"] = next(guard["id"] for guard in guards if (guard.get("override") or {}).get("consent"))
    second = {} if token is None else {"second": {"token": token}}
    return await ward.fact(day_id, "override.granted", data, by=by, **second)


async def test_consent_comes_from_somebody_else_who_is_signed_in_now(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    tokens = ward.tokens
    tokens["gone"] = await sign_in(ward, "pharm-1")
    await ward.call("DELETE", "/v1/sessions/current", by="gone")

    refused = {
        "nobody": await override(ward, day_id, None),
        "oneself": await override(ward, day_id, tokens["prescriber"]),
        "the tablet": await override(ward, day_id, tokens["device"]),
        "an office": await override(ward, day_id, tokens["auditor"]),
        "made up": await override(ward, day_id, "infs_made-up"),
        "signed out": await override(ward, day_id, tokens["gone"]),
    }
    consenting = await override(ward, day_id, tokens["pharmacist"])
    await ward.call("PATCH", "/v1/staff/pharm-1", {"disabled": True}, by="admin")
    disabled = await override(ward, day_id, tokens["pharmacist"])

    assert {who: answer.code for who, answer in refused.items()} == dict.fromkeys(refused, "second_person_required")
    assert consenting.status == 201, consenting.body
    assert disabled.code == "second_person_required"
    log = (await ward.get("/v1/log", by="auditor")).body
    assert not [token for token in tokens.values() if token in str(log)]


async def test_a_sole_nurse_overrides_alone_and_everybody_sees_it(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    alone = {"guard": "second-person", "reason": "nobody else on the ward", "valid_minutes": 30}
    granted = await ward.fact(day_id, "override.granted", alone)

    prepared = await prepare(ward, day_id, by="nurse")
    entries = (await ward.get(f"/v1/days/{day_id}/entries", by="auditor")).body["entries"]
    log = (await ward.get("/v1/log?type=override.used", by="auditor")).body["entries"]

    assert (granted.status, prepared.status) == (201, 201)
    used = [entry for entry in entries if entry["type"] == "override.used"]
    assert [entry["data"]["reason"] for entry in used] == ["nobody else on the ward"]
    assert used == log
    assert [entry["actor"]["id"] for entry in entries if entry["type"] == "override.granted"] == ["nurse-1"]


@pytest.mark.parametrize("by", ["nurse", "device", "prescriber"])
async def test_an_emergency_waits_for_nobody(ward: HttpWard, by: str) -> None:
    day_id = await ward.schedule()
    await ward.fact(day_id, "patient.checked_in", {"identity_check": "two_identifiers"})
    await enter_first(ward, day_id)

    declared = await ward.fact(day_id, "emergency.declared", {"reason": "other"}, by=by)

    assert (declared.status, declared.body["state"]) == (201, "emergency")


async def test_a_double_check_of_another_ward_is_no_double_check(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    async with opened_ward(replace(Settings(wards=WARDS, clock="simulated"), site="st-anna")) as elsewhere:
        check = {"event_id": new_event_id(), "day": day_id, "type": "bag.prepared", "data": BAG}
        assert (await elsewhere.post("/v1/double-checks", check)).code == "not_found"
    assert (await prepare(ward, day_id)).code == "second_person_required"
    assert (await ward.fact(day_id, "vitals.recorded", VITALS)).status == 201
