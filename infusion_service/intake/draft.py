"""One commit in the making: entries sealed into rows, days replaced, heads to be written.

A draft starts from the log's tip and the charts in hand and changes neither: a commit that fails is dropped by
forgetting its draft. Promises: `seq` gapless from the tip, `n` and the previous leaf hash chained per stream, one
`received_at` for all that is decided together. Does not: decide (`intake.judge`) or touch the store (`intake.writer`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from msgspec.structs import replace

from infusion_service.clinical.day import Day, evolve
from infusion_service.clinical.observe import next_change_at
from infusion_service.clinical.vocabulary import SITE_STREAM, Entry
from infusion_service.intake.days import Chart, Sheet
from infusion_service.intake.replay import Prior
from infusion_service.log.entry import NO_PREVIOUS, SALT_BYTES, LogRow, seal
from infusion_service.log.merkle import Frontier
from infusion_service.log.store import Batch, DayHead, Drop, LogHead, Put

CHANGE_WAIT_MIN = timedelta(minutes=1)
"""How long a day rests when the next moment to look at it cannot be told."""

_log = structlog.get_logger(__name__)


class Draft:
    """Entries, days and answers of one commit, none of them real before the store has said so."""

    def __init__(
        self,
        *,
        site: str,
        tip: LogHead,
        now: datetime,
        charts: Iterable[Chart],
        priors: Mapping[str, Prior],
        moves_held: bool = False,
    ) -> None:
        """`charts` are those the submissions concern, `priors` the decisions already made on their event ids.

        `moves_held` keeps moves by time back while the clock is in doubt.
        """
        self.site = site
        self.now = now
        self.moves_held = moves_held
        self.rows: list[LogRow] = []
        self.entries: list[Entry] = []
        self.operational: list[Put | Drop] = []
        self.priors = dict(priors)
        self._tip = tip
        self._frontier = Frontier.from_bytes(tip.frontier)
        self._site_n = tip.site_n
        self._site_hash = tip.site_last_hash
        self._charts: dict[str, Chart] = {}
        self._key_of_day: dict[str, str] = {}
        self._moved: dict[str, bool] = {}
        for chart in charts:
            self._take(chart)
        self._began = dict(self._charts)

    def chart_of_day(self, day_id: str) -> Chart | None:
        """The chart that holds this day as this draft leaves it, or None when the site has no such day."""
        key = self._key_of_day.get(day_id)
        return None if key is None else self._charts[key]

    def chart_with(self, day_id: str) -> Chart:
        """The chart that holds this day. Raises `LookupError` when the site has no such day."""
        return self._charts[self._key_of_day[day_id]]

    def chart_of_patient(self, patient_id: str) -> Chart:
        """All days of a patient as this draft leaves them; empty for one never heard of."""
        return self._charts.get(patient_id) or Chart(patient_id, {})

    def change(self, chart: Chart, day: Day, entries: Sequence[Entry]) -> list[LogRow]:
        """Write what was decided on a day of `chart`; `day` is the day after all of `entries`."""
        rows, sheet = self._extend(chart.sheets.get(day.day_id), day, entries)
        self._take(chart.with_sheet(sheet))
        self._moved[day.day_id] = True
        return rows

    def note(self, entry: Entry) -> LogRow:
        """Write an entry that changes no day's picture: a refusal, an access, an act of administration.

        Raises `LookupError` for a stream that is neither the site's nor that of a day in the draft.
        """
        if entry.stream == SITE_STREAM:
            row = self._append(entry, n=self._site_n + 1, previous=self._site_hash)
            self._site_n, self._site_hash = row.n, row.leaf_hash
            return row
        chart = self.chart_with(entry.stream)
        before = chart.sheets[entry.stream]
        rows, sheet = self._extend(before, evolve(before.day, entry), [entry])
        self._take(chart.with_sheet(sheet))
        self._moved.setdefault(entry.stream, False)
        return rows[0]

    def is_settled(self, day_id: str) -> bool:
        """Whether this draft has already looked at the day's next change."""
        return self._moved.get(day_id, False)

    def settle(self, day_id: str) -> None:
        """Write this day's head anew although nothing was appended to it."""
        self._moved[day_id] = True

    def neighbours(self) -> list[str]:
        """Open days of whose patient another day has come to mean something else to the course since this draft began:
        what it says, a laboratory result say, may have to be told of here."""
        found: list[str] = []
        for key, before in self._began.items():
            sheets = self._charts[key].sheets
            if len(sheets) == 1 or self._charts[key].course is before.course:
                continue
            changed = {
                day_id
                for day_id, sheet in sheets.items()
                if day_id not in before.sheets or before.sheets[day_id].day is not sheet.day
            }
            found += [day_id for day_id, sheet in sheets.items() if sheet.day.open and changed - {day_id}]
        return found

    def close(self) -> tuple[Batch, LogHead, list[Chart]]:
        """Finish: the batch for the store, the log's tip and the charts after it."""
        heads = [self._head(day_id, moved=moved) for day_id, moved in self._moved.items()]
        batch = Batch(
            site=self.site,
            rows=self.rows,
            heads=heads,
            operational=self.operational,
            frontier=self._frontier.to_bytes(),
        )
        tip = LogHead(
            size=self._tip.size + len(self.rows),
            frontier=batch.frontier,
            received_at=self.now if self.rows else self._tip.received_at,
            site_n=self._site_n,
            site_last_hash=self._site_hash,
        )
        return batch, tip, [self._charts[key] for key in {self._key_of_day[day_id] for day_id in self._moved}]

    def _take(self, chart: Chart) -> None:
        self._charts[chart.key] = chart
        for day_id in chart.sheets:
            self._key_of_day[day_id] = chart.key

    def _extend(self, before: Sheet | None, day: Day, entries: Sequence[Entry]) -> tuple[list[LogRow], Sheet]:
        n, previous = (0, NO_PREVIOUS) if before is None else (before.n, before.leaf_hash)
        event_ids = set() if before is None else before.event_ids
        rows = []
        for entry in entries:
            row = self._append(entry, n=n + 1, previous=previous)
            n, previous = row.n, row.leaf_hash
            rows.append(row)
            event_ids.add(row.event_id)
        return rows, Sheet(
            day=day,
            n=n,
            leaf_hash=previous,
            last_seq=self._tip.size + len(self.rows),
            event_ids=event_ids,
            next_change_at=None if before is None else before.next_change_at,
        )

    def _append(self, entry: Entry, *, n: int, previous: bytes) -> LogRow:
        row = seal(
            entry,
            site=self.site,
            seq=self._tip.size + len(self.rows) + 1,
            n=n,
            previous=previous,
            salt=os.urandom(SALT_BYTES),
        )
        self._frontier.append(row.leaf_hash)
        self.rows.append(row)
        self.entries.append(entry)
        return row

    def _head(self, day_id: str, *, moved: bool) -> DayHead:
        chart = self.chart_with(day_id)
        sheet = chart.sheets[day_id]
        if moved:
            sheet = with_next_change(chart, sheet, self.now)
            if self.moves_held and not sheet.day.terminal:
                # What is held back has no moment of its own any more: look again until the clock is trusted.
                look_again = self.now + CHANGE_WAIT_MIN
                sheet = replace(sheet, next_change_at=min(sheet.next_change_at or look_again, look_again))
            self._take(chart.with_sheet(sheet))
        return head_of(sheet)


def with_next_change(chart: Chart, sheet: Sheet, now: datetime) -> Sheet:
    """The sheet with the moment at which its day would change by itself computed anew, always after `now`."""
    try:
        due = next_change_at(chart.course, sheet.day, now)
    except Exception:  # noqa: BLE001 - whatever it is
        # Looking ahead must never keep a fact from being recorded.
        _log.exception("intake.next_change_failed", day_id=sheet.day.day_id)
        due = now + CHANGE_WAIT_MIN
    if due is not None and due <= now:
        # A day that keeps saying "now" would have the watch look at it again without end.
        _log.warning("intake.next_change_not_ahead", day_id=sheet.day.day_id, said=due.isoformat())
        due = now + CHANGE_WAIT_MIN
    return replace(sheet, next_change_at=due)


def head_of(sheet: Sheet) -> DayHead:
    """The row of the derived table that lets a start, a board or the watch do without folding the day."""
    day = sheet.day
    return DayHead(
        day_id=day.day_id,
        patient_id=day.patient_id,
        ward=day.ward,
        date=None if day.date is None else day.date.isoformat(),
        state=day.state,
        open=day.open,
        version=day.version,
        n=sheet.n,
        last_leaf_hash=sheet.leaf_hash,
        last_seq=sheet.last_seq,
        next_change_at=sheet.next_change_at,
        workflow_hash=day.workflow.hash,
    )
