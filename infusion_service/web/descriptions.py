"""What OpenAPI says of each route: one row per row of `routes.ROUTES`."""

from __future__ import annotations

from collections.abc import Mapping

from infusion_service.web import definitions, feed, log_shapes, metrics, payloads, proofs, shapes, stream
from infusion_service.web.audit_routes import AUDIT_DESCRIPTIONS
from infusion_service.web.describing import Description
from infusion_service.web.endpoint_routes import ENDPOINT_DESCRIPTIONS
from infusion_service.web.operations_routes import OPERATIONS_DESCRIPTIONS

_FACT_PROBLEMS = (404, 409, 412, 422, 429, 503, 507)
_CHANGE_PROBLEMS = (503, 507)

DESCRIPTIONS: Mapping[tuple[str, str], Description] = {
    ("GET", "/"): Description(summary="The ward page", tag="page", media=("text/html",), unchanged=True),
    ("GET", "/audit"): Description(summary="The auditor's page", tag="page", media=("text/html",), unchanged=True),
    ("GET", "/ops"): Description(summary="The operator's page", tag="page", media=("text/html",), unchanged=True),
    ("GET", "/static/desk/{file}"): Description(
        summary="A file of the auditor's and the operator's pages",
        tag="page",
        media=("text/css", "text/javascript"),
        unchanged=True,
    ),
    ("GET", "/sw.js"): Description(
        summary="The page's service worker, with the version of its files",
        tag="page",
        media=("text/javascript",),
        unchanged=True,
    ),
    ("GET", "/static/{file}"): Description(
        summary="A file of the ward page",
        tag="page",
        media=("text/css", "text/javascript", "image/svg+xml", "application/manifest+json"),
        unchanged=True,
    ),
    ("GET", "/health/live"): Description(summary="Does the process answer", tag="operation", gives=shapes.Alive),
    ("GET", "/health/ready"): Description(
        summary="Can facts be taken", tag="operation", gives=shapes.Ready, refuses=(503,)
    ),
    ("GET", "/openapi.json"): Description(summary="This document", tag="operation", media=("application/json",)),
    ("GET", "/metrics"): Description(
        summary="Figures for Prometheus", tag="operation", media=(metrics.CONTENT_TYPE.partition(";")[0],)
    ),
    ("POST", "/v1/sessions"): Description(
        summary="Sign in with badge and PIN on a device",
        tag="sessions",
        takes=payloads.SignIn,
        gives=shapes.Session,
        status=201,
        refuses=_CHANGE_PROBLEMS,
    ),
    ("GET", "/v1/sessions/current"): Description(
        summary="Which device asks and who is signed in", tag="sessions", gives=shapes.CurrentSession
    ),
    ("DELETE", "/v1/sessions/current"): Description(
        summary="Sign out", tag="sessions", status=204, refuses=_CHANGE_PROBLEMS
    ),
    ("DELETE", "/v1/sessions/{session}"): Description(
        summary="End somebody's session", tag="sessions", status=204, refuses=_CHANGE_PROBLEMS
    ),
    ("GET", "/v1/days"): Description(
        summary="The board",
        tag="days",
        gives=shapes.Board,
        query=("ward", "state", "date", "open", "newest", "after", "limit"),
    ),
    ("POST", "/v1/days"): Description(
        summary="Schedule a day",
        tag="days",
        takes=payloads.NewDay,
        gives=shapes.DayView,
        status=201,
        refuses=_FACT_PROBLEMS,
        replays=True,
    ),
    ("GET", "/v1/days/{day}"): Description(
        summary="One day, now or as it stood and was known then",
        tag="days",
        gives=shapes.DayView,
        query=("at", "known_at"),
    ),
    ("POST", "/v1/days/{day}/events"): Description(
        summary="Post a fact",
        tag="facts",
        takes=payloads.Fact,
        gives=shapes.Receipt,
        status=201,
        refuses=_FACT_PROBLEMS,
        replays=True,
    ),
    ("GET", "/v1/days/{day}/report"): Description(
        summary="The record of a day, to read and print", tag="days", media=("text/html",)
    ),
    ("GET", "/v1/days/{day}/entries"): Description(summary="All entries of a day", tag="days", gives=shapes.DayEntries),
    ("POST", "/v1/batches"): Description(
        summary="Post several facts, each for itself or as groups",
        tag="facts",
        takes=payloads.FactBatch,
        gives=shapes.BatchResults,
        refuses=(429, 503, 507),
    ),
    ("POST", "/v1/double-checks"): Description(
        summary="The first person's blind entry of a fact that two people enter",
        tag="facts",
        takes=payloads.DoubleCheck,
        gives=shapes.DoubleCheckReceipt,
        status=201,
        refuses=_FACT_PROBLEMS,
        replays=True,
    ),
    ("GET", "/v1/log"): Description(
        summary="The log, as far as the credential may see",
        tag="log",
        gives=shapes.LogPage,
        media=(feed.NDJSON_TYPE,),
        query=("after", "limit", "day", "type"),
    ),
    ("GET", "/v1/log/stream"): Description(
        summary="The log as it grows, as server-sent events `entry` and `beat`",
        tag="log",
        media=(stream.EVENT_STREAM_TYPE,),
        query=("after",),
        refuses=(429, 503),
    ),
    ("GET", "/v1/log/checkpoint"): Description(
        summary="The newest signed checkpoint, a C2SP note", tag="log", media=(proofs.NOTE_TYPE,), refuses=(404,)
    ),
    ("GET", "/v1/log/proof/inclusion"): Description(
        summary="Proof that an entry is in the log", tag="log", gives=log_shapes.InclusionProof, query=("seq", "size")
    ),
    ("GET", "/v1/log/proof/consistency"): Description(
        summary="Proof that the log only grew", tag="log", gives=log_shapes.ConsistencyProof, query=("from", "to")
    ),
    ("GET", "/v1/log/key"): Description(
        summary="The log's name and the keys that sign for it", tag="log", gives=log_shapes.SigningKeys
    ),
    ("POST", "/v1/log/keys"): Description(
        summary="Add a key that signs beside the present ones",
        tag="administration",
        takes=payloads.Nothing,
        gives=log_shapes.SigningKey,
        status=201,
        refuses=(404, *_CHANGE_PROBLEMS),
    ),
    ("POST", "/v1/log/keys/{key}/retire"): Description(
        summary="Let a key sign no more",
        tag="administration",
        takes=payloads.Nothing,
        gives=log_shapes.SigningKey,
        refuses=(409, *_CHANGE_PROBLEMS),
    ),
    ("GET", "/v1/workflows"): Description(summary="All workflows", tag="workflows", gives=shapes.Workflows),
    ("GET", "/v1/workflows/{name}/{version}"): Description(
        summary="One version of a workflow",
        tag="workflows",
        gives=shapes.WorkflowDefinition,
        media=(definitions.TOML_TYPE,),
    ),
    ("GET", "/v1/workflows/{name}/{version}/diagram"): Description(
        summary="Its states and moves as Mermaid text", tag="workflows", media=(definitions.MERMAID_TYPE,)
    ),
    ("GET", "/v1/clock"): Description(
        summary="The simulated time", tag="operation", gives=shapes.ClockReading, refuses=(404,)
    ),
    ("PUT", "/v1/clock"): Description(
        summary="Move the simulated time forward",
        tag="operation",
        takes=payloads.ClockChange,
        gives=shapes.ClockReading,
        refuses=(404, 503, 507),
    ),
    ("POST", "/v1/clock/confirm"): Description(
        summary="Say that the clock is right, after it was in doubt",
        tag="administration",
        takes=payloads.Nothing,
        gives=shapes.ClockConfirmed,
        refuses=_CHANGE_PROBLEMS,
    ),
    ("GET", "/v1/devices"): Description(summary="All devices", tag="administration", gives=shapes.Devices),
    ("POST", "/v1/devices"): Description(
        summary="Enrol a device",
        tag="administration",
        takes=payloads.NewDevice,
        gives=shapes.EnrolledDevice,
        status=201,
        refuses=(409, *_CHANGE_PROBLEMS),
    ),
    ("PATCH", "/v1/devices/{device}"): Description(
        summary="Revoke a device",
        tag="administration",
        takes=payloads.Revocation,
        gives=shapes.Device,
        refuses=_CHANGE_PROBLEMS,
    ),
    ("POST", "/v1/devices/current/cookie"): Description(
        summary="Keep the device's token in a cookie of the page", tag="sessions", status=204
    ),
    ("PUT", "/v1/devices/current/queue"): Description(
        summary="Say which facts wait on this device and are not on the record yet",
        tag="sessions",
        takes=payloads.DeviceQueue,
        status=204,
    ),
    ("GET", "/v1/staff"): Description(summary="All staff", tag="administration", gives=shapes.Staff),
    ("POST", "/v1/staff"): Description(
        summary="Add a person",
        tag="administration",
        takes=payloads.NewStaff,
        gives=shapes.StaffMember,
        status=201,
        refuses=(409, *_CHANGE_PROBLEMS),
    ),
    ("PATCH", "/v1/staff/{staff}"): Description(
        summary="Change a person's PIN or badge, or end their access",
        tag="administration",
        takes=payloads.StaffChange,
        gives=shapes.StaffMember,
        refuses=(409, *_CHANGE_PROBLEMS),
    ),
    ("POST", "/v1/staff/{staff}/unlock"): Description(
        summary="Unlock a badge", tag="administration", gives=shapes.StaffMember, refuses=_CHANGE_PROBLEMS
    ),
    ("GET", "/v1/break-glass"): Description(
        summary="Every breaking of the glass, for review",
        tag="break-glass",
        gives=shapes.BrokenGlasses,
        query=("open",),
    ),
    ("POST", "/v1/break-glass"): Description(
        summary="Read one patient outside one's wards for an hour",
        tag="break-glass",
        takes=payloads.BreakGlass,
        gives=shapes.OpenedGlass,
        status=201,
        refuses=(404, *_CHANGE_PROBLEMS),
    ),
    ("POST", "/v1/break-glass/{glass}/review"): Description(
        summary="Note that somebody else has looked into it",
        tag="break-glass",
        takes=payloads.Nothing,
        gives=shapes.BrokenGlass,
        refuses=_CHANGE_PROBLEMS,
    ),
    ("GET", "/v1/credentials/current"): Description(
        summary="Whom the credential that asks stands for", tag="sessions", gives=shapes.CurrentToken
    ),
    ("POST", "/v1/credentials/current/cookie"): Description(
        summary="Turn the token into a cookie of the auditor's and the operator's pages",
        tag="sessions",
        takes=payloads.Nothing,
        gives=shapes.CurrentToken,
        status=201,
    ),
    ("DELETE", "/v1/credentials/current/cookie"): Description(
        summary="Forget that cookie; the token stays what it was", tag="sessions", status=204
    ),
    ("GET", "/v1/tokens"): Description(summary="All service tokens", tag="administration", gives=shapes.Tokens),
    ("POST", "/v1/tokens"): Description(
        summary="Mint a service token",
        tag="administration",
        takes=payloads.NewToken,
        gives=shapes.MintedToken,
        status=201,
        refuses=_CHANGE_PROBLEMS,
    ),
    ("PATCH", "/v1/tokens/{token}"): Description(
        summary="Revoke a service token",
        tag="administration",
        takes=payloads.Revocation,
        gives=shapes.ServiceToken,
        refuses=_CHANGE_PROBLEMS,
    ),
    **AUDIT_DESCRIPTIONS,
    **ENDPOINT_DESCRIPTIONS,
    **OPERATIONS_DESCRIPTIONS,
}
