"""One decision per event id, whoever asks how often, and one order for everybody."""

import asyncio
import uuid
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from infusion_service.clinical.vocabulary import SITE_STREAM, format_time
from infusion_service.intake.clock import SimulatedClock
from infusion_service.log.memory import MemoryStore
from infusion_service.log.store import Put
from tests.intake.ward import (
    AUDITOR,
    MORNING,
    NURSE,
    SECOND_NURSE,
    TABLET,
    check_in,
    code,
    fact,
    moments,
    note,
    opened,
    other_actor,
    receipt,
    schedule,
    vitals,
)


@pytest.mark.parametrize("seed", range(3))
async def test_64_posts_at_once_to_one_day_end_in_one_order_without_a_lost_update(seed: int) -> None:
    async with opened() as intake:
        day_id = await schedule(intake)

        outcomes = await asyncio.gather(*(intake.submit(note(day_id, f"{seed}-{number}")) for number in range(64)))

        receipts = [receipt(outcome) for outcome in outcomes]
        entries = await intake.entries(day_id)
        assert [answer["day_version"] for answer in receipts] == list(range(2, 66))
        assert [entry.n for entry in entries] == list(range(1, 66))
        assert [entry.entry.entry_id for entry in entries[1:] if entry.entry] == [
            answer["event_id"] for answer in receipts
        ]


async def test_the_same_event_posted_20_times_at_once_is_one_entry_with_20_equal_receipts() -> None:
    async with opened() as intake:
        day_id = await schedule(intake)
        before = intake.log_size
        once = note(day_id)

        outcomes = await asyncio.gather(*(intake.submit(once) for _ in range(20)))

        assert intake.log_size == before + 1
        assert all(outcome.receipt == outcomes[0].receipt for outcome in outcomes)
        assert [outcome.status for outcome in outcomes] == [201] + [200] * 19
        assert [outcome.replayed for outcome in outcomes] == [False] + [True] * 19


async def test_a_replay_after_a_restart_gets_the_first_receipt_with_its_alerts_and_state() -> None:
    store = MemoryStore()
    async with opened(store) as intake:
        day_id = await schedule(intake)
        posted = [check_in(day_id), vitals(day_id, systolic_mmhg=165), vitals(day_id), note(day_id)]
        first = [await intake.submit(submission) for submission in posted]
        await intake.submit(note(day_id, "later"))

    async with opened(store) as intake:
        again = [await intake.submit(submission) for submission in posted]

    assert [outcome.receipt for outcome in again] == [outcome.receipt for outcome in first]
    assert receipt(first[0])["state"] == "checked_in"
    assert all(outcome.status == 200 and outcome.replayed for outcome in again)


async def test_a_receipt_names_the_entry_it_stands_for() -> None:
    async with opened() as intake:
        day_id = await schedule(intake)
        submission = check_in(day_id)

        answer = receipt(await intake.submit(submission))

        entry = (await intake.entries(day_id))[-1]
        assert answer == {
            "seq": entry.seq,
            "event_id": submission.event_id,
            "day_id": day_id,
            "day_version": 2,
            "state": "checked_in",
            "received_at": format_time(MORNING),
            "leaf_hash": entry.leaf_hash.hex(),
            "alerts": {"raised": [], "closed": []},
        }


async def test_an_event_id_used_again_for_something_else_is_refused_and_not_kept() -> None:
    async with opened() as intake:
        day_id, other_day = await schedule(intake), await schedule(intake, "P-2")
        first = note(day_id)
        await intake.submit(first)
        size = intake.log_size

        for changed in (
            replace(first, data={"text": "awake"}),
            replace(first, type="patient.checked_in", data={"identity_check": "wristband_scan"}),
            replace(first, day_id=other_day),
            other_actor(first),
        ):
            outcome = await intake.submit(changed)
            assert code(outcome) == "event_id_reused"
            assert outcome.status == 422

        assert intake.log_size == size
        assert (await intake.submit(first)).status == 200


async def test_an_id_the_service_made_itself_is_nobodys_event_id() -> None:
    async with opened() as intake:
        day_id = await schedule(intake)
        started = (await intake.log_page(0, 10))[-2]
        assert started.parsed_leaf.stream == SITE_STREAM
        assert started.entry is not None

        outcome = await intake.submit(note(day_id, event_id=started.entry.entry_id))

        assert code(outcome) == "event_id_reused"


async def test_a_refused_fact_is_refused_the_same_when_its_cause_has_gone() -> None:
    store = MemoryStore()
    async with opened(store) as intake:
        day_id = await schedule(intake)
        too_early = fact(day_id, "screening.started")
        first = await intake.submit(too_early)
        await intake.submit(check_in(day_id))
        size = intake.log_size

        again = await intake.submit(too_early)

        assert code(first) == "transition_not_allowed"
        assert again.refusal == first.refusal
        assert again.replayed
        assert intake.log_size == size
        assert code(await intake.submit(other_actor(too_early))) == "event_id_reused"

    async with opened(store) as intake:
        after_restart = await intake.submit(too_early)
        anew = await intake.submit(replace(too_early, event_id=str(uuid.uuid4())))

    assert after_restart.refusal == first.refusal
    assert receipt(anew)["state"] == "screening"


async def test_a_final_refusal_is_an_entry_of_the_day_and_counts_no_version() -> None:
    async with opened() as intake:
        day_id = await schedule(intake)
        refused = fact(day_id, "screening.started")
        await intake.submit(refused)

        entry = (await intake.entries(day_id))[-1].entry
        day = await intake.day(day_id)

        assert entry is not None
        assert (entry.kind, entry.type, entry.entry_id) == ("refused", "fact.refused", refused.event_id)
        assert day is not None
        assert day.version == 1


async def test_a_refusal_that_decides_nothing_leaves_no_trace_and_may_be_tried_again() -> None:
    async with opened() as intake:
        day_id = await schedule(intake)
        size = intake.log_size
        submission = check_in(day_id, if_match=7)

        outcome = await intake.submit(submission)

        assert (outcome.status, code(outcome)) == (412, "version_conflict")
        assert intake.log_size == size
        assert receipt(await intake.submit(replace(submission, if_match=1)))["state"] == "checked_in"


async def test_a_replay_is_answered_before_its_precondition_is_looked_at() -> None:
    async with opened() as intake:
        day_id = await schedule(intake)
        submission = check_in(day_id, if_match=1)
        first = await intake.submit(submission)

        assert (await intake.submit(submission)).receipt == first.receipt


async def test_a_day_that_does_not_exist_is_not_found_and_nothing_is_kept() -> None:
    async with opened() as intake:
        size = intake.log_size

        for submission in (note(str(uuid.uuid4())), note("site"), note("")):
            outcome = await intake.submit(submission)
            assert (outcome.status, code(outcome)) == (404, "not_found")

        assert intake.log_size == size


async def test_a_role_that_may_not_post_is_refused_and_that_is_kept() -> None:
    async with opened() as intake:
        day_id = await schedule(intake)

        outcome = await intake.submit(check_in(day_id, actor=AUDITOR))

        assert (outcome.status, code(outcome)) == (403, "role_not_permitted")
        entry = (await intake.entries(day_id))[-1].entry
        assert entry is not None
        assert entry.actor == AUDITOR


async def test_time_received_never_goes_back() -> None:
    clock = BackwardClock()
    async with opened(clock=clock) as intake:
        day_id = await schedule(intake)
        clock.back_s = 3600
        await intake.submit(note(day_id))

        entries = await intake.entries(day_id)

        assert [entry.parsed_leaf.received_at for entry in entries] == [MORNING, MORNING]


class BackwardClock(SimulatedClock):
    """A clock that can be set back, as wall clocks are."""

    def __init__(self) -> None:
        super().__init__(MORNING)
        self.back_s = 0

    def now(self) -> datetime:
        return super().now() - timedelta(seconds=self.back_s)


async def test_two_people_who_act_at_once_get_one_move_and_one_refusal() -> None:
    async with opened() as intake:
        day_id = await schedule(intake)

        outcomes = await asyncio.gather(
            intake.submit(check_in(day_id)), intake.submit(check_in(day_id, actor=SECOND_NURSE))
        )

        assert [outcome.status for outcome in outcomes] == [201, 409]


async def test_what_had_fallen_due_is_appended_before_a_later_fact_is_decided() -> None:
    clock = SimulatedClock(MORNING)
    async with opened(clock=clock) as intake:
        day_id = await schedule(intake)
        clock.move_to(moments("12:30")[0])

        answer = receipt(await intake.submit(note(day_id)))

        types = [entry.entry.type for entry in await intake.entries(day_id) if entry.entry]
        assert types == ["day.scheduled", "day.missed", "note.added"]
        assert answer["state"] == "missed"


async def test_entries_of_administration_carry_their_records_and_are_made_once_per_event_id() -> None:
    store = MemoryStore()
    async with opened(store) as intake:
        day_id = await schedule(intake)
        put = Put("device", "tab-1", {"ward": "neuro-day"})
        event_id = str(uuid.uuid4())

        first = await intake.record("device.enrolled", {"device": "tab-1"}, NURSE, (put,), event_id=event_id)
        again = await intake.record("device.enrolled", {"device": "tab-1"}, NURSE, (put,), event_id=event_id)
        read = await intake.record("day.read", {"what": "view"}, AUDITOR, kind="access", stream=day_id)

        day = await intake.day(day_id)
        assert first == again
        assert await store.record("demo", "device", "tab-1") == {"ward": "neuro-day"}
        assert (await intake.entries(day_id))[-1].seq == read
        assert day is not None
        assert day.version == 1
        with pytest.raises(LookupError):
            await intake.record("day.read", {}, AUDITOR, kind="access", stream=str(uuid.uuid4()))


async def test_listeners_hear_of_every_commit_in_order_and_a_broken_one_harms_nobody() -> None:
    heard: list[int] = []

    def broken(entries: object) -> None:
        raise RuntimeError("listener")

    async with opened() as intake:
        intake.add_listener(broken)
        intake.add_listener(lambda entries: heard.extend(entry.seq for entry in entries))
        before = intake.log_size
        day_id = await schedule(intake)
        await asyncio.gather(*(intake.submit(note(day_id)) for _ in range(5)))

    assert heard == list(range(before + 1, before + 7))


async def test_a_day_takes_a_bounded_number_of_facts_from_devices_but_any_from_people(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("infusion_service.intake.judge.DAY_FACTS_MAX", 3)
    async with opened() as intake:
        day_id = await schedule(intake)
        await intake.submit(check_in(day_id))
        await intake.submit(note(day_id))

        from_tablet = [replace(vitals(day_id), actor=TABLET), note(day_id, actor=TABLET)]
        emergency = fact(day_id, "emergency.declared", {"reason": "syncope"}, actor=TABLET)

        assert [code(await intake.submit(submission)) for submission in from_tablet] == ["rate_limited"] * 2
        assert (await intake.submit(note(day_id))).status == 201
        assert receipt(await intake.submit(emergency))["state"] == "emergency"
