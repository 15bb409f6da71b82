"""Running a command as the unit and the image have it run: nobody's number, nothing to write but a volume and /tmp."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

OWNER = 10001
"""As in the Dockerfile."""

NEEDED = ("unshare", "setpriv", "mount")

KEPT = (Path(sys.base_prefix), Path(__file__).parents[2])
"""The interpreter, and the checkout with its environment: to be read wherever they lie."""

SCRATCH = Path("/tmp")
STORE = Path("/mnt")


def why_not() -> str:
    """Why nothing can be confined here; empty where it can."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        return f"there is no {', '.join(missing)}"
    if os.geteuid() != 0:
        return "only root may make a mount namespace"
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "this machine lets nobody make a mount namespace"


def confined(command: Sequence[str | Path], *, volume: Path, programs: Path | None = None) -> list[str]:
    """The command line that runs `command` confined: `volume` is its /var/lib and belongs to it.

    `programs` is its /opt, where given.
    """
    os.chown(volume, OWNER, OWNER)
    lines = ["set -eu", *_mounts(volume, programs), "cd /var/lib"]
    owner = f"--reuid {OWNER} --regid {OWNER} --clear-groups"
    lines.append(f'exec setpriv {owner} --inh-caps=-all --bounding-set=-all --no-new-privs "$@"')
    namespace = ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(lines), "confined"]
    return [*namespace, *map(str, command)]


def _mounts(volume: Path, programs: Path | None) -> list[str]:
    """How the tree is laid out. What only root may look into is emptied, and so is /tmp; of both nothing is to be seen
    but what is kept, which therefore waits elsewhere meanwhile."""
    emptied = [SCRATCH, *dict.fromkeys(hidden for kept in KEPT for hidden in _hidden_above(kept))]
    waiting = [kept for kept in KEPT if any(kept.is_relative_to(place) for place in emptied)]
    stores = {kept: STORE / str(number) for number, kept in enumerate(waiting)}
    lines = [f"mount --bind {quote(str(volume))} /var/lib"]
    lines += [f"mount --bind {quote(str(programs))} /opt"] if programs else []
    lines += [f"mount -t tmpfs tmpfs {STORE}"]
    for kept, store in stores.items():
        lines += [f"mkdir {store}", f"mount --bind {quote(str(kept))} {store}"]
    for place in emptied:
        mode = "size=64m,mode=1777" if place == SCRATCH else "mode=0755"
        lines.append(f"mount -t tmpfs -o {mode} tmpfs {quote(str(place))}")
    for kept, store in stores.items():
        again = quote(str(kept))
        lines += [f"mkdir -p {again}", f"mount --bind {store} {again}", f"mount -o remount,bind,ro {again}"]
    return [*lines, f"umount -l {STORE}", "mount -o remount,bind,ro /"]


def _hidden_above(path: Path) -> list[Path]:
    """The outermost folder above `path`, or `path` itself, that only its owner may look into."""
    return [place for place in (*reversed(path.parents), path) if not place.stat().st_mode & 0o001][:1]
