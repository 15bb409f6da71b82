"""Posting over HTTP: single facts and batches against the bare handler, latency against fdatasync, and the peer."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from bench.figures import PAIRS, Figure, in_pairs, median_ratio
from bench.generator import ID_MARK, Plan
from bench.site import SERVER_CORE, Measured, Server, Site, load, on_core, running, service

CONNECTIONS = {1: (None, None), 16: (None, None), 64: (0.45, 0.70), 256: (0.60, 0.90)}
"""Connections, and the goal and stretch for them."""
DAYS_OF_A_RUN = 100
RUN_S = 1.6
BATCH = 100
BATCH_CONNECTIONS = 4
PREPARED_SINGLE = 60_000
PREPARED_BATCH = 2_500
FSYNCS = 400

SIGNS = {
    "heart_rate_per_min": 72,
    "systolic_mmhg": 122,
    "diastolic_mmhg": 76,
    "spo2_percent": 98,
    "on_oxygen": False,
    "spo2_scale": 1,
    "respiratory_rate_per_min": 16,
    "temperature_celsius": 36.8,
    "consciousness": "A",
}


def posting(site: Site, directory: Path) -> Iterator[Figure]:
    """Every row about posts."""
    with (
        service(site) as ours,
        running(["bench.bare"]) as bare,
        running(["bench.peer", str(directory / "peer.db")]) as peer,
    ):
        peaks: dict[int, float] = {}
        fsync_ms = [paced_fdatasync_ms(directory)]
        for connections, (goal, stretch) in CONNECTIONS.items():
            pairs = in_pairs(partial(single, ours, site, connections), partial(bare_single, bare, site, connections))
            fsync_ms.append(paced_fdatasync_ms(directory))
            peaks[connections] = statistics.median(one.per_s for one, _ in pairs)
            yield rate_figure(f"single facts, {connections} connections, x bare handler", pairs, goal, stretch)
            if connections == 1:
                yield one_connection(pairs, statistics.median(fsync_ms))
        yield from half_load(ours, site, peaks[64] / 2, directory)
        batches = in_pairs(partial(batched, ours, site), partial(bare_batched, bare, site))
        yield rate_figure("batches of 100, x bare batch handler", batches, 0.06, 0.15, facts=BATCH)
        peers = in_pairs(partial(single, ours, site, 64), partial(single, peer, site, 64))
        yield rate_figure("single facts, 64 connections, x eventsourcing on SQLite", peers, 4.0, 7.0)
    with service(site, log_level="info", lines=directory / "lines") as talking, running(["bench.bare"]) as bare:
        pairs = in_pairs(partial(single, talking, site, 64), partial(bare_single, bare, site, 64), 3)
        yield rate_figure("the same with a line logged for each request, x bare handler", pairs, None, None)


def rate_figure(
    name: str, pairs: Sequence[tuple[Measured, Measured]], goal: float | None, stretch: float | None, facts: int = 1
) -> Figure:
    """A ratio of rates, ours over theirs."""
    ratio, spread = median_ratio([(one.per_s, other.per_s) for one, other in pairs])
    ours, theirs = (facts * statistics.median(side[place].per_s for side in pairs) for place in (0, 1))
    cpu_ours, cpu_theirs = (statistics.median(side[place].cpu_us for side in pairs) / facts for place in (0, 1))
    note = f"{ours:,.0f} / {theirs:,.0f} facts/s, {cpu_ours:,.0f} / {cpu_theirs:,.1f} us of processor a fact"
    return Figure(
        name=name, seen=ratio, unit="x", goal=goal, stretch=stretch, more_is_better=True, note=note, spread=spread
    )


def one_connection(pairs: Sequence[tuple[Measured, Measured]], fsync_ms: float) -> Figure:
    """What a single post costs beyond the bare handler, in flushes of the disk."""
    ours, theirs = (statistics.median(side[place].seen.p50_ms for side in pairs) for place in (0, 1))
    note = f"p50 {ours:.3f} ms, bare {theirs:.3f} ms, paced fdatasync {fsync_ms:.3f} ms"
    name = "one connection: p50 beyond the bare p50, x fdatasync"
    return Figure(name=name, seen=(ours - theirs) / fsync_ms, unit="x", goal=3.0, stretch=2.0, note=note)


def half_load(ours: Server, site: Site, rate: float, directory: Path) -> Iterator[Figure]:
    """Open loop at half of the own peak: latencies from the moment a fact was to be sent."""
    seen, fsync_ms = [], []
    for _ in range(PAIRS):
        seen.append(single(ours, site, 64, rate=rate))
        fsync_ms.append(paced_fdatasync_ms(directory))
    fsync = statistics.median(fsync_ms)
    for name, goal, stretch in (("p50", 10.0, 8.0), ("p99", 30.0, 20.0)):
        ms = statistics.median(getattr(one.seen, f"{name}_ms") for one in seen)
        note = f"{ms:.2f} ms at {rate:,.0f} facts/s, paced fdatasync {fsync:.3f} ms"
        yield Figure(
            name=f"half load, open loop: {name}, x fdatasync",
            seen=ms / fsync,
            unit="x",
            goal=goal,
            stretch=stretch,
            note=note,
        )


def single(
    server: Server, site: Site, connections: int, *, rate: float | None = None, seconds: float = RUN_S
) -> Measured:
    """Single facts to the service, or to a peer that takes them at the same address."""
    requests = [
        request(f"/v1/days/{day}/events", {"event_id": ID_MARK, "type": "vitals.recorded", "data": SIGNS}, site.nurse)
        for day in site.take_days(DAYS_OF_A_RUN)
    ]
    plan = Plan(
        port=server.port,
        connections=connections,
        seconds=seconds,
        requests=requests,
        prepared=PREPARED_SINGLE,
        rate=rate,
    )
    return load(server, plan)


def bare_single(server: Server, site: Site, connections: int) -> Measured:
    """The same bytes to the handler that does nothing with them."""
    body = {"event_id": ID_MARK, "type": "vitals.recorded", "data": SIGNS}
    requests = [request("/single", body, site.nurse)]
    return load(
        server,
        Plan(port=server.port, connections=connections, seconds=RUN_S, requests=requests, prepared=PREPARED_SINGLE),
    )


def batched(server: Server, site: Site) -> Measured:
    """Batches of 100 facts on as many days."""
    days = site.take_days(DAYS_OF_A_RUN)
    requests = [request("/v1/batches", {"items": [item(day) for day in days]}, site.nurse)]
    return load(server, _batch_plan(server, requests), expected="200")


def bare_batched(server: Server, site: Site) -> Measured:
    """The same batches to the handler that does nothing with them."""
    requests = [request("/batch", {"items": [item(site.nurse[:36]) for _ in range(BATCH)]}, site.nurse)]
    return load(server, _batch_plan(server, requests), expected="200")


def item(day: str) -> dict[str, object]:
    """One fact of a batch."""
    return {"day": day, "event_id": ID_MARK, "type": "vitals.recorded", "data": SIGNS}


def _batch_plan(server: Server, requests: list[str]) -> Plan:
    return Plan(
        port=server.port, connections=BATCH_CONNECTIONS, seconds=RUN_S, requests=requests, prepared=PREPARED_BATCH
    )


def request(path: str, body: object, token: str) -> str:
    """A whole request, with marks where its ids go."""
    text = json.dumps(body, separators=(",", ":"))
    length = len(text) + text.count(ID_MARK) * (36 - len(ID_MARK))
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{text}"
    )


def paced_fdatasync_ms(directory: Path) -> float:
    """The median of overwriting 4 KiB and flushing it, a millisecond apart, on the servers' core."""
    took_s = []
    handle = os.open(directory / "fdatasync", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.pwrite(handle, bytes(1 << 20), 0)
        os.fsync(handle)
        with on_core(SERVER_CORE):
            for number in range(FSYNCS):
                time.sleep(0.001)
                began = time.perf_counter()
                os.pwrite(handle, bytes(4096), number % 256 * 4096)
                os.fdatasync(handle)
                took_s.append(time.perf_counter() - began)
    finally:
        os.close(handle)
    return statistics.median(took_s) * 1000
