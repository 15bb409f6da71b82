"""The sample receivers take what the service signs: in Python, in Node, and the one of the command line."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import unused_port

from infusion_service.delivery.signing import Signer, new_secret, shown_secret
from tests.delivery.test_bodies import body_of, headers_of

FOLDER = Path(__file__).parents[2] / "examples" / "receivers"
LINES_MAX = 30
WAIT_S = 20.0
SECRET = new_secret()


@asynccontextmanager
async def running(*command: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A receiver while the block runs, and where it listens."""
    port = unused_port()
    process = await asyncio.create_subprocess_exec(
        *command,
        str(port),
        env={**os.environ, "SECRET": shown_secret(SECRET)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        await _listening(port)
        yield process, f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        await process.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)  # another process: there is nothing to wait on but its port
                continue
            writer.close()
            await writer.wait_closed()
            return


async def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    async with aiohttp.ClientSession() as client, client.post(url, data=body, headers=headers) as answer:
        return answer.status


def receivers() -> Sequence[object]:
    node = shutil.which("node")
    missing = pytest.mark.skipif(node is None, reason="there is no Node on this machine")
    return [
        pytest.param((sys.executable, str(FOLDER / "receiver.py")), id="python"),
        pytest.param((node or "node", str(FOLDER / "receiver.js")), id="node", marks=missing),
    ]


@pytest.mark.parametrize("command", receivers())
async def test_it_verifies_dedupes_and_notices_gaps(command: tuple[str, ...]) -> None:
    first, third = body_of(), body_of(number=3)
    third = third.replace(b'"epsequence":"0000000042"', b'"epsequence":"0000000044"')
    signer = Signer([SECRET])
    async with running(*command) as (process, url):
        assert await post(url, first, headers_of(first, signer)) == 204
        assert await post(url, first, headers_of(first, signer)) == 204
        assert await post(url, third, headers_of(third, signer)) == 204
        assert await post(url, first, headers_of(first, Signer([new_secret()]))) == 401
        assert await post(url, first, headers_of(third, signer)) == 401
        assert process.stdout is not None
        lines = [(await process.stdout.readline()).decode().split() for _ in range(3)]
    assert [line[:2] for line in lines] == [["new", "42"], ["again", "42"], ["new", "44"]]
    assert lines[2][-5:] == ["after", "a", "gap", "of", "1"]


@pytest.mark.parametrize("name", ["receiver.py", "receiver.js"])
def test_a_sample_is_no_longer_than_it_says(name: str) -> None:
    assert len((FOLDER / name).read_text(encoding="utf-8").splitlines()) <= LINES_MAX


async def test_the_receiver_of_the_command_line(tmp_path: Path) -> None:
    secret_file = tmp_path / "secret"
    secret_file.write_text(shown_secret(SECRET) + "\n", encoding="ascii")
    command = (sys.executable, "-m", "infusion_service", "receiver", "--secret-file", str(secret_file))
    body, signer = body_of(), Signer([SECRET])
    async with running(*command, "--fail-first", "1", "--json", "--port") as (process, url):
        answers = [await post(url, body, headers_of(body, signer)) for _ in range(3)]
        answers.append(await post(url, body, headers_of(body, Signer([new_secret()]))))
        async with aiohttp.ClientSession() as client, client.get(url) as answer:
            page = await answer.text()
        assert process.stdout is not None
        lines = [json.loads(await process.stdout.readline()) for _ in range(5)]
    assert answers == [503, 204, 204, 401]
    assert lines[0]["listening"] == url
    assert [line.get("duplicate") for line in lines[1:]] == [None, False, True, None]
    assert lines[2]["epsequence"] == 42
    assert page.startswith("1 deliveries taken, missing: none")


def test_a_receiver_without_a_secret_says_so(tmp_path: Path) -> None:
    command = (
        sys.executable,
        "-m",
        "infusion_service",
        "receiver",
        "--port",
        "0",
        "--secret-file",
        str(tmp_path / "no"),
    )
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "whsec_" in ended.stderr
