"""What every store promises of reading: order, pages, filters, the tree, and no surprise for what is not there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from infusion_service.clinical.vocabulary import SITE_STREAM
from infusion_service.log.merkle import Frontier, subtrees_of
from infusion_service.log.store import DayHead, Drop, Put, Store
from tests.log.given import DAY_1, DAY_2, DAY_3, MORNING, SITE, Scribe, a_head, an_entry, event_id

MINUTE = timedelta(minutes=1)


async def test_the_log_is_read_in_pages(store: Store, scribe: Scribe) -> None:
    await store.append(scribe.write(*(an_entry(number) for number in range(1, 8))))
    pages = []
    after = 0
    while page := await store.read_log(SITE, after_seq=after, limit=3):
        pages.append(len(page))
        after = page[-1].seq
    assert pages == [3, 3, 1]


async def test_the_log_is_filtered_by_stream_and_type(store: Store, scribe: Scribe) -> None:
    await store.append(
        scribe.write(
            an_entry(1),
            an_entry(2, DAY_2),
            an_entry(3, type="ecg.recorded"),
            an_entry(4, SITE_STREAM),
            an_entry(5, DAY_2, type="ecg.recorded"),
            an_entry(6),
        )
    )

    async def seqs(
        after_seq: int = 0, limit: int = 10, stream: str | None = None, entry_type: str | None = None
    ) -> list[int]:
        rows = await store.read_log(SITE, after_seq=after_seq, limit=limit, stream=stream, entry_type=entry_type)
        return [row.seq for row in rows]

    assert await seqs(stream=DAY_1) == [1, 3, 6]
    assert await seqs(stream=DAY_1, after_seq=1, limit=1) == [3]
    assert await seqs(stream=SITE_STREAM) == [4]
    assert await seqs(entry_type="ecg.recorded") == [3, 5]
    assert await seqs(entry_type="ecg.recorded", after_seq=3) == [5]
    assert await seqs(entry_type="ecg.recorded", stream=DAY_2) == [5]
    assert await seqs(stream=DAY_3) == await seqs(stream="no day") == await seqs(entry_type="no.type") == []
    assert await seqs(after_seq=6) == []


async def test_a_stream_is_read_by_its_own_numbers(store: Store, scribe: Scribe) -> None:
    await store.append(scribe.write(*(an_entry(number, (DAY_1, DAY_2)[number % 2]) for number in range(1, 9))))
    rows = await store.read_stream(SITE, DAY_1, limit=10)
    assert [(row.seq, row.n) for row in rows] == [(2, 1), (4, 2), (6, 3), (8, 4)]
    assert await store.read_stream(SITE, DAY_1, after_n=1, limit=2) == rows[1:3]
    assert await store.read_stream(SITE, DAY_3, limit=10) == await store.read_stream(SITE, "no day", limit=10) == []


async def test_streams_are_listed_without_the_sites_own(store: Store, scribe: Scribe) -> None:
    await store.append(
        scribe.write(an_entry(1, DAY_2), an_entry(2, SITE_STREAM), an_entry(3, DAY_1), an_entry(4, DAY_3))
    )
    assert await store.read_streams(SITE, limit=10) == [DAY_1, DAY_2, DAY_3]
    assert await store.read_streams(SITE, after=DAY_1, limit=1) == [DAY_2]
    assert await store.read_streams(SITE, after=DAY_3, limit=1) == []


async def test_events_are_found_by_their_ids(store: Store, scribe: Scribe) -> None:
    await store.append(scribe.write(an_entry(1), an_entry(2, kind="refused"), an_entry(3, SITE_STREAM, kind="admin")))
    assert await store.find_event(SITE, event_id(2)) == scribe.rows[1]
    assert await store.find_event(SITE, event_id(9)) is None
    assert await store.find_event(SITE, "not an id") is None
    assert await store.find_event("elsewhere", event_id(1)) is None
    ids = [event_id(1), event_id(9), "not an id", event_id(3)]
    assert await store.find_events(SITE, ids) == {event_id(1): scribe.rows[0], event_id(3): scribe.rows[2]}


async def test_a_site_that_never_wrote_has_nothing(store: Store) -> None:
    assert await store.read_stream("elsewhere", DAY_1, limit=10) == []
    assert await store.read_log("elsewhere", limit=10) == []
    assert await store.read_streams("elsewhere", limit=10) == []
    assert await store.day_heads("elsewhere", limit=10) == await store.due_heads("elsewhere", MORNING, 10) == []
    assert await store.day_head("elsewhere", DAY_1) is None
    assert await store.next_due("elsewhere") is None
    assert await store.records("elsewhere", "device") == {}
    assert await store.record("elsewhere", "device", "x") is None


async def test_the_tree_can_be_read_at_every_level(store: Store) -> None:
    scribe = Scribe()
    for first in range(1, 601, 50):
        await store.append(scribe.write(*(an_entry(number) for number in range(first, first + 50))))
    read = subtrees_of([row.leaf_hash for row in scribe.rows])
    nodes = [(level, index) for level in range(10) for index in {0, (600 >> level) - 1}]
    assert await store.read_subtrees(SITE, nodes) == {node: read(*node) for node in nodes}
    for unfinished in ((0, 600), (3, 75), (8, 2), (9, 1), (10, 0)):
        with pytest.raises(ValueError, match="not whole"):
            await store.read_subtrees(SITE, [unfinished])
    assert Frontier.from_bytes((await store.log_head(SITE)).frontier).root() == scribe.frontier.root()


HEADS = [
    a_head(DAY_1, date="2026-11-23", ward="neuro-day", state="infusing", open=True, patient_id="P-1"),
    a_head(DAY_2, date="2026-11-23", ward="day-b", state="closed", open=False, patient_id="P-2"),
    a_head(DAY_3, date="2026-11-22", ward="neuro-day", state="closed", open=False, patient_id="P-1"),
    a_head(event_id(4), date=None, ward=None, state=None, open=True, patient_id=None, workflow_hash=None),
    a_head(event_id(5), date="2026-11-24", ward="day-b", state="infusing", open=True, patient_id="P-1"),
]
UNDATED, YESTERDAY, TODAY_A, TODAY_B, TOMORROW = HEADS[3], HEADS[2], HEADS[0], HEADS[1], HEADS[4]


@pytest.fixture
async def board(store: Store, scribe: Scribe) -> Store:
    """A store with a few days on the board."""
    entries = [an_entry(number, head.day_id) for number, head in enumerate(HEADS, start=1)]
    await store.append(scribe.write(*entries, heads=HEADS))
    return store


async def test_the_board_is_in_order_of_date_and_day(board: Store) -> None:
    assert await board.day_heads(SITE, limit=10) == [UNDATED, YESTERDAY, TODAY_A, TODAY_B, TOMORROW]


async def test_the_board_is_filtered(board: Store) -> None:
    assert await board.day_heads(SITE, ward="neuro-day", limit=10) == [YESTERDAY, TODAY_A]
    assert await board.day_heads(SITE, state="closed", limit=10) == [YESTERDAY, TODAY_B]
    assert await board.day_heads(SITE, date="2026-11-23", limit=10) == [TODAY_A, TODAY_B]
    assert await board.day_heads(SITE, open_only=True, limit=10) == [UNDATED, TODAY_A, TOMORROW]
    assert await board.day_heads(SITE, patient_id="P-1", limit=10) == [YESTERDAY, TODAY_A, TOMORROW]
    assert await board.day_heads(SITE, ward="day-b", open_only=True, state="infusing", limit=10) == [TOMORROW]
    assert await board.day_heads(SITE, ward="day-b", date="2026-11-23", state="closed", limit=10) == [TODAY_B]
    assert await board.day_heads(SITE, patient_id="P-1", open_only=True, ward="neuro-day", limit=10) == [TODAY_A]
    assert await board.day_heads(SITE, patient_id="P-1", state="closed", date="2026-11-22", limit=10) == [YESTERDAY]
    assert await board.day_heads(SITE, ward="no ward", limit=10) == []


async def test_the_board_is_read_in_pages(board: Store) -> None:
    seen: list[DayHead] = []
    after = None
    while page := await board.day_heads(SITE, after=after, limit=2):
        seen += page
        after = (page[-1].date or "", page[-1].day_id)
    assert seen == [UNDATED, YESTERDAY, TODAY_A, TODAY_B, TOMORROW]
    behind = ("2026-11-23", DAY_1)
    assert await board.day_heads(SITE, date="2026-11-23", after=behind, limit=10) == [TODAY_B]
    assert await board.day_heads(SITE, ward="neuro-day", after=behind, limit=10) == []
    assert await board.day_heads(SITE, open_only=True, after=behind, limit=10) == [TOMORROW]
    assert await board.day_heads(SITE, patient_id="P-1", after=behind, limit=10) == [TOMORROW]


async def test_the_board_is_read_from_its_other_end(board: Store) -> None:
    seen: list[DayHead] = []
    after = None
    while page := await board.day_heads(SITE, newest_first=True, after=after, limit=2):
        seen += page
        after = (page[-1].date or "", page[-1].day_id)
    assert seen == [TOMORROW, TODAY_B, TODAY_A, YESTERDAY, UNDATED]
    behind = ("2026-11-23", TODAY_B.day_id)
    assert await board.day_heads(SITE, newest_first=True, date="2026-11-23", limit=10) == [TODAY_B, TODAY_A]
    assert await board.day_heads(SITE, newest_first=True, date="2026-11-23", after=behind, limit=10) == [TODAY_A]
    assert await board.day_heads(SITE, newest_first=True, ward="neuro-day", limit=10) == [TODAY_A, YESTERDAY]
    assert await board.day_heads(SITE, newest_first=True, open_only=True, limit=10) == [TOMORROW, TODAY_A, UNDATED]
    assert await board.day_heads(SITE, newest_first=True, patient_id="P-1", limit=2) == [TOMORROW, TODAY_A]
    assert await board.day_heads(SITE, newest_first=True, state="closed", limit=10) == [TODAY_B, YESTERDAY]


async def test_a_head_is_found_by_its_day(board: Store) -> None:
    assert await board.day_head(SITE, DAY_2) == TODAY_B
    assert await board.day_head(SITE, event_id(9)) is None
    assert await board.day_head(SITE, "no id") is None


async def test_a_head_follows_its_day_also_to_another_ward_date_and_patient(board: Store, scribe: Scribe) -> None:
    moved = a_head(DAY_1, date="2026-12-01", ward="day-b", patient_id="P-9", version=2, n=2, state="closed", open=False)
    await board.append(scribe.write(an_entry(6), heads=[moved]))
    assert await board.day_head(SITE, DAY_1) == moved
    assert await board.day_heads(SITE, patient_id="P-9", limit=10) == [moved]
    assert await board.day_heads(SITE, ward="day-b", date="2026-12-01", limit=10) == [moved]
    assert moved not in await board.day_heads(SITE, ward="neuro-day", limit=10)
    assert moved not in await board.day_heads(SITE, open_only=True, limit=10)


async def test_what_is_due_comes_earliest_first(store: Store, scribe: Scribe) -> None:
    late = a_head(DAY_1, next_change_at=MORNING + 2 * MINUTE)
    soon = a_head(DAY_2, next_change_at=MORNING + MINUTE)
    never = a_head(DAY_3)
    await store.append(scribe.write(*(an_entry(1, day) for day in [DAY_1]), heads=[late, soon, never]))
    assert await store.next_due(SITE) == MORNING + MINUTE
    assert await store.due_heads(SITE, MORNING, 10) == []
    assert await store.due_heads(SITE, MORNING + MINUTE, 10) == [soon]
    assert await store.due_heads(SITE, MORNING + 2 * MINUTE, 10) == [soon, late]
    assert await store.due_heads(SITE, MORNING + 2 * MINUTE, 1) == [soon]
    await store.append(scribe.write(an_entry(2), heads=[a_head(DAY_2)]))
    assert await store.next_due(SITE) == MORNING + 2 * MINUTE


async def test_operational_records_are_kept_replaced_and_forgotten(store: Store) -> None:
    await store.put(SITE, [Put("device", "b", {"n": 1}), Put("device", "a", {"n": 2}), Put("staff", "a", {"n": 3})])
    assert await store.records(SITE, "device") == {"a": {"n": 2}, "b": {"n": 1}}
    assert list(await store.records(SITE, "device")) == ["a", "b"]
    await store.put(SITE, [Put("device", "a", {"n": 4}), Drop("device", "b"), Drop("device", "never")])
    assert await store.records(SITE, "device") == {"a": {"n": 4}}
    assert await store.record(SITE, "device", "a") == {"n": 4}
    assert await store.record(SITE, "staff", "a") == {"n": 3}
    assert await store.record(SITE, "device", "b") is None


async def test_a_record_does_not_change_in_the_callers_hands(store: Store) -> None:
    value = {"list": [1]}
    await store.put(SITE, [Put("device", "a", value)])
    value["list"].append(2)
    (await store.records(SITE, "device"))["a"]["list"].append(3)
    assert await store.record(SITE, "device", "a") == {"list": [1]}
