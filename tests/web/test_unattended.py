"""A tablet on which nobody is signed in: initials and figures, on every route it may call and on the stream."""

from __future__ import annotations

import asyncio
import json

import pytest

from infusion_service.web.routes import ROUTES
from tests.web.conftest import BAG, VITALS, HttpWard
from tests.web.test_stream import listening

PATIENT = {
    "id": "P-unattended",
    "family": "Zuckmayer",
    "given": "Quirina",
    "born": "1961-07-13",
    "identifiers": [{"system": "urn:oid:1.2.3", "value": "INS-445566"}],
}
WORDS = "Quirina Zuckmayer told us"
SAID = ("Zuckmayer", "Quirina", "1961-07-13", "INS-445566", "urn:oid:1.2.3", "told us")

LISTENED_TO = "/v1/log/stream"
READ = [route.path for route in ROUTES if "device" in route.allowed and route.method == "GET"]


async def a_day_full_of_names(ward: HttpWard) -> str:
    """A day on which everything that takes words was written with a name in it."""
    day_id = await ward.schedule(patient=PATIENT, attested_history=[])
    await ward.fact(day_id, "patient.checked_in", {"identity_check": "two_identifiers"})
    await ward.fact(day_id, "note.added", {"text": WORDS})
    alone = {"guard": "second-person", "reason": WORDS, "valid_minutes": 30}
    assert (await ward.fact(day_id, "override.granted", alone)).status == 201
    assert (await ward.fact(day_id, "bag.prepared", {**BAG, "batch": "Zuckmayer"})).status == 201
    late = {"occurred_at": "2026-11-23T06:00:00Z", "late_reason": WORDS}
    await ward.fact(day_id, "vitals.recorded", {**VITALS, "systolic_mmhg": 190}, **late)
    assert (await ward.fact(day_id, "screening.passed", {})).status in (403, 409)
    assert (await ward.fact(day_id, "note.added", {"text": WORDS}, by="auditor")).status == 403
    await ward.get(f"/v1/days/{day_id}/entries", by="auditor")
    return day_id


async def what_is_read(ward: HttpWard, path: str, day_id: str, by: str) -> str:
    if path == LISTENED_TO:
        async with listening(ward, by, "?after=0") as listener:
            seen = b""
            async with asyncio.timeout(5):
                while b"event: beat" not in seen:
                    seen += await listener.response.content.readany()
        return seen.decode()
    address = path.replace("{day}", day_id).replace("{name}", "alemtuzumab").replace("{version}", "1")
    query = {"/v1/log/proof/inclusion": "?seq=1", "/v1/log/proof/consistency": "?from=1"}.get(path, "")
    answers = [(await ward.get(address + query, by=by)).body]
    if path == "/v1/log":
        answers.append((await ward.get(address, by=by, Accept="application/x-ndjson")).body)
    if path == "/v1/days/{day}":
        answers.append((await ward.get(f"{address}?at=2026-11-23T07:00:00Z", by=by)).body)
    return json.dumps(answers)


@pytest.mark.parametrize("path", READ)
async def test_nothing_a_device_reads_has_a_name_or_words_in_it(ward: HttpWard, path: str) -> None:
    day_id = await a_day_full_of_names(ward)

    text = await what_is_read(ward, path, day_id, "device")

    assert [said for said in SAID if said in text] == []


async def test_somebody_who_is_signed_in_reads_all_of_it(ward: HttpWard) -> None:
    day_id = await a_day_full_of_names(ward)

    for path in ("/v1/days", "/v1/days/{day}", "/v1/days/{day}/entries", "/v1/log", LISTENED_TO):
        assert "Zuckmayer" in await what_is_read(ward, path, day_id, "nurse"), path


async def test_initials_figures_and_all_that_a_stop_needs_are_there(ward: HttpWard) -> None:
    day_id = await a_day_full_of_names(ward)

    view = (await ward.get(f"/v1/days/{day_id}", by="device")).body
    (row,) = (await ward.get("/v1/days", by="device")).body["days"]
    entries = (await ward.get(f"/v1/days/{day_id}/entries", by="device")).body["entries"]

    assert view["patient"] == row["patient"] == {"id": "P-unattended", "initials": "QZ"}
    assert {fact["type"] for fact in view["allowed"]} >= {"emergency.declared"}
    vitals = next(entry["data"] for entry in entries if entry["type"] == "vitals.recorded")
    assert (vitals["systolic_mmhg"], vitals["consciousness"]) == (190, "A")
    assert [entry["actor"]["id"] for entry in entries if entry["type"] == "note.added"] == ["nurse-1"]
    # The leaf of what is left out is there, so that the entry can still be asked for and proven.
    assert all({"seq", "leaf_hash", "pc", "entry_id"} <= entry.keys() for entry in entries)


async def test_the_record_to_print_is_for_people(ward: HttpWard) -> None:
    day_id = await a_day_full_of_names(ward)

    assert (await ward.get(f"/v1/days/{day_id}/report", by="device")).code == "role_not_permitted"
    assert (await ward.get(f"/v1/days/{day_id}/report", by="nurse")).status == 200
