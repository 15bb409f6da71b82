"""How a decision is kept: the entry of a refusal, read back as the same refusal, and whether a submission is the one
decided.

Promises: a refused fact is kept with the code and rule that refused it and with what was submitted; nothing vanishes.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from infusion_service.clinical.day import Day
from infusion_service.clinical.facts import shortest
from infusion_service.clinical.vocabulary import FACT_REFUSED, Entry, Refusal, Submission, format_time, parse_time

_INJECTED = ("missed_cutoff", "occurred_at", "timezone", "workflow")
"""Members that the service adds to or takes from a submission's data."""


def refused_entry(day: Day, submission: Submission, refusal: Refusal, now: datetime) -> Entry:
    """Return the entry that keeps a refused submission under its own event id."""
    data: dict[str, Any] = {
        "code": refusal.code,
        "detail": refusal.detail,
        "members": refusal.members,
        "status": refusal.status,
        "submitted": _text(submission),
        "type": submission.type[:100],
    }
    if "rule" in refusal.members:
        data["rule"] = refusal.members["rule"]
    guards = [guard["guard"] for guard in refusal.members.get("guards", ())]
    if guards:
        data["guards"] = guards
    return Entry(
        entry_id=submission.event_id,
        kind="refused",
        type=FACT_REFUSED,
        stream=day.day_id,
        occurred_at=now,
        received_at=now,
        actor=submission.actor,
        data=data,
        recorded_at=submission.recorded_at,
        sent_at=submission.sent_at,
        device=submission.device,
        session=submission.session,
        group=submission.group,
    )


def refusal_of(entry: Entry) -> Refusal:
    """Read the refusal back from its entry, equal to the one first given."""
    data = entry.data
    return Refusal(code=data["code"], status=data["status"], detail=data["detail"], members=data["members"])


def same_submission(entry: Entry, submission: Submission) -> bool:
    """Tell whether this is the submission that an entry recorded, accepted or refused: same actor, type and content.

    Times that the service filled in, and when the tablet sent it, do not count.
    """
    if entry.actor.id != submission.actor.id:
        return False
    if entry.kind == "refused":
        return bool(entry.data["submitted"] == _text(submission))
    if entry.type != submission.type or entry.corrects != submission.corrects:
        return False
    if entry.late_reason != submission.late_reason or not _same_time(entry, submission):
        return False
    recorded = {name: value for name, value in entry.data.items() if name not in _INJECTED}
    given = submission.data if isinstance(submission.data, Mapping) else {}
    return _same(recorded, {name: value for name, value in given.items() if name not in _INJECTED})


def _same_time(entry: Entry, submission: Submission) -> bool:
    if submission.occurred_at is None:
        return True
    claimed = (entry.claimed or {}).get("occurred_at")
    return (claimed or format_time(entry.occurred_at)) == format_time(submission.occurred_at)


def _same(recorded: Any, given: Any) -> bool:
    """Compare canonical data with data as submitted (25.30 and "25.3" are the same, and so are two ways to write a
    time)."""
    if isinstance(given, Mapping):
        present = {name: value for name, value in given.items() if value is not None}
        return (
            isinstance(recorded, Mapping)
            and recorded.keys() == present.keys()
            and all(_same(recorded[name], value) for name, value in present.items())
        )
    if isinstance(given, list | tuple):
        return isinstance(recorded, list | tuple) and len(recorded) == len(given) and all(map(_same, recorded, given))
    return bool(recorded == given) or _canonical(recorded) == _canonical(given)


def _canonical(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return value
    try:
        return shortest(Decimal(value))
    except (InvalidOperation, ValueError):
        pass
    text = str(value)
    try:
        return format_time(parse_time(text))
    except (ValueError, OverflowError):
        pass
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return text


def _text(submission: Submission) -> str:
    """Write what was submitted as one text: whatever it was, it can be kept and compared."""
    content = {
        "corrects": submission.corrects,
        "data": submission.data,
        "group": submission.group,
        "late_reason": submission.late_reason,
        "occurred_at": format_time(submission.occurred_at) if submission.occurred_at else None,
        "type": submission.type,
    }
    kept = {name: value for name, value in content.items() if value is not None}
    return json.dumps(kept, default=str, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
