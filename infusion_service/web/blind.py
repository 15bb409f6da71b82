"""Which entries of a day nobody may look into yet, because two people are still entering the same thing apart.

Promises: what the first person entered is hidden until the second person's fact has used it or it has expired, also
after a mismatch, because both then begin anew. What was refused of a fact that two people enter is hidden for as long,
whatever it was refused for: whoever has just tried to enter it alone enters the same values next. Every feed asks here.
Does not: hide anything from the log itself; proofs of hidden entries still hold. Source: contract 2
(`/v1/double-checks`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from infusion_service.clinical.day import Day
from infusion_service.clinical.second_person import usable_double_checks
from infusion_service.clinical.vocabulary import DOUBLE_CHECK_ENTERED, FACT_REFUSED, Entry
from infusion_service.clinical.workflow import Workflow
from infusion_service.log.entry import LogEntry

_BLIND_REFUSALS = frozenset({"double_check_mismatch", "second_person_required"})


def expires_at(day: Day, entered_at: datetime) -> datetime:
    """Return when a double check that was entered then is no longer valid, by the day's own workflow."""
    return entered_at + timedelta(minutes=day.workflow.definition.time.double_check_valid_min)


def concerns_two_people(workflow: Workflow, refused: Entry) -> bool:
    """Whether what was refused is, by this workflow, entered by two people."""
    if refused.data.get("code") in _BLIND_REFUSALS or refused.data.get("type") == DOUBLE_CHECK_ENTERED:
        return True
    kind = workflow.facts.get(str(refused.data.get("type")))
    return kind is not None and kind.second == "independent"


def refusal_is_blind(day: Day, refused: Entry, now: datetime) -> bool:
    """Whether a refusal keeps values that two people have yet to enter apart."""
    if refused.type != FACT_REFUSED or not concerns_two_people(day.workflow, refused):
        return False
    return now < expires_at(day, refused.received_at) or any(True for _ in _open_checks(day, now))


def check_is_blind(day: Day, check: Entry, entries: Iterable[Entry | None], now: datetime) -> bool:
    """Whether a first person's entry still waits; `entries` are those of its day."""
    if check.type != DOUBLE_CHECK_ENTERED or now >= expires_at(day, check.received_at):
        return False
    return not any(_uses(fact, check) for fact in entries)


def blind_entries(day: Day, entries: Iterable[Entry | None], now: datetime) -> frozenset[str]:
    """Return the ids of all entries of a day whose values are hidden now."""
    known = [entry for entry in entries if entry is not None]
    return frozenset(
        entry.entry_id for entry in known if refusal_is_blind(day, entry, now) or check_is_blind(day, entry, known, now)
    )


def withheld(entry: LogEntry) -> dict[str, Any]:
    """Return an entry as the wire shows it while its values are hidden."""
    return {**entry.as_json(), "data": {}, "withheld": True}


def as_shown(day: Day, entries: Sequence[LogEntry], now: datetime) -> list[dict[str, Any]]:
    """Return all entries of a day as the wire shows them, hidden values withheld."""
    hidden = blind_entries(day, (logged.entry for logged in entries), now)
    return [
        withheld(logged) if logged.entry is not None and logged.entry.entry_id in hidden else logged.as_json()
        for logged in entries
    ]


def _open_checks(day: Day, now: datetime) -> Iterable[object]:
    for name, kind in day.workflow.facts.items():
        if kind.second == "independent":
            yield from usable_double_checks(day.ledger, name, now, day.workflow)


def _uses(fact: Entry | None, check: Entry) -> bool:
    return (
        fact is not None
        and fact.kind == "fact"
        and fact.received_at >= check.received_at
        and fact.type == check.data.get("type")
        and fact.second is not None
        and fact.second.id == check.actor.id
    )
