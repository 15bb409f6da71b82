"""The day as people see it at a moment: the day view, the board row, and when something will next change by itself.

Promises: pure; everything that depends on "now" is derived here and nowhere stored. Decimals are strings, times are
UTC. A blocked fact says why and who may override. Does not: decide or append.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from infusion_service.clinical.checks import due_checks
from infusion_service.clinical.clock_bands import all_moments
from infusion_service.clinical.consequences import escalations_due, missed_at
from infusion_service.clinical.course import Course, flags_shown, ordinal_of, with_day
from infusion_service.clinical.course_rules import refused_by_course
from infusion_service.clinical.day import Day
from infusion_service.clinical.dose import Pump
from infusion_service.clinical.facts import doubt_about, shortest
from infusion_service.clinical.fold import hung_ml, is_on_the_date
from infusion_service.clinical.guard_definition import ObservedFor
from infusion_service.clinical.guards import Failing, Situation, applies, failing_guards
from infusion_service.clinical.ledger import ALERT_CLOSED, ALERT_RAISED, Alert
from infusion_service.clinical.picture import observation_anchor
from infusion_service.clinical.plan import plan_of
from infusion_service.clinical.second_person import usable_double_checks
from infusion_service.clinical.vocabulary import JSON, Entry, format_time

_HUNDREDTH = Decimal("0.01")
_SERVICE_MEANINGS = ("scheduling", "missed")


def observe(course: Course, day: Day, now: datetime) -> dict[str, JSON]:
    """Return the day view of the contract."""
    picture = day.picture
    today = with_day(course, day)
    ordinal = ordinal_of(course, day)
    view: dict[str, JSON] = {
        "day_id": day.day_id,
        "version": day.version,
        "as_of": format_time(now),
        "site": day.site,
        "ward": day.ward,
        "chair": day.chair or None,
        "patient": dict(day.patient),
        "workflow": day.workflow.ref.as_json(),
        "course": day.course_number,
        "day": day.day_number,
        "ordinal": ordinal,
        "date": day.date.isoformat() if day.date else None,
        "timezone": day.timezone,
        "state": day.state,
        "state_since": _time(day.state_since),
        "pump": picture.pump.status,
        "dose": _dose(day, ordinal, now),
        "bag": _bag(day),
        "observation": _observation(day, ordinal),
        "checks": _checks(day, ordinal, now),
        "alerts": [alert_json(day, alert) for alert in day.ledger.open_list()],
        "vitals": _vitals(day),
        "score_changes": _score_changes(day),
        "allowed": list(_allowed(today, day, ordinal, now)),
        "course_flags": flags_shown(today, day.course_number),
        "baseline_deficits": sorted(picture.deficits),
        "overrides": _overrides(day),
        "double_checks": _double_checks(day, now),
        "struck": sorted(day.ledger.struck),
        "unconfirmed": sorted(day.ledger.unconfirmed),
        "missing_from_devices": [],
        "next_change_at": _time(next_change_at(course, day, now)),
    }
    return view


def board_row(course: Course, day: Day, now: datetime) -> dict[str, JSON]:
    """Return what the ward board shows of a day."""
    view = observe(course, day, now)
    names = (
        "day_id", "version", "as_of", "ward", "chair", "patient", "workflow", "course", "day", "ordinal", "date",
        "timezone", "state", "state_since", "pump", "dose", "observation", "checks", "alerts", "vitals",
        "score_changes", "course_flags", "baseline_deficits", "double_checks", "unconfirmed",
        "missing_from_devices", "next_change_at",
    )  # fmt: skip
    return {name: view[name] for name in names}


def next_change_at(course: Course, day: Day, now: datetime) -> datetime | None:
    """Return the next moment after `now` at which something would be appended by itself, if nobody posts anything."""
    return min((moment for moment in _moments(course, day, now) if moment > now), default=None)


def _moments(course: Course, day: Day, now: datetime) -> Iterator[datetime]:
    if day.state is None:
        return
    missed = missed_at(day)
    if missed is not None:
        yield missed
    for check in due_checks(day.picture, day.ledger, ordinal_of(course, day), now, day.workflow):
        if check.turns_red_at is not None:
            yield check.turns_red_at
    for reached in all_moments(day.picture, day.ledger.unconfirmed_since(), day.workflow).values():
        for _rung, moment in reached:
            yield moment
    for _alert, _stage, _to, due_at in escalations_due(day):
        yield due_at


def alerts_changed(entries: Iterable[Entry]) -> dict[str, list[dict[str, JSON]]]:
    """Return the alerts that these entries raised and closed, as a receipt shows them."""
    changed: dict[str, list[dict[str, JSON]]] = {"raised": [], "closed": []}
    for entry in entries:
        if entry.type == ALERT_RAISED:
            names = ("alert_id", "rule", "class", "severity", "action", "retrospective")
            changed["raised"].append({name: entry.data[name] for name in names})
        elif entry.type == ALERT_CLOSED:
            changed["closed"].append({name: entry.data[name] for name in ("alert_id", "rule", "reason")})
    return changed


def alert_json(day: Day, alert: Alert) -> dict[str, JSON]:
    """Return an alert with its evidence, the rule's source and what it wants next."""
    rule = day.workflow.alerts[alert.rule]
    band = next((rung.band for family in day.workflow.families if family.id == alert.family
                 for rung in family.rungs if rung.rank == alert.rank), None)  # fmt: skip
    return {
        "alert_id": alert.id,
        "rule": alert.rule,
        "class": alert.event_class,
        "severity": alert.severity,
        "action": alert.action,
        "says": band.says if band else "",
        "wants": list(alert.wants),
        "raised_at": format_time(alert.raised_at),
        "learned_at": format_time(alert.learned_at),
        "answer_by": _time(alert.answer_by),
        "answered_at": _time(alert.answered_at),
        "acknowledged_by": alert.acknowledged_by or None,
        "retrospective": alert.retrospective,
        "escalated": sorted(alert.escalated),
        "evidence": list(alert.evidence),
        "source": rule.source,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)


def _rounded(number: Decimal) -> str:
    return shortest(number.quantize(_HUNDREDTH))


def _dose(day: Day, ordinal: int, now: datetime) -> dict[str, JSON]:
    pump: Pump = day.picture.pump
    planned = plan_of(day.picture, ordinal, day.workflow).dose_mg or (pump.bag.dose_mg if pump.bag else None)
    return {
        "planned_mg": None if planned is None else shortest(planned),
        "delivered_mg": _rounded(pump.delivered_mg(now)),
        "delivered_ml": _rounded(pump.delivered_ml(now)),
        "stated_ml": shortest(pump.stated_ml) if pump.stated_ml is not None else None,
        "volume_ml": shortest(hung_ml(day.picture)) if pump.bag else None,
        "rate_ml_per_h": shortest(pump.rate_ml_per_h),
        "projected_end": _time(pump.projected_end()),
        "segments": [
            {
                "from": format_time(segment.since),
                "to": _time(segment.until),
                "rate_ml_per_h": shortest(segment.rate_ml_per_h),
            }
            for segment in pump.segments
        ],
    }


def _bag(day: Day) -> dict[str, JSON] | None:
    picture = day.picture
    bag = picture.pump.bag or next((bag for bag in picture.bags.values() if not bag.discarded), None)
    if bag is None:
        return None
    valid_h = next((guard.valid_h for guard in day.workflow.bag_guards), None)
    return {
        "bag": bag.id,
        "product": bag.product,
        "batch": bag.batch,
        "prepared_at": format_time(bag.prepared_at),
        "expires_at": format_time(bag.prepared_at + timedelta(hours=valid_h)) if valid_h is not None else None,
        "volume_ml": shortest(bag.volume_ml),
        "dose_mg": shortest(bag.dose_mg),
    }


def _observation(day: Day, ordinal: int) -> dict[str, JSON]:
    anchor = observation_anchor(day.picture)
    guards = (guard for guard in day.workflow.definition.guards if isinstance(guard, ObservedFor))
    minimum = [guard.minimum_min for guard in guards if applies(guard, day.state, ordinal)]
    earliest = anchor + timedelta(minutes=max(minimum)) if anchor is not None and minimum else None
    return {"anchor": _time(anchor), "earliest_discharge": _time(earliest)}


def _checks(day: Day, ordinal: int, now: datetime) -> list[dict[str, JSON]]:
    return [
        {"check": check.check, "due_at": format_time(check.due_at), "status": check.status, "missed": check.missed}
        for check in due_checks(day.picture, day.ledger, ordinal, now, day.workflow)
    ]


def _vitals(day: Day) -> dict[str, JSON]:
    fields = {name: field for kind in day.workflow.of_meaning("vital_signs")
              for name, field in day.workflow.facts[kind].fields.items()}  # fmt: skip
    shown: dict[str, JSON] = {}
    for sign, reading in day.picture.readings.items():
        field = fields[sign]
        shown[sign] = {"value": _value(reading.value, whole=field.type == "integer"), "at": format_time(reading.at)}
        doubt = doubt_about(field, reading.value)
        if doubt:  # a monitor's reading, or one that was confirmed: taken as it is, and shown for what it is
            shown[sign]["flag"] = doubt
    for name, score in day.picture.scores.items():
        at = format_time(day.picture.facts[score.pos].at)
        shown[name] = {"total": score.total, "parts": dict(score.parts), "at": at}
    return shown


def _score_changes(day: Day) -> dict[str, JSON]:
    """Return how each score has moved: since the complete set before the latest, and since the day's first. Beside
    the score and not in it, so that what earlier releases said of `vitals` is still said as it was."""
    return {
        name: {
            "since_last": None if score.before is None else score.total - score.before,
            "since_baseline": None if score.before is None or score.first is None else score.total - score.first,
        }
        for name, score in day.picture.scores.items()
    }


def _value(value: Any, *, whole: bool) -> JSON:
    if not isinstance(value, Decimal):
        return value
    return int(value) if whole else shortest(value)


def _allowed(course: Course, day: Day, ordinal: int, now: datetime) -> Iterator[dict[str, JSON]]:
    if day.state is None:
        return
    picture, table = day.picture, day.workflow.table
    on_the_date = is_on_the_date(picture, now, day.workflow)
    for name, fact in day.workflow.facts.items():
        if fact.means in _SERVICE_MEANINGS:
            continue
        if table.moves(name) and not fact.move_optional:
            legs = table.legs(day.state, name)
            if not any(on_the_date or not leg.same_date for leg in legs):
                continue
        failing: list[Failing] = []
        if day.workflow.guards_on(name):
            situation = Situation(
                fact_type=name,
                data={},
                at=now,
                picture=picture,
                course=course,
                ordinal=ordinal,
                workflow=day.workflow,
                unconfirmed_since=day.ledger.unconfirmed_since(),
            )
            failing = failing_guards(situation, preview=True)
        row: dict[str, JSON] = {"type": name, "title": fact.title, "by": list(fact.by)}
        if fact.second is not None:
            row["second"] = fact.second
        row["blocked_by"] = [*_course_blocks(course, day, name), *(guard.as_json() for guard in failing)]
        yield row


def _course_blocks(course: Course, day: Day, fact_type: str) -> list[dict[str, JSON]]:
    """The course rules that a fact fails now, in the shape of guards that nobody may override."""
    refusal = refused_by_course(course, day, fact_type, {})
    failing = [] if refusal is None else refusal.members["rules"]
    return [{"guard": rule["rule"], "reason": rule["reason"], "override": []} for rule in failing]


def _overrides(day: Day) -> list[dict[str, JSON]]:
    return [
        {
            "override": override.id,
            "guard": override.guard,
            "reason": override.reason,
            "by": override.by.id,
            "second": override.second.id if override.second else None,
            "at": format_time(override.at),
            "until": format_time(override.until),
            "used_by": override.used_by or None,
        }
        for override in day.ledger.overrides.values()
    ]


def _double_checks(day: Day, now: datetime) -> list[dict[str, JSON]]:
    """Which double checks wait for their second person: never what was entered."""
    valid = timedelta(minutes=day.workflow.definition.time.double_check_valid_min)
    return [
        {
            "double_check": check.id,
            "type": check.type,
            "by": check.by.id,
            "at": format_time(check.at),
            "valid_until": format_time(check.at + valid),
        }
        for name, fact in day.workflow.facts.items()
        if fact.second == "independent"
        for check in usable_double_checks(day.ledger, name, now, day.workflow)
    ]
