"""A site with many open days, and the processes that serve it, each on a core of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from bench.generator import Plan, Seen
from infusion_service.bootstrap import Service, open_service
from infusion_service.clinical.vocabulary import Actor, Submission
from infusion_service.log.signing_keys import make_first_key
from infusion_service.settings import Settings, load_settings

OPERATOR = Actor(id="operator", role="admin", how="service")
NURSE = Actor(id="nurse-1", role="nurse")
WARD = "neuro-day"
NOON_H = 12
SCHEDULED_TOGETHER = 200
WAIT_S = 60.0

CORES = sorted(os.sched_getaffinity(0))
GENERATOR_CORE, SERVER_CORE = CORES[0], CORES[-1]


@dataclass
class Site:
    """A database, who may enter, and the days nobody has charted on yet."""

    directory: Path
    nurse: str = ""
    admin: str = ""
    fresh_days: list[str] = field(default_factory=list)

    @property
    def database(self) -> Path:
        """The database file."""
        return self.directory / "infusion.db"

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.directory / "config.toml"

    @property
    def settings(self) -> Settings:
        """The settings, as the service reads them."""
        return load_settings(self.config, {})

    def take_days(self, count: int) -> list[str]:
        """Days for one run; nobody else gets them."""
        taken, self.fresh_days = self.fresh_days[:count], self.fresh_days[count:]
        assert len(taken) == count, "the site has too few days for so many runs"
        return taken

    def copied(self, directory: Path) -> Site:
        """The same site on a copy of its database."""
        directory.mkdir()
        (directory / "infusion.db").write_bytes(self.database.read_bytes())
        (directory / "config.toml").write_text(_configuration(directory / "infusion.db"), encoding="utf-8")
        make_first_key(directory)
        return Site(directory, self.nurse, self.admin, list(self.fresh_days))


async def found(directory: Path, *, days: int) -> Site:
    """Make a site with so many days, each checked in."""
    site = Site(directory)
    site.config.write_text(_configuration(site.database), encoding="utf-8")
    make_first_key(directory)
    async with open_service(site.settings) as service:
        access, now = service.access, service.clock.now()
        device = await access.enrol_device("tab-1", WARD, OPERATOR)
        await access.add_staff("nurse-1", "Nurse", "nurse", badge="B-1", pin="4829", wards=None, by=OPERATOR)
        tablet = access.authenticate(device, now)
        assert tablet is not None
        site.nurse = (await access.open_session(tablet, "B-1", "4829", now)).token
        _, site.admin = await access.mint_token("admin", "admin", now + timedelta(days=2), OPERATOR)
        for _ in range(0, days, SCHEDULED_TOGETHER):
            site.fresh_days += await _checked_in(service, min(SCHEDULED_TOGETHER, days - len(site.fresh_days)))
    return site


async def _checked_in(service: Service, count: int) -> list[str]:
    today = datetime.now(UTC).date().isoformat()
    scheduled = await service.intake.submit_batch(
        [
            fact(
                "",
                "day.scheduled",
                {"patient": {"id": f"P-{uuid.uuid4()}"}, "course": 1, "day": 1, **_PLAN, "date": today},
            )
            for _ in range(count)
        ]
    )
    days = [str(outcome.receipt["day_id"]) for outcome in scheduled if outcome.receipt]
    entered = [fact(day, "patient.checked_in", {"identity_check": "wristband_scan"}) for day in days]
    outcomes = await service.intake.submit_batch(entered)
    assert [outcome.status for outcome in outcomes] == [201] * count
    return days


_PLAN = {"ward": WARD, "baseline_deficits": [], "attested_history": []}


def fact(day: str, fact_type: str, data: dict[str, object]) -> Submission:
    """A fact as the intake takes it, by a nurse."""
    return Submission(event_id=str(uuid.uuid4()), day_id=day, type=fact_type, actor=NURSE, data=data)


@dataclass(frozen=True, slots=True)
class Server:
    """A process that answers on a port."""

    process: subprocess.Popen[bytes]
    port: int
    started_s: float
    """From the start of the process to its first word."""


@contextmanager
def running(
    command: Sequence[str], *, environment: dict[str, str] | None = None, lines: Path | None = None
) -> Iterator[Server]:
    """A server on the servers' core while the block runs; its first line says where it listens.

    What it says on stderr goes to the file `lines`, where one is given.
    """
    began = time.perf_counter()
    with on_core(SERVER_CORE), lines.open("wb") if lines is not None else nullcontext() as said_on:
        process = subprocess.Popen(  # noqa: S603 - our own programs
            [sys.executable, "-m", *command],
            stdout=subprocess.PIPE,
            stderr=said_on,
            env=(os.environ if environment is None else environment),
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        started_s = time.perf_counter() - began
        said = json.loads(line)
        port = said if isinstance(said, int) else int(said["listening"].rpartition(":")[2])
        yield Server(process, port, started_s)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=WAIT_S)


@contextmanager
def service(site: Site, *, log_level: str = "warning", lines: Path | None = None) -> Iterator[Server]:
    """`infusion serve` on a site; its log goes to the file `lines`, where one is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INFUSION_")}
    command = ["infusion_service", "serve", "--config", str(site.config), "--port", "0", "--json"]
    with running(command, environment=kept | {"INFUSION_LOGS_LEVEL": log_level}, lines=lines) as server:
        yield server


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Run this process, and what it starts, on one core for a while."""
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, set(CORES))


@dataclass(frozen=True, slots=True)
class Measured:
    """A run as the generator saw it, with what it cost the server."""

    seen: Seen
    cpu_us: float
    """Processor time of the server for each request: steadier than any rate where others use the machine too."""

    @property
    def per_s(self) -> float:
        """Requests a second."""
        return self.seen.per_s


def load(server: Server, plan: Plan, *, expected: str = "201") -> Measured:
    """Run the generator on its core; every answer has to be the expected one."""
    before_us = cpu_us(server)
    with on_core(GENERATOR_CORE):
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.generator"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
    said, _ = process.communicate(msgspec.json.encode(plan), timeout=WAIT_S)
    seen = msgspec.json.decode(said, type=Seen)
    assert set(seen.statuses) == {expected}, seen.statuses
    return Measured(seen, (cpu_us(server) - before_us) / seen.answered)


def cpu_us(server: Server) -> float:
    """Processor time a server has used up to now."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") * 1e6


def found_site(directory: Path, *, days: int) -> Site:
    """`found`, for those who are not in an event loop."""
    return asyncio.run(found(directory, days=days))


_UNLIMITED = (
    "[limits]\n"
    "device_requests_per_s = 1000000\ndevice_requests_burst_max = 1000000\n"
    "site_requests_per_s = 1000000\nsite_requests_burst_max = 1000000\n"
)
"""One session stands for a ward of tablets here."""


def _configuration(database: Path) -> str:
    # The ward's clock shows about noon, so that no run crosses its midnight.
    ahead_h = NOON_H - datetime.now(UTC).hour
    zone = "UTC" if ahead_h == 0 else f"Etc/GMT{-ahead_h:+d}"
    return (
        f'{_UNLIMITED}[storage]\ndatabase = "{database}"\n'
        f'[[wards]]\nid = "{WARD}"\nname = "Neurology day ward"\ntimezone = "{zone}"\nmissed_cutoff = "23:59"\n'
    )
