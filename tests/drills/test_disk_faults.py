"""A disk that is full, fails or is slow: a clean answer within 50 ms, reading goes on, nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from infusion_service.cli.exits import Exit
from tests.drills.conftest import Drill, chance_of
from tests.drills.history import History, check_file
from tests.drills.recording import needs_strace
from tests.drills.site import Serving, Site, served
from tests.drills.tablets import GONE, Notebook, Tablet, fact, settle

ANSWER_S_MAX = 0.05
EXIT_S_MAX = 1.0
SMALL_DISK_BYTES = 8 * 1024 * 1024
FULL = (503, 507)


@pytest.mark.timeout(60)
async def test_a_file_that_may_not_grow_is_said_cleanly_and_writing_comes_back(drill: Drill, tmp_path: Path) -> None:
    site, notebook = await Site(tmp_path).found(), Notebook()
    async with served(site) as serving, serving.client(connections=4) as client:
        tablet = await charted(client, notebook, drill, 40)
        size = largest_file_bytes(tmp_path)
        no_limit = resource.prlimit(serving.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(serving.pid, resource.RLIMIT_FSIZE, (size, no_limit[1]))
        refused, slowest_s = await chart_on_a_full_disk(client, tablet, notebook)
        resource.prlimit(serving.pid, resource.RLIMIT_FSIZE, no_limit)
        back_s = await writable_again(client, tablet)
        await settle(client, notebook)
        assert await serving.end() == 0
    await all_there(site, notebook)
    drill.figure(f"file-size limit: {refused}, slowest {slowest_s * 1000:.0f} ms, writable again after {back_s:.2f} s")
    assert slowest_s < ANSWER_S_MAX * drill.slack


@pytest.mark.timeout(60)
async def test_a_full_disk_is_said_cleanly_and_writing_comes_back(drill: Drill, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as directory:
        site, notebook = await Site(directory).found(), Notebook()
        async with served(site) as serving, serving.client(connections=4) as client:
            tablet = await charted(client, notebook, drill, 40)
            filler = directory / "filler"
            fill(filler)
            refused, slowest_s = await chart_on_a_full_disk(client, tablet, notebook)
            filler.unlink()
            back_s = await writable_again(client, tablet)
            await settle(client, notebook)
            assert await serving.end() == 0
        await all_there(site, notebook)
    drill.figure(f"full disk: {refused}, slowest {slowest_s * 1000:.0f} ms, writable again after {back_s:.2f} s")
    assert slowest_s < ANSWER_S_MAX * drill.slack
    assert set(refused) == {507}


@needs_strace
@pytest.mark.timeout(60)
@pytest.mark.parametrize("failing", [1, 7])
async def test_after_a_failed_fsync_nothing_is_acknowledged(drill: Drill, tmp_path: Path, failing: int) -> None:
    await fail_fsync(drill, tmp_path, failing)


@pytest.mark.drill
@needs_strace
@pytest.mark.timeout(1800)
async def test_whichever_of_sixty_fsyncs_fails(drill: Drill, tmp_path: Path) -> None:
    for failing in range(1, 61):
        directory = tmp_path / str(failing)
        directory.mkdir()
        await fail_fsync(drill, directory, failing)


@needs_strace
@pytest.mark.timeout(60)
async def test_a_slow_disk_for_two_seconds(drill: Drill, tmp_path: Path) -> None:
    await slow_down(drill, tmp_path, 2)


@pytest.mark.drill
@needs_strace
@pytest.mark.timeout(180)
async def test_a_slow_disk_for_thirty_seconds(drill: Drill, tmp_path: Path) -> None:
    await slow_down(drill, tmp_path, 30)


def largest_file_bytes(directory: Path) -> int:
    """How large the largest of the database's files is."""
    return max(file.stat().st_size for file in directory.glob("infusion.db*"))


async def charted(client: aiohttp.ClientSession, notebook: Notebook, drill: Drill, requests: int) -> Tablet:
    """A tablet with a day that it has charted on."""
    tablet = Tablet(client, notebook, drill.chance)
    await tablet.chart(lambda: notebook.statuses.total() >= requests)
    return tablet


async def chart_on_a_full_disk(
    client: aiohttp.ClientSession, tablet: Tablet, notebook: Notebook
) -> tuple[dict[int, int], float]:
    """Post until 50 were refused: how often with which status, and the slowest. Reading works meanwhile."""
    refused: Counter[int] = Counter()
    slowest_s = 0.0
    posted = 0
    while refused.total() < 50:
        posted += 1
        assert posted < 5000, "the disk does not get full"
        post = tablet.next_post()
        began = time.perf_counter()
        async with client.post(post.path, json=post.body) as response:
            answer = await response.json(content_type=None)
        took_s = time.perf_counter() - began
        notebook.note(post, response.status, answer)
        statuses = [item["problem"]["status"] for item in answer.get("items", []) if "problem" in item]
        if response.status != 201 and (response.status != 200 or statuses):
            notebook.unknown.append(post)
            refused.update(statuses or [response.status])
            slowest_s = max(slowest_s, took_s)
            async with client.get(f"/v1/days/{tablet.day_id}") as view:
                assert view.status == 200
    assert set(refused) <= set(FULL), refused
    return dict(refused), slowest_s


async def writable_again(client: aiohttp.ClientSession, tablet: Tablet) -> float:
    """Seconds until a fact is taken."""
    began = time.perf_counter()
    while True:
        note = fact("note.added", {"text": "room again"})
        async with client.post(f"/v1/days/{tablet.day_id}/events", json=note) as response:
            if response.status == 201:
                return time.perf_counter() - began
            assert response.status in FULL


async def all_there(site: Site, notebook: Notebook) -> None:
    """Start again, and find everything that was acknowledged."""
    history = History()
    async with served(site) as serving, serving.client("auditor") as reader:
        await history.read_on(reader)
        await serving.end()
    assert not history.lost(notebook)
    await check_file(site, history)


async def fail_fsync(drill: Drill, directory: Path, failing: int) -> None:
    """Let the `failing`-th fsync fail under load: no acknowledgement after it, an end within a second, nothing lost."""
    site, notebook = await Site(directory).found(), Notebook()
    trace = directory / "faults"
    async with served(site) as serving:
        with injecting(serving, f"fsync,fdatasync:error=EIO:when={failing}", trace):
            async with serving.client(connections=16) as client:
                tablets = [Tablet(client, notebook, chance_of(drill.seed + number)) for number in range(16)]
                await asyncio.gather(*(tablet.chart(lambda: 503 in notebook.statuses) for tablet in tablets))
                failed_s = time.monotonic()
                acknowledged = len(notebook.acknowledged)
                late = Notebook()
                await asyncio.gather(*(last_words(tablet, late) for tablet in tablets))
            async with asyncio.timeout(EXIT_S_MAX * 10):
                code = await serving.process.wait()
            exit_s = time.monotonic() - failed_s
    assert "INJECTED" in trace.read_text(encoding="utf-8")
    assert not late.acknowledged
    assert len(notebook.acknowledged) == acknowledged
    await all_there(site, notebook)
    if failing in (1, 7, 60):
        drill.figure(
            f"fsync {failing} fails: {acknowledged} facts acknowledged before it, none after, "
            f"exit code {code} after {exit_s:.2f} s"
        )
    assert code == Exit.STORAGE_FAILED
    assert exit_s < EXIT_S_MAX * drill.slack


async def last_words(tablet: Tablet, late: Notebook) -> None:
    """Post once more after the failure: refused, or nobody there."""
    other = Tablet(tablet._client, late, tablet._chance)  # noqa: SLF001 - the same connection, another notebook
    other.day_id = tablet.day_id
    try:
        await other.send(other.next_post())
    except GONE:
        return


async def slow_down(drill: Drill, directory: Path, seconds: float) -> None:
    """Every fsync takes 200 ms; batches of 500 from 16 connections ask for more than that can carry."""
    site, notebook = await Site(directory).found(), Notebook()
    loop = asyncio.get_running_loop()
    async with served(site) as serving, serving.client(connections=20) as client:
        tablets = [await charted(client, notebook, drill, 16 * number) for number in range(1, 17)]
        before_kib = serving.resident_kib()
        with injecting(serving, "fsync,fdatasync:delay_exit=200000", directory / "faults"):
            until = loop.time() + seconds
            async with serving.client("admin") as operator:
                statuses, depths = await push(client, operator, tablets, until)
        grown_kib = serving.resident_kib() - before_kib
        after = [await timed_post(client, tablets[0]) for _ in range(50)]
        assert await serving.end() == 0
    drill.figure(
        f"fsync takes 200 ms for {seconds} s: {dict(statuses)}, queue at most {max(depths)}, memory grew by "
        f"{grown_kib / 1024:.0f} MiB, slowest of 50 posts afterwards {max(after) * 1000:.0f} ms"
    )
    assert set(statuses) == {200, 503}
    assert max(depths) <= site.settings.limits.intake_queue_max
    assert grown_kib < 150 * 1024


async def push(
    client: aiohttp.ClientSession, operator: aiohttp.ClientSession, tablets: list[Tablet], until_s: float
) -> tuple[Counter[int], list[int]]:
    """Batches from every tablet until then: the statuses, and how deep the queue was."""
    statuses: Counter[int] = Counter()
    depths: list[int] = []
    loop = asyncio.get_running_loop()

    async def batches(tablet: Tablet) -> None:
        while loop.time() < until_s:
            items = [{"day": tablet.day_id, **fact("note.added", {"text": "asleep"})} for _ in range(500)]
            async with client.post("/v1/batches", json={"items": items}) as response:
                statuses[response.status] += 1
                if response.status == 503:
                    assert int(response.headers["Retry-After"]) >= 1
                await response.read()

    async def watch() -> None:
        while loop.time() < until_s:
            async with operator.get("/metrics") as response:
                depth = re.search(r"^infusion_intake_queue_submissions (\S+)", await response.text(), re.MULTILINE)
            assert depth is not None
            depths.append(int(float(depth[1])))

    await asyncio.gather(watch(), *(batches(tablet) for tablet in tablets))
    return statuses, depths


async def timed_post(client: aiohttp.ClientSession, tablet: Tablet) -> float:
    """Seconds one accepted fact takes."""
    began = time.perf_counter()
    async with client.post(f"/v1/days/{tablet.day_id}/events", json=fact("note.added", {"text": "x"})) as response:
        assert response.status == 201
    return time.perf_counter() - began


@contextmanager
def injecting(serving: Serving, fault: str, trace: Path) -> Iterator[None]:
    """Have system calls of a running service fail, or take their time, while the block runs."""
    calls = fault.partition(":")[0]
    command = ("strace", "-f", "-q", "-p", str(serving.pid), "-o", str(trace), "-e", f"trace={calls}")
    with subprocess.Popen([*command, "-e", f"inject={fault}"], stderr=subprocess.DEVNULL) as strace:
        try:
            while _tracer(serving.pid) == 0 and strace.poll() is None:
                os.sched_yield()
            yield
        finally:
            strace.send_signal(signal.SIGINT)


def _tracer(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("TracerPid:")).split()[1])


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A file system of a few MiB while the block runs, where we may make one."""
    place.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    option = f"size={SMALL_DISK_BYTES}"
    made = mount and subprocess.run([mount, "-t", "tmpfs", "-o", option, "tmpfs", place], check=False).returncode == 0
    if not made or umount is None:
        pytest.skip("no right to mount a small file system: the full disk")
    try:
        yield place
    finally:
        subprocess.run([umount, place], check=True)


def fill(filler: Path) -> None:
    """Leave no room on the disk of `filler`."""
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            return
