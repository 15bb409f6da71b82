"""Somebody else's judge, schemathesis, at the running interface: no server error, nothing that is not documented."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.drills.conftest import Drill
from tests.drills.site import Serving, Site, served
from tests.drills.tablets import Notebook, Tablet

LEFT_OUT = (
    "/v1/log/stream",  # it never ends; its own suite reads it
    "/v1/sessions/current",  # signing out would end the credential of everything after it
)


@pytest.mark.timeout(120)
async def test_the_interface_keeps_to_its_document(drill: Drill, tmp_path: Path) -> None:
    await judge(drill, tmp_path, people=("nurse",), examples=1)


@pytest.mark.drill
@pytest.mark.timeout(1800)
async def test_the_interface_keeps_to_its_document_for_everybody(drill: Drill, tmp_path: Path) -> None:
    await judge(drill, tmp_path, people=("nurse", "device", "auditor", "admin"), examples=60)


async def judge(drill: Drill, directory: Path, *, people: tuple[str, ...], examples: int) -> None:
    """Let schemathesis try every operation as each of these people, on a day that is there."""
    site, notebook = await Site(directory).found(), Notebook()
    async with served(site) as serving:
        async with serving.client() as client:
            await Tablet(client, notebook, drill.chance).chart(lambda: notebook.statuses.total() >= 20)
        (day_id,) = notebook.newest
        configure_the_judge(directory, day_id)
        said = [await schemathesis(serving, who, examples, drill.seed) for who in people]
        # Public: an administrator who tries everything has shut the nurse out by now.
        async with serving.client() as client, client.get("/health/ready") as response:
            assert response.status == 200
        assert await serving.end() == 0
    drill.figure(f"schemathesis as {', '.join(people)}: {', '.join(said)} requests, no failure")


def configure_the_judge(directory: Path, day_id: str) -> None:
    """Have it ask for a day that exists, and know what else than the shape of a request can be wrong with it."""
    # 400: JSON has rules no schema states. 409, 412, 422: what may be recorded is the day's and the protocol's to say.
    content = (
        f'[parameters]\n"path.day" = {json.dumps(day_id)}\n\n'
        '[checks.positive_data_acceptance]\nexpected-statuses = ["2xx", 400, 401, 403, 404, 409, 412, 422, 429]\n'
    )
    (directory / "schemathesis.toml").write_text(content, encoding="utf-8")


async def schemathesis(serving: Serving, who: str, examples: int, seed: int) -> str:
    """Run all of its checks; return how many requests that were."""
    program = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    assert program is not None
    options = ["--checks", "all", "--max-examples", str(examples), "--seed", str(seed), "--no-color"]
    # A health check judges how many drafts the generator throws away, which says nothing about the interface.
    options += ["--suppress-health-check", "filter_too_much,too_slow"]
    for path in LEFT_OUT:
        options += ["--exclude-path", path]
    process = await asyncio.create_subprocess_exec(
        program,
        "run",
        f"{serving.url}/openapi.json",
        *("--header", f"Authorization: Bearer {serving.site.tokens[who]}"),
        *options,
        cwd=serving.site.directory,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    text = out.decode()
    assert process.returncode == 0, text[-6000:]
    generated = re.search(r"(\d+) generated", text)
    assert generated is not None, text[-2000:]
    return generated[1]
