"""`infusion rehearse`: play scripted days and check what they expect."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from infusion_service.cli.configuration import Config, Json, settings_from
from infusion_service.cli.exits import Exit, usage
from infusion_service.cli.output import say, show, show_json, show_table

if TYPE_CHECKING:
    from infusion_service.cli.rehearsal.verdict import Verdict


def rehearse(
    *files: Path, via: Literal["process", "http"] = "process", config: Config = None, json: Json = False
) -> int:
    """Play rehearsal files through the real intake, each on a database file and a simulated clock of its own.

    Exit code 3 when an expectation is not met, with a table of the differences; 2 when a file cannot be read.

    Parameters
    ----------
    files
        Rehearsal files (TOML), at least one.
    via
        How the service is reached: in this process, or over HTTP with real credentials. The result is the same.
    config
        Settings file; only its `workflows.dir` matters here.
    json
        Print one JSON object per file.
    """
    from infusion_service import logs
    from infusion_service.cli.rehearsal.script import read_script
    from infusion_service.cli.rehearsal.stage import rehearse as play
    from infusion_service.cli.rehearsal.strict import ScriptInvalid
    from infusion_service.clinical.workflow import WorkflowInvalid

    if not files:
        raise usage("rehearse needs at least one file")
    logs.configure(json=False, level="error")
    workflows_dir = settings_from(config).workflows_dir
    all_met = True
    for path in files:
        try:
            verdict = asyncio.run(play(read_script(path), via=via, workflows_dir=workflows_dir))
        except (ScriptInvalid, WorkflowInvalid) as invalid:
            raise usage(str(invalid)) from None
        except OSError as error:
            raise usage(f"{path}: {error.strerror or error}") from None
        _show(verdict, json=json)
        all_met = all_met and verdict.met
    return Exit.FINE if all_met else Exit.FINDING


def _show(verdict: Verdict, *, json: bool) -> None:
    if json:
        show_json(verdict.as_json())
        return
    if verdict.met:
        show(f"met      {verdict.file}: {verdict.name} ({verdict.steps} steps)")
        return
    show(f"NOT MET  {verdict.file}: {verdict.name}")
    rows = [(each.step, each.key, each.expected, each.found) for each in verdict.differences]
    show_table(("step", "key", "expected", "found"), rows)
    say(f"{verdict.file}: {len(rows)} expectations are not met")
