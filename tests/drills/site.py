"""A site of its own for a drill: its database and people, and the service on it as the process it is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from infusion_service.bootstrap import Service, open_service
from infusion_service.clinical.vocabulary import Actor
from infusion_service.log.signing_keys import make_first_key
from infusion_service.log.sqlite import SqliteStore, Synchronous
from infusion_service.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
OPERATOR = Actor(id="operator", role="admin", how="service")
WARD = "neuro-day"
NOON_H = 12
UNLIMITED = dict.fromkeys(
    (
        "device_requests_per_s",
        "device_requests_burst_max",
        "site_requests_per_s",
        "site_requests_burst_max",
    ),
    1_000_000,
)
"""One session stands for a ward of tablets in a drill."""
WAIT_S = 30.0


@dataclass
class Site:
    """Where the site is kept, and how its nurse, its auditor and its tablet are let in."""

    directory: Path
    tokens: dict[str, str] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    """Limits other than those of a drill."""

    @property
    def database(self) -> Path:
        return self.directory / "infusion.db"

    @property
    def config(self) -> Path:
        return self.directory / "config.toml"

    @property
    def settings(self) -> Settings:
        return load_settings(self.config, {})

    async def found(self) -> Site:
        """Make the database, a nurse with a session, an auditor and an integration engine."""
        self.config.write_text(_configuration(self.database, {**UNLIMITED, **self.limits}), encoding="utf-8")
        make_first_key(self.directory)
        async with self.opened() as service:
            access = service.access
            device = await access.enrol_device("tab-1", WARD, OPERATOR)
            await access.add_staff("nurse-1", "Nurse", "nurse", badge="B-1", pin="4829", wards=None, by=OPERATOR)
            tablet = access.authenticate(device, service.clock.now())
            assert tablet is not None
            session = await access.open_session(tablet, "B-1", "4829", service.clock.now())
            expires_at = service.clock.now() + timedelta(days=2)
            _, auditor = await access.mint_token("auditor", "auditor", expires_at, OPERATOR)
            _, admin = await access.mint_token("admin", "admin", expires_at, OPERATOR)
        self.tokens = {"device": device, "nurse": session.token, "auditor": auditor, "admin": admin}
        return self

    @asynccontextmanager
    async def opened(self, *, synchronous: Synchronous = "FULL") -> AsyncIterator[Service]:
        """The service in this process, without its web server."""
        store = SqliteStore(self.database, synchronous=synchronous)
        async with open_service(self.settings, store=store) as service:
            yield service

    async def states(self) -> dict[str, tuple[str | None, int]]:
        """State and version of every day, as a service that opens the database reads them."""
        async with self.opened() as service:
            heads = await service.store.day_heads(service.settings.site, limit=1_000_000)
            return {head.day_id: (head.state, head.version) for head in heads}

    def client(self, url: str, who: str = "nurse", *, connections: int = 1) -> aiohttp.ClientSession:
        """HTTP connections of somebody."""
        return aiohttp.ClientSession(
            url,
            connector=aiohttp.TCPConnector(limit=connections),
            headers={"Authorization": f"Bearer {self.tokens[who]}"},
            timeout=aiohttp.ClientTimeout(total=WAIT_S),
        )

    async def serve(self, *, port: int = 0, program: Sequence[str] = (), level: str = "error") -> Serving:
        """Start the service and wait until it is ready. `program` stands in for `infusion serve`."""
        command = program or (sys.executable, "-m", "infusion_service", "serve")
        started_s = time.monotonic()
        with (self.directory / "serve.log").open("ab") as said:
            process = await asyncio.create_subprocess_exec(
                *command,
                *("--config", str(self.config), "--port", str(port), "--json"),
                cwd=ROOT,
                env=_environment(level),
                stdout=asyncio.subprocess.PIPE,
                stderr=said,
            )
        assert process.stdout is not None
        line = await process.stdout.readline()
        if not line:
            code = await process.wait()
            raise AssertionError(f"it did not start ({code}): {(self.directory / 'serve.log').read_text()[-2000:]}")
        pid = _only_child(process.pid) if program and program[0] == "strace" else process.pid
        serving = Serving(self, process, pid, json.loads(line)["listening"])
        async with serving.client("nurse") as client, client.get("/health/ready") as answer:
            assert answer.status == 200, await answer.text()
        return replace(serving, ready_after_s=time.monotonic() - started_s)


@dataclass(frozen=True)
class Serving:
    """The running service."""

    site: Site
    process: asyncio.subprocess.Process
    pid: int
    """Of the service itself, also where another program has started it."""
    url: str
    ready_after_s: float = 0.0

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def client(self, who: str = "nurse", *, connections: int = 1) -> aiohttp.ClientSession:
        return self.site.client(self.url, who, connections=connections)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it, wait for its end and return its exit code."""
        if self.process.returncode is None:
            os.kill(self.pid, number)
        async with asyncio.timeout(WAIT_S):
            return await self.process.wait()

    def resident_kib(self) -> int:
        """Memory the process holds."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1])


@asynccontextmanager
async def served(site: Site, **how: Any) -> AsyncIterator[Serving]:
    """The service while the block runs; it is gone afterwards, whatever happened."""
    serving = await site.serve(**how)
    try:
        yield serving
    finally:
        if serving.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(serving.pid, signal.SIGKILL)
        await serving.process.wait()


def _configuration(database: Path, limits: Mapping[str, int]) -> str:
    # The ward's clock shows about noon, so that no drill runs across its midnight or past the missed cut-off.
    ahead_h = NOON_H - datetime.now(UTC).hour
    zone = "UTC" if ahead_h == 0 else f"Etc/GMT{-ahead_h:+d}"
    return (
        f'[storage]\ndatabase = "{database}"\n[limits]\n'
        + "".join(f"{name} = {limit}\n" for name, limit in limits.items())
        + f'[[wards]]\nid = "{WARD}"\nname = "Neurology day ward"\ntimezone = "{zone}"\nmissed_cutoff = "23:59"\n'
    )


def _only_child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()[0])


def _environment(level: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INFUSION_")}
    # One tablet stands for a ward of them: it may ask as often as all of them would.
    rates = {
        f"INFUSION_LIMITS_{whose}_REQUESTS_{what}": "1000000"
        for whose in ("DEVICE", "SITE")
        for what in ("PER_S", "BURST_MAX")
    }
    return kept | rates | {"INFUSION_LOGS_LEVEL": level, "PYTHONPATH": str(ROOT)}
