"""What tablets have charted and the record does not hold yet: "tablet 12: 2 facts not yet here".

Promises: a device says itself what waits on it (`PUT /v1/devices/current/queue`), each report replacing the one before;
of a device that never said anything, the numbers it gives its facts (`device_seq`) are watched, and a gap in them is
missing on every day it has charted. What a device said is kept over a restart, in the records beside the log, until it
says otherwise; the numbers are watched from the start on. Says nothing of a device that is away and was not heard of
since: nobody can know. Does not: write each report down: one that another replaces within seconds never meets the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import structlog
from aiohttp import web

from infusion_service.clinical.vocabulary import JSON, format_time
from infusion_service.intake.intake import Intake
from infusion_service.log.entry import LogEntry
from infusion_service.log.store import Drop, Put, Store, StoreError
from infusion_service.web import body, payloads
from infusion_service.web.answers import nothing
from infusion_service.web.keys import CALLER
from infusion_service.web.problems import malformed

RECORD_KIND = "device_queue"

KEEP_AFTER_S = 2.0
"""A tablet on the network sends a fact sooner: its queue is empty again before anything is written."""

GAP_MAX = 10_000
"""A number that jumps by more was not counted: a device that began anew, or numbers by other rules."""


_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Numbers:
    """The numbers seen of one device since the start."""

    highest: int
    missing: set[int] = field(default_factory=set)
    days: set[str] = field(default_factory=set)

    def see(self, number: int) -> None:
        if self.highest < number <= self.highest + GAP_MAX:
            self.missing.update(range(self.highest + 1, number))
        self.highest = max(self.highest, number)
        self.missing.discard(number)


class DeviceQueues:
    """What is known to be missing, by device."""

    def __init__(self, intake: Intake, store: Store) -> None:
        """Watch the numbers of what `intake` commits from now on; keep what devices say in `store`."""
        self._said: dict[str, tuple[payloads.WaitingFacts, ...]] = {}
        self._kept: dict[str, dict[str, JSON]] = {}
        self._numbers: dict[str, _Numbers] = {}
        self._site = intake.site
        self._store = store
        self._later: asyncio.TimerHandle | None = None
        self._keeping: asyncio.Task[None] | None = None
        intake.add_listener(self._take)

    async def load(self) -> None:
        """Take what devices said before the last end. Raises `StoreError`."""
        self._kept = await self._store.records(self._site, RECORD_KIND)
        for device, value in self._kept.items():
            self._said[device] = tuple(msgspec.convert(value, payloads.DeviceQueue).waiting)

    def say(self, device: str, waiting: tuple[payloads.WaitingFacts, ...]) -> None:
        """Take a device's own word for what waits on it."""
        self._said[device] = waiting
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(KEEP_AFTER_S, self._keep_soon)

    async def keep(self) -> None:
        """Write down what devices say and what is kept says otherwise. A storage that fails is met by facts as well."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        said = {device: _record(waiting) for device, waiting in self._said.items() if waiting}
        changes: list[Put | Drop] = [
            Put(RECORD_KIND, device, value) for device, value in said.items() if self._kept.get(device) != value
        ]
        changes += [Drop(RECORD_KIND, device) for device in self._kept.keys() - said.keys()]
        if not changes:
            return
        try:
            await self._store.put(self._site, changes)
        except StoreError as error:
            _log.warning("devices.queues_not_kept", fault=type(error).__name__)
        else:
            self._kept = said

    def _keep_soon(self) -> None:
        self._later = None
        if self._keeping is None or self._keeping.done():
            self._keeping = asyncio.create_task(self.keep(), name="queues of devices")
        else:
            self._later = asyncio.get_running_loop().call_later(KEEP_AFTER_S, self._keep_soon)

    def missing_of(self, day_id: str) -> list[dict[str, Any]]:
        """Return what is missing of a day, by device."""
        found = [
            _missing(device, each.facts, payloads.to_utc(each.oldest_at, "/oldest_at"))
            for device, waiting in self._said.items()
            for each in waiting
            if each.day.lower() == day_id
        ]
        for device, numbers in self._numbers.items():
            if device not in self._said and numbers.missing and day_id in numbers.days:
                found.append(_missing(device, len(numbers.missing), None))
        return sorted(found, key=lambda each: str(each["device"]))

    def _take(self, entries: list[LogEntry]) -> None:
        for entry in entries:
            device = entry.entry.device if entry.entry is not None else None
            if device is None or device.seq is None or device.id is None:
                continue
            numbers = self._numbers.setdefault(device.id, _Numbers(highest=device.seq))
            numbers.see(device.seq)
            numbers.days.add(entry.parsed_leaf.stream)


DEVICE_QUEUES = web.AppKey("device_queues", DeviceQueues)


async def kept_over_a_restart(app: web.Application) -> AsyncIterator[None]:
    """Take what devices said before, and write down what they say until the end."""
    queues = app[DEVICE_QUEUES]
    await queues.load()
    yield
    await queues.keep()


async def put_queue(request: web.Request) -> web.Response:
    """Take a device's word for what waits on it: 204. A person's session speaks for the tablet it was opened on."""
    waiting = payloads.read_as(await body.json_of(request), payloads.DeviceQueue).waiting
    device = request[CALLER].device_id
    if device is None:
        raise malformed("Only a device has facts that wait on it.")
    for index, each in enumerate(waiting):
        payloads.to_utc(each.oldest_at, f"/waiting/{index}/oldest_at")
    request.app[DEVICE_QUEUES].say(device, tuple(waiting))
    return nothing()


def with_missing(queues: DeviceQueues, shown: dict[str, Any]) -> dict[str, Any]:
    """Return a day's view or row with what is missing of it."""
    return {**shown, "missing_from_devices": queues.missing_of(str(shown["day_id"]))}


def _record(waiting: tuple[payloads.WaitingFacts, ...]) -> dict[str, JSON]:
    record: dict[str, JSON] = msgspec.to_builtins(payloads.DeviceQueue(waiting=list(waiting)))
    return record


def _missing(device: str, facts: int, oldest_at: datetime | None) -> dict[str, Any]:
    return {"device": device, "facts": facts, "oldest_at": None if oldest_at is None else format_time(oldest_at)}
