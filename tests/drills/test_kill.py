"""Kill -9 while requests are in flight: nothing acknowledged is lost, nothing is there twice, ready within 2 s."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import aiohttp
import pytest

from infusion_service.log.sqlite import SqliteStore
from tests.drills.conftest import Drill, chance_of
from tests.drills.history import History, check_file
from tests.drills.site import Serving, Site, served
from tests.drills.tablets import Notebook, Tablet, settle

TABLETS = 16
KILL_S = 0.05, 0.35
READY_S_MAX = 2.0
"""For 95 of 100 restarts."""


@pytest.mark.timeout(120)
async def test_five_kills(drill: Drill, tmp_path: Path) -> None:
    await kill_again_and_again(drill, await Site(tmp_path).found(), cycles=5)


@pytest.mark.drill
@pytest.mark.timeout(3600)
async def test_two_hundred_kills(drill: Drill, tmp_path: Path) -> None:
    await kill_again_and_again(drill, await Site(tmp_path).found(), cycles=200)


async def kill_again_and_again(drill: Drill, site: Site, *, cycles: int) -> None:
    notebook, history, ready_s, sent_again = Notebook(), History(), [], 0
    for _ in range(cycles):
        async with served(site) as serving:
            ready_s.append(serving.ready_after_s)
            sent_again += await look_back(serving, notebook, history)
            notebook.newest.clear()
            await chart_until_killed(serving, notebook, drill.chance)
    async with served(site) as serving:
        ready_s.append(serving.ready_after_s)
        sent_again += await look_back(serving, notebook, history)
        await serving.end()

    await check_file(site, history)
    assert await states_without_derived_tables(site) == await site.states()
    slowest = sorted(ready_s)[int(len(ready_s) * 0.95) - 1]
    drill.figure(
        f"{cycles} kills, {len(notebook.acknowledged)} facts acknowledged, 0 lost, 0 twice, {sent_again} requests "
        f"unanswered and sent again, ready p95 {slowest:.2f} s"
    )
    assert slowest < READY_S_MAX * drill.slack
    assert set(notebook.statuses) <= {200, 201}, notebook.statuses
    assert len(notebook.acknowledged) > 10 * cycles


async def chart_until_killed(serving: Serving, notebook: Notebook, chance: random.Random) -> None:
    """Let the tablets chart, and kill the service in the middle of it."""
    async with serving.client(connections=TABLETS) as client:
        tablets = [Tablet(client, notebook, chance_of(chance.randrange(2**32))) for _ in range(TABLETS)]
        asyncio.get_running_loop().call_later(chance.uniform(*KILL_S), serving.process.kill)
        await asyncio.gather(*(tablet.chart() for tablet in tablets))
    await serving.process.wait()


async def look_back(serving: Serving, notebook: Notebook, history: History) -> int:
    """Check what is left after a kill; return how many requests were still unknown."""
    async with serving.client("auditor") as reader:
        await history.read_on(reader)
    lost = history.lost(notebook)
    assert not lost, f"{len(lost)} acknowledged facts are lost: {lost[:3]}"
    async with serving.client(connections=TABLETS) as client:
        for day_id, (version, state) in notebook.newest.items():
            await check_day(client, day_id, version, state)
        return await settle(client, notebook)


async def check_day(client: aiohttp.ClientSession, day_id: str, version: int, state: str) -> None:
    """The day is as its last receipt said, or further where a fact was committed and nobody heard of it."""
    async with client.get(f"/v1/days/{day_id}") as response:
        view = await response.json()
    assert view["version"] >= version
    if view["version"] == version:
        assert view["state"] == state


async def states_without_derived_tables(site: Site) -> dict[str, tuple[str | None, int]]:
    """What a service makes of the log alone."""
    before = await site.states()
    store = SqliteStore(site.database)
    await store.open()
    try:
        await store.drop_derived()
    finally:
        await store.close()
    after = await site.states()
    assert after == before
    return after
