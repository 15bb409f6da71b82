"""What answers about endpoints hold, as types: OpenAPI shows them, and a test holds every answer to them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from infusion_service.delivery.endpoint import Ordering, Payload, Signature, State
from infusion_service.log.deliveries import DeliveryState


class EndpointKey(msgspec.Struct, forbid_unknown_fields=True):
    """A secret that signs; one with an end is the old one of a rotation."""

    made_at: datetime
    ends_at: datetime | None


class Endpoint(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An endpoint without its secrets."""

    id: str
    name: str
    url: str
    state: State
    state_reason: str
    types: list[str]
    wards: list[str] | None
    severities: list[str] | None
    payload: Payload
    ordering: Ordering
    max_in_flight: int
    signature: list[Signature]
    keys: list[EndpointKey]
    auth: dict[str, str]
    timeout_s: int
    permanent: list[int]
    heartbeat_s: int
    disable_after_h: int
    retention_d: int
    catch_up_per_s: int
    created_at: datetime
    public_key: str | UnsetType = UNSET


class EndpointWithSecret(Endpoint, forbid_unknown_fields=True, kw_only=True):
    """An endpoint with the secret to verify its signatures by, shown this once."""

    secret: str


class EndpointList(msgspec.Struct, forbid_unknown_fields=True):
    """All endpoints of the site."""

    endpoints: list[Endpoint]


class DeliveryAttempt(msgspec.Struct):
    """One attempt: what came back, or why nothing did."""

    at: datetime
    ms: int
    reason: str
    status: int | UnsetType = UNSET
    fault: str | UnsetType = UNSET
    excerpt: str | UnsetType = UNSET


class Delivery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One delivery and its attempts. `n` is its number in the endpoint's sequence."""

    n: int
    webhook_id: str
    seq: int | None
    subject: str
    type: str
    state: DeliveryState
    counted_attempts: int
    first_failed_at: datetime | None
    next_attempt_at: datetime | None
    settled_at: datetime | None
    attempts: list[DeliveryAttempt]


class DeliveryPage(msgspec.Struct, forbid_unknown_fields=True):
    """Deliveries by number."""

    deliveries: list[Delivery]
    next_after: int


class DeliveryAttempts(msgspec.Struct, forbid_unknown_fields=True):
    """The attempts of one delivery, the newest last."""

    n: int
    attempts: list[DeliveryAttempt]


class Retried(msgspec.Struct, forbid_unknown_fields=True):
    """How many deliveries are tried again."""

    retried: int


class HeldUp(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A delivery that failed and holds up what comes after it. `next_attempt_at` null: now, or with the next probe."""

    n: int
    subject: str
    type: str
    first_failed_at: datetime | None
    next_attempt_at: datetime | None
    last_attempt: DeliveryAttempt | None


class EndpointStatus(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How an endpoint fares: how far it has come, what waits, what is parked, what holds it up.

    All times are the machine's, also where the ward's are simulated; `as_of` is now.
    """

    id: str
    as_of: datetime
    state: State
    state_reason: str
    dispatching: bool
    log_size: int
    lag_entries: int
    lag_s: float
    waiting: int
    parked: int
    parked_deliveries: list[Delivery]
    after_seq: int | UnsetType = UNSET
    last_assigned: int | UnsetType = UNSET
    last_acknowledged: int | UnsetType = UNSET
    in_flight: int | UnsetType = UNSET
    blocked: int | UnsetType = UNSET
    blocked_deliveries: list[HeldUp] | UnsetType = UNSET
    next_attempt_at: datetime | UnsetType | None = UNSET
    circuit: Literal["closed", "open"] | UnsetType = UNSET
    failing_since: datetime | UnsetType | None = UNSET
    last_success_at: datetime | UnsetType | None = UNSET
    paused_until: datetime | UnsetType | None = UNSET
    next_probe_at: datetime | UnsetType | None = UNSET


class Ping(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What came back from a ping."""

    ok: bool
    webhook_id: str
    duration_ms: int
    status: int | UnsetType = UNSET
    fault: str | UnsetType = UNSET
    excerpt: str | UnsetType = UNSET


class Replayed(msgspec.Struct, forbid_unknown_fields=True):
    """The range that is sent again."""

    from_seq: int
    to_seq: int
