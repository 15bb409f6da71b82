"""A commit that fails leaves no trace in memory, and everybody is told the truth."""

import asyncio

import pytest
from msgspec.structs import replace

from infusion_service.intake.outcome import Unavailable
from infusion_service.log.store import EventIdTaken, SequenceTaken, StorageFailed, StorageFull
from tests.intake.ward import FaultyStore, check_in, code, fact, note, opened, receipt, schedule, scheduling


async def test_a_full_disk_is_said_to_all_and_forgotten_when_there_is_room_again() -> None:
    store = FaultyStore()
    async with opened(store) as intake:
        day_id = await schedule(intake)
        root, size = intake.root(), intake.log_size
        moving = check_in(day_id)
        store.failures = [StorageFull("disk")]

        outcomes = await asyncio.gather(intake.submit(moving), intake.submit(note(day_id)))

        assert [(outcome.status, code(outcome)) for outcome in outcomes] == [(507, "storage_full")] * 2
        assert (intake.root(), intake.log_size) == (root, size)
        day = await intake.day(day_id)
        assert day is not None
        assert day.state == "scheduled"
        assert intake.failed is None

        assert receipt(await intake.submit(moving))["seq"] == size + 1


async def test_a_new_day_whose_commit_failed_does_not_exist() -> None:
    store = FaultyStore()
    async with opened(store) as intake:
        submission = scheduling()
        store.failures = [StorageFull("disk")]
        await intake.submit(submission)

        assert await intake.board(limit=10) == []
        assert receipt(await intake.submit(submission))["state"] == "scheduled"


async def test_a_fatal_failure_ends_acknowledging_for_good() -> None:
    store = FaultyStore()
    async with opened(store) as intake:
        day_id = await schedule(intake)
        store.failures = [StorageFailed("fsync", fatal=True)]

        results = await asyncio.gather(*(intake.submit(note(day_id)) for _ in range(3)), return_exceptions=True)

        assert [type(result) for result in results] == [Unavailable] * 3
        assert isinstance(await intake.wait_failed(), StorageFailed)
        with pytest.raises(Unavailable):
            await intake.submit(note(day_id))
        assert (await intake.view(day_id)) is not None


async def test_a_failure_that_is_not_fatal_is_said_and_then_it_goes_on() -> None:
    store = FaultyStore()
    async with opened(store) as intake:
        day_id = await schedule(intake)
        submission = note(day_id)
        store.failures = [StorageFailed("busy", fatal=False)]

        with pytest.raises(Unavailable):
            await intake.submit(submission)

        assert receipt(await intake.submit(submission))["day_version"] == 2


async def test_an_unknown_outcome_is_read_back_from_the_log() -> None:
    store = FaultyStore()
    async with opened(store) as intake:
        day_id = await schedule(intake)
        size = intake.log_size
        store.failures_after = [StorageFailed("connection lost", fatal=False)]

        outcome = await intake.submit(note(day_id))

        assert outcome.status == 201
        assert intake.log_size == size + 1
        assert receipt(await intake.submit(note(day_id)))["seq"] == size + 2


async def test_what_another_writer_appended_is_found_and_the_rest_decided_anew() -> None:
    store = FaultyStore()
    async with opened(store) as intake, opened(store) as other:
        day_id = await schedule(intake)
        ours, theirs = note(day_id, "ours"), note(day_id, "theirs")
        elsewhere = await other.submit(theirs)

        mine, replayed = await asyncio.gather(intake.submit(ours), intake.submit(theirs))

        assert receipt(mine)["seq"] == receipt(elsewhere)["seq"] + 1
        assert replayed.receipt == elsewhere.receipt
        assert replayed.status == 200
        assert intake.tally.conflicts > 0


async def test_a_taken_event_id_sinks_only_its_own_parcel() -> None:
    store = FaultyStore()
    async with opened(store) as intake:
        day_id = await schedule(intake)
        posts = [note(day_id, str(number)) for number in range(5)]
        store.failures = [EventIdTaken(posts[2].event_id)]

        outcomes = await asyncio.gather(*(intake.submit(post) for post in posts))

        assert [outcome.status for outcome in outcomes] == [201] * 5


async def test_a_log_that_keeps_moving_on_is_given_up_after_a_few_attempts() -> None:
    store = FaultyStore()
    async with opened(store) as intake:
        day_id = await schedule(intake)
        store.failures = [SequenceTaken("elsewhere")] * 3

        with pytest.raises(Unavailable):
            await intake.submit(note(day_id))

        assert (await intake.submit(note(day_id))).status == 201


async def test_derived_tables_that_vanish_while_running_are_rebuilt() -> None:
    store = FaultyStore()
    async with opened(store) as intake:
        day_id = await schedule(intake)
        first = note(day_id)
        await intake.submit(first)
        await store.drop_derived()

        moved = await intake.submit(check_in(day_id))
        again = await intake.submit(first)

        assert receipt(moved)["day_version"] == 3
        assert again.status == 200


async def test_a_submission_that_breaks_the_service_sinks_only_itself() -> None:
    async with opened() as intake:
        day_id = await schedule(intake)
        poison = replace(note(day_id), occurred_at="not a time")

        results = await asyncio.gather(
            intake.submit(note(day_id)), intake.submit(poison), intake.submit(note(day_id)), return_exceptions=True
        )

        assert isinstance(results[1], Exception)
        assert not isinstance(results[1], Unavailable)
        assert [getattr(result, "status", None) for result in results] == [201, None, 201]
        assert (await intake.submit(fact(day_id, "screening.started"))).status == 409
