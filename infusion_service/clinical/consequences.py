"""What follows from a day as it stands at a moment: the entries the service appends by itself.

Promises: the difference between what the picture says and what the log has told people, closed exactly once - asked
again at the same moment it has nothing to add. Derived ids are computed, so no crash, retry or second instance appends
one twice. `occurred_at` is when something became true, `received_at` when the service learned it. The service never
invents that a pump stopped. Does not: judge submissions (`decide`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from infusion_service.clinical.alert_families import Family, Rung
from infusion_service.clinical.appending import Appending
from infusion_service.clinical.checks import due_checks
from infusion_service.clinical.clock_bands import moments
from infusion_service.clinical.course import Course, carried_into, ordinal_of
from infusion_service.clinical.day import Day
from infusion_service.clinical.ledger import (
    ALERT_ANSWERED,
    ALERT_CLOSED,
    ALERT_ESCALATED,
    ALERT_RAISED,
    CHECK_OVERDUE,
    COURSE_CARRIED,
    VANISHED,
    Alert,
)
from infusion_service.clinical.picture import Fact
from infusion_service.clinical.vocabulary import SERVICE_ROLE, Entry, format_time

STRUCK = "entry.struck"
_ROUNDS_MAX = 8
"""An alert may declare an emergency, which answers an alert, ...: a few rounds settle it; more would be our own
fault."""


def consequences(
    course: Course, day: Day, now: datetime, *, cause: str | None = None, moves_held: bool = False
) -> tuple[tuple[Entry, ...], Day]:
    """Return what has become true by `now` and is not in the log yet, and the day with it.

    `cause` is the event that was just appended. `moves_held` keeps moves by time back while the clock is in doubt.
    """
    out = Appending(day, now, cause)
    if day.state is None:
        return (), day
    if not moves_held:
        _missed(out)
    _carried(course, out)
    for _round in range(_ROUNDS_MAX):
        before = len(out.entries)
        _answered(out)
        _alerts(out)
        _emergency_struck(out)
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
    names = out.day.workflow.of_meaning("missed")
    if due_at is not None and due_at <= out.now and names:
        out.move(names[0], "", {}, due_at)


def _carried(course: Course, out: Appending) -> None:
    if len(course.days) > 1 and not out.day.terminal:
        carried = carried_into(course, out.day)
        if carried != out.day.ledger.carried:
            out.derive(COURSE_CARRIED, "", carried, out.now)


def _alerts(out: Appending) -> None:
    """Bring the alerts of the log level with the episodes of the picture and the bands of the clock."""
    raised: list[Alert] = []
    for family in _stirring(out.day):
        alert_id = out.day.ledger.open_alerts.get(family.id)
        alert = out.day.ledger.alerts[alert_id] if alert_id else None
        rung, raised_at, evidence, opened_by = _standing(family, out)
        if rung is None:
            if alert is not None:
                _close(alert, family, out)
            continue
        if alert is not None and alert.rank == rung.rank and not _raised_anew(alert, rung, opened_by, out):
            continue
        if alert is not None:
            worse = rung.rank >= alert.rank
            _close(alert, family, out, reason="superseded" if worse else None)
        raised.append(_raise(rung, family, raised_at, evidence, opened_by, out))
    _declare(raised, out)


def _stirring(day: Day) -> list[Family]:
    """Families that stand in the picture or in the log, or go by the clock; of the others there is nothing to say."""
    episodes, told = day.picture.episodes, day.ledger.open_alerts
    return [
        family
        for family in day.workflow.families
        if family.clock or family.id in told or ((episode := episodes.get(family.id)) is not None and episode.open)
    ]


def _standing(family: Family, out: Appending) -> tuple[Rung | None, datetime, tuple[str, ...], str]:
    """The rung of a family that stands now, since when, on what evidence."""
    day = out.day
    if family.clock:
        reached = [
            (rung, moment)
            for rung, moment in moments(family, day.picture, day.ledger.unconfirmed_since(), day.workflow)
            if moment <= out.now
        ]
        if reached:
            rung, moment = max(reached, key=lambda pair: pair[0].rank)
            return rung, moment, (), ""
        return None, out.now, (), ""
    episode = day.picture.episodes.get(family.id)
    if episode is None or not episode.open:
        return None, out.now, (), ""
    return family.rungs[episode.rank], min(episode.raised_at, out.now), episode.evidence, episode.opened_by


def _raised_anew(alert: Alert, rung: Rung, opened_by: str, out: Appending) -> bool:
    """Outside an emergency a new stop-class sign always raises and declares, whatever is open."""
    action = out.day.workflow.definition.actions[rung.band.action]
    if not (action.stop_class and rung.band.declares and opened_by):
        return False
    in_emergency = out.day.workflow.states[out.day.state or ""].emergency
    return not in_emergency and out.day.open and opened_by not in alert.evidence


def _close(alert: Alert, family: Family, out: Appending, *, reason: str | None = None) -> None:
    episode = out.day.picture.episodes.get(family.id)
    occurred_at = out.now
    if reason is None:
        reason = "auto"
        if any(id in out.day.ledger.struck for id in alert.evidence):
            reason = "corrected"
        elif episode is not None and not episode.open and episode.closed_at is not None:
            reason = episode.closed_how
            occurred_at = min(max(episode.closed_at, alert.raised_at), out.now)
            if episode.closed_at < alert.raised_at:
                reason = "late_data"
        elif not family.clock or _cause_is_older(alert, out):
            reason = "late_data"
    reviewed = out.day.picture.reviewed.get(family.id)
    if family.clock and reviewed is not None and reviewed.at >= alert.raised_at and reason == "auto":
        reason = "review"
    data = {"alert_id": alert.id, "reason": reason, "rule": alert.rule}
    out.derive(ALERT_CLOSED, alert.rule, data, occurred_at)


def _cause_is_older(alert: Alert, out: Appending) -> bool:
    cause = out.day.fact(out.cause) if out.cause else None
    return cause is not None and cause.at < alert.raised_at


def _raise(
    rung: Rung, family: Family, raised_at: datetime, evidence: tuple[str, ...], opened_by: str, out: Appending
) -> Alert:
    band, day = rung.band, out.day
    action = day.workflow.definition.actions[band.action]
    pump_runs = day.picture.pump.running_since is not None
    wants = band.wants or (action.answered_by if pump_runs else action.answered_by_idle)
    if band.wants_check is not None and not pump_runs:
        wants = (*wants, band.wants_check.fact)
    data: dict[str, Any] = {
        "action": band.action,
        "class": rung.rule.event_class,
        "evidence": list(evidence),
        "family": family.id,
        "rank": rung.rank,
        "retrospective": _is_late(opened_by, out),
        "rule": rung.rule.id,
        "severity": band.severity,
        "wants": list(wants),
    }
    if action.within_min is not None and wants:
        data["answer_by"] = format_time(out.now + timedelta(minutes=action.within_min))
    if band.wants_check is not None:
        data["wants_check"] = band.wants_check.check
    data["alert_id"] = out.next_id(ALERT_RAISED, rung.rule.id)
    entry = out.derive(ALERT_RAISED, rung.rule.id, data, raised_at)
    return out.day.ledger.alerts[entry.entry_id]


def _is_late(fact_id: str, out: Appending) -> bool:
    """Tell whether a fact was charted late: past the limit, or after something that happened later."""
    late_after = timedelta(minutes=out.day.workflow.definition.time.late_after_min)
    later_known = False
    for fact in out.day.charted:
        if fact.id == fact_id:
            received_at = fact.received_at or out.now
            return received_at - fact.at > late_after or (later_known and _later_before(fact, out))
        later_known = True
    return False


def _later_before(late: Fact, out: Appending) -> bool:
    for fact in out.day.charted:
        if fact.id == late.id:
            return False
        if fact.at > late.at:
            return True
    return False


def _declare(raised: list[Alert], out: Appending) -> None:
    """A stop-class alert declares the emergency, at the moment the service learns of it, while the day is active."""
    actions = out.day.workflow.definition.actions
    declaring = [
        alert
        for alert in raised
        if actions[alert.action].declares
        and next(f for f in out.day.workflow.families if f.id == alert.family).rungs[alert.rank].band.declares
    ]
    state = out.day.workflow.states[out.day.state or ""]
    if declaring and state.open and not state.emergency:
        first = declaring[0]
        data = {"alerts": [alert.id for alert in declaring], "reason": first.rule, "rule": first.rule}
        out.move(actions[first.action].declares, first.rule, data, out.now)


def _emergency_struck(out: Appending) -> None:
    """Striking the only evidence of an alert strikes the emergency that it alone declared."""
    for name in out.day.workflow.of_meaning("emergency"):
        for fact in out.day.picture.of_type(name):
            if fact.actor.role != SERVICE_ROLE:
                continue
            alerts = [out.day.ledger.alerts[id] for id in fact.data["alerts"] if id in out.day.ledger.alerts]
            if alerts and all(alert.closed_reason in VANISHED for alert in alerts):
                data = {"entry": fact.id, "reason": "corrected", "rule": fact.data["rule"]}
                out.derive(STRUCK, fact.data["rule"], data, out.now)


def _answered(out: Appending) -> None:
    for alert in out.day.ledger.open_list():
        if not alert.wants or alert.answered_at is not None:
            continue
        answers = [
            fact
            for name in alert.wants
            for fact in out.day.picture.of_type(name)
            if fact.at >= alert.raised_at and fact.id not in alert.evidence
        ]
        if answers:
            answer = min(answers, key=lambda fact: fact.pos)
            data = {"alert_id": alert.id, "by": answer.actor.id, "fact": answer.id, "rule": alert.rule}
            out.derive(ALERT_ANSWERED, alert.rule, data, answer.at)


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
