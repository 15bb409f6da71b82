"""`infusion receiver`: a sample webhook receiver that does what every receiver should.

It verifies the signature and its age, answers a repeated event without taking it twice, and shows gaps in the
endpoint's sequence; `GET /` shows the latest. For trying out and for tests: it keeps everything in memory and takes
nothing to heart.
"""

from __future__ import annotations

import asyncio
import json as json_module
import signal
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infusion_service.cli.configuration import Json
from infusion_service.cli.exits import CommandFailed, Exit, usage
from infusion_service.cli.output import say, show, show_json

if TYPE_CHECKING:
    from aiohttp import web

TOLERANCE_S = 300
BODY_BYTES_MAX = 1024 * 1024
SHOWN_LINES = 50
"""Lines of the page at `GET /`."""


def receiver(*, port: int, secret_file: Path, fail_first: int = 0, json: Json = False) -> int:
    """Listen on this machine and say, for each delivery, whether it is genuine, new, and the next one.

    Parameters
    ----------
    port
        TCP port on 127.0.0.1; 0 picks a free one, which the first line says.
    secret_file
        File with the endpoint's secret (whsec_...).
    fail_first
        Answer 503 to so many deliveries before taking any.
    json
        Print one JSON document per delivery.
    """
    from infusion_service.delivery.signing import read_secret

    try:
        secret = read_secret(secret_file.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        raise usage(f"{secret_file} does not hold a secret such as whsec_...") from None
    asyncio.run(_serve(port, Inbox(secret, fail_first=fail_first, tell=show_json if json else _tell), json=json))
    return Exit.FINE


Told = dict[str, Any]
"""What is said of one delivery."""


class Inbox:
    """What has arrived."""

    def __init__(self, secret: bytes, *, fail_first: int = 0, tell: Callable[[Told], None]) -> None:
        self.secret = secret
        self.taken = 0
        self.missing: set[int] = set()
        self._tell = tell
        self._failures_left = fail_first
        self._seen: set[str] = set()
        self._highest = 0
        self._lately: deque[str] = deque(maxlen=SHOWN_LINES)

    async def take(self, request: web.Request) -> web.Response:
        """Take one delivery: 204, 401 for one that is not genuine, 503 while told to fail."""
        from aiohttp import web

        body = await request.read()
        problem = self._problem(request, body)
        if problem is not None:
            self._note({"refused": problem})
            return web.Response(status=401, text=problem)
        event: dict[str, Any] = json_module.loads(body)
        refused = self._refused(event)
        if refused is not None:
            self._note({"failed": event["id"], "type": event["type"]})
            return refused
        self._note(self._taken(event))
        return web.Response(status=204)

    def _refused(self, _event: dict[str, Any]) -> web.Response | None:
        """Answer what is not to be taken: here, so many as it was told to fail."""
        from aiohttp import web

        if self._failures_left <= 0:
            return None
        self._failures_left -= 1
        return web.Response(status=503, text="told to fail")

    def _problem(self, request: web.Request, body: bytes) -> str | None:
        from infusion_service.delivery.signing import verified

        webhook_id = request.headers.get("webhook-id", "")
        sent = request.headers.get("webhook-timestamp", "")
        if not (sent.isascii() and sent.isdigit()) or abs(time.time() - int(sent)) > TOLERANCE_S:
            return "the timestamp is missing or too far from now"
        signature = request.headers.get("webhook-signature", "")
        if not verified(signature, self.secret, webhook_id, int(sent), body):
            return "the signature is not of this secret"
        return None

    def _taken(self, event: dict[str, Any]) -> dict[str, Any]:
        said: dict[str, Any] = {"id": event["id"], "type": event["type"], "subject": event["subject"]}
        said["duplicate"] = event["id"] in self._seen
        self.taken += not said["duplicate"]
        self._seen.add(event["id"])
        if "epsequence" in event:
            number = int(event["epsequence"])
            # The first number seen is where we came in: what lies before it was never ours.
            first = self._highest + 1 if self._highest else number
            self.missing |= set(range(first, number))
            self.missing.discard(number)
            self._highest = max(self._highest, number)
            said["epsequence"] = number
        said["missing"] = sorted(self.missing)
        return said

    async def show(self, _request: web.Request) -> web.Response:
        """Show what came lately, the newest first."""
        from aiohttp import web

        lines = [
            f"{self.taken} deliveries taken, missing: {sorted(self.missing) or 'none'}",
            "",
            *reversed(self._lately),
        ]
        return web.Response(text="\n".join(lines) + "\n")

    def _note(self, said: Told) -> None:
        self._lately.append(_line(said))
        self._tell(said)


def _tell(said: Told) -> None:
    show(_line(said))


def _line(said: Told) -> str:
    return "  ".join(f"{name}={value}" for name, value in said.items() if value not in (False, []))


@asynccontextmanager
async def receiving(port: int, inbox: Inbox) -> AsyncIterator[str]:
    """Listen on this machine while the block runs and yield the URL (`port` 0 picks a free one). Raises `OSError`."""
    from aiohttp import web

    app = web.Application(client_max_size=BODY_BYTES_MAX)
    app.router.add_post("/{path:.*}", inbox.take)
    app.router.add_get("/", inbox.show)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def _serve(port: int, inbox: Inbox, *, json: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with receiving(port, inbox) as url:
            if json:
                show_json({"listening": url})
            else:
                say(f"listening on {url}, Ctrl-C to stop")
            await stop.wait()
    except OSError as error:
        raise CommandFailed(Exit.FAULT, f"cannot listen on 127.0.0.1:{port}: {error}") from None
