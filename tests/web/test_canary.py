"""200 invented names through every route and every error: none in a line, a figure, an address, a leaf or a refusal.

What is sent is made from the route table, so that a new route is tried from the day it is added.
"""

from __future__ import annotations

import io
import itertools
import json
import random
import re
import string
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer, unused_port

from infusion_service.settings import Settings
from infusion_service.web.problems import CONTENT_TYPE
from infusion_service.web.routes import ROUTES
from infusion_service.web.routing import Route
from tests.web.conftest import BAG, VITALS, WARDS, HttpWard, new_event_id, opened_ward
from tests.web.test_server import lines, served  # noqa: F401 - the fixture
from tests.web.test_stream import listening

SEED = 8
PATIENTS = 50
ECHOED = 422
"""What the receiver answers, which the endpoint takes for a refusal for good: each delivery is tried once and kept."""

STREAM = "/v1/log/stream"


def invented() -> list[dict[str, str]]:
    """Patients whose every string occurs nowhere else: 50 with four strings each."""
    chance = random.Random(SEED)  # noqa: S311 - invented names

    def word(alphabet: str, length: int) -> str:
        return "".join(chance.choice(alphabet) for _ in range(length))

    return [
        {
            "id": "P-" + word(string.ascii_uppercase + string.digits, 10),
            "family": "Zz" + word(string.ascii_lowercase, 8) + chance.choice(["", "ß", "\u00fc", "'x", "\\n"]),
            "given": "Qq" + word(string.ascii_lowercase, 8),
            "born": f"19{chance.randint(10, 99)}-0{chance.randint(1, 9)}-{chance.randint(10, 28)}",
        }
        for _ in range(PATIENTS)
    ]


def in_a_header(text: str) -> str:
    """What of a string a header can carry."""
    return text.encode("ascii", "ignore").decode().replace("\\", "")


class Echo:
    """A receiver that quotes in its refusal all that it was sent, as it came and as a person would write it."""

    def __init__(self) -> None:
        self.addresses: list[str] = []

    async def take(self, request: web.Request) -> web.Response:
        body = await request.text()
        self.addresses.append(f"{request.path_qs} {dict(request.headers)}")
        return web.Response(status=ECHOED, text=f"cannot take {body} that is {json.loads(body)}", reason="No")


@dataclass
class Sent:
    """A ward whose log is delivered to a receiver that quotes."""

    ward: HttpWard
    client: ClientSession
    echo: Echo
    endpoint: str


@pytest.fixture
async def sent(tmp_path: Path) -> AsyncIterator[Sent]:
    app, echo = web.Application(), Echo()
    app.router.add_post("/hook", echo.take)
    port = unused_port()
    settings = Settings(
        wards=WARDS,
        clock="simulated",
        database=tmp_path / "infusion.db",
        delivery_plain_networks=("127.0.0.1/32",),
        delivery_ports=(port,),
    )
    async with TestServer(app, port=port), opened_ward(settings) as opened:
        await opened.service.endpoints.start()
        wanted = {"name": "engine", "url": f"http://127.0.0.1:{port}/hook", "permanent": [ECHOED], "payload": "full"}
        made = await opened.post("/v1/endpoints", {**wanted, "ordering": "none"}, by="integration")
        assert made.status == 201, made.body
        async with served(opened) as (url, _), ClientSession(url) as client:
            yield Sent(opened, client, echo, made.body["id"])


class Canary:
    """Sends patients wherever a client could put one, by mistake or not, and keeps every refusal that comes back."""

    def __init__(self, sent: Sent, patients: list[dict[str, str]]) -> None:
        self.ward = sent.ward
        self.client = sent.client
        self.patients = patients
        self.refusals: list[str] = []
        self.headers: list[str] = []
        self.tried: set[tuple[str, str]] = set()
        self._next = itertools.cycle(text for patient in patients for text in patient.values())

    async def where_it_belongs(self, patient: Mapping[str, str]) -> str:
        """Schedule the patient's day and chart on it."""
        ward, (number, family, given, born) = self.ward, patient.values()
        day_id = await ward.schedule(patient={**patient, "identifiers": [{"system": "urn:oid:1", "value": number}]})
        day = f"/v1/days/{day_id}/events"
        await self._fact(day, "note.added", {"text": f"{given} {family}, born {born}"})
        await self._fact(day, "vitals.recorded", VITALS, late_reason=f"{family} slept")
        check = {"event_id": new_event_id(), "day": day_id, "type": "bag.prepared", "data": {**BAG, "batch": family}}
        await self.send("POST", "/v1/double-checks", json=check)
        await self._fact(day, "bag.prepared", {**BAG, "batch": given}, by="nurse_2")
        await self.send("POST", "/v1/break-glass", json={"patient": number, "reason": f"{family} was called"})
        await self.send("POST", "/v1/break-glass", json={"patient": family, "reason": f"{given} was called"})
        return day_id

    async def where_it_does_not(self, day_id: str, patient: Mapping[str, str]) -> None:
        """Put the patient's strings into what is refused: types, ids, values, groups, sessions, queries, headers."""
        number, family, given, born = patient.values()
        day = f"/v1/days/{day_id}/events"
        await self._fact(day, family, {})
        await self._fact(day, "vitals.recorded", {**VITALS, "consciousness": family, given: born})
        await self._fact(day, "vitals.recorded", {**VITALS, "heart_rate_per_min": number})
        await self._fact(day, "note.added", {"text": family}, session=number, by="device")
        await self._fact(day, "note.added", {"text": family}, badge=family, by="device")
        await self._fact(day, "note.added", {"text": family}, group=given, by="auditor")
        await self._fact(day, "override.granted", {"guard": family, "reason": given, "valid_minutes": 5})
        await self._fact(day, "note.added", {"text": family}, second={"token": family})
        await self._fact(day, "note.added", {"text": family}, patient=given)
        await self._fact(day, "note.added", {"text": family}, corrects=number)
        await self.send("POST", "/v1/batches", json={"items": [patient, family, {"day": day_id, "type": given}]})
        await self.send("POST", "/v1/sessions", json={"badge": family, "pin": given}, by="device")
        await self.send("POST", "/v1/audit/reads", json={"patient": number}, by="auditor")
        await self.send("POST", "/v1/audit/late", json={"patient": family, "since": given}, by="auditor")
        await self.send("POST", "/v1/audit/days", json={"family": family, "born": born}, by="auditor")
        await self.send("POST", "/v1/audit/days", json={"identifier": number, "after": family}, by="auditor")
        for name in ("url", "name", "types", "wards"):
            await self.send("POST", "/v1/endpoints", json={"name": "x", name: family}, by="integration")

    async def at_every_address(self, route: Route) -> None:
        """Try one route with patients in place of every id, in the query, the headers and the body, by all and none."""
        if route.path == STREAM:
            await self.send(route.method, f"{STREAM}?after={next(self._next)}", by="auditor")
            self.tried.add((route.method, route.path))
            return
        everybody = {f"member_{place}": text for place, text in enumerate(self._all())}
        for by in ("nurse", "admin", "integration", "device", None):
            await self.send(route.method, self._address(route), by=by, json=everybody)
        for by, query in itertools.product(("nurse", "auditor"), ("ward", "after", "day", "type", "state", "what")):
            await self.send(route.method, self._address(route), by=by, params={query: next(self._next)}, json={})
        named = ("X-Request-Id", "If-Match", "Last-Event-ID", "Accept", "Origin", "Cookie", "Content-Type", "Expect")
        for name in named:
            await self.send(route.method, self._address(route), headers={name: in_a_header(next(self._next))})
        forged = {"Authorization": f"Bearer {in_a_header(next(self._next))}"}
        await self.send(route.method, self._address(route), by=None, headers=forged)
        await self.send("PURGE", self._address(route))
        if route.method in ("POST", "PUT", "PATCH"):
            for raw in (json.dumps(self.patients)[:-3], next(self._next), f'{{"{next(self._next)}": 1'):
                await self.send(
                    route.method, self._address(route), data=raw.encode(), headers={"Content-Type": "application/json"}
                )
            await self.send(route.method, self._address(route), json=[next(self._next)] * 20_000, by="admin")
        self.tried.add((route.method, route.path))

    async def send(
        self,
        method: str,
        address: str,
        *,
        by: str | None = "nurse",
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> int:
        """Ask, and keep of the answer what everybody may get to see of it."""
        if (method, address) == ("DELETE", "/v1/sessions/current"):
            return 0
        sent = {} if by is None else {"Authorization": f"Bearer {self.ward.tokens[by]}"}
        async with self.client.request(method, address, headers={**sent, **(headers or {})}, **body) as response:
            text = await response.text()
        if response.status >= 400:
            assert response.content_type == CONTENT_TYPE, (method, response.status, text)
            self._keep(json.loads(text), f"{body} {json.dumps(body.get('json'), ensure_ascii=False)}")
        elif address == "/v1/batches":
            for item in json.loads(text)["items"]:
                self._keep(item.get("problem", {}), str(body))
        self.headers.append(str(dict(response.headers)))
        return response.status

    def _keep(self, problem: dict[str, Any], sent: str) -> None:
        """Keep a problem document without its pointers: these name a member as its sender called it, to the sender."""
        for error in problem.get("errors", ()):
            pointer = error.pop("pointer")
            assert all(text in sent for text in self._all() if text in pointer), pointer
        self.refusals.append(json.dumps(problem, ensure_ascii=False))

    async def _fact(self, address: str, kind: str, data: Any, *, by: str = "nurse", **more: Any) -> None:
        body = {"event_id": new_event_id(), "type": kind, "data": data, **more}
        await self.send("POST", address, json=body, by=by)

    def _address(self, route: Route) -> str:
        return re.sub(r"\{\w+\}", lambda _: next(self._next), route.path)

    def _all(self) -> Iterator[str]:
        return (text for patient in self.patients for text in patient.values())


async def excerpts(sent: Sent) -> list[str]:
    """What is kept of the receiver's refusals, as an engineer's browser gets it, once there are enough of them."""
    ward, endpoint = sent.ward, sent.endpoint
    shown: list[str] = []
    while len(shown) < 3 * PATIENTS:
        page = await ward.get(f"/v1/endpoints/{endpoint}/deliveries?limit=1000", by="integration")
        shown = [
            attempt["excerpt"]
            for delivery in page.body["deliveries"]
            for attempt in delivery["attempts"]
            if "excerpt" in attempt
        ]
    pinged = (await ward.post(f"/v1/endpoints/{endpoint}/ping", {}, by="integration")).body
    status = (await ward.get(f"/v1/endpoints/{endpoint}/status", by="auditor")).body
    return [*shown, str(pinged), str(status)]


# Long because it is one ward's day: everything is sent first, and only then looked for.
async def test_no_patient_where_none_belongs(sent: Sent, lines: io.StringIO) -> None:  # noqa: F811 - the fixture
    ward, patients = sent.ward, invented()
    canary = Canary(sent, patients)
    for number, patient in enumerate(patients):
        day_id = await canary.where_it_belongs(patient)
        ward.pass_by(seconds=30)
        if number % 5 == 0:
            await canary.where_it_does_not(day_id, patient)
    kept_of_replies = await excerpts(sent)
    for route in ROUTES:
        await canary.at_every_address(route)
    async with listening(ward, "auditor", "?after=0") as listener:
        await listener.event("beat")
    async with sent.client.get("/metrics", headers={"Authorization": f"Bearer {ward.tokens['auditor']}"}) as response:
        figures = await response.text()
    logged = await ward.service.intake.log_page(0, 20_000)
    leaves = b"\n".join(entry.leaf for entry in logged).decode()
    bodies = "".join(str(entry.as_json()) for entry in logged)

    said = [text for patient in patients for text in patient.values()]
    assert len(set(said)) == 200
    assert sum(text in bodies for text in said) > 150, "the log itself holds them, or this test tries nothing"
    assert canary.tried == {(route.method, route.path) for route in ROUTES}
    assert len(canary.refusals) > 10 * len(ROUTES)
    places = {
        "lines": lines.getvalue(),
        "figures": figures,
        "leaves": leaves,
        "problem documents": "\n".join(canary.refusals),
        "headers": "\n".join(canary.headers),
        "excerpts of replies": "\n".join(kept_of_replies),
        "addresses of deliveries": "\n".join(sent.echo.addresses),
    }
    found = {place: [name for name in said if name in text] for place, text in places.items()}
    assert {place: names for place, names in found.items() if names} == {}
    assert lines.getvalue().count('"http.answered"') > 500
    for token in ward.tokens.values():
        assert token not in lines.getvalue()
        assert token not in bodies
