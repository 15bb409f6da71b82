"""The public keys of an issuer, fetched when they are needed and not more often.

Promises: a key that is not known causes one fetch, and no more than one in `REFRESH_S_MIN`, however many tokens ask for
it; keys that could not be renewed for an hour count no more. Only keys that check signatures of the algorithms allowed
are kept. Does not: look into tokens (`issuer`).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import aiohttp
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

REFRESH_S_MIN = 60.0
FRESH_S = 600.0
"""From then on the keys are fetched anew, and go on counting meanwhile."""
VALID_S_MAX = 3600.0
FETCH_S_MAX = 5.0
ANSWER_BYTES_MAX = 256 * 1024
RSA_BITS_MIN = 2048

PublicKey = RSAKey | ECKey | OKPKey
Fetch = Callable[[], Awaitable[bytes]]

_TYPES: dict[str, type[PublicKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_TYPE_OF = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}

_log = structlog.stdlib.get_logger(__name__)


def fetch_from(url: str) -> Fetch:
    """Return what fetches `url`: no redirects, at most so many bytes and seconds. It raises `OSError`."""

    async def fetch() -> bytes:
        timeout = aiohttp.ClientTimeout(total=FETCH_S_MAX)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as client,
                client.get(url, allow_redirects=False) as response,
            ):
                if response.status != 200:  # noqa: PLR2004 - HTTP's own number
                    raise OSError(f"answered {response.status}")
                answer = b"".join([chunk async for chunk in _up_to(response.content, ANSWER_BYTES_MAX)])
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OSError(type(error).__name__) from None
        return answer

    return fetch


async def _up_to(content: aiohttp.StreamReader, bytes_max: int) -> Any:
    taken = 0
    async for chunk in content.iter_any():
        taken += len(chunk)
        if taken > bytes_max:
            raise OSError("answered too much")
        yield chunk


class Keys:
    """The keys of one issuer by key id."""

    def __init__(
        self, fetch: Fetch, *, algorithms: Collection[str], now_s: Callable[[], float] = time.monotonic
    ) -> None:
        """`fetch` returns the JWKS document or raises `OSError`."""
        self._fetch = fetch
        self._types = {_TYPE_OF[algorithm[:2]] for algorithm in algorithms}
        self._now_s = now_s
        self._by_id: dict[str, PublicKey] = {}
        self._fetched_at_s: float | None = None
        self._tried_at_s: float | None = None
        self._turn = asyncio.Lock()
        self.generation = 0
        """Counts the fetches that succeeded: what an older one proved must be proved again."""

    def find(self, key_id: str) -> PublicKey | None:
        """Return a key that counts now."""
        if self._fetched_at_s is None or self._now_s() - self._fetched_at_s > VALID_S_MAX:
            return None
        return self._by_id.get(key_id)

    async def prepare(self, key_id: str) -> None:
        """See to it that a key is there, if the issuer has it; renew what is no longer fresh."""
        if self._is_well(key_id) or (self._turn.locked() and self.find(key_id) is not None):
            return
        async with self._turn:
            now_s = self._now_s()
            if self._is_well(key_id) or (self._tried_at_s is not None and now_s - self._tried_at_s < REFRESH_S_MIN):
                return
            self._tried_at_s = now_s
            try:
                self._take(await self._fetch())
            except (OSError, ValueError) as error:
                _log.warning("issuer.keys_not_fetched", fault=type(error).__name__)

    def _is_well(self, key_id: str) -> bool:
        fresh = self._fetched_at_s is not None and self._now_s() - self._fetched_at_s < FRESH_S
        return fresh and key_id in self._by_id

    def _take(self, document: bytes) -> None:
        stated = json.loads(document)
        listed = stated.get("keys") if isinstance(stated, dict) else None
        if not isinstance(listed, list):
            raise ValueError("a JWKS has a list of keys")  # noqa: TRY004 - it is what was sent, not how we call
        self._by_id = {key.kid: key for each in listed if (key := self._usable(each)) is not None and key.kid}
        self._fetched_at_s = self._now_s()
        self.generation += 1

    def _usable(self, stated: object) -> PublicKey | None:
        """Import a public key; None for one that is secret, weak, of another kind or for another use."""
        if not isinstance(stated, dict) or stated.get("kty") not in self._types or stated.get("use", "sig") != "sig":
            return None
        public = {name: value for name, value in stated.items() if name not in ("d", "p", "q", "dp", "dq", "qi", "oth")}
        try:
            key = _TYPES[stated["kty"]].import_key(public)
        except (JoseError, ValueError, TypeError, KeyError):
            return None
        if isinstance(key, RSAKey) and key.public_key.key_size < RSA_BITS_MIN:
            return None
        return key
