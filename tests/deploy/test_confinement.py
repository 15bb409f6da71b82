"""What unit and image take away from the service is nothing that it needs: it is run without, on this machine.

No systemd and no container engine runs here. Tried instead: another user's number, no capability, no new privileges, a
root file system that cannot be written, a volume and a small /tmp of its own; and whether every system call it makes is
one that the unit's filter lets through. Not tried: the filter itself, the devices, the kernel's tunables.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import PROGRAM, WAIT_S, Site, environment, infusion
from tests.deploy.confined import OWNER, confined, why_not
from tests.deploy.test_monitoring import UNIT
from tests.drills.recording import needs_strace
from tests.tidy.sources import ROOT

CANNOT = why_not()
INSIDE = {"INFUSION_STORAGE_DATABASE": "/var/lib/infusion.db", "INFUSION_LOGS_LEVEL": "warning"}
needs_namespaces = pytest.mark.skipif(bool(CANNOT), reason=CANNOT)


@needs_namespaces
def test_the_service_runs_with_what_the_image_leaves_it(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        line = confined(command, volume=volume)
        env = environment(INSIDE | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"})
        return subprocess.run(line, env=env, capture_output=True, text=True, check=False, timeout=WAIT_S)

    nothing = run(
        "sh", "-c", "touch /x 2>/dev/null || touch /etc/x 2>/dev/null || grep -c '^Cap....\t0*$' /proc/self/status"
    )
    assert nothing.stdout == "5\n"  # no place to write, and none of the five sets holds a capability
    assert run(*PROGRAM, "init").returncode == 0
    assert {path.stat().st_uid for path in volume.iterdir()} == {OWNER}
    assert all(not path.stat().st_mode & 0o077 for path in volume.glob("*.key"))
    served = run("sh", "-eu", "-c", SERVED, "served", *PROGRAM)
    assert served.returncode == 0, served.stdout + served.stderr
    verified = infusion("verify", "--db", volume / "infusion.db")
    assert verified.code == 0, verified.out


SERVED = """
"$@" serve --port 0 --json > /tmp/out 2> /var/lib/err &
service=$!
until grep -q listening /tmp/out; do kill -0 $service; sleep 0.1; done
port=$(sed -n 's/.*:\\([0-9]*\\)".*/\\1/p' /tmp/out)
export INFUSION_HTTP_PORT=$port
"$@" check --ready
"$@" device enrol tablet-1 --ward neuro-day > /var/lib/tablet
"$@" backup --out /var/lib/backup.db
kill -TERM $service
wait $service
"""
"""What an operator does first, inside."""


@needs_strace
@needs_namespaces
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze on this machine")
def test_every_system_call_of_the_service_is_one_that_the_unit_lets_through(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    site = Site(volume)
    env = environment({**site.env, **INSIDE, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"})
    made = confined([*PROGRAM, "init"], volume=volume)
    subprocess.run(made, env=env, capture_output=True, check=True)
    traced = ["strace", "-f", "-qq", "-o", "/var/lib/trace", *PROGRAM, "serve", "--port", "0", "--json"]
    process = subprocess.Popen(
        confined(traced, volume=volume),
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    url = json.loads(process.stdout.readline())["listening"]
    charted = site.run("simulate", "--to", url, "--days", "2", "--facts", "4", "--rate", "100", "--json")
    child = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()[0]
    subprocess.run(["kill", "-TERM", child], check=True)
    process.communicate(timeout=WAIT_S)

    lines = (volume / "trace").read_text(encoding="utf-8", errors="replace")
    calls = set(re.findall(r"^\d+ +(\w+)\(", lines, re.MULTILINE))
    assert charted.code == 0, charted.err
    assert {"execve", "listen"} <= calls
    assert calls & {"fsync", "fdatasync"}
    assert calls <= let_through(), calls - let_through()


def let_through() -> set[str]:
    """The system calls that the unit's filter leaves."""
    calls: set[str] = set()
    for wanted in re.findall(r"^SystemCallFilter=(\S+)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE):
        calls = calls - of_group(wanted[1:]) if wanted.startswith("~") else calls | of_group(wanted)
    return calls


def of_group(name: str) -> set[str]:
    """The calls of a group of systemd's, and of the groups in it."""
    said = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True)
    calls: set[str] = set()
    for word in re.findall(r"^ +([@\w-]+)$", re.sub(r"#.*", "", said.stdout), re.MULTILINE):
        calls |= of_group(word) if word.startswith("@") else {word}
    return calls
