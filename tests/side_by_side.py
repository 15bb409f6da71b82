"""Every suite, in two runs of pytest side by side: `python -m tests.side_by_side [pytest's options]`.

One run waits most of its time for browsers, disks and processes that are killed, the other computes; one after the
other they would leave half of two processors idle. Each is an ordinary run of pytest in a process of its own, in its
own order, so that what fails here fails alone as well. The first one's output is shown as it comes, the other's when
it has ended. On a machine with one processor there is one run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

TESTS = Path(__file__).parent
WAITING = ("e2e", "drills", "examples")
"""Suites that wait for others most of the time."""
NOTHING_TO_RUN = 5
"""Pytest's exit code where options leave no test in a run."""


def suites() -> tuple[list[str], list[str]]:
    """Return the folders of both runs: those that wait, and all others there are."""
    found = sorted({path.relative_to(TESTS).parts[0] for path in TESTS.glob("*/**/test_*.py")})
    waiting = [name for name in WAITING if name in found]
    return waiting, [name for name in found if name not in WAITING]


def command(names: Sequence[str], options: Sequence[str]) -> list[str]:
    """Return how pytest is called for these suites."""
    return [sys.executable, "-m", "pytest", *options, *(str(TESTS.relative_to(TESTS.parent) / name) for name in names)]


def main(options: Sequence[str]) -> int:
    """Run everything; return 0, or the exit code of the run that failed."""
    waiting, computing = suites()
    began = time.monotonic()
    if len(os.sched_getaffinity(0)) == 1:
        return subprocess.run(command([*waiting, *computing], options), cwd=TESTS.parent, check=False).returncode
    with tempfile.TemporaryFile() as said:
        beside = subprocess.Popen(command(computing, options), cwd=TESTS.parent, stdout=said, stderr=subprocess.STDOUT)
        try:
            seen = subprocess.run(command(waiting, options), cwd=TESTS.parent, check=False).returncode
            print(f"\nBeside it ran: {', '.join(computing)}", flush=True)
            codes = {seen, beside.wait()} - {NOTHING_TO_RUN}
        finally:
            beside.kill()
            said.seek(0)
            sys.stdout.buffer.write(said.read())
    print(f"both runs: {time.monotonic() - began:.0f} s", flush=True)
    return max(codes, default=NOTHING_TO_RUN)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
