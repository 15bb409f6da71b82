"""Who is asking: what a credential proves about a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from infusion_service.clinical.vocabulary import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The bearer of a credential that is valid now.

    `wards` None means every ward of the site. `scopes` narrows a service token to groups of routes; empty means all
    that its role may call.
    """

    kind: Literal["device", "session", "token"]
    actor: Actor
    device_id: str | None = None
    session_id: str | None = None
    wards: tuple[str, ...] | None = None
    scopes: frozenset[str] = frozenset()

    @property
    def role(self) -> str:
        """The role the credential gives."""
        return self.actor.role

    def may_see_ward(self, ward: str | None) -> bool:
        """Whether days of `ward` are in this credential's reach."""
        return self.wards is None or ward in self.wards
