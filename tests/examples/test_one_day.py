"""The shell example takes a day from scheduled to discharged, with curl and nothing else."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import WAIT_S, Site, environment

EXAMPLE = Path(__file__).parents[2] / "examples" / "one_day.sh"

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="examples/one_day.sh needs curl")


def played(site: Site, url: str) -> subprocess.CompletedProcess[str]:
    """Run the example against a service."""
    return subprocess.run(
        ["sh", EXAMPLE, url, site.token_file],
        check=False,
        capture_output=True,
        env=environment(),
        text=True,
        timeout=WAIT_S,
    )


def test_a_day_goes_from_scheduled_to_discharged(tmp_path: Path) -> None:
    site = Site(tmp_path)
    assert site.run("init").code == 0

    with site.serving() as service:
        day = played(site, service.url)

    assert day.returncode == 0, day.stdout + day.stderr
    assert "screening.passed by doctor REFUSED: guard_not_satisfied" in day.stdout
    assert day.stdout.count("for the double check") == 2
    assert "patient.discharged by nurse: discharged" in day.stdout


def test_it_stops_where_the_service_says_something_else(tmp_path: Path) -> None:
    site = Site(tmp_path)
    assert site.run("init").code == 0
    site.token_file.chmod(0o600)
    site.token_file.write_text("inft_nothing\n")

    with site.serving() as service:
        day = played(site, service.url)

    assert day.returncode == 1
    assert "FAILED: POST /v1/devices answered 401" in day.stderr


def test_it_needs_nothing_but_a_plain_shell_and_curl() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")

    assert text.startswith("#!/bin/sh\n")
    assert not {"jq", "bash", "python", "perl"} & set(text.replace("\n", " ").split(" "))
