"""The nightly check: when it comes, what it tells, and that it finds what a running service would never see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from prometheus_client.parser import text_string_to_metric_families

from infusion_service.bootstrap import Service, open_service
from infusion_service.cli.exits import Exit
from infusion_service.cli.nightly import Ended, in_a_process_of_its_own, next_time, verified_nightly, verify_once
from infusion_service.intake.clock import SimulatedClock
from infusion_service.log.signing_keys import make_first_key
from infusion_service.settings import Settings, Ward
from infusion_service.web.metrics import Metrics
from tests.cli.test_backup import change_a_body
from tests.intake.test_damaged_tables import change

PARIS = ZoneInfo("Europe/Paris")
START = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
SOUND = Ended(Exit.FINE, b'{"ok": true, "size": 5, "first_bad_seq": null}')


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (datetime(2026, 11, 23, 1, 59, 59, tzinfo=UTC), datetime(2026, 11, 23, 2, 0, tzinfo=UTC)),
        (datetime(2026, 11, 23, 2, 0, tzinfo=UTC), datetime(2026, 11, 24, 2, 0, tzinfo=UTC)),
        # The night in which clocks go back: 25 hours from one check to the next.
        (datetime(2026, 10, 24, 1, 0, tzinfo=UTC), datetime(2026, 10, 25, 2, 0, tzinfo=UTC)),
        # The night in which they skip from two to three.
        (datetime(2026, 3, 28, 2, 0, tzinfo=UTC), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
    ],
)
def test_the_check_comes_when_clocks_on_the_ward_show_its_time(now: datetime, due: datetime) -> None:
    assert next_time(now, time(3, 0), PARIS) == due


@asynccontextmanager
async def opened(directory: Path, verify_at: str | None = "03:00") -> AsyncIterator[Service]:
    """A site of its own under a clock that stands."""
    make_first_key(directory)
    settings = Settings(
        database=directory / "infusion.db",
        verify_at=verify_at,
        wards=(Ward(id="neuro-day", name="Neurology day ward", timezone="Europe/Paris"),),
    )
    async with open_service(settings, clock=SimulatedClock(START)) as service:
        yield service


def shown(service: Service) -> dict[str, float]:
    """The figures of the check, as Prometheus reads them."""
    metrics = Metrics(log_entries=lambda: 0, intake_queue=lambda: 0)
    metrics.watch_soundness(service.soundness)
    families = text_string_to_metric_families(metrics.exposition(()).decode())
    return {
        sample.name: sample.value
        for family in families
        for sample in family.samples
        if sample.name in ("infusion_log_sound", "infusion_tables_sound", "infusion_log_verified_timestamp_seconds")
    }


async def test_it_runs_once_a_night_and_the_figures_tell_of_it(tmp_path: Path) -> None:
    nights: asyncio.Queue[datetime] = asyncio.Queue()
    async with opened(tmp_path) as service:
        clock = service.clock
        assert isinstance(clock, SimulatedClock)

        async def verify(_settings: Settings) -> Ended:
            nights.put_nowait(clock.now())
            return SOUND

        assert shown(service) == {}
        checking = asyncio.create_task(verified_nightly(service, verify=verify))
        for night in range(3):
            await asyncio.sleep(0)
            clock.move_to(START.replace(hour=2) + timedelta(days=night + 1))
            assert await nights.get() == clock.now()
        await asyncio.sleep(0)
        figures = shown(service)
        checking.cancel()

    assert nights.empty()
    assert figures == {
        "infusion_log_sound": 1.0,
        "infusion_tables_sound": 1.0,
        "infusion_log_verified_timestamp_seconds": clock.now().timestamp(),
    }


async def test_it_is_left_out_where_the_settings_say_never(tmp_path: Path) -> None:
    async with opened(tmp_path, None) as service:
        await verified_nightly(service)  # returns at once
        assert service.soundness.verified_at is None


async def test_a_bit_changed_in_a_row_nobody_reads_is_found_while_the_service_runs(tmp_path: Path) -> None:
    async with opened(tmp_path) as service:
        await verify_once(service, in_a_process_of_its_own)
        before = service.soundness.sound, service.soundness.size
        change_a_body(service.settings.database)

        await verify_once(service, in_a_process_of_its_own)

        assert before == (True, service.intake.log_size)
        assert (service.soundness.sound, service.soundness.first_bad_seq) == (False, 3)
        assert shown(service)["infusion_log_sound"] == 0.0


async def test_damage_beside_the_log_is_told_from_damage_of_the_log(tmp_path: Path) -> None:
    async with opened(tmp_path) as service:
        change(service.settings.database, "UPDATE event_key SET seq = seq + 1 WHERE seq = 1")

        await verify_once(service, in_a_process_of_its_own)

        assert (service.soundness.sound, service.soundness.first_bad_seq) == (True, None)
        assert shown(service)["infusion_log_sound"] == 1.0
        assert shown(service)["infusion_tables_sound"] == 0.0


@pytest.mark.parametrize("ended", [Ended(Exit.FAULT, b""), Ended(Exit.FINE, b"not JSON"), Ended(-9, b"")])
async def test_a_check_that_could_not_be_made_is_no_verdict(tmp_path: Path, ended: Ended) -> None:
    async def verify(_settings: Settings) -> Ended:
        return ended

    async with opened(tmp_path) as service:
        await verify_once(service, verify)
        assert service.soundness.verified_at is None
