"""What is asked of endpoints, as types: the same ones the wire reads and OpenAPI shows.

Promises: bounds of every value stand here. Does not: judge what depends on the site, such as wards and the operator's
allow-list (`registry`).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from infusion_service.clinical.alert_definition import Severity
from infusion_service.delivery.endpoint import Glob, Name, Ordering, Payload, Signature

WHOLE_MAX = 2**53 - 1
OVERLAP_S_MAX = 604_800

Url = Annotated[str, Meta(min_length=8, max_length=2000)]
Globs = Annotated[list[Glob], Meta(min_length=1, max_length=64)]
WardIds = Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=64)]
Severities = Annotated[list[Severity], Meta(min_length=1, max_length=4)]
InFlight = Annotated[int, Meta(ge=1, le=16)]
TimeoutS = Annotated[int, Meta(ge=5, le=30)]
Statuses = Annotated[list[Annotated[int, Meta(ge=300, le=599)]], Meta(max_length=32)]
HeartbeatS = Annotated[int, Meta(ge=0, le=86_400)]
DisableAfterH = Annotated[int, Meta(ge=1, le=720)]
RetentionD = Annotated[int, Meta(ge=1, le=365)]
CatchUpPerS = Annotated[int, Meta(ge=1, le=1000)]
Signatures = Annotated[list[Signature], Meta(min_length=1, max_length=2)]
Secret = Annotated[str, Meta(min_length=1, max_length=2000)]
Pem = Annotated[str, Meta(min_length=1, max_length=32_768)]
HeaderName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,64}$")]
Sequence = Annotated[int, Meta(ge=0, le=WHOLE_MAX)]


class NoAuth(msgspec.Struct, forbid_unknown_fields=True, frozen=True, tag="none", tag_field="kind"):
    """Nothing beside the signature."""


class BasicAuth(msgspec.Struct, forbid_unknown_fields=True, frozen=True, tag="basic", tag_field="kind"):
    """HTTP basic authentication."""

    user: Annotated[str, Meta(min_length=1, max_length=120, pattern="^[^:]+$")]
    password: Secret


class HeaderAuth(msgspec.Struct, forbid_unknown_fields=True, frozen=True, tag="header", tag_field="kind"):
    """A header with a fixed value."""

    name: HeaderName
    value: Secret


class BearerAuth(msgspec.Struct, forbid_unknown_fields=True, frozen=True, tag="bearer", tag_field="kind"):
    """A bearer token."""

    token: Secret


class ClientCertificate(msgspec.Struct, forbid_unknown_fields=True, frozen=True, tag="mtls", tag_field="kind"):
    """A certificate of the service, and its private key, in PEM."""

    certificate_pem: Pem
    key_pem: Pem


Auth = NoAuth | BasicAuth | HeaderAuth | BearerAuth | ClientCertificate


class NewEndpoint(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """An endpoint to create. `start_at`: now, or the first sequence number of the log to be delivered."""

    name: Name
    url: Url
    types: Globs = msgspec.field(default_factory=lambda: ["*"])
    wards: WardIds | None = None
    severities: Severities | None = None
    payload: Payload = "full"
    start_at: Literal["now"] | Sequence = "now"
    ordering: Ordering = "lane"
    max_in_flight: InFlight = 4
    signature: Signatures = msgspec.field(default_factory=lambda: ["v1"])
    auth: Auth = msgspec.field(default_factory=NoAuth)
    ca_pem: Pem | None = None
    timeout_s: TimeoutS = 15
    permanent: Statuses = msgspec.field(default_factory=list)
    heartbeat_s: HeartbeatS = 0
    disable_after_h: DisableAfterH = 120
    retention_d: RetentionD = 30
    catch_up_per_s: CatchUpPerS = 50


class EndpointChange(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What changes of an endpoint; what is absent stays. A changed filter does not renumber."""

    name: Name | UnsetType = UNSET
    url: Url | UnsetType = UNSET
    types: Globs | UnsetType = UNSET
    wards: WardIds | UnsetType | None = UNSET
    severities: Severities | UnsetType | None = UNSET
    payload: Payload | UnsetType = UNSET
    ordering: Ordering | UnsetType = UNSET
    max_in_flight: InFlight | UnsetType = UNSET
    signature: Signatures | UnsetType = UNSET
    auth: Auth | UnsetType = UNSET
    ca_pem: Pem | UnsetType | None = UNSET
    timeout_s: TimeoutS | UnsetType = UNSET
    permanent: Statuses | UnsetType = UNSET
    heartbeat_s: HeartbeatS | UnsetType = UNSET
    disable_after_h: DisableAfterH | UnsetType = UNSET
    retention_d: RetentionD | UnsetType = UNSET
    catch_up_per_s: CatchUpPerS | UnsetType = UNSET


class Rotation(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A new signing secret; the old one goes on signing beside it for `overlap_s` seconds."""

    overlap_s: Annotated[int, Meta(ge=0, le=OVERLAP_S_MAX)] = 86_400


class Replay(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A range of the log to send again, both ends included."""

    from_seq: Annotated[int, Meta(ge=1, le=WHOLE_MAX)]
    to_seq: Annotated[int, Meta(ge=1, le=WHOLE_MAX)]


class Reason(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Why; it goes into the log."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class Retries(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Parked deliveries to try again, by their numbers, both ends included; the reason goes into the log."""

    from_n: Annotated[int, Meta(ge=1, le=WHOLE_MAX)]
    to_n: Annotated[int, Meta(ge=1, le=WHOLE_MAX)]
    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class MayGiveReason(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Why, where one wants to say."""

    reason: Annotated[str, Meta(max_length=500)] = ""
