"""Other products are files alone: other states, names, numbers and rules, and not a word about them in Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from infusion_service.cli.rehearsal.script import read_script
from infusion_service.cli.rehearsal.stage import Via, rehearse
from infusion_service.clinical.workflow import load_workflow
from tests.clinical.workflow_copies import INVENTED, SHIPPED

PLAYED = sorted((INVENTED / "played").glob("*.toml"))


@pytest.mark.parametrize("via", ["process", "http"])
@pytest.mark.parametrize("path", PLAYED, ids=lambda path: path.stem)
async def test_a_day_of_another_product_goes_end_to_end(path: Path, via: Via) -> None:
    verdict = await rehearse(read_script(path), via=via, workflows_dir=INVENTED)

    assert verdict.met, verdict.differences


def test_an_invented_product_shares_no_name_with_the_shipped_one() -> None:
    shipped = load_workflow(SHIPPED.read_bytes(), file=SHIPPED.name)
    other = load_workflow((INVENTED / "zorvimab.v3.toml").read_bytes(), file="zorvimab.v3.toml")

    assert not shipped.states.keys() & other.states.keys()
    assert not shipped.facts.keys() & other.facts.keys()
    assert not shipped.guards.keys() & other.guards.keys()
    assert not shipped.alerts.keys() & other.alerts.keys()
