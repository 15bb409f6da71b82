"""Days in hand: bounded, never stale."""

import asyncio

from infusion_service.intake.days import Days
from infusion_service.intake.workflows import Workflows, read_workflow_files
from infusion_service.log.entry import LogRow
from infusion_service.log.memory import MemoryStore
from infusion_service.settings import Settings
from tests.intake.ward import SITE, note, opened, receipt, schedule


async def test_memory_holds_a_bounded_number_of_days_and_every_day_stays_reachable() -> None:
    async with opened(limits={"day_cache_days_max": 4}) as intake:
        days = [await schedule(intake, f"P-{number}") for number in range(12)]

        for turn in range(3):
            for day_id in days:
                assert receipt(await intake.submit(note(day_id)))["day_version"] == turn + 2
            assert intake.days_in_hand <= 4


class SlowStore(MemoryStore):
    """A store whose readers of streams can be held up."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self.held = asyncio.Event()

    async def read_stream(self, site: str, stream: str, *, after_n: int = 0, limit: int) -> list[LogRow]:
        rows = await super().read_stream(site, stream, after_n=after_n, limit=limit)
        self.held.set()
        await self.gate.wait()
        return rows


async def test_a_slow_reader_never_puts_an_old_day_in_the_place_of_a_newer_one() -> None:
    store = SlowStore()
    async with opened(store) as intake:
        day_id = await schedule(intake)
        workflows = Workflows()
        workflows.bring(read_workflow_files(Settings().workflows_dir))
        days = Days(site=SITE, store=store, workflows=workflows, days_max=10)
        store.gate.clear()
        store.held.clear()
        reading = asyncio.create_task(days.of_day(day_id))
        await store.held.wait()

        await intake.submit(note(day_id))
        fresh = Days(site=SITE, store=store, workflows=workflows, days_max=10)
        store.gate.set()
        newer = await fresh.of_day(day_id)
        assert newer is not None
        store.gate.clear()
        days.put(newer)
        store.gate.set()
        await reading

        kept = days.in_hand(day_id)
        assert kept is newer
        assert kept.sheets[day_id].day.version == 2
