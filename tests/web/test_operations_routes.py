"""What an operator asks beside the figures: what holds an endpoint up, what was sent, what a new protocol changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from infusion_service.packaged import workflows_dir
from infusion_service.settings import Settings
from tests.web.conftest import WARDS, HttpWard, opened_ward

POISON = "P-poison"


class Engine:
    """A receiver that takes everything but what names one patient."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.refusing = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.got.append(body)
        if POISON.encode() in body:
            self.refusing.set()
            return web.Response(status=503, text="no room")
        return web.Response()


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[tuple[HttpWard, Engine, str]]:
    app, engine, port = web.Application(), Engine(), unused_port()
    app.router.add_post("/hook", engine.take)
    settings = Settings(
        wards=WARDS,
        clock="simulated",
        database=tmp_path / "infusion.db",
        delivery_plain_networks=("127.0.0.1/32",),
        delivery_ports=(port,),
    )
    async with TestServer(app, port=port), opened_ward(settings) as opened:
        await opened.service.endpoints.start()
        wanted = {"name": "engine", "url": f"http://127.0.0.1:{port}/hook", "types": ["day.*"]}
        made = await opened.post("/v1/endpoints", wanted, by="admin")
        yield opened, engine, f"/v1/endpoints/{made.body['id']}"


async def settled(ward: HttpWard, one: str, name: str, least: int = 1) -> dict[str, Any]:
    """Wait until the status counts at least so many of something."""
    while True:
        status: dict[str, Any] = (await ward.get(f"{one}/status", by="admin")).body
        if status[name] >= least:
            return status


async def test_the_status_names_what_holds_an_endpoint_up_and_what_was_answered(
    ward: tuple[HttpWard, Engine, str],
) -> None:
    opened, engine, one = ward
    poisoned = await opened.schedule(patient={"id": POISON})
    await opened.schedule()
    await engine.refusing.wait()
    status = await settled(opened, one, "blocked")
    await settled(opened, one, "last_acknowledged", 2)

    (held,) = status["blocked_deliveries"]
    assert (held["n"], held["subject"], held["type"]) == (1, poisoned, "day.scheduled")
    assert (held["last_attempt"]["status"], held["last_attempt"]["excerpt"]) == (503, "no room")
    assert held["next_attempt_at"] > status["as_of"]
    assert status["next_attempt_at"] == held["next_attempt_at"]
    assert (status["blocked"], status["lag_entries"] >= 1, status["circuit"]) == (1, True, "closed")


async def test_what_is_sent_is_shown_byte_by_byte_to_engines_alone(ward: tuple[HttpWard, Engine, str]) -> None:
    opened, engine, one = ward
    await opened.schedule(patient={"id": "P-body", "family": "Ümit"})
    await settled(opened, one, "last_acknowledged")
    address = f"{one}/deliveries/1/body"
    body = await opened.get(address, by="integration")

    assert body.body.encode() == engine.got[0]
    assert json.loads(body.body)["data"]["data"]["patient"]["family"] == "Ümit"
    for role in ("admin", "auditor"):
        assert (await opened.get(address, by=role)).code == "role_not_permitted"
    assert (await opened.get(f"{one}/deliveries/99/body", by="integration")).status == 404


async def test_two_versions_of_a_workflow_are_told_apart_as_the_command_does(tmp_path: Path) -> None:
    shipped = (workflows_dir() / "alemtuzumab.v1.toml").read_text(encoding="utf-8")
    newer = shipped.replace("\nversion = 1\n", "\nversion = 2\n", 1).replace(
        'title = "Ready"', 'title = "Ready now"', 1
    )
    folder = tmp_path / "workflows"
    folder.mkdir()
    (folder / "alemtuzumab.v1.toml").write_text(shipped, encoding="utf-8")
    (folder / "alemtuzumab.v2.toml").write_text(newer, encoding="utf-8")
    async with opened_ward(Settings(wards=WARDS, clock="simulated", workflows_dir=folder)) as opened:
        told = await opened.get("/v1/workflows/alemtuzumab/2/diff", by="integration")
        same = await opened.get("/v1/workflows/alemtuzumab/2/diff?from_version=1", by="admin")
        back = await opened.get("/v1/workflows/alemtuzumab/1/diff?from_version=2", by="admin")
        nothing = await opened.get("/v1/workflows/alemtuzumab/1/diff", by="admin")
        wrong = await opened.get("/v1/workflows/alemtuzumab/2/diff?from_version=0", by="admin")

    assert (told.body["before"]["version"], told.body["after"]["version"]) == (1, 2)
    assert told.body == same.body
    assert told.body["changes"] == [{"part": "states", "key": "ready.title", "change": "from Ready to Ready now"}]
    assert (back.body["before"]["version"], back.body["after"]["version"]) == (2, 1)
    assert (nothing.status, wrong.status) == (404, 400)
