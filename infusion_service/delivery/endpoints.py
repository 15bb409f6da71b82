"""All endpoints of one site at work: one dispatcher each, and the calls that people and engines make.

Promises: what is committed is seen at once (the intake calls `notice`), and nothing else is ever sent; a change of an
endpoint restarts its dispatcher alone; a stop lets attempts under way end and keeps what is known of them. Does not:
authenticate or speak HTTP to callers (`web.endpoints`).
"""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from infusion_service.clinical.vocabulary import SERVICE, Actor, format_time
from infusion_service.delivery import showing
from infusion_service.delivery.admission import Admission, DayOf, filter_of
from infusion_service.delivery.courier import Courier, HttpCourier, Target
from infusion_service.delivery.desk import DeliveryDesk
from infusion_service.delivery.dispatcher import Dispatcher
from infusion_service.delivery.egress import EgressGuard
from infusion_service.delivery.endpoint import KIND_PROGRESS, Endpoint, Progress, State, progress_of
from infusion_service.delivery.errors import NotPossible
from infusion_service.delivery.figures import EndpointFigures, Tally, lag_of
from infusion_service.delivery.outlet import Outlet, open_outlet
from infusion_service.delivery.registry import Journal, Registry, Rules, Shown
from infusion_service.delivery.rendering import render_own
from infusion_service.delivery.requests import EndpointChange, NewEndpoint, Replay
from infusion_service.delivery.surroundings import Surroundings
from infusion_service.delivery.vault import Vault, VaultUnusable
from infusion_service.intake.clock import Clock
from infusion_service.intake.identifiers import new_id
from infusion_service.log.deliveries import DeliverySearch
from infusion_service.log.entry import LogEntry
from infusion_service.log.store import Store

PING = "webhook.ping"
HEARTBEAT = "endpoint.heartbeat"
PARKED_SHOWN_MAX = 100

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the room works with: the site's rules, its log and its ports."""

    rules: Rules
    store: Store
    journal: Journal
    clock: Clock
    vault: Vault
    guard: EgressGuard
    day_of: DayOf
    base: str
    """The address the service is known by: part of every body."""
    log_size: Callable[[], int]
    wall_s: Callable[[], float] = time.time
    """The time receivers compare with their own."""
    chance: Callable[[], float] = random.random
    make_courier: Callable[[Target], Courier] | None = None


class Endpoints:
    """The delivery room."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._make_courier = means.make_courier or (lambda target: HttpCourier(target, means.guard))
        self._registry = Registry(
            means.rules,
            store=means.store,
            journal=means.journal,
            now=means.clock.now,
            vault=means.vault,
            guard=means.guard,
            make_courier=self._make_courier,
        )
        self._dispatchers: dict[str, Dispatcher] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()
        self._started = False
        self._tally = Tally()
        self.deliveries = DeliveryDesk(
            self._registry, means.store, site=means.rules.site, now=means.clock.now, changed=self._look_again
        )
        """What was sent, for who looks through it."""

    @property
    def started(self) -> bool:
        """Whether deliveries are sent."""
        return self._started

    @property
    def guard(self) -> EgressGuard:
        """Where deliveries may go."""
        return self._means.guard

    async def load(self) -> None:
        """Read the endpoints; nothing is sent before `start`."""
        await self._registry.load()

    async def start(self) -> None:
        """Take up every endpoint where it stands."""
        await self._registry.load()
        self._started = True
        for endpoint in self._registry.all():
            await self._begin(endpoint)

    async def stop(self) -> None:
        """Send nothing more. Returns within seconds."""
        for dispatcher in self._dispatchers.values():
            dispatcher.stop()
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    def notice(self, _entries: object = None) -> None:
        """Hear that the log has grown."""
        for dispatcher in self._dispatchers.values():
            dispatcher.notice()

    # Endpoints

    def all(self) -> list[dict[str, Any]]:
        """All endpoints, as the wire shows them."""
        return [self._view(endpoint) for endpoint in self._registry.all()]

    def show(self, endpoint_id: str) -> dict[str, Any]:
        """One endpoint. Raises `UnknownEndpoint`."""
        return self._view(self._registry.get(endpoint_id))

    async def create(self, wanted: NewEndpoint, by: Actor) -> dict[str, Any]:
        """Create an endpoint; the answer holds its secret, shown this once. Raises `DeliveryRefused`."""
        async with self._turn:
            endpoint, shown = await self._registry.create(wanted, new_id(self._means.clock.now()), by)
            await self._begin(endpoint)
        return {**self._view(endpoint), **_once(shown)}

    async def change(self, endpoint_id: str, wanted: EndpointChange, by: Actor) -> dict[str, Any]:
        """Change an endpoint. Raises `DeliveryRefused`."""
        async with self._turn:
            endpoint = await self._registry.change(endpoint_id, wanted, by)
            await self._again(endpoint)
        return self._view(endpoint)

    async def remove(self, endpoint_id: str, by: Actor) -> None:
        """Remove an endpoint. Raises `UnknownEndpoint`."""
        async with self._turn:
            self._registry.get(endpoint_id)
            await self._halt(endpoint_id)
            await self._registry.remove(endpoint_id, by)
            self._tally.forget(endpoint_id)

    async def rotate(self, endpoint_id: str, overlap_s: int, by: Actor) -> dict[str, Any]:
        """Give an endpoint a new secret, shown this once. Raises `DeliveryRefused`."""
        async with self._turn:
            endpoint, shown = await self._registry.rotate(endpoint_id, overlap_s, by)
            await self._again(endpoint)
        return {**self._view(endpoint), **_once(shown)}

    async def set_state(self, endpoint_id: str, state: State, by: Actor, reason: str = "") -> dict[str, Any]:
        """Hold or enable an endpoint. Raises `DeliveryRefused`."""
        endpoint = await self._registry.set_state(endpoint_id, state, by, reason)
        dispatcher = self._dispatchers.get(endpoint_id)
        if dispatcher is not None:
            dispatcher.take_state(endpoint)
        return self._view(endpoint)

    async def ping(self, endpoint_id: str) -> dict[str, Any]:
        """Send a signed `webhook.ping` now and say what came back. Raises `UnknownEndpoint`, `NotPossible`."""
        endpoint = self._registry.get(endpoint_id)
        dispatcher = self._dispatcher(endpoint_id)
        if endpoint.state == "pending":
            raise NotPossible("nothing is sent before the endpoint has been enabled")
        webhook_id, body = self._own(endpoint, PING, {"endpoint": endpoint.id, "name": endpoint.name})
        reply = await dispatcher.outlet.post(webhook_id, body, attempt=1, reason="ping")
        if reply.ok:
            dispatcher.revive()
        answer: dict[str, Any] = {"ok": reply.ok, "webhook_id": webhook_id, "duration_ms": reply.duration_ms}
        if reply.status is not None:
            answer["status"] = reply.status
        return answer | {name: text for name, text in (("fault", reply.fault), ("excerpt", reply.excerpt)) if text}

    async def status(self, endpoint_id: str) -> dict[str, Any]:
        """How an endpoint fares. Raises `UnknownEndpoint`."""
        endpoint = self._registry.get(endpoint_id)
        site, deliveries = self._means.rules.site, self._means.store.deliveries
        parked = await deliveries.page(site, endpoint_id, DeliverySearch(state="parked"), limit=PARKED_SHOWN_MAX)
        counts = await deliveries.counts(site, endpoint_id)
        return showing.status(
            endpoint,
            self._dispatchers.get(endpoint_id),
            counts["waiting"],
            parked,
            figures=await self._figures_of(endpoint),
            log_size=self._means.log_size(),
            as_of=self._means.clock.now(),
        )

    # Deliveries

    async def replay(self, endpoint_id: str, wanted: Replay, by: Actor) -> None:
        """Send a range of the log again, with the same ids. Raises `DeliveryRefused`."""
        dispatcher = self._dispatcher(endpoint_id)
        if wanted.to_seq < wanted.from_seq:
            raise NotPossible("a range begins before it ends")
        data = {"endpoint": endpoint_id, "from_seq": wanted.from_seq, "to_seq": wanted.to_seq}
        await self._registry.note("endpoint.replayed", data, by)
        await dispatcher.replay(wanted.from_seq, wanted.to_seq)

    async def figures(self) -> list[EndpointFigures]:
        """What there is to measure of every endpoint."""
        return [await self._figures_of(endpoint) for endpoint in self._registry.all()]

    # What dispatchers need

    async def tell(self, entry_type: str, data: dict[str, Any]) -> None:
        """See `dispatcher.Steward`."""
        _log.warning("delivery.told", event_type=entry_type, endpoint=data.get("endpoint"))
        await self._registry.note(entry_type, data, SERVICE)

    async def disable(self, endpoint_id: str, reason: str) -> None:
        """See `dispatcher.Steward`."""
        await self.set_state(endpoint_id, "disabled", SERVICE, reason)

    async def end_secrets(self, endpoint_id: str) -> None:
        """See `dispatcher.Steward`."""
        endpoint = await self._registry.end_secrets(endpoint_id)
        self._dispatchers[endpoint_id].take_state(endpoint)

    def heartbeat(self, endpoint: Endpoint, progress: Progress) -> tuple[str, bytes]:
        """See `dispatcher.Steward`. It names the last number given, so that a gap at the end shows too."""
        data = {"endpoint": endpoint.id, "last_epsequence": progress.epsequence, "after_seq": progress.after_seq}
        return self._own(endpoint, HEARTBEAT, data)

    def _own(self, endpoint: Endpoint, own_type: str, data: dict[str, Any]) -> tuple[str, bytes]:
        now = self._means.clock.now()
        webhook_id = new_id(now)
        body = render_own(
            own_type,
            event_id=webhook_id,
            subject=endpoint.id,
            time=format_time(now),
            base=self._means.base,
            data=data,
        )
        return webhook_id, body

    async def _begin(self, endpoint: Endpoint) -> None:
        means = self._means
        if not self._started:
            return
        try:
            outlet = self._open_outlet(endpoint)
        except (VaultUnusable, ValueError, ssl.SSLError) as error:
            # The others must go on; this one says in its status that it is not dispatched.
            _log.error("delivery.endpoint_unusable", endpoint=endpoint.id, why=str(error))
            return
        admission = Admission(
            site=means.rules.site,
            endpoint_id=endpoint.id,
            store=means.store,
            day_of=means.day_of,
            base=means.base,
        )
        surroundings = Surroundings(site=means.rules.site, store=means.store, clock=means.clock, chance=means.chance)
        progress = await self._progress_of(endpoint)
        dispatcher = Dispatcher(endpoint, progress, outlet, surroundings, admission=admission, steward=self)
        self._dispatchers[endpoint.id] = dispatcher
        self._tasks[endpoint.id] = asyncio.create_task(dispatcher.run(), name=f"dispatch to {endpoint.id}")

    def _open_outlet(self, endpoint: Endpoint) -> Outlet:
        means = self._means
        return open_outlet(
            endpoint,
            means.vault,
            self._make_courier,
            wall_s=means.wall_s,
            now=means.clock.now,
            count=partial(self._tally.count, endpoint.id),
        )

    async def _progress_of(self, endpoint: Endpoint) -> Progress:
        site, store = self._means.rules.site, self._means.store
        stored = await store.record(site, KIND_PROGRESS, endpoint.id)
        if stored is not None:
            return progress_of(stored)
        # The filter it began with stands in the entry of its creation: it may have been changed since.
        created = await store.find_event(site, endpoint.created_event_id)
        if created is None:
            return Progress(after_seq=endpoint.start_after or self._means.log_size(), filter=endpoint.filter)
        after = created.seq if endpoint.start_after is None else endpoint.start_after
        return Progress(after_seq=after, filter=filter_of(LogEntry.of(created).as_json()["data"]))

    async def _again(self, endpoint: Endpoint) -> None:
        await self._halt(endpoint.id)
        await self._begin(self._registry.get(endpoint.id))  # its last attempt may have disabled it meanwhile
        dispatcher = self._dispatchers.get(endpoint.id)
        if dispatcher is not None:
            dispatcher.try_now()

    async def _halt(self, endpoint_id: str) -> None:
        dispatcher = self._dispatchers.pop(endpoint_id, None)
        task = self._tasks.pop(endpoint_id, None)
        if dispatcher is not None and task is not None:
            dispatcher.stop()
            await asyncio.wait({task})

    def _dispatcher(self, endpoint_id: str) -> Dispatcher:
        self._registry.get(endpoint_id)
        dispatcher = self._dispatchers.get(endpoint_id)
        if dispatcher is None:
            why = "its secrets or certificates cannot be opened; see the service's log"
            raise NotPossible(why if self._started else "this needs the running service")
        return dispatcher

    def _look_again(self, endpoint_id: str) -> None:
        dispatcher = self._dispatchers.get(endpoint_id)
        if dispatcher is not None:
            dispatcher.look_again()

    async def _figures_of(self, endpoint: Endpoint) -> EndpointFigures:
        site, store = self._means.rules.site, self._means.store
        dispatcher = self._dispatchers.get(endpoint.id)
        progress = await self._progress_of(endpoint) if dispatcher is None else dispatcher.progress
        lag_entries, lag_s = await lag_of(
            store,
            site,
            endpoint.id,
            after_seq=progress.after_seq,
            log_size=self._means.log_size(),
            now=self._means.clock.now(),
        )
        return EndpointFigures(
            endpoint=endpoint.id,
            state=endpoint.state,
            attempts=self._tally.of(endpoint.id),
            lag_entries=lag_entries,
            lag_s=lag_s,
            parked=(await store.deliveries.counts(site, endpoint.id))["parked"],
            in_flight=0 if dispatcher is None else dispatcher.in_flight,
            circuit_open=progress.circuit_open if dispatcher is None else dispatcher.health.open,
        )

    def _view(self, endpoint: Endpoint) -> dict[str, Any]:
        try:
            public = self._registry.public_key(endpoint)
        except VaultUnusable:
            public = None
        return showing.endpoint(endpoint, public)


def _once(shown: Shown) -> dict[str, str]:
    return {"secret": shown.secret}
