"""The stage of one rehearsal: a service of its own, on its own database file and a clock that stands until moved."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import aiohttp

from infusion_service.bootstrap import Service, open_service
from infusion_service.cli.hosting import hosted
from infusion_service.cli.rehearsal.in_process import InProcessWard
from infusion_service.cli.rehearsal.over_http import HttpWard, SignedIn
from infusion_service.cli.rehearsal.player import WARD_ID, Player, opening
from infusion_service.cli.rehearsal.script import Script
from infusion_service.cli.rehearsal.strict import ScriptInvalid
from infusion_service.cli.rehearsal.verdict import Verdict
from infusion_service.cli.rehearsal.ward import Ward
from infusion_service.clinical.vocabulary import Actor
from infusion_service.clinical.workflow import Workflow
from infusion_service.intake.clock import SimulatedClock
from infusion_service.intake.workflows import read_workflow_files
from infusion_service.limits import Limits
from infusion_service.settings import Settings
from infusion_service.settings import Ward as WardSettings

Via = Literal["process", "http"]

DIRECTOR = Actor(id="rehearsal", role="admin", how="service")

A_LONG_SHIFT = Limits(session_idle_min=366 * 24 * 60, session_hours_max=366 * 24)
"""Nobody has to sign in again in the middle of a script that runs over simulated days."""


async def rehearse(script: Script, *, via: Via, workflows_dir: Path) -> Verdict:
    """Play one script on a stage of its own. Raises `ScriptInvalid`, `clinical.workflow.WorkflowInvalid`."""
    workflow = workflow_of(script, read_workflow_files(workflows_dir))
    with TemporaryDirectory(prefix="infusion-rehearsal-") as directory:
        settings = _settings(script, Path(directory), workflows_dir)
        async with (
            open_service(settings, clock=SimulatedClock(opening(script))) as service,
            _ward(service, via) as ward,
        ):
            differences = await Player(script, ward, workflow).play()
    return Verdict(file=script.file, name=script.name, steps=len(script.steps), differences=differences)


@asynccontextmanager
async def _ward(service: Service, via: Via) -> AsyncIterator[Ward]:
    if via == "process":
        yield InProcessWard(service)
        return
    now = service.intake.clock.now()
    _, token = await service.access.mint_token("rehearsal", "admin", now + timedelta(days=366), DIRECTOR)
    async with hosted(service) as base_url, aiohttp.ClientSession(base_url) as client:
        yield HttpWard(client, SignedIn(client, token, ward=WARD_ID, now=now))


def _settings(script: Script, directory: Path, workflows_dir: Path) -> Settings:
    return Settings(
        site="rehearsal",
        clock="simulated",
        clock_start=opening(script),
        port=0,
        database=directory / "rehearsal.db",
        workflows_dir=workflows_dir,
        limits=A_LONG_SHIFT,
        wards=(WardSettings(id=WARD_ID, name="Rehearsal", timezone=script.timezone.key),),
    )


def workflow_of(script: Script, workflows: Sequence[Workflow]) -> Workflow:
    """Return the workflow a script names, the newest version where it names none. Raises `ScriptInvalid`."""
    named = [workflow for workflow in workflows if workflow.name == script.workflow]
    if script.workflow_version is not None:
        named = [workflow for workflow in named if workflow.version == script.workflow_version]
    if not named:
        known = ", ".join(f"{workflow.name}@{workflow.version}" for workflow in workflows) or "none"
        raise ScriptInvalid(script.file, "top level", "workflow", f"there is no such workflow; known: {known}")
    return max(named, key=lambda workflow: workflow.version)
