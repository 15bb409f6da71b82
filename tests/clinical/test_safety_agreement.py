"""The safety properties and the guards say the same of everything that is posted in the rehearsals."""

from __future__ import annotations

from pathlib import Path

import pytest

from infusion_service.cli.rehearsal.script import read_script
from tests.clinical.bedside import REHEARSALS, WORKFLOW
from tests.clinical.safety_agreement import PROPERTIES_OF, SAYS_LESS, SAYS_MORE, disagreements, overheard

SCRIPTS = sorted(REHEARSALS.rglob("*.toml"))
PROPERTIES = WORKFLOW.definition.safety


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
async def test_what_is_accepted_breaks_no_property_and_what_a_guard_refuses_is_forbidden(path: Path) -> None:
    told = (await overheard(read_script(path), WORKFLOW)).told

    assert not list(disagreements(told, PROPERTIES))


def test_the_guards_and_properties_named_here_are_those_of_the_file() -> None:
    rules = {*WORKFLOW.guards, *(rule.id for rule in WORKFLOW.definition.course_rules)}
    assert set(PROPERTIES_OF) <= rules
    assert {name for names in PROPERTIES_OF.values() for name in names} <= {rule.id for rule in PROPERTIES}
    assert {script for script, _ in (*SAYS_LESS, *SAYS_MORE)} <= {path.stem for path in SCRIPTS}
