"""New days: what intake adds, what it refuses, and that the course rules see the whole patient."""

import asyncio
import uuid

import pytest
from msgspec.structs import replace

from infusion_service.clinical.vocabulary import SITE_STREAM
from infusion_service.log.memory import MemoryStore
from infusion_service.settings import Ward
from tests.intake.ward import code, opened, receipt, schedule, scheduling


async def test_scheduling_begins_a_day_with_what_its_ward_adds() -> None:
    async with opened() as intake:
        submission = scheduling(chair="4")

        day_id = receipt(await intake.submit(submission))["day_id"]

        entry = (await intake.entries(day_id))[0].entry
        assert uuid.UUID(day_id).version == 7
        assert entry is not None
        assert entry.data["timezone"] == "Europe/Paris"
        assert entry.data["missed_cutoff"] == "12:00"
        assert entry.workflow is not None
        assert entry.workflow["name"] == "alemtuzumab"


async def test_scheduling_again_with_the_same_event_id_is_the_same_day() -> None:
    store = MemoryStore()
    submission = scheduling()
    async with opened(store) as intake:
        at_once = await asyncio.gather(*(intake.submit(submission) for _ in range(5)))
        later = await intake.submit(submission)
        other = await intake.submit(replace(submission, data={**submission.data, "chair": "9"}))

    assert {receipt(outcome)["day_id"] for outcome in (*at_once, later)} == {receipt(later)["day_id"]}
    assert code(other) == "event_id_reused"


async def test_a_scheduling_handed_in_again_is_the_same_although_the_wards_settings_have_changed() -> None:
    store, submission = MemoryStore(), scheduling()
    async with opened(store) as intake:
        first = await intake.submit(submission)

    elsewhere = (Ward(id="neuro-day", name="Moved", timezone="America/Toronto", missed_cutoff="11:00"),)
    async with opened(store, wards=elsewhere) as intake:
        again = await intake.submit(submission)
        new_day = await schedule(intake, "P-2")
        entry = (await intake.entries(new_day))[0].entry

    assert again.receipt == first.receipt
    assert entry is not None
    assert entry.data["timezone"] == "America/Toronto"


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({"ward": "nowhere"}, "/data/ward"),
        ({"workflow": "aspirin"}, "/data/workflow"),
        ({"workflow": "alemtuzumab@9"}, "/data/workflow"),
        ({"timezone": "Europe/London"}, "/data/timezone"),
        ({"missed_cutoff": "23:00"}, "/data/missed_cutoff"),
    ],
)
async def test_a_day_that_cannot_be_begun_is_refused_for_good(data: dict[str, str], pointer: str) -> None:
    async with opened() as intake:
        submission = scheduling(**data)

        first = await intake.submit(submission)
        again = await intake.submit(submission)

        assert code(first) == "invalid_fact"
        assert first.refusal is not None
        assert [error["pointer"] for error in first.refusal.members["errors"]] == [pointer]
        assert again.refusal == first.refusal
        kept = (await intake.log_page(0, 10, SITE_STREAM, "fact.refused"))[0].entry
        assert kept is not None
        assert kept.entry_id == submission.event_id


@pytest.mark.parametrize("data", [None, [], "day", {"patient": "P-1"}, {"patient": {"id": 7}}, {}])
async def test_a_scheduling_without_sense_is_refused_not_failed(data: object) -> None:
    async with opened() as intake:
        outcome = await intake.submit(replace(scheduling(), data=data))

        assert code(outcome) == "invalid_fact"


async def test_the_course_rules_see_all_days_of_the_patient_also_those_of_the_same_batch() -> None:
    store = MemoryStore()
    async with opened(store) as intake:
        first, second = await asyncio.gather(intake.submit(scheduling()), intake.submit(scheduling()))

    async with opened(store) as intake:
        third = await intake.submit(scheduling())

    assert receipt(first)["state"] == "scheduled"
    assert code(second) == "course_rule"
    assert code(third) == "course_rule"
