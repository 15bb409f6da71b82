"""Endpoints over HTTP: made, changed, looked at, removed; secrets shown once, and nothing sent where it may not be."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from jsonschema import Draft202012Validator
from prometheus_client.parser import text_string_to_metric_families
from standardwebhooks import Webhook

from infusion_service.settings import Settings
from tests.web.conftest import WARDS, HttpWard, opened_ward


class Engine:
    """A receiver over real HTTP."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 200

    async def take(self, request: web.Request) -> web.Response:
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        return web.Response(status=self.status, text="refused: Mustermann, Erika" if self.status >= 400 else "")


@pytest.fixture
async def engine() -> AsyncIterator[tuple[Engine, str, int]]:
    app, engine = web.Application(), Engine()
    app.router.add_post("/hook", engine.take)
    port = unused_port()
    async with TestServer(app, port=port):
        yield engine, f"http://127.0.0.1:{port}/hook", port


@pytest.fixture
async def ward(tmp_path: Path, engine: tuple[Engine, str, int]) -> AsyncIterator[HttpWard]:
    settings = Settings(
        wards=WARDS,
        clock="simulated",
        database=tmp_path / "infusion.db",
        delivery_plain_networks=("127.0.0.1/32",),
        delivery_ports=(engine[2],),
    )
    async with opened_ward(settings) as opened:
        await opened.service.endpoints.start()
        yield opened


async def delivered(ward: HttpWard, endpoint: str, n: int) -> dict[str, Any]:
    """Wait until a delivery has been tried, and return it."""
    while True:
        answer = await ward.get(f"/v1/endpoints/{endpoint}/deliveries?after={n - 1}&limit=1", by="integration")
        found = answer.body["deliveries"]
        if found and found[0]["attempts"]:
            return dict(found[0])


# One life in one piece: each step needs the one before it.
async def test_an_endpoint_lives_from_creation_to_removal(ward: HttpWard, engine: tuple[Engine, str, int]) -> None:
    receiver, url, _ = engine
    made = await ward.post(
        "/v1/endpoints", {"name": "engine", "url": url, "signature": ["v1", "v1a"]}, by="integration"
    )
    assert made.status == 201, made.body
    secret, one = made.body["secret"], f"/v1/endpoints/{made.body['id']}"
    assert secret.startswith("whsec_")
    assert made.body["public_key"].startswith("whpk_")
    shown = await ward.get(one, by="auditor")
    assert "secret" not in shown.body
    assert (await ward.get("/v1/endpoints", by="admin")).body["endpoints"] == [shown.body]

    ping = await ward.post(f"{one}/ping", {}, by="integration")
    assert (ping.body["ok"], ping.body["status"]) == (True, 200)
    headers, body = receiver.got[-1]
    assert Webhook(secret).verify(body, headers)["type"] == "infusion.webhook.ping.v1"
    assert re.fullmatch(f"00-{headers['webhook-id'].replace('-', '')}-[0-9a-f]{{16}}-00", headers["traceparent"])

    day = await ward.schedule()
    row = await delivered(ward, made.body["id"], 1)
    assert (row["subject"], row["type"], row["state"]) == (day, "day.scheduled", "done")
    headers, body = receiver.got[-1]
    event = Webhook(secret).verify(body, headers)
    assert event["data"]["patient"]["family"] == "Mustermann"
    schema = json.loads((await ward.call("GET", "/schemas/infusion.day.scheduled.v1.json", by=None)).body)
    Draft202012Validator(schema).validate(event)
    assert schema["$id"] == event["dataschema"]

    turned = await ward.post(f"{one}/rotate-secret", {"overlap_s": 60}, by="integration")
    assert turned.body["secret"] != secret
    await ward.post(f"{one}/ping", {}, by="integration")
    headers, body = receiver.got[-1]
    Webhook(secret).verify(body, headers)
    Webhook(turned.body["secret"]).verify(body, headers)
    assert (await ward.post(f"{one}/rotate-secret", {}, by="integration")).code == "not_possible"

    changed = await ward.call("PATCH", one, {"types": ["alert.*"], "name": "alerts only"}, by="integration")
    assert (changed.body["types"], changed.body["name"]) == (["alert.*"], "alerts only")
    assert (await ward.post(f"{one}/hold", {"reason": "upgrade"}, by="integration")).body["state"] == "held"
    assert (await ward.post(f"{one}/enable", {}, by="integration")).body["state"] == "active"
    row = await delivered(ward, made.body["id"], 2)
    assert row["type"] == "endpoint.filter_changed"
    assert (await ward.post(f"{one}/replay", {"from_seq": 1, "to_seq": 9999}, by="integration")).status == 202
    status = await ward.get(f"{one}/status", by="auditor")
    assert status.body["state"] == "active"
    assert (await ward.call("DELETE", one, by="integration")).status == 204
    assert (await ward.get(one, by="integration")).status == 404

    log = await ward.get("/v1/log?limit=1000", by="auditor")
    types = [entry["type"] for entry in log.body["entries"] if entry["type"].startswith("endpoint.")]
    assert types == [
        "endpoint.created",
        "endpoint.secret_rotated",
        "endpoint.filter_changed",
        "endpoint.held",
        "endpoint.enabled",
        "endpoint.replayed",
        "endpoint.removed",
    ]
    assert secret not in str(log.body)


async def test_what_is_parked_can_be_tried_again_or_dropped(ward: HttpWard, engine: tuple[Engine, str, int]) -> None:
    receiver, url, _ = engine
    receiver.status = 422
    made = await ward.post("/v1/endpoints", {"name": "engine", "url": url, "permanent": [422]}, by="integration")
    one = f"/v1/endpoints/{made.body['id']}"
    await ward.schedule()
    row = await delivered(ward, made.body["id"], 1)
    assert row["state"] == "parked"
    assert row["attempts"][0]["excerpt"] == "refused: [...], [...]"
    receiver.status = 200
    assert (await ward.post(f"{one}/deliveries/1/retry", {"reason": "mended"}, by="integration")).status == 200
    while (await ward.get(f"{one}/deliveries?state=done", by="integration")).body["deliveries"] == []:
        pass
    late = await ward.post(f"{one}/deliveries/1/drop", {"reason": "too late"}, by="integration")
    assert (late.status, late.code) == (409, "not_possible")
    assert (await ward.post(f"{one}/deliveries/7/drop", {"reason": "none"}, by="integration")).status == 404


async def test_deliveries_are_searched_looked_at_and_tried_again_by_the_range(
    ward: HttpWard, engine: tuple[Engine, str, int]
) -> None:
    receiver, url, _ = engine
    receiver.status = 422
    made = await ward.post("/v1/endpoints", {"name": "engine", "url": url, "permanent": [422]}, by="integration")
    one = f"/v1/endpoints/{made.body['id']}"
    days = [await ward.schedule() for _ in range(3)]
    for n in (1, 2, 3):
        await delivered(ward, made.body["id"], n)

    async def found(query: str) -> list[int]:
        page = await ward.get(f"{one}/deliveries?{query}", by="auditor")
        assert page.status == 200, page.body
        return [row["n"] for row in page.body["deliveries"]]

    row = (await ward.get(f"{one}/deliveries/2", by="auditor")).body
    attempts = (await ward.get(f"{one}/deliveries/2/attempts", by="auditor")).body
    assert (row["subject"], attempts) == (days[1], {"n": 2, "attempts": row["attempts"]})
    assert await found("answer=422&state=parked") == [1, 2, 3]
    assert await found(f"day={days[1]}&type=day.scheduled") == [2]
    assert await found("answer=500") == []
    assert await found(f"since={row['attempts'][0]['at']}&limit=2") in ([1, 2], [2, 3])
    assert await found("until=2020-01-01T00:00:00Z") == []
    assert (await ward.get(f"{one}/deliveries?since=yesterday", by="auditor")).code == "malformed"
    assert (await ward.get(f"{one}/deliveries/9", by="auditor")).status == 404

    receiver.status = 200
    wanted = {"from_n": 2, "to_n": 3, "reason": "the channel is there now"}
    assert (await ward.post(f"{one}/redrive", wanted, by="integration")).body == {"retried": 2}
    while await found("state=done") != [2, 3]:
        pass
    assert (await ward.post(f"{one}/redrive", wanted, by="integration")).code == "not_possible"


async def test_figures_say_how_deliveries_fare_and_name_no_address(
    ward: HttpWard, engine: tuple[Engine, str, int]
) -> None:
    receiver, url, port = engine
    receiver.status = 422
    wanted = {"name": "lab of Dr Mustermann", "url": url + "?key=s3cret", "permanent": [422]}
    made = await ward.post("/v1/endpoints", wanted, by="integration")
    await ward.schedule()
    await delivered(ward, made.body["id"], 1)
    receiver.status = 204
    await ward.schedule()
    await delivered(ward, made.body["id"], 2)

    text = (await ward.call("GET", "/metrics", by="admin")).body

    samples = {
        (sample.name, sample.labels.get("outcome", sample.labels.get("state"))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels.get("endpoint") == made.body["id"]
    }
    assert samples["infusion_delivery_attempts_total", "4xx"] == 1
    assert samples["infusion_delivery_attempts_total", "2xx"] == 1
    assert samples["infusion_delivery_parked", "active"] == 1
    assert samples["infusion_delivery_lag_entries", "active"] == 0
    assert samples["infusion_delivery_lag_seconds", "active"] == 0
    assert samples["infusion_delivery_circuit_open", "active"] == 0
    for secret in ("s3cret", str(port), "Mustermann", "127.0.0.1"):
        assert secret not in text


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"url": "http://10.0.0.1/hook"}, "/url"),
        ({"url": "https://user:pass@engine.test/"}, "/url"),
        ({"url": "ftp://engine.test/"}, "/url"),
        ({"wards": ["nowhere"]}, "/wards"),
        ({"auth": {"kind": "header", "name": "Webhook-Id", "value": "x"}}, "/auth/name"),
        ({"auth": {"kind": "mtls", "certificate_pem": "x", "key_pem": "y"}}, "/auth"),
        ({"ca_pem": "no certificate"}, "/ca_pem"),
        ({"max_in_flight": 17}, "/max_in_flight"),
        ({"types": []}, "/types"),
    ],
)
async def test_what_cannot_be_used_is_refused_with_its_place(
    ward: HttpWard, engine: tuple[Engine, str, int], given: dict[str, Any], pointer: str
) -> None:
    refused = await ward.post("/v1/endpoints", {"name": "engine", "url": engine[1], **given}, by="admin")
    assert (refused.status, refused.code) == (400, "malformed")
    assert refused.body["errors"][0]["pointer"] == pointer
    assert (await ward.get("/v1/endpoints", by="admin")).body == {"endpoints": []}


async def test_the_asyncapi_document_names_a_schema_for_every_message(ward: HttpWard) -> None:
    document = (await ward.call("GET", "/asyncapi.json", by=None)).body
    assert document["asyncapi"] == "3.0.0"
    messages = document["components"]["messages"]
    assert {"vitals_recorded", "alert_raised", "endpoint_failing", "webhook_ping"} <= set(messages)
    for name, message in messages.items():
        assert message["payload"] == {"$ref": f"#/components/schemas/{name}"}
        Draft202012Validator.check_schema(document["components"]["schemas"][name])
    assert (await ward.call("GET", "/schemas/infusion.no.such.v1.json", by=None)).status == 404
