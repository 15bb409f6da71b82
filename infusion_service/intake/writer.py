"""The one writer of a site: takes what is waiting, has it decided, appends it in one commit, answers all.

Promises: nothing is answered as accepted before the store has said that it is durable; a failed commit leaves memory as
it was; the order of the log is the order of the queue. The task is never cancelled: a connection that drops takes its
future with it, never the commit. Does not: decide (`intake.judge`) or build rows (`intake.draft`).

What can go wrong with a commit, and what follows (design 2):
    event id taken                 used on another day, or by somebody else: look every id up and decide again
    log moved on                   somebody else appended: forget what we know, decide again, each parcel for itself
    derived tables gone            rebuild them, decide again
    storage full                   507 to all; reading goes on, the next commit is tried
    storage failed, not fatally    read back by event id: recorded, or 503 to all
    storage failed, fatally        503 to all, stop acknowledging, tell the process to exit
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from infusion_service.clinical.vocabulary import SITE_STREAM, Entry, Submission
from infusion_service.intake.clock import Clock
from infusion_service.intake.clock_doubt import ClockDoubt
from infusion_service.intake.days import Chart, Days
from infusion_service.intake.draft import Draft
from infusion_service.intake.judge import Judge, units_of
from infusion_service.intake.outcome import STORAGE_FULL, Outcome, Unavailable, refused
from infusion_service.intake.parcels import Handed, Noted, Parcel, Renewed, Ticked
from infusion_service.intake.replay import Prior, Replays
from infusion_service.limits import Limits
from infusion_service.log.entry import LogEntry, NotCanonical
from infusion_service.log.store import (
    Batch,
    DayHead,
    EventIdTaken,
    LogHead,
    RebuildRequired,
    SequenceTaken,
    StorageFailed,
    StorageFull,
    Store,
    StoreError,
)

ATTEMPTS_MAX = 3
"""Times a parcel is decided anew because somebody else appended, before its sender is asked to come again."""

DECISIONS_PER_TURN = 32
"""Parcels decided before reads and connections get a turn on the event loop."""

DRAIN_S_MAX = 10.0
"""Time a stop waits for what has been handed over."""

RETRY_AFTER_S = 1
"""When to come again after a full queue: it drains in well under a second."""

RETRY_AFTER_FAILURE_S = 5
"""When to come again after the storage failed: time for a restart."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Tally:
    """Counts since the start, for metrics."""

    commits: int = 0
    commit_s: float = 0.0
    entries: int = 0
    parcels: int = 0
    conflicts: int = 0
    storage_full: int = 0
    largest_batch: int = 0


class Writer:
    """One per site and process. `run` is its task; everything else is called from the same event loop."""

    # Built in one place only (`intake.Intake`), each part by its name.
    def __init__(  # noqa: PLR0913  # see above
        self,
        *,
        site: str,
        store: Store,
        clock: Clock,
        days: Days,
        replays: Replays,
        judge: Judge,
        doubt: ClockDoubt,
        rebuild: Callable[[], Awaitable[None]],
        limits: Limits,
    ) -> None:
        """`rebuild` derives the store's derived tables anew."""
        self.tip = LogHead()
        self.tally = Tally()
        self.failed: Exception | None = None
        self.failure = asyncio.Event()
        """Set when nothing can be acknowledged any more; the process should exit with status 70."""
        self.listeners: list[Callable[[list[LogEntry]], None]] = []
        """Called with what was committed, in order, after it was answered."""
        self.counters: list[Callable[[Sequence[Entry], Sequence[DayHead]], None]] = []
        """Called with what was committed, and the heads of its days after it. Constant work, and nothing raised."""
        self.due_listeners: list[Callable[[datetime], None]] = []
        """Called with the earliest moment at which a day of the commit changes by itself."""
        self._site = site
        self._store = store
        self._clock = clock
        self._days = days
        self._replays = replays
        self._judge = judge
        self._doubt = doubt
        self._rebuild = rebuild
        self._queue_max = limits.intake_queue_max
        self._batch_max = limits.intake_batch_max
        self._queue: deque[Parcel[Any]] = deque()
        self._in_hand: list[Parcel[Any]] = []
        self._wake = asyncio.Event()
        self._decisions = 0
        self._stopping = False
        self.queue_depth = 0
        """Submissions handed over and not yet taken."""

    def hand_over(self, parcel: Parcel[Any]) -> None:
        """Queue a parcel; its future gets the answer. Raises `Unavailable` when it cannot be taken."""
        if self.failed is not None:
            raise Unavailable("the log cannot be written", retry_after_s=RETRY_AFTER_FAILURE_S)
        if self._stopping:
            raise Unavailable("the service takes nothing in", retry_after_s=RETRY_AFTER_FAILURE_S)
        if self.queue_depth + parcel.weight > self._queue_max and not parcel.urgent:
            raise Unavailable("too much is waiting to be recorded", retry_after_s=RETRY_AFTER_S)
        self._queue.append(parcel)
        self.queue_depth += parcel.weight
        self._wake.set()

    async def run(self) -> None:
        """Commit what is handed over, until stopped and drained or until the storage fails."""
        try:
            while self.failed is None and (self._queue or not self._stopping):
                if self._queue:
                    self._in_hand = self._take()
                    await self._commit(self._in_hand)
                else:
                    self._wake.clear()
                    await self._wake.wait()
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may be left waiting for an answer
            _log.exception("intake.writer_failed")
            self._fail(error)
        finally:
            # Also when the loop is torn down around us. Those already answered are not answered twice.
            self._stopping = True
            self.abandon()

    async def learn(self) -> None:
        """Read where the log ends; before `run`."""
        self.tip = await self._store.log_head(self._site)

    def stop(self) -> None:
        """Take nothing more; `run` returns once what is waiting has been answered."""
        self._stopping = True
        self._wake.set()

    def abandon(self) -> None:
        """Answer everybody still waiting with `Unavailable`: the writer has ended, or the storage hangs."""
        self._refuse([*self._in_hand, *self._take(everything=True)])

    def _take(self, *, everything: bool = False) -> list[Parcel[Any]]:
        parcels: list[Parcel[Any]] = []
        weight = 0
        while self._queue and (everything or not parcels or weight + self._queue[0].weight <= self._batch_max):
            parcel = self._queue.popleft()
            weight += parcel.weight
            parcels.append(parcel)
        self.queue_depth -= weight
        return parcels

    async def _commit(self, parcels: Sequence[Parcel[Any]], attempt: int = 1) -> None:
        """Decide, append, answer; on a conflict once more."""
        if self.failed is not None:
            self._refuse(parcels)
            return
        try:
            draft, answers = await self._decide(parcels, attempt)
            batch, tip, charts = draft.close()
            if batch.rows or batch.heads or batch.operational:
                await self._append(batch)
        except (EventIdTaken, SequenceTaken, RebuildRequired) as conflict:
            await self._once_more(parcels, attempt, conflict)
        except StorageFull:
            self.tally.storage_full += 1
            _log.error("intake.storage_full", submissions=sum(parcel.weight for parcel in parcels))
            self._answer_full(parcels)
        except StorageFailed as failure:
            self._give_up(parcels, failure)
        except Exception as error:  # noqa: BLE001 - whatever it is, only its own parcel may suffer
            await self._find_culprit(parcels, error)
        else:
            self._settle(draft, batch, tip, charts)
            for parcel, answer in zip(parcels, answers, strict=True):
                parcel.answer(answer)
            self._tell(batch, draft.entries)

    async def _decide(self, parcels: Sequence[Parcel[Any]], attempt: int) -> tuple[Draft, list[Any]]:
        event_ids = [event_id for parcel in parcels for event_id in self._ids_to_look_up(parcel, attempt)]
        priors = await self._replays.find(event_ids) if event_ids else {}
        charts = await self._charts(parcels, priors)
        await self._replays.check_known([event_id for event_id in event_ids if event_id not in priors], charts)
        now = self._clock.now()
        draft = Draft(
            site=self._site,
            tip=self.tip,
            now=max(now, self.tip.received_at or now),
            charts=charts,
            priors=priors,
            moves_held=self._doubt.held,
        )
        answers = [await self._decide_one(draft, parcel) for parcel in parcels]
        self._judge.look_around(draft)
        return draft, answers

    def _ids_to_look_up(self, parcel: Parcel[Any], attempt: int) -> Sequence[str]:
        """The event ids of a parcel that only the store can tell to be new.

        A day in hand knows its own ids, which spares the common case a question to the store. An id that was used on
        another day is caught by the store's unique index; then everything is looked up.
        """
        if attempt > 1 or not isinstance(parcel, Handed):
            return [*parcel.event_ids, *parcel.corrected_ids]
        asked = [
            submission.event_id
            for submission in parcel.submissions
            if not self._days.rules_out(submission.day_id, submission.event_id)
        ]
        return [*asked, *parcel.corrected_ids]

    async def _decide_one(self, draft: Draft, parcel: Parcel[Any]) -> object:
        if isinstance(parcel, Handed):
            return await self._decide_handed(draft, parcel.submissions)
        await self._give_turn()
        if isinstance(parcel, Noted):
            return self._judge.note(draft, parcel)
        if isinstance(parcel, Ticked):
            self._judge.tick(draft, parcel.day_id)
            return None
        if isinstance(parcel, Renewed):
            parcel.begin()
            return None
        raise TypeError(type(parcel).__name__)

    async def _decide_handed(self, draft: Draft, submissions: Sequence[Submission]) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        units = units_of(submissions)
        batch = len(units) > 1
        for places in units:
            await self._give_turn()
            decided = self._judge.unit(draft, [submissions[place] for place in places], settled=not batch)
            outcomes.update(zip(places, decided, strict=True))
        in_order = [outcomes[place] for place in range(len(submissions))]
        return self._judge.settle(draft, submissions, in_order) if batch else in_order

    async def _give_turn(self) -> None:
        """Let connections and readers have the event loop now and then, also in the middle of a large batch."""
        self._decisions += 1
        if self._decisions % DECISIONS_PER_TURN == 0:
            await asyncio.sleep(0)

    async def _charts(self, parcels: Sequence[Parcel[Any]], priors: Mapping[str, Prior]) -> list[Chart]:
        """Everything the parcels concern, from memory or read from the log."""
        charts: dict[str, Chart] = {}
        concerns = {concern for parcel in parcels for concern in parcel.concerns}
        # A fact may correct one of another day, whose place is known since it was looked up.
        corrected = [priors.get(event_id) for parcel in parcels for event_id in parcel.corrected_ids]
        concerns |= {(prior.entry.stream, None) for prior in corrected if prior is not None and prior.entry is not None}
        for day_id, patient_id in concerns:
            chart: Chart | None = None
            if patient_id is not None:
                chart = await self._days.of_patient(patient_id)
            elif day_id not in ("", SITE_STREAM):
                chart = self._days.in_hand(day_id) or await self._days.of_day(day_id)
            if chart is not None:
                charts[chart.key] = chart
        return list(charts.values())

    async def _append(self, batch: Batch) -> None:
        """Append; when the outcome is unknown, read back whether it was recorded. Raises what `Store.append` raises."""
        began_s = time.perf_counter()
        try:
            await self._store.append(batch)
        except StorageFailed as failure:
            if failure.fatal or not batch.rows or not await self._is_recorded(batch):
                raise
        self.tally.commit_s += time.perf_counter() - began_s

    async def _is_recorded(self, batch: Batch) -> bool:
        last = batch.rows[-1]
        row = await self._store.find_event(self._site, last.event_id)
        return row is not None and row.leaf_hash == last.leaf_hash

    async def _once_more(self, parcels: Sequence[Parcel[Any]], attempt: int, conflict: StoreError) -> None:
        self.tally.conflicts += 1
        _log.warning("intake.commit_conflict", conflict=type(conflict).__name__, attempt=attempt)
        if isinstance(conflict, EventIdTaken) and attempt == 1:
            # Used before, on another day: says nothing against what we know. This time every id is looked up.
            await self._commit(parcels, attempt + 1)
            return
        try:
            await self._relearn(rebuild=isinstance(conflict, RebuildRequired))
        except StoreError as error:
            self._give_up(parcels, error)
            return
        if attempt >= ATTEMPTS_MAX:
            self._refuse(parcels)
            return
        for parcel in parcels:
            await self._commit([parcel], attempt + 1)

    async def _relearn(self, *, rebuild: bool) -> None:
        """Forget all that memory holds of the log, and see where the log ends."""
        if rebuild:
            await self._rebuild()
        self._days.clear()
        self._replays.clear()
        await self.learn()

    async def _find_culprit(self, parcels: Sequence[Parcel[Any]], error: Exception) -> None:
        """Something of ours broke while deciding: only the parcel it broke on may suffer."""
        if len(parcels) > 1:
            for parcel in parcels:
                await self._commit([parcel])
            return
        if not isinstance(error, LookupError | NotCanonical):
            _log.exception("intake.decision_failed", exc_info=error)
        parcels[0].fail(error)

    def _give_up(self, parcels: Sequence[Parcel[Any]], error: StoreError) -> None:
        """The storage is at fault. After a fatal error nothing may be acknowledged any more, by this process."""
        fatal = not isinstance(error, StorageFailed) or error.fatal
        _log.error("intake.storage_failed", fatal=fatal, error=str(error))
        if fatal:
            self._fail(error)
        self._refuse(parcels)

    def _fail(self, error: Exception) -> None:
        self.failed = error
        self.failure.set()

    def _refuse(self, parcels: Sequence[Parcel[Any]]) -> None:
        for parcel in parcels:
            parcel.fail(Unavailable("the log cannot be written", retry_after_s=RETRY_AFTER_FAILURE_S))

    def _answer_full(self, parcels: Sequence[Parcel[Any]]) -> None:
        for parcel in parcels:
            if isinstance(parcel, Handed):
                parcel.answer([refused(STORAGE_FULL)] * parcel.weight)
            else:
                parcel.fail(Unavailable(STORAGE_FULL.detail, retry_after_s=RETRY_AFTER_FAILURE_S))

    def _settle(self, draft: Draft, batch: Batch, tip: LogHead, charts: Sequence[Chart]) -> None:
        """Make what was committed the truth in memory."""
        self.tip = tip
        for chart in charts:
            self._days.put(chart)
        self._replays.keep(draft.priors)
        self.tally.commits += 1
        self.tally.entries += len(batch.rows)
        self.tally.largest_batch = max(self.tally.largest_batch, len(batch.rows))
        for count in self.counters:
            count(draft.entries, batch.heads)

    def _tell(self, batch: Batch, written: Sequence[Entry]) -> None:
        due = min((head.next_change_at for head in batch.heads if head.next_change_at is not None), default=None)
        if due is not None:
            for notice in self.due_listeners:
                notice(due)
        if batch.rows and self.listeners:
            entries = [LogEntry.just_written(row, entry) for row, entry in zip(batch.rows, written, strict=True)]
            for listener in self.listeners:
                try:
                    listener(entries)
                except Exception:  # noqa: BLE001 - whatever it is
                    # A reader's fault is the reader's: the entries are committed and answered.
                    _log.exception("intake.listener_failed")
