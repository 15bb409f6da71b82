"""What a route is: address, handler, and who may call it.

Promises: deny by default. A route without a row of roles cannot be written; a credential outside the row gets 403, none
at all 401. The table itself is `routes`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from infusion_service.access.identity import Identity
from infusion_service.access.records import STAFF_ROLES
from infusion_service.clinical.vocabulary import ROLES
from infusion_service.web.problems import Denied

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PUBLIC: frozenset[str] = frozenset()
"""Without a credential: health, the document of the interface, the page's files."""
ANYONE = frozenset(ROLES)
STAFF = frozenset(STAFF_ROLES)
WARD = STAFF | {"device"}
READERS = WARD | {"auditor"}
ADMIN = frozenset({"admin"})


FACTS = "facts"
"""The group of routes that take facts."""

OWN_CREDENTIAL = "own-credential"
"""The group of routes about the credential that asks; every one reaches it, however narrowed."""

WHOLE_SITE = frozenset({"endpoints"})
"""Groups of routes about the whole site: an endpoint could be sent every ward's days, whoever set it up."""

UNMATCHED = "unmatched"
"""Stands for the route of a request whose address leads nowhere."""


def route_of(request: web.Request) -> str:
    """Return the pattern of the request's route, such as `/v1/days/{day}`."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else UNMATCHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One address and method."""

    method: str
    path: str
    handler: Handler
    allowed: frozenset[str]
    """Roles that may call it; `PUBLIC` asks for no credential."""
    scope: str = ""
    """The group of routes a narrowed service token must name to call it."""

    @property
    def public(self) -> bool:
        """Whether it asks for no credential."""
        return not self.allowed

    @property
    def takes_facts(self) -> bool:
        """Whether it may bring a stop or an emergency, which no rate holds up."""
        return self.scope == FACTS

    def check(self, identity: Identity) -> None:
        """See to it that a credential reaches this route. Raises `Denied` 403."""
        if not self.lets_in(identity):
            detail = f"The role {identity.role} may not call this."
            raise Denied("role_not_permitted", detail, by=identity.actor, reason="role")
        if self.scope in WHOLE_SITE and identity.wards is not None:
            detail = "This is about the whole site; a credential narrowed to wards may not call it."
            raise Denied("role_not_permitted", detail, by=identity.actor, reason="ward")

    def lets_in(self, identity: Identity) -> bool:
        """Whether the role, and the scopes of a narrowed token, reach this route."""
        reached = not identity.scopes or self.scope in identity.scopes or self.scope == OWN_CREDENTIAL
        return identity.role in self.allowed and reached
