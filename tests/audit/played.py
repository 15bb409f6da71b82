"""A site whose log holds whole days: rehearsals played one after another on one database, then stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from pathlib import Path

from infusion_service.bootstrap import open_service
from infusion_service.cli import demo
from infusion_service.cli.rehearsal.in_process import InProcessWard
from infusion_service.cli.rehearsal.player import WARD_ID, Player, opening
from infusion_service.cli.rehearsal.script import Script, read_script
from infusion_service.cli.rehearsal.stage import workflow_of
from infusion_service.clinical.vocabulary import Actor
from infusion_service.intake.clock import SimulatedClock
from infusion_service.intake.workflows import read_workflow_files
from infusion_service.log.signing_keys import make_first_key
from infusion_service.settings import Settings, Ward

SITE = "rehearsal"
SCRIPTS = Path(__file__).parents[1] / "rehearsals"
DEMONSTRATION = Path(demo.__file__).parent / "demo_scripts"

OFFICE = Actor(id="office", role="admin", how="service")


def scripts(*names: str) -> list[Script]:
    """These rehearsals, or scripts of the demonstration, each with a patient and a date of its own, in this order."""
    read = [
        read_script(next(chain(SCRIPTS.glob(f"{name}_*.toml"), DEMONSTRATION.glob(f"{name}_*.toml")))) for name in names
    ]
    return [
        replace(
            script,
            given=replace(script.given, patient=f"P-{week + 1}", date=script.given.date + timedelta(days=7 * week)),
        )
        for week, script in enumerate(read)
    ]


def settings_in(directory: Path) -> Settings:
    """The settings of a site whose files lie in a directory."""
    return Settings(
        site=SITE,
        clock="simulated",
        database=directory / "infusion.db",
        wards=(Ward(id=WARD_ID, name="Rehearsal", timezone="Europe/Paris"),),
    )


def play(directory: Path, *names: str, patients: Sequence[Mapping[str, str]] = ()) -> Settings:
    """Play rehearsals on a fresh site in `directory`, with a signing key, and stop the service again.

    Each patient has a name that is found again wherever it gets to, unless `patients` names them.
    """
    make_first_key(directory)
    settings = settings_in(directory)
    asyncio.run(_play(settings, scripts(*names), patients))
    return settings


async def _play(settings: Settings, played: list[Script], patients: Sequence[Mapping[str, str]]) -> None:
    workflows = read_workflow_files(settings.workflows_dir)
    clock = SimulatedClock(opening(played[0]))
    async with open_service(settings, clock=clock) as service:
        ward = InProcessWard(service)
        for number, script in enumerate(played, start=1):
            patient = patients[number - 1] if patients else {"family": f"Canary{number}", "given": f"Bird{number}"}
            player = Player(script, ward, workflow_of(script, workflows), details={"patient": patient})
            differences = await player.play()
            assert not differences, (script.file, differences)
