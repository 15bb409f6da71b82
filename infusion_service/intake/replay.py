"""Decisions already made: what the log says was answered to an event id.

Promises: the answer to a submission handed in again is rebuilt from the log and equals the first one, also after a
restart. Does not: judge whether it is the same submission (`intake.judge`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from infusion_service.clinical.decide import refusal_of
from infusion_service.clinical.vocabulary import Entry
from infusion_service.intake.days import ROWS_PER_READ, Chart, Days
from infusion_service.intake.outcome import Outcome, accepted, receipt_of, refused
from infusion_service.log.entry import LogEntry, LogRow
from infusion_service.log.store import RebuildRequired, Store

PRIORS_MAX = 256
"""Decisions kept in memory, so that a tablet that retries at once costs no second reading of its day. Few enough that
even the largest bodies together are no burden."""


class Prior(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that stands: the entry that keeps it (None once erased) and its answer.

    `outcome` is None where the entry is nobody's submission (derived, access, administration).
    """

    seq: int
    entry: Entry | None
    outcome: Outcome | None


def caused_by(fact: Entry, following: Iterable[Entry]) -> tuple[list[Entry], int]:
    """Find the entries appended because of `fact` among those that follow it in its stream.

    Returns them with the number of entries from `fact` (exclusive) to the last of them (inclusive). They stand next to
    the fact, with nothing between them but the rest of its group and what was refused of its batch.
    """
    caused: list[Entry] = []
    distance = 0
    for position, entry in enumerate(following, start=1):
        if entry.cause == fact.entry_id:
            caused.append(entry)
            distance = position
        elif entry.kind != "refused" and (fact.group is None or (entry.cause is None and entry.group != fact.group)):
            break
    return caused, distance


class Replays:
    """Finds what was answered before."""

    def __init__(self, *, site: str, store: Store, days: Days) -> None:
        self._site = site
        self._store = store
        self._days = days
        self._recent: OrderedDict[str, Prior] = OrderedDict()

    async def find(self, event_ids: Sequence[str]) -> dict[str, Prior]:
        """The decisions that stand on any of these event ids, by event id; one question to the store for all."""
        found = {event_id: self._recent[event_id] for event_id in event_ids if event_id in self._recent}
        asked = [event_id for event_id in event_ids if event_id not in found]
        if asked:
            rows = await self._store.find_events(self._site, asked)
            for event_id, row in rows.items():
                found[event_id] = await self._prior(row)
        return found

    async def check_known(self, unknown: Sequence[str], charts: Iterable[Chart]) -> None:
        """See that no day holds an event id that the index does not lead to: else a fact would go in twice.

        A day remembers ids whose commit failed as well, so its stream has the last word. Raises `RebuildRequired`.
        """
        for event_id in unknown:
            for chart in charts:
                for day_id, sheet in chart.sheets.items():
                    if event_id in sheet.event_ids and await self._is_in_stream(day_id, event_id):
                        raise RebuildRequired(f"no key leads to an event of day {day_id}")

    async def _is_in_stream(self, day_id: str, event_id: str) -> bool:
        n = 0
        while rows := await self._store.read_stream(self._site, day_id, after_n=n, limit=ROWS_PER_READ):
            if any(row.event_id == event_id for row in rows):
                return True
            n = rows[-1].n
        return False

    def keep(self, priors: Mapping[str, Prior]) -> None:
        """Remember decisions that have just been committed."""
        self._recent.update(priors)
        while len(self._recent) > PRIORS_MAX:
            self._recent.popitem(last=False)

    def clear(self) -> None:
        """Forget what is remembered; the log still knows."""
        self._recent.clear()

    async def _prior(self, row: LogRow) -> Prior:
        entry = LogEntry.of(row).entry
        outcome = None
        if entry is not None and entry.kind == "fact":
            outcome = await self._first_answer(row, entry)
        elif entry is not None and entry.kind == "refused":
            outcome = refused(refusal_of(entry))
        prior = Prior(seq=row.seq, entry=entry, outcome=outcome)
        self.keep({row.event_id: prior})
        return prior

    async def _first_answer(self, row: LogRow, fact: Entry) -> Outcome:
        following: list[Entry] = []
        n = row.n
        caused, distance = caused_by(fact, following)
        # One page is enough for all but the largest group: read on only while the decision reaches the page's end.
        while distance == len(following):
            rows = await self._store.read_stream(self._site, row.stream, after_n=n, limit=ROWS_PER_READ)
            if not rows:
                break
            following += [entry for entry in (LogEntry.of(later).entry for later in rows) if entry is not None]
            n = rows[-1].n
            caused, distance = caused_by(fact, following)
        sheet = await self._days.fold_day(row.stream, until_n=row.n + distance)
        if sheet is None:
            raise LookupError(row.stream)
        return accepted(receipt_of(seq=row.seq, leaf_hash=row.leaf_hash, entries=[fact, *caused], day=sheet.day))
