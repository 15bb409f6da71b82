"""`infusion workflow`: checks and draws workflow files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cyclopts

from infusion_service.cli.configuration import Json
from infusion_service.cli.exits import CommandFailed, Exit, usage
from infusion_service.cli.output import show, show_json, show_table

if TYPE_CHECKING:
    from infusion_service.clinical.workflow import Workflow

app = cyclopts.App(name="workflow", help="Check workflow files and draw them.")


@app.command
def check(*files: Path, json: Json = False) -> int:
    """Apply the checks of loading to workflow files; exit code 3 when one would be refused at start.

    Parameters
    ----------
    files
        Workflow files (TOML), at least one.
    json
        Print one JSON object per file.
    """
    from infusion_service.clinical.workflow import WorkflowInvalid, load_workflow

    if not files:
        raise usage("workflow check needs at least one file")
    sound = True
    for path in files:
        try:
            workflow = load_workflow(_read(path), file=path.name)
        except WorkflowInvalid as invalid:
            sound = False
            rows = [(problem.file, problem.key, problem.problem, problem.remedy) for problem in invalid.problems]
            if json:
                names = ("file", "key", "problem", "remedy")
                problems = [dict(zip(names, row, strict=True)) for row in rows]
                show_json({"file": path.name, "sound": False, "problems": problems})
            else:
                show_table(("file", "key", "problem", "what to do"), rows)
        else:
            _show_sound(path, workflow, json=json)
    return Exit.FINE if sound else Exit.FINDING


@app.command
def diagram(file: Path) -> int:
    """Print the states and moves of a workflow file as a Mermaid diagram.

    Parameters
    ----------
    file
        Workflow file (TOML).
    """
    from infusion_service.clinical.workflow import WorkflowInvalid, load_workflow

    try:
        show(load_workflow(_read(file), file=file.name).diagram())
    except WorkflowInvalid as invalid:
        raise CommandFailed(Exit.FINDING, str(invalid)) from None
    return Exit.FINE


def _show_sound(path: Path, workflow: Workflow, *, json: bool) -> None:
    counts = {"states": len(workflow.states), "facts": len(workflow.facts), "guards": len(workflow.guards)}
    if json:
        show_json({"file": path.name, "sound": True, **workflow.ref.as_json(), **counts})
    else:
        told = ", ".join(f"{number} {name}" for name, number in counts.items())
        show(f"sound  {path.name}: {workflow.name} version {workflow.version}, {told}, {workflow.hash}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise usage(f"{path}: {error.strerror or error}") from None
