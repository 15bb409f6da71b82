"""The ceiling: an aiohttp handler that parses the same JSON and answers 201, and does nothing else.

`python -m bench.bare` prints its port. `/single` takes one fact, `/batch` a list of them. The process is tuned as the
service tunes itself.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import msgspec
import uvloop
from aiohttp import web

from infusion_service.bootstrap import tune_process

RECEIPT = {
    "seq": 12345,
    "event_id": "0197c0de-7000-7000-8000-0000000000a2",
    "day_id": "0197c0de-7000-7000-8000-000000000001",
    "day_version": 42,
    "state": "checked_in",
    "received_at": "2026-11-23T07:20:01.000Z",
    "leaf_hash": "cfca096823afaec84ad83694cf8bb882b8cc2377f14f7021d41c33133d13b14b",
    "alerts": {"raised": [], "closed": []},
}
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


async def single(request: web.Request) -> web.Response:
    """Parse a fact, answer with a receipt."""
    fact: dict[str, Any] = _decode(await request.read())
    body = _encode({**RECEIPT, "event_id": fact["event_id"]})
    return web.Response(body=body, status=201, content_type="application/json")


async def batch(request: web.Request) -> web.Response:
    """Parse a batch, answer with a receipt for each item."""
    items: list[dict[str, Any]] = _decode(await request.read())["items"]
    results = [{"status": "accepted", "receipt": {**RECEIPT, "event_id": item["event_id"]}} for item in items]
    return web.Response(body=_encode({"items": results}), content_type="application/json")


async def serve(app: web.Application) -> None:
    """Serve until killed; the port is the first line of stdout."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    tune_process()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main() -> None:
    """Serve both handlers."""
    app = web.Application(client_max_size=1 << 20)
    app.router.add_post("/single", single)
    app.router.add_post("/batch", batch)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(app))


if __name__ == "__main__":
    main()
