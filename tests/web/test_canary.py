"""200 invented names through every route and every error: none in a log line, a figure, an address or a leaf."""

from __future__ import annotations

import io
import json
import random
import string
from typing import Any

from infusion_service.web.routes import ROUTES
from tests.web.conftest import BAG, VITALS, HttpWard, new_event_id
from tests.web.test_server import lines  # noqa: F401 - the fixture
from tests.web.test_stream import listening

SEED = 8
PATIENTS = 50


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


class Canary:
    """Sends a patient wherever a client could put one, by mistake or not."""

    def __init__(self, ward: HttpWard, patient: dict[str, str]) -> None:
        self.ward = ward
        self.patient = patient
        self.said = [*patient.values(), json.dumps(patient)]

    async def where_it_belongs(self) -> str:
        """Schedule the patient's day and chart on it."""
        ward, (number, family, given, born) = self.ward, self.patient.values()
        day_id = await ward.schedule(
            patient={**self.patient, "identifiers": [{"system": "urn:oid:1", "value": number}]}
        )
        await ward.fact(day_id, "note.added", {"text": f"{given} {family}, born {born}"})
        await ward.fact(day_id, "vitals.recorded", VITALS, late_reason=f"{family} slept")
        check = {"event_id": new_event_id(), "day": day_id, "type": "bag.prepared", "data": {**BAG, "batch": family}}
        await ward.post("/v1/double-checks", check)
        await ward.fact(day_id, "bag.prepared", {**BAG, "batch": given}, by="nurse_2")
        await ward.post("/v1/break-glass", {"patient": number, "reason": f"{family} was called"})
        await ward.post("/v1/break-glass", {"patient": family, "reason": f"{given} was called"})
        return day_id

    async def where_it_does_not(self, day_id: str) -> None:
        """Put the patient's strings into what is refused: types, ids, values, groups, sessions, queries, headers."""
        ward, (number, family, given, born) = self.ward, self.patient.values()
        await ward.fact(day_id, family, {})
        await ward.fact(day_id, "vitals.recorded", {**VITALS, "consciousness": family, given: born})
        await ward.fact(day_id, "vitals.recorded", {**VITALS, "heart_rate_per_min": number})
        await ward.fact(day_id, "note.added", {"text": family}, session=number, by="device")
        await ward.fact(day_id, "note.added", {"text": family}, badge=family, by="device")
        await ward.fact(day_id, "note.added", {"text": family}, group=given, by="auditor")
        await ward.fact(day_id, "override.granted", {"guard": family, "reason": given, "valid_minutes": 5})
        await ward.fact(day_id, "note.added", {"text": family}, second={"token": family})
        await ward.fact(day_id, "note.added", {"text": family}, patient=given)
        await ward.post("/v1/batches", {"items": [self.patient, family, {"day": day_id, "type": given}]})
        await ward.post("/v1/sessions", {"badge": family, "pin": given}, by="device")
        for query in ("ward", "state", "date", "after", "limit", "open", "patient"):
            await ward.client.get("/v1/days", params={query: family}, headers=self._by("nurse"))
        for query in ("after", "day", "type"):
            await ward.client.get("/v1/log", params={query: given}, headers=self._by("auditor"))
        headers = {
            name: in_a_header(family) for name in ("X-Request-Id", "If-Match", "Last-Event-ID", "Accept", "Origin")
        }
        await ward.client.get("/v1/log/stream?after=x", headers={**self._by("nurse"), **headers})
        await ward.client.get("/v1/days", headers={"Authorization": f"Bearer {in_a_header(given)}"})
        await ward.client.get("/v1/days", headers={"Cookie": f"infusion_session={in_a_header(given)}"})

    async def at_every_address(self) -> None:
        """Ask at every route with the patient in the place of every id, and with the patient as the body."""
        for route in ROUTES:
            if route.path == "/v1/log/stream":
                continue
            address = route.path
            while "{" in address:
                address = address.replace(address[address.index("{") : address.index("}") + 1], self.patient["family"])
            for by in ("nurse", "admin"):
                await self._send(route.method, address, by, json=self.patient)
        for raw in (json.dumps(self.patient)[:-3], self.patient["family"], f'{{"{self.patient["given"]}": 1'):
            await self._send("POST", "/v1/days", "nurse", data=raw.encode())

    async def _send(self, method: str, address: str, by: str, **body: Any) -> None:
        if (method, address) == ("DELETE", "/v1/sessions/current"):
            return
        headers = {**self._by(by), "Content-Type": "application/json"} if "data" in body else self._by(by)
        async with self.ward.client.request(method, address, headers=headers, **body) as response:
            answer = await response.text()
        if response.status >= 400:
            assert not [text for text in self.patient.values() if text in answer], (method, response.status, answer)
        for name, value in response.headers.items():
            assert not [text for text in self.patient.values() if text in value], (method, name)

    def _by(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.ward.tokens[who]}"}


async def test_no_patient_where_none_belongs(ward: HttpWard, lines: io.StringIO) -> None:  # noqa: F811 - the fixture
    patients = invented()
    canaries = [Canary(ward, patient) for patient in patients]
    for number, canary in enumerate(canaries):
        day_id = await canary.where_it_belongs()
        ward.pass_by(seconds=30)
        if number % 5 == 0:
            await canary.where_it_does_not(day_id)
        if number % 25 == 0:
            await canary.at_every_address()
    async with listening(ward, "auditor", "?after=0") as listener:
        await listener.event("beat")
    figures = (await ward.get("/metrics", by="auditor")).body
    logged = await ward.service.intake.log_page(0, 10_000)
    leaves = b"\n".join(entry.leaf for entry in logged).decode()
    bodies = "".join(str(entry.as_json()) for entry in logged)

    said = [text for patient in patients for text in patient.values()]
    assert len(said) == 200
    assert sum(text in bodies for text in said) > 150, "the log itself holds them, or this test tries nothing"
    for place, text in (("lines", lines.getvalue()), ("figures", figures), ("leaves", leaves)):
        assert not [name for name in said if name in text], place
    assert lines.getvalue().count('"http.answered"') > 500
    for token in ward.tokens.values():
        assert token not in lines.getvalue()
        assert token not in bodies
