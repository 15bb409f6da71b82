"""Tablets that chart without a pause and note, outside the service, everything it acknowledged."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp

from infusion_service.intake.identifiers import new_id
from tests.drills.conftest import chance_of
from tests.drills.site import WARD

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
MOVES: Sequence[tuple[str, dict[str, Any]]] = (
    ("patient.checked_in", {"identity_check": "wristband_scan"}),
    ("screening.started", {}),
)
TOGETHER = 64
GONE = (aiohttp.ClientError, ConnectionError, TimeoutError)
"""What a client sees of a service that went away: it does not know what became of its fact."""


@dataclass(frozen=True)
class Post:
    """A request as it was sent, to be sent again when nobody answered."""

    path: str
    body: dict[str, Any]

    @property
    def event_ids(self) -> list[str]:
        return [item["event_id"] for item in self.body.get("items", [self.body])]


@dataclass
class Notebook:
    """What the clients know: kept in their process, which nobody kills."""

    acknowledged: dict[str, tuple[int, bytes] | None] = field(default_factory=dict)
    """Event id -> (seq, leaf hash), or None where the answer does not say (a day that was scheduled)."""
    unknown: list[Post] = field(default_factory=list)
    newest: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Day -> the highest version that was acknowledged, and the state the day had with it."""
    statuses: Counter[int] = field(default_factory=Counter)

    def note(self, post: Post, status: int, answer: dict[str, Any]) -> None:
        """Take down an answer."""
        self.statuses[status] += 1
        if status not in (200, 201):
            return
        for receipt in _receipts(answer):
            self.acknowledged[receipt["event_id"]] = receipt["seq"], bytes.fromhex(receipt["leaf_hash"])
            self._newest(receipt["day_id"], receipt["day_version"], receipt["state"])
        if post.path == "/v1/days":
            self.acknowledged[post.body["event_id"]] = None
            self._newest(answer["day_id"], answer["version"], answer["state"])

    def _newest(self, day_id: str, version: int, state: str) -> None:
        if version >= self.newest.get(day_id, (0, ""))[0]:
            self.newest[day_id] = version, state


def _receipts(answer: dict[str, Any]) -> list[dict[str, Any]]:
    if "items" in answer:
        return [item["receipt"] for item in answer["items"] if "receipt" in item]
    return [answer] if "leaf_hash" in answer else []


class Tablet:
    """One nurse at one connection: schedules a day, moves it on, charts, sometimes posts a batch."""

    def __init__(self, client: aiohttp.ClientSession, notebook: Notebook, chance: random.Random) -> None:
        self._client = client
        self._notebook = notebook
        self._chance = chance
        self._moves = list(MOVES)
        self.day_id: str | None = None

    async def chart(self, until: Callable[[], bool] = lambda: False) -> None:
        """Post one request after another until told to stop or until nobody answers."""
        while not until():
            post = self.next_post()
            try:
                answer = await self.send(post)
            except GONE:
                self._notebook.unknown.append(post)
                return
            if post.path == "/v1/days" and "day_id" in answer:
                self.day_id = answer["day_id"]

    async def send(self, post: Post) -> dict[str, Any]:
        """Send a request and note what came back. Raises one of `GONE`."""
        async with self._client.post(post.path, json=post.body) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            self._notebook.note(post, response.status, answer)
            return answer

    def next_post(self) -> Post:
        """What the nurse does next."""
        if self.day_id is None:
            return Post("/v1/days", scheduling())
        if self._moves and self._chance.random() < 0.3:
            fact_type, data = self._moves.pop(0)
            return Post(f"/v1/days/{self.day_id}/events", fact(fact_type, data))
        if self._chance.random() < 0.1:
            items = [{"day": self.day_id, **self._charted()} for _ in range(self._chance.randint(2, 20))]
            return Post("/v1/batches", {"items": items})
        return Post(f"/v1/days/{self.day_id}/events", self._charted())

    def _charted(self) -> dict[str, Any]:
        if self._chance.random() < 0.5:
            return fact("note.added", {"text": "resting, no complaints"})
        return fact("vitals.recorded", SIGNS)


async def settle(client: aiohttp.ClientSession, notebook: Notebook) -> int:
    """Send again what nobody answered; return how many requests that were. Afterwards nothing is unknown."""
    posts, notebook.unknown = notebook.unknown, []
    tablet = Tablet(client, notebook, chance_of(0))
    # A few at a time: thousands at once would spend the time each is given on waiting for a connection.
    for first in range(0, len(posts), TOGETHER):
        await asyncio.gather(*(tablet.send(post) for post in posts[first : first + TOGETHER]))
    return len(posts)


def scheduling() -> dict[str, Any]:
    """A day, today, of a patient nobody has seen."""
    return {
        "event_id": _new_id(),
        "patient": {"id": f"P-{uuid.uuid4()}"},
        "course": 1,
        "day": 1,
        "date": datetime.now(UTC).date().isoformat(),
        "ward": WARD,
        "baseline_deficits": [],
        "attested_history": [],
    }


def fact(fact_type: str, data: dict[str, Any]) -> dict[str, Any]:
    """One fact with an id of its own."""
    return {"event_id": _new_id(), "type": fact_type, "data": data}


def _new_id() -> str:
    return new_id(datetime.now(UTC))
