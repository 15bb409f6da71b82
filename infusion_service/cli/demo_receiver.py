"""The demonstration's webhook receiver: it refuses one message, fails for a while, recovers, and is asked again.

What an operator learns here: a refused message stands aside, parked, while the rest of its day goes on; a receiver that
does not answer loses nothing; a parked delivery goes out when somebody asks for it again. Does not: wait for real time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from infusion_service.cli.receiver import Inbox

if TYPE_CHECKING:
    from aiohttp import ClientSession, web

REFUSED_TYPE = "infusion.bag.prepared.v1"
"""The first of these is not taken: early in the day, so that it is parked before anybody looks."""

OUTAGE_TYPE = "infusion.infusion.rate_changed.v1"
"""When the first of these comes, it answers 503 for a while."""

OUTAGE_WARD_S = 1200
"""So long by the ward's clock: at the usual speed long enough to be seen, the endpoint counting as down and tried less
and less often."""

ANSWER_S_MAX = 5.0
REASON = {"reason": "the stock list has the batch now"}


class DemonstrationInbox(Inbox):
    """A receiver with a bad day."""

    def __init__(self) -> None:
        """Take everything that its endpoint signs, but for what is said above; the secret comes later."""
        super().__init__(b"", tell=lambda _said: None)
        self.refused = ""
        """Id of the message that was not taken."""
        self.outage_s = 0.0
        """Of real time."""
        self._outage_ends_s: float | None = None
        self._came = asyncio.Event()

    def _refused(self, event: dict[str, Any]) -> web.Response | None:
        from aiohttp import web

        if event["type"] == REFUSED_TYPE and self.refused in ("", event["id"]):
            first_time = not self.refused
            self.refused = event["id"]
            if first_time:
                says = "This batch is not in our stock list. Now it is: send this message again."
                return web.Response(status=422, text=says, headers={"webhook-delivery": "abort-message"})
        now_s = asyncio.get_running_loop().time()
        if event["type"] == OUTAGE_TYPE and self._outage_ends_s is None:
            self._outage_ends_s = now_s + self.outage_s
        if self._outage_ends_s is not None and now_s < self._outage_ends_s:
            return web.Response(status=503, text="The stock system is restarting.")
        return None

    def _taken(self, event: dict[str, Any]) -> dict[str, Any]:
        said = super()._taken(event)
        self._came.set()
        return said

    async def complete(self) -> None:
        """Wait until nothing is missing any more, a few seconds at most."""
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                while self.missing:
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            return  # what is missing is said by the summary


async def redrive(client: ClientSession, token: str, endpoint_id: str) -> list[int]:
    """Ask for every parked delivery again, as an operator does; return their numbers."""
    headers = {"Authorization": f"Bearer {token}"}
    deliveries = f"/v1/endpoints/{endpoint_id}/deliveries"
    async with client.get(f"{deliveries}?state=parked", headers=headers) as answer:
        parked = [int(each["n"]) for each in (await answer.json())["deliveries"]]
    for number in parked:
        async with client.post(f"{deliveries}/{number}/retry", json=REASON, headers=headers) as answer:
            answer.raise_for_status()
    return parked
