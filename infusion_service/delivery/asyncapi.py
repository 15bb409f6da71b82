"""The AsyncAPI 3.0 document: what endpoints are sent, from the same schemas that are served one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from infusion_service import __version__
from infusion_service.clinical.workflow import Workflow
from infusion_service.delivery.rendering import CONTENT_TYPE, event_type
from infusion_service.delivery.schemas import delivered_types, schema_of

_HEADERS: dict[str, Any] = {
    "type": "object",
    "required": ["webhook-id", "webhook-timestamp", "webhook-signature"],
    "properties": {
        "webhook-id": {"type": "string", "description": "The event's id: the same on every attempt."},
        "webhook-timestamp": {"type": "string", "pattern": "^[0-9]+$", "description": "Of this attempt, Unix seconds."},
        "webhook-signature": {"type": "string", "description": "Standard Webhooks: v1, and v1a where asked for."},
        "infday-attempt": {"type": "string", "pattern": "^[0-9]+$"},
        "infday-reason": {"enum": ["first", "retry", "replay", "redrive", "ping", "heartbeat"]},
    },
}


def document(workflows: Sequence[Workflow], *, base: str) -> dict[str, Any]:
    """Return the document as JSON."""
    types = delivered_types(workflows)
    names = {entry_type: _name(entry_type) for entry_type in types}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Infusion day service, webhooks",
            "version": __version__,
            "description": "Committed entries of the log, pushed to endpoints in order per day. Not an alarm system.",
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {
            "endpoint": {
                "address": None,
                "title": "An endpoint, as an integrator configures it",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names.values()},
                "bindings": {"http": {}},
            }
        },
        "operations": {
            "deliver": {
                "action": "send",
                "channel": {"$ref": "#/channels/endpoint"},
                "summary": "Deliver what matches the endpoint's filter, at least once.",
                "messages": [{"$ref": f"#/channels/endpoint/messages/{name}"} for name in names.values()],
                "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
            }
        },
        "components": {
            "messages": {name: _message(entry_type, name) for entry_type, name in names.items()},
            "schemas": {names[entry_type]: schema_of(entry_type, workflows, base=base) for entry_type in types},
        },
    }


def _message(entry_type: str, name: str) -> dict[str, Any]:
    return {
        "name": event_type(entry_type),
        "contentType": CONTENT_TYPE,
        "headers": _HEADERS,
        "payload": {"$ref": f"#/components/schemas/{name}"},
    }


def _name(entry_type: str) -> str:
    return entry_type.replace(".", "_")
