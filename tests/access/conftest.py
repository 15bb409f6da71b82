"""A ward with one tablet and two people, over the in-memory store, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher

from infusion_service.access.access import Access
from infusion_service.access.identity import Identity
from infusion_service.access.pins import PinHasher
from infusion_service.access.sign_in import OpenSession
from infusion_service.clinical.vocabulary import SITE_STREAM, Actor
from infusion_service.log.memory import MemoryStore
from infusion_service.log.store import Drop, Put
from infusion_service.settings import Settings

ADMIN = Actor(id="admin-1", role="admin", how="token")
START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""The same algorithm, cheap enough for tests."""


@dataclass
class HandClock:
    """A clock that stands where the test put it."""

    moment: datetime = START

    def now(self) -> datetime:
        return self.moment

    def pass_by(self, **span: float) -> datetime:
        self.moment += timedelta(**span)
        return self.moment


@dataclass
class StoredJournal:
    """Keeps the entries in a list and the operational records in the store, as the intake does in one commit."""

    store: MemoryStore
    site: str
    entries: list[tuple[str, dict[str, Any], Actor, str]] = field(default_factory=list)

    async def record(
        self,
        entry_type: str,
        data: dict[str, Any],
        actor: Actor,
        operational: Sequence[Put | Drop] = (),
        *,
        kind: str = "admin",
        stream: str = SITE_STREAM,
    ) -> int:
        await self.store.put(self.site, operational)
        self.entries.append((entry_type, data, actor, kind))
        return len(self.entries)

    def types(self) -> list[str]:
        return [entry_type for entry_type, *_ in self.entries]


@dataclass
class AccessWard:
    """The room under test with what it works on."""

    access: Access
    journal: StoredJournal
    clock: HandClock
    tablet_token: str = ""

    @property
    def tablet(self) -> Identity:
        identity = self.access.authenticate(self.tablet_token, self.clock.now())
        assert identity is not None
        return identity

    async def sign_in(self, badge: str = "B-1", pin: str = "1234") -> OpenSession:
        return await self.access.open_session(self.tablet, badge, pin, self.clock.now())

    async def restarted(self) -> AccessWard:
        """The same ward after a restart of the service."""
        again = Access(
            settings=Settings(),
            store=self.journal.store,
            journal=self.journal,
            clock=self.clock,
            hasher=PinHasher(QUICK),
        )
        await again.load()
        return AccessWard(again, self.journal, self.clock, self.tablet_token)


@pytest.fixture
async def ward() -> AccessWard:
    settings = Settings()
    store = MemoryStore()
    journal = StoredJournal(store, settings.site)
    clock = HandClock()
    access = Access(settings=settings, store=store, journal=journal, clock=clock, hasher=PinHasher(QUICK))
    await access.load()
    await access.add_staff("staff-1", "Nora Night", "nurse", badge="B-1", pin="1234", wards=("neuro-day",), by=ADMIN)
    await access.add_staff("staff-2", "Petra Pen", "prescriber", badge="B-2", pin="9999", wards=None, by=ADMIN)
    token = await access.enrol_device("tab-1", "neuro-day", ADMIN)
    return AccessWard(access, journal, clock, token)
