"""The auditor's questions: what a row says, and that a log looked through in stretches says what one walk would."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infusion_service.access.records import KIND_GLASS
from infusion_service.clinical.vocabulary import Actor, Entry, parse_time
from infusion_service.log.entry import NO_PREVIOUS, LogEntry, LogRow, seal
from infusion_service.log.log_file import reading
from infusion_service.log.memory import MemoryStore
from infusion_service.log.merkle import Frontier
from infusion_service.log.records import Put
from infusion_service.log.sqlite import SqliteStore
from infusion_service.log.store import Batch, DayHead
from infusion_service.web.audit_questions import QUESTIONS
from infusion_service.web.audit_scan import Asked, Scan
from tests.audit.played import SITE, play
from tests.log.given import unhurried

EIGHT = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAY, OTHER_DAY = (f"0197c0de-7000-7000-8000-00000000000{digit}" for digit in "12")
NURSE = Actor(id="nurse-1", role="nurse", how="session")


class Log:
    """A log written entry by entry, each received so many seconds after eight."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.rows: list[LogRow] = []
        self.ids = (f"0197c0de-7000-7000-8000-1{number:011}" for number in itertools.count(1))

    def add(self, entry_type: str, seconds: int, **members: Any) -> str:
        """Write an entry and return its id."""
        received = EIGHT + timedelta(seconds=seconds)
        stream = members.pop("stream", DAY)
        of_stream = [row for row in self.rows if row.stream == stream]
        given = {"kind": "fact", "actor": NURSE, "data": {}, "outcome": {}, "occurred_at": received, **members}
        entry = Entry(entry_id=next(self.ids), type=entry_type, stream=stream, received_at=received, **given)
        previous = of_stream[-1].leaf_hash if of_stream else NO_PREVIOUS
        row = seal(
            entry, site=SITE, seq=len(self.rows) + 1, n=len(of_stream) + 1, previous=previous, salt=bytes(range(32))
        )
        self.rows.append(row)
        return entry.entry_id

    def scheduled(self, patient: str, seconds: int, stream: str = DAY) -> None:
        """Schedule a patient's day."""
        self.add("day.scheduled", seconds, stream=stream, data={"patient": {"id": patient}})

    async def ask(self, question: str, **about: Any) -> list[dict[str, Any]]:
        """Ask the log, as far as it was written."""
        await self.store.append(
            Batch(
                site=SITE,
                rows=self.rows,
                frontier=Frontier(row.leaf_hash for row in self.rows).to_bytes(),
                heads=list(self._heads()),
                operational=[Put(KIND_GLASS, "glass-1", {"patient_id": "P-1"})],
            )
        )
        stretch = await Scan(self.store, SITE, Asked(question=question, **about)).stretch()
        assert not stretch.more
        return stretch.rows

    def _heads(self) -> Iterator[DayHead]:
        for row in self.rows:
            entry = LogEntry.of(row).entry
            if entry is not None and "patient" in entry.data and row.stream != "site":
                yield DayHead(
                    day_id=row.stream,
                    patient_id=entry.data["patient"]["id"],
                    ward="neuro-day",
                    date="2026-11-23",
                    state="scheduled",
                    open=True,
                    version=1,
                    n=row.n,
                    last_leaf_hash=row.leaf_hash,
                    last_seq=row.seq,
                    next_change_at=None,
                    workflow_hash=None,
                )


@pytest.fixture
def log() -> Log:
    log = Log()
    log.scheduled("P-1", 0)
    return log


async def test_an_override_is_listed_with_both_names_its_reason_and_what_it_was_used_for(log: Log) -> None:
    granted = log.add(
        "override.granted",
        60,
        actor=Actor(id="dr-1", role="prescriber", how="session"),
        second=Actor(id="ph-1", role="pharmacist", how="session"),
        data={"guard": "bag-in-date", "reason": "minutes over", "valid_minutes": 30},
    )
    log.add("override.used", 90, kind="derived", data={"override": granted, "fact": "f-1"})

    (row,) = await log.ask("overrides", patient="P-1")

    assert (row["guard"], row["by"], row["second"]) == ("bag-in-date", "prescriber dr-1", "pharmacist ph-1")
    assert (row["reason"], row["used_for"], row["seq"]) == ("minutes over", "f-1", 2)
    assert (row["patient"], row["date"]) == ("P-1", "2026-11-23")


async def test_a_fact_received_long_after_it_happened_is_late_and_one_in_time_is_not(log: Log) -> None:
    log.add("note.added", 70)
    log.add("vitals.recorded", 2400, occurred_at=EIGHT, late_reason="offline")

    rows = await log.ask("late")

    assert [(row["type"], row["minutes"], row["reason"]) for row in rows] == [("vitals.recorded", 40, "offline")]


async def test_an_alert_tells_the_minutes_to_each_step_and_whom_it_went_to_also_after_the_end_of_what_is_asked(
    log: Log,
) -> None:
    data = {"rule": "bp-crisis", "severity": "critical", "action": "pause"}
    raised = log.add("alert.raised", 600, kind="derived", data=data)
    about = {"alert_id": raised, "rule": "bp-crisis"}
    log.add("alert.escalated", 720, kind="derived", data={**about, "to": ["charge_nurse"]})
    log.add("alert.acknowledged", 780, data={"alert": raised})
    log.add("alert.answered", 840, kind="derived", data={**about, "by": "nurse-1", "fact": "f-2"})
    log.add("alert.closed", 1500, kind="derived", data={**about, "reason": "review"})

    (row,) = await log.ask("answers", until=EIGHT + timedelta(seconds=700))

    assert (row["acknowledged_min"], row["answered_min"], row["closed_min"]) == (3, 4, 15)
    assert (row["escalated_to"], row["closed"]) == (["charge_nurse"], "review")


async def test_who_read_the_log_has_read_everybody_who_was_in_it_by_then(log: Log) -> None:
    auditor = Actor(id="a-1", role="auditor", how="service")
    log.add("log.read", 60, kind="access", stream="site", actor=auditor, data={"what": "log"})
    log.scheduled("P-2", 90, stream=OTHER_DAY)

    early = await log.ask("reads", patient="P-1")
    scan = {who: Scan(log.store, SITE, Asked(question="reads", patient=who)) for who in ("P-2", "P-3")}
    late, nobody = [(await each.stretch()).rows for each in scan.values()]

    assert [(row["by"], row["type"], row["what"]) for row in early] == [("auditor a-1", "log.read", "log")]
    assert late == nobody == []


async def test_a_review_of_a_broken_glass_is_about_whose_glass_it_was_also_where_the_breaking_was_long_before(
    log: Log,
) -> None:
    log.add(
        "glass.broken", 30, kind="access", stream="site", data={"glass": "glass-1", "patient": "P-1", "reason": "x"}
    )
    log.add("glass.reviewed", 90, kind="access", stream="site", data={"glass": "glass-1"})

    rows = await log.ask("reads", patient="P-1", since=EIGHT + timedelta(seconds=60))

    assert [(row["type"], row["patient"]) for row in rows] == [("glass.reviewed", "P-1")]
    assert "glass" not in rows[0]


@pytest.mark.parametrize("question", QUESTIONS)
async def test_another_patient_and_another_time_are_left_out(log: Log, question: str) -> None:
    log.add("day.read", 30, kind="access")
    log.add("vitals.recorded", 2400, occurred_at=EIGHT)
    log.add("override.granted", 2460, data={"guard": "g", "reason": "r", "valid_minutes": 5})
    log.add("alert.raised", 2490, kind="derived", data={"rule": "r", "severity": "low", "action": "alert"})

    assert await log.ask(question, patient="P-1")
    for about in ({"patient": "P-2"}, {"since": parse_time("2026-11-23T09:00:00Z")}, {"until": EIGHT}):
        scan = Scan(log.store, SITE, Asked(question=question, **about))
        assert not (await scan.stretch()).rows


@pytest.fixture(scope="module")
def whole_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with days of several patients: alerts, late entries, an override."""
    return play(tmp_path_factory.mktemp("asked"), "s02", "d01", "b18", "g04").database


def one_walk(database: Path, question: str) -> list[dict[str, Any]]:
    """The rows of one walk over every entry."""
    from infusion_service.log.log_file import LogFile, OpenedLog

    async def entries() -> list[LogRow]:
        with reading(database) as connection:
            return await OpenedLog(connection).read_log(SITE, limit=LogFile(connection).size())

    shown = [LogEntry.of(row).as_json() for row in asyncio.run(entries())]
    rows = QUESTIONS[question].rows(shown)
    return [without_whose(row) for row in rows]


def without_whose(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what is looked up beside the log."""
    return {name: value for name, value in row.items() if name not in ("glass", "patient", "date")}


async def in_stretches(store: SqliteStore, asked: Asked, limit: int) -> list[dict[str, Any]]:
    """The rows of one stretch after another."""
    scan, after, more = Scan(store, SITE, asked), 0, True
    rows: list[dict[str, Any]] = []
    while more:
        stretch = await scan.stretch(after, limit)
        assert stretch.next_after >= after
        rows += map(without_whose, stretch.rows)
        after, more = stretch.next_after, stretch.more
    return rows


@pytest.mark.parametrize("question", QUESTIONS)
@settings(unhurried, max_examples=12)
@given(limit=st.integers(1, 400), share=st.floats(0, 1))
def test_a_log_in_stretches_says_what_one_walk_says(whole_days: Path, question: str, limit: int, share: float) -> None:
    rows = one_walk(whole_days, question)
    since = parse_time(rows[int(share * (len(rows) - 1))]["received_at"]) if rows else EIGHT

    async def ask() -> None:
        store = SqliteStore(whole_days)
        await store.open()
        try:
            assert await in_stretches(store, Asked(question=question), limit) == rows
            later = [row for row in rows if parse_time(row["received_at"]) >= since]
            assert await in_stretches(store, Asked(question=question, since=since), limit) == later
            of_patients = [
                await in_stretches(store, Asked(question=question, patient=f"P-{each}"), limit) for each in range(1, 5)
            ]
            assert sorted(itertools.chain(*of_patients), key=lambda row: int(row["seq"])) == rows
        finally:
            await store.close()

    asyncio.run(ask())
