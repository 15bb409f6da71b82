"""Playing a script that stands in a test."""

from __future__ import annotations

import pytest

from infusion_service import packaged
from infusion_service.cli.rehearsal.expectation import Difference
from infusion_service.cli.rehearsal.script import parse_script
from infusion_service.cli.rehearsal.stage import Via, rehearse

GIVEN = """
name = "a day"
workflow = "alemtuzumab"
timezone = "Europe/Paris"
[given]
course = 1
day = 1
date = 2026-11-23
"""

both_ways = pytest.mark.parametrize("via", ["process", "http"])


async def play(text: str, via: Via = "process") -> list[Difference]:
    """Play a script and return what was not met."""
    script = parse_script(text.encode(), file="day.toml")
    return list((await rehearse(script, via=via, workflows_dir=packaged.workflows_dir())).differences)
