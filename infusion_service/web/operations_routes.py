"""The rows of the route table that the operator's page adds, and what OpenAPI says of each."""

from __future__ import annotations

from collections.abc import Mapping

from infusion_service.web import definitions, service_status, status_shapes, workflow_shapes
from infusion_service.web.describing import Description
from infusion_service.web.routing import ANYONE, Route

OPERATORS = frozenset({"integration", "auditor", "admin"})

OPERATIONS_ROUTES: tuple[Route, ...] = (
    Route(method="GET", path="/v1/status", handler=service_status.get_status, allowed=OPERATORS, scope="metrics"),
    Route(
        method="GET",
        path="/v1/workflows/{name}/{version}/diff",
        handler=definitions.get_diff,
        allowed=ANYONE,
        scope="workflows",
    ),
)

OPERATIONS_DESCRIPTIONS: Mapping[tuple[str, str], Description] = {
    ("GET", "/v1/status"): Description(
        summary="How the service fares, and what needs somebody's eye",
        tag="operation",
        gives=status_shapes.ServiceStatus,
        refuses=(503,),
    ),
    ("GET", "/v1/workflows/{name}/{version}/diff"): Description(
        summary="What changed from another version of it",
        tag="workflows",
        gives=workflow_shapes.WorkflowDifference,
        query=("from_version",),
    ),
}
