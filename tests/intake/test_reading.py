"""What readers see, now and as it stood."""

from datetime import timedelta

from infusion_service.clinical.vocabulary import format_time
from infusion_service.intake.clock import SimulatedClock
from tests.intake.ward import (
    MORNING,
    check_in,
    fact,
    moments,
    note,
    opened,
    receipt,
    schedule,
    vitals,
)


async def test_a_view_shows_the_day_as_committed() -> None:
    clock = SimulatedClock(MORNING)
    async with opened(clock=clock) as intake:
        day_id = await schedule(intake)
        await intake.submit(check_in(day_id))
        clock.move_to(moments("07:10")[0])

        view = await intake.view(day_id)

        assert view is not None
        assert (view["day_id"], view["state"], view["version"]) == (day_id, "checked_in", 2)
        assert view["as_of"] == format_time(clock.now())
        assert await intake.view("0197c0de-7000-7000-8000-000000000001") is None


async def test_a_day_can_be_seen_as_it_stood_and_as_it_was_known() -> None:
    clock = SimulatedClock(MORNING)
    checked_in_at, charted_at, learned_at = moments("07:10", "07:20", "07:30")
    async with opened(clock=clock) as intake:
        day_id = await schedule(intake)
        clock.move_to(checked_in_at)
        await intake.submit(check_in(day_id))
        clock.move_to(learned_at)
        late = fact(day_id, "vitals.recorded", {"heart_rate_per_min": 90}, occurred_at=charted_at)
        await intake.submit(late)

        now = await intake.view(day_id)
        then = await intake.view(day_id, at=charted_at)
        as_known = await intake.view(day_id, at=charted_at, known_at=charted_at)
        before = await intake.view(day_id, at=checked_in_at - timedelta(seconds=1))
        known_then = await intake.view(day_id, known_at=checked_in_at - timedelta(seconds=1))
        never = await intake.view(day_id, at=MORNING - timedelta(hours=1))

        assert now is not None
        assert then is not None
        assert as_known is not None
        assert before is not None
        assert known_then is not None
        assert now["version"] == then["version"] == 3
        assert as_known["version"] == 2
        assert before["state"] == known_then["state"] == "scheduled"
        assert then["as_of"] == as_known["as_of"] == format_time(charted_at)
        assert never is None


async def test_every_moment_of_a_day_with_alerts_can_be_seen() -> None:
    clock = SimulatedClock(MORNING)
    async with opened(clock=clock) as intake:
        day_id = await schedule(intake)
        await intake.submit(check_in(day_id))
        raised = []
        for minute, pressure in enumerate((122, 165, 185, 186, 120, 165)):
            clock.move_to(MORNING + timedelta(minutes=3 * minute))
            answer = receipt(await intake.submit(vitals(day_id, systolic_mmhg=pressure)))
            raised += answer["alerts"]["raised"]

        assert raised
        for minute in range(20):
            moment = MORNING + timedelta(minutes=minute)
            assert await intake.view(day_id, at=moment) is not None
            assert await intake.view(day_id, known_at=moment) is not None


async def test_the_board_is_paged_and_narrowed() -> None:
    async with opened() as intake:
        days = [await schedule(intake, f"P-{number}") for number in range(5)]
        tomorrow = await schedule(intake, "P-9", date="2026-11-24")
        await intake.submit(check_in(days[3]))

        first = await intake.board(limit=4)
        rest = await intake.board(limit=4, after=("2026-11-23", str(first[-1]["day_id"])))

        assert [row["day_id"] for row in (*first, *rest)] == [*sorted(days), tomorrow]
        assert [row["day_id"] for row in await intake.board(state="checked_in", limit=9)] == [days[3]]
        assert [row["day_id"] for row in await intake.board(date="2026-11-24", limit=9)] == [tomorrow]
        assert [row["day_id"] for row in await intake.board(open_only=True, limit=9)] == [days[3]]
        assert await intake.board(ward="elsewhere", limit=9) == []


async def test_the_log_is_paged_in_order_and_narrowed() -> None:
    async with opened() as intake:
        day_id, other = await schedule(intake), await schedule(intake, "P-2")
        for _ in range(3):
            await intake.submit(note(day_id))
            await intake.submit(note(other))

        seqs: list[int] = []
        while page := await intake.log_page(seqs[-1] if seqs else 0, 4):
            seqs += [logged.seq for logged in page]

        assert seqs == list(range(1, intake.log_size + 1))
        assert len(await intake.log_page(0, 100, day_id)) == 4
        assert len(await intake.log_page(0, 100, None, "note.added")) == 6
        assert len(await intake.log_page(0, 100, day_id, "note.added")) == 3
