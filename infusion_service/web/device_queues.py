"""What tablets have charted and the record does not hold yet: "tablet 12: 2 facts not yet here".

Promises: a device says itself what waits on it (`PUT /v1/devices/current/queue`), each report replacing the one before;
of a device that never said anything, the numbers it gives its facts (`device_seq`) are watched, and a gap in them is
missing on every day it has charted. Says nothing of a device that is away and was not heard of since: nobody can know.
Does not: keep anything over a restart; a page reports again when its stream opens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

from infusion_service.clinical.vocabulary import format_time
from infusion_service.intake.intake import Intake
from infusion_service.log.entry import LogEntry
from infusion_service.web import body, payloads
from infusion_service.web.answers import nothing
from infusion_service.web.keys import CALLER
from infusion_service.web.problems import malformed

GAP_MAX = 10_000
"""A number that jumps by more was not counted: a device that began anew, or numbers by other rules."""


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

    def __init__(self, intake: Intake) -> None:
        """Watch the numbers of what `intake` commits from now on."""
        self._said: dict[str, tuple[payloads.WaitingFacts, ...]] = {}
        self._numbers: dict[str, _Numbers] = {}
        intake.add_listener(self._take)

    def say(self, device: str, waiting: tuple[payloads.WaitingFacts, ...]) -> None:
        """Take a device's own word for what waits on it."""
        self._said[device] = waiting

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


def _missing(device: str, facts: int, oldest_at: datetime | None) -> dict[str, Any]:
    return {"device": device, "facts": facts, "oldest_at": None if oldest_at is None else format_time(oldest_at)}
