"""Deliveries to one local sink: against a client that posts the same bytes, with a long backlog, and soon after a post.

`python -m bench.deliveries [--full]` measures these rows alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bench.figures import PAIRS, Figure, header, in_pairs, median_ratio, row
from bench.posts import SIGNS, paced_fdatasync_ms, single
from bench.site import (
    GENERATOR_CORE,
    NURSE,
    SERVER_CORE,
    WAIT_S,
    Server,
    Site,
    cpu_us,
    fact,
    found_site,
    on_core,
    running,
)
from infusion_service.bootstrap import open_service
from infusion_service.clinical.vocabulary import Entry
from infusion_service.delivery.endpoint import DELIVERED_KINDS
from infusion_service.log.entry import seal
from infusion_service.log.merkle import Frontier
from infusion_service.log.sqlite import SqliteStore
from infusion_service.log.store import Batch

IN_FLIGHT = 16
DAYS = 96
POSTED_DAYS = PAIRS * 100
DELIVERED = 64 * DAYS
BACKLOG = 30_000
BACKLOG_FULL = 100_000
"""Entries that are delivered; memory is flat from some 25 000 on."""
DAYS_OF_A_BACKLOG = 500
POSTED_PER_S = 200
POSTING_S = 3.0
LOOK_S = 0.1
DRAIN_S_MAX = 1200.0
MIB = 1024 * 1024
PAGE = 1000


def delivering(site: Site, directory: Path) -> Iterator[Figure]:
    """Every row about deliveries but the one with the long backlog."""
    asyncio.run(_charted(site))
    start_at = deliverable(site)[-DELIVERED]
    with sink() as receiver, service_to(receiver, site) as server:
        pairs = in_pairs(partial(_ours, server, receiver, site, start_at), partial(_bare, receiver))
        ratio, spread = median_ratio([(ours.per_s, theirs.per_s) for ours, theirs in pairs])
        ours, theirs = (statistics.median(side[place].per_s for side in pairs) for place in (0, 1))
        cpu_ours, cpu_theirs = (statistics.median(side[place].cpu_us for side in pairs) for place in (0, 1))
        yield Figure(
            name=f"deliveries, {IN_FLIGHT} days in flight, x bare client",
            seen=ratio,
            unit="x",
            goal=0.5,
            stretch=0.75,
            more_is_better=True,
            note=f"{ours:,.0f} / {theirs:,.0f} deliveries/s, {cpu_ours:.0f} / {cpu_theirs:.0f} us of processor each",
            spread=spread,
        )
        yield _soon(server, receiver, site, directory)


def draining(site: Site, backlog: int) -> Figure:
    """What a service holds in memory to the end of delivering a whole log, against what it held half way.

    By then its caches are full, which takes some 25 000 deliveries.
    """
    asyncio.run(_lengthen(site, backlog))
    entries = len(deliverable(site))
    with sink() as receiver, service_to(receiver, site) as server, endpoint(server, receiver, site, start_at=1):
        held = [_after(receiver, entries // 2, server)]
        began_s = time.monotonic()
        while _count(receiver) < entries:
            time.sleep(LOOK_S)
            held.append(_resident_mib(server))
        took_s = time.monotonic() - began_s
    return Figure(
        name=f"memory while a backlog of {entries:,} drains, x half way",
        seen=max(held) / held[0],
        unit="x",
        goal=1.05,
        stretch=1.01,
        note=f"{held[0]:,.0f} MiB, at most {max(held):,.0f}; {entries / 2 / took_s:,.0f} deliveries/s",
    )


def _soon(server: Server, receiver: Server, site: Site, directory: Path) -> Figure:
    late_ms, fsync_ms = [], []
    with endpoint(server, receiver, site, start_at="now"):
        for _ in range(PAIRS):
            _ask(receiver, "/reset")
            single(server, site, IN_FLIGHT, rate=POSTED_PER_S, seconds=POSTING_S)
            late_ms.append(float(_seen(receiver)["late_ms"]))
            fsync_ms.append(paced_fdatasync_ms(directory))
    late = statistics.median(late_ms)
    return Figure(
        name=f"received (before its commit) to first byte at the sink, {POSTED_PER_S}/s",
        seen=late,
        unit="ms",
        goal=50,
        stretch=20,
        note=f"medians {min(late_ms):.1f} to {max(late_ms):.1f} ms, fdatasync {statistics.median(fsync_ms):.2f} ms",
    )


def deliverable(site: Site) -> list[int]:
    """Sequence numbers of what an endpoint without a filter is sent of a site's log."""

    async def numbers() -> list[int]:
        store = SqliteStore(site.database)
        await store.open()
        try:
            found: list[int] = []
            rows = await store.read_log(site.settings.site, limit=PAGE)
            while rows:
                found += [each.seq for each in rows if each.kind in DELIVERED_KINDS]
                rows = await store.read_log(site.settings.site, after_seq=rows[-1].seq, limit=PAGE)
            return found
        finally:
            await store.close()

    return asyncio.run(numbers())


async def _charted(site: Site) -> None:
    """Chart on so many days at once what is delivered then."""
    days = site.take_days(DAYS)
    async with open_service(site.settings) as running_here:
        for _ in range(DELIVERED // DAYS):
            facts = [fact(day, "vitals.recorded", {**SIGNS, "temperature_celsius": "36.8"}) for day in days]
            outcomes = await running_here.intake.submit_batch(facts)
            assert {outcome.status for outcome in outcomes} == {201}


@dataclass(frozen=True, slots=True)
class Delivered:
    """One run: at what rate, and what of the sender's processor each delivery took."""

    per_s: float
    cpu_us: float


async def _lengthen(site: Site, entries: int) -> None:
    """Append notes to days until the log has so many entries, well formed, past the intake: it would take too long."""
    store = SqliteStore(site.database)
    await store.open()
    try:
        name = site.settings.site
        head = await store.log_head(name)
        frontier, seq = Frontier.from_bytes(head.frontier), head.size
        ends = {}
        for day in site.take_days(DAYS_OF_A_BACKLOG):
            last = (await store.read_stream(name, day, limit=PAGE))[-1]
            ends[day] = last.n, last.leaf_hash
        while seq < entries:
            rows = []
            for day, (n, previous) in ends.items():
                seq += 1
                row = seal(_note(day, n), site=name, seq=seq, n=n + 1, previous=previous, salt=secrets.token_bytes(32))
                frontier.append(row.leaf_hash)
                ends[day] = n + 1, row.leaf_hash
                rows.append(row)
            await store.append(Batch(site=name, rows=rows, frontier=frontier.to_bytes()))
    finally:
        await store.close()


def _note(day: str, number: int) -> Entry:
    now = datetime.now(UTC).replace(microsecond=0)
    data = {"text": "asleep, breathing quietly, line and dressing looked at, nothing to be seen"}
    return Entry(
        entry_id=str(uuid.uuid4()),
        kind="fact",
        type="note.added",
        stream=day,
        occurred_at=now,
        received_at=now,
        actor=NURSE,
        data=data,
        day_version=number + 1,
    )


def _ours(server: Server, receiver: Server, site: Site, start_at: int) -> Delivered:
    _ask(receiver, "/keep")
    with endpoint(server, receiver, site, start_at=start_at):
        before_us = cpu_us(server)
        _after(receiver, DELIVERED, server)
        return Delivered(_per_s(receiver), (cpu_us(server) - before_us) / DELIVERED)


def _bare(receiver: Server) -> Delivered:
    with on_core(SERVER_CORE):
        command = [sys.executable, "-m", "bench.bare_sender", str(receiver.port), str(IN_FLIGHT)]
        ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=WAIT_S)  # noqa: S603 - our own
    return Delivered(_per_s(receiver), float(ended.stdout) / DELIVERED)


def _per_s(receiver: Server) -> float:
    seen = _seen(receiver)
    return (int(seen["count"]) - 1) / (float(seen["last_s"]) - float(seen["first_s"]))


def _after(receiver: Server, count: int, server: Server) -> float:
    """Wait until so many have arrived; what the service holds in memory then, in MiB."""
    ends_s = time.monotonic() + DRAIN_S_MAX
    while _count(receiver) < count:
        assert time.monotonic() < ends_s, "deliveries have come to a stop"
        time.sleep(LOOK_S)
    return _resident_mib(server)


def _resident_mib(server: Server) -> float:
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


@contextmanager
def sink() -> Iterator[Server]:
    """The sink while the block runs, on the generator's core."""
    with running(["bench.sink"]) as receiver:
        os.sched_setaffinity(receiver.process.pid, {GENERATOR_CORE})
        yield receiver


@contextmanager
def service_to(receiver: Server, site: Site) -> Iterator[Server]:
    """`infusion serve` on a site that may deliver to the sink."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INFUSION_")}
    allowed = {
        "INFUSION_DELIVERY_PLAIN_NETWORKS": "127.0.0.1/32",
        "INFUSION_DELIVERY_PORTS": str(receiver.port),
        "INFUSION_LOGS_LEVEL": "warning",
    }
    command = ["infusion_service", "serve", "--config", str(site.config), "--port", "0", "--json"]
    with running(command, environment=kept | allowed) as server:
        yield server


@contextmanager
def endpoint(server: Server, receiver: Server, site: Site, *, start_at: int | str) -> Iterator[None]:
    """An endpoint at the sink while the block runs."""
    wanted = {
        "name": "sink",
        "url": f"http://127.0.0.1:{receiver.port}/",
        "start_at": start_at,
        "max_in_flight": IN_FLIGHT,
    }
    made = json.loads(_ask(server, "/v1/endpoints", token=site.admin, body=wanted))
    try:
        yield
    finally:
        _ask(server, f"/v1/endpoints/{made['id']}", token=site.admin, method="DELETE")


def _ask(server: Server, path: str, *, token: str = "", body: Any = None, method: str | None = None) -> bytes:
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=WAIT_S) as answer:  # noqa: S310 - a local address
        return bytes(answer.read())


def _seen(receiver: Server) -> dict[str, Any]:
    return dict(json.loads(_ask(receiver, "/seen")))


def _count(receiver: Server) -> int:
    return int(_ask(receiver, "/count"))


def main() -> None:
    """Measure these rows alone."""
    parser = argparse.ArgumentParser(prog="python -m bench.deliveries", description=__doc__)
    parser.add_argument("--full", action="store_true", help=f"a backlog of {BACKLOG_FULL:,} entries")
    full = parser.parse_args().full
    with tempfile.TemporaryDirectory(prefix="bench-", dir=".") as name:
        directory = Path(name).resolve()
        site = found_site(directory, days=2 * DAYS_OF_A_BACKLOG + POSTED_DAYS)
        print(header())
        for figure in delivering(site, directory):
            print(row(figure), flush=True)
        print(row(draining(site, BACKLOG_FULL if full else BACKLOG)), flush=True)


if __name__ == "__main__":
    main()
