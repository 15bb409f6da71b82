"""What the log of a day says of alerts, overrides, double checks and strikes, in log order.

Promises: a pure fold over entries as they were appended; late facts do not rewrite it. It knows what people were told
and when; the picture knows what was true. Does not: derive anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from infusion_service.clinical.alert_definition import Unconfirmed
from infusion_service.clinical.vocabulary import DOUBLE_CHECK_ENTERED, FACT_REFUSED, Actor, Entry, parse_time
from infusion_service.clinical.workflow import Workflow

ALERT_RAISED = "alert.raised"
ALERT_CLOSED = "alert.closed"
ALERT_ANSWERED = "alert.answered"
ALERT_ESCALATED = "alert.escalated"
CHECK_OVERDUE = "check.overdue"
OVERRIDE_USED = "override.used"
COURSE_CARRIED = "course.carried"

CLOCK = "clock"
"""Member of what is derived while the clock is in doubt."""

VANISHED = ("corrected", "late_data")
"""Why an alert closed whose evidence is no longer there, as against one that was dealt with."""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One raised alert and what has become of it. `learned_at` is when the service raised it; deadlines count from
    there."""

    id: str
    rule: str
    family: str
    rank: int
    event_class: str
    severity: str
    action: str
    raised_at: datetime
    learned_at: datetime
    evidence: tuple[str, ...]
    wants: tuple[str, ...]
    wants_check: str
    answer_by: datetime | None
    retrospective: bool
    answered_at: datetime | None = None
    answered_by: str = ""
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    acknowledgement: str = ""
    escalated: frozenset[str] = frozenset()
    closed_at: datetime | None = None
    closed_reason: str = ""
    retracted_at: datetime | None = None
    """When the last of its evidence was struck: it should never have been raised."""

    @property
    def open(self) -> bool:
        """Whether it still stands."""
        return self.closed_at is None


class GrantedOverride(msgspec.Struct, frozen=True, kw_only=True):
    """An override as granted; good once, from `at` to `until`."""

    id: str
    guard: str
    at: datetime
    until: datetime
    reason: str
    by: Actor
    second: Actor | None
    used_by: str = ""


class DoubleCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The first person's blind entry of a fact that wants an independent second person."""

    id: str
    type: str
    data: Mapping[str, Any]
    by: Actor
    session: str | None
    at: datetime
    spent: str = ""
    """Why it can no longer be used: the fact that used it, `mismatch`, `bag_changed`."""


class Ledger(msgspec.Struct, eq=False):
    """The log-order fold; read its attributes."""

    alerts: dict[str, Alert] = {}
    open_alerts: dict[str, str] = {}
    """Family to the id of its open alert."""
    standing: tuple[str, ...] = ()
    """Ids of the alerts that are open, as they were raised: a long day has many that are not."""
    counts: dict[tuple[str, str], int] = {}
    struck: frozenset[str] = frozenset()
    overrides: dict[str, GrantedOverride] = {}
    double_checks: dict[str, DoubleCheck] = {}
    unconfirmed: dict[str, datetime] = {}
    confirmed: dict[str, tuple[str, datetime]] = {}
    """Confirmation to the entry it confirmed and since when that had waited."""
    reviewed: dict[str, frozenset[str]] = {}
    """Review to the unconfirmed entries whose alert it closed: they wait on, but are told of no more."""
    overdue: frozenset[tuple[str, str]] = frozenset()
    carried: Mapping[str, Any] = {}

    def copy(self) -> Ledger:
        """Return another ledger that says the same and may be filled on."""
        return copy(self)

    def next_k(self, entry_type: str, rule: str) -> int:
        """Return which derived entry of this type and rule would be the next in the day."""
        return self.counts.get((entry_type, rule), 0) + 1

    def open_list(self) -> list[Alert]:
        """Return the open alerts in the order they were raised."""
        return [self.alerts[alert_id] for alert_id in self.standing]

    def to_confirm(self) -> Mapping[str, datetime]:
        """Return the entries without a known person that no review has covered, with since when each waits."""
        if not self.reviewed:
            return self.unconfirmed
        covered = frozenset[str]().union(*(ids for review, ids in self.reviewed.items() if review not in self.struck))
        return {id: since for id, since in self.unconfirmed.items() if id not in covered}

    def unconfirmed_since(self) -> datetime | None:
        """Return since when the oldest of the entries to confirm waits."""
        return min(self.to_confirm().values(), default=None)

    def named_rules(self, alert_ids: list[str]) -> tuple[str, ...]:
        """Return the rules of those named alerts that are open."""
        return tuple(self.alerts[id].rule for id in alert_ids if id in self.alerts and self.alerts[id].open)


def record(ledger: Ledger, entry: Entry, workflow: Workflow) -> Ledger:
    """Return the ledger after one more entry; the same one when the entry says nothing to it."""
    handler: Callable[[Ledger, Entry, Workflow], None] | None
    if entry.kind == "derived":
        handler = _DERIVED.get(entry.type, _counted)
    elif entry.kind == "refused":
        handler = _refused if entry.type == FACT_REFUSED else None
    elif entry.type == DOUBLE_CHECK_ENTERED:
        handler = _double_check
    else:
        handler = _posted
    if handler is None or (handler is _posted and not _says_something(entry, workflow)):
        return ledger
    after = ledger.copy()
    handler(after, entry, workflow)
    return after


_LEDGER_MEANINGS = frozenset(
    {"acknowledgement", "override", "strike", "confirmation", "review", "bag_prepared", "bag_discarded"}
)


def _says_something(entry: Entry, workflow: Workflow) -> bool:
    return (
        workflow.meaning.get(entry.type) in _LEDGER_MEANINGS
        or entry.corrects is not None
        or entry.second is not None
        or entry.actor.how in workflow.definition.unattributed_how
    )


def _posted(ledger: Ledger, entry: Entry, workflow: Workflow) -> None:
    meaning, data = workflow.meaning.get(entry.type), entry.data
    if entry.actor.how in workflow.definition.unattributed_how:
        ledger.unconfirmed = {**ledger.unconfirmed, entry.entry_id: entry.received_at}
    if entry.corrects is not None:
        _strike(ledger, entry.corrects, entry.occurred_at)
    if entry.second is not None:
        _spend_double_check(ledger, entry)
    if meaning == "acknowledgement":
        _acknowledged(ledger, entry)
    elif meaning == "override":
        _override(ledger, entry)
    elif meaning == "strike":
        _strike(ledger, data["entry"], entry.occurred_at)
    elif meaning == "confirmation":
        _confirmed(ledger, entry)
    elif meaning == "review":
        _reviewed(ledger, entry, workflow)
    if meaning in ("bag_prepared", "bag_discarded"):
        _void_double_checks(ledger, entry.entry_id)


def _confirmed(ledger: Ledger, entry: Entry) -> None:
    target = entry.data["entry"]
    since = ledger.unconfirmed.get(target)
    if since is not None:
        ledger.confirmed = {**ledger.confirmed, entry.entry_id: (target, since)}
        ledger.unconfirmed = {id: at for id, at in ledger.unconfirmed.items() if id != target}


def _reviewed(ledger: Ledger, entry: Entry, workflow: Workflow) -> None:
    """A review that names the alert about unconfirmed entries covers all of them that were charted by then."""
    named = ledger.named_rules(list(entry.data.get("alerts", ())))
    if any(isinstance(band.since, Unconfirmed) for rule in named for band in workflow.alerts[rule].bands):
        ledger.reviewed = {**ledger.reviewed, entry.entry_id: frozenset(ledger.unconfirmed)}


def _strike(ledger: Ledger, target: str, at: datetime) -> None:
    """Take back what a fact did to the log's side of the day."""
    ledger.struck = ledger.struck | {target}
    ledger.unconfirmed = {id: since for id, since in ledger.unconfirmed.items() if id != target}
    if target in ledger.confirmed:
        waiting, since = ledger.confirmed[target]
        if waiting not in ledger.struck:
            ledger.unconfirmed = {**ledger.unconfirmed, waiting: since}
    ledger.overrides = {id: override for id, override in ledger.overrides.items() if id != target}
    for alert in ledger.alerts.values():
        left = alert
        if left.answered_by == target:
            left = replace(left, answered_at=None, answered_by="")
            if not left.acknowledgement:
                left = replace(left, acknowledged_at=None, acknowledged_by="")
        if left.acknowledgement == target:
            left = replace(left, acknowledged_at=None, acknowledged_by="", acknowledgement="")
        if left.retracted_at is None and target in left.evidence and ledger.struck.issuperset(left.evidence):
            left = replace(left, retracted_at=at)
        if left is not alert:
            _update(ledger, left)


def _acknowledged(ledger: Ledger, entry: Entry) -> None:
    alert = ledger.alerts.get(entry.data["alert"])
    if alert is not None and alert.acknowledged_at is None:
        person = entry.actor.id
        acknowledged = replace(
            alert, acknowledged_at=entry.occurred_at, acknowledged_by=person, acknowledgement=entry.entry_id
        )
        _update(ledger, acknowledged)


def _override(ledger: Ledger, entry: Entry) -> None:
    override = GrantedOverride(
        id=entry.entry_id,
        guard=entry.data["guard"],
        at=entry.occurred_at,
        until=entry.occurred_at + timedelta(minutes=entry.data["valid_minutes"]),
        reason=entry.data["reason"],
        by=entry.actor,
        second=entry.second,
    )
    ledger.overrides = {**ledger.overrides, override.id: override}


def _double_check(ledger: Ledger, entry: Entry, _workflow: Workflow) -> None:
    check = DoubleCheck(
        id=entry.entry_id,
        type=entry.data["type"],
        data=entry.data["data"],
        by=entry.actor,
        session=entry.session,
        at=entry.occurred_at,
    )
    ledger.double_checks = {**ledger.double_checks, check.id: check}


def _spend_double_check(ledger: Ledger, entry: Entry) -> None:
    for check in ledger.double_checks.values():
        if check.type == entry.type and not check.spent and entry.second and check.by.id == entry.second.id:
            ledger.double_checks = {**ledger.double_checks, check.id: replace(check, spent=entry.entry_id)}


def _void_double_checks(ledger: Ledger, cause: str) -> None:
    """Any change of the bag voids what was checked before it: both look again."""
    ledger.double_checks = {
        id: check if check.spent or check.id == cause else replace(check, spent="bag_changed")
        for id, check in ledger.double_checks.items()
    }


def _refused(ledger: Ledger, entry: Entry, _workflow: Workflow) -> None:
    """A mismatch sends both back: the first person's entry cannot be tried against a second time."""
    if entry.data.get("code") == "double_check_mismatch":
        checks = ledger.double_checks
        ledger.double_checks = {
            id: replace(check, spent="mismatch") if check.type == entry.data["type"] and not check.spent else check
            for id, check in checks.items()
        }


def _counted(ledger: Ledger, entry: Entry, _workflow: Workflow) -> None:
    key = (entry.type, str(entry.data.get("rule", entry.data.get("check", ""))))
    ledger.counts = {**ledger.counts, key: ledger.counts.get(key, 0) + 1}


def _raised(ledger: Ledger, entry: Entry, workflow: Workflow) -> None:
    _counted(ledger, entry, workflow)
    data = entry.data
    answer_by = data.get("answer_by")
    alert = Alert(
        id=entry.entry_id,
        rule=data["rule"],
        family=data["family"],
        rank=data["rank"],
        event_class=data["class"],
        severity=data["severity"],
        action=data["action"],
        raised_at=entry.occurred_at,
        learned_at=entry.received_at,
        evidence=tuple(data["evidence"]),
        wants=tuple(data["wants"]),
        wants_check=data.get("wants_check", ""),
        answer_by=parse_time(answer_by) if answer_by else None,
        retrospective=data["retrospective"],
    )
    ledger.alerts = {**ledger.alerts, alert.id: alert}
    ledger.open_alerts = {**ledger.open_alerts, alert.family: alert.id}
    ledger.standing = (*ledger.standing, alert.id)


def _closed(ledger: Ledger, entry: Entry, workflow: Workflow) -> None:
    _counted(ledger, entry, workflow)
    alert = ledger.alerts[entry.data["alert_id"]]
    _update(ledger, replace(alert, closed_at=entry.occurred_at, closed_reason=entry.data["reason"]))
    ledger.standing = tuple(alert_id for alert_id in ledger.standing if alert_id != alert.id)
    if ledger.open_alerts.get(alert.family) == alert.id:
        ledger.open_alerts = {family: id for family, id in ledger.open_alerts.items() if family != alert.family}


def _answered(ledger: Ledger, entry: Entry, workflow: Workflow) -> None:
    _counted(ledger, entry, workflow)
    alert = ledger.alerts[entry.data["alert_id"]]
    answered = replace(alert, answered_at=entry.occurred_at, answered_by=entry.data["fact"])
    if alert.acknowledged_at is None:
        answered = replace(answered, acknowledged_at=entry.occurred_at, acknowledged_by=entry.data["by"])
    _update(ledger, answered)


def _escalated(ledger: Ledger, entry: Entry, workflow: Workflow) -> None:
    _counted(ledger, entry, workflow)
    alert = ledger.alerts[entry.data["alert_id"]]
    _update(ledger, replace(alert, escalated=alert.escalated | {entry.data["stage"]}))


def _update(ledger: Ledger, alert: Alert) -> None:
    ledger.alerts = {**ledger.alerts, alert.id: alert}


def _overdue(ledger: Ledger, entry: Entry, workflow: Workflow) -> None:
    _counted(ledger, entry, workflow)
    ledger.overdue = ledger.overdue | {(entry.data["check"], entry.data["due_at"])}


def _override_used(ledger: Ledger, entry: Entry, workflow: Workflow) -> None:
    _counted(ledger, entry, workflow)
    override = ledger.overrides.get(entry.data["override"])
    if override is not None:
        ledger.overrides = {**ledger.overrides, override.id: replace(override, used_by=entry.data["fact"])}


def _carried(ledger: Ledger, entry: Entry, workflow: Workflow) -> None:
    _counted(ledger, entry, workflow)
    ledger.carried = {name: value for name, value in entry.data.items() if name != CLOCK}


def _derived_strike(ledger: Ledger, entry: Entry, workflow: Workflow) -> None:
    _counted(ledger, entry, workflow)
    _strike(ledger, entry.data["entry"], entry.occurred_at)


_DERIVED: dict[str, Callable[[Ledger, Entry, Workflow], None]] = {
    ALERT_RAISED: _raised,
    ALERT_CLOSED: _closed,
    ALERT_ANSWERED: _answered,
    ALERT_ESCALATED: _escalated,
    CHECK_OVERDUE: _overdue,
    OVERRIDE_USED: _override_used,
    COURSE_CARRIED: _carried,
    "entry.struck": _derived_strike,
}
