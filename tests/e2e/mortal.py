"""A service that is killed in the middle of the day and comes back at the same address, later."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.cli.running import PROGRAM, Site, environment
from tests.e2e.ward import DATE


class MortalService:
    """The real command in a process of its own."""

    def __init__(self, site: Site, *, program_in: Path | None = None) -> None:
        """Serve `site`, on any free port the first time and on the same one ever after.

        `program_in` is where another version of the program lies.
        """
        self._site = site
        self.program_in = program_in
        self._port = "0"
        self._process: subprocess.Popen[str] | None = None

    def start(self, time: str = "06:00") -> str:
        """Start at a time of the day (UTC) and return the address."""
        began = {"INFUSION_CLOCK_START": f"{DATE}T{time}:00Z"}
        self._process = subprocess.Popen(
            [*PROGRAM, "serve", "--port", self._port, "--json"],
            env=environment(self._site.env | began),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.program_in,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._process.communicate(timeout=10)[1]
        url = str(json.loads(line)["listening"])
        self._port = url.rpartition(":")[2]
        return url

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
