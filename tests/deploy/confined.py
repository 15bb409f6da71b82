"""Running a command as the unit and the image have it run: nobody's number, nothing to write but a volume and /tmp."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

OWNER = 10001
"""As in the Dockerfile."""

NEEDED = ("unshare", "setpriv", "mount")

_SCRIPT = """
set -eu
volume=$1 hidden=$2 python=$3 aside=$4 programs=$5
shift 5
mkdir -p "$aside"
if [ -n "$hidden" ]; then
    # The interpreter lies where only root may look: nothing of that is to be seen but the interpreter.
    mount --bind "$python" "$aside"
    mount -t tmpfs -o mode=0755 tmpfs "$hidden"
    mkdir -p "$python"
    mount --move "$aside" "$python"
fi
mount --bind "$volume" /var/lib
[ -z "$programs" ] || mount --bind "$programs" /opt
mount -t tmpfs -o size=64m,mode=1777 tmpfs /tmp
mount -o remount,bind,ro /
cd /var/lib
exec setpriv --reuid {owner} --regid {owner} --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs "$@"
"""


def why_not() -> str:
    """Why nothing can be confined here; empty where it can."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        return f"there is no {', '.join(missing)}"
    if os.geteuid() != 0:
        return "only root may make a mount namespace"
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "this machine lets nobody make a mount namespace"


def confined(command: Sequence[str | Path], *, volume: Path, aside: Path, programs: Path | None = None) -> list[str]:
    """The command line that runs `command` confined: `volume` is its /var/lib and belongs to it, `aside` is scratch.

    `programs` is its /opt, where given.
    """
    os.chown(volume, OWNER, OWNER)
    hidden = next((str(place) for place in _ancestors(sys.base_prefix) if not place.stat().st_mode & 0o001), "")
    script = _SCRIPT.format(owner=OWNER)
    prepared = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "confined"]
    places = [str(volume), hidden, sys.base_prefix, str(aside), "" if programs is None else str(programs)]
    return [*prepared, *places, *map(str, command)]


def _ancestors(path: str) -> list[Path]:
    return [*reversed(Path(path).parents), Path(path)]
