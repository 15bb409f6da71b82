"""One endpoint's dispatch: fill the lanes from the log, send what is due, keep what became of it.

One task per endpoint decides, and one per attempt waits for its reply; endpoints share nothing, so a hanging one delays
nobody. Promises: a body is durable before it is first sent; outcomes are made durable in groups; memory is bounded by
`WINDOW`, however long the queue; whatever is killed at whatever moment, the next start sends everything not known to be
delivered, in order, with the same ids and bytes. Does not: change endpoints (`registry` does, when told).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from msgspec.structs import replace

from infusion_service.delivery.admission import Admission, Admitted
from infusion_service.delivery.endpoint import Endpoint, Progress
from infusion_service.delivery.health import Health
from infusion_service.delivery.keeping import UNSAVED_MAX, Keeper
from infusion_service.delivery.lanes import Item, Lanes
from infusion_service.delivery.outlet import Outlet
from infusion_service.delivery.schedule import Reply
from infusion_service.delivery.settling import Settler, item_of
from infusion_service.delivery.surroundings import Steward, Surroundings
from infusion_service.intake.outcome import Unavailable
from infusion_service.log.deliveries import Delivery, Requeue
from infusion_service.log.store import StoreError

WINDOW = 1024
"""Deliveries of one endpoint in memory."""

PARKED_AT_ONCE_MAX = 32
REST = timedelta(seconds=5)
"""After the store or the log could not be written."""

FORGET_EVERY = timedelta(hours=6)
STOP_S_MAX = 2.0

_log = structlog.get_logger(__name__)


class Dispatcher:
    """Dispatch of one endpoint."""

    # Long because it takes one of each: nothing is decided here.
    def __init__(
        self,
        endpoint: Endpoint,
        progress: Progress,
        outlet: Outlet,
        surroundings: Surroundings,
        *,
        admission: Admission,
        steward: Steward,
    ) -> None:
        self.endpoint = endpoint
        self._keeper = Keeper(
            endpoint.id, progress, site=surroundings.site, store=surroundings.store, clock=surroundings.clock
        )
        self._outlet = outlet
        self._site = surroundings.site
        self._store = surroundings.store
        self._clock = surroundings.clock
        self._admission = admission
        self._steward = steward
        self.lanes = Lanes(endpoint.ordering)
        """What is in hand: to look at, for everybody else."""
        self.health = Health(progress, chance=surroundings.chance, catch_up_per_s=endpoint.catch_up_per_s)
        self._told: list[tuple[str, dict[str, Any]]] = []
        self._settler = Settler(endpoint, self.lanes, self.health, chance=surroundings.chance, tell=self._tell)
        self._settler.alarmed = progress.alarmed
        self._settler.acknowledged = progress.acknowledged
        self._sending: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._log_may_have_more = True
        self._table_after: int | None = 0
        self._requeues: list[tuple[Requeue, asyncio.Future[None]]] = []
        self._parked_known = False
        self._parked_due: datetime | None = None
        self._heartbeat_at: datetime | None = None
        self._forget_at: datetime | None = None

    def notice(self) -> None:
        """Hear that the log has grown."""
        if not self._log_may_have_more:
            self._log_may_have_more = True
            self._wake.set()

    def look_again(self) -> None:
        """Hear that deliveries were changed by somebody else."""
        self._parked_known = False
        self._table_after = 0
        self._wake.set()

    async def replay(self, from_seq: int, to_seq: int) -> None:
        """Have a range of the log sent again, as far as the cursor has come. Returns once that is durable."""
        asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        requeue = Requeue(endpoint_id=self.endpoint.id, from_seq=from_seq, to_seq=to_seq)
        self._requeues.append((requeue, asked))
        self._wake.set()
        await asked

    def take_state(self, endpoint: Endpoint) -> None:
        """Go on with the endpoint in the state it is in now. Whatever else changes needs a new dispatcher."""
        starts_over = endpoint.state == "active" and self.endpoint.state != "active"
        self.endpoint = self._settler.endpoint = endpoint
        self._settler.disable_reason = None
        if starts_over:
            self._note(self._settler.start_over())
        self._wake.set()

    def try_now(self) -> None:
        """Probe at once if it does not answer: a person has changed something."""
        self.health.hasten()
        self._wake.set()

    def revive(self) -> None:
        """Hear of a 2xx to something that is no delivery: a ping, a heartbeat."""
        self._note(self._settler.revived(self._clock.now()))
        self._wake.set()

    @property
    def progress(self) -> Progress:
        """How far it has come, as far as that is durable."""
        return self._keeper.progress

    @property
    def outlet(self) -> Outlet:
        """The way out, for a ping."""
        return self._outlet

    @property
    def in_flight(self) -> int:
        """Attempts under way."""
        return len(self._sending)

    async def run(self) -> None:
        """Dispatch until stopped. Nothing else ends it."""
        try:
            while not self._stopping:
                try:
                    await self._turn()
                except (StoreError, Unavailable) as error:
                    _log.warning("delivery.cannot_write", endpoint=self.endpoint.id, why=type(error).__name__)
                    await self._rest()
                except Exception:  # noqa: BLE001 - whatever it is, the queue must not stand still in silence
                    _log.exception("delivery.failed", endpoint=self.endpoint.id)
                    await self._rest()
        finally:
            await self._end()

    def stop(self) -> None:
        """Start nothing more; `run` returns soon."""
        self._stopping = True
        self._wake.set()

    async def _turn(self) -> None:
        """Do what can be done now, or wait for what comes next."""
        self._wake.clear()
        now = self._clock.now()
        await self._say()
        if self._requeues:
            await self._requeue()
            return
        if self.endpoint.state == "active" and await self._fill(now):
            self._launch(self._clock.now())
            await asyncio.sleep(0)  # a store in memory never waits: let the replies in
            return
        self._settler.look_after(now)
        self._note(self._settler.park_overdue(now))
        if self._keeper.due(now):
            await self._commit(self.progress)
            return
        if self._told or self._settler.disable_reason is not None:
            return
        await self._keep_house(now)
        self._launch(self._clock.now())
        await self._clock.wait_until(self._next_moment(), self._wake)

    async def _fill(self, now: datetime) -> bool:
        """Take more into hand, one step. Returns whether there may be more to take at once."""
        await self._fill_parked(now)
        room = WINDOW - len(self.lanes)
        if room < WINDOW // 4:
            return False
        if self._table_after is not None:
            await self._fill_from_table(self._table_after, room)
            return True
        if self.progress.replay:
            await self._admit(await self._admission.next_replayed(self.progress, room))
            return True
        if not self._log_may_have_more:
            if not len(self.lanes):
                self.health.caught_up()
            return False
        self._log_may_have_more = False  # before reading: whatever is committed meanwhile says so
        admitted = await self._admission.next_page(self.progress, room)
        self._log_may_have_more = self._log_may_have_more or admitted.more
        if admitted.progress.after_seq != self.progress.after_seq:
            await self._admit(admitted)
        return True

    async def _admit(self, admitted: Admitted) -> None:
        await self._commit(admitted.progress, admitted.deliveries)
        for row in admitted.deliveries:
            self.lanes.add(item_of(row))

    async def _fill_from_table(self, after: int, room: int) -> None:
        """Take in deliveries numbered before: after a start, after a replay."""
        await self._commit(self.progress)
        rows = await self._store.deliveries.waiting(self._site, self.endpoint.id, after=after, limit=room)
        self._take_in(rows)
        self._table_after = rows[-1].epsequence if len(rows) == room else None

    async def _fill_parked(self, now: datetime) -> None:
        if not self._parked_known:
            self._parked_known = True
            await self._commit(self.progress)
            self._parked_due = await self._store.deliveries.next_parked_due(self._site, self.endpoint.id)
        if self._parked_due is None or self._parked_due > now or self.health.open:
            return
        self._take_in(await self._store.deliveries.parked_due(self._site, self.endpoint.id, now, PARKED_AT_ONCE_MAX))
        # Asked again when one of them has been settled.
        self._parked_due = None

    def _take_in(self, rows: Sequence[Delivery]) -> None:
        for row in rows:
            if row.epsequence in self._keeper.unsaved:
                continue  # it is in flight, or was settled while we read
            if row.damaged:  # nobody is sent what was not written; a person drops it, and the gap stays visible
                _log.error("delivery.damaged", endpoint=self.endpoint.id, number=row.epsequence)
                self._note([replace(row, state="parked", reason="damaged", next_attempt_at=None)])
            else:
                self.lanes.add(item_of(row))

    async def _requeue(self) -> None:
        again, asked = self._requeues[0]
        last = min(again.to_seq, self.progress.after_seq)
        if again.from_seq <= last:
            await self._commit(self.progress)
            progress = replace(self.progress, replay=(*self.progress.replay, (again.from_seq, last)))
            bounded = Requeue(endpoint_id=again.endpoint_id, from_seq=again.from_seq, to_seq=last)
            await self._commit(progress, requeue=bounded)
            self._table_after = 0
        self._requeues.pop(0)
        if not asked.done():
            asked.set_result(None)

    async def _commit(
        self, progress: Progress, new: Sequence[Delivery] = (), *, requeue: Requeue | None = None
    ) -> None:
        """Make everything known durable, with the vital signs of the moment. Raises `StoreError`."""
        kept = replace(progress, acknowledged=self._settler.acknowledged, alarmed=self._settler.alarmed)
        await self._keeper.commit(self.health.kept_in(kept), new, requeue=requeue)

    def _note(self, rows: list[Delivery]) -> None:
        if rows and self._keeper.save_at is None:
            self._wake.set()
        if any(row.state == "parked" for row in rows):
            self._parked_known = False
        self._keeper.note(rows)

    def _launch(self, now: datetime) -> None:
        """Start whatever may start now."""
        while (item := self._next_item(now)) is not None:
            task = asyncio.create_task(self._send(item), name=f"delivery {item.epsequence} to {self.endpoint.id}")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    def _next_item(self, now: datetime) -> Item | None:
        """Take what may start now, if anything may; it is in flight then."""
        if self.endpoint.state != "active" or self._stopping or self._settler.disable_reason is not None:
            return None
        if self.lanes.in_flight >= self.endpoint.max_in_flight or not self._may_start(now):
            return None
        item = self.lanes.take_probe() if self.health.open else self.lanes.take(now)
        if item is not None:
            self.health.started(now)
            item.probing = self.health.open
        return item

    def _may_start(self, now: datetime) -> bool:
        if self.health.paused_until is not None and now < self.health.paused_until:
            return False
        if self.health.open:
            fresh = self.lanes.has_fresh_head()
            return self.lanes.in_flight == 0 and self.health.may_probe(now, fresh=fresh)
        not_before = self.health.start_not_before()
        return not_before is None or now >= not_before

    async def _send(self, item: Item | None) -> None:
        """Make an attempt, and then others as long as there are any to make: a task for each would cost more."""
        while item is not None:
            reason = item.reason if item.reason != "first" or item.fresh else "retry"
            reply = await self._outlet.post(item.webhook_id, item.body, attempt=len(item.history) + 1, reason=reason)
            item = self._settled(item, reply)

    def _settled(self, item: Item, reply: Reply) -> Item | None:
        """Take in what came of an attempt; returns what this task is to send next."""
        now = self._clock.now()
        self._note(self._settler.settle(item, reply, now))
        if item.parked:
            self._parked_known = False
        following = self._next_item(now)
        if following is not None:
            self._launch(now)
        half_empty = len(self.lanes) < WINDOW // 2
        idle = self.lanes.in_flight < self.endpoint.max_in_flight
        if idle or self._told or len(self._keeper.unsaved) >= UNSAVED_MAX or (half_empty and self._more_to_take()):
            self._wake.set()
        return following

    def _more_to_take(self) -> bool:
        return self._log_may_have_more or self._table_after is not None or self.health.catching_up

    def _tell(self, entry_type: str, data: dict[str, Any]) -> None:
        self._told.append((entry_type, data))

    async def _say(self) -> None:
        while self._told:
            await self._steward.tell(*self._told[0])
            self._told.pop(0)
        reason = self._settler.disable_reason
        if reason is not None and self.endpoint.state == "active":
            await self._commit(self.progress)
            await self._steward.disable(self.endpoint.id, reason)

    async def _keep_house(self, now: datetime) -> None:
        """Signs of life, and an end to old secrets and old bytes."""
        if any(key.ends_at is not None and key.ends_at <= now for key in self.endpoint.keys):
            await self._steward.end_secrets(self.endpoint.id)
        if self.endpoint.heartbeat_s and self.endpoint.state == "active" and not self.health.open:
            if self._heartbeat_at is not None and now >= self._heartbeat_at:
                task = asyncio.create_task(self._beat(), name=f"heartbeat to {self.endpoint.id}")
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
                self._heartbeat_at = None
            self._heartbeat_at = self._heartbeat_at or now + timedelta(seconds=self.endpoint.heartbeat_s)
        if self._forget_at is None or now >= self._forget_at:
            self._forget_at = now + FORGET_EVERY
            before = now - timedelta(days=self.endpoint.retention_d)
            await self._store.deliveries.forget_bodies(self._site, self.endpoint.id, before)

    async def _beat(self) -> None:
        webhook_id, body = self._steward.heartbeat(self.endpoint, self.progress)
        reply = await self._outlet.post(webhook_id, body, attempt=1, reason="heartbeat")
        if reply.ok:
            self.revive()

    def _next_moment(self) -> datetime | None:
        """When to look again if nothing happens before."""
        moments = [self._keeper.save_at, self._settler.next_look(), self._forget_at]
        moments += [key.ends_at for key in self.endpoint.keys]
        if self.endpoint.state == "active":
            moments += [self._heartbeat_at, None if self.health.open else self._parked_due, self.next_start()]
        return min((moment for moment in moments if moment is not None), default=None)

    def next_start(self) -> datetime | None:
        """When an attempt may start by itself; None: never, or when one of those under way has ended."""
        if self.lanes.in_flight >= self.endpoint.max_in_flight:
            return None
        if self.health.open:
            probe = self.health.next_probe(fresh=self.lanes.has_fresh_head())
            start = probe if self.lanes.in_flight == 0 and len(self.lanes) else None
        else:
            start = self.lanes.next_due()
            not_before = self.health.start_not_before()
            if not_before is not None and self.lanes.has_ready:
                start = not_before
            elif not_before is not None and start is not None:
                start = max(start, not_before)
        paused = self.health.paused_until
        if not self.health.open and self.lanes.has_ready and paused is not None and paused > self._clock.now():
            start = paused
        return start if start is None or paused is None else max(start, paused)

    async def _rest(self) -> None:
        self._wake.clear()
        await self._clock.wait_until(self._clock.now() + REST, self._wake)

    async def _end(self) -> None:
        """Let attempts under way end, for a moment; keep what is known; close."""
        if self._sending:
            await asyncio.wait(set(self._sending), timeout=STOP_S_MAX)
        for task in list(self._sending):
            task.cancel()
        if self._sending:
            await asyncio.wait(set(self._sending))
        try:
            await self._commit(self.progress)
        except StoreError:
            _log.warning("delivery.outcomes_lost", endpoint=self.endpoint.id, deliveries=len(self._keeper.unsaved))
        for _, asked in self._requeues:
            asked.cancel()
        await self._outlet.close()
