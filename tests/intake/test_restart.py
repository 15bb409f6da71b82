"""The log is the truth: whatever is dropped, cleared or restarted, the days are the same."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from infusion_service.bootstrap import Service, open_service, tune_process
from infusion_service.clinical.workflow import WorkflowInvalid, content_hash, load_workflow
from infusion_service.intake.clock import SimulatedClock
from infusion_service.intake.intake import Intake
from infusion_service.intake.outcome import Unavailable
from infusion_service.intake.workflows import WorkflowEdited, Workflows, WorkflowUnknown, read_workflow_files
from infusion_service.log.entry import LogRow
from infusion_service.log.memory import MemoryStore
from tests.clinical.workflow_copies import SHIPPED
from tests.intake.ward import (
    MORNING,
    check_in,
    code,
    fact,
    moments,
    note,
    opened,
    receipt,
    schedule,
    scheduling,
    settings,
    vitals,
    write_workflows,
)


async def a_busy_morning(intake: Intake) -> list[str]:
    """Three days in different states, with a refusal, an alert and a late corner."""
    days = [await schedule(intake, f"P-{number}") for number in range(3)]
    await intake.submit(check_in(days[0]))
    await intake.submit(fact(days[0], "screening.started"))
    await intake.submit(vitals(days[0], systolic_mmhg=165))
    await intake.submit(fact(days[0], "infusion.completed"))
    await intake.submit(check_in(days[1]))
    await intake.submit(note(days[2]))
    return days


async def views(intake: Intake) -> list[dict[str, Any] | None]:
    """Every day view on the board, and the board itself."""
    rows = await intake.board(limit=100)
    return [*[await intake.view(str(row["day_id"])) for row in rows], {"board": rows}]


@pytest.mark.parametrize("drop", [False, True])
async def test_a_restart_shows_the_same_days_also_without_derived_tables(drop: bool) -> None:
    store = MemoryStore()
    async with opened(store) as intake:
        await a_busy_morning(intake)
        before = await views(intake)
    if drop:
        await store.drop_derived()

    async with opened(store) as intake:
        after = await views(intake)
        assert await store.derived_is_current("demo")

    assert after == before


async def test_rebuilt_heads_are_the_ones_that_were_dropped() -> None:
    store = MemoryStore()
    async with opened(store) as intake:
        await a_busy_morning(intake)
    heads = await store.day_heads("demo", limit=100)
    await store.drop_derived()

    async with opened(store):
        rebuilt = await store.day_heads("demo", limit=100)

    assert rebuilt == heads


async def test_the_same_holds_on_a_database_file(tmp_path: Path) -> None:
    @asynccontextmanager
    async def service() -> AsyncIterator[Service]:
        clock = SimulatedClock(MORNING)
        async with open_service(settings(database=tmp_path / "ward.db"), clock=clock) as running:
            yield running

    async with service() as running:
        await a_busy_morning(running.intake)
        before = await views(running.intake)
        root, size = running.intake.root(), running.intake.log_size
        await running.store.drop_derived()

    async with service() as running:
        assert await views(running.intake) == before
        assert running.intake.log_size == size + 1
        assert running.intake.root() != root


async def test_each_start_is_an_entry_and_a_workflow_is_adopted_once() -> None:
    store = MemoryStore()
    types: list[str] = []
    for _ in range(3):
        async with opened(store) as intake:
            types = [logged.entry.type for logged in await intake.log_page(0, 100) if logged.entry]

    assert types == ["workflow.adopted", "service.started", "service.started", "service.started"]


async def test_the_bytes_of_the_workflow_are_in_the_log(tmp_path: Path) -> None:
    async with opened(workflows_dir=write_workflows(tmp_path)) as intake:
        adopted = (await intake.log_page(0, 1))[0].entry

    assert adopted is not None
    assert adopted.data["file"].encode() == (tmp_path / "alemtuzumab.v1.toml").read_bytes()
    assert (adopted.data["name"], adopted.data["version"]) == ("alemtuzumab", 1)


async def test_a_released_workflow_that_was_edited_does_not_start(tmp_path: Path) -> None:
    store = MemoryStore()
    directory = write_workflows(tmp_path)
    async with opened(store, workflows_dir=directory):
        pass
    path = directory / "alemtuzumab.v1.toml"
    path.write_text(path.read_text(encoding="utf-8") + "\n# harmless\n", encoding="utf-8")

    with pytest.raises(WorkflowEdited, match=r"alemtuzumab version 1 was edited .* new version number"):
        async with opened(store, workflows_dir=directory):
            pass


async def test_a_file_that_makes_no_sense_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "broken.v1.toml").write_text("format = 1\n", encoding="utf-8")

    with pytest.raises(WorkflowInvalid):
        async with opened(workflows_dir=tmp_path):
            pass


async def test_days_go_on_under_their_own_version_and_new_days_take_the_newest(tmp_path: Path) -> None:
    store = MemoryStore()
    first, both, second = (tmp_path / name for name in ("first", "both", "second"))
    for directory in (first, both, second):
        directory.mkdir()
    write_workflows(first)
    write_workflows(write_workflows(both), version=2)
    write_workflows(second, version=2)

    async with opened(store, workflows_dir=first) as intake:
        old_day = await schedule(intake)
    async with opened(store, workflows_dir=both) as intake:
        newest = await schedule(intake, "P-2")
        named = await schedule(intake, "P-3", workflow="alemtuzumab@1")
        assert await version_of(intake, newest) == 2
        assert await version_of(intake, named) == 1
    async with opened(store, workflows_dir=second) as intake:
        moved = await intake.submit(check_in(old_day))
        gone = await intake.submit(scheduling("P-4", workflow="alemtuzumab@1"))
        assert await version_of(intake, old_day) == 1
        assert [workflow.version for workflow in intake.workflows()] == [1, 2]

    assert receipt(moved)["state"] == "checked_in"
    assert code(gone) == "invalid_fact"


async def version_of(intake: Intake, day_id: str) -> int:
    """The workflow version a day follows."""
    day = await intake.day(day_id)
    assert day is not None
    return day.workflow.version


def test_a_site_with_two_workflows_must_be_told_which(tmp_path: Path) -> None:
    write_workflows(tmp_path)
    other = (
        (tmp_path / "alemtuzumab.v1.toml")
        .read_text(encoding="utf-8")
        .replace('\nname = "alemtuzumab"\n', '\nname = "other"\n')
    )
    (tmp_path / "other.v1.toml").write_text(other, encoding="utf-8")
    workflows = Workflows()
    workflows.bring(read_workflow_files(tmp_path))

    assert workflows.for_new_day("other").name == "other"
    with pytest.raises(WorkflowUnknown, match=r"not said; present: alemtuzumab@1, other@1"):
        workflows.for_new_day(None)


async def test_what_fell_due_while_down_is_appended_at_start(tmp_path: Path) -> None:
    clock = SimulatedClock(MORNING)
    database = tmp_path / "ward.db"
    async with open_service(settings(database=database), clock=clock) as running:
        day_id = await schedule(running.intake)
        await running.store.drop_derived()
    clock.move_to(moments("20:00")[0])

    async with open_service(settings(database=database), clock=clock) as running:
        await running.watch.advance(clock.now())
        entries = [logged.entry for logged in await running.intake.entries(day_id) if logged.entry]

    assert [entry.type for entry in entries] == ["day.scheduled", "day.missed"]
    assert entries[1].received_at == clock.now()
    assert entries[1].occurred_at == moments("11:00")[0]


class CountingStore(MemoryStore):
    """A store that counts how often a day is read."""

    def __init__(self) -> None:
        super().__init__()
        self.streams_read = 0

    async def read_stream(self, site: str, stream: str, *, after_n: int = 0, limit: int) -> list[LogRow]:
        self.streams_read += 1
        return await super().read_stream(site, stream, after_n=after_n, limit=limit)


async def test_a_start_folds_no_day() -> None:
    store = CountingStore()
    async with opened(store) as intake:
        for number in range(20):
            await intake.submit(check_in(await schedule(intake, f"P-{number}")))
    store.streams_read = 0

    async with opened(store):
        assert store.streams_read == 0


async def test_who_only_reads_leaves_no_trace(tmp_path: Path) -> None:
    database = settings(database=tmp_path / "ward.db")
    async with open_service(database, clock=SimulatedClock(MORNING)) as running:
        days = await a_busy_morning(running.intake)
        before = await views(running.intake)
        size, root = running.intake.log_size, running.intake.root()

    late = SimulatedClock(moments("20:00")[0])
    elsewhere = settings(database=tmp_path / "ward.db", workflows_dir=tmp_path / "gone")
    async with open_service(elsewhere, clock=late, read_only=True) as running:
        assert (running.intake.log_size, running.intake.root()) == (size, root)
        assert len(await running.intake.entries(days[0])) > 1
        assert [
            await running.intake.view(str(row["day_id"]), at=MORNING) for row in await running.intake.board(limit=9)
        ]
        with pytest.raises(Unavailable):
            await running.intake.submit(note(days[0]))

    async with open_service(database, clock=SimulatedClock(MORNING)) as running:
        assert await views(running.intake) == before
        assert running.intake.log_size == size + 1


async def test_many_tablets_at_once_on_a_database_file(tmp_path: Path) -> None:
    database = settings(database=tmp_path / "ward.db")
    async with open_service(database, clock=SimulatedClock(MORNING)) as running:
        intake = running.intake
        days = [await schedule(intake, f"P-{number}") for number in range(4)]
        once = note(days[0], "once")
        posts = [note(days[number % 4], str(number)) for number in range(64)]

        outcomes = await asyncio.gather(*map(intake.submit, [*posts, *[once] * 20]))

        assert {outcome.status for outcome in outcomes[:64]} == {201}
        assert [outcome.receipt for outcome in outcomes[64:]] == [outcomes[64].receipt] * 20
        assert intake.tally.commits < 20

    async with open_service(database, clock=SimulatedClock(MORNING)) as running:
        again = await asyncio.gather(*map(running.intake.submit, posts))

    assert [outcome.receipt for outcome in again] == [outcome.receipt for outcome in outcomes[:64]]


def test_the_process_is_tuned_for_one_loop_beside_a_few_threads() -> None:
    interval_s = sys.getswitchinterval()
    try:
        tune_process()

        assert sys.getswitchinterval() < interval_s
        assert gc.get_freeze_count() > 0
    finally:
        sys.setswitchinterval(interval_s)
        gc.unfreeze()


def test_a_definition_the_log_has_adopted_is_not_judged_again() -> None:
    # A later program may refuse what an earlier one took; days under it must open all the same.
    raw = SHIPPED.read_bytes() + b'\n[states.nowhere]\ntitle = "A state no move leads to"\n'
    with pytest.raises(WorkflowInvalid, match="nowhere"):
        load_workflow(raw, file="today")

    workflows = Workflows()
    workflows.adopted({"name": "of-old", "version": 1, "hash": content_hash(raw), "file": raw.decode()})

    assert workflows.by_hash(content_hash(raw)).states["nowhere"].title == "A state no move leads to"
