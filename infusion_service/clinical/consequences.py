"""What follows from a day as it stands at a moment: the entries the service appends by itself.

Promises: the difference between what the picture says and what the log has told people, closed exactly once - asked
again at the same moment it has nothing to add. Derived ids are computed, so no crash, retry or second instance appends
one twice. `occurred_at` is when something became true, `received_at` when the service learned it. The service never
invents that a pump stopped. Does not: judge submissions (`decide`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from infusion_service.clinical.alerting import answer_alerts, level_alerts, strike_emergencies
from infusion_service.clinical.appending import Appending
from infusion_service.clinical.checks import due_checks
from infusion_service.clinical.course import Course, carried_into, ordinal_of
from infusion_service.clinical.day import Day
from infusion_service.clinical.ledger import ALERT_ESCALATED, CHECK_OVERDUE, COURSE_CARRIED, Alert
from infusion_service.clinical.vocabulary import Entry, format_time

_ROUNDS_MAX = 8
"""An alert may declare an emergency, which answers an alert, ...: a few rounds settle it; more would be our own
fault."""


def consequences(
    course: Course, day: Day, now: datetime, *, cause: str | None = None, moves_held: bool = False
) -> tuple[tuple[Entry, ...], Day]:
    """Return what has become true by `now` and is not in the log yet, and the day with it.

    `cause` is the event that was just appended. `moves_held` keeps moves by time back while the clock is in doubt.
    """
    # A clock that was set back does not take back what it has brought about.
    out = Appending(day, max(now, day.received_at or now), cause, clock_in_doubt=moves_held)
    if day.state is None:
        return (), day
    if not moves_held:
        _missed(out)
    _carried(course, out)
    for _round in range(_ROUNDS_MAX):
        before = len(out.entries)
        answer_alerts(out)
        level_alerts(out)
        strike_emergencies(out)
        if len(out.entries) == before:
            break
    _escalated(out)
    _overdue(course, out)
    return tuple(out.entries), out.day


def missed_at(day: Day) -> datetime | None:
    """Return when a day that nobody came to counts as missed: its date and cut-off, ward time."""
    picture = day.picture
    if day.state != day.workflow.initial or picture.day_date is None or picture.zone is None:
        return None
    return local_moment(picture.day_date, picture.cutoff, picture.zone)


def local_moment(day_date: date, clock_time: str, zone: ZoneInfo) -> datetime:
    """Return the moment of a wall-clock time on a date; a time that a clock change skips counts as the moment after
    it."""
    hour, minute = clock_time.split(":")
    local = datetime.combine(day_date, time(int(hour), int(minute)), tzinfo=zone)
    return local.astimezone(ZoneInfo("UTC")).replace(tzinfo=_UTC)


_UTC = datetime.fromisoformat("1970-01-01T00:00:00+00:00").tzinfo


def _missed(out: Appending) -> None:
    due_at = missed_at(out.day)
    if due_at is not None and due_at <= out.now and (names := out.day.workflow.of_meaning("missed")):
        out.move(names[0], "", {}, due_at)


def _carried(course: Course, out: Appending) -> None:
    alone = len(course.days) <= 1 and not (out.day.workflow.plans_by_ordinal and out.day.picture.attested)
    if not alone and not out.day.terminal:
        carried = carried_into(course, out.day)
        if carried != out.day.ledger.carried:
            out.derive(COURSE_CARRIED, "", carried, out.now)


def escalations_due(day: Day) -> Iterator[tuple[Alert, str, tuple[str, ...], datetime]]:
    """Yield (alert, stage, to whom, when) of every escalation that lies ahead or has fallen due and is not in the
    log."""
    definition = day.workflow.definition
    in_emergency = day.workflow.states[day.state or ""].emergency
    for alert in day.ledger.open_list():
        action = definition.actions[alert.action]
        unanswered = alert.answer_by is not None and alert.answered_at is None and "unanswered" not in alert.escalated
        if unanswered and alert.answer_by is not None and (not in_emergency or action.escalates_in_emergency):
            yield alert, "unanswered", ("charge_nurse", "prescriber"), alert.answer_by
        if in_emergency or alert.acknowledged_at is not None:
            continue
        for step in definition.escalations:
            stage = f"unacknowledged:{step.to}"
            if step.severity == alert.severity and stage not in alert.escalated:
                yield alert, stage, (step.to,), alert.learned_at + timedelta(minutes=step.after_min)


def _escalated(out: Appending) -> None:
    due = [item for item in escalations_due(out.day) if item[3] <= out.now]
    for alert, stage, to, due_at in sorted(due, key=lambda item: item[3]):
        data = {"alert_id": alert.id, "rule": alert.rule, "severity": alert.severity, "stage": stage, "to": list(to)}
        out.derive(ALERT_ESCALATED, alert.rule, data, due_at)


def _overdue(course: Course, out: Appending) -> None:
    day = out.day
    ordinal = ordinal_of(course, day)
    for check in due_checks(day.picture, day.ledger, ordinal, out.now, day.workflow):
        due_at = format_time(check.due_at)
        if check.status == "red" and (check.check, due_at) not in day.ledger.overdue and check.turns_red_at:
            data = {"check": check.check, "due_at": due_at, "missed": check.missed}
            out.derive(CHECK_OVERDUE, check.check, data, check.turns_red_at)
