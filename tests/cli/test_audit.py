"""`infusion audit` and `infusion clock`: questions across days, through the real command line on a real database."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


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
