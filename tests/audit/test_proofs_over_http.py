"""Checkpoint, proofs and keys over HTTP: enough to check the log without believing the service."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from infusion_service.access.records import TokenRole
from infusion_service.bootstrap import Service, open_service
from infusion_service.clinical.vocabulary import Actor
from infusion_service.intake.clock import SimulatedClock
from infusion_service.log.merkle import verify_consistency, verify_inclusion
from infusion_service.log.note import Verifier, verify_checkpoint
from infusion_service.log.signing_keys import make_first_key
from infusion_service.settings import Settings
from infusion_service.web.app import build_app
from tests.intake.ward import MORNING, note, schedule
from tests.web.conformance import Conformance

OPERATOR = Actor(id="operator", role="admin", how="service")


@dataclass
class Office:
    """A service on a database of its own, and those who ask it by HTTP."""

    service: Service
    client: TestClient[web.Request, web.Application]
    tokens: dict[str, str]
    conformance: Conformance

    async def call(self, method: str, path: str, body: Any = None, *, by: str = "auditor") -> tuple[int, Any]:
        """Status and body; every answer is held to the OpenAPI document."""
        headers = {"Authorization": f"Bearer {self.tokens[by]}"}
        response = await self.client.request(method, path, headers=headers, json=body)
        answer = await (response.json() if "json" in response.content_type else response.text())
        self.conformance.check(method, path, response.status, response.content_type, answer)
        return response.status, answer

    async def get(self, path: str) -> Any:
        """The body of an answer that must be 200."""
        status, answer = await self.call("GET", path)
        assert status == 200, answer
        return answer


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[Office]:
    """Open the office on the files of a directory."""
    settings = Settings(site="demo", database=directory / "infusion.db", clock="simulated")
    async with open_service(settings, clock=SimulatedClock(MORNING)) as service:
        tokens: dict[str, str] = {}
        roles: tuple[TokenRole, ...] = ("auditor", "admin")
        for role in roles:
            _, tokens[role] = await service.access.mint_token(role, role, MORNING + timedelta(days=1), OPERATOR)
        day = await schedule(service.intake)
        for _ in range(20):
            await service.intake.submit(note(day))
        async with TestClient(TestServer(build_app(service))) as client:
            yield Office(service, client, tokens, Conformance())


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    make_first_key(tmp_path)
    async with opened(tmp_path) as office:
        yield office


def raw(texts: list[str]) -> list[bytes]:
    """Base64 in its one form."""
    return [b64decode(text, validate=True) for text in texts]


async def test_every_entry_is_proven_to_be_in_the_log(office: Office) -> None:
    size = office.service.intake.log_size
    for seq in range(1, size + 1):
        proof = await office.get(f"/v1/log/proof/inclusion?seq={seq}")
        leaf, root = raw([proof["leaf_hash"], proof["root"]])
        assert (proof["size"], root) == (size, office.service.intake.root())
        verify_inclusion(leaf, seq - 1, size, root, raw(proof["proof"]))


async def test_the_log_is_proven_to_have_only_grown(office: Office) -> None:
    size = office.service.intake.log_size
    inclusions = [await office.get(f"/v1/log/proof/inclusion?seq=1&size={at}") for at in range(1, size + 1)]
    roots = [b64decode(proof["root"]) for proof in inclusions]
    for old in range(1, size + 1):
        proof = await office.get(f"/v1/log/proof/consistency?from={old}&to={size}")
        assert (proof["from"], proof["to"]) == (old, size)
        verify_consistency(old, roots[old - 1], size, roots[size - 1], raw(proof["proof"]))


@pytest.mark.parametrize(
    "path",
    [
        "/v1/log/proof/inclusion",
        "/v1/log/proof/inclusion?seq=0",
        "/v1/log/proof/inclusion?seq=100000",
        "/v1/log/proof/inclusion?seq=1&size=100000",
        "/v1/log/proof/inclusion?seq=3&size=2",
        "/v1/log/proof/consistency",
        "/v1/log/proof/consistency?from=3&to=2",
        "/v1/log/proof/consistency?from=1&to=100000",
        "/v1/log/checkpoint?at=1",
    ],
)
async def test_what_cannot_be_proven_is_refused(office: Office, path: str) -> None:
    status, problem = await office.call("GET", path)
    assert (status, problem["code"]) == (400, "malformed")


async def test_the_checkpoint_is_of_the_last_commit_and_its_keys_change(office: Office) -> None:
    (key,) = (await office.get("/v1/log/key"))["keys"]
    note_text = await office.get("/v1/log/checkpoint")
    checkpoint = verify_checkpoint(note_text.encode(), [Verifier.from_text(key["key"])])
    assert (checkpoint.size, checkpoint.root) == (office.service.intake.log_size, office.service.intake.root())

    status, added = await office.call("POST", "/v1/log/keys", {}, by="admin")
    assert status == 201
    assert (await office.call("POST", "/v1/log/keys", {}, by="auditor"))[0] == 403
    status, retired = await office.call("POST", f"/v1/log/keys/{key['id']}/retire", {}, by="admin")
    assert (status, retired["signs"]) == (200, False)
    again = await office.call("POST", f"/v1/log/keys/{key['id']}/retire", {}, by="admin")
    assert again[1]["code"] == "not_found"
    last = await office.call("POST", f"/v1/log/keys/{added['id']}/retire", {}, by="admin")
    assert last[1]["code"] == "last_key"
    note_text = await office.get("/v1/log/checkpoint")
    checkpoint = verify_checkpoint(note_text.encode(), [Verifier.from_text(added["key"])])
    assert checkpoint.size == office.service.intake.log_size


async def test_without_a_key_there_is_no_checkpoint_but_proofs(tmp_path: Path) -> None:
    async with opened(tmp_path) as office:
        for method, path in (
            ("GET", "/v1/log/checkpoint"),
            ("POST", "/v1/log/keys"),
            ("POST", "/v1/log/keys/0/retire"),
        ):
            body: Any = {} if method == "POST" else None
            assert (await office.call(method, path, body, by="admin"))[1]["code"] == "not_found"
        assert await office.get("/v1/log/key") == {"origin": "demo/log1", "keys": []}
        assert (await office.get("/v1/log/proof/inclusion?seq=1"))["seq"] == 1


async def test_the_report_of_a_day_is_a_page_and_an_auditors_reading_of_it_an_entry(office: Office) -> None:
    (day_id,) = [row["day_id"] for row in await office.service.intake.board(limit=10)]
    page = await office.get(f"/v1/days/{day_id}/report")
    assert page.startswith("<!doctype html>")
    assert "<h2>Timeline</h2>" in page
    last = (await office.service.intake.entries(str(day_id)))[-1].as_json()
    assert (last["kind"], last["data"]) == ("access", {"what": "report"})
    status, problem = await office.call("GET", "/v1/days/0197c0de-7000-7000-8000-000000000001/report")
    assert (status, problem["code"]) == (404, "not_found")
    assert (await office.call("GET", f"/v1/days/{day_id}/report", by="admin"))[0] == 403
