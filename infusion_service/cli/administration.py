"""Administration as the commands need it: over HTTP while the service runs, directly on its database when it does not.

Promises: both ways return the same documents and refuse with the same exit codes. Does not: print, or keep secrets.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import aiohttp

from infusion_service.access import showing
from infusion_service.access.access import Access
from infusion_service.access.errors import AccessRefused
from infusion_service.access.records import StaffRole, TokenRole
from infusion_service.bootstrap import open_service
from infusion_service.cli.configuration import TOKEN_VARIABLE, url_of
from infusion_service.cli.exits import refused, unreachable, usage
from infusion_service.cli.init import token_file_of
from infusion_service.clinical.vocabulary import Actor, format_time
from infusion_service.intake.checkpointing import Checkpoints, KeyRefused
from infusion_service.intake.intake import Intake
from infusion_service.intake.outcome import Unavailable
from infusion_service.log.store import StoreUnusable
from infusion_service.settings import Settings

CONSOLE = Actor(id="console", role="admin", how="service")
"""Whoever can open the database file itself."""

WAIT_S = 30.0

HTTP_PROBLEM = 400


class Administration(Protocol):
    """Devices, staff and tokens. Every call may raise `CommandFailed`."""

    async def enrol_device(self, device: str, ward: str) -> dict[str, Any]:
        """Enrol a device; the answer holds its token."""
        ...

    async def devices(self) -> list[dict[str, Any]]:
        """Return all devices."""
        ...

    async def revoke_device(self, device: str) -> dict[str, Any]:
        """Shut a device out."""
        ...

    async def add_staff(
        self, staff: str, *, name: str, role: StaffRole, badge: str, pin: str, wards: Sequence[str] | None
    ) -> dict[str, Any]:
        """Add a person."""
        ...

    async def staff(self) -> list[dict[str, Any]]:
        """Return all staff."""
        ...

    async def disable_staff(self, staff: str) -> dict[str, Any]:
        """End a person's access."""
        ...

    async def unlock_staff(self, staff: str) -> dict[str, Any]:
        """Let a locked badge sign in again."""
        ...

    async def mint_token(
        self, label: str, *, role: TokenRole, expires_at: datetime, scopes: Sequence[str], wards: Sequence[str] | None
    ) -> dict[str, Any]:
        """Mint a token; the answer holds it."""
        ...

    async def tokens(self) -> list[dict[str, Any]]:
        """Return all tokens without their secrets."""
        ...

    async def revoke_token(self, token: str) -> dict[str, Any]:
        """Shut a token out."""
        ...

    async def confirm_clock(self) -> dict[str, Any]:
        """Say that the clock is right."""
        ...

    async def keys(self) -> list[dict[str, Any]]:
        """Return all keys that sign or have signed checkpoints."""
        ...

    async def rotate_key(self) -> dict[str, Any]:
        """Add a key that signs beside the present ones."""
        ...

    async def retire_key(self, key: str) -> dict[str, Any]:
        """Let a key sign no more."""
        ...


@asynccontextmanager
async def administration(
    settings: Settings, *, url: str | None, token_file: Path | None
) -> AsyncIterator[Administration]:
    """Open the way in: to `url` where one is given, else the database, else the running service that holds it."""
    if url is None:
        if not settings.database.exists():
            raise refused(f"there is no database {settings.database}: run `infusion init`, or name a service by --url")
        try:
            async with open_service(settings) as service:
                yield DirectAdministration(service.access, service.intake, service.checkpoints)
                return
        except (AccessRefused, KeyRefused) as no:
            raise refused(str(no)) from None
        except Unavailable as busy:
            raise unreachable(f"{settings.database}: {busy}") from None
        except StoreUnusable as unusable:
            if not await _answers(url_of(settings)):
                raise refused(f"{settings.database}: {unusable}") from None
    token = read_token(settings, token_file)
    timeout = aiohttp.ClientTimeout(total=WAIT_S)
    async with aiohttp.ClientSession(url or url_of(settings), timeout=timeout) as client:
        yield HttpAdministration(client, token)


def read_token(settings: Settings, token_file: Path | None) -> str:
    """Return the token to authenticate with: of the file named, of the environment, or the one `init` made."""
    if token_file is None and (token := os.environ.get(TOKEN_VARIABLE)):
        return token.strip()
    path = token_file or token_file_of(settings)
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise usage(f"no token: name a file by --token-file, or set {TOKEN_VARIABLE} ({path} cannot be read)") from None


class HttpAdministration:
    """Administration of a running service."""

    def __init__(self, client: aiohttp.ClientSession, token: str) -> None:
        """`client` knows the base URL."""
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    async def enrol_device(self, device: str, ward: str) -> dict[str, Any]:
        """See `Administration.enrol_device`."""
        return await self.call("POST", "/v1/devices", {"device": device, "ward": ward})

    async def devices(self) -> list[dict[str, Any]]:
        """See `Administration.devices`."""
        return list((await self.call("GET", "/v1/devices"))["devices"])

    async def revoke_device(self, device: str) -> dict[str, Any]:
        """See `Administration.revoke_device`."""
        return await self.call("PATCH", f"/v1/devices/{quote(device, safe='')}", {"revoked": True})

    async def add_staff(
        self, staff: str, *, name: str, role: StaffRole, badge: str, pin: str, wards: Sequence[str] | None
    ) -> dict[str, Any]:
        """See `Administration.add_staff`."""
        body: dict[str, Any] = {"staff": staff, "name": name, "role": role, "badge": badge, "pin": pin}
        return await self.call("POST", "/v1/staff", body if wards is None else body | {"wards": list(wards)})

    async def staff(self) -> list[dict[str, Any]]:
        """See `Administration.staff`."""
        return list((await self.call("GET", "/v1/staff"))["staff"])

    async def disable_staff(self, staff: str) -> dict[str, Any]:
        """See `Administration.disable_staff`."""
        return await self.call("PATCH", f"/v1/staff/{quote(staff, safe='')}", {"disabled": True})

    async def unlock_staff(self, staff: str) -> dict[str, Any]:
        """See `Administration.unlock_staff`."""
        return await self.call("POST", f"/v1/staff/{quote(staff, safe='')}/unlock", {})

    async def mint_token(
        self, label: str, *, role: TokenRole, expires_at: datetime, scopes: Sequence[str], wards: Sequence[str] | None
    ) -> dict[str, Any]:
        """See `Administration.mint_token`."""
        body = {"label": label, "role": role, "expires_at": format_time(expires_at), "scopes": list(scopes)}
        return await self.call("POST", "/v1/tokens", body if wards is None else body | {"wards": list(wards)})

    async def tokens(self) -> list[dict[str, Any]]:
        """See `Administration.tokens`."""
        return list((await self.call("GET", "/v1/tokens"))["tokens"])

    async def revoke_token(self, token: str) -> dict[str, Any]:
        """See `Administration.revoke_token`."""
        return await self.call("PATCH", f"/v1/tokens/{quote(token, safe='')}", {"revoked": True})

    async def confirm_clock(self) -> dict[str, Any]:
        """See `Administration.confirm_clock`."""
        return await self.call("POST", "/v1/clock/confirm", {})

    async def keys(self) -> list[dict[str, Any]]:
        """See `Administration.keys`."""
        return list((await self.call("GET", "/v1/log/key"))["keys"])

    async def rotate_key(self) -> dict[str, Any]:
        """See `Administration.rotate_key`."""
        return await self.call("POST", "/v1/log/keys", {})

    async def retire_key(self, key: str) -> dict[str, Any]:
        """See `Administration.retire_key`."""
        return await self.call("POST", f"/v1/log/keys/{quote(key, safe='')}/retire", {})

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Make one call and return its JSON. Raises `CommandFailed`: 4 for a problem document, 5 without an answer."""
        try:
            async with self._client.request(method, path, json=body, headers=self._headers) as response:
                answer: dict[str, Any] = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise unreachable(f"the service does not answer: {type(error).__name__} {error}") from None
        if response.status >= HTTP_PROBLEM:
            raise refused(f"{answer.get('code')}: {answer.get('detail')}")
        return answer


class DirectAdministration:
    """Administration of a service that does not run."""

    def __init__(self, access: Access, intake: Intake, checkpoints: Checkpoints) -> None:
        """Work through the rooms of an open service."""
        self._access = access
        self._intake = intake
        self._checkpoints = checkpoints

    async def enrol_device(self, device: str, ward: str) -> dict[str, Any]:
        """See `Administration.enrol_device`."""
        token = await self._access.enrol_device(device, ward, CONSOLE)
        return {"device": device, "ward": ward, "token": token}

    async def devices(self) -> list[dict[str, Any]]:
        """See `Administration.devices`."""
        return [showing.device(device) for device in self._access.list_devices()]

    async def revoke_device(self, device: str) -> dict[str, Any]:
        """See `Administration.revoke_device`."""
        return showing.device(await self._access.revoke_device(device, CONSOLE))

    async def add_staff(
        self, staff: str, *, name: str, role: StaffRole, badge: str, pin: str, wards: Sequence[str] | None
    ) -> dict[str, Any]:
        """See `Administration.add_staff`."""
        of_wards = None if wards is None else tuple(wards)
        added = await self._access.add_staff(staff, name, role, badge=badge, pin=pin, wards=of_wards, by=CONSOLE)
        return showing.member(added)

    async def staff(self) -> list[dict[str, Any]]:
        """See `Administration.staff`."""
        return [showing.member(member) for member in self._access.list_staff()]

    async def disable_staff(self, staff: str) -> dict[str, Any]:
        """See `Administration.disable_staff`."""
        return showing.member(await self._access.disable_staff(staff, CONSOLE))

    async def unlock_staff(self, staff: str) -> dict[str, Any]:
        """See `Administration.unlock_staff`."""
        return showing.member(await self._access.unlock_staff(staff, CONSOLE))

    async def mint_token(
        self, label: str, *, role: TokenRole, expires_at: datetime, scopes: Sequence[str], wards: Sequence[str] | None
    ) -> dict[str, Any]:
        """See `Administration.mint_token`."""
        of_wards = None if wards is None else tuple(wards)
        record, token = await self._access.mint_token(
            label, role, expires_at, CONSOLE, scopes=tuple(scopes), wards=of_wards
        )
        return {**showing.service_token(record), "token": token}

    async def tokens(self) -> list[dict[str, Any]]:
        """See `Administration.tokens`."""
        return [showing.service_token(token) for token in self._access.list_tokens()]

    async def revoke_token(self, token: str) -> dict[str, Any]:
        """See `Administration.revoke_token`."""
        return showing.service_token(await self._access.revoke_token(token, CONSOLE))

    async def confirm_clock(self) -> dict[str, Any]:
        """See `Administration.confirm_clock`."""
        held = await self._intake.confirm_clock(CONSOLE)
        return {"held": held, "now": format_time(self._intake.clock.now())}

    async def keys(self) -> list[dict[str, Any]]:
        """See `Administration.keys`."""
        return self._checkpoints.list_keys()

    async def rotate_key(self) -> dict[str, Any]:
        """See `Administration.rotate_key`."""
        return await self._checkpoints.rotate(CONSOLE)

    async def retire_key(self, key: str) -> dict[str, Any]:
        """See `Administration.retire_key`."""
        return await self._checkpoints.retire(key, CONSOLE)


async def _answers(url: str) -> bool:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WAIT_S)) as client,
            client.get(f"{url}/health/live") as response,
        ):
            return response.ok
    except (aiohttp.ClientError, TimeoutError):
        return False
