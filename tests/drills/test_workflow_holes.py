"""Every hole of the table, planted in a copy of the shipped workflow, found by the command line within a minute.

The counterexample it writes is played: met by the service while the hole is there, not met once it is mended.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from infusion_service import packaged
from infusion_service.cli.exits import Exit
from infusion_service.cli.rehearsal.script import read_script
from infusion_service.cli.rehearsal.stage import rehearse
from tests.cli.running import infusion
from tests.clinical.workflow_copies import SHIPPED, edited
from tests.clinical.workflow_holes import HOLES

pytestmark = pytest.mark.drill

FOUND_WITHIN_S = 60.0

EVERY = [(name, way) for name, ways in HOLES.items() for way in ways]


@pytest.mark.parametrize(("name", "way"), EVERY, ids=lambda part: part.replace(" ", "-"))
async def test_a_planted_hole_is_found_and_can_be_played(name: str, way: str, tmp_path: Path) -> None:
    copy, counterexample = tmp_path / SHIPPED.name, tmp_path / "played" / "hole.toml"
    counterexample.parent.mkdir()
    copy.write_bytes(edited(*HOLES[name][way]))

    began = time.process_time()
    checked = infusion("workflow", "check", copy, "--counterexample", counterexample)
    took_s = time.process_time() - began

    assert checked.code == Exit.FINDING
    assert f"VIOLATED  {name}:" in checked.out
    assert took_s < FOUND_WITHIN_S
    script = read_script(counterexample)
    with_hole = await rehearse(script, via="process", workflows_dir=tmp_path)
    mended = await rehearse(script, via="process", workflows_dir=packaged.workflows_dir())
    assert with_hole.met, with_hole.differences
    assert not mended.met


def test_the_shipped_files_have_no_hole() -> None:
    began = time.process_time()
    checked = infusion("workflow", "check", *sorted(packaged.workflows_dir().glob("*.toml")))

    assert checked.code == Exit.FINE, checked.out
    assert "VIOLATED" not in checked.out
    assert "NOT" not in checked.out
    assert time.process_time() - began < FOUND_WITHIN_S
