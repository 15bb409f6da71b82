"""How a rehearsal reaches the service: the port, and what passes through it.

Two implementations promise the same result: `in_process` (intake and SQLite file directly) and `over_http` (the web
application on a free port, with real credentials).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from infusion_service.cli.rehearsal.expectation import Reply


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of a role; the second of a role is another person with an own credential."""

    role: str
    number: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One fact as it is posted, with the members of the wire contract. Posting a call twice sends the same bytes."""

    person: Person
    day_id: str
    fact: dict[str, Any] = field(hash=False)
    second: Person | None = None
    """Who consents with their own credential, where the fact wants consent."""


class Ward(Protocol):
    """The service as people on a ward reach it, on a simulated clock."""

    async def advance(self, to: datetime) -> None:
        """Move the clock forward; returns after everything due by then has been appended."""
        ...

    async def schedule(self, person: Person, fact: dict[str, Any]) -> Reply:
        """Schedule a day; `fact` has `event_id` and `data`. The reply names the new day."""
        ...

    async def post(self, call: Call) -> Reply:
        """Post one fact."""
        ...

    async def post_batch(self, calls: Sequence[Call]) -> list[Reply]:
        """Post several facts as one batch; one reply per call, in order."""
        ...

    async def double_check(self, call: Call) -> Reply:
        """Enter a fact as the first of two independent people."""
        ...

    async def view(self, day_id: str) -> dict[str, Any]:
        """Return the day view as of now."""
        ...

    async def entries(self, after_seq: int) -> list[dict[str, Any]]:
        """Return the log's entries with a `seq` above `after_seq`, in order."""
        ...
