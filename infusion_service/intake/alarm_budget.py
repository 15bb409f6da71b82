"""The alarm budget: how many alerts a ward is given for each hour that a patient is under way.

People who are told too much stop listening, so the load is a figure of its own: alerts raised by ward and severity,
over the hours that days were open there (from the check-in to the end). Promises: constant work for each commit;
nothing of a patient. Counts since the start of the process. Does not: judge how many are too many.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from infusion_service.clinical.ledger import ALERT_RAISED
from infusion_service.clinical.vocabulary import Entry
from infusion_service.log.store import DayHead

OTHER_WARD = "other"
"""Where a day lies on a ward that the settings do not name (any more)."""

_HOUR = timedelta(hours=1)


class AlarmBudget:
    """Alerts and patient-hours of one site."""

    def __init__(self, wards: Collection[str]) -> None:
        """`wards` are those that may be named."""
        self._wards = frozenset(wards)
        self._ward_of_open_day: dict[str, str] = {}
        self._patients: Counter[str] = Counter()
        self._hours: defaultdict[str, float] = defaultdict(float)
        self._alerts: Counter[tuple[str, str]] = Counter()
        self._counted_until: datetime | None = None

    def take(self, entries: Sequence[Entry], heads: Iterable[DayHead], now: datetime) -> None:
        """Count what was committed at `now`: `heads` are the days as they stand after it."""
        self._let_time_pass(now)
        wards = {}
        for head in heads:
            ward = wards[head.day_id] = head.ward if head.ward in self._wards else OTHER_WARD
            before = self._ward_of_open_day.pop(head.day_id, None)
            if before is not None:
                self._patients[before] -= 1
            if head.open:
                self._ward_of_open_day[head.day_id] = ward
                self._patients[ward] += 1
        for entry in entries:
            if entry.type == ALERT_RAISED:
                self._alerts[wards.get(entry.stream, OTHER_WARD), entry.data["severity"]] += 1

    def alerts_raised(self) -> Mapping[tuple[str, str], int]:
        """Alerts raised since the start, by ward and severity."""
        return self._alerts

    def patient_hours(self, now: datetime) -> Mapping[str, float]:
        """Hours that days were open since the start, by ward, summed over patients."""
        self._let_time_pass(now)
        return self._hours

    def _let_time_pass(self, now: datetime) -> None:
        passed_h = 0.0 if self._counted_until is None else max((now - self._counted_until) / _HOUR, 0.0)
        for ward, patients in self._patients.items():
            self._hours[ward] += patients * passed_h
        self._counted_until = now
