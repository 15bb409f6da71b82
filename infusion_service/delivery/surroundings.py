"""What a dispatcher works with, and whom it tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from infusion_service.delivery.endpoint import Endpoint, Progress
from infusion_service.intake.clock import Clock
from infusion_service.log.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every dispatcher of a site works with."""

    site: str
    store: Store
    clock: Clock
    chance: Callable[[], float]
    """Numbers in [0, 1) for jitter."""


class Steward(Protocol):
    """Who records what happens to an endpoint."""

    async def tell(self, entry_type: str, data: dict[str, Any]) -> None:
        """Record an operational event."""
        ...

    async def disable(self, endpoint_id: str, reason: str) -> None:
        """Disable an endpoint."""
        ...

    async def end_secrets(self, endpoint_id: str) -> None:
        """Destroy secrets whose time is over."""
        ...

    def heartbeat(self, endpoint: Endpoint, progress: Progress) -> tuple[str, bytes]:
        """Id and body of a sign of life."""
        ...
