"""What two people enter apart is not delivered either, and what a sole nurse overrode is."""

from __future__ import annotations

import asyncio
import json

from tests.web.conftest import BAG, HttpWard, new_event_id
from tests.web.test_endpoints import Engine, engine, ward  # noqa: F401 - the fixtures

PATIENCE_S = 20
CANARY = "SECRET-BATCH-7"


async def heard(ward: HttpWard, receiver: Engine, entry_type: str) -> None:  # noqa: F811 - the fixture
    """Return once an entry of this type has been delivered; what came before it in its day has been by then."""
    async with asyncio.timeout(PATIENCE_S):
        while not any(json.loads(body)["type"] == f"infusion.{entry_type}.v1" for _, body in receiver.got):
            await ward.get("/health/live", by=None)


async def test_no_endpoint_hears_of_the_first_entry_or_of_a_refusal(
    ward: HttpWard,  # noqa: F811 - the fixture
    engine: tuple[Engine, str, int],  # noqa: F811 - the fixture
) -> None:
    receiver, url, _ = engine
    wanted = {"name": "engine", "url": url, "types": ["*"], "payload": "full"}
    assert (await ward.post("/v1/endpoints", wanted, by="integration")).status == 201
    day_id = await ward.schedule()
    check = {"event_id": new_event_id(), "day": day_id, "type": "bag.prepared", "data": {**BAG, "batch": CANARY}}
    assert (await ward.post("/v1/double-checks", check, by="nurse")).status == 201
    mismatch = await ward.fact(day_id, "bag.prepared", {**BAG, "batch": "SECRET-BATCH-8"}, by="nurse_2")
    await ward.fact(day_id, "note.added", {"text": "later"})
    await heard(ward, receiver, "note.added")
    before = b"".join(body for _, body in receiver.got)

    again = {**check, "event_id": new_event_id()}
    assert (await ward.post("/v1/double-checks", again, by="nurse")).status == 201
    prepared = await ward.fact(day_id, "bag.prepared", {**BAG, "batch": CANARY}, by="nurse_2")
    await heard(ward, receiver, "bag.prepared")
    after = b"".join(body for _, body in receiver.got)

    assert mismatch.code == "double_check_mismatch"
    assert b"SECRET" not in before
    assert prepared.status == 201
    assert CANARY.encode() in after


async def test_every_endpoint_hears_who_prepared_alone(
    ward: HttpWard,  # noqa: F811 - the fixture
    engine: tuple[Engine, str, int],  # noqa: F811 - the fixture
) -> None:
    receiver, url, _ = engine
    assert (await ward.post("/v1/endpoints", {"name": "engine", "url": url}, by="integration")).status == 201
    day_id = await ward.schedule()
    alone = {"guard": "second-person", "reason": "nobody else on the ward", "valid_minutes": 30}
    await ward.fact(day_id, "override.granted", alone)
    assert (await ward.fact(day_id, "bag.prepared", BAG)).status == 201

    await heard(ward, receiver, "override.used")

    events = {(event := json.loads(body))["type"]: event["data"] for _, body in receiver.got}
    granted, used = events["infusion.override.granted.v1"], events["infusion.override.used.v1"]
    assert (granted["actor"]["id"], granted["data"]["reason"]) == ("nurse-1", "nobody else on the ward")
    assert used["data"]["reason"] == "nobody else on the ward"
