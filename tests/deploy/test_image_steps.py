"""The Dockerfile's own steps by hand, and what they made run as the image runs it: there is no container engine here.

The locks are installed by hash into an empty environment, the wheel is built from what the image copies and nothing
else, and the program from it starts, tells its health and ends, under another user's number on a root file system that
cannot be written. Not tried: the base image and what a registry would serve for it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import environment
from tests.deploy.confined import OWNER, confined, why_not
from tests.tidy.sources import ROOT

INSTALLING_S = 600.0
RUNNING_S = 60.0
CANNOT = why_not()
AT = "/srv/"
"""Where the image has / itself for its sources: a folder that every machine has."""

pytestmark = [pytest.mark.drill, pytest.mark.skipif(bool(CANNOT), reason=CANNOT)]


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order, continued lines joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", kept)
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage."""
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


@pytest.mark.timeout(INSTALLING_S + RUNNING_S)
def test_the_steps_of_the_image_make_a_program_that_runs_as_the_image_runs_it(tmp_path: Path) -> None:
    programs, sources, volume = tmp_path / "opt", tmp_path / "srv", tmp_path / "volume"
    for place in (programs, sources, volume):
        place.mkdir()
    first, last = stages()
    build(first, programs, sources)

    said = dict(last)
    assert said["USER"] == f"{OWNER}:{OWNER}"
    (program,) = json.loads(said["ENTRYPOINT"])
    env = environment(variables(last) | {"INFUSION_HTTP_BEHIND_PROXY": "true", "INFUSION_HTTP_PORT": "18099"})
    env["INFUSION_STORAGE_DATABASE"] = env["INFUSION_STORAGE_DATABASE"].replace("/var/lib/infusion/", "/var/lib/")
    health = " ".join(json.loads(said["HEALTHCHECK"].partition("CMD ")[2]))
    command = json.loads(said["CMD"])
    script = (
        f"{program} init > /tmp/token && {program} {' '.join(command)} > /tmp/log 2>&1 & service=$!\n"
        f"until {health} > /dev/null 2>&1; do kill -0 $service; sleep 0.2; done\n"
        f"{program} doctor && kill -TERM $(cat /var/lib/infusion.db.lock)\nwait $service"
    )
    inside = confined(["sh", "-u", "-c", script], volume=volume, programs=programs)
    ended = subprocess.run(inside, env=env, capture_output=True, text=True, check=False, timeout=RUNNING_S)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "LOOK" not in re.sub(r"LOOK +(checkpoint|wards|charge|staff).*", "", ended.stdout), ended.stdout


def build(stage: list[tuple[str, str]], programs: Path, sources: Path) -> None:
    """Take the steps of the first stage: RUN in a shell, COPY by hand, each where the image has it."""
    folder = sources
    env = {**os.environ, **variables(stage), "PATH": f"{sys.base_prefix}/bin:{os.environ['PATH']}"}
    for word, rest in stage:
        if word == "WORKDIR":
            folder = sources / rest.strip("/")
            folder.mkdir()
        elif word == "COPY":
            *froms, to = rest.split()
            for name in froms:
                copy(ROOT / name, folder / to / Path(name).name if (ROOT / name).is_file() else folder / to)
        elif word == "RUN":
            inside = (
                f'mount --bind "$1" /opt && mount --bind "$2" {AT} && cd "$3" && {rest.replace("/wheel", f"{AT}wheel")}'
            )
            line = ["unshare", "--mount", "--propagation", "private", "sh", "-eu", "-c", inside, "step"]
            done = subprocess.run(
                [*line, str(programs), str(sources), f"{AT}{folder.relative_to(sources)}"],
                env=env,
                capture_output=True,
                text=True,
                check=False,
                timeout=INSTALLING_S,
            )
            if "No matching distribution" in done.stderr or "Could not find a version" in done.stderr:
                pytest.skip("there is no package index to install from")
            assert done.returncode == 0, f"{rest}\n{done.stdout[-1000:]}{done.stderr[-2000:]}"


def copy(source: Path, target: Path) -> None:
    """What COPY does with a file or a folder, but for what is no source."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_file():
        shutil.copy(source, target)
    else:
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))


def variables(stage: list[tuple[str, str]]) -> dict[str, str]:
    """The variables that a stage sets."""
    pairs = [pair.split("=", 1) for word, rest in stage if word == "ENV" for pair in rest.split()]
    return {name: value.replace("$PATH", os.environ["PATH"]) for name, value in pairs}
