"""What is answered about versions of a workflow, as types."""

from __future__ import annotations

import msgspec

from infusion_service.web.shapes import Named


class WorkflowChange(msgspec.Struct, forbid_unknown_fields=True):
    """One difference: the part of the file, the key within (empty: the part itself), and what became of it."""

    part: str
    key: str
    change: str


class WorkflowDifference(msgspec.Struct, forbid_unknown_fields=True):
    """What changed from one version to another, in the order of the file."""

    before: Named
    after: Named
    changes: list[WorkflowChange]
