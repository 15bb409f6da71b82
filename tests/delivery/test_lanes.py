"""Lanes, whatever comes in whatever order: one of a day in flight, its oldest first, and every failure remembered."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from infusion_service.delivery.lanes import Item, Lanes
from tests.log.given import MORNING

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "take", "done", "fail", "park", "withdraw", "hasten", "wait"]), st.integers(0, 4)
    ),
    max_size=80,
)


class Bench:
    """Lanes under test beside what is known of every delivery, kept the simple way."""

    def __init__(self) -> None:
        self.lanes = Lanes("lane")
        self.now = MORNING
        self.known: dict[int, Item] = {}
        self.flying: list[Item] = []
        self._numbers = 0

    def add(self, choice: int) -> None:
        self._numbers += 1
        item = Item(
            epsequence=self._numbers,
            seq=self._numbers,
            webhook_id=str(self._numbers),
            lane=f"day {choice}",
            event_type="note.added",
            body=b"{}",
        )
        self.known[item.epsequence] = item
        self.lanes.add(item)

    def take(self, _choice: int) -> None:
        taken = self.lanes.take(self.now)
        ready = [item for item in self.heads() if item.due is None or item.due <= self.now]
        assert taken is (min(ready, key=lambda item: item.epsequence) if ready else None)
        if taken is not None:
            self.flying.append(taken)

    def done(self, choice: int) -> None:
        if self.flying:
            item = self.flying.pop(choice % len(self.flying))
            self.lanes.settle(item)
            del self.known[item.epsequence]

    park = done

    def fail(self, choice: int) -> None:
        if self.flying:
            item = self.flying.pop(choice % len(self.flying))
            item.first_failed_at = item.first_failed_at or self.now
            self.lanes.land(item, due=self.now + timedelta(seconds=choice))

    def withdraw(self, choice: int) -> None:
        blocked = list(self.lanes.blocked())
        if blocked:
            item = blocked[choice % len(blocked)]
            self.lanes.withdraw(item)
            del self.known[item.epsequence]

    def hasten(self, choice: int) -> None:
        blocked = list(self.lanes.blocked())
        if blocked:
            head = blocked[choice % len(blocked)]
            head.first_failed_at = None
            self.lanes.hasten(head)

    def wait(self, choice: int) -> None:
        self.now += timedelta(seconds=choice)

    def heads(self) -> list[Item]:
        """The oldest of each day that has none in flight."""
        busy = {item.lane for item in self.flying}
        oldest: dict[str, Item] = {}
        for _, item in sorted(self.known.items()):
            oldest.setdefault(item.lane, item)
        return [item for lane, item in oldest.items() if lane not in busy]

    def judge(self) -> None:
        failed = [item for item in self.heads() if item.first_failed_at is not None]
        assert [item.epsequence for item in self.lanes.blocked()] == sorted(item.epsequence for item in failed)
        assert self.lanes.troubled or not failed
        assert (len(self.lanes), self.lanes.in_flight) == (len(self.known), len(self.flying))
        assert len({item.lane for item in self.flying}) == len(self.flying)
        self._judge_next_due(failed)

    def _judge_next_due(self, failed: list[Item]) -> None:
        later: list[datetime] = [item.due for item in failed if item.due is not None and item.due > self.now]
        next_due = self.lanes.next_due()
        # Something that waits is never forgotten: it is ready, or falls due no later than it should.
        assert not later or self.lanes.has_ready or (next_due is not None and next_due <= min(later))


@given(steps=STEPS)
def test_lanes_keep_every_promise_through_any_sequence_of_events(steps: list[tuple[str, int]]) -> None:
    bench = Bench()
    for step, choice in steps:
        getattr(bench, step)(choice)
        bench.judge()
