"""Which delivery goes next: lanes, each with one in flight at most, the oldest first.

Pure but for what it is told of time. Promises: within a lane the order of the endpoint's sequence; a lane that waits
holds up no other; `take` costs the logarithm of what is ready, not of what is waiting. Does not: send, judge or keep
anything (`dispatcher`), or know whether the endpoint answers at all (`health`).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from infusion_service.delivery.endpoint import Ordering


@dataclass(slots=True, kw_only=True, eq=False)
class Item:
    """One delivery in hand."""

    epsequence: int
    seq: int | None
    webhook_id: str
    lane: str
    event_type: str
    body: bytes
    reason: str = "first"
    attempts: int = 0
    first_failed_at: datetime | None = None
    due: datetime | None = None
    """Not before; None: at once."""
    parked: bool = False
    probing: bool = False
    """Its attempt under way is a probe of an endpoint that does not answer."""
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def fresh(self) -> bool:
        """Whether it has never been tried."""
        return not self.history


@dataclass(slots=True)
class _Lane:
    waiting: list[tuple[int, Item]] = field(default_factory=list)  # a heap by number
    in_flight: Item | None = None

    @property
    def head(self) -> Item | None:
        """What would go next."""
        return self.waiting[0][1] if self.waiting and self.in_flight is None else None


class Lanes:
    """The deliveries in hand of one endpoint."""

    def __init__(self, ordering: Ordering) -> None:
        self._ordering = ordering
        self._lanes: dict[str, _Lane] = {}
        self._ready: list[tuple[int, str]] = []
        self._later: list[tuple[datetime, int, str]] = []
        self._numbers: set[int] = set()
        self._troubled: set[str] = set()  # lanes in which something failed; some of them may be fine by now
        self.in_flight = 0

    def __len__(self) -> int:
        """How many are in hand, those in flight too."""
        return len(self._numbers)

    def __contains__(self, epsequence: int) -> bool:
        """Whether this one is in hand."""
        return epsequence in self._numbers

    def add(self, item: Item) -> None:
        """Take in a delivery. One that is in hand already stays as it is."""
        if item.epsequence in self._numbers:
            return
        self._numbers.add(item.epsequence)
        key = self.key_of(item)
        lane = self._lanes.setdefault(key, _Lane())
        heapq.heappush(lane.waiting, (item.epsequence, item))
        self._offer(key, lane)

    def take(self, now: datetime) -> Item | None:
        """The oldest delivery at the head of a free lane that is due, now in flight; None when there is none."""
        while self._later and self._later[0][0] <= now:
            _, number, key = heapq.heappop(self._later)
            heapq.heappush(self._ready, (number, key))
        while self._ready:
            number, key = heapq.heappop(self._ready)
            lane = self._lanes.get(key)
            head = None if lane is None else lane.head
            # Entries are not taken out when they no longer hold: each says only that a lane is worth looking at.
            if lane is None or head is None or head.epsequence != number:
                continue
            if head.due is not None and head.due > now:
                heapq.heappush(self._later, (head.due, number, key))
                continue
            return self._fly(lane)
        return None

    def take_probe(self) -> Item | None:
        """A delivery to try an endpoint with that does not answer: one never tried if there is any, due or not."""
        heads = [(head, lane) for lane in self._lanes.values() if (head := lane.head) is not None]
        if not heads:
            return None
        # Else the one tried longest ago, so that a poisonous one does not speak for all.
        _, lane = min(heads, key=lambda found: (*_last_tried(found[0]), found[0].epsequence))
        return self._fly(lane)

    def has_fresh_head(self) -> bool:
        """Whether a lane begins with a delivery that was never tried."""
        return any(lane.head is not None and lane.head.fresh for lane in self._lanes.values())

    def land(self, item: Item, *, due: datetime | None) -> None:
        """Put a delivery that was in flight back at the head of its lane, not before `due`."""
        key = self.key_of(item)
        lane = self._lanes[key]
        self._free(lane, item)
        item.due = due
        heapq.heappush(lane.waiting, (item.epsequence, item))
        self._offer(key, lane)

    def settle(self, item: Item) -> None:
        """Let go of a delivery that was in flight: done, parked or dropped. Its lane goes on."""
        key = self.key_of(item)
        lane = self._lanes[key]
        self._free(lane, item)
        self._leave(key, lane, item)

    def withdraw(self, item: Item) -> None:
        """Let go of a delivery that waits at the head of its lane."""
        key = self.key_of(item)
        lane = self._lanes[key]
        heapq.heappop(lane.waiting)
        self._leave(key, lane, item)

    def hasten(self, item: Item) -> None:
        """Have a waiting head go at once."""
        item.due = None
        heapq.heappush(self._ready, (item.epsequence, self.key_of(item)))

    @property
    def troubled(self) -> bool:
        """Whether any lane may be held up by a failure."""
        return bool(self._troubled)

    def blocked(self) -> Iterator[Item]:
        """Heads that failed and hold up their lanes until the next attempt, the oldest first."""
        heads = []
        for key in list(self._troubled):
            lane = self._lanes.get(key)
            if lane is None or (lane.head is not None and lane.head.first_failed_at is None):
                self._troubled.discard(key)
            elif lane.head is not None and not lane.head.parked:
                heads.append(lane.head)
        yield from sorted(heads, key=lambda head: head.epsequence)

    def held_up(self) -> list[Item]:
        """What failed and holds up its lane, in flight or not, the oldest first."""
        first = [lane.in_flight or lane.head for key in self._troubled if (lane := self._lanes.get(key)) is not None]
        held = [item for item in first if item is not None and item.first_failed_at is not None and not item.parked]
        return sorted(held, key=lambda item: item.epsequence)

    @property
    def has_ready(self) -> bool:
        """Whether a head may be due already."""
        return bool(self._ready)

    def next_due(self) -> datetime | None:
        """When the next waiting head falls due; something may be ready before."""
        return self._later[0][0] if self._later else None

    def key_of(self, item: Item) -> str:
        """The lane an item goes in."""
        if self._ordering == "none":
            return f"#{item.epsequence}"
        if item.parked:  # beside its lane, and still in the order of the day's other parked ones that are due
            return f"#{item.lane}"
        return "" if self._ordering == "strict" else item.lane

    def _offer(self, key: str, lane: _Lane) -> None:
        head = lane.head
        if head is None:
            return
        if head.first_failed_at is not None:
            self._troubled.add(key)
        if head.due is None:
            heapq.heappush(self._ready, (head.epsequence, key))
        else:
            heapq.heappush(self._later, (head.due, head.epsequence, key))

    def _fly(self, lane: _Lane) -> Item:
        _, item = heapq.heappop(lane.waiting)
        lane.in_flight = item
        self.in_flight += 1
        return item

    def _free(self, lane: _Lane, item: Item) -> None:
        if lane.in_flight is not item:
            raise ValueError(f"delivery {item.epsequence} is not in flight")
        lane.in_flight = None
        self.in_flight -= 1

    def _leave(self, key: str, lane: _Lane, item: Item) -> None:
        self._numbers.discard(item.epsequence)
        if lane.waiting:
            self._offer(key, lane)
        elif lane.in_flight is None:
            del self._lanes[key]


def _last_tried(item: Item) -> tuple[int, str]:
    return (1, str(item.history[-1]["at"])) if item.history else (0, "")
