"""An endpoint: whereto, what of the log, in which order, signed with what.

Promises: a record holds no secret in the clear. A filter is part of what the endpoint's own sequence is made from, so
it is a value of its own that the cursor carries along. Does not: change anything (`registry`) or send (`dispatcher`).
"""

from __future__ import annotations

from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from infusion_service.clinical.alert_definition import Severity

State = Literal["pending", "active", "held", "disabled"]
"""pending: waits for a second administrator. active: is sent to. held: a person paused it. disabled: it said 410, or
gave no sign of life for `disable_after_h`. In all but active the queue is kept."""

Ordering = Literal["lane", "strict", "none"]
"""lane: in order per day. strict: in order altogether, never skips. none: as soon as possible."""

Payload = Literal["full", "thin"]
Signature = Literal["v1", "v1a"]

AuthKind = Literal["none", "basic", "header", "bearer", "mtls"]

KIND_ENDPOINT = "endpoint"
KIND_PROGRESS = "endpoint_progress"

DELIVERED_KINDS = frozenset({"fact", "derived"})
BLIND_TYPES = frozenset({"double_check.entered"})
"""What a first person entered may reach nobody before the second one has."""

OWN_PREFIXES = ("endpoint.", "delivery.")
"""Entries about deliveries themselves: sent only where a glob asks for them by name."""

Glob = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"^[a-z0-9_.*?-]+$")]
Name = Annotated[str, Meta(min_length=1, max_length=120)]


class Filter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of the log an endpoint gets. `wards` None: all. `severities` None: all; entries without one always pass."""

    types: tuple[str, ...] = ("*",)
    wards: tuple[str, ...] | None = None
    severities: tuple[Severity, ...] | None = None
    payload: Payload = "full"

    def wants_type(self, entry_type: str, kind: str) -> bool:
        """Whether entries of this type and kind are delivered, as far as that can tell."""
        if kind == "admin":
            return entry_type.startswith(OWN_PREFIXES) and any(
                glob.startswith(OWN_PREFIXES) and fnmatchcase(entry_type, glob) for glob in self.types
            )
        if kind not in DELIVERED_KINDS or entry_type in BLIND_TYPES:
            return False
        return any(fnmatchcase(entry_type, glob) for glob in self.types)

    def wants_ward(self, ward: str | None) -> bool:
        """Whether entries of days of this ward are delivered."""
        return self.wards is None or ward in self.wards

    def wants_severity(self, severity: object) -> bool:
        """Whether an entry of this severity (None: it has none) is delivered."""
        return self.severities is None or severity is None or severity in self.severities


class SealedKey(msgspec.Struct, frozen=True, kw_only=True):
    """One signing secret at rest. `ends_at` is set on the old one of a rotation."""

    hmac: str
    ed25519: str | None = None
    made_at: datetime
    ends_at: datetime | None = None


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One endpoint as it is kept. Everything sealed is for the vault alone."""

    id: str
    name: str
    url: str
    state: State
    state_reason: str = ""
    filter: Filter
    ordering: Ordering = "lane"
    max_in_flight: int = 4
    signatures: tuple[Signature, ...] = ("v1",)
    keys: tuple[SealedKey, ...]
    auth_kind: AuthKind = "none"
    auth_name: str = ""
    """User of basic, name of the header."""
    auth_sealed: str | None = None
    """Password, header value, token, or the PEM of client certificate and key."""
    ca_pem: str | None = None
    """The hospital's own certificate authority, where the endpoint's certificate is signed by it."""
    timeout_s: int = 15
    permanent: tuple[int, ...] = ()
    """Statuses after which a delivery is parked at once."""
    heartbeat_s: int = 0
    """Seconds between signs of life; 0: none."""
    disable_after_h: int = 120
    retention_d: int = 30
    catch_up_per_s: int = 50
    """Deliveries a second after an outage, until the queue is empty."""
    start_after: int | None = None
    """Sequence number from which on entries are delivered, exclusive; None: from its own creation on."""
    created_at: datetime
    created_event_id: str
    changed_by: str = ""
    """Who created or re-pointed it last: somebody else must enable it where two are asked for."""

    def live_keys(self, now: datetime) -> tuple[SealedKey, ...]:
        """The keys to sign with, newest first."""
        return tuple(key for key in self.keys if key.ends_at is None or key.ends_at > now)

    def as_record(self) -> dict[str, Any]:
        """The endpoint as an operational record."""
        value: dict[str, Any] = msgspec.to_builtins(self)
        return value


def endpoint_of(record: dict[str, Any]) -> Endpoint:
    """Read what `as_record` wrote."""
    return msgspec.convert(record, Endpoint)


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far an endpoint has come. Written in the same commit as the deliveries it speaks of."""

    after_seq: int
    """The log has been looked through up to here."""
    epsequence: int = 0
    """The last number given."""
    filter: Filter
    """The filter at this place of the log: a change counts from its own entry on."""
    replay: tuple[tuple[int, int], ...] = ()
    """Ranges of the log still to be looked through for entries that never had a number."""
    first_failed_at: datetime | None = None
    """Since when the endpoint as a whole has not answered 2xx, if it does not."""
    last_success_at: datetime | None = None
    acknowledged: int = 0
    """The highest number answered 2xx."""
    alarmed: bool = False
    """Whether `endpoint.failing` has been said."""
    circuit_open: bool = False
    """Whether only probes go out; the next four say when. Kept, so that a restart does not fall upon a dead engine."""
    probes: int = 0
    last_probe_at: datetime | None = None
    next_probe_at: datetime | None = None
    paused_until: datetime | None = None
    """It asked to be left alone until then (`Retry-After`)."""
    catching_up: bool = False
    """Whether the pace after an outage is still kept."""


def progress_of(record: dict[str, Any]) -> Progress:
    """Read an operational record."""
    return msgspec.convert(record, Progress)
