"""Operational records: what is kept beside the log by kind and key: devices, staff, endpoints, cursors."""

from __future__ import annotations

from dataclasses import dataclass

from infusion_service.clinical.vocabulary import JSON


@dataclass(frozen=True, slots=True)
class Put:
    """Keep an operational record (device, staff, session, endpoint cursor ...), replacing the one under its key."""

    kind: str
    key: str
    value: dict[str, JSON]


@dataclass(frozen=True, slots=True)
class Drop:
    """Forget an operational record; no error when there is none."""

    kind: str
    key: str
