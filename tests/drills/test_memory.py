"""Memory that ends: what docker-compose.yml allows is enough for twice a ward's load; where it is not, nothing is lost.

The cap is one of address space, set before the program begins: stricter than a container's, which counts only the
pages in use. What a container does where its memory ends is a kill, and that is a drill of its own (`test_kill.py`).
"""

from __future__ import annotations

import asyncio
import re
import resource
import sys
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from tests.drills.conftest import Drill, chance_of
from tests.drills.history import History, check_file
from tests.drills.site import ROOT, Serving, Site, served
from tests.drills.tablets import GONE, Notebook, Tablet, settle
from tests.drills.test_kill import states_without_derived_tables

TABLETS = 32
"""As fast as they are answered. A ward of twenty beds posts less than one fact a second."""
READERS = 8
PAGE_ENTRIES = 1000
NO_ROOM_BYTES = 2 * 1024 * 1024
"""What a starved process may still take beyond what it has."""
ENDED_OR_REFUSED = 50


@pytest.mark.timeout(60)
async def test_a_short_load_within_the_memory_of_the_container(drill: Drill, tmp_path: Path) -> None:
    await load_within_the_cap(drill, tmp_path, requests=600)


@pytest.mark.drill
@pytest.mark.timeout(900)
async def test_a_long_load_within_the_memory_of_the_container(drill: Drill, tmp_path: Path) -> None:
    await load_within_the_cap(drill, tmp_path, requests=20_000)


@pytest.mark.timeout(60)
async def test_memory_that_ends_loses_nothing_acknowledged(drill: Drill, tmp_path: Path) -> None:
    await starve(drill, tmp_path)


@pytest.mark.drill
@pytest.mark.timeout(900)
async def test_memory_that_ends_twenty_times(drill: Drill, tmp_path: Path) -> None:
    for number in range(20):
        directory = tmp_path / str(number)
        directory.mkdir()
        await starve(drill, directory)


async def load_within_the_cap(drill: Drill, directory: Path, *, requests: int) -> None:
    site, notebook, history = await Site(directory).found(), Notebook(), History()
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    async with served(site, program=within(container_bytes())) as serving:
        async with serving.client(connections=TABLETS) as client:
            tablets = [Tablet(client, notebook, chance_of(drill.seed + number)) for number in range(TABLETS)]
            charting = asyncio.gather(
                *(tablet.chart(lambda: notebook.statuses.total() >= requests) for tablet in tablets)
            )
            pages = await read_the_whole_log_again_and_again(serving, charting)
        rate_per_s = len(notebook.acknowledged) / (loop.time() - began_s)
        peak_kib, space_kib = memory_kib(serving.pid, "VmHWM"), memory_kib(serving.pid, "VmPeak")
        async with serving.client("auditor") as reader:
            await history.read_on(reader)
        assert await serving.end() == 0
    drill.figure(
        f"{len(notebook.acknowledged)} facts at {rate_per_s:.0f}/s and {pages} pages of {PAGE_ENTRIES} entries within "
        f"{container_bytes() >> 20} MiB: at most {peak_kib >> 10} MiB in use, {space_kib >> 10} MiB of address space"
    )
    assert set(notebook.statuses) <= {200, 201}, notebook.statuses
    assert not history.lost(notebook)
    await check_file(site, history)


async def starve(drill: Drill, directory: Path) -> None:
    """Take the memory away under load: what follows may be 503 or the end, but no lie and no fact refused for good."""
    site, notebook, history = await Site(directory).found(), Notebook(), History()
    async with served(site) as serving, serving.client(connections=TABLETS) as client:
        tablets = [Tablet(client, notebook, chance_of(drill.seed + number)) for number in range(TABLETS)]
        await asyncio.gather(*(tablet.chart(lambda: notebook.statuses.total() >= 100) for tablet in tablets))
        taken = memory_kib(serving.pid, "VmSize") * 1024 + NO_ROOM_BYTES
        resource.prlimit(serving.pid, resource.RLIMIT_AS, (taken, taken))
        before = len(notebook.acknowledged)
        statuses = await push_until_it_gives_in(client, tablets, notebook)
        ended = serving.process.returncode
        if ended is None:
            serving.process.kill()  # as a container's limit does
        await serving.process.wait()
    async with served(site) as serving:
        async with serving.client(connections=TABLETS) as client:
            await settle(client, notebook)
        async with serving.client("auditor") as reader:
            await history.read_on(reader)
        await serving.end()
    assert not history.lost(notebook)
    await check_file(site, history)
    await states_without_derived_tables(site)
    drill.figure(
        f"memory taken away: {dict(statuses)}, {len(notebook.acknowledged) - before} acknowledged since, "
        f"{'still there and killed' if ended is None else f'ended with {ended}'}, 0 lost"
    )


async def push_until_it_gives_in(
    client: aiohttp.ClientSession, tablets: list[Tablet], notebook: Notebook
) -> Counter[int]:
    """Post whole batches until the service refuses or is gone, or has taken all of them; the statuses of refusals."""
    refused: Counter[int] = Counter()

    async def push(tablet: Tablet) -> None:
        for _ in range(ENDED_OR_REFUSED):
            post = tablet.next_post()
            try:
                async with client.post(post.path, json=post.body) as response:
                    answer = await response.json(content_type=None)
            except GONE:
                notebook.unknown.append(post)
                return
            notebook.note(post, response.status, answer)
            if response.status not in (200, 201):
                # To a tablet anything but these is final: a good fact would be laid aside.
                assert response.status == 503, answer
                assert int(response.headers["Retry-After"]) > 0
                notebook.unknown.append(post)
                refused[response.status] += 1

    await asyncio.gather(*(push(tablet) for tablet in tablets))
    return refused


async def read_the_whole_log_again_and_again(serving: Serving, charting: asyncio.Future[list[None]]) -> int:
    """Read the log from its beginning for as long as the tablets chart; how many pages that were."""
    pages = 0

    async def read(reader: aiohttp.ClientSession) -> None:
        nonlocal pages
        after = 0
        while not charting.done():
            async with reader.get("/v1/log", params={"after": after, "limit": PAGE_ENTRIES}) as response:
                assert response.status == 200
                entries = (await response.json())["entries"]
            pages += 1
            after = entries[-1]["seq"] if len(entries) == PAGE_ENTRIES else 0

    async with serving.client("auditor", connections=READERS) as reader:
        await asyncio.gather(charting, *(read(reader) for _ in range(READERS)))
    return pages


def container_bytes() -> int:
    """What docker-compose.yml gives the service."""
    found = re.search(
        r"^    mem_limit: (\d+)g$", (ROOT / "docker-compose.yml").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert found is not None
    return int(found[1]) << 30


def within(size: int) -> tuple[str, ...]:
    """The program under a cap of address space."""
    code = (
        f"import resource, runpy; resource.setrlimit(resource.RLIMIT_AS, ({size}, {size})); "
        "runpy.run_module('infusion_service', run_name='__main__')"
    )
    return (sys.executable, "-c", code, "serve")


def memory_kib(pid: int, name: str) -> int:
    """A figure of a process's memory."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith(f"{name}:")).split()[1])
