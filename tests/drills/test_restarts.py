"""Restarts under load: SIGTERM again and again at 500 facts a second, nothing acknowledged lost, no 5xx but 503."""

from __future__ import annotations

import asyncio
import itertools
import time
from pathlib import Path

import aiohttp
import pytest

from tests.drills.conftest import Drill, chance_of
from tests.drills.history import History, check_file
from tests.drills.site import Serving, Site, served
from tests.drills.tablets import GONE, Notebook, Post, Tablet, settle

FACTS_PER_S = 500
TABLETS = 16
SERVED_S = 0.5, 1.5
EXIT_S_MAX = 15.0


@pytest.mark.timeout(120)
async def test_two_restarts(drill: Drill, tmp_path: Path) -> None:
    await restart(drill, tmp_path, times=2)


@pytest.mark.drill
@pytest.mark.timeout(1800)
async def test_fifty_restarts(drill: Drill, tmp_path: Path) -> None:
    await restart(drill, tmp_path, times=50)


async def restart(drill: Drill, directory: Path, *, times: int) -> None:
    site, notebook = await Site(directory).found(), Notebook()
    exits_s: list[float] = []
    port = 0
    for _ in range(times):
        async with served(site, port=port) as serving:
            port = serving.port
            exits_s.append(await charted_until_told_to_stop(serving, notebook, drill))
    history = History()
    async with served(site, port=port) as serving, serving.client("auditor") as reader, serving.client() as client:
        await history.read_on(reader)
        lost = history.lost(notebook)
        again = await settle(client, notebook)
        await serving.end()
    await check_file(site, history)
    drill.figure(
        f"{times} restarts at {FACTS_PER_S} facts/s: {len(notebook.acknowledged)} acknowledged, {len(lost)} lost, "
        f"answers {dict(notebook.statuses)}, {again} unanswered and sent again, slowest end {max(exits_s):.2f} s"
    )
    assert not lost
    # 409: a move that overtook the one before it, on another connection.
    assert all(status < 500 or status == 503 for status in notebook.statuses), notebook.statuses
    assert max(exits_s) < EXIT_S_MAX


async def charted_until_told_to_stop(serving: Serving, notebook: Notebook, drill: Drill) -> float:
    """Chart at a steady rate, tell the service to stop in the middle; return how long its end took."""
    loop = asyncio.get_running_loop()
    async with serving.client(connections=TABLETS) as client:
        tablets = [Tablet(client, notebook, chance_of(drill.chance.randrange(2**32))) for _ in range(TABLETS)]
        stopping = loop.create_future()
        loop.call_later(drill.chance.uniform(*SERVED_S), stopping.set_result, None)
        charting = asyncio.create_task(at_a_steady_rate(tablets, notebook))
        await stopping
        began = time.monotonic()
        code = await serving.end()
        took_s = time.monotonic() - began
        await charting
    assert code == 0
    return took_s


async def at_a_steady_rate(tablets: list[Tablet], notebook: Notebook) -> None:
    """Post by turns, whatever became of the posts before, until nobody answers any more."""
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    posting: set[asyncio.Task[None]] = set()
    for number, tablet in zip(itertools.count(), itertools.cycle(tablets)):
        await asyncio.sleep(max(0.0, started_s + number / FACTS_PER_S - loop.time()))  # the load, not a wait
        if gone.is_set():
            break
        task = asyncio.create_task(post_once(tablet, tablet.next_post(), notebook, gone))
        posting.add(task)
        task.add_done_callback(posting.discard)
    await asyncio.gather(*posting)


async def post_once(tablet: Tablet, post: Post, notebook: Notebook, gone: asyncio.Event) -> None:
    """Post and note; an answer that nobody gave, or that asks to come again, is sent again later."""
    try:
        answer = await tablet.send(post)
    except GONE as error:
        notebook.unknown.append(post)
        if isinstance(error, aiohttp.ClientConnectorError):
            gone.set()
        return
    if post.path == "/v1/days" and "day_id" in answer:
        tablet.day_id = answer["day_id"]
    elif answer.get("code") == "unavailable":
        notebook.unknown.append(post)
