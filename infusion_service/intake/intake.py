"""Intake: the one way into a site's log, and the way to read what it makes of it.

Handlers, tablets' batches, the clock and administration all hand over here; the writer decides and commits. Promises:
an answer of 201 means committed and fsynced; the same event id gets the same answer for ever; a caller that goes away
changes nothing. Does not: authenticate, speak HTTP, or make tasks per submission.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from infusion_service import __version__
from infusion_service.clinical.course import Course
from infusion_service.clinical.day import Day
from infusion_service.clinical.vocabulary import JSON, SERVICE, SITE_STREAM, Actor, Kind, Submission
from infusion_service.clinical.workflow import Workflow
from infusion_service.intake import opening
from infusion_service.intake.alarm_budget import AlarmBudget
from infusion_service.intake.clock import Clock
from infusion_service.intake.clock_doubt import ClockDoubt
from infusion_service.intake.days import Days
from infusion_service.intake.judge import Judge
from infusion_service.intake.outcome import Outcome
from infusion_service.intake.parcels import Handed, Noted, Renewed, Ticked
from infusion_service.intake.reading import Reading
from infusion_service.intake.replay import Replays
from infusion_service.intake.scheduling import Scheduler
from infusion_service.intake.workflows import WORKFLOW_ADOPTED, Workflows, read_workflow_files
from infusion_service.intake.writer import DRAIN_S_MAX, Tally, Writer
from infusion_service.log.entry import LogEntry
from infusion_service.log.merkle import Frontier
from infusion_service.log.store import Drop, Put, RebuildRequired, Store
from infusion_service.settings import Settings, configuration_hash

_Read = TypeVar("_Read")


class Intake:
    """One site's intake. `start` before anything else, `stop` at the end."""

    def __init__(self, *, settings: Settings, store: Store, clock: Clock) -> None:
        """`store` is open already and is closed by whoever opened it."""
        self.site = settings.site
        self.clock = clock
        self._settings = settings
        self._store = store
        self._workflows = Workflows()
        self._task: asyncio.Task[None] | None = None
        self._renewed: Renewed | None = None
        self._doubt = ClockDoubt(site=self.site, store=store, clock=clock)
        self._days = Days(
            site=self.site, store=store, workflows=self._workflows, days_max=settings.limits.day_cache_days_max
        )
        self._writer = Writer(
            site=self.site,
            store=store,
            clock=clock,
            days=self._days,
            replays=Replays(site=self.site, store=store, days=self._days),
            judge=Judge(
                Scheduler(site=self.site, workflows=self._workflows, wards={ward.id: ward for ward in settings.wards})
            ),
            doubt=self._doubt,
            rebuild=lambda: opening.rebuild_derived(store, self.site, self._days),
            limits=settings.limits,
        )
        self._reading = Reading(site=self.site, store=store, clock=clock, days=self._days)
        self._budget = AlarmBudget({ward.id for ward in settings.wards})
        self._writer.counters.append(lambda entries, heads: self._budget.take(entries, heads, clock.now()))

    async def start(self, *, read_only: bool = False) -> None:
        """Adopt the workflow files, rebuild what is derived where it is missing or behind, begin to write.

        `read_only` leaves the log as it is: no file is adopted, no start is recorded, nothing is taken in. Raises
        `WorkflowEdited`, `clinical.workflow.WorkflowInvalid`, `OSError` for an unreadable directory and what the store
        raises.
        """
        await opening.read_adopted(self._store, self.site, self._workflows)
        if not await self._store.derived_is_current(self.site):
            await opening.rebuild_derived(self._store, self.site, self._days)
        await self._writer.learn()
        await self._doubt.learn(self._writer.tip.received_at)
        if read_only:
            self._writer.stop()
            return
        async for heads in opening.open_heads(self._store, self.site):
            self._budget.take((), heads, self.clock.now())
        wanted = self._workflows.bring(read_workflow_files(self._settings.workflows_dir))
        self._task = asyncio.create_task(self._writer.run(), name=f"intake writer of {self.site}")
        started = opening.started_data(version=__version__, configuration_hash=configuration_hash(self._settings))
        await asyncio.gather(
            *(self.record(WORKFLOW_ADOPTED, data, SERVICE) for data in wanted),
            self.record(opening.SERVICE_STARTED, started, SERVICE),
            self._doubt.note(self),
        )

    async def stop(self) -> None:
        """Take nothing more, answer what was handed over, end the writer. Returns within about 10 s in any case."""
        self._writer.stop()
        if self._task is None:
            return
        # Never cancelled: a commit that is under way ends, one way or the other.
        await asyncio.wait({self._task}, timeout=DRAIN_S_MAX)
        self._writer.abandon()

    async def submit(self, submission: Submission) -> Outcome:
        """Decide and record one fact. Raises `Unavailable` when nothing could be decided."""
        return (await self._hand_over((submission,)))[0]

    async def submit_batch(self, submissions: Sequence[Submission]) -> list[Outcome]:
        """Decide and record facts in order, those of one `group` all or none. Raises `Unavailable`."""
        return await self._hand_over(submissions) if submissions else []

    async def record(
        self,
        entry_type: str,
        data: dict[str, JSON],
        actor: Actor,
        operational: Sequence[Put | Drop] = (),
        *,
        kind: Kind = "admin",
        stream: str = SITE_STREAM,
        event_id: str | None = None,
    ) -> int:
        """Append an entry of access or administration, with operational changes in the same commit; return its `seq`.

        With an `event_id` that was recorded before, nothing happens again. Raises `LookupError` for a day that does not
        exist and `Unavailable`.
        """
        parcel = Noted(entry_type, data, actor, operational, kind=kind, stream=stream, event_id=event_id)
        self._writer.hand_over(parcel)
        return await parcel.future

    async def tick(self, day_id: str) -> None:
        """Append what has become true of a day by now. Raises `Unavailable`."""
        await self._doubt.note(self)
        parcel = Ticked(day_id)
        self._writer.hand_over(parcel)
        await parcel.future

    async def note_clock(self) -> None:
        """Write down that the clock is in doubt, once, as soon as it is. Raises `Unavailable`."""
        await self._doubt.note(self)

    @property
    def clock_doubt(self) -> str:
        """Why the clock is in doubt, so that moves by time wait for a person; empty when it is not."""
        return self._doubt.reason

    async def confirm_clock(self, by: Actor) -> bool:
        """Say that the clock is right: moves by time go on. Returns whether they were held. Raises `Unavailable`."""
        return await self._doubt.confirm(self, by)

    async def renew(self) -> None:
        """Have every derived table made anew, in the writer's turn: somebody has read a row that was never written.

        Raises `Unavailable`.
        """
        if self._renewed is None or self._renewed.future.done():
            self._renewed = Renewed()
            self._writer.hand_over(self._renewed)
        await asyncio.shield(self._renewed.future)

    async def _sound(self, read: Callable[[], Awaitable[_Read]]) -> _Read:
        try:
            return await read()
        except RebuildRequired:
            await self.renew()
            return await read()

    async def day(self, day_id: str) -> Day | None:
        """The day as committed, or None."""
        chart = await self._sound(lambda: self._days.of_day(day_id))
        return None if chart is None else chart.sheets[day_id].day

    async def course(self, day: Day) -> Course:
        """What is known of the patient of `day` over all days."""
        chart = await self._sound(lambda: self._days.of_day(day.day_id))
        if chart is None:
            raise LookupError(day.day_id)
        return chart.course

    async def view(
        self, day_id: str, *, at: datetime | None = None, known_at: datetime | None = None
    ) -> dict[str, JSON] | None:
        """See `Reading.view`."""
        return await self._sound(lambda: self._reading.view(day_id, at=at, known_at=known_at))

    async def board(
        self,
        *,
        ward: str | None = None,
        state: str | None = None,
        date: str | None = None,
        open_only: bool = False,
        after: tuple[str, str] | None = None,
        newest_first: bool = False,
        limit: int,
    ) -> list[dict[str, JSON]]:
        """See `Reading.board`."""
        return await self._sound(
            lambda: self._reading.board(
                ward=ward,
                state=state,
                date=date,
                open_only=open_only,
                after=after,
                newest_first=newest_first,
                limit=limit,
            )
        )

    async def entries(self, day_id: str) -> list[LogEntry]:
        """All entries of a day, in order."""
        return await self._reading.entries(day_id)

    async def log_page(
        self, after: int, limit: int, day_id: str | None = None, entry_type: str | None = None
    ) -> list[LogEntry]:
        """See `Reading.log_page`."""
        return await self._reading.log_page(after, limit, day_id, entry_type)

    def workflows(self) -> tuple[Workflow, ...]:
        """Every definition known, by name and version."""
        return self._workflows.all()

    def scheduling_fact(self, asked: object) -> str:
        """See `Workflows.scheduling_fact`; `asked` is the `workflow` of the day's data."""
        return self._workflows.scheduling_fact(asked)

    def add_listener(self, listener: Callable[[list[LogEntry]], None]) -> None:
        """Have `listener` called after each commit with its entries. It must not block; what it raises is logged."""
        self._writer.listeners.append(listener)

    def add_due_listener(self, listener: Callable[[datetime], None]) -> None:
        """Have `listener` called after each commit with the earliest moment at which a day of it changes by itself."""
        self._writer.due_listeners.append(listener)

    @property
    def log_size(self) -> int:
        """Entries committed."""
        return self._writer.tip.size

    def root(self) -> bytes:
        """The Merkle root over all entries committed (RFC 6962)."""
        return Frontier.from_bytes(self._writer.tip.frontier).root()

    @property
    def queue_depth(self) -> int:
        """Submissions handed over and not yet taken by the writer."""
        return self._writer.queue_depth

    @property
    def days_in_hand(self) -> int:
        """Days folded and kept in memory."""
        return len(self._days)

    @property
    def tally(self) -> Tally:
        """Counts since the start, for metrics."""
        return self._writer.tally

    def alerts_raised(self) -> Mapping[tuple[str, str], int]:
        """Alerts raised since the start, by ward and severity."""
        return self._budget.alerts_raised()

    def patient_hours(self) -> Mapping[str, float]:
        """Hours that days were open since the start, by ward, summed over patients."""
        return self._budget.patient_hours(self.clock.now())

    @property
    def failed(self) -> Exception | None:
        """Why nothing can be acknowledged any more, or None."""
        return self._writer.failed

    async def wait_failed(self) -> Exception:
        """Wait until nothing can be acknowledged any more; the process should then exit with status 70."""
        await self._writer.failure.wait()
        return self._writer.failed or RuntimeError("the writer ended")

    async def _hand_over(self, submissions: Sequence[Submission]) -> list[Outcome]:
        urgent = any(submission.type in self._workflows.urgent for submission in submissions)
        parcel = Handed(submissions, urgent=urgent)
        self._writer.hand_over(parcel)
        # Cancelling this await cancels the future alone: the writer knows nothing of who waits.
        return await parcel.future
