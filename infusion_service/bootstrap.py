"""The composition root: which store, which clock, and in which order things start and stop.

The only module that knows concrete classes. Promises: what was opened is closed in reverse order, also when a later
step fails; a stop answers everybody who handed something over and never hangs. Does not: listen (`web.app`), parse
arguments (`cli`) or set up the process's logging (`logs.configure`).
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from infusion_service.access.access import Access
from infusion_service.delivery.egress import EgressGuard, policy_of
from infusion_service.delivery.endpoints import Endpoints, Means
from infusion_service.delivery.registry import Rules
from infusion_service.delivery.rendering import DayFacts
from infusion_service.delivery.vault import KEY_FILE, Vault
from infusion_service.intake.checkpointing import Checkpoints
from infusion_service.intake.clock import Clock, SimulatedClock, SystemClock, WallClock
from infusion_service.intake.intake import Intake
from infusion_service.intake.watch import Watch
from infusion_service.log.checkpoints import CheckpointDirectory
from infusion_service.log.soundness import Soundness
from infusion_service.log.sqlite import SqliteStore
from infusion_service.log.store import Store
from infusion_service.settings import Settings

CLOSE_S_MAX = 5.0
"""Time the store gets for its last checkpoint; the log is whole without it."""

THREAD_SWITCH_S = 0.0002
"""How long a thread may hold the interpreter before another one that waits gets it; the default is 0.005."""

GARBAGE_THRESHOLDS = (10_000, 10, 100)
"""New containers, and rounds of younger generations, after which the collector looks at a generation."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One running service, without its web server."""

    settings: Settings
    store: Store
    clock: Clock
    intake: Intake
    watch: Watch
    access: Access
    checkpoints: Checkpoints
    endpoints: Endpoints
    soundness: Soundness = field(default_factory=Soundness)

    async def stop(self) -> None:
        """Take nothing more and answer what was handed over. Safe to call twice; leaving `open_service` calls it."""
        await self.intake.stop()


# Long because it is a list: what is opened, one thing after the other.
@asynccontextmanager
async def open_service(
    settings: Settings, *, clock: Clock | None = None, store: Store | None = None, read_only: bool = False
) -> AsyncIterator[Service]:
    """Open the service on its database and close it again.

    `clock` and `store` replace what the settings name, for rehearsals, demonstrations and tests. `read_only` appends
    nothing, not even that somebody looked, and opens a log, too, that is not the one last signed for. Raises what
    `Intake.start` raises, and `log.store.StoreUnusable` for a database that cannot be opened or written on.
    """
    clock = clock or _clock(settings)
    store = store or SqliteStore(settings.database)
    async with contextlib.AsyncExitStack() as opened:
        opened.push_async_callback(_close, store)
        await store.open()
        checkpoints = Checkpoints(
            site=settings.site,
            store=store,
            directory=CheckpointDirectory(settings.checkpoints, settings.site),
            keys=settings.database.parent,
        )
        if not read_only:
            await checkpoints.guard()
        opened.push_async_callback(checkpoints.stop)
        intake = Intake(settings=settings, store=store, clock=clock)
        opened.push_async_callback(intake.stop)
        await intake.start(read_only=read_only)
        if not read_only:
            await checkpoints.start(intake)
        access = Access(settings=settings, store=store, journal=intake, clock=clock)
        await access.load()
        watch = Watch(
            site=settings.site,
            store=store,
            clock=clock,
            tick=intake.tick,
            note_clock=intake.note_clock,
            renew=intake.renew,
        )
        if not read_only:
            intake.add_due_listener(watch.notice)
            watching = asyncio.create_task(watch.run(), name=f"watch of {settings.site}")
            opened.push_async_callback(_cancel, watching)
        endpoints = _endpoints(settings, store, intake)
        opened.push_async_callback(endpoints.stop)
        await endpoints.load()
        yield Service(
            settings=settings,
            store=store,
            clock=clock,
            intake=intake,
            watch=watch,
            access=access,
            checkpoints=checkpoints,
            endpoints=endpoints,
        )


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """The store alone, without a service on it: to mend what keeps one from starting. Raises `StoreUnusable`."""
    store = SqliteStore(settings.database)
    try:
        await store.open()
        yield store
    finally:
        await _close(store)


def leave_no_core() -> None:
    """See to it that a crash writes no memory to disk: keys, tokens and patients are in it. Call it first of all."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def tune_process() -> None:
    """Set the interpreter up for one busy event loop beside a few threads; once per process, after the start.

    Threads that commit get their turn sooner (measured: 1.4 times the throughput, less than half the p99), and what the
    start has built, workflows above all, is no longer walked by the garbage collector. What lives as long as a request
    or a cached day dies by its reference count; the collector, which would walk the whole cache over and over, is left
    the rare cycle (measured: a fifth of the processor time of a post).
    """
    sys.setswitchinterval(THREAD_SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def _endpoints(settings: Settings, store: Store, intake: Intake) -> Endpoints:
    """Endpoints of a site. They live in the machine's time, also where the ward's is simulated: receivers do."""

    async def day_of(day_id: str) -> DayFacts | None:
        day = await intake.day(day_id)
        return None if day is None else DayFacts(ward=day.ward, patient=day.patient)

    policy = policy_of(
        networks=settings.delivery_networks,
        plain_networks=settings.delivery_plain_networks,
        ports=settings.delivery_ports,
        host_suffixes=settings.delivery_host_suffixes,
    )
    guard = EgressGuard(policy)
    if settings.port:
        guard.own_listener(settings.port)
    wards = frozenset(ward.id for ward in settings.wards)
    means = Means(
        rules=Rules(site=settings.site, wards=wards, two_persons=settings.delivery_two_persons),
        store=store,
        journal=intake,
        clock=WallClock(),
        vault=Vault(settings.database.parent / KEY_FILE),
        guard=guard,
        day_of=day_of,
        base=settings.delivery_public_url or f"https://{settings.site}",
        log_size=lambda: intake.log_size,
    )
    endpoints = Endpoints(means)
    intake.add_listener(endpoints.notice)
    return endpoints


def _clock(settings: Settings) -> Clock:
    if settings.clock == "simulated":
        return SimulatedClock(settings.clock_start or datetime.now(UTC))
    return SystemClock()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _close(store: Store) -> None:
    try:
        async with asyncio.timeout(CLOSE_S_MAX):
            await store.close()
    except TimeoutError:
        _log.error("bootstrap.store_close_timed_out")
