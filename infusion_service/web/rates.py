"""How often one device, and the whole site, may ask: token buckets.

Promises: each request takes one token of its device's bucket and one of the site's; where one is empty the answer is
429 with the time after which it is worth asking again. A stop or an emergency always passes. Memory is bounded by the
number of credentials there are. Does not: count what has no credential; that never gets past the door.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from infusion_service.access.identity import Identity
from infusion_service.intake.clock import Clock, SimulatedClock
from infusion_service.limits import Limits
from infusion_service.web.keys import CALLER
from infusion_service.web.problems import Problem


class Bucket:
    """Tokens that come at a steady rate, up to a most."""

    def __init__(self, *, per_s: float, tokens_max: float, now_s: float) -> None:
        """Begin full."""
        self._per_s = per_s
        self._tokens_max = tokens_max
        self._tokens = tokens_max
        self._at_s = now_s

    def wait_s(self, now_s: float) -> float:
        """Return how long there is nothing to take: 0 where there is."""
        passed_s = max(0.0, now_s - self._at_s)
        self._at_s = now_s
        self._tokens = min(self._tokens_max, self._tokens + passed_s * self._per_s)
        return 0.0 if self._tokens >= 1 else (1 - self._tokens) / self._per_s

    def take(self) -> None:
        """Take one, also where there is none left: who may not be kept waiting is paid for by those who may."""
        self._tokens = max(0.0, self._tokens - 1)


class Rates:
    """The buckets of a site: one for each device or service, one for all."""

    def __init__(self, limits: Limits, now_s: Callable[[], float]) -> None:
        """`now_s` counts seconds, from wherever, and never runs back."""
        self._limits = limits
        self._now_s = now_s
        self._site = Bucket(
            per_s=limits.site_requests_per_s, tokens_max=limits.site_requests_burst_max, now_s=self._now_s()
        )
        self._bearers: dict[str, Bucket] = {}

    def admit(self, bearer: Identity, *, urgent: bool = False) -> None:
        """Let a request pass. Raises `Problem` 429 unless it is `urgent`."""
        now_s = self._now_s()
        name = bearer.device_id or bearer.actor.id
        own = self._bearers.get(name)
        if own is None:
            limits = self._limits
            own = self._bearers[name] = Bucket(
                per_s=limits.device_requests_per_s, tokens_max=limits.device_requests_burst_max, now_s=now_s
            )
        wait_s = max(own.wait_s(now_s), self._site.wait_s(now_s))
        if wait_s and not urgent:
            raise Problem(
                "rate_limited",
                "Ask less often, or send what has gathered as one batch.",
                headers={"Retry-After": str(math.ceil(wait_s))},
            )
        own.take()
        self._site.take()


RATES = web.AppKey("rates", Rates)


def admit(request: web.Request, *, urgent: bool = False) -> None:
    """Let the request of its caller pass. Raises `Problem` 429 unless it is `urgent`."""
    request.app[RATES].admit(request[CALLER], urgent=urgent)


def seconds_of(clock: Clock) -> Callable[[], float]:
    """Return what the buckets count by: the machine's own seconds, and on top those that a simulated clock skips."""
    if not isinstance(clock, SimulatedClock):
        return time.monotonic
    start = clock.now()
    return lambda: time.monotonic() + _skipped_s(clock, start)


def _skipped_s(clock: Clock, start: datetime) -> float:
    return (clock.now() - start).total_seconds()
