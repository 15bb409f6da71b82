"""Operational records: what is kept beside the log by kind and key: devices, staff, endpoints, cursors."""

from __future__ import annotations

import msgspec

from infusion_service.clinical.vocabulary import JSON


class Put(msgspec.Struct, frozen=True):
    """Keep an operational record (device, staff, session, endpoint cursor ...), replacing the one under its key."""

    kind: str
    key: str
    value: dict[str, JSON]


class Drop(msgspec.Struct, frozen=True):
    """Forget an operational record; no error when there is none."""

    kind: str
    key: str
