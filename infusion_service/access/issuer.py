"""Tokens (JWT) of the identity provider of the house: whether one is genuine, and whom it speaks of.

Promises: the algorithm is one of those allowed and fits the key named by `kid`; `iss` is the issuer letter by letter,
`aud` names us, `exp` is there; what is not understood (`crit`, another `typ`, a nested token) is refused. Looking at a
token twice costs one look-up. Source: RFC 8725 (JWT best practice), RFC 9068 2. Does not: know people (`access`).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeGuard

from joserfc import jwt
from joserfc.errors import JoseError

from infusion_service.access.jwks import Keys
from infusion_service.access.records import digest

TOKEN_CHARS_MAX = 8192
LEEWAY_S = 60
REMEMBERED_MAX = 1024
"""Tokens whose signature need not be checked again."""

_PARTS = 3
_TYPES = (None, "JWT", "at+jwt", "application/at+jwt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a genuine token says."""

    subject: str
    groups: tuple[str, ...]
    wards: tuple[str, ...] | None
    not_before: float
    expires: float

    def holds_at(self, now: datetime) -> bool:
        """Whether it counts at a moment, give or take a minute."""
        at = now.timestamp()
        return self.not_before - LEEWAY_S <= at < self.expires + LEEWAY_S


@dataclass(frozen=True, slots=True)
class _Seen:
    generation: int
    key_id: str
    claims: Claims


class Issuer:
    """One issuer, as the operator described it."""

    def __init__(
        self,
        keys: Keys,
        *,
        issuer: str,
        audience: str,
        algorithms: tuple[str, ...],
        roles_claim: str,
        wards_claim: str,
    ) -> None:
        """`keys` are the issuer's."""
        self.name = issuer
        self._keys = keys
        self._audience = audience
        self._algorithms = algorithms
        self._roles_claim = roles_claim
        self._wards_claim = wards_claim
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    async def prepare(self, token: str) -> None:
        """See to it that the key of a token is there before it is looked at."""
        header = _header_of(token)
        if header is not None:
            await self._keys.prepare(str(header.get("kid")))

    def claims_of(self, token: str) -> Claims | None:
        """Return what a token of this issuer says, also one that has expired; None for one that is not genuine."""
        seen = self._seen.get(digest(token))
        if seen is not None and seen.generation == self._keys.generation and self._keys.find(seen.key_id) is not None:
            return seen.claims
        header = _header_of(token)
        stated = None if header is None else self._verified(token, header)
        claims = None if stated is None else self._read(stated)
        if claims is not None and header is not None:
            self._seen[digest(token)] = _Seen(self._keys.generation, header["kid"], claims)
            while len(self._seen) > REMEMBERED_MAX:
                self._seen.popitem(last=False)
        return claims

    def _verified(self, token: str, header: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if header.get("alg") not in self._algorithms or header.get("typ") not in _TYPES:
            return None
        key_id = header.get("kid")
        key = self._keys.find(key_id) if isinstance(key_id, str) else None
        if key is None or "crit" in header or key.get("alg", header["alg"]) != header["alg"]:
            return None
        try:
            return jwt.decode(token, key, algorithms=[header["alg"]]).claims
        except (JoseError, ValueError, TypeError):
            return None

    def _read(self, stated: Mapping[str, Any]) -> Claims | None:
        audience = stated.get("aud")
        meant = audience if isinstance(audience, list) else [audience]
        subject, expires = stated.get("sub"), stated.get("exp")
        not_before = stated.get("nbf", stated.get("iat", 0))
        if stated.get("iss") != self.name or self._audience not in meant:
            return None
        if not (isinstance(subject, str) and subject and _is_time(expires) and _is_time(not_before)):
            return None
        return Claims(
            subject=subject,
            groups=_texts(_found(stated, self._roles_claim)),
            wards=_texts(_found(stated, self._wards_claim)) if self._wards_claim else None,
            not_before=not_before,
            expires=expires,
        )


def is_jwt(token: str) -> bool:
    """Whether it looks like a signed token of an issuer: our own have no dots."""
    return token.count(".") == _PARTS - 1


def _header_of(token: str) -> dict[str, Any] | None:
    if len(token) > TOKEN_CHARS_MAX or not is_jwt(token):
        return None
    encoded = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return header if isinstance(header, dict) else None


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12  # noqa: PLR2004 - far


def _found(claims: Mapping[str, Any], path: str) -> Any:
    """Return what lies at a claim; dots lead into objects."""
    value: Any = claims
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.split())
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
