"""Every hole of the table, planted in a copy of the shipped workflow, found by the search of its own property.

The counterexample is played: met by the service while the hole is there, not met once it is mended. What the command
line makes of a hole is in `tests/cli`.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from infusion_service import packaged
from infusion_service.cli.counterexample import rehearsal_of
from infusion_service.cli.exits import Exit
from infusion_service.cli.rehearsal.script import parse_script
from infusion_service.cli.rehearsal.stage import rehearse
from infusion_service.clinical.model_check import model_check
from infusion_service.clinical.workflow import load_workflow
from tests.cli.running import infusion
from tests.clinical.workflow_copies import SHIPPED, edited
from tests.clinical.workflow_holes import HOLES
from tests.drills.conftest import Drill

pytestmark = pytest.mark.drill

FOUND_WITHIN_S = 60.0
"""Of processor time, so that it holds beside other work."""

EVERY = [(name, way) for name, ways in HOLES.items() for way in ways]


@pytest.mark.parametrize(("name", "way"), EVERY, ids=lambda part: part.replace(" ", "-"))
async def test_a_planted_hole_is_found_and_can_be_played(name: str, way: str, tmp_path: Path, drill: Drill) -> None:
    raw = edited(*HOLES[name][way])
    (tmp_path / SHIPPED.name).write_bytes(raw)
    workflow = load_workflow(raw, file=SHIPPED.name)

    began = time.process_time()
    (searched,) = model_check(workflow, only=[name])
    took_s = time.process_time() - began

    assert searched.violation is not None
    drill.figure(f"found in {took_s:.1f} s of CPU, {searched.states} situations, {len(searched.violation.steps)} steps")
    assert took_s < FOUND_WITHIN_S
    script = parse_script(rehearsal_of(searched.violation, workflow, file=SHIPPED.name).encode(), file="hole.toml")
    with_hole = await rehearse(script, via="process", workflows_dir=tmp_path)
    mended = await rehearse(script, via="process", workflows_dir=packaged.workflows_dir())
    assert with_hole.met, with_hole.differences
    assert not mended.met


def test_the_shipped_files_have_no_hole(drill: Drill) -> None:
    began = time.process_time()
    checked = infusion("workflow", "check", *sorted(packaged.workflows_dir().glob("*.toml")))
    took_s = time.process_time() - began

    assert checked.code == Exit.FINE, checked.out
    assert "VIOLATED" not in checked.out
    assert "NOT" not in checked.out
    drill.figure(f"searched to their end in {took_s:.1f} s of CPU")
    assert took_s < FOUND_WITHIN_S
