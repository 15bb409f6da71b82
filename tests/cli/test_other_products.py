"""What people read of a day of another product - board, day, record, replay - says that product's own words.

A file alone adds a product; so its titles, states, checks and signs are what is shown, and none of the shipped one's.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from infusion_service.bootstrap import open_service
from infusion_service.cli.exits import Exit
from infusion_service.cli.hosting import hosted
from infusion_service.cli.rehearsal.over_http import HttpWard, SignedIn
from infusion_service.cli.rehearsal.player import WARD_ID, Player, opening
from infusion_service.cli.rehearsal.script import Script, read_script
from infusion_service.cli.rehearsal.stage import A_LONG_SHIFT, DIRECTOR
from infusion_service.clinical.workflow import Workflow
from infusion_service.intake.clock import SimulatedClock
from infusion_service.settings import Settings
from infusion_service.settings import Ward as WardSettings
from tests.cli.running import infusion
from tests.clinical.workflow_copies import INVENTED, SHIPPED, loaded

PLAYED = [INVENTED / "played" / "velorimab_first_dose.toml", INVENTED / "played" / "dosaximab_by_weight.toml"]
NOT_SHIPPED = re.compile("alemtuzumab|befast|be-fast|lemtrada|news2|premed|screening", re.IGNORECASE)


@dataclass
class Shown:
    """What was read of the first day of a rehearsal that was played to its end."""

    workflow: Workflow
    settings: Settings
    day: dict[str, Any] = field(default_factory=dict)
    row: dict[str, Any] = field(default_factory=dict)
    entries: str = ""
    record: str = ""


@pytest.fixture(params=PLAYED, ids=lambda path: path.stem)
async def shown(request: pytest.FixtureRequest, tmp_path: Path) -> Shown:
    """A day played over HTTP, and read by an auditor."""
    script = read_script(request.param)
    workflow = loaded(path=next(INVENTED.glob(f"{script.workflow}.v*.toml")))
    settings = Settings(
        site="rehearsal", clock="simulated", clock_start=opening(script), port=0, database=tmp_path / "played.db",
        workflows_dir=INVENTED, limits=A_LONG_SHIFT,
        wards=(WardSettings(id=WARD_ID, name="Rehearsal", timezone=script.timezone.key),),
    )  # fmt: skip
    read = Shown(workflow, settings)
    async with _reading(script, settings, workflow) as (client, day_id):
        async with client.get(f"/v1/days/{day_id}") as answer:
            read.day = await answer.json()
        async with client.get("/v1/days", params={"date": read.day["date"]}) as answer:
            read.row = next(row for row in (await answer.json())["days"] if row["day_id"] == day_id)
        async with client.get(f"/v1/days/{day_id}/entries") as answer:
            read.entries = await answer.text()
        async with client.get(f"/v1/days/{day_id}/report") as answer:
            read.record = await answer.text()
    return read


@asynccontextmanager
async def _reading(
    script: Script, settings: Settings, workflow: Workflow
) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    async with open_service(settings, clock=SimulatedClock(opening(script))) as service:
        until = service.intake.clock.now() + timedelta(days=400)
        _, admin = await service.access.mint_token("rehearsal", "admin", until, DIRECTOR)
        _, auditor = await service.access.mint_token("reader", "auditor", until, DIRECTOR)
        async with hosted(service) as url, aiohttp.ClientSession(url) as ward:
            player = Player(
                script,
                HttpWard(ward, SignedIn(ward, admin, ward=WARD_ID, now=service.intake.clock.now())),
                workflow,
            )
            assert await player.play() == []
            async with aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {auditor}"}) as client:
                yield client, player.scene.days[0].day_id


def test_the_day_and_the_board_say_the_products_own_words(shown: Shown) -> None:
    workflow = shown.workflow
    signs = {sign for name in workflow.of_meaning("vital_signs") for sign in workflow.facts[name].fields}

    assert shown.day["state"] == shown.row["state"]
    assert shown.day["state"] in workflow.states
    assert {allowed["type"] for allowed in shown.day["allowed"]} <= workflow.facts.keys()
    assert {check["check"] for check in shown.day["checks"]} <= {check.check for check in workflow.definition.checks}
    assert set(shown.day["vitals"]) & signs
    assert not NOT_SHIPPED.search(str(shown.day))
    assert not NOT_SHIPPED.search(shown.entries)


def test_the_record_says_the_products_own_titles(shown: Shown) -> None:
    workflow = shown.workflow

    assert workflow.title in shown.record
    assert workflow.states[shown.day["state"]].title in shown.record
    assert workflow.facts[workflow.only_of_meaning("scheduling")].title in shown.record
    assert workflow.facts[workflow.only_of_meaning("pump_started")].title in shown.record
    assert not NOT_SHIPPED.search(shown.record)


def test_replay_and_verification_need_no_other_words(shown: Shown) -> None:
    env = {
        "INFUSION_SITE_NAME": shown.settings.site,
        "INFUSION_STORAGE_DATABASE": str(shown.settings.database),
        "INFUSION_WORKFLOWS_DIRECTORY": str(INVENTED),
    }

    replayed = infusion("replay", shown.day["day_id"], env=env)
    verified = infusion("verify", "--db", shown.settings.database, env=env)

    assert replayed.code == Exit.FINE, replayed.err
    assert shown.workflow.only_of_meaning("scheduling") in replayed.out
    assert not NOT_SHIPPED.search(replayed.out)
    assert verified.code == Exit.FINE, verified.out + verified.err


def test_the_words_looked_for_are_the_shipped_ones() -> None:
    assert NOT_SHIPPED.search(SHIPPED.read_text(encoding="utf-8"))
