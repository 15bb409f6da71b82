"""The queue is bounded but for what saves lives, a dropped connection splits nothing, a stop answers everybody."""

import asyncio
from collections.abc import Callable

import pytest

from infusion_service.intake.outcome import Unavailable
from tests.intake.ward import TABLET, FaultyStore, fact, note, opened, receipt, schedule


async def test_a_full_queue_says_when_to_come_again_and_lets_emergencies_pass() -> None:
    store = FaultyStore()
    async with opened(store, limits={"intake_queue_max": 4, "intake_batch_max": 1}) as intake:
        day_id = await schedule(intake)
        store.gate = asyncio.Event()
        waiting = [asyncio.create_task(intake.submit(note(day_id)))]
        await until(lambda: store.held == 1)
        waiting += [asyncio.create_task(intake.submit(note(day_id))) for _ in range(4)]
        await until(lambda: intake.queue_depth == 4)

        with pytest.raises(Unavailable) as refused:
            await intake.submit(note(day_id))
        with pytest.raises(Unavailable):
            await intake.submit_batch([note(day_id), note(day_id)])
        emergency = asyncio.create_task(intake.submit(fact(day_id, "infusion.stopped", {"reason": "technical"})))
        call = asyncio.create_task(
            intake.submit(fact(day_id, "emergency.declared", {"reason": "syncope"}, actor=TABLET))
        )
        await until(lambda: intake.queue_depth == 6)
        store.gate.set()

        assert refused.value.retry_after_s >= 1
        assert [outcome.status for outcome in await asyncio.gather(*waiting)] == [201] * 5
        assert (await emergency).status == 409
        assert (await call).status in (201, 409)
        assert (await intake.submit(note(day_id))).status == 201


async def test_what_waits_is_committed_together() -> None:
    store = FaultyStore()
    async with opened(store) as intake:
        day_id = await schedule(intake)
        store.gate = asyncio.Event()
        first = asyncio.create_task(intake.submit(note(day_id)))
        await until(lambda: store.held == 1)
        others = [asyncio.create_task(intake.submit(note(day_id))) for _ in range(30)]
        await until(lambda: intake.queue_depth == 30)
        before = len(store.batches)
        store.gate.set()
        await asyncio.gather(first, *others)

        assert [len(batch.rows) for batch in store.batches[before:]] == [1, 30]


async def test_a_caller_that_goes_away_splits_no_commit_and_disturbs_nobody() -> None:
    store = FaultyStore()
    async with opened(store) as intake:
        day_id = await schedule(intake)
        store.gate = asyncio.Event()
        gone, queued, stays = note(day_id, "gone"), note(day_id, "queued"), note(day_id, "stays")
        in_commit = asyncio.create_task(intake.submit(gone))
        await until(lambda: store.held == 1)
        tasks = [asyncio.create_task(intake.submit(submission)) for submission in (queued, stays)]
        await until(lambda: intake.queue_depth == 2)
        in_commit.cancel()
        tasks[0].cancel()
        store.gate.set()

        answer = receipt(await tasks[1])

        assert answer["day_version"] == 4
        assert (await intake.submit(gone)).status == 200
        assert (await intake.submit(queued)).status == 200


async def test_a_stop_answers_everybody_who_handed_something_over() -> None:
    store = FaultyStore()
    async with opened(store) as intake:
        day_id = await schedule(intake)
        store.gate = asyncio.Event()
        posts = [note(day_id, str(number)) for number in range(40)]
        waiting = [asyncio.create_task(intake.submit(post)) for post in posts]
        await until(lambda: store.held == 1)
        stopping = asyncio.create_task(intake.stop())
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await intake.submit(note(day_id))
        store.gate.set()
        await stopping

        assert [outcome.status for outcome in await asyncio.gather(*waiting)] == [201] * 40
        await intake.stop()

    async with opened(store) as intake:
        assert [(await intake.submit(post)).status for post in posts] == [200] * 40


async def test_a_stop_does_not_wait_for_ever_for_a_disk_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infusion_service.intake.intake.DRAIN_S_MAX", 0.01)
    store = FaultyStore()
    async with opened(store) as intake:
        day_id = await schedule(intake)
        store.gate = asyncio.Event()
        waiting = [asyncio.create_task(intake.submit(note(day_id)))]
        await until(lambda: store.held == 1)
        waiting += [asyncio.create_task(intake.submit(note(day_id))) for _ in range(2)]
        await until(lambda: intake.queue_depth == 2)

        await intake.stop()

        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [Unavailable] * 3
        store.gate.set()


async def until(condition: Callable[[], bool]) -> None:
    """Give the other tasks their turns until the condition holds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - a turn for the others, no time passes
            await asyncio.sleep(0)
