"""Who bears a token of the house's identity provider: a person of our staff, or an office.

Promises: a clinical role counts only for somebody who is staff here, under the same id as with badge and PIN, so that
one person is never two; whoever's access has ended here is out, whatever the issuer says. A genuine token that gives no
role proves who asks and opens nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import cast

from infusion_service.access.directory import Directory, Outlived
from infusion_service.access.identity import Identity
from infusion_service.access.issuer import Claims, Issuer
from infusion_service.access.jwks import Keys, fetch_from
from infusion_service.access.records import TOKEN_ROLES, StaffMember
from infusion_service.clinical.vocabulary import Actor
from infusion_service.settings import Settings

NO_ROLE = "none"
"""The role of somebody known to the issuer to whom it gives no role here: no route lets it in."""


class Outside:
    """The people and offices an issuer vouches for."""

    def __init__(self, issuer: Issuer, directory: Directory, group_roles: Iterable[str]) -> None:
        """`group_roles` are `group=role`."""
        self.issuer = issuer
        self._directory = directory
        self._role_of = {group: role for group, _, role in (each.rpartition("=") for each in group_roles)}

    def authenticate(self, token: str, now: datetime) -> Identity | None:
        """Return who bears a token that counts now."""
        claims = self.issuer.claims_of(token)
        if claims is None or not claims.holds_at(now):
            return None
        member = self._directory.staff.get(claims.subject)
        if member is None:
            return self._office(claims)
        if member.disabled_at is not None:
            return None
        return self._directory.with_glass(self._person(member, claims), now)

    def outlived(self, token: str, now: datetime) -> Outlived | None:
        """Return whose a genuine token is that does not count, and why."""
        claims = self.issuer.claims_of(token)
        if claims is None:
            return None
        member = self._directory.staff.get(claims.subject)
        identity = self._office(claims) if member is None else self._person(member, claims)
        if claims.holds_at(now):
            return Outlived(identity.actor, "disabled")
        return Outlived(identity.actor, "expired" if now.timestamp() >= claims.expires else "not_yet_valid")

    def _person(self, member: StaffMember, claims: Claims) -> Identity:
        role = member.role if member.role in self._roles(claims) else NO_ROLE
        return Identity(kind="token", actor=Actor(id=member.staff_id, role=role, how="token"), wards=member.wards)

    def _office(self, claims: Claims) -> Identity:
        offices = [role for role in TOKEN_ROLES if role in self._roles(claims)]
        # Two offices in one hand are one too many: nobody audits what they administer.
        role = cast(str, offices[0]) if len(offices) == 1 else NO_ROLE
        name = hashlib.sha256(f"{self.issuer.name}\0{claims.subject}".encode()).hexdigest()[:16]
        return Identity(kind="token", actor=Actor(id=f"oidc-{name}", role=role, how="token"), wards=claims.wards)

    def _roles(self, claims: Claims) -> set[str]:
        return {self._role_of[group] for group in claims.groups if group in self._role_of}


def outside_of(settings: Settings, directory: Directory, keys: Keys | None = None) -> Outside | None:
    """Return whom the issuer of the settings vouches for; None where none is named. `keys` are fetched if not given."""
    if settings.oidc_issuer is None:
        return None
    issuer = Issuer(
        keys or Keys(fetch_from(settings.oidc_keys_url), algorithms=settings.oidc_algorithms),
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        algorithms=settings.oidc_algorithms,
        roles_claim=settings.oidc_roles_claim,
        wards_claim=settings.oidc_wards_claim,
    )
    return Outside(issuer, directory, settings.oidc_roles)
