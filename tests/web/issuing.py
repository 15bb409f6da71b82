"""An identity provider of a hospital: its keys, and the tokens it gives."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from infusion_service.access.jwks import Keys
from infusion_service.settings import Settings
from tests.web.conftest import START, WARDS

ISSUER = "https://login.hospital.example"
AUDIENCE = "infusion"
GROUPS = (
    "ward-nurses=nurse",
    "neurologists=prescriber",
    "pharmacy=pharmacist",
    "audit-office=auditor",
    "it=admin",
    "engine=integration",
)

SETTINGS = Settings(
    wards=WARDS,
    clock="simulated",
    oidc_issuer=ISSUER,
    oidc_audience=AUDIENCE,
    oidc_keys_url=f"{ISSUER}/jwks.json",
    oidc_roles=GROUPS,
    oidc_wards_claim="wards",
)


@cache
def rsa_key(kid: str, bits: int = 2048) -> RSAKey:
    """Return a key, the same one for the same name."""
    return RSAKey.generate_key(bits, {"kid": kid}, auto_kid=False)


@cache
def ec_key(kid: str, curve: str = "P-256") -> ECKey:
    """Return a key, the same one for the same name."""
    return ECKey.generate_key(curve, {"kid": kid}, auto_kid=False)


class Provider:
    """Signs tokens, and counts how often its keys were fetched."""

    def __init__(self) -> None:
        self.published: list[RSAKey | ECKey] = [rsa_key("k1"), ec_key("k2")]
        self.fetched = 0
        self.down = False
        self.now_s = 0.0
        self.keys = Keys(self._fetch, algorithms=SETTINGS.oidc_algorithms, now_s=lambda: self.now_s)

    async def _fetch(self) -> bytes:
        self.fetched += 1
        if self.down:
            raise OSError("down")
        return json.dumps(KeySet(list(self.published)).as_dict(private=False)).encode()

    def token(
        self,
        subject: str = "nurse-1",
        *groups: str,
        key: RSAKey | ECKey | None = None,
        header: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """Give a token; claims that are None are left out."""
        now = int(START.timestamp())
        stated = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "roles": list(groups or ("ward-nurses",)),
            "iat": now - 10,
            "exp": now + 600,
            "wards": ["neuro-day"],
            **claims,
        }
        signing = key or rsa_key("k1")
        given = {"alg": "RS256", "kid": signing.kid, **(header or {})}
        kept = {name: value for name, value in stated.items() if value is not None}
        return jwt.encode({k: v for k, v in given.items() if v is not None}, kept, signing, algorithms=[given["alg"]])


def encoded(part: Any) -> str:
    """Return a part of a token as it is written."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
