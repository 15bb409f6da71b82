"""The workflow files in force, as data, as their own bytes and as diagrams."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from infusion_service.clinical.workflow import Workflow
from infusion_service.clinical.workflow_diff import changes
from infusion_service.web.answers import answer, packed
from infusion_service.web.keys import INTAKE
from infusion_service.web.problems import not_found
from infusion_service.web.queries import Query

TOML_TYPE = "application/toml"
MERMAID_TYPE = "text/vnd.mermaid"


async def get_workflows(request: web.Request) -> web.Response:
    """Return name, version and content hash of every workflow there is."""
    Query(request)
    workflows = request.app[INTAKE].workflows()
    return answer({"workflows": [_named(workflow) for workflow in workflows]})


async def get_workflow(request: web.Request) -> web.Response:
    """Return one version: as JSON, or as the file's very bytes where `Accept` asks for TOML."""
    Query(request)
    workflow = _workflow_of(request)
    headers = {"ETag": f'"{workflow.hash}"', "Vary": "Accept"}
    if TOML_TYPE in request.headers.get("Accept", ""):
        return web.Response(body=workflow.raw, headers={**headers, "Content-Type": f"{TOML_TYPE}; charset=utf-8"})
    return packed(answer(workflow.as_json(), headers=headers))


async def get_diagram(request: web.Request) -> web.Response:
    """Return one version's states and moves as Mermaid text."""
    Query(request)
    workflow = _workflow_of(request)
    headers = {"ETag": f'"{workflow.hash}"', "Content-Type": f"{MERMAID_TYPE}; charset=utf-8"}
    return web.Response(body=workflow.diagram().encode(), headers=headers)


async def get_diff(request: web.Request) -> web.Response:
    """Return what changed in one version from another one of the same workflow; without one, from the one before."""
    asked = Query(request, "from_version").whole("from_version", least=1)
    after = _workflow_of(request)
    earlier = [each for each in request.app[INTAKE].workflows() if each.name == after.name]
    wanted = [each for each in earlier if each.version == asked or (asked is None and each.version < after.version)]
    if not wanted:
        raise not_found("There is no such version to compare it with.")
    before = wanted[-1]
    told = [change.as_json() for change in changes(before.definition, after.definition)]
    return answer({"before": before.ref.as_json(), "after": after.ref.as_json(), "changes": told})


def _named(workflow: Workflow) -> dict[str, Any]:
    return {**workflow.ref.as_json(), "title": workflow.title}


def _workflow_of(request: web.Request) -> Workflow:
    name, version = request.match_info["name"], request.match_info["version"]
    for workflow in request.app[INTAKE].workflows():
        if workflow.name == name and str(workflow.version) == version:
            return workflow
    raise not_found("There is no such version of a workflow.")
