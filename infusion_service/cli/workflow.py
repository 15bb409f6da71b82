"""`infusion workflow`: checks, compares, draws and describes workflow files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cyclopts

from infusion_service.cli.configuration import Json
from infusion_service.cli.exits import CommandFailed, Exit, usage
from infusion_service.cli.output import show, show_json, show_table

if TYPE_CHECKING:
    from infusion_service.clinical.model_check import Searched
    from infusion_service.clinical.workflow import Workflow
    from infusion_service.clinical.workflow_checks import WorkflowProblem

app = cyclopts.App(name="workflow", help="Check workflow files, compare versions, draw and describe them.")


@app.command
def check(*files: Path, quick: bool = False, counterexample: Path | None = None, json: Json = False) -> int:
    """Apply the checks of loading, then search for a way around each safety property of the file.

    Exit code 3 when a file would be refused at start, its [rehearsal] could not be played or a property does not hold.

    Parameters
    ----------
    files
        Workflow files (TOML), at least one.
    quick
        Only the checks of loading: the search takes up to a minute.
    counterexample
        Where to write the shortest way around the first property that does not hold, as a rehearsal file.
    json
        Print one JSON object per file.
    """
    if not files:
        raise usage("workflow check needs at least one file")
    if counterexample is not None and len(files) > 1:
        raise usage("--counterexample goes with one file at a time")
    sound = True
    for path in files:
        workflow = _loaded_or_told(path, json=json)
        if workflow is None:
            sound = False
        elif quick:
            _show_sound(path, workflow, [], json=json)
        else:
            sound = _search(path, workflow, counterexample, json=json) and sound
    return Exit.FINE if sound else Exit.FINDING


@app.command
def schema() -> int:
    """Print the JSON Schema of workflow files, for editors that complete and check TOML."""
    from infusion_service.clinical.workflow_schema import workflow_schema

    show_json(workflow_schema())
    return Exit.FINE


@app.command
def diff(before: Path, after: Path, *, json: Json = False) -> int:
    """Say in words what changed from one workflow file to another.

    Parameters
    ----------
    before
        The older file.
    after
        The newer file.
    json
        Print one JSON document.
    """
    from infusion_service.clinical.workflow_diff import changes

    old, new = _loaded(before), _loaded(after)
    found = changes(old.definition, new.definition)
    if json:
        told = [change.as_json() for change in found]
        show_json({"before": old.ref.as_json(), "after": new.ref.as_json(), "changes": told})
        return Exit.FINE
    counted = f"{len(found) or 'no'} change{'' if len(found) == 1 else 's'}"
    show(f"{old.name} version {old.version} -> {new.name} version {new.version}: {counted}")
    if found:
        show_table(("part", "key", "change"), [(change.part, change.key, change.words) for change in found])
    return Exit.FINE


@app.command
def diagram(file: Path) -> int:
    """Print the states and moves of a workflow file as a Mermaid diagram.

    Parameters
    ----------
    file
        Workflow file (TOML).
    """
    show(_loaded(file).diagram())
    return Exit.FINE


def _search(path: Path, workflow: Workflow, counterexample: Path | None, *, json: bool) -> bool:
    from infusion_service.clinical.model_check import model_check

    with _progress(len(workflow.definition.safety), quiet=json) as told:
        searched = model_check(workflow, progress=told)
    _show_sound(path, workflow, searched, json=json)
    broken = [each.violation for each in searched if each.violation is not None]
    if broken and counterexample is not None:
        from infusion_service.cli.counterexample import rehearsal_of

        counterexample.write_text(rehearsal_of(broken[0], workflow, file=path.name), encoding="utf-8")
    return not broken


@contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[Callable[[Searched], None]]:
    """Show how many properties are done, on a terminal and nowhere else."""
    if quiet or not sys.stderr.isatty():
        yield lambda _searched: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("safety properties", total=total)
        yield lambda searched: bar.update(task, advance=1, description=searched.rule.id)


def _show_sound(path: Path, workflow: Workflow, searched: Sequence[Searched], *, json: bool) -> None:
    counts = {"states": len(workflow.states), "facts": len(workflow.facts), "guards": len(workflow.guards)}
    holds = all(each.violation is None for each in searched)
    if json:
        properties = [_as_json(each) for each in searched]
        show_json({"file": path.name, "sound": holds, **workflow.ref.as_json(), **counts, "properties": properties})
        return
    told = ", ".join(f"{number} {name}" for name, number in counts.items())
    verdict = "sound" if holds else "NOT SAFE"
    show(f"{verdict}  {path.name}: {workflow.name} version {workflow.version}, {told}, {workflow.hash}")
    if not searched:
        return
    states, depth = sum(each.states for each in searched), max(each.depth for each in searched)
    counted = "1 safety property" if len(searched) == 1 else f"{len(searched)} safety properties"
    show(f"searched {counted}: {states} situations, at most {depth} steps deep")
    for each in searched:
        _show_property(each)


def _show_property(each: Searched) -> None:
    from infusion_service.cli.counterexample import told

    if each.violation is not None:
        show_table(
            ("time", "who", "posts", "with"),
            told(each.violation),
            title=f"VIOLATED  {each.rule.id}: {each.rule.says} ({each.rule.source})",
        )
    elif not each.complete:
        show(f"NOT SEARCHED TO ITS END  {each.rule.id}: {each.states} situations, {each.depth} steps")
    elif not each.tested:
        show(f"NOT PUT TO THE TEST  {each.rule.id}: the search never came to what it forbids; is its test right?")


def _as_json(each: Searched) -> dict[str, Any]:
    from infusion_service.cli.counterexample import told

    return {
        "property": each.rule.id,
        "says": each.rule.says,
        "source": each.rule.source,
        "holds": each.violation is None,
        "situations": each.states,
        "steps": each.depth,
        "complete": each.complete,
        "tested": each.tested,
        "counterexample": [] if each.violation is None else [list(row) for row in told(each.violation)],
    }


def _loaded_or_told(path: Path, *, json: bool) -> Workflow | None:
    """Load a workflow file; say what is wrong with it and return None when it would be refused, or its `[rehearsal]`
    could not be played."""
    from infusion_service.cli.rehearsal.routine import read_routine
    from infusion_service.cli.rehearsal.strict import ScriptInvalid
    from infusion_service.clinical.workflow import WorkflowInvalid, load_workflow
    from infusion_service.clinical.workflow_checks import WorkflowProblem

    try:
        workflow = load_workflow(_read(path), file=path.name)
        read_routine(workflow)
    except WorkflowInvalid as invalid:
        _show_problems(path, invalid.problems, json=json)
        return None
    except ScriptInvalid as invalid:
        remedy = "a rehearsal of this product stops here: mend it, or take it out"
        problem = WorkflowProblem(path.name, f"{invalid.where} {invalid.key}", invalid.problem, remedy)
        _show_problems(path, (problem,), json=json)
        return None
    return workflow


def _show_problems(path: Path, problems: Sequence[WorkflowProblem], *, json: bool) -> None:
    names = ("file", "key", "problem", "remedy")
    rows = [tuple(getattr(problem, name) for name in names) for problem in problems]
    if json:
        told = [dict(zip(names, row, strict=True)) for row in rows]
        show_json({"file": path.name, "sound": False, "problems": told})
    else:
        show_table(("file", "key", "problem", "what to do"), rows)


def _loaded(path: Path) -> Workflow:
    from infusion_service.clinical.workflow import WorkflowInvalid, load_workflow

    try:
        return load_workflow(_read(path), file=path.name)
    except WorkflowInvalid as invalid:
        raise CommandFailed(Exit.FINDING, str(invalid)) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise usage(f"{path}: {error.strerror or error}") from None
