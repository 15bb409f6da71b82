"""The first hour of a new operator: the lines of docs/operations.md, run as they stand."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import environment

DOCUMENT = Path(__file__).parents[2] / "docs" / "operations.md"
HOUR_S = 120.0

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the first hour needs curl")


def first_hour() -> list[str]:
    """The blocks of the section, in order."""
    section = DOCUMENT.read_text(encoding="utf-8").split("## The first hour\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def free_port() -> str:
    """A port nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


@pytest.mark.timeout(HOUR_S + 30)
def test_the_first_hour_goes_as_it_is_written(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "infusion"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m infusion_service "$@"\n')
    program.chmod(0o755)
    # Other ports, so that it can run beside a service; nothing else is changed.
    script = "\n".join(first_hour()).replace("8080", free_port()).replace("8099", free_port())
    env = environment({"PYTHONPATH": os.pathsep.join(sys.path)})
    site = tmp_path / "site"
    site.mkdir()

    # Into a file: service and receiver go on behind the shell and would hold a pipe open.
    with (tmp_path / "said").open("w+") as told:
        process = subprocess.Popen(
            ["sh", "-eu", "-c", script],
            cwd=site,
            env={**env, "PATH": f"{program.parent}:{env['PATH']}"},
            stdout=told,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=HOUR_S)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    said = (tmp_path / "said").read_text()
    logged = (site / "serve.log").read_text()[-2000:] if (site / "serve.log").exists() else ""
    assert code == 0, said + logged
    assert said.count("Nothing was found.") == 2  # the restored copy, and the log itself
    assert "backup.db: " in said
    assert "st-elsewhere/log1" in said
    assert '"state"' in (site / "day.json").read_text()
