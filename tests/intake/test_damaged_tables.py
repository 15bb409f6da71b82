"""A bit flips in a derived table: whoever reads it is told the truth all the same, and nothing goes in twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pysqlite3.dbapi2 as driver
import pytest

from infusion_service.bootstrap import open_service
from infusion_service.intake.clock import SimulatedClock
from infusion_service.settings import Settings, Ward
from tests.intake.ward import MORNING, SITE, check_in, note, receipt, schedule

WARDS = (Ward(id="neuro-day", name="Neurology day ward", timezone="Europe/Paris"),)


def settings_in(directory: Path) -> Settings:
    return Settings(site=SITE, database=directory / "infusion.db", wards=WARDS)


def change(database: Path, statement: str, *values: int) -> None:
    """Change a row as a disk would: its check sum stays what it was."""
    connection = driver.connect(str(database), isolation_level=None)
    try:
        assert connection.execute(statement, values).rowcount == 1
    finally:
        connection.close()


DAMAGES: dict[str, str] = {
    "the state of a day": "UPDATE day_head SET state = 'completed', open = 0",
    "when a day is looked at": "UPDATE day_head SET next_change_at_ms = next_change_at_ms + 86400000",
    "the head of the log": "UPDATE log_head SET site_last_hash = zeroblob(32)",
    "how far it goes": "UPDATE log_head SET size = size + 1",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
async def test_a_damaged_row_is_made_anew_at_the_start(tmp_path: Path, damage: str) -> None:
    settings, clock = settings_in(tmp_path), SimulatedClock(MORNING)
    async with open_service(settings, clock=clock) as service:
        day_id = await schedule(service.intake)
        await service.intake.submit(check_in(day_id))
        heads = await service.store.day_heads(SITE, limit=10)
    change(settings.database, damage)

    async with open_service(settings, clock=clock) as service:
        assert await service.store.day_heads(SITE, limit=10) == heads
        day = await service.intake.day(day_id)
        assert day is not None
        assert day.state == "checked_in"
        assert receipt(await service.intake.submit(note(day_id)))["day_version"] == 3


async def test_a_damaged_row_met_while_running_is_made_anew_before_anybody_is_answered(tmp_path: Path) -> None:
    settings, clock = settings_in(tmp_path), SimulatedClock(MORNING)
    async with open_service(settings, clock=clock) as service:
        day_id = await schedule(service.intake)
        await service.intake.submit(check_in(day_id))
        board = await service.intake.board(limit=10)
        change(settings.database, "UPDATE day_head SET state = 'completed', open = 0")

        assert await service.intake.board(limit=10) == board


async def test_the_watch_does_not_miss_a_moment_for_a_damaged_row(tmp_path: Path) -> None:
    settings, clock = settings_in(tmp_path), SimulatedClock(MORNING)
    async with open_service(settings, clock=clock) as service:
        day_id = await schedule(service.intake)
        due = await service.store.next_due(SITE)
        assert due is not None
        change(settings.database, "UPDATE day_head SET ward = 'elsewhere'")
        missed = asyncio.Event()
        service.intake.add_listener(lambda _entries: missed.set())

        clock.move_to(due)
        await missed.wait()

        last = (await service.intake.entries(day_id))[-1].entry
        assert last is not None
        assert (last.type, last.occurred_at) == ("day.missed", due)


async def test_an_event_whose_key_is_damaged_does_not_go_in_twice(tmp_path: Path) -> None:
    settings, clock = settings_in(tmp_path), SimulatedClock(MORNING)
    async with open_service(settings, clock=clock) as service:
        day_id = await schedule(service.intake)
        sent = note(day_id)
        first = receipt(await service.intake.submit(sent))
    damage = "UPDATE event_key SET event_id = CAST(substr(event_id, 1, 15) || X'00' AS BLOB) WHERE seq = ?"
    change(settings.database, damage, first["seq"])

    async with open_service(settings, clock=clock) as service:
        again = await service.intake.submit(sent)
        assert (again.status, again.receipt) == (200, first)


async def test_an_event_whose_key_leads_elsewhere_gets_its_own_answer(tmp_path: Path) -> None:
    settings, clock = settings_in(tmp_path), SimulatedClock(MORNING)
    async with open_service(settings, clock=clock) as service:
        day_id = await schedule(service.intake)
        sent = note(day_id)
        first = receipt(await service.intake.submit(sent))
    change(settings.database, "UPDATE event_key SET seq = seq - 1 WHERE seq = ?", first["seq"])

    async with open_service(settings, clock=clock) as service:
        again = await service.intake.submit(sent)
        assert (again.status, again.receipt) == (200, first)
