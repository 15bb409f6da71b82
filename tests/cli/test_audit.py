"""`infusion audit` and `infusion clock`: questions across days, through the real command line on a real database."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.cli.running import Site


def infusion(*arguments: str, database: Path) -> subprocess.CompletedProcess[str]:
    """Run the real command on a database of its own."""
    return subprocess.run(
        [sys.executable, "-m", "infusion_service", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "INFUSION_STORAGE_DATABASE": str(database)},
    )


def test_both_commands_work_on_a_database_that_no_service_holds(tmp_path: Path) -> None:
    database = tmp_path / "ward.db"
    assert infusion("init", database=database).returncode == 0

    asked = infusion("audit", "answers", "--json", database=database)
    confirmed = infusion("clock", "confirm", "--json", database=database)
    mistaken = infusion("audit", "late", "--since", "yesterday", database=database)

    assert json.loads(asked.stdout) == {"answers": []}, asked.stderr
    assert json.loads(confirmed.stdout)["held"] is False, confirmed.stderr
    assert mistaken.returncode == 2


def test_beside_a_running_service_an_auditor_is_answered_and_an_administrator_is_refused(tmp_path: Path) -> None:
    site = Site(tmp_path)
    assert site.run("init").code == 0
    minted = site.run("token", "mint", "an auditor", "--role", "auditor", "--out", tmp_path / "auditor.token")
    assert minted.code == 0, minted.err
    beside = site.run("audit", "reads", "--json")
    with site.serving() as serving:
        asked = [
            site.run("audit", "reads", "--json", "--token-file", tmp_path / "auditor.token", env=serving.env)
            for _ in range(2)
        ]
        as_admin = site.run("audit", "reads", env=serving.env)
        since = site.run(
            "audit", "late", "--since", "2026-11-23T00:00:00Z", "--until", "2026-11-24T00:00:00+01:00", "--json",
            "--token-file", tmp_path / "auditor.token", env=serving.env,
        )  # fmt: skip

    assert json.loads(beside.out) == {"reads": []}
    assert [row["what"] for row in json.loads(asked[1].out)["reads"]] == ["questions"]
    assert (as_admin.code, "role_not_permitted" in as_admin.err) == (4, True)
    assert json.loads(since.out) == {"late": []}, since.err
