"""The table of routes: every address, who may call it, and nothing that is not in here.

A narrowed service token names the groups in the last column. A test compares the OpenAPI document with this table.
"""

from __future__ import annotations

from infusion_service.web import (
    administration,
    days,
    definitions,
    desk,
    device_queues,
    facts,
    feed,
    glass,
    operations,
    page,
    proofs,
    report,
    sessions,
    stream,
)
from infusion_service.web.audit_routes import AUDIT_ROUTES
from infusion_service.web.endpoint_routes import ENDPOINT_ROUTES
from infusion_service.web.operations_routes import OPERATIONS_ROUTES
from infusion_service.web.routing import (
    ADMIN,
    ANYONE,
    OWN_CREDENTIAL,
    PUBLIC,
    READERS,
    STAFF,
    WARD,
    Handler,
    Route,
)

INTEGRATIONS = frozenset({"integration", "auditor", "admin"})
CHARGE = frozenset({"charge_nurse", "admin"})
REVIEWERS = frozenset({"charge_nurse", "auditor"})
DESK = ANYONE - {"device"}
SIGNED_IN = READERS - {"device"}
"""The record of a day is full of names: it is for people, not for a screen that hangs on a wall."""


def _route(method: str, path: str, handler: Handler, allowed: frozenset[str], scope: str = "") -> Route:
    return Route(method=method, path=path, handler=handler, allowed=allowed, scope=scope)


ROUTES: tuple[Route, ...] = (
    _route("GET", "/", page.get_page, PUBLIC),
    _route("GET", "/sw.js", page.get_worker, PUBLIC),
    _route("GET", "/audit", page.get_audit_page, PUBLIC),
    _route("GET", "/ops", page.get_operations_page, PUBLIC),
    _route("GET", "/static/{file}", page.get_file, PUBLIC),
    _route("GET", "/static/desk/{file}", page.get_desk_file, PUBLIC),
    _route("GET", "/health/live", operations.get_live, PUBLIC),
    _route("GET", "/health/ready", operations.get_ready, PUBLIC),
    _route("GET", "/openapi.json", operations.get_openapi, PUBLIC),
    _route("GET", "/metrics", operations.get_metrics, INTEGRATIONS, "metrics"),
    _route("POST", "/v1/sessions", sessions.post_session, WARD, "sessions"),
    _route("GET", "/v1/sessions/current", sessions.get_current_session, WARD, "sessions"),
    _route("DELETE", "/v1/sessions/current", sessions.delete_current_session, STAFF, "sessions"),
    _route("DELETE", "/v1/sessions/{session}", sessions.delete_session, CHARGE, "administration"),
    # Anyone may try to post: who may not is refused by the protocol, and the refusal is an entry of the log. What is
    # asked for most comes first, as addresses are tried in this order.
    _route("POST", "/v1/days/{day}/events", facts.post_event, ANYONE, "facts"),
    _route("GET", "/v1/days/{day}", days.get_day, READERS, "days"),
    _route("GET", "/v1/days", days.get_board, READERS, "days"),
    _route("POST", "/v1/days", facts.post_day, ANYONE, "facts"),
    _route("GET", "/v1/days/{day}/report", report.get_report, SIGNED_IN, "days"),
    _route("GET", "/v1/days/{day}/entries", days.get_entries, READERS, "days"),
    _route("POST", "/v1/batches", facts.post_batch, ANYONE, "facts"),
    _route("POST", "/v1/double-checks", facts.post_double_check, ANYONE, "facts"),
    _route("GET", "/v1/log", feed.get_log, ANYONE, "log"),
    _route("GET", "/v1/log/stream", stream.get_stream, ANYONE, "log"),
    _route("GET", "/v1/log/checkpoint", proofs.get_checkpoint, ANYONE, "log"),
    _route("GET", "/v1/log/proof/inclusion", proofs.get_inclusion_proof, ANYONE, "log"),
    _route("GET", "/v1/log/proof/consistency", proofs.get_consistency_proof, ANYONE, "log"),
    _route("GET", "/v1/log/key", proofs.get_keys, ANYONE, "log"),
    _route("POST", "/v1/log/keys", proofs.post_key, ADMIN, "administration"),
    _route("POST", "/v1/log/keys/{key}/retire", proofs.post_key_retirement, ADMIN, "administration"),
    _route("GET", "/v1/workflows", definitions.get_workflows, ANYONE, "workflows"),
    _route("GET", "/v1/workflows/{name}/{version}", definitions.get_workflow, ANYONE, "workflows"),
    _route("GET", "/v1/workflows/{name}/{version}/diagram", definitions.get_diagram, ANYONE, "workflows"),
    _route("GET", "/v1/clock", operations.get_clock, ANYONE, "clock"),
    _route("PUT", "/v1/clock", operations.put_clock, WARD | ADMIN, "clock"),
    _route("POST", "/v1/clock/confirm", operations.post_clock_confirmation, ADMIN, "administration"),
    _route("GET", "/v1/devices", administration.get_devices, ADMIN, "administration"),
    _route("POST", "/v1/devices", administration.post_device, ADMIN, "administration"),
    _route("PATCH", "/v1/devices/{device}", administration.patch_device, ADMIN, "administration"),
    _route("POST", "/v1/devices/current/cookie", sessions.post_device_cookie, frozenset({"device"}), "sessions"),
    _route("PUT", "/v1/devices/current/queue", device_queues.put_queue, WARD, "devices"),
    _route("GET", "/v1/staff", administration.get_staff, CHARGE, "administration"),
    _route("POST", "/v1/staff", administration.post_staff, ADMIN, "administration"),
    _route("PATCH", "/v1/staff/{staff}", administration.patch_staff, ADMIN, "administration"),
    _route("POST", "/v1/staff/{staff}/unlock", administration.post_unlock, CHARGE, "administration"),
    _route("GET", "/v1/break-glass", glass.get_break_glass, REVIEWERS, "break-glass"),
    _route("POST", "/v1/break-glass", glass.post_break_glass, STAFF, "break-glass"),
    _route("POST", "/v1/break-glass/{glass}/review", glass.post_review, frozenset({"charge_nurse"}), "break-glass"),
    _route("GET", "/v1/credentials/current", desk.get_current_token, PUBLIC),
    _route("POST", "/v1/credentials/current/cookie", desk.post_cookie, DESK, OWN_CREDENTIAL),
    _route("DELETE", "/v1/credentials/current/cookie", desk.delete_cookie, DESK, OWN_CREDENTIAL),
    _route("GET", "/v1/tokens", administration.get_tokens, ADMIN, "administration"),
    _route("POST", "/v1/tokens", administration.post_token, ADMIN, "administration"),
    _route("PATCH", "/v1/tokens/{token}", administration.patch_token, ADMIN, "administration"),
    *AUDIT_ROUTES,
    *ENDPOINT_ROUTES,
    *OPERATIONS_ROUTES,
)
