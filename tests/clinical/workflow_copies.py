"""Copies of workflow files with something changed: broken ones, and ones with a hole."""

from __future__ import annotations

from pathlib import Path

from infusion_service.clinical.workflow import Workflow, WorkflowInvalid, load_workflow
from infusion_service.clinical.workflow_checks import WorkflowProblem

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "workflows" / "alemtuzumab.v1.toml"
INVENTED = Path(__file__).parent / "workflows"

Edit = tuple[str, str, str]
"""Where to begin to look (a text that stands in the file once before it), what stands there, what shall stand there."""


def edited(*edits: Edit, path: Path = SHIPPED) -> bytes:
    """Return the bytes of a workflow file with each edit made once, at the first fitting place after its anchor."""
    text = path.read_text(encoding="utf-8")
    for anchor, before, after in edits:
        assert anchor in text, f"{path.name} has no {anchor!r}"
        start = text.index(anchor)
        place = text.find(before, start)
        assert place >= 0, f"{path.name} has no {before!r} after {anchor!r}"
        text = text[:place] + after + text[place + len(before) :]
    return text.encode()


def without_guard(id: str) -> Edit:
    """Return the edit that takes a whole guard out of the shipped file."""
    text = SHIPPED.read_text(encoding="utf-8")
    anchor = f'[[guards]]\nid = "{id}"'
    start = text.index(anchor)
    ends = [place for mark in ("\n[[", "\n\n# ---") if (place := text.find(mark, start)) > 0]
    return anchor, text[start : min(ends)], ""


def loaded(*edits: Edit, path: Path = SHIPPED) -> Workflow:
    """Load a workflow file with edits."""
    return load_workflow(edited(*edits, path=path), file="copy.toml")


def problems(raw: bytes) -> tuple[WorkflowProblem, ...]:
    """Return why a workflow file is refused; none when it is not."""
    try:
        load_workflow(raw, file="copy.toml")
    except WorkflowInvalid as invalid:
        return invalid.problems
    return ()
