"""The days in hand: folded from the log on demand, kept in a bounded cache, replaced as a whole.

A patient's days are read together, because what one of them holds may bar another (the course rules): the *chart* is
that unit, a *sheet* is one day of it with its place in the log.

Promises: a chart never changes; who holds one sees one moment. At most `days_max` days are kept, the least recently
used patient's go first. Does not: write, or know what is being committed (`intake.draft`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import msgspec
from msgspec.structs import replace

from infusion_service.clinical.course import Course, course_of, means_the_same, with_day
from infusion_service.clinical.day import Day, evolve, new_day
from infusion_service.clinical.vocabulary import Entry
from infusion_service.clinical.workflow import Workflow
from infusion_service.intake.workflows import Workflows
from infusion_service.log.entry import LogEntry, LogRow
from infusion_service.log.store import DayHead, StorageFailed, Store

ROWS_PER_READ = 256
"""Entries folded between two awaits: a day of 5 000 facts must not hold up everybody else for its whole length."""

DAYS_OF_A_PATIENT_MAX = 1000
"""More days than any course of treatment has; a bound, so that one query is one page."""


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """One day as folded up to the `n`-th entry of its stream, whose leaf hash the next entry will name."""

    day: Day
    n: int
    leaf_hash: bytes
    last_seq: int
    event_ids: set[str]
    """Every id in the stream, and perhaps some whose commit failed: an id that is not in here is not in the stream.
    Shared by the sheets of one day, which only ever grow."""
    next_change_at: datetime | None = None
    """When something would change by itself, as last computed."""


class Chart:
    """All days of one patient, with the course they make. Never changed: `with_sheet` makes another."""

    __slots__ = ("_course", "key", "sheets")

    def __init__(self, key: str, sheets: Mapping[str, Sheet]) -> None:
        """`key` is the patient's pseudonym, or the day's id where the day names no patient."""
        self.key = key
        self.sheets = sheets
        self._course: Course | None = None

    @property
    def course(self) -> Course:
        """What is known of the patient over all days, computed when first asked for."""
        if self._course is None:
            self._course = course_of(sheet.day for sheet in self.sheets.values())
        return self._course

    def with_sheet(self, sheet: Sheet) -> Chart:
        """The chart with one day's sheet replaced or added."""
        chart = Chart(self.key, {**self.sheets, sheet.day.day_id: sheet})
        if self._course is not None:
            before = self.sheets.get(sheet.day.day_id)
            # What the other days mean to the course has not changed: spare their summaries, and this day's where what
            # is new says nothing to them.
            same = before is not None and (before.day is sheet.day or means_the_same(before.day, sheet.day))
            chart._course = self._course if same else with_day(self._course, sheet.day)
        return chart


def fold(
    rows: Iterable[LogRow], *, sheet: Sheet | None, workflows: Workflows, keep: Callable[[Entry], bool] | None = None
) -> Sheet | None:
    """Fold further rows of a day's stream onto `sheet` (None: from the beginning) and return the new sheet.

    Entries whose body was erased, or that `keep` leaves out, count for the chain but not for the picture. Returns None
    while nothing says what workflow the day follows. Raises `StorageFailed` for a definition that the log must hold and
    does not, and `log.entry.NotCanonical` for bytes that are not an entry.
    """
    day = None if sheet is None else sheet.day
    event_ids = set() if sheet is None else sheet.event_ids
    last: LogRow | None = None
    for row in rows:
        logged = LogEntry.of(row)
        entry = logged.entry
        if entry is not None and keep is not None and not keep(entry):
            entry = None
        if day is None and entry is not None and entry.workflow is not None:
            day = new_day(row.stream, logged.parsed_leaf.site, _definition(workflows, entry.workflow["hash"]))
        if day is not None and entry is not None:
            day = evolve(day, entry)
        event_ids.add(row.event_id if logged.entry is None else logged.entry.entry_id)
        last = row
    if day is None or last is None:
        return sheet
    return Sheet(day=day, n=last.n, leaf_hash=last.leaf_hash, last_seq=last.seq, event_ids=event_ids)


def _definition(workflows: Workflows, content_hash: str) -> Workflow:
    try:
        return workflows.by_hash(content_hash)
    except KeyError:
        raise StorageFailed(
            f"the workflow file {content_hash} cannot be found: run infusion verify", fatal=False
        ) from None


class _Load:
    """A chart being read; `overtaken` once a newer one was put in its place meanwhile."""

    __slots__ = ("overtaken",)

    def __init__(self) -> None:
        self.overtaken = False


class Days:
    """The charts of one site: in hand, or read from the log when asked for."""

    def __init__(self, *, site: str, store: Store, workflows: Workflows, days_max: int) -> None:
        self._site = site
        self._store = store
        self._workflows = workflows
        self._days_max = days_max
        self._days_in_hand = 0
        self._charts: OrderedDict[str, Chart] = OrderedDict()
        self._key_of_day: dict[str, str] = {}
        self._loads: dict[str, set[_Load]] = {}

    @property
    def strikes(self) -> set[str]:
        """Fact types that take others out of the picture, whatever a workflow calls them."""
        return self._workflows.strikes

    def __len__(self) -> int:
        """How many days are in hand."""
        return self._days_in_hand

    def in_hand(self, day_id: str) -> Chart | None:
        """The chart that holds this day, if it is in hand."""
        key = self._key_of_day.get(day_id)
        return None if key is None else self.patient_in_hand(key)

    def patient_in_hand(self, key: str) -> Chart | None:
        """The chart with this key, if it is in hand."""
        chart = self._charts.get(key)
        if chart is not None:
            self._charts.move_to_end(key)
        return chart

    def rules_out(self, day_id: str, event_id: str) -> bool:
        """Whether memory alone can tell that this day holds no such event."""
        chart = self.in_hand(day_id)
        return chart is not None and event_id not in chart.sheets[day_id].event_ids

    async def of_day(self, day_id: str) -> Chart | None:
        """The chart that holds this day, or None when the site has no such day, or one whose bodies were erased."""
        chart = self.in_hand(day_id)
        if chart is not None:
            return chart
        head = await self._store.day_head(self._site, day_id)
        if head is None:
            return None
        if head.patient_id is None:
            chart = await self._load(day_id, [head])
        else:
            chart = await self.of_patient(head.patient_id)
        return chart if day_id in chart.sheets else None

    async def of_patient(self, patient_id: str) -> Chart:
        """All days of a patient; a chart without sheets for one never heard of."""
        return self.patient_in_hand(patient_id) or await self._load(patient_id, None)

    def put(self, chart: Chart) -> None:
        """Take in a chart that has just been committed; it overtakes whatever is being read of the same patient."""
        for load in self._loads.get(chart.key, ()):
            load.overtaken = True
        self._keep(chart)

    def clear(self) -> None:
        """Forget everything: the log knows better than we do."""
        for loads in self._loads.values():
            for load in loads:
                load.overtaken = True
        self._charts.clear()
        self._key_of_day.clear()
        self._days_in_hand = 0

    async def fold_day(
        self, day_id: str, *, until_n: int | None = None, keep: Callable[[Entry], bool] | None = None
    ) -> Sheet | None:
        """Fold one day's stream past the cache: all of it, or up to its `until_n`-th entry."""
        sheet: Sheet | None = None
        n = 0
        while until_n is None or n < until_n:
            limit = ROWS_PER_READ if until_n is None else min(ROWS_PER_READ, until_n - n)
            rows = await self._store.read_stream(self._site, day_id, after_n=n, limit=limit)
            if not rows:
                break
            sheet = fold(rows, sheet=sheet, workflows=self._workflows, keep=keep)
            n = rows[-1].n
            if len(rows) < limit:  # there was no more, which spares another question
                break
        return sheet

    async def _load(self, key: str, heads: list[DayHead] | None) -> Chart:
        load = _Load()
        self._loads.setdefault(key, set()).add(load)
        try:
            if heads is None:
                heads = await self._store.day_heads(self._site, patient_id=key, limit=DAYS_OF_A_PATIENT_MAX)
            chart = Chart(key, await self._sheets(heads))
        finally:
            self._loads[key].discard(load)
            if not self._loads[key]:
                del self._loads[key]
        if load.overtaken:
            # What we read is older than what was committed while we read. If the newer chart has already been pushed
            # out again, ours is still one true moment of the past: good enough to show, never to keep.
            return self.patient_in_hand(key) or chart
        self._keep(chart)
        return chart

    async def _sheets(self, heads: Iterable[DayHead]) -> dict[str, Sheet]:
        sheets = {}
        for head in heads:
            sheet = await self.fold_day(head.day_id)
            if await self._is_cut_short(head, sheet):
                raise StorageFailed(f"entries of day {head.day_id} cannot be found: run infusion verify", fatal=False)
            if sheet is not None:
                sheets[head.day_id] = replace(sheet, next_change_at=head.next_change_at)
        return sheets

    async def _is_cut_short(self, head: DayHead, sheet: Sheet | None) -> bool:
        """Whether entries are missing that the head counts; an erased day has all of them, without their bodies."""
        if sheet is not None:
            return sheet.n < head.n
        return not await self._store.read_stream(self._site, head.day_id, limit=1)

    def _keep(self, chart: Chart) -> None:
        before = self._charts.pop(chart.key, None)
        self._days_in_hand += len(chart.sheets) - (0 if before is None else len(before.sheets))
        self._charts[chart.key] = chart
        for day_id in chart.sheets:
            self._key_of_day[day_id] = chart.key
        while self._days_in_hand > self._days_max and len(self._charts) > 1:
            _, oldest = self._charts.popitem(last=False)
            self._days_in_hand -= len(oldest.sheets)
            for day_id in oldest.sheets:
                del self._key_of_day[day_id]
