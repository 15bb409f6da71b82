"""`infusion demo` in a process of its own, followed until it has said what a test waits for."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.running import PROGRAM, environment


@contextmanager
def demonstrating(where: Path, *, speed: int, until: Callable[[str], bool]) -> Iterator[str]:
    """Run the demonstration below `where`; give what it had said when a line met `until`, and end it afterwards."""
    process = subprocess.Popen(
        [*PROGRAM, "demo", "--port", "0", "--speed", str(speed)],
        env=environment({"TMPDIR": str(where)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if until(line):
                break
        yield said
    finally:
        process.kill()
        process.communicate()
