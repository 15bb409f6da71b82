"""The JSON Schema of workflow files, made from the types that read them.

Promises: what loads has a shape that fits the schema; an unknown key, a wrong type or an unknown kind does not. Numbers
are numbers, as TOML writes them, and nothing is null, which TOML does not have. Does not: know what `workflow_checks`
finds (names that lead nowhere, states that cannot be left).
"""

from __future__ import annotations

import inspect

import msgspec

from infusion_service.clinical.definition import WorkflowFile
from infusion_service.clinical.vocabulary import JSON

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TITLE = "Workflow file of an infusion day"
_DECIMAL = {"type": "string", "format": "decimal"}
_NULL = {"type": "null"}


def workflow_schema() -> dict[str, JSON]:
    """Return the schema as a JSON-ready dict. Editors use it to complete and check TOML."""
    return {"$schema": DIALECT, "title": TITLE, **_as_toml(msgspec.json.schema(WorkflowFile))}


def _as_toml(node: JSON) -> JSON:
    if isinstance(node, list):
        return [_as_toml(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node == _DECIMAL:
        return {"type": "number"}
    told = {key: _as_toml(value) for key, value in node.items() if not (key == "default" and value is None)}
    if isinstance(told.get("description"), str):
        told["description"] = inspect.cleandoc(told["description"])
    choices = told.get("anyOf")
    if isinstance(choices, list) and _NULL in choices:
        told["anyOf"] = [choice for choice in choices if choice != _NULL]
        if len(told["anyOf"]) == 1:
            (only,) = told.pop("anyOf")
            told |= only
    return told
