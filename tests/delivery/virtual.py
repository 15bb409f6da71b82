"""A site in virtual time: five days pass in seconds, and nothing happens between two moments at which something does.

The event loop's own clock is virtual: whenever nothing is ready it jumps to the next timer. The log is real (in
memory), the dispatch is real, receivers are scripts that answer, hang or fail.
"""

from __future__ import annotations

import asyncio
import copy
import json
import random
import selectors
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from infusion_service.clinical.vocabulary import JSON, Actor, Entry, cut_to_milliseconds
from infusion_service.delivery.courier import Target
from infusion_service.delivery.egress import EgressGuard, policy_of
from infusion_service.delivery.endpoints import Endpoints, Means
from infusion_service.delivery.registry import Rules
from infusion_service.delivery.rendering import DayFacts
from infusion_service.delivery.requests import NewEndpoint
from infusion_service.delivery.schedule import Reply
from infusion_service.delivery.vault import Vault
from infusion_service.log.deliveries import DeliverySearch
from infusion_service.log.memory import MemoryStore
from infusion_service.log.store import Drop, Put, Store
from tests.log.given import MORNING, SITE, Scribe

ADMIN = Actor(id="admin-1", role="admin", how="token")
URL = "https://engine.hospital.test/hook"
T = TypeVar("T")


class _Jumping(selectors.DefaultSelector):
    """A selector that never waits: it moves the loop's clock instead."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise AssertionError("everybody waits and nothing is due: the test would hang for ever")
        if not ready and timeout:
            self.now_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is virtual."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


def in_virtual_time(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a test in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work())


class LoopClock:
    """The clock port over the loop's time."""

    parted = False

    def now(self) -> datetime:
        return cut_to_milliseconds(MORNING + timedelta(seconds=asyncio.get_running_loop().time()))

    async def wait_until(self, moment: datetime | None, wake: asyncio.Event) -> None:
        while not wake.is_set():
            left_s = None
            if moment is not None:
                left_s = (moment - MORNING).total_seconds() - asyncio.get_running_loop().time()
                if left_s <= 0:
                    return
            try:
                async with asyncio.timeout(left_s):
                    await wake.wait()
            except TimeoutError:
                continue


@dataclass(frozen=True)
class Arrival:
    """What a receiver got."""

    at: datetime
    headers: Mapping[str, str]
    body: bytes
    status: int | None

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def number(self) -> int:
        return int(self.event["epsequence"])

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status <= 299


Script = Callable[[dict[str, Any], datetime], Awaitable[Reply]]


async def takes_all(_event: dict[str, Any], _now: datetime) -> Reply:
    return Reply(status=204)


@dataclass
class Receiver:
    """A scripted receiver behind the courier port."""

    script: Script = takes_all
    arrivals: list[Arrival] = field(default_factory=list)
    timeout_s: float = 15.0
    under_way: int = 0
    most_under_way: int = 0

    def courier(self, target: Target) -> Receiver:
        self.timeout_s = target.timeout_s
        return self

    async def post(self, headers: Mapping[str, str], body: bytes) -> Reply:
        self.under_way += 1
        self.most_under_way = max(self.under_way, self.most_under_way)
        now = LoopClock().now()
        try:
            async with asyncio.timeout(self.timeout_s):
                reply = await self.script(json.loads(body), now)
        except TimeoutError:
            reply = Reply(fault="timeout", duration_ms=round(self.timeout_s * 1000))
        finally:
            self.under_way -= 1
        self.arrivals.append(Arrival(now, headers, body, reply.status))
        return reply

    async def close(self) -> None:
        """Nothing to let go of."""

    @property
    def taken(self) -> list[int]:
        """Numbers in the order in which they were first answered 2xx; own events have none."""
        numbers = [a.number for a in self.arrivals if a.ok and "epsequence" in a.event]
        return list(dict.fromkeys(numbers))


class Site:
    """A log, its endpoints, and who writes entries into it."""

    def __init__(self, key_file: Path, *, store: Store | None = None, two_persons: bool = False) -> None:
        self.store = store or MemoryStore()
        self.scribe = Scribe()
        self.clock = LoopClock()
        self.receivers: dict[str, Receiver] = {}
        self.wards: dict[str, str] = {}
        self.two_persons = two_persons
        self.base = "https://demo"
        self._vault = Vault(key_file)
        self._turn = asyncio.Lock()
        self.endpoints = self._endpoints()

    def _endpoints(self) -> Endpoints:
        policy = policy_of(networks=["10.0.0.0/8"], plain_networks=[], ports=[443], host_suffixes=["hospital.test"])
        wards = frozenset({"neuro-day", "onco-day"})
        means = Means(
            rules=Rules(site=SITE, wards=wards, two_persons=self.two_persons),
            store=self.store,
            journal=self,
            clock=self.clock,
            vault=self._vault,
            guard=EgressGuard(policy),
            day_of=self.day_of,
            base=self.base,
            log_size=lambda: len(self.scribe.rows),
            wall_s=lambda: self.clock.now().timestamp(),
            chance=random.Random(7).random,  # noqa: S311 - jitter, the same in every run
            make_courier=lambda target: self.receivers.setdefault(target.url, Receiver()).courier(target),
        )
        return Endpoints(means)

    async def crash(self) -> None:
        """Begin anew on what the store holds at this moment. What the dead ones still do reaches receivers alone."""
        dead = self.endpoints
        assert isinstance(self.store, MemoryStore)
        self.store = copy.deepcopy(self.store)
        self.endpoints = self._endpoints()
        await self.endpoints.start()
        for task in dead._tasks.values():  # noqa: SLF001 - killed, not stopped
            task.cancel()

    async def day_of(self, day_id: str) -> DayFacts | None:
        return DayFacts(ward=self.wards.get(day_id, "neuro-day"), patient={"id": "P-1", "family": "Münster"})

    async def record(
        self,
        entry_type: str,
        data: dict[str, JSON],
        actor: Actor,
        operational: Sequence[Put | Drop] = (),
        *,
        event_id: str | None = None,
    ) -> int:
        """The journal of endpoints: an admin entry and records in one commit."""
        entry = self._entry("site", entry_type, data, kind="admin", actor=actor, entry_id=event_id)
        return await self.write(entry, operational=operational)

    async def write(self, *entries: Entry, operational: Sequence[Put | Drop] = ()) -> int:
        async with self._turn:
            await self.store.append(self.scribe.write(*entries, operational=operational))
        self.endpoints.notice()
        return len(self.scribe.rows)

    async def fact(self, day: str, entry_type: str = "note.added", **data: JSON) -> int:
        return await self.write(self._entry(day, entry_type, {"text": "asleep", **data}))

    def _entry(self, stream: str, entry_type: str, data: dict[str, JSON], **more: Any) -> Entry:
        now = self.clock.now()
        given = {"kind": "fact", "actor": Actor(id="staff-7f", role="nurse"), **more}
        given["entry_id"] = given.get("entry_id") or str(uuid.uuid4())
        return Entry(type=entry_type, stream=stream, occurred_at=now, received_at=now, data=data, **given)

    async def endpoint(self, script: Script = takes_all, url: str = URL, **wanted: Any) -> tuple[str, Receiver]:
        """Create an endpoint whose receiver answers by `script`."""
        receiver = self.receivers.setdefault(url, Receiver())
        receiver.script = script
        given = {"name": "engine", **wanted}
        if not self.endpoints.started:
            await self.endpoints.start()
        created = await self.endpoints.create(NewEndpoint(url=url, **given), ADMIN)
        return str(created["id"]), receiver

    async def rows(self, endpoint_id: str, **filters: Any) -> list[dict[str, Any]]:
        return await self.endpoints.deliveries.page(endpoint_id, DeliverySearch(**filters), limit=10_000)


def day(number: int) -> str:
    """The id of that day."""
    return f"0197c0de-7000-7000-8000-{number:012d}"
