"""Devices, people and tokens as everybody gets to see them, over HTTP and in a terminal: everything but secrets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from infusion_service.access.records import EnrolledDevice, ServiceToken, StaffMember
from infusion_service.clinical.vocabulary import format_time


def device(shown: EnrolledDevice, last_seen_at: datetime | None = None) -> dict[str, Any]:
    """One device, and when it was heard of last since the start of the service."""
    return {
        "device": shown.device_id,
        "ward": shown.ward,
        "enrolled_at": format_time(shown.enrolled_at),
        "revoked_at": _time(shown.revoked_at),
        "last_seen_at": _time(last_seen_at),
    }


def member(shown: StaffMember) -> dict[str, Any]:
    """One person; `wards` None means all."""
    return {
        "staff": shown.staff_id,
        "name": shown.name,
        "role": shown.role,
        "wards": shown.wards,
        "added_at": format_time(shown.added_at),
        "locked_at": _time(shown.locked_at),
        "disabled_at": _time(shown.disabled_at),
    }


def service_token(shown: ServiceToken) -> dict[str, Any]:
    """One service token."""
    return {
        "id": shown.token_id,
        "label": shown.label,
        "role": shown.role,
        "scopes": shown.scopes,
        "wards": shown.wards,
        "minted_at": format_time(shown.minted_at),
        "expires_at": format_time(shown.expires_at),
        "revoked_at": _time(shown.revoked_at),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)
