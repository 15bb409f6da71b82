"""Who is asking: what a credential proves about a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from infusion_service.clinical.vocabulary import Actor


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """The bearer of a credential that is valid now.

    `wards` None means every ward of the site. `scopes` narrows a service token to groups of routes; empty means all
    that its role may call. `glass` has the patients whose days the person reads outside their wards for an hour, each
    with the id of what was noted then.
    """

    kind: Literal["device", "session", "token"]
    actor: Actor
    device_id: str | None = None
    session_id: str | None = None
    wards: tuple[str, ...] | None = None
    scopes: frozenset[str] = frozenset()
    glass: Mapping[str, str] = {}

    @property
    def role(self) -> str:
        """The role the credential gives."""
        return self.actor.role

    def may_see_ward(self, ward: str | None) -> bool:
        """Whether days of `ward` are in this credential's reach."""
        return self.wards is None or ward in self.wards

    def may_read(self, ward: str | None, patient_id: str | None) -> bool:
        """Whether this day may be read: it lies in reach, or the glass was broken for its patient."""
        return self.may_see_ward(ward) or patient_id in self.glass

    def covers(self, wards: Iterable[str] | None) -> bool:
        """Whether all of `wards` (None: all of the site) are in reach, so that this credential may dispose of them."""
        return self.wards is None or (wards is not None and set(wards) <= set(self.wards))

    def meets(self, wards: Iterable[str] | None) -> bool:
        """Whether somebody of `wards` (None: all of the site) is seen on one of this credential's wards."""
        return self.wards is None or wards is None or not set(wards).isdisjoint(self.wards)
