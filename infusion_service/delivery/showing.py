"""Endpoints and deliveries as the wire shows them: everything but secrets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from infusion_service.clinical.vocabulary import format_time
from infusion_service.delivery.dispatcher import Dispatcher
from infusion_service.delivery.endpoint import Endpoint
from infusion_service.delivery.figures import EndpointFigures
from infusion_service.delivery.health import Health
from infusion_service.delivery.lanes import Item
from infusion_service.log.deliveries import Delivery

BLOCKED_SHOWN_MAX = 20


def endpoint(shown: Endpoint, public_key: str | None) -> dict[str, Any]:
    """One endpoint; of its credentials only their kind and name."""
    auth: dict[str, str] = {"kind": shown.auth_kind}
    if shown.auth_name:
        auth["name"] = shown.auth_name
    view: dict[str, Any] = {
        "id": shown.id,
        "name": shown.name,
        "url": shown.url,
        "state": shown.state,
        "state_reason": shown.state_reason,
        "types": shown.filter.types,
        "wards": shown.filter.wards,
        "severities": shown.filter.severities,
        "payload": shown.filter.payload,
        "ordering": shown.ordering,
        "max_in_flight": shown.max_in_flight,
        "signature": shown.signatures,
        "keys": [{"made_at": format_time(key.made_at), "ends_at": _time(key.ends_at)} for key in shown.keys],
        "auth": auth,
        "timeout_s": shown.timeout_s,
        "permanent": shown.permanent,
        "heartbeat_s": shown.heartbeat_s,
        "disable_after_h": shown.disable_after_h,
        "retention_d": shown.retention_d,
        "catch_up_per_s": shown.catch_up_per_s,
        "created_at": format_time(shown.created_at),
    }
    return view if public_key is None else {**view, "public_key": public_key}


def status(
    shown: Endpoint,
    dispatcher: Dispatcher | None,
    waiting: int,
    parked: Sequence[Delivery],
    *,
    figures: EndpointFigures,
    log_size: int,
    as_of: datetime,
) -> dict[str, Any]:
    """How an endpoint fares. `as_of` is the machine's time, as all times here are."""
    view: dict[str, Any] = {
        "id": shown.id,
        "as_of": format_time(as_of),
        "state": shown.state,
        "state_reason": shown.state_reason,
        "dispatching": dispatcher is not None and shown.state == "active",
        "log_size": log_size,
        "lag_entries": figures.lag_entries,
        "lag_s": figures.lag_s,
        "waiting": waiting,
        "parked": figures.parked,
        "parked_deliveries": [delivery(row) for row in parked],
    }
    if dispatcher is None:
        return view
    progress, blocked = dispatcher.progress, dispatcher.lanes.held_up()
    return {
        **view,
        **_signs_of_life(dispatcher.health),
        "blocked": len(blocked),
        "blocked_deliveries": [_held_up(item) for item in blocked[:BLOCKED_SHOWN_MAX]],
        "next_attempt_at": _time(_next_attempt(dispatcher, blocked) if shown.state == "active" else None),
        "after_seq": progress.after_seq,
        "last_assigned": progress.epsequence,
        "last_acknowledged": progress.acknowledged,
        "in_flight": dispatcher.in_flight,
    }


def _signs_of_life(health: Health) -> dict[str, Any]:
    return {
        "circuit": "open" if health.open else "closed",
        "failing_since": _time(health.first_failed_at),
        "last_success_at": _time(health.last_success_at),
        "paused_until": _time(health.paused_until),
        "next_probe_at": _time(health.next_probe_at),
    }


def _next_attempt(dispatcher: Dispatcher, blocked: Sequence[Item]) -> datetime | None:
    """When something is tried again; None where all that waits goes at once."""
    if dispatcher.health.open:
        return dispatcher.next_start()
    due = min((item.due for item in blocked if item.due is not None), default=None)
    paused = dispatcher.health.paused_until if len(dispatcher.lanes) else None
    return max((moment for moment in (due, paused) if moment is not None), default=None)


def _held_up(item: Item) -> dict[str, Any]:
    """A delivery that failed and holds up what comes after it, with its last attempt."""
    return {
        "n": item.epsequence,
        "subject": item.lane,
        "type": item.event_type,
        "first_failed_at": _time(item.first_failed_at),
        "next_attempt_at": _time(item.due),
        "last_attempt": item.history[-1] if item.history else None,
    }


def delivery(row: Delivery) -> dict[str, Any]:
    """One delivery with its attempts, without its body."""
    return {
        "n": row.epsequence,
        "webhook_id": row.webhook_id,
        "seq": row.seq,
        "subject": row.lane,
        "type": row.event_type,
        "state": row.state,
        "counted_attempts": row.attempts,
        "first_failed_at": _time(row.first_failed_at),
        "next_attempt_at": _time(row.next_attempt_at),
        "settled_at": _time(row.settled_at),
        "attempts": msgspec.json.decode(row.history),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)
