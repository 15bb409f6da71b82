"""Whatever is handed over in whatever order: the log is gapless and every stream is chained."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infusion_service.clinical.vocabulary import SERVICE, Submission
from infusion_service.intake.intake import Intake
from infusion_service.log.entry import NO_PREVIOUS, commitment, leaf_hash, parse_leaf
from infusion_service.log.merkle import Frontier
from infusion_service.log.store import EventIdTaken, StorageFailed, StorageFull
from tests.intake.ward import SITE, FaultyStore, check_in, fact, note, opened, schedule, scheduling

DAYS = 3

STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["note", "check_in", "screening", "tick", "read", "group"]), st.integers(0, DAYS - 1)
        ),
        st.tuples(st.sampled_from(["again", "schedule", "wait", "full", "unknown", "conflict"]), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_the_log_is_gapless_and_chained_whatever_happens(steps: list[tuple[str, int]]) -> None:
    asyncio.run(play(steps))


async def play(steps: list[tuple[str, int]]) -> None:
    """Play the steps on a store that fails as they say, then check every row."""
    store = FaultyStore()
    async with opened(store) as intake:
        days = [await schedule(intake, f"P-{number}") for number in range(DAYS)]
        posted = [note(days[0])]
        waiting: list[asyncio.Task[Any]] = []
        for step, number in steps:
            if step == "wait":
                await asyncio.gather(*waiting, return_exceptions=True)
            elif step in FAILURES:
                FAILURES[step](store)
            else:
                waiting.append(asyncio.create_task(hand_over(intake, step, days[number], posted)))
        await asyncio.gather(*waiting, return_exceptions=True)
        root, size = intake.root(), intake.log_size
    check_rows(await store.read_log(SITE, limit=10_000), root, size)


FAILURES = {
    "full": lambda store: store.failures.append(StorageFull("disk")),
    "unknown": lambda store: store.failures_after.append(StorageFailed("lost", fatal=False)),
    "conflict": lambda store: store.failures.append(EventIdTaken("elsewhere")),
}


def hand_over(intake: Intake, step: str, day_id: str, posted: list[Submission]) -> Coroutine[Any, Any, Any]:
    """Make the coroutine of one step."""
    if step == "tick":
        return intake.tick(day_id)
    if step == "read":
        return intake.record("day.read", {}, SERVICE, kind="access", stream=day_id)
    if step == "group":
        return intake.submit_batch([note(day_id, group="g"), fact(day_id, "screening.started", group="g")])
    submission = {
        "note": note(day_id),
        "check_in": check_in(day_id),
        "screening": fact(day_id, "screening.started"),
        "schedule": scheduling("P-9"),
        "again": posted[-1],
    }[step]
    posted.append(submission)
    return intake.submit(submission)


def check_rows(rows: list[Any], root: bytes, size: int) -> None:
    """Check the log's arithmetic from its rows alone."""
    tips: dict[str, tuple[int, bytes]] = defaultdict(lambda: (0, NO_PREVIOUS))
    frontier = Frontier()
    received = parse_leaf(rows[0].leaf).received_at
    for seq, row in enumerate(rows, start=1):
        leaf = parse_leaf(row.leaf)
        n, previous = tips[row.stream]
        assert (row.seq, row.n, leaf.n) == (seq, n + 1, n + 1)
        assert leaf.previous == previous
        assert leaf.commitment == commitment(row.salt, row.body)
        assert leaf_hash(row.leaf) == row.leaf_hash
        assert leaf.received_at >= received
        received = leaf.received_at
        tips[row.stream] = (row.n, row.leaf_hash)
        frontier.append(row.leaf_hash)
    assert len({row.salt for row in rows}) == len({row.event_id for row in rows}) == len(rows) == size
    assert frontier.root() == root
