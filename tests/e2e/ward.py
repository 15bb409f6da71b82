"""A ward behind the real command: its people, its tablet, and patients who were charted up to the running infusion."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

PIN = "274913"
DATE = "2026-11-23"
WARD = "neuro-day"
PEOPLE = {
    "nurse": "nurse",
    "colleague": "nurse",
    "charge": "charge_nurse",
    "doctor": "prescriber",
    "pharmacist": "pharmacist",
}
SIGNS = {
    "systolic_mmhg": 122,
    "diastolic_mmhg": 76,
    "heart_rate_per_min": 72,
    "spo2_percent": 98,
    "on_oxygen": False,
    "spo2_scale": 1,
    "respiratory_rate_per_min": 16,
    "temperature_celsius": 36.8,
    "consciousness": "A",
}
NO_SIGN = dict.fromkeys(("balance", "eyes", "face", "arms", "speech", "severe_headache", "neck_pain"), False)
CHECKLIST = (
    "hypersensitivity",
    "hiv",
    "severe_infection",
    "uncontrolled_hypertension",
    "arterial_dissection_history",
    "stroke_history",
    "angina_or_mi_history",
    "coagulopathy",
    "antiplatelet_or_anticoagulant",
    "other_autoimmune_disease",
    "consent",
    "intensive_care_access",
    "labs_in_window",
    "pregnancy_excluded",
    "herpes_prophylaxis_prescribed",
    "alert_card_explained",
)
ECG = {"rhythm": "sinus", "rate_per_min": 72, "st_change": "none", "changed_from_baseline": False}
SCREENING: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("patient.checked_in", {"identity_check": "two_identifiers"}),
    ("screening.started", {}),
    ("checklist.recorded", {"items": [{"item": item, "result": "clear"} for item in CHECKLIST]}),
    ("ecg.recorded", ECG),
    ("befast.checked", NO_SIGN),
    ("vitals.recorded", SIGNS),
)
BAG = {
    "product": "Lemtrada",
    "batch": "A1234",
    "vial_expires_on": "2027-11-30",
    "prepared_at": f"{DATE}T08:20:00Z",
    "diluent": "sodium_chloride_0_9",
    "volume_ml": 101.2,
    "dose_mg": 12,
}
STEROID = {
    "class": "corticosteroid",
    "drug": "methylprednisolone",
    "dose_mg": 1000,
    "route": "iv",
    "started_at": f"{DATE}T07:30:00Z",
    "ended_at": f"{DATE}T08:30:00Z",
}
PILLS = (
    {"class": "antihistamine", "drug": "cetirizine", "dose_mg": 10, "route": "oral"},
    {"class": "antipyretic", "drug": "paracetamol", "dose_mg": 1000, "route": "oral"},
    {"class": "antiviral", "drug": "aciclovir", "dose_mg": 200, "route": "oral"},
)
PATIENTS = (
    ("Abelin", "Clara"),
    ("Brandt", "Jonas"),
    ("Castel", "Elsa"),
    ("Dorval", "Hugo"),
)
"""Each for the tests of one subject."""


def band_of(family: str) -> str:
    """Return the number on a patient's band: a GS1 service relation number, with its check digit."""
    digits = f"4012345{sum(map(ord, family)):010}"
    odd = sum(int(digit) for digit in digits[::-2])
    even = sum(int(digit) for digit in digits[-2::-2])
    return f"{digits}{-(3 * odd + even) % 10}"


@dataclass
class ServedWard:
    """The served ward as its people use it over HTTP."""

    url: str
    admin: str
    client: aiohttp.ClientSession
    tablet: str = ""
    now: str = "06:00"
    patients: tuple[tuple[str, str], ...] = PATIENTS
    days: list[str] = field(default_factory=list)
    _devices: dict[str, str] = field(default_factory=dict)
    _signed_in: dict[str, tuple[str, str]] = field(default_factory=dict)

    async def call(self, token: str, method: str, path: str, body: Any = None) -> Any:
        """Make a call that has to succeed, and return what it answered."""
        headers = {"Authorization": f"Bearer {token}"}
        async with self.client.request(method, self.url + path, json=body, headers=headers) as response:
            answer = await response.json()
            assert response.status in (200, 201), answer
            return answer

    async def staff(self) -> None:
        """Enrol a tablet and take people on."""
        self.tablet = await self.device("tablet-1")
        for name, role in PEOPLE.items():
            person = {"staff": name, "name": name.title(), "role": role, "badge": f"BADGE-{name}", "pin": PIN}
            await self.call(self.admin, "POST", "/v1/staff", person)

    async def device(self, name: str) -> str:
        """Return the token of a tablet, which is enrolled at its first mention."""
        if name not in self._devices:
            enrolled = await self.call(self.admin, "POST", "/v1/devices", {"device": name, "ward": WARD})
            self._devices[name] = enrolled["token"]
        return self._devices[name]

    async def clock(self, time: str) -> None:
        """Move the ward to a time of the day (UTC; the ward is an hour ahead)."""
        await self.call(self.admin, "PUT", "/v1/clock", {"now": f"{DATE}T{time}:00Z"})
        self.now = time

    async def token(self, who: str) -> str:
        """Return a session of somebody; time that has passed asks for a new one."""
        at, token = self._signed_in.get(who, ("", ""))
        if at != self.now:
            opened = await self.call(self.tablet, "POST", "/v1/sessions", {"badge": f"BADGE-{who}", "pin": PIN})
            token = opened["token"]
            self._signed_in[who] = (self.now, token)
        return str(token)

    async def fact(self, day: str, kind: str, data: Mapping[str, Any] | None = None, *, by: str = "nurse") -> Any:
        """Post one fact."""
        body = {"event_id": str(uuid.uuid4()), "type": kind, "data": dict(data or {})}
        return await self.call(await self.token(by), "POST", f"/v1/days/{day}/events", body)

    async def facts(self, charted: Iterable[tuple[str, Mapping[str, Any]]], *, by: str = "nurse") -> None:
        """Post the same facts of every day, as one batch."""
        items = [
            {"event_id": str(uuid.uuid4()), "day": day, "type": kind, "data": data}
            for kind, data in charted
            for day in self.days
        ]
        answer = await self.call(await self.token(by), "POST", "/v1/batches", {"items": items})
        assert {item["status"] for item in answer["items"]} == {"accepted"}, answer

    async def by_two(self, kind: str, data: Mapping[str, Any]) -> None:
        """Have two people enter a fact of every day."""
        for day in self.days:
            body = {"event_id": str(uuid.uuid4()), "day": day, "type": kind, "data": dict(data)}
            await self.call(await self.token("colleague"), "POST", "/v1/double-checks", body)
        await self.facts([(kind, data)])

    async def schedule(self, family: str, given: str, chair: str) -> str:
        """Schedule a patient's first day."""
        patient: dict[str, Any] = {"id": f"P-{family}", "family": family, "given": given, "born": "1989-03-04"}
        patient |= {"identifiers": [{"system": "urn:gs1:gsrn", "value": band_of(family)}]}
        day = {"ward": WARD, "chair": chair, "patient": patient, "workflow": "alemtuzumab", "course": 1, "day": 1}
        facts = {"date": DATE, "baseline_deficits": [], "attested_history": []}
        scheduled = await self.call(await self.token("nurse"), "POST", "/v1/days", {**day, **facts})
        return str(scheduled["day_id"])

    async def everybody_infusing(self) -> None:
        """Bring every patient to the first minutes of the infusion."""
        await self.clock("07:00")
        for chair, (family, given) in enumerate(self.patients, start=1):
            self.days.append(await self.schedule(family, given, str(chair)))
        await self.facts(SCREENING)
        await self.facts([("screening.passed", {})], by="doctor")
        await self.clock("08:50")
        await self.facts([("premed.given", drug) for drug in (*PILLS, STEROID)])
        await self.facts([("premed.completed", {})])
        await self.by_two("bag.prepared", BAG)
        await self.facts([("vitals.recorded", {**SIGNS, "systolic_mmhg": 126, "heart_rate_per_min": 76})])
        await self.clock("09:00")
        await self.by_two("infusion.started", {"rate_ml_per_h": 25.3})
        await self.clock("09:12")

    async def entries(self, day: str) -> list[dict[str, Any]]:
        """Return what was charted of a day or refused, in order of the log."""
        answer = await self.call(await self.token("nurse"), "GET", f"/v1/days/{day}/entries")
        return [entry for entry in answer["entries"] if entry["kind"] in ("fact", "refused")]
