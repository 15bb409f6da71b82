"""The four times of a fact: when it happened, was entered, sent and received, and what becomes of a wrong tablet clock.

Promises: a tablet whose clock is off by more than the tolerance has its times corrected by the offset, with the claimed
values kept; only what then still lies in the future is refused; what is late needs a reason. A fact never happens after
it was received. Source: the workflow's `[time]`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from infusion_service.clinical.definition import FactType, TimeRules
from infusion_service.clinical.vocabulary import Refusal, Submission, format_time

_MILLISECOND = timedelta(milliseconds=1)


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """The times as they go into the log; `claimed` holds what the tablet said where that differs."""

    occurred_at: datetime
    recorded_at: datetime | None
    claimed: dict[str, str] | None


def read_times(submission: Submission, fact: FactType, rules: TimeRules, now: datetime) -> Times | Refusal:
    """Return the times of a fact received at `now`, or the refusal (422 occurred_in_future, late_reason_required)."""
    occurred_at = submission.occurred_at or now
    recorded_at = submission.recorded_at
    claimed: dict[str, str] = {}
    offset = now - submission.sent_at if submission.sent_at is not None else timedelta(0)
    if abs(offset) > timedelta(seconds=rules.offset_tolerance_s):
        claimed["offset_ms"] = str(offset // _MILLISECOND)
        if submission.occurred_at is not None:
            claimed["occurred_at"] = format_time(occurred_at)
            occurred_at += offset
        if recorded_at is not None:
            claimed["recorded_at"] = format_time(recorded_at)
            recorded_at += offset
    if occurred_at > now + timedelta(seconds=rules.future_tolerance_s):
        return Refusal(
            code="occurred_in_future",
            status=422,
            detail=(
                f"occurred_at {format_time(occurred_at)} lies in the future;"
                f" the service's clock says {format_time(now)}"
            ),
        )
    if occurred_at > now:
        claimed.setdefault("occurred_at", format_time(occurred_at))
        occurred_at = now
    by_device = submission.actor.role == "device" or submission.actor.how == "device"
    if not submission.late_reason and not fact.urgent and not by_device:
        late = now - occurred_at
        if late > timedelta(minutes=rules.late_after_min):
            minutes = late // timedelta(minutes=1)
            return Refusal(
                code="late_reason_required",
                status=422,
                detail=f"this happened {minutes} min ago: say why it is charted late (late_reason)",
                members={"late_after_min": rules.late_after_min},
            )
    return Times(occurred_at=occurred_at, recorded_at=recorded_at, claimed=claimed or None)
