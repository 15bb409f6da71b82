"""One endpoint's way out: its courier, its signature, its credentials, as they are configured at the moment.

Promises: every attempt is signed anew, with its own time and every key that is live at that time; a secret that has
ended signs nothing any more. Does not: decide when (`dispatcher`) or what a reply means (`schedule`).
"""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from infusion_service import __version__
from infusion_service.delivery.courier import Courier, Target
from infusion_service.delivery.endpoint import Endpoint, SealedKey
from infusion_service.delivery.rendering import CONTENT_TYPE
from infusion_service.delivery.schedule import Reply
from infusion_service.delivery.signing import Signer
from infusion_service.delivery.vault import Vault

SPAN_BITS = 64
USER_AGENT = f"infusion-service/{__version__}"

MakeCourier = Callable[[Target], Courier]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveKey:
    """One key in the clear, in memory alone."""

    secret: bytes
    seed: bytes | None
    ends_at: datetime | None


class Outlet:
    """Signs and posts for one endpoint."""

    def __init__(
        self,
        courier: Courier,
        *,
        keys: Sequence[LiveKey],
        headers: dict[str, str],
        wall_s: Callable[[], float],
        now: Callable[[], datetime],
        count: Callable[[Reply], None],
    ) -> None:
        """`keys` newest first. `wall_s` is the time receivers compare with their own; `now` decides which keys live.

        `count` hears of every attempt.
        """
        self._courier = courier
        self._keys = tuple(keys)
        self._wall_s = wall_s
        self._now = now
        self._count = count
        self._signer, self._ends_at = self._live_signer()
        self._headers = {
            "content-type": CONTENT_TYPE,
            "user-agent": USER_AGENT,
            "accept": "*/*",
            **headers,
        }

    async def post(self, webhook_id: str, body: bytes, *, attempt: int, reason: str) -> Reply:
        """Make one attempt."""
        if self._ends_at is not None and self._now() >= self._ends_at:
            self._signer, self._ends_at = self._live_signer()
        timestamp_s = int(self._wall_s())
        headers = {
            **self._headers,
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": self._signer.header(webhook_id, timestamp_s, body),
            "infday-attempt": str(attempt),
            "infday-reason": reason,
            # Every attempt of one delivery is a span of one trace, named for the event: a receiver's tools join them.
            "traceparent": f"00-{webhook_id.replace('-', '')}-{random.getrandbits(SPAN_BITS):016x}-00",
        }
        reply = await self._courier.post(headers, body)
        self._count(reply)
        return reply

    async def close(self) -> None:
        """Let go of connections."""
        await self._courier.close()

    def _live_signer(self) -> tuple[Signer, datetime | None]:
        now = self._now()
        live = [key for key in self._keys if key.ends_at is None or key.ends_at > now]
        signer = Signer([key.secret for key in live], [key.seed for key in live if key.seed is not None])
        return signer, min((key.ends_at for key in live if key.ends_at is not None), default=None)


def purpose(endpoint_id: str, use: str) -> str:
    """What a sealed value of an endpoint was sealed for."""
    return f"endpoint {endpoint_id} {use}"


def opened_key(endpoint: Endpoint, key: SealedKey, vault: Vault) -> LiveKey:
    """A key in the clear. Raises `VaultUnusable`."""
    wants_v1a = "v1a" in endpoint.signatures and key.ed25519 is not None
    return LiveKey(
        secret=vault.open(key.hmac, purpose=purpose(endpoint.id, "v1")),
        seed=vault.open(key.ed25519 or "", purpose=purpose(endpoint.id, "v1a")) if wants_v1a else None,
        ends_at=key.ends_at,
    )


def open_outlet(
    endpoint: Endpoint,
    vault: Vault,
    make_courier: MakeCourier,
    *,
    wall_s: Callable[[], float],
    now: Callable[[], datetime],
    count: Callable[[Reply], None],
) -> Outlet:
    """Build the way out of an endpoint. Raises `VaultUnusable`, `ValueError` or `ssl.SSLError`."""
    keys = [opened_key(endpoint, key, vault) for key in endpoint.keys]
    held = ""
    if endpoint.auth_sealed is not None:
        held = vault.open(endpoint.auth_sealed, purpose=purpose(endpoint.id, "auth")).decode()
    target = Target(
        url=endpoint.url,
        timeout_s=endpoint.timeout_s,
        max_in_flight=endpoint.max_in_flight,
        ca_pem=endpoint.ca_pem,
        client_pem=held if endpoint.auth_kind == "mtls" else None,
    )
    headers = _auth_headers(endpoint, held)
    return Outlet(make_courier(target), keys=keys, headers=headers, wall_s=wall_s, now=now, count=count)


def _auth_headers(endpoint: Endpoint, held: str) -> dict[str, str]:
    match endpoint.auth_kind:
        case "basic":
            return {"authorization": "Basic " + b64encode(f"{endpoint.auth_name}:{held}".encode()).decode()}
        case "bearer":
            return {"authorization": f"Bearer {held}"}
        case "header":
            return {endpoint.auth_name.lower(): held}
    return {}
