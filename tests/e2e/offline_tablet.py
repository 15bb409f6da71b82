"""A day on which a tablet was without network for an hour: what it charted came late, all at once.

Times are UTC, the ward is an hour ahead. What the ward knew and what had happened part at 09:45 and meet at 10:31.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from tests.e2e.ward import DATE, NO_SIGN, SIGNS, ServedWard

CAME_BACK = f"{DATE}T10:31:00.000Z"
"""When the tablet found the network again."""
A_MINUTE_BEFORE = f"{DATE}T10:30:00.000Z"
ON_THE_TABLET: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("09:45", "vitals.recorded", {**SIGNS, "systolic_mmhg": 138, "diastolic_mmhg": 86, "heart_rate_per_min": 80}),
    ("10:00", "vitals.recorded", {**SIGNS, "systolic_mmhg": 194, "diastolic_mmhg": 108, "heart_rate_per_min": 92}),
    ("10:02", "symptom.reported", {"code": "headache", "severity": 4, "onset_at": f"{DATE}T10:00:00Z"}),
    ("10:15", "vitals.recorded", {**SIGNS, "systolic_mmhg": 158, "diastolic_mmhg": 92, "heart_rate_per_min": 88}),
)
"""Time, type and data of what was charted without network."""


async def live_through(ward: ServedWard, day: str) -> None:
    """Play the day of a patient whose infusion runs since 09:00, to half past eleven."""
    await ward.clock("09:30")
    await post(ward, day, "vitals.recorded", {**SIGNS, "systolic_mmhg": 126})
    mistyped = await post(ward, day, "vitals.recorded", {"heart_rate_per_min": 47})
    await ward.clock("09:34")
    await post(ward, day, "vitals.recorded", {"heart_rate_per_min": 74}, corrects=mistyped, late_reason="mistyped")
    await ward.clock("10:31")
    await come_back(ward, day)
    await ward.clock("10:33")
    await post(ward, day, "infusion.paused", {"reason": "clinical"})
    await post(ward, day, "vitals.recorded", {**SIGNS, "systolic_mmhg": 142, "heart_rate_per_min": 84})
    odd = {"glucose_mmol_per_l": 21.5, "confirmed": True, "unrecordable": ["temperature_celsius"]}
    await post(ward, day, "vitals.recorded", odd)
    await post(ward, day, "befast.checked", NO_SIGN)
    await ward.clock("10:50")
    await post(ward, day, "vitals.recorded", {**SIGNS, "systolic_mmhg": 128, "heart_rate_per_min": 76})
    await ward.clock("11:30")


async def come_back(ward: ServedWard, day: str) -> None:
    """Bring what the tablet charted without network, as one batch."""
    items = [
        {
            "event_id": str(uuid.uuid4()),
            "day": day,
            "type": kind,
            "occurred_at": f"{DATE}T{time}:00Z",
            "data": dict(data),
            "late_reason": "tablet without network",
        }
        for time, kind, data in ON_THE_TABLET
    ]
    answer = await ward.call(await ward.token("nurse"), "POST", "/v1/batches", {"items": items})
    assert {item["status"] for item in answer["items"]} == {"accepted"}, answer


async def post(
    ward: ServedWard, day: str, kind: str, data: Mapping[str, Any], *, by: str = "nurse", **more: Any
) -> str:
    """Post one fact; return its event id."""
    event_id = str(uuid.uuid4())
    body = {"event_id": event_id, "type": kind, "data": dict(data), **more}
    await ward.call(await ward.token(by), "POST", f"/v1/days/{day}/events", body)
    return event_id
