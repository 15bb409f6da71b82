"""The endpoints of a site: created, changed, rotated, removed; each change an entry of the log.

Promises: record and `admin` entry are one commit; secrets are returned by the call that makes them and sealed in the
record; a URL or ward that cannot be used is refused before anything is written. Does not: send (`endpoints`).
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from msgspec import UNSET
from msgspec.structs import replace

from infusion_service.clinical.vocabulary import JSON, SERVICE, Actor
from infusion_service.delivery.admission import FILTER_CHANGED, filter_data
from infusion_service.delivery.courier import Target
from infusion_service.delivery.egress import EgressGuard, EgressRefused
from infusion_service.delivery.endpoint import (
    KIND_ENDPOINT,
    KIND_PROGRESS,
    AuthKind,
    Endpoint,
    Filter,
    SealedKey,
    State,
    endpoint_of,
)
from infusion_service.delivery.errors import NotPossible, SecondPersonNeeded, UnknownEndpoint, UnusableSetting
from infusion_service.delivery.outlet import MakeCourier, purpose
from infusion_service.delivery.requests import (
    Auth,
    BasicAuth,
    BearerAuth,
    ClientCertificate,
    EndpointChange,
    HeaderAuth,
    NewEndpoint,
)
from infusion_service.delivery.signing import new_secret, shown_public, shown_secret
from infusion_service.delivery.vault import Vault
from infusion_service.log.store import Drop, Put, Store

ENDPOINTS_MAX = 64

RESERVED_HEADERS = frozenset(
    {"accept-encoding", "connection", "content-encoding", "content-length", "content-type", "cookie", "date", "expect"}
    | {"host", "te", "traceparent", "trailer", "transfer-encoding", "upgrade", "user-agent"}
)
RESERVED_PREFIXES = ("webhook-", "infday-", "proxy-", "sec-", "ce-")

_FILTER_FIELDS = ("types", "wards", "severities", "payload")
_LISTS = ("types", "wards", "severities", "permanent", "signature")


class Journal(Protocol):
    """Where changes are recorded: `intake.Intake`."""

    async def record(
        self,
        entry_type: str,
        data: dict[str, JSON],
        actor: Actor,
        operational: Sequence[Put | Drop] = (),
        *,
        event_id: str | None = None,
    ) -> int:
        """Append an entry of stream `site` together with operational changes; return its sequence number."""
        ...


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown once: the HMAC secret, and the public half of the Ed25519 key where there is one."""

    secret: str
    public_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the site says of endpoints."""

    site: str
    wards: frozenset[str]
    two_persons: bool = False
    """A new or re-pointed endpoint waits until a second person enables it."""


class Registry:
    """Endpoints as records; one change at a time."""

    def __init__(
        self,
        rules: Rules,
        *,
        store: Store,
        journal: Journal,
        now: Callable[[], datetime],
        vault: Vault,
        guard: EgressGuard,
        make_courier: MakeCourier,
    ) -> None:
        self._rules = rules
        self._store = store
        self._journal = journal
        self._now = now
        self._vault = vault
        self._guard = guard
        self._make_courier = make_courier
        self._turn = asyncio.Lock()
        self._endpoints: dict[str, Endpoint] = {}

    async def load(self) -> None:
        """Read the stored endpoints."""
        stored = await self._store.records(self._rules.site, KIND_ENDPOINT)
        self._endpoints = {key: endpoint_of(value) for key, value in stored.items()}

    def all(self) -> list[Endpoint]:
        """All endpoints, oldest first."""
        return sorted(self._endpoints.values(), key=lambda endpoint: (endpoint.created_at, endpoint.id))

    def get(self, endpoint_id: str) -> Endpoint:
        """One endpoint. Raises `UnknownEndpoint`."""
        endpoint = self._endpoints.get(endpoint_id)
        if endpoint is None:
            raise UnknownEndpoint("there is no such endpoint")
        return endpoint

    # Long because an endpoint has many members: one line for each.
    async def create(self, wanted: NewEndpoint, endpoint_id: str, by: Actor) -> tuple[Endpoint, Shown]:
        """Create an endpoint. Raises `UnusableSetting`, `NotPossible`, `VaultUnusable`."""
        self._check_url(wanted.url)
        self._check_wards(wanted.wards)
        kind, name, sealed = self._sealed_auth(wanted.auth, endpoint_id)
        key, shown = self._new_key(endpoint_id, v1a="v1a" in wanted.signature)
        endpoint = Endpoint(
            id=endpoint_id,
            name=wanted.name,
            url=wanted.url,
            state="pending" if self._rules.two_persons else "active",
            filter=Filter(
                types=tuple(wanted.types),
                wards=None if wanted.wards is None else tuple(wanted.wards),
                severities=None if wanted.severities is None else tuple(wanted.severities),
                payload=wanted.payload,
            ),
            ordering=wanted.ordering,
            max_in_flight=wanted.max_in_flight,
            signatures=tuple(wanted.signature),
            keys=(key,),
            auth_kind=kind,
            auth_name=name,
            auth_sealed=sealed,
            ca_pem=wanted.ca_pem,
            timeout_s=wanted.timeout_s,
            permanent=tuple(wanted.permanent),
            heartbeat_s=wanted.heartbeat_s,
            disable_after_h=wanted.disable_after_h,
            retention_d=wanted.retention_d,
            catch_up_per_s=wanted.catch_up_per_s,
            start_after=None if wanted.start_at == "now" else max(int(wanted.start_at) - 1, 0),
            created_at=self._now(),
            created_event_id=str(uuid.uuid4()),
            changed_by=by.id,
        )
        await self._try_certificates(endpoint, wanted.auth)
        async with self._turn:
            if len(self._endpoints) >= ENDPOINTS_MAX:
                raise NotPossible(f"a site has at most {ENDPOINTS_MAX} endpoints")
            data = {"name": endpoint.name, "host": _host(endpoint.url), "state": endpoint.state}
            await self._write("endpoint.created", endpoint, {**data, **filter_data(endpoint.filter)}, by)
        return endpoint, shown

    async def change(self, endpoint_id: str, wanted: EndpointChange, by: Actor) -> Endpoint:
        """Change an endpoint. Raises `UnknownEndpoint`, `UnusableSetting`, `VaultUnusable`."""
        async with self._turn:
            before = self.get(endpoint_id)
            given = {name: getattr(wanted, name) for name in wanted.__struct_fields__}
            changes = {name: value for name, value in given.items() if value is not UNSET}
            changed = sorted(changes)
            after = self._changed(before, changes, by)
            await self._try_certificates(after, changes.get("auth"))
            if not changes:
                return before
            data: dict[str, JSON] = {"changed": changed}
            if after.url != before.url:
                data["host"] = _host(after.url)
            entry_type = "endpoint.changed"
            if after.filter != before.filter:
                entry_type = FILTER_CHANGED
                data |= filter_data(after.filter)
            await self._write(entry_type, after, data, by)
        return after

    async def set_state(self, endpoint_id: str, state: State, by: Actor, reason: str = "") -> Endpoint:
        """Hold, enable or disable an endpoint. Raises `UnknownEndpoint`, `SecondPersonNeeded`."""
        async with self._turn:
            before = self.get(endpoint_id)
            if before.state == state:
                return before
            if before.state == "pending" and (state != "active" or by.id == before.changed_by):
                raise SecondPersonNeeded("somebody other than who created or re-pointed it must enable it")
            after = replace(before, state=state, state_reason=reason)
            word = {"active": "enabled", "held": "held", "disabled": "disabled", "pending": "pending"}[state]
            await self._write(f"endpoint.{word}", after, {"reason": reason} if reason else {}, by)
        return after

    async def rotate(self, endpoint_id: str, overlap_s: int, by: Actor) -> tuple[Endpoint, Shown]:
        """Make a new signing secret. Raises `UnknownEndpoint`, `NotPossible` while a rotation is going on."""
        async with self._turn:
            before = self.get(endpoint_id)
            now = self._now()
            newest, *older = before.live_keys(now)
            if older:
                raise NotPossible("the last rotation still overlaps: at most two secrets are live")
            key, shown = self._new_key(endpoint_id, v1a="v1a" in before.signatures)
            old = (replace(newest, ends_at=now + timedelta(seconds=overlap_s)),) if overlap_s else ()
            after = replace(before, keys=(key, *old))
            await self._write("endpoint.secret_rotated", after, {"overlap_s": overlap_s}, by)
        return after, shown

    async def end_secrets(self, endpoint_id: str) -> Endpoint:
        """Destroy secrets whose time is over, used or not. Raises `UnknownEndpoint`."""
        async with self._turn:
            before = self.get(endpoint_id)
            after = replace(before, keys=before.live_keys(self._now()))
            if after.keys != before.keys:
                await self._write("endpoint.secret_ended", after, {}, SERVICE)
        return after

    async def remove(self, endpoint_id: str, by: Actor) -> None:
        """Remove an endpoint; what it was sent stays known under its id. Raises `UnknownEndpoint`."""
        async with self._turn:
            endpoint = self.get(endpoint_id)
            drops = (Drop(KIND_ENDPOINT, endpoint.id), Drop(KIND_PROGRESS, endpoint.id))
            await self._journal.record("endpoint.removed", {"endpoint": endpoint.id}, by, drops)
            del self._endpoints[endpoint.id]

    async def note(self, entry_type: str, data: Mapping[str, JSON], by: Actor) -> None:
        """Record something that happened to an endpoint or a delivery and changes no record."""
        await self._journal.record(entry_type, dict(data), by)

    def public_key(self, endpoint: Endpoint) -> str | None:
        """The public half of the newest Ed25519 key. Raises `VaultUnusable`."""
        sealed = endpoint.keys[0].ed25519
        if sealed is None or "v1a" not in endpoint.signatures:
            return None
        return shown_public(self._vault.open(sealed, purpose=purpose(endpoint.id, "v1a")))

    def _changed(self, before: Endpoint, changes: dict[str, Any], by: Actor) -> Endpoint:
        """The endpoint after `changes`."""
        values: dict[str, Any] = {
            name: tuple(value) if name in _LISTS and value else value for name, value in changes.items()
        }
        if "url" in values:
            self._check_url(values["url"])
            values["changed_by"] = by.id
            if self._rules.two_persons and values["url"] != before.url:
                values["state"] = "pending"
        if "wards" in values:
            self._check_wards(values["wards"])
        if "permanent" in values:
            values["permanent"] = tuple(values["permanent"])
        filters = {name: values.pop(name) for name in _FILTER_FIELDS if name in values}
        if "auth" in values:
            values["auth_kind"], values["auth_name"], values["auth_sealed"] = self._sealed_auth(
                values.pop("auth"), before.id
            )
        if "signature" in values:
            values["signatures"] = values.pop("signature")
            if "v1a" in values["signatures"] and before.keys[0].ed25519 is None:
                seed = self._vault.seal(new_secret(), purpose=purpose(before.id, "v1a"))
                values["keys"] = (replace(before.keys[0], ed25519=seed), *before.keys[1:])
        return replace(before, filter=replace(before.filter, **filters), **values)

    async def _write(self, entry_type: str, endpoint: Endpoint, data: Mapping[str, JSON], by: Actor) -> None:
        event_id = endpoint.created_event_id if entry_type == "endpoint.created" else None
        put = Put(KIND_ENDPOINT, endpoint.id, endpoint.as_record())
        await self._journal.record(entry_type, {"endpoint": endpoint.id, **data}, by, (put,), event_id=event_id)
        self._endpoints[endpoint.id] = endpoint

    def _new_key(self, endpoint_id: str, *, v1a: bool) -> tuple[SealedKey, Shown]:
        secret, seed = new_secret(), new_secret() if v1a else None
        key = SealedKey(
            hmac=self._vault.seal(secret, purpose=purpose(endpoint_id, "v1")),
            ed25519=None if seed is None else self._vault.seal(seed, purpose=purpose(endpoint_id, "v1a")),
            made_at=self._now(),
        )
        return key, Shown(shown_secret(secret), None if seed is None else shown_public(seed))

    def _sealed_auth(self, auth: Auth, endpoint_id: str) -> tuple[AuthKind, str, str | None]:
        def seal(text: str) -> str:
            return self._vault.seal(text.encode(), purpose=purpose(endpoint_id, "auth"))

        match auth:
            case BasicAuth():
                return "basic", auth.user, seal(auth.password)
            case BearerAuth():
                return "bearer", "", seal(_header_value(auth.token, "/auth/token"))
            case HeaderAuth():
                name = auth.name.lower()
                if name in RESERVED_HEADERS or name.startswith(RESERVED_PREFIXES):
                    raise UnusableSetting("/auth/name", "this header is the service's own")
                return "header", name, seal(_header_value(auth.value, "/auth/value"))
            case ClientCertificate():
                return "mtls", "", seal(auth.certificate_pem.strip() + "\n" + auth.key_pem.strip() + "\n")
        return "none", "", None

    async def _try_certificates(self, endpoint: Endpoint, auth: Auth | None) -> None:
        """See that OpenSSL takes what was given, before it is kept."""
        pem = None
        if isinstance(auth, ClientCertificate):
            pem = auth.certificate_pem.strip() + "\n" + auth.key_pem.strip() + "\n"
        if pem is None and endpoint.ca_pem is None:
            return
        try:
            courier = self._make_courier(Target(url=endpoint.url, ca_pem=endpoint.ca_pem, client_pem=pem))
        except (ValueError, OSError):  # ssl.SSLError is an OSError
            raise UnusableSetting("/auth" if pem else "/ca_pem", "the certificate or key cannot be used") from None
        await courier.close()

    def _check_url(self, url: str) -> None:
        try:
            self._guard.check_url(url)
        except EgressRefused as refused:
            raise UnusableSetting("/url", str(refused)) from None

    def _check_wards(self, wards: Sequence[str] | None) -> None:
        for ward in wards or ():
            if ward not in self._rules.wards:
                known = ", ".join(sorted(self._rules.wards))
                raise UnusableSetting("/wards", f"the site has no such ward; it has {known}")


def _header_value(text: str, pointer: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise UnusableSetting(pointer, "a header holds printable ASCII characters")
    return text


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
