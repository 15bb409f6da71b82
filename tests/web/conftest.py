"""A ward served over real HTTP: in-memory log, a clock that stands until it is moved, people of every role."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher

from infusion_service.access.access import Access
from infusion_service.access.jwks import Keys
from infusion_service.access.pins import PinHasher
from infusion_service.access.records import TOKEN_ROLES, StaffRole
from infusion_service.bootstrap import Service, open_service
from infusion_service.clinical.vocabulary import Actor
from infusion_service.intake.clock import SimulatedClock
from infusion_service.log.memory import MemoryStore
from infusion_service.log.store import Store
from infusion_service.settings import Settings, Ward
from infusion_service.web.app import build_app
from tests.web.conformance import Conformance

WARDS = (
    Ward(id="neuro-day", name="Neurology day ward", timezone="Europe/Paris"),
    Ward(id="onco-day", name="Oncology day ward", timezone="Europe/Paris"),
)
START = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
OPERATOR = Actor(id="operator", role="admin", how="service")
STAFF: dict[str, tuple[str, StaffRole]] = {
    "nurse": ("nurse-1", "nurse"),
    "nurse_2": ("nurse-2", "nurse"),
    "charge_nurse": ("charge-1", "charge_nurse"),
    "prescriber": ("doc-1", "prescriber"),
    "pharmacist": ("pharm-1", "pharmacist"),
}

VITALS = {
    "heart_rate_per_min": 72,
    "systolic_mmhg": 122,
    "diastolic_mmhg": 76,
    "spo2_percent": 98,
    "on_oxygen": False,
    "spo2_scale": 1,
    "respiratory_rate_per_min": 16,
    "temperature_celsius": 36.8,
    "consciousness": "A",
    "source": "manual",
}
BAG = {
    "product": "LEMTRADA",
    "batch": "L-1",
    "vial_expires_on": "2027-06-30",
    "prepared_at": "2026-11-23T06:50:00Z",
    "diluent": "sodium_chloride_0_9",
    "volume_ml": 101.2,
    "dose_mg": 12,
}

_patients = itertools.count(1)


def new_event_id() -> str:
    """Return an id no fact has had."""
    return str(uuid.uuid4())


@dataclass
class Answer:
    """What came back: status, headers, decoded JSON (or text)."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def code(self) -> str | None:
        """The code of the problem, if it is one."""
        return self.body.get("code") if isinstance(self.body, dict) else None


@dataclass
class HttpWard:
    """The served ward, and how its people reach it."""

    service: Service
    app: web.Application
    client: TestClient[web.Request, web.Application]
    conformance: Conformance
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def clock(self) -> SimulatedClock:
        assert isinstance(self.service.clock, SimulatedClock)
        return self.service.clock

    def pass_by(self, **span: float) -> None:
        self.clock.move_to(self.clock.now() + timedelta(**span))

    async def call(
        self, method: str, path: str, body: Any = None, *, by: str | None = "nurse", **headers: str
    ) -> Answer:
        """Call a route as somebody; `by` None sends no credential. Every answer is held to the OpenAPI document."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if by is not None:
            sent.setdefault("Authorization", f"Bearer {self.tokens[by]}")
        response = await self.client.request(method, path, headers=sent, **({} if body is None else {"json": body}))
        answer = await _read(response)
        self.conformance.check(method, path, answer.status, response.content_type, answer.body)
        return answer

    async def get(self, path: str, *, by: str | None = "nurse", **headers: str) -> Answer:
        return await self.call("GET", path, by=by, **headers)

    async def post(self, path: str, body: Any, *, by: str | None = "nurse", **headers: str) -> Answer:
        return await self.call("POST", path, body, by=by, **headers)

    async def schedule(self, *, by: str = "nurse", **changed: Any) -> str:
        """Schedule a day for a new patient and return its id."""
        day = {
            "ward": "neuro-day",
            "chair": "3",
            "patient": {"id": f"P-{next(_patients)}", "family": "Mustermann", "given": "Erika", "born": "1988-02-29"},
            "workflow": "alemtuzumab",
            "course": 1,
            "day": 1,
            "date": "2026-11-23",
            "baseline_deficits": [],
            "attested_history": [],
        }
        answer = await self.post("/v1/days", {**day, **changed}, by=by)
        assert answer.status == 201, answer.body
        return str(answer.body["day_id"])

    async def fact(self, day_id: str, kind: str, data: Any = None, *, by: str = "nurse", **envelope: Any) -> Answer:
        """Post one fact of a day."""
        body = {"event_id": new_event_id(), "type": kind, "data": {} if data is None else data, **envelope}
        return await self.post(f"/v1/days/{day_id}/events", body, by=by)


async def _read(response: ClientResponse) -> Answer:
    raw = await response.read()
    body: Any = raw.decode()
    if response.content_type in ("application/json", "application/problem+json"):
        body = await response.json(content_type=None)
    return Answer(response.status, response.headers, body)


@pytest.fixture
async def ward() -> AsyncIterator[HttpWard]:
    async with opened_ward(Settings(wards=WARDS, clock="simulated")) as opened:
        yield opened


@asynccontextmanager
async def opened_ward(
    settings: Settings, store: Store | None = None, issuer_keys: Keys | None = None
) -> AsyncIterator[HttpWard]:
    """Serve a ward of these settings over `store` (None: one of its own) while the block runs."""
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(
            open_service(settings, clock=SimulatedClock(START), store=store or MemoryStore())
        )
        service = replace(opened, access=await _quick_access(opened, issuer_keys))
        app = build_app(service)
        client = await stack.enter_async_context(TestClient(TestServer(app)))
        yield await _people(HttpWard(service, app, client, Conformance()))


async def _quick_access(opened: Service, issuer_keys: Keys | None) -> Access:
    """The same access with a cheap PIN hash: signing in is not what these tests measure."""
    access = Access(
        settings=opened.settings,
        store=opened.store,
        journal=opened.intake,
        clock=opened.clock,
        hasher=PinHasher(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)),
        issuer_keys=issuer_keys,
    )
    await access.load()
    return access


async def _people(ward: HttpWard) -> HttpWard:
    access = ward.service.access
    ward.tokens["device"] = await access.enrol_device("tab-1", "neuro-day", OPERATOR)
    ward.tokens["device_2"] = await access.enrol_device("tab-2", "onco-day", OPERATOR)
    expires_at = START + timedelta(days=365)
    for office in TOKEN_ROLES:
        _, ward.tokens[office] = await access.mint_token(office, office, expires_at, OPERATOR)
    for who, (staff_id, role) in STAFF.items():
        await access.add_staff(staff_id, who, role, badge=f"B-{staff_id}", pin="1234", wards=None, by=OPERATOR)
        ward.tokens[who] = await sign_in(ward, staff_id)
    return ward


async def sign_in(ward: HttpWard, staff_id: str, *, device: str = "device") -> str:
    """Sign a person in and return the session's token."""
    answer = await ward.post("/v1/sessions", {"badge": f"B-{staff_id}", "pin": "1234"}, by=device)
    assert answer.status == 201, answer.body
    return str(answer.body["token"])
