"""A client that vanishes at every byte of a request: all or nothing, no open transaction, no task left behind."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pysqlite3.dbapi2 as driver
import pytest

from infusion_service.bootstrap import open_service
from infusion_service.cli.hosting import hosted
from tests.drills.conftest import Drill
from tests.drills.site import Site
from tests.drills.tablets import Notebook, Tablet, fact

TASKS_END_S_MAX = 10.0

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER that makes `close` send a reset instead of an end."""


@pytest.mark.timeout(60)
async def test_a_client_vanishes_at_every_seventh_byte(drill: Drill, tmp_path: Path) -> None:
    await vanish(drill, tmp_path, step=7)


@pytest.mark.drill
@pytest.mark.timeout(300)
async def test_a_client_vanishes_at_every_byte(drill: Drill, tmp_path: Path) -> None:
    await vanish(drill, tmp_path, step=1)


async def vanish(drill: Drill, directory: Path, *, step: int) -> None:
    site, notebook = await Site(directory).found(), Notebook()
    async with open_service(site.settings) as service, hosted(service) as url, site.client(url) as client:
        tablet = Tablet(client, notebook, drill.chance)
        await tablet.chart(lambda: bool(notebook.newest))
        (day_id,) = notebook.newest
        before, tasks = await version_of(client, day_id), asyncio.all_tasks()
        # In a thread, so that the service reads while the clients come and go, as a process of its own would.
        whole, cut, length = await asyncio.to_thread(vanish_everywhere, site, url, day_id, step)
        while late := asyncio.all_tasks() - tasks:
            _, left = await asyncio.wait(late, timeout=TASKS_END_S_MAX)
            assert not left, f"left behind: {left}"
        recorded = {logged.entry.entry_id for logged in await service.intake.entries(day_id) if logged.entry}
        assert not recorded & set(cut), "part of a request was taken for the whole"
        # A client that sent everything and did not wait for the answer: recorded or not, and once either way.
        for event_id in whole:
            async with client.post(f"/v1/days/{day_id}/events", json=body(event_id)) as response:
                assert response.status in (200, 201)
        assert await version_of(client, day_id) == before + len(whole)
        assert_no_open_transaction(site)
    drill.figure(f"{len(cut) + len(whole)} clients vanished within {length} bytes: 0 partial effects, 0 tasks left")


def vanish_everywhere(site: Site, url: str, day_id: str, step: int) -> tuple[list[str], list[str], int]:
    """Go after every `step`-th byte: the ids of facts sent whole and of those cut off, and the request's length."""
    whole: list[str] = []
    cut: list[str] = []
    length = len(request(site, url, day_id)[1])
    for offset in [*range(0, length, step), length]:
        for by_reset in (False, True):
            event_id, raw = request(site, url, day_id)
            assert len(raw) == length
            send_and_vanish(url, raw[:offset], by_reset=by_reset)
            (whole if offset == length else cut).append(event_id)
    return whole, cut, length


async def version_of(client: aiohttp.ClientSession, day_id: str) -> int:
    """How many facts a day has."""
    async with client.get(f"/v1/days/{day_id}") as response:
        return int((await response.json())["version"])


def assert_no_open_transaction(site: Site) -> None:
    """Somebody else can begin to write at once."""
    with closing(driver.connect(str(site.database), isolation_level=None, timeout=0)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


def request(site: Site, url: str, day_id: str) -> tuple[str, bytes]:
    """A complete request, always of the same length, and its event id."""
    event_id = new_event_id()
    content = json.dumps(body(event_id)).encode()
    head = (
        f"POST /v1/days/{day_id}/events HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
        f"Authorization: Bearer {site.tokens['nurse']}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return event_id, head.encode() + content


def body(event_id: str) -> dict[str, object]:
    """The fact of a request."""
    return {**fact("note.added", {"text": "asleep"}), "event_id": event_id}


def new_event_id() -> str:
    """An id no fact has had."""
    return str(fact("note.added", {})["event_id"])


def send_and_vanish(url: str, part: bytes, *, by_reset: bool) -> None:
    """Connect, send what there is, and go."""
    address = urlsplit(url)
    assert address.hostname
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(part)
        if by_reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
