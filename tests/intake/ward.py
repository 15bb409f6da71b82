"""A small ward for the intake's tests: people, facts, and stores that fail when told to."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from infusion_service.clinical.vocabulary import Actor, Submission, parse_time
from infusion_service.intake.clock import Clock, SimulatedClock
from infusion_service.intake.intake import Intake
from infusion_service.intake.outcome import Outcome
from infusion_service.limits import Limits
from infusion_service.log.memory import MemoryStore
from infusion_service.log.store import Batch, Store
from infusion_service.settings import Settings

NURSE = Actor(id="nurse-1", role="nurse")
SECOND_NURSE = Actor(id="nurse-2", role="nurse")
PRESCRIBER = Actor(id="prescriber-1", role="prescriber")
TABLET = Actor(id="tab-1", role="device", how="device")
AUDITOR = Actor(id="auditor-1", role="auditor", how="token")

SITE = "demo"
MORNING = parse_time("2026-11-23T07:00:00Z")
"""08:00 on the ward."""

SIGNS = {
    "heart_rate_per_min": 72,
    "systolic_mmhg": 122,
    "diastolic_mmhg": 76,
    "spo2_percent": 98,
    "on_oxygen": False,
    "respiratory_rate_per_min": 16,
    "temperature_celsius": "36.8",
    "consciousness": "A",
}


def settings(**changed: Any) -> Settings:
    """Settings of the test ward; `limits` may be given as a dictionary."""
    limits = Limits(**changed.pop("limits", {}))
    return Settings(site=SITE, limits=limits, **changed)


def fact(day_id: str, fact_type: str, data: dict[str, Any] | None = None, **more: Any) -> Submission:
    """One fact by a nurse, with an event id of its own unless one is given."""
    named = {"event_id": str(uuid.uuid4()), "actor": NURSE, **more}
    return Submission(day_id=day_id, type=fact_type, data={} if data is None else data, **named)


def note(day_id: str, text: str = "asleep", **more: Any) -> Submission:
    """A fact that every state takes."""
    return fact(day_id, "note.added", {"text": text}, **more)


def vitals(day_id: str, **signs: Any) -> Submission:
    """An unremarkable complete set, but for what is given."""
    return fact(day_id, "vitals.recorded", {**SIGNS, **signs})


def check_in(day_id: str, **more: Any) -> Submission:
    """The first move of a day."""
    return fact(day_id, "patient.checked_in", {"identity_check": "wristband_scan"}, **more)


def scheduling(patient: str = "P-1", **data: Any) -> Submission:
    """The first infusion day of a patient, today."""
    given = {"patient": {"id": patient}, "course": 1, "day": 1, "date": "2026-11-23", "ward": "neuro-day", **data}
    return fact("", "day.scheduled", given)


async def schedule(intake: Intake, patient: str = "P-1", **data: Any) -> str:
    """Schedule a day and return its id."""
    return str(receipt(await intake.submit(scheduling(patient, **data)))["day_id"])


def receipt(outcome: Outcome) -> dict[str, Any]:
    """The receipt of an outcome that must be one of acceptance."""
    assert outcome.receipt is not None, outcome.refusal
    return outcome.receipt


def code(outcome: Outcome) -> str:
    """The problem code of an outcome that must be a refusal."""
    assert outcome.refusal is not None, outcome.receipt
    return outcome.refusal.code


@asynccontextmanager
async def opened(store: Store | None = None, clock: Clock | None = None, **changed: Any) -> AsyncIterator[Intake]:
    """An intake on a store (a fresh one in memory unless given), stopped at the end."""
    intake = Intake(settings=settings(**changed), store=store or MemoryStore(), clock=clock or SimulatedClock(MORNING))
    try:
        await intake.start()
        yield intake
    finally:
        await intake.stop()


class FaultyStore(MemoryStore):
    """A store in memory whose next appends fail, or wait, as told."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[Exception] = []
        """Raised by the next appends, in order; nothing is appended."""
        self.failures_after: list[Exception] = []
        """Raised by the next appends after they were carried out: the outcome looks unknown."""
        self.gate: asyncio.Event | None = None
        """While set and not open, appends wait: a slow disk."""
        self.held = 0
        """Appends that wait."""
        self.batches: list[Batch] = []

    async def append(self, batch: Batch) -> None:
        if self.gate is not None:
            self.held += 1
            await self.gate.wait()
            self.held -= 1
        if self.failures:
            raise self.failures.pop(0)
        await super().append(batch)
        self.batches.append(batch)
        if self.failures_after:
            raise self.failures_after.pop(0)


def write_workflows(directory: Path, *, version: int = 1, text: str | None = None) -> Path:
    """Put the shipped workflow into a directory of its own, as another version or with other text where wanted."""
    shipped = next(Settings().workflows_dir.glob("*.v1.toml"))
    raw = (text or shipped.read_text(encoding="utf-8")).replace("\nversion = 1\n", f"\nversion = {version}\n")
    (directory / shipped.name.replace(".v1.", f".v{version}.")).write_text(raw, encoding="utf-8")
    return directory


def moments(*texts: str) -> list[datetime]:
    """Times of the ward's morning, in UTC: `07:30`."""
    return [parse_time(f"2026-11-23T{text}:00Z") for text in texts]


def other_actor(submission: Submission) -> Submission:
    """The same submission, handed in by somebody else."""
    return replace(submission, actor=SECOND_NURSE)
