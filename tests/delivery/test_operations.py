"""What the people who run engines are told: every operational event reaches who asked for it, and fits its schema."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from infusion_service.clinical.workflow import load_workflow
from infusion_service.delivery.requests import EndpointChange, Replay
from infusion_service.delivery.schedule import Reply
from infusion_service.delivery.schemas import schema_of
from infusion_service.settings import Settings
from tests.delivery.virtual import ADMIN, Receiver, Site, day, in_virtual_time, takes_all

HOUR = 3600.0
TOLD = {
    *("endpoint.created", "endpoint.changed", "endpoint.filter_changed", "endpoint.held", "endpoint.enabled"),
    *("endpoint.secret_rotated", "endpoint.secret_ended", "endpoint.config_error", "endpoint.failing"),
    *("endpoint.recovered", "endpoint.disabled", "endpoint.replayed", "endpoint.removed", "endpoint.heartbeat"),
    *("delivery.parked", "delivery.retried", "delivery.dropped"),
}


def answering(status: int) -> Any:
    async def script(_event: dict[str, Any], _now: datetime) -> Reply:
        return Reply(status=status)

    return script


async def live_through_everything(site: Site, endpoint: str, engine: Receiver) -> None:
    """One endpoint's whole life, with every trouble there is."""
    desk = site.endpoints.deliveries
    await site.fact(day(1))
    await asyncio.sleep(1)
    await desk.retry(endpoint, 1, "again", ADMIN)
    await asyncio.sleep(1)
    await desk.drop(endpoint, 1, "a test", ADMIN)
    await site.endpoints.change(endpoint, EndpointChange(name="renamed", permanent=[]), ADMIN)
    await site.endpoints.change(endpoint, EndpointChange(types=["*"], wards=["neuro-day"], severities=["high"]), ADMIN)
    await site.endpoints.rotate(endpoint, 10, ADMIN)
    await asyncio.sleep(20)
    await site.endpoints.set_state(endpoint, "held", ADMIN, "upgrade of the engine")
    await site.endpoints.set_state(endpoint, "active", ADMIN)
    engine.script = answering(500)
    await site.fact(day(2))
    await asyncio.sleep(HOUR)
    engine.script = takes_all
    await asyncio.sleep(HOUR)
    await site.endpoints.replay(endpoint, Replay(from_seq=1, to_seq=2), ADMIN)
    engine.script = answering(410)
    await site.fact(day(2))
    await asyncio.sleep(1)
    await site.endpoints.remove(endpoint, ADMIN)
    await asyncio.sleep(HOUR)


def test_operations_hear_of_everything_in_events_that_fit_their_schemas(tmp_path: Path) -> None:
    files = sorted(Settings().workflows_dir.glob("*.toml"))
    workflows = [load_workflow(path.read_bytes(), file=path.name) for path in files]

    async def work() -> None:
        site = Site(tmp_path / "secrets.key")
        _, operations = await site.endpoint(types=["endpoint.*", "delivery.*"], heartbeat_s=600)
        url = "https://two.hospital.test/"
        endpoint, engine = await site.endpoint(answering(404), url=url, types=["note.*"], permanent=[404])
        await live_through_everything(site, endpoint, engine)
        # What speaks of how it is set up is told at the first hit.
        third, _ = await site.endpoint(answering(401), url="https://three.hospital.test/")
        await site.fact(day(3))
        await asyncio.sleep(1)
        await site.endpoints.remove(third, ADMIN)
        await asyncio.sleep(1)
        heard = set()
        for arrival in operations.arrivals:
            told = arrival.event["type"].removeprefix("infusion.").removesuffix(".v1")
            heard.add(told)
            Draft202012Validator(schema_of(told, workflows, base=site.base)).validate(arrival.event)
        assert heard == TOLD
        # Of what happens to itself an endpoint hears nothing but a changed filter, or it would never be done.
        assert {a.event["type"] for a in engine.arrivals if "epsequence" in a.event} == {
            "infusion.note.added.v1",
            "infusion.endpoint.filter_changed.v1",
        }
        await site.endpoints.stop()

    in_virtual_time(work)
