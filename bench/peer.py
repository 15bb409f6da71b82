"""A peer that does the same job, smaller: `eventsourcing` on SQLite, one durable event for each HTTP post.

`python -m bench.peer FILE` prints its port. Each day is an aggregate kept in hand; its event holds the fact's JSON. The
library's SQLite recorder commits in WAL mode with SQLite's default, synchronous=FULL. It has no credential, no guards,
no hash chain and no alerts to pay for.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any
from uuid import UUID

import msgspec
import uvloop
from aiohttp import web
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from bench.bare import RECEIPT, serve

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class InfusionDay(Aggregate):
    """A day with its facts."""

    @event("Scheduled")
    def __init__(self) -> None:
        self.last: dict[str, Any] = {}

    @event("FactRecorded")
    def record(self, fact: dict[str, Any]) -> None:
        """Take one fact."""
        self.last = fact


class Days(Application[UUID]):
    """All days, each kept in hand once it was asked for."""

    def __init__(self, env: dict[str, str]) -> None:
        super().__init__(env=env)
        self.in_hand: dict[str, InfusionDay] = {}

    def record(self, name: str, fact: dict[str, Any]) -> int:
        """Record a fact durably and return the day's version."""
        day = self.in_hand.get(name)
        if day is None:
            day = self.in_hand[name] = InfusionDay()
        day.record(fact=fact)
        self.save(day)
        return day.version


def main() -> None:
    """Serve."""
    days = Days({"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": sys.argv[1]})

    async def post(request: web.Request) -> web.Response:
        fact: dict[str, Any] = _decode(await request.read())
        version = days.record(request.match_info["day"], fact)
        body = _encode({**RECEIPT, "event_id": fact["event_id"], "day_version": version})
        return web.Response(body=body, status=201, content_type="application/json")

    app = web.Application()
    app.router.add_post("/v1/days/{day}/events", post)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(app))


if __name__ == "__main__":
    main()
