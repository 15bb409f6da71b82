"""A fact charted on the wrong day is struck there and replaced here in one commit."""

from msgspec.structs import replace

from infusion_service.clinical.vocabulary import Submission
from infusion_service.intake.intake import Intake
from infusion_service.log.memory import MemoryStore
from tests.intake.ward import NURSE, SECOND_NURSE, check_in, code, fact, note, opened, receipt, schedule, vitals


async def struck_on(intake: Intake, day_id: str) -> list[str]:
    """The facts struck on a day, as its view shows them."""
    view = await intake.view(day_id)
    assert view is not None
    return list(view["struck"])


async def test_a_fact_of_the_wrong_patient_is_struck_there_and_recorded_here_together() -> None:
    store = MemoryStore()
    async with opened(store) as intake:
        wrong, right = await schedule(intake, "P-1"), await schedule(intake, "P-2")
        mistaken = vitals(wrong, heart_rate_per_min=101)
        await intake.submit(mistaken)
        size = intake.log_size

        replacement = vitals(right, heart_rate_per_min=101)
        answer = receipt(await intake.submit(with_corrects(replacement, mistaken.event_id)))

        assert intake.log_size == size + 2
        assert answer["day_id"] == right
        assert await struck_on(intake, wrong) == [mistaken.event_id]
        strike = (await intake.entries(wrong))[-1].entry
        assert strike is not None
        assert (strike.type, strike.actor, strike.data["entry"]) == ("entry.struck", NURSE, mistaken.event_id)
        again = await intake.submit(with_corrects(replacement, mistaken.event_id))
        assert again.receipt == answer

    async with opened(store) as intake:
        again = await intake.submit(with_corrects(replacement, mistaken.event_id))
        assert again.receipt == answer
        assert await struck_on(intake, wrong) == [mistaken.event_id]


async def test_who_may_not_strike_there_may_not_correct_here() -> None:
    async with opened() as intake:
        wrong, right = await schedule(intake, "P-1"), await schedule(intake, "P-2")
        mistaken = vitals(wrong)
        await intake.submit(mistaken)

        outcome = await intake.submit(with_corrects(note(right, actor=SECOND_NURSE), mistaken.event_id))

        assert code(outcome) == "role_not_permitted"
        assert await struck_on(intake, wrong) == []
        assert [e.entry.type for e in await intake.entries(right) if e.entry] == ["day.scheduled", "fact.refused"]


async def test_a_move_that_others_build_on_cannot_be_corrected_away_from_another_day() -> None:
    async with opened() as intake:
        wrong, right = await schedule(intake, "P-1"), await schedule(intake, "P-2")
        arrival = check_in(wrong)
        await intake.submit(arrival)
        await intake.submit(fact(wrong, "screening.started"))

        outcome = await intake.submit(with_corrects(check_in(right), arrival.event_id))

        assert code(outcome) == "conflicts_with_later"
        day = await intake.day(right)
        assert day is not None
        assert day.state == "scheduled"


async def test_what_is_nowhere_cannot_be_corrected() -> None:
    async with opened() as intake:
        day_id = await schedule(intake)

        outcome = await intake.submit(with_corrects(note(day_id), "0197c0de-7000-7000-8000-0000000000ff"))

        assert code(outcome) == "invalid_fact"


def with_corrects(submission: Submission, event_id: str) -> Submission:
    """The submission as a replacement of another fact."""
    return replace(submission, corrects=event_id)
