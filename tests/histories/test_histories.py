"""What earlier releases wrote opens under this program, verifies, and shows the same days."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path

import pysqlite3.dbapi2 as driver
import pytest

from infusion_service.log.sqlite_schema import shipped_migrations
from tests.audit.played import SITE, settings_in
from tests.cli.running import infusion
from tests.histories.make import DATABASE, HISTORIES, VIEWS, views_of

RELEASES = sorted(views.parent for views in HISTORIES.glob(f"*/{VIEWS}"))


@pytest.fixture(params=RELEASES, ids=lambda folder: folder.name)
def history(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of what a release wrote."""
    return Path(shutil.copytree(request.param, tmp_path / "history"))


def test_there_is_a_history() -> None:
    assert RELEASES


async def test_the_days_of_an_earlier_release_look_as_they_did(history: Path) -> None:
    kept = json.loads((history / VIEWS).read_text(encoding="utf-8"))

    shown = await views_of(history)

    assert shown.keys() == kept.keys()
    for day_id, views in kept.items():
        for was, now in zip(views, shown[day_id], strict=True):
            # A later program may say more of a day; what was said must still be said.
            assert {name: now.get(name) for name in was} == was


def test_the_log_of_an_earlier_release_verifies_with_its_states(history: Path) -> None:
    env = {"INFUSION_STORAGE_DATABASE": str(history / DATABASE), "INFUSION_SITE_NAME": settings_in(history).site}

    ended = infusion("verify", "--checkpoint", history / f"{DATABASE}.checkpoint", "--json", env=env)

    assert ended.code == 0, ended.out
    steps = {step["step"]: step["status"] for step in json.loads(ended.out)["steps"]}
    # Nothing was kept of an earlier checkpoint of one's own; the tables beside the log are an older program's.
    unchecked = {"consistency", "derived", "records"}
    assert {step for step, status in steps.items() if status != "ok"} <= unchecked
    assert {steps[step] for step in unchecked} == {"not checked"}


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("migrate",), ("key", "rotate")], ids=" ".join)
def test_what_a_newer_program_wrote_is_refused_and_left_as_it_is(history: Path, command: tuple[str, ...]) -> None:
    database = history / DATABASE
    with closing(driver.connect(str(database), isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version = {len(shipped_migrations()) + 1}")
    before = database.read_bytes()

    refused = infusion(*command, env={"INFUSION_STORAGE_DATABASE": str(database), "INFUSION_SITE_NAME": SITE})

    assert refused.code == 4
    assert "run the newer program" in refused.err
    assert database.read_bytes() == before


def test_the_log_of_an_earlier_release_goes_on(history: Path) -> None:
    env = {"INFUSION_STORAGE_DATABASE": str(history / DATABASE), "INFUSION_SITE_NAME": settings_in(history).site}

    migrated = infusion("migrate", env=env)
    days = json.loads((history / VIEWS).read_text(encoding="utf-8"))
    replayed = infusion("replay", next(iter(days)), env=env)

    assert (migrated.code, replayed.code) == (0, 0), migrated.err + replayed.err
