"""The ceiling of deliveries: an aiohttp client that posts bodies, and does nothing else. Run as `bench.bare_sender`.

Arguments: the port of `bench.sink`, which gives the bodies, and how many are under way at once. Prints the
microseconds of processor time it took.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator

import aiohttp
import uvloop

from infusion_service.bootstrap import tune_process
from infusion_service.delivery.rendering import CONTENT_TYPE


async def send(port: int, at_once: int) -> None:
    """Post every body of the last run once more."""
    url = f"http://127.0.0.1:{port}/"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once)) as client:
        async with client.get(url + "bodies") as answer:
            bodies = iter((await answer.read()).split(b"\n"))
        async with client.get(url + "reset"):
            pass
        tune_process()
        began_s = time.process_time()
        await asyncio.gather(*(_worker(client, url, bodies) for _ in range(at_once)))
        sys.stdout.write(f"{(time.process_time() - began_s) * 1e6:.0f}\n")


async def _worker(client: aiohttp.ClientSession, url: str, bodies: Iterator[bytes]) -> None:
    for body in bodies:
        async with client.post(url, data=body, headers={"content-type": CONTENT_TYPE}) as answer:
            await answer.read()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(send(int(sys.argv[1]), int(sys.argv[2])))
