"""The power fails at any moment: replay what a run wrote and synced, and open what is left."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from infusion_service.log.merkle import Frontier
from infusion_service.log.sqlite import SqliteStore, Synchronous
from tests.drills.conftest import Drill, chance_of
from tests.drills.disk import MODES, Disk, Mode
from tests.drills.recording import Acknowledged, Event, needs_strace, read_trace, traced_service
from tests.drills.site import Site, served
from tests.drills.tablets import Notebook, Tablet

TABLETS = 4
SITE = "demo"


@needs_strace
@pytest.mark.timeout(120)
async def test_a_power_cut_at_forty_moments_loses_nothing(drill: Drill, tmp_path: Path) -> None:
    await cut_power(drill, tmp_path, requests=60, moments=40)


@needs_strace
@pytest.mark.timeout(120)
@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
async def test_the_drill_finds_what_a_weaker_setting_loses(
    drill: Drill, tmp_path: Path, synchronous: Synchronous
) -> None:
    lost = await lost_by_mode(drill, tmp_path, synchronous, requests=60, moments=40)

    drill.figure(
        f"synchronous={synchronous} loses acknowledged facts after {lost['drop']} of 40 power cuts, as it must"
    )
    assert lost["drop"] > 0


@pytest.mark.drill
@needs_strace
@pytest.mark.timeout(1800)
async def test_a_power_cut_at_seven_hundred_moments_loses_nothing(drill: Drill, tmp_path: Path) -> None:
    await cut_power(drill, tmp_path, requests=600, moments=700)


@pytest.mark.drill
@needs_strace
@pytest.mark.timeout(1800)
async def test_weaker_settings_lose_at_seven_hundred_moments(drill: Drill, tmp_path: Path) -> None:
    for synchronous in ("NORMAL", "OFF"):
        directory = tmp_path / synchronous
        directory.mkdir()
        lost = await lost_by_mode(drill, directory, synchronous, requests=600, moments=700)
        drill.figure(f"synchronous={synchronous}: facts lost after {dict(lost)} of 700 power cuts each")
        assert lost["drop"] > 0


async def cut_power(drill: Drill, directory: Path, *, requests: int, moments: int) -> None:
    lost = await lost_by_mode(drill, directory, "FULL", requests=requests, moments=moments)
    drill.figure(f"{moments} power cuts x {', '.join(MODES)}: 0 with a fact lost, 0 with a database that is not whole")
    assert not lost


async def lost_by_mode(
    drill: Drill, directory: Path, synchronous: Synchronous, *, requests: int, moments: int
) -> Counter[Mode]:
    """In how many of the power cuts an acknowledged fact was lost. Raises where a database is not whole."""
    site = await Site(directory).found()
    disk = Disk.of(site.database)
    events = await record(site, synchronous, drill.chance, requests)
    chosen = set(drill.chance.sample(range(len(events)), moments))
    lost: Counter[Mode] = Counter()
    for number, event in enumerate(events):
        disk.happen(event)
        if number in chosen:
            for mode in MODES:
                try:
                    found = await recovered(directory / f"{number}-{mode}", disk.lose_power(mode, drill.chance))
                except NotWhole:
                    if synchronous != "OFF":  # which promises nothing, not even a database
                        raise
                    found = set()
                lost[mode] += bool(disk.acknowledged - found)
    return +lost


async def record(site: Site, synchronous: Synchronous, chance: random.Random, requests: int) -> Sequence[Event]:
    """Let tablets chart on a traced service; the recording ends with a kill."""
    trace = site.directory / "trace"
    notebook = Notebook()
    async with (
        served(site, program=traced_service(trace, synchronous)) as serving,
        serving.client(connections=TABLETS) as client,
    ):
        tablets = [Tablet(client, notebook, chance_of(chance.randrange(2**32))) for _ in range(TABLETS)]
        await asyncio.gather(*(tablet.chart(lambda: notebook.statuses.total() >= requests) for tablet in tablets))
    events = read_trace(trace, site.database)
    said = {event_id for event in events if isinstance(event, Acknowledged) for event_id in event.event_ids}
    told = {event_id for event_id, receipt in notebook.acknowledged.items() if receipt is not None}
    assert said >= told, "the trace has missed an answer"
    return events


class NotWhole(Exception):
    """What is left is no log."""


async def recovered(directory: Path, files: dict[str, bytearray]) -> set[str]:
    """Open what the power cut left and return the ids it holds. Raises `NotWhole`."""
    os.mkdir(directory)  # noqa: PTH102 - nothing else runs in this loop
    for name, content in files.items():
        _put(directory / name, content)
    store = SqliteStore(directory / "infusion.db")
    try:
        await store.open()
        rows = await store.read_log(SITE, limit=1_000_000)
        head = await store.log_head(SITE)
        current = await store.derived_is_current(SITE)
    except Exception as error:  # whatever it meets there: what was never synced can be anything
        raise NotWhole(str(error)) from error
    finally:
        await store.close()
    gapless = [row.seq for row in rows] == list(range(1, len(rows) + 1))
    if not (current and gapless and head.frontier == Frontier(row.leaf_hash for row in rows).to_bytes()):
        raise NotWhole("it opens, and does not add up")
    shutil.rmtree(directory)
    return {row.event_id for row in rows}


def _put(file: Path, content: bytearray) -> None:
    file.write_bytes(content)
