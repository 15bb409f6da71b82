"""Deliveries over TLS: whose certificate is believed, and what an engine sees of the service on the wire."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from standardwebhooks import Webhook

from infusion_service.delivery.courier import HttpCourier, Target
from infusion_service.delivery.egress import EgressGuard, policy_of
from infusion_service.delivery.schedule import Reply
from infusion_service.settings import Settings
from tests.delivery.authority import Authority, Signed, listening_as
from tests.web.conftest import WARDS, opened_ward

HERE = "127.0.0.1"
NAME = "engine.hospital.test"


class Engine:
    """A receiver behind TLS that remembers what it saw."""

    def __init__(self) -> None:
        self.port = unused_port()
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.clients: list[str | None] = []

    async def take(self, request: web.Request) -> web.Response:
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.bodies.append(await request.read())
        assert request.transport is not None
        shown = request.transport.get_extra_info("peercert")
        names = dict(part[0] for part in shown["subject"]) if shown else {}
        self.clients.append(names.get("commonName"))
        return web.Response(status=204)


@asynccontextmanager
async def listening(signed: Signed, directory: Path, clients_of: Authority | None = None) -> AsyncIterator[Engine]:
    engine, app = Engine(), web.Application()
    app.router.add_post("/hook", engine.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        tls = listening_as(signed, directory, clients_of=clients_of)
        await web.TCPSite(runner, HERE, engine.port, ssl_context=tls).start()
        yield engine
    finally:
        await runner.cleanup()


async def attempt(engine: Engine, host: str = NAME, **target: Any) -> Reply:
    policy = policy_of(networks=[f"{HERE}/32"], plain_networks=[], ports=[engine.port], host_suffixes=[])

    async def look_up(_host: str, _port: int) -> list[str]:
        return [HERE]

    url = f"https://{host}:{engine.port}/hook"
    courier = HttpCourier(Target(url=url, timeout_s=10, **target), EgressGuard(policy), lookup=look_up)
    try:
        return await courier.post({"content-type": "application/json"}, b"{}")
    finally:
        await courier.close()


async def test_an_engine_signed_by_the_hospitals_own_authority_is_believed_where_that_is_named(tmp_path: Path) -> None:
    ours = Authority()
    async with listening(ours.sign(NAME), tmp_path) as engine:
        assert (await attempt(engine, ca_pem=ours.pem)).status == 204
        unnamed = await attempt(engine)
        by_other = await attempt(engine, ca_pem=Authority("Other CA").pem)
        by_namesake = await attempt(engine, ca_pem=Authority().pem)
    assert [reply.fault for reply in (unnamed, by_other, by_namesake)] == ["tls_failed"] * 3
    assert len(engine.bodies) == 1


async def test_a_certificate_of_another_name_or_past_its_end_is_not_believed(tmp_path: Path) -> None:
    ours = Authority()
    async with listening(ours.sign("other.hospital.test"), tmp_path) as engine:
        assert (await attempt(engine, ca_pem=ours.pem)).fault == "tls_failed"
    async with listening(ours.sign(NAME), tmp_path) as engine:
        # The name that is checked is the one of the URL, never the address it led to.
        assert (await attempt(engine, host=HERE, ca_pem=ours.pem)).fault == "tls_failed"
    async with listening(ours.sign(NAME, ends_in=-timedelta(days=1)), tmp_path) as engine:
        assert (await attempt(engine, ca_pem=ours.pem)).fault == "tls_failed"
    assert engine.bodies == []


async def test_an_engine_that_asks_for_a_client_certificate_gets_ours_and_nobody_elses(tmp_path: Path) -> None:
    ours, strangers = Authority(), Authority("Strangers")
    mine, foreign = ours.sign("infusion.hospital.test"), strangers.sign("infusion.hospital.test")
    async with listening(ours.sign(NAME), tmp_path, clients_of=ours) as engine:
        taken = await attempt(engine, ca_pem=ours.pem, client_pem=mine.certificate_pem + mine.key_pem)
        without = await attempt(engine, ca_pem=ours.pem)
        other = await attempt(engine, ca_pem=ours.pem, client_pem=foreign.certificate_pem + foreign.key_pem)
    assert taken.status == 204
    assert engine.clients == ["infusion.hospital.test"]
    # In TLS 1.3 a client hears only after its handshake that it is not wanted.
    assert {without.fault, other.fault} <= {"tls_failed", "connection_lost"}


KINDS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "none": ({"kind": "none"}, {}),
    "basic": (
        {"kind": "basic", "user": "infusion", "password": "pass:word"},
        {"authorization": "Basic " + b64encode(b"infusion:pass:word").decode()},
    ),
    "header": ({"kind": "header", "name": "X-Api-Key", "value": "k-1"}, {"x-api-key": "k-1"}),
    "bearer": ({"kind": "bearer", "token": "t-1"}, {"authorization": "Bearer t-1"}),
}


@pytest.mark.parametrize("kind", [*KINDS, "mtls"])
async def test_every_way_to_authenticate_is_seen_on_the_wire_beside_the_signature(kind: str, tmp_path: Path) -> None:
    ours = Authority()
    client = ours.sign("infusion.hospital.test")
    mtls = {"kind": "mtls", "certificate_pem": client.certificate_pem, "key_pem": client.key_pem}
    auth, seen = KINDS.get(kind, (mtls, {}))
    wants = ours if kind == "mtls" else None
    async with listening(ours.sign(NAME, address=HERE), tmp_path, clients_of=wants) as engine:
        settings = Settings(
            wards=WARDS,
            clock="simulated",
            database=tmp_path / "infusion.db",
            delivery_networks=(f"{HERE}/32",),
            delivery_ports=(engine.port,),
        )
        async with opened_ward(settings) as ward:
            await ward.service.endpoints.start()
            url = f"https://{HERE}:{engine.port}/hook"
            wanted = {"name": "engine", "url": url, "auth": auth, "ca_pem": ours.pem}
            made = await ward.post("/v1/endpoints", wanted, by="integration")
            assert made.status == 201, made.body
            ping = await ward.post(f"/v1/endpoints/{made.body['id']}/ping", {}, by="integration")
    assert ping.body["status"] == 204
    (headers,) = engine.headers
    assert seen.items() <= headers.items()
    assert ("authorization" in headers) == ("authorization" in seen)
    assert engine.clients == (["infusion.hospital.test"] if kind == "mtls" else [None])
    Webhook(made.body["secret"]).verify(engine.bodies[0], headers)
    for secret in ("pass:word", "k-1", "t-1", "PRIVATE KEY"):
        assert secret not in str({name: value for name, value in made.body.items() if name != "secret"})
