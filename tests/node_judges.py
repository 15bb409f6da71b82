"""Judges written for Node. Their packages lie in the user's cache: `make judges` puts them there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

LOCK = Path(__file__).parents[1] / "requirements" / "node" / "package-lock.json"
JUDGES = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "infusion-service" / "node-judges"


def verdicts(script: str, cases: list[dict[str, Any]]) -> list[str]:
    """What the judge says of each case; skips where there is no Node or nobody has put the judges there."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node on this machine")
    ended = subprocess.run(
        [node, "-e", script],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "NODE_PATH": str(packages())},
    )
    return list(json.loads(ended.stdout))


def packages() -> Path:
    """Where the judges' packages lie; skips where nobody has put those of the present lock there."""
    installed = JUDGES / "package-lock.json"
    if not installed.is_file() or installed.read_bytes() != LOCK.read_bytes():
        pytest.skip("the judges written for Node are not installed: make judges")
    return JUDGES / "node_modules"
