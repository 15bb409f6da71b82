"""Every scripted day of this directory is met: in process, and the shared ones over HTTP with the same result."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infusion_service import packaged
from infusion_service.cli.rehearsal.script import read_script
from infusion_service.cli.rehearsal.stage import Via, rehearse
from infusion_service.cli.rehearsal.verdict import Verdict

FILES = sorted(Path(__file__).parent.rglob("*.toml"))
SHARED = [path for path in FILES if re.match(r"s\d\d", path.name)]


def told(verdict: Verdict) -> str:
    """Return the differences as the failing test shows them."""
    return "\n".join(f"{each.step}: {each.key}: {each.expected} / {each.found}" for each in verdict.differences)


async def played(path: Path, via: Via) -> Verdict:
    """Play one file with the workflows of this checkout."""
    return await rehearse(read_script(path), via=via, workflows_dir=packaged.workflows_dir())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_a_scripted_day_goes_as_expected(path: Path) -> None:
    verdict = await played(path, "process")

    assert verdict.met, told(verdict)


@pytest.mark.parametrize("path", SHARED, ids=lambda path: path.stem)
async def test_it_goes_the_same_over_http(path: Path) -> None:
    verdict = await played(path, "http")

    assert verdict.met, told(verdict)
