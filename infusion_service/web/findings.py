"""What needs somebody's eye right now: the alerting rules, as far as one look at the service can tell.

Promises: names and bounds are those of `deploy/alerts.yml` (a test holds them together), so that a page and an alarm
never say different things; the gravest comes first. Does not: know the past. Rules about a rate over minutes (errors,
locked badges) speak in Prometheus alone; where a rule looks at a mean or a sum here, it is that since the start.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

from infusion_service.delivery.figures import EndpointFigures
from infusion_service.web.status_shapes import Finding, ServiceStatus

WATCH_LATE_S_MAX = 30.0
DISK_FREE_BYTES_MIN = 1_000_000_000
"""The reserve: a disk with less is as good as full."""
VERIFIED_WITHIN_S = 93_600
QUEUE_MAX = 1_000
COMMIT_S_MAX = 0.2
WAL_BYTES_MAX = 268_435_456
DELIVERY_LAG_S_MAX = 900
ALERTS_PER_PATIENT_HOUR_MAX = 1.0
"""The alarm budget: past it people stop listening."""

PATIENT_HOURS_MIN = 1.0
"""Less than this says nothing of a ward yet."""

Severity = Literal["critical", "warning", "info"]
_ORDER: tuple[Severity, ...] = ("critical", "warning", "info")


def findings(status: ServiceStatus, endpoints: Sequence[EndpointFigures]) -> list[Finding]:
    """Return the rules that would ring now, the gravest first."""
    found = [*_of_the_log(status), *_of_the_room(status), *_of_deliveries(endpoints), *_of_wards(status)]
    return sorted(found, key=lambda each: _ORDER.index(each.severity))


def _of_the_log(status: ServiceStatus) -> Iterator[Finding]:
    if not status.taking_facts:
        yield Finding("InfusionDown", "critical")
    if status.watch_lateness_s > WATCH_LATE_S_MAX:
        yield Finding("InfusionWatchLate", "critical")
    if status.clock_doubt:
        yield Finding("InfusionClockInDoubt", "critical")
    verified = status.verification
    if verified is not None and not verified.sound:
        yield Finding("InfusionLogUnsound", "critical")
    if verified is not None and not verified.tables_sound:
        yield Finding("InfusionTablesUnsound", "warning")
    if verified is not None and _passed_s(verified.verified_at, status.as_of) > VERIFIED_WITHIN_S:
        yield Finding("InfusionLogNotVerified", "warning")


def _of_the_room(status: ServiceStatus) -> Iterator[Finding]:
    low = status.disk.free_bytes < status.disk.reserve_bytes
    if low and status.commits.storage_full:
        yield Finding("InfusionStorageFull", "critical")
    if low:
        yield Finding("InfusionDiskLow", "warning")
    if status.commits.queue > QUEUE_MAX:
        yield Finding("InfusionQueueLong", "warning")
    if status.commits.mean_ms is not None and status.commits.mean_ms > COMMIT_S_MAX * 1000:
        yield Finding("InfusionCommitsSlow", "warning")
    if status.log.wal_bytes > WAL_BYTES_MAX:
        yield Finding("InfusionWalGrows", "warning")


def _of_deliveries(endpoints: Sequence[EndpointFigures]) -> Iterator[Finding]:
    for each in endpoints:
        if each.lag_s > DELIVERY_LAG_S_MAX and each.state != "held":
            yield Finding("InfusionDeliveryLate", "warning", endpoint=each.endpoint)
        if each.parked:
            yield Finding("InfusionDeliveryParked", "warning", endpoint=each.endpoint)


def _of_wards(status: ServiceStatus) -> Iterator[Finding]:
    for each in status.wards:
        rate = each.alerts_per_patient_hour
        if rate is not None and rate > ALERTS_PER_PATIENT_HOUR_MAX and each.patient_hours >= PATIENT_HOURS_MIN:
            yield Finding("InfusionAlarmBudget", "info", ward=each.ward)


def _passed_s(since: datetime, now: datetime) -> float:
    return (now - since).total_seconds()
