"""Sequences in virtual time: replay, changed filters, places to start, signs of life, restarts, five bad days."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from infusion_service.delivery.requests import EndpointChange, NewEndpoint, Replay
from infusion_service.delivery.schedule import Reply
from infusion_service.delivery.signing import read_secret, verified
from tests.delivery.judging import order_per_day, same_bytes
from tests.delivery.virtual import ADMIN, URL, Arrival, Receiver, Site, day, in_virtual_time
from tests.log.given import MORNING

HOUR = 3600.0


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "secrets.key"


def test_a_replay_sends_the_same_bytes_and_what_never_had_a_number_gets_the_next(key_file: Path) -> None:
    async def work() -> None:
        site = Site(key_file)
        await site.fact(day(1))
        await site.fact(day(2))
        endpoint_id, receiver = await site.endpoint()
        first = await site.fact(day(1))
        await site.fact(day(2))
        await asyncio.sleep(1)
        assert receiver.taken == [1, 2]
        await site.endpoints.replay(endpoint_id, Replay(from_seq=1, to_seq=first), ADMIN)
        await asyncio.sleep(1)
        again = receiver.arrivals[2:]
        assert sorted(a.number for a in again) == [1, 3, 4]
        assert {a.headers["infday-reason"] for a in again} == {"replay"}
        assert {a.headers["webhook-id"] for a in again} == {site.scribe.rows[n].event_id for n in (0, 1, first - 1)}
        same_bytes(receiver)
        await site.endpoints.stop()

    in_virtual_time(work)


def test_a_changed_filter_counts_from_its_place_in_the_log_and_is_an_event_of_the_sequence(key_file: Path) -> None:
    async def work() -> None:
        site = Site(key_file)
        endpoint_id, receiver = await site.endpoint(types=["note.*"])
        await site.fact(day(1), "note.added")
        await site.fact(day(1), "vitals.recorded")
        await site.endpoints.set_state(endpoint_id, "held", ADMIN)
        await site.fact(day(1), "note.added")
        await site.endpoints.change(endpoint_id, EndpointChange(types=["vitals.*"], payload="thin"), ADMIN)
        await site.fact(day(1), "vitals.recorded")
        await site.fact(day(1), "note.added")
        await site.endpoints.set_state(endpoint_id, "active", ADMIN)
        await asyncio.sleep(1)
        got = sorted((a.number, a.event["type"]) for a in receiver.arrivals)
        assert got == [
            (1, "infusion.note.added.v1"),
            (2, "infusion.note.added.v1"),
            (3, "infusion.endpoint.filter_changed.v1"),
            (4, "infusion.vitals.recorded.v1"),
        ]
        thin = next(a for a in receiver.arrivals if a.number == 4)
        assert "patient" not in thin.event["data"]
        assert "data" not in thin.event["data"]
        await site.endpoints.stop()

    in_virtual_time(work)


def test_a_start_at_a_place_of_the_log(key_file: Path) -> None:
    async def work() -> None:
        site = Site(key_file)
        for _ in range(5):
            await site.fact(day(1))
        _, receiver = await site.endpoint(start_at=4)
        await asyncio.sleep(1)
        assert [a.event["data"]["seq"] for a in receiver.arrivals] == [4, 5]
        assert receiver.taken == [1, 2]
        await site.endpoints.stop()

    in_virtual_time(work)


def test_an_old_secret_signs_beside_the_new_one_until_its_end_and_no_longer(key_file: Path) -> None:
    async def work() -> None:
        site = Site(key_file)
        if not site.endpoints.started:
            await site.endpoints.start()
        receiver = site.receivers.setdefault(URL, Receiver())
        made = await site.endpoints.create(NewEndpoint(name="engine", url=URL, signature=["v1", "v1a"]), ADMIN)
        turned = await site.endpoints.rotate(made["id"], 60, ADMIN)
        old, new = read_secret(made["secret"]), read_secret(turned["secret"])
        for wait_s in (0, 59, 2):
            await asyncio.sleep(wait_s)
            await site.fact(day(1))
            await asyncio.sleep(0.2)
        signed = []
        for arrival in receiver.arrivals:
            headers = arrival.headers
            sent = headers["webhook-id"], int(headers["webhook-timestamp"]), arrival.body
            by = tuple(verified(headers["webhook-signature"], secret, *sent) for secret in (new, old))
            signed.append((*by, headers["webhook-signature"].count("v1a,")))
        assert signed == [(True, True, 2), (True, True, 2), (True, False, 1)]
        # It is not only no longer used: it is gone, and that is on record.
        assert len(site.endpoints.show(made["id"])["keys"]) == 1
        stored = await site.store.record("demo", "endpoint", made["id"])
        assert stored is not None
        assert len(stored["keys"]) == 1
        assert [row.entry_type for row in site.scribe.rows].count("endpoint.secret_ended") == 1
        await site.endpoints.stop()

    in_virtual_time(work)


def test_signs_of_life_name_the_last_number_given(key_file: Path) -> None:
    async def work() -> None:
        site = Site(key_file)
        _, receiver = await site.endpoint(heartbeat_s=60)
        await site.fact(day(1))
        await asyncio.sleep(200)
        beats = [a for a in receiver.arrivals if a.event["type"] == "infusion.endpoint.heartbeat.v1"]
        assert len(beats) == 3
        assert all(beat.event["data"]["last_epsequence"] == 1 for beat in beats)
        await site.endpoints.stop()

    in_virtual_time(work)


def test_a_restart_at_any_moment_loses_nothing_and_changes_no_byte(key_file: Path) -> None:
    async def flaky(event: dict[str, Any], now: datetime) -> Reply:
        await asyncio.sleep(0.3)
        return Reply(status=200 if (int(event["epsequence"]) + now.second) % 3 else 500)

    async def work() -> None:
        site = Site(key_file)
        _, receiver = await site.endpoint(flaky)
        for number in range(200):
            await site.fact(day(number % 5))
            await asyncio.sleep(0.11)
            if number % 20 == 19:
                await site.crash()
        await asyncio.sleep(HOUR)
        assert sorted(receiver.taken) == list(range(1, 201))
        order_per_day(receiver)
        same_bytes(receiver)
        await site.endpoints.stop()

    in_virtual_time(work)


def test_the_bytes_stay_what_they_were_when_the_service_comes_back_another(key_file: Path) -> None:
    mended = asyncio.Event()

    async def script(_event: dict[str, Any], _now: datetime) -> Reply:
        return Reply(status=200 if mended.is_set() else 500)

    async def work() -> None:
        site = Site(key_file)
        endpoint_id, receiver = await site.endpoint(script)
        await site.fact(day(1))
        await asyncio.sleep(1)
        site.base = "https://renamed"  # as an upgrade that renders otherwise would
        await site.crash()
        await site.fact(day(2))
        mended.set()
        await asyncio.sleep(HOUR)
        await site.endpoints.replay(endpoint_id, Replay(from_seq=1, to_seq=9), ADMIN)
        await asyncio.sleep(HOUR)
        sources = {a.number: a.event["source"] for a in receiver.arrivals}
        assert sources[1].startswith("https://demo/")
        assert sources[2].startswith("https://renamed/")
        assert len({a.headers["infday-reason"] for a in receiver.arrivals if a.number == 1}) == 3
        same_bytes(receiver)
        await site.endpoints.stop()

    in_virtual_time(work)


async def _hang() -> None:
    await asyncio.sleep(10**6)


async def _dawdle() -> None:
    await asyncio.sleep(10)


MOODS: tuple[tuple[Reply, Any], ...] = (
    *(((Reply(status=200), None),) * 5),
    (Reply(status=503, headers={"retry-after": "1"}), None),
    (Reply(status=503, headers={"retry-after": "600"}), None),
    (Reply(status=500, excerpt="garbage"), None),
    (Reply(status=200), _hang),
    (Reply(fault="connection_lost"), None),
    (Reply(status=302), None),
    (Reply(fault="unreadable"), None),
    (Reply(status=200), _dawdle),
)


def test_five_days_of_everything_a_receiver_can_do(key_file: Path) -> None:
    """Every matching entry is delivered or visibly parked, in order per day, without a gap."""
    chance = random.Random(11)  # noqa: S311 - a script, the same in every run

    async def script(_event: dict[str, Any], now: datetime) -> Reply:
        hours = (now - MORNING).total_seconds() / HOUR
        if 20 <= hours < 44:  # a night and a day of silence
            return Reply(fault="connect_failed")
        if 60 <= hours < 60.5:  # somebody took it away by mistake
            return Reply(status=410)
        reply, first = chance.choice(MOODS)
        if first is not None:
            await first()
        return reply

    async def work() -> None:
        site = Site(key_file)
        endpoint_id, receiver = await site.endpoint(script)

        async def put_it_back() -> None:
            await asyncio.sleep(64 * HOUR)
            assert site.endpoints.show(endpoint_id)["state_reason"] == "gone"
            await site.endpoints.set_state(endpoint_id, "active", ADMIN, "put back")

        putting_it_back = asyncio.create_task(put_it_back())
        for number in range(1200):
            await site.fact(day(number % 9))
            await asyncio.sleep(chance.choice([1, 60, 240, 600]))
        assert (site.clock.now() - MORNING).total_seconds() > 64 * HOUR
        await putting_it_back
        await asyncio.sleep(120 * HOUR - (site.clock.now() - MORNING).total_seconds())
        rows = await site.rows(endpoint_id)
        assert [row["n"] for row in rows] == list(range(1, 1201))
        states = {row["state"] for row in rows}
        assert states <= {"done", "parked"}
        assert {row["n"] for row in rows if row["state"] == "done"} == set(receiver.taken)
        lately = [row for row in rows if row["state"] == "parked"]
        assert len(lately) < 10
        _ordered_but_for_parked(receiver.arrivals, site)
        same_bytes(receiver)
        await site.endpoints.stop()

    in_virtual_time(work)


def _ordered_but_for_parked(arrivals: list[Arrival], site: Site) -> None:
    parked = {row.event_id: str(row.body) for row in site.scribe.rows if row.entry_type == "delivery.parked"}
    said = " ".join(parked.values())
    highest: dict[str, int] = defaultdict(int)
    seen = set()
    for arrival in arrivals:
        if not arrival.ok or arrival.number in seen:
            continue
        seen.add(arrival.number)
        subject = arrival.event["subject"]
        if arrival.number < highest[subject]:
            assert arrival.headers["webhook-id"] in said
        highest[subject] = max(highest[subject], arrival.number)
