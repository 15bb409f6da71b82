"""A year of timers: each fires once and at its own moment, although the process dies at every hundredth tick."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infusion_service.clinical.vocabulary import Entry
from infusion_service.intake.clock import SimulatedClock
from infusion_service.intake.outcome import Outcome
from tests.drills.conftest import Drill
from tests.drills.mortal import Process
from tests.drills.year import (
    DATES,
    FORGOTTEN,
    LEFT,
    NEW_YEAR,
    NOBODY_CAME,
    PAUSED,
    STOPPED,
    Kind,
    PlannedDay,
    appointments,
    planned,
    scheduling,
    submission,
    told,
)

SCHEDULED_AT_ONCE = 200
A_DAY = timedelta(days=1)


async def lived(
    days: Sequence[PlannedDay], database: Path, *, dies_every_ticks: int
) -> tuple[Process, Mapping[int, list[Entry]]]:
    """Let the year pass; return the process and each day's log."""
    clock = SimulatedClock(datetime.combine(NEW_YEAR, datetime.min.time(), tzinfo=UTC) - A_DAY)
    process = Process(database, clock, dies_every_ticks=dies_every_ticks)
    await process.begin()
    day_ids: dict[int, str] = {}
    for first in range(0, len(days), SCHEDULED_AT_ONCE):
        some = days[first : first + SCHEDULED_AT_ONCE]
        outcomes = await process.intake.submit_batch([scheduling(day) for day in some])
        day_ids |= {day.number: day_of(outcome) for day, outcome in zip(some, outcomes, strict=True)}
    for moment, day, facts in appointments(days):
        await process.advance(moment)
        posted = [submission(day, day_ids[day.number], number, charted) for number, charted in facts]
        for outcome in await process.intake.submit_batch(posted):
            day_of(outcome)
    await process.advance(clock.now() + A_DAY * (DATES + 5))
    log = {
        day.number: [logged.entry for logged in await process.intake.entries(day_ids[day.number]) if logged.entry]
        for day in days
    }
    await process.end()
    return process, log


def day_of(outcome: Outcome) -> str:
    """The day of an outcome that must be an acceptance."""
    assert outcome.receipt is not None, outcome.refusal
    return str(outcome.receipt["day_id"])


def in_short(entry: Entry) -> tuple[object, ...]:
    """All of an entry but its ids, which begin with the day's own and are drawn by chance."""
    data = {name: value for name, value in entry.data.items() if name not in ("alert_id", "evidence")}
    return entry.type, entry.kind, entry.occurred_at, entry.received_at, entry.day_version, data, entry.outcome


async def hold(days_of_kind: Mapping[Kind, int], drill: Drill, tmp_path: Path, *, dies_every_ticks: int) -> None:
    """Live the same year with and without deaths, and hold both against the table."""
    days = planned(days_of_kind, drill.chance)
    began = time.monotonic()
    process, log = await lived(days, tmp_path / "mortal.db", dies_every_ticks=dies_every_ticks)
    took_s = time.monotonic() - began
    fired: Counter[str] = Counter()
    for day in days:
        assert told(log[day.number]) == day.expected(), day
        ids = [entry.entry_id for entry in log[day.number]]
        assert len(ids) == len(set(ids))
        fired.update(entry[1] for entry in day.expected())
    assert process.deaths > len(days) // (2 * dies_every_ticks)  # a death takes all that are looked at together

    _, undisturbed = await lived(days, tmp_path / "immortal.db", dies_every_ticks=0)
    for day in days:
        assert list(map(in_short, log[day.number])) == list(map(in_short, undisturbed[day.number])), day

    shown = ", ".join(f"{count} {name}" for name, count in sorted(fired.items()))
    drill.figure(
        f"{fired.total()} timers of {len(days)} days in a year ({shown}): {process.ticks} ticks,"
        f" {process.deaths} deaths, 0 lost, 0 twice, 0 at another moment, as in the year without deaths; {took_s:.0f} s"
    )


async def test_each_timer_of_a_small_year_fires_once(drill: Drill, tmp_path: Path) -> None:
    await hold({NOBODY_CAME: 40, FORGOTTEN: 3, PAUSED: 3, LEFT: 3, STOPPED: 3}, drill, tmp_path, dies_every_ticks=15)


@pytest.mark.drill
@pytest.mark.timeout(3600)
async def test_each_of_a_hundred_thousand_timers_fires_once(drill: Drill, tmp_path: Path) -> None:
    year = {NOBODY_CAME: 45_000, FORGOTTEN: 2_000, PAUSED: 1_500, LEFT: 1_000, STOPPED: 1_000}
    await hold(year, drill, tmp_path, dies_every_ticks=100)
