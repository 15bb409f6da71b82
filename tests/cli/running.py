"""Running `infusion`: one command line in this process or its own, or a service that is stopped again."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

from infusion_service.cli.app import run

PROGRAM = (sys.executable, "-m", "infusion_service")

WAIT_S = 30.0

START = "2026-11-23T06:00:00Z"


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without any setting of the service in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INFUSION_")}
    return kept | {"NO_COLOR": "1"} | dict(more or {})


def infusion(*arguments: str | Path, env: Mapping[str, str] | None = None, typed: str = "") -> Ended:
    """Run one command line to its end in this process; `typed` is its standard input."""
    out, err = io.StringIO(), io.StringIO()
    with (
        given_environment(environment(env)),
        redirect_stdout(out),
        redirect_stderr(err),
        given_stdin(io.StringIO(typed)),
    ):
        code = run([str(argument) for argument in arguments])
    return Ended(int(code), out.getvalue(), err.getvalue())


def infusion_process(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Ended:
    """Run one command line to its end in a process of its own."""
    done = subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        check=False,
        capture_output=True,
        env=environment(env),
        text=True,
        timeout=WAIT_S,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@contextmanager
def given_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Have exactly these variables while the block runs."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def given_stdin(stream: io.StringIO) -> Iterator[None]:
    """Have this as standard input while the block runs."""
    before, sys.stdin = sys.stdin, stream
    try:
        yield
    finally:
        sys.stdin = before


@dataclass
class Site:
    """A site in a directory of its own: its database, its clock, what `init` made."""

    directory: Path
    more: Mapping[str, str] = field(default_factory=dict)
    """Settings beyond those every site has."""

    @property
    def database(self) -> Path:
        """The database file."""
        return self.directory / "infusion.db"

    @property
    def token_file(self) -> Path:
        """Where `init` put the administrator's token."""
        return self.directory / "admin.token"

    @property
    def env(self) -> dict[str, str]:
        """The settings, as environment."""
        return {
            "INFUSION_STORAGE_DATABASE": str(self.database),
            "INFUSION_CLOCK_KIND": "simulated",
            "INFUSION_CLOCK_START": START,
            "INFUSION_LOGS_LEVEL": "warning",
            **self.more,
        }

    def run(self, *arguments: str | Path, typed: str = "", env: Mapping[str, str] | None = None) -> Ended:
        """Run a command with the site's settings."""
        return infusion(*arguments, env=self.env | dict(env or {}), typed=typed)

    @contextmanager
    def serving(self) -> Iterator[Serving]:
        """Serve the site while the block runs."""
        process = subprocess.Popen(
            [*PROGRAM, "serve", "--port", "0", "--json"],
            env=environment(self.env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise AssertionError(f"it did not start: {process.communicate(timeout=WAIT_S)[1]}")
            url = json.loads(line)["listening"]
            yield Serving(process=process, url=url, env={"INFUSION_HTTP_PORT": re.sub(r".*:", "", url)})
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


@dataclass
class Serving:
    """A running service. `env` tells other commands where it listens."""

    process: subprocess.Popen[str]
    url: str
    env: Mapping[str, str]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> Ended:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=WAIT_S)
        return Ended(self.process.returncode, out, err)


def but_for_the_time(said: str) -> list[str]:
    """What `infusion doctor` said, without the line that tells the time."""
    lines = said.splitlines()
    told = [line for line in lines if "clock" in line and " UTC" in line]
    assert len(told) == 1
    return [line for line in lines if line not in told]
