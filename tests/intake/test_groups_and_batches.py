"""Batches are answered item by item; a group in them stands or falls as a whole."""

import asyncio
import uuid

from infusion_service.intake.intake import Intake
from infusion_service.log.memory import MemoryStore
from tests.intake.ward import (
    SECOND_NURSE,
    check_in,
    code,
    fact,
    note,
    opened,
    receipt,
    schedule,
)


async def types_of(intake: Intake, day_id: str) -> list[str]:
    """The types of a day's entries, in order."""
    return [logged.entry.type for logged in await intake.entries(day_id) if logged.entry]


async def test_items_of_a_batch_are_decided_in_order_each_for_itself() -> None:
    async with opened() as intake:
        day_id = await schedule(intake)

        outcomes = await intake.submit_batch(
            [fact(day_id, "screening.started"), check_in(day_id), fact(day_id, "screening.started"), note(day_id)]
        )

        assert [outcome.status for outcome in outcomes] == [409, 201, 201, 201]
        assert await intake.submit_batch([]) == []


async def test_a_batch_may_concern_several_days() -> None:
    async with opened() as intake:
        days = [await schedule(intake, f"P-{number}") for number in range(3)]

        outcomes = await intake.submit_batch([note(days[number % 3], str(number)) for number in range(9)])

        assert [receipt(outcome)["day_id"] for outcome in outcomes] == days * 3
        assert [receipt(outcome)["day_version"] for outcome in outcomes] == [2, 2, 2, 3, 3, 3, 4, 4, 4]


async def test_a_duplicate_within_one_batch_waits_for_the_first_and_gets_its_receipt() -> None:
    async with opened() as intake:
        day_id = await schedule(intake)
        once = note(day_id)

        first, again = await intake.submit_batch([once, once])

        assert first.receipt == again.receipt
        assert (first.status, again.status) == (201, 200)
        assert await types_of(intake, day_id) == ["day.scheduled", "note.added"]


async def test_a_group_is_accepted_as_a_whole() -> None:
    store = MemoryStore()
    async with opened(store) as intake:
        day_id = await schedule(intake)
        group = [check_in(day_id, group="g"), fact(day_id, "screening.started", group="g")]

        first = await intake.submit_batch(group)

        assert [receipt(outcome)["state"] for outcome in first] == ["checked_in", "screening"]
        assert [receipt(outcome)["day_version"] for outcome in first] == [2, 3]
        assert [outcome.receipt for outcome in await intake.submit_batch(group)] == [o.receipt for o in first]

    async with opened(store) as intake:
        again = await intake.submit_batch(group)

    assert [outcome.receipt for outcome in again] == [outcome.receipt for outcome in first]


async def test_a_group_falls_as_a_whole_and_each_member_is_told_why() -> None:
    store = MemoryStore()
    async with opened(store) as intake:
        day_id = await schedule(intake)
        group = [
            check_in(day_id, group="g"),
            fact(day_id, "infusion.completed", group="g"),
            note(day_id, group="g"),
        ]

        first = await intake.submit_batch([note(day_id), *group])

        assert [outcome.status for outcome in first] == [201, 409, 409, 409]
        assert [code(outcome) for outcome in first[1:]] == [
            "group_refused",
            "transition_not_allowed",
            "group_refused",
        ]
        assert first[1].refusal is not None
        assert first[1].refusal.members["event_id"] == group[1].event_id
        day = await intake.day(day_id)
        assert day is not None
        assert day.state == "scheduled"

    async with opened(store) as intake:
        again = await intake.submit_batch(group)

    assert [outcome.refusal for outcome in again] == [outcome.refusal for outcome in first[1:]]


async def test_a_group_that_fell_for_a_passing_reason_may_come_again() -> None:
    async with opened() as intake:
        day_id = await schedule(intake)
        size = intake.log_size
        stale = [note(day_id, group="g"), check_in(day_id, group="g", if_match=5)]

        outcomes = await intake.submit_batch(stale)

        assert [code(outcome) for outcome in outcomes] == ["group_refused", "version_conflict"]
        assert intake.log_size == size


async def test_a_group_over_two_days_stands_or_falls_with_both() -> None:
    async with opened() as intake:
        first, second = await schedule(intake), await schedule(intake, "P-2")

        fallen = await intake.submit_batch([check_in(first, group="a"), fact(second, "screening.started", group="a")])
        stands = await intake.submit_batch([check_in(first, group="b"), check_in(second, group="b")])
        missing = await intake.submit_batch([note(first, group="c"), note(str(uuid.uuid4()), group="c")])

        assert [code(outcome) for outcome in fallen] == ["group_refused", "transition_not_allowed"]
        assert [receipt(outcome)["state"] for outcome in stands] == ["checked_in", "checked_in"]
        assert [code(outcome) for outcome in missing] == ["group_refused", "not_found"]


async def test_two_groups_of_one_batch_do_not_mix() -> None:
    async with opened() as intake:
        day_id = await schedule(intake)

        outcomes = await intake.submit_batch(
            [
                check_in(day_id, group="a"),
                fact(day_id, "infusion.completed", group="b"),
                fact(day_id, "screening.started", group="a"),
                note(day_id, group="b"),
            ]
        )

        assert [outcome.status for outcome in outcomes] == [201, 409, 201, 409]


async def test_one_event_id_twice_in_a_group_is_one_fact() -> None:
    async with opened() as intake:
        day_id = await schedule(intake)
        twice = note(day_id, group="g")
        changed = note(day_id, "else", group="g", event_id=twice.event_id)

        first, again, reused = await intake.submit_batch([twice, twice, changed])

        assert first.receipt == again.receipt
        assert code(reused) == "event_id_reused"


async def test_many_batches_at_once_keep_their_own_order() -> None:
    async with opened() as intake:
        day_id = await schedule(intake)
        batches = [[note(day_id, f"{batch}.{item}", actor=SECOND_NURSE) for item in range(20)] for batch in range(10)]

        outcomes = await asyncio.gather(*(intake.submit_batch(batch) for batch in batches))

        versions = [[receipt(outcome)["day_version"] for outcome in batch] for batch in outcomes]
        assert versions == [list(range(2 + 20 * number, 22 + 20 * number)) for number in range(10)]
