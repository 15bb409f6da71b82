"""Kill -9 during delivery: nothing committed is lost, days stay in order, what comes twice is the same to the byte."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import signal
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from standardwebhooks import Webhook

from infusion_service.settings import Settings
from tests.drills.site import Serving, Site, served

DAYS = 6
KILL_S = 0.05, 0.5


class Receiver:
    """Takes deliveries slowly, now and then not at all, and remembers every one it answered 2xx or not."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.secret = ""
        self.bodies: dict[str, set[bytes]] = defaultdict(set)
        self.taken: list[dict[str, Any]] = []
        self.times = 0
        self._news = asyncio.Event()

    async def has_taken(self, wanted: set[str]) -> None:
        """Return once each of these has been taken."""
        while not wanted <= {event["id"] for event in self.taken}:
            self._news.clear()
            await self._news.wait()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        event = Webhook(self.secret).verify(body, headers)
        self.bodies[event["id"]].add(body)
        self.times += 1
        await asyncio.sleep(self.chance.random() * 0.01)  # replies take their time, so that kills fall into them
        if self.chance.random() < 0.005:
            return web.Response(status=500)
        self.taken.append(event)
        self._news.set()
        return web.Response(status=204)


@asynccontextmanager
async def listening(receiver: Receiver) -> AsyncIterator[int]:
    app, port = web.Application(), unused_port()
    app.router.add_post("/hook", receiver.take)
    async with TestServer(app, port=port):
        yield port


async def schedule(client: aiohttp.ClientSession, number: int) -> str:
    body = {
        "ward": "neuro-day",
        "patient": {"id": f"P-{number}", "family": "Müller"},
        "course": 1,
        "day": 1,
        "date": datetime.now(UTC).date().isoformat(),
    }
    async with client.post("/v1/days", json=body) as answer:
        assert answer.status == 201, await answer.text()
        return str((await answer.json())["day_id"])


async def post_notes(client: aiohttp.ClientSession, day: str) -> None:
    """Post notes until the service is gone."""
    while True:
        note = {"event_id": str(uuid.uuid4()), "type": "note.added", "data": {"text": "asleep"}}
        try:
            async with client.post(f"/v1/days/{day}/events", json=note) as answer:
                await answer.read()
        except aiohttp.ClientError:
            return


async def drill(directory: Path, *, cycles: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - it chooses moments
    receiver = Receiver(chance)
    async with listening(receiver) as port:
        # A copy, so that whoever edits a workflow during the drill does not end it.
        workflows = shutil.copytree(Settings().workflows_dir, directory / "workflows")
        site = await Site(directory).found()
        with site.config.open("a", encoding="utf-8") as config:
            config.write(f'[delivery]\nplain_networks = ["127.0.0.1/32"]\nports = [{port}]\n')
            config.write(f'[workflows]\ndirectory = "{workflows}"\n')
        days: list[str] = []
        async with served(site) as serving:
            days = await prepare(serving, receiver, port)
        for _ in range(cycles):
            async with served(site) as serving, serving.client(connections=DAYS) as client:
                posting = [asyncio.create_task(post_notes(client, day)) for day in days]
                await asyncio.sleep(chance.uniform(*KILL_S))
                await serving.end(signal.SIGKILL)
                await asyncio.gather(*posting)
        async with served(site) as serving:
            wanted = await committed(serving, days)
            async with asyncio.timeout(60):
                await receiver.has_taken(set(wanted))
            assert await serving.end() == 0
    judge(receiver, wanted)
    print(f"{cycles} kills, {len(wanted)} deliveries, 0 lost, {receiver.times - len(wanted)} sent again")  # noqa: T201 - the figure


async def prepare(serving: Serving, receiver: Receiver, port: int) -> list[str]:
    async with serving.client("admin") as admin:
        body = {"name": "engine", "url": f"http://127.0.0.1:{port}/hook", "max_in_flight": 4, "catch_up_per_s": 1000}
        async with admin.post("/v1/endpoints", json=body) as answer:
            assert answer.status == 201, await answer.text()
            receiver.secret = (await answer.json())["secret"]
    async with serving.client() as client:
        return [await schedule(client, number) for number in range(DAYS)]


async def committed(serving: Serving, days: list[str]) -> list[str]:
    """Ids of what had to be delivered, in log order."""
    found: list[str] = []
    after = 0
    async with serving.client("auditor") as client:
        while True:
            async with client.get(f"/v1/log?after={after}&limit=1000") as answer:
                page = await answer.json()
            if not page["entries"]:
                return found
            after = page["next_after"]
            found += [
                e["entry_id"] for e in page["entries"] if e["stream"] in days and e["kind"] in ("fact", "derived")
            ]


def judge(receiver: Receiver, wanted: list[str]) -> None:
    # All that was committed, and nothing that was not.
    assert {event["id"] for event in receiver.taken} == set(wanted)
    assert set(receiver.bodies) == set(wanted)
    assert all(len(bodies) == 1 for bodies in receiver.bodies.values())
    numbers = {int(json.loads(next(iter(bodies)))["epsequence"]) for bodies in receiver.bodies.values()}
    assert numbers == set(range(1, max(numbers) + 1))
    highest: dict[str, int] = defaultdict(int)
    seen = set()
    for event in receiver.taken:
        if event["id"] not in seen:
            seen.add(event["id"])
            assert int(event["epsequence"]) > highest[event["subject"]]
            highest[event["subject"]] = int(event["epsequence"])


@pytest.mark.timeout(120)
async def test_five_kills_during_delivery(tmp_path: Path) -> None:
    await drill(tmp_path, cycles=5, seed=7)


@pytest.mark.drill
@pytest.mark.timeout(1800)
async def test_a_hundred_kills_during_delivery(tmp_path: Path) -> None:
    await drill(tmp_path, cycles=100, seed=11)
