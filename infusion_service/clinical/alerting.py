"""Brings the alerts of the log level with the picture: raised, answered, closed, and the emergency they declare.

Promises: what people are told follows from the picture alone, so it is told once, whatever order facts arrive in. A
stop-class alert never closes by itself: a review, a stand-down or the strike of all its evidence does. What a person
closed is raised again only by evidence they could not have seen. Does not: escalate (`consequences`), or decide how an
alert family stands (`episodes`, `clock_bands`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from infusion_service.clinical.alert_families import Family, Rung
from infusion_service.clinical.appending import Appending
from infusion_service.clinical.clock_bands import all_moments, grounds
from infusion_service.clinical.corrections import newly_illegal
from infusion_service.clinical.day import Day, refold
from infusion_service.clinical.ledger import ALERT_ANSWERED, ALERT_CLOSED, ALERT_RAISED, Alert
from infusion_service.clinical.picture import Fact
from infusion_service.clinical.vocabulary import SERVICE_ROLE, format_time

STRUCK = "entry.struck"
CORRECTED = "corrected"


class _Standing(msgspec.Struct, frozen=True):
    """The rung of a family that stands, since when, on what evidence. `opened_by` is empty for a clock."""

    rung: Rung
    since: datetime
    evidence: tuple[str, ...]
    opened_by: str = ""


def level_alerts(out: Appending) -> None:
    """Raise and close until the open alerts of the log are those that stand, and declare the emergency if one is
    due."""
    raised: list[Alert] = []
    for family in _stirring(out.day):
        alert_id = out.day.ledger.open_alerts.get(family.id)
        told = out.day.ledger.alerts[alert_id] if alert_id else None
        standing = _standing(family, out)
        if told is not None:
            ending = _ending(told, standing, family, out)
            if ending is None:
                continue
            data = {"alert_id": told.id, "reason": ending[0], "rule": told.rule}
            out.derive(ALERT_CLOSED, told.rule, data, min(max(ending[1], told.raised_at), out.now))
        if standing is not None:
            raised.append(_raise(standing, family, out))
    _declare(raised, out)


def _stirring(day: Day) -> list[Family]:
    """Families that stand in the picture or in the log, or go by the clock; of the others there is nothing to say."""
    standing = {family_id for family_id, episode in day.picture.episodes.items() if episode.open}
    stirring = standing.union(day.ledger.open_alerts, _clocks(day))
    return [family for family in day.workflow.families if family.id in stirring] if stirring else []


def _clocks(day: Day) -> Mapping[str, Sequence[tuple[Rung, datetime]]]:
    return all_moments(day.picture, day.ledger.unconfirmed_since(), day.workflow)


def _standing(family: Family, out: Appending) -> _Standing | None:
    day = out.day
    if family.clock:
        reached = [(rung, moment) for rung, moment in _clocks(day).get(family.id, ()) if moment <= out.now]
        if not reached:
            return None
        rung, moment = max(reached, key=lambda pair: pair[0].rank)
        return _Standing(rung, moment, grounds(rung, day.picture, day.ledger.to_confirm()))
    episode = day.picture.episodes.get(family.id)
    if episode is None or not episode.open:
        return None
    since = min(episode.raised_at, out.now)
    return _Standing(family.rungs[episode.rank], since, episode.evidence, episode.opened_by)


def _ending(told: Alert, standing: _Standing | None, family: Family, out: Appending) -> tuple[str, datetime] | None:
    """Why and when an open alert ended, or None while it goes on."""
    dismissed = _dismissed(told, out)
    if standing is not None and standing.rung.rank >= told.rank:
        if dismissed is not None:
            return dismissed
        anew = standing.rung.rank > told.rank or _raised_anew(told, standing, out)
        return ("superseded", out.now) if anew else None
    struck = out.day.ledger.struck
    if _never_ends_by_itself(told, family, out):
        gone = bool(told.evidence) and all(fact_id in struck for fact_id in told.evidence)
        return dismissed or ((CORRECTED, out.now) if gone else None)
    if dismissed is not None:
        return dismissed
    if any(fact_id in struck for fact_id in told.evidence):
        return CORRECTED, out.now
    return _ended_by_itself(told, family, out)


def _ended_by_itself(told: Alert, family: Family, out: Appending) -> tuple[str, datetime]:
    """An alert that closes when what is charted no longer matches: `auto`, `corrected` where something was struck that
    it also rested on, such as a negative check, or `late_data` where what ends it came late."""
    episode = out.day.picture.episodes.get(family.id)
    if family.clock:
        late = any(_is_late(fact, out) for fact in _just_charted(out))
        return ("late_data" if late else "auto"), out.now
    if episode is None or episode.open or episode.closed_at is None or episode.closed_at < told.raised_at:
        struck = any(out.day.workflow.meaning[fact.type] == "strike" for fact in _just_charted(out))
        return (CORRECTED if struck else "late_data"), out.now
    closed_by = out.day.picture.facts[episode.closed_pos]
    if episode.closed_how == "auto" and _is_late(closed_by, out):
        return "late_data", out.now
    return episode.closed_how, episode.closed_at


def _never_ends_by_itself(told: Alert, family: Family, out: Appending) -> bool:
    stop_class = out.day.workflow.definition.actions[told.action].stop_class
    return stop_class and family.rungs[told.rank].band.closes != "auto"


def _dismissed(told: Alert, out: Appending) -> tuple[str, datetime] | None:
    """The review that names the alert, or the stand-down that closes it when it is of stop class."""
    workflow, picture = out.day.workflow, out.day.picture
    for name in workflow.of_meaning("review"):
        for fact in picture.of_type(name):
            if told.id in fact.data.get("alerts", ()):
                return "review", fact.at
    if workflow.definition.actions[told.action].stop_class:
        for name in workflow.of_meaning("stood_down"):
            for fact in picture.of_type(name):
                known = fact.received_at is None or fact.received_at >= told.learned_at
                if known and fact.at >= told.raised_at:
                    return "stood_down", fact.at
    return None


def _raised_anew(told: Alert, standing: _Standing, out: Appending) -> bool:
    """Outside an emergency a new stop-class sign always raises and declares, whatever is open."""
    action = out.day.workflow.definition.actions[standing.rung.band.action]
    if not (action.stop_class and standing.rung.band.declares and standing.opened_by):
        return False
    in_emergency = out.day.workflow.states[out.day.state or ""].emergency
    return not in_emergency and out.day.open and standing.opened_by not in told.evidence


def _raise(standing: _Standing, family: Family, out: Appending) -> Alert:
    rung, day = standing.rung, out.day
    band = rung.band
    action = day.workflow.definition.actions[band.action]
    wants = band.wants or _answers(band.action, standing.since, day)
    if band.wants_check is not None and day.picture.pump.running_since is None:
        wants = (*wants, band.wants_check.fact)
    data: dict[str, Any] = {
        "action": band.action,
        "class": rung.rule.event_class,
        "evidence": list(standing.evidence),
        "family": family.id,
        "rank": rung.rank,
        "retrospective": _in_hindsight(standing, out),
        "rule": rung.rule.id,
        "severity": band.severity,
        "wants": list(wants),
    }
    if action.within_min is not None and wants:
        data["answer_by"] = format_time(out.now + timedelta(minutes=action.within_min))
    if band.wants_check is not None:
        data["wants_check"] = band.wants_check.check
    data["alert_id"] = out.next_id(ALERT_RAISED, rung.rule.id)
    entry = out.derive(ALERT_RAISED, rung.rule.id, data, standing.since)
    return out.day.ledger.alerts[entry.entry_id]


def _answers(action_name: str, since: datetime, day: Day) -> tuple[str, ...]:
    """The facts that answer an action: by the pump while one runs or ran since, by people where none runs.

    A stop is wanted of an infusion that is only paused, too; in an emergency without one there is nothing left to do.
    """
    action, pump = day.workflow.definition.actions[action_name], day.picture.pump
    if pump.running_since is not None:
        return action.answered_by
    ending = tuple(name for name in action.answered_by if name in day.workflow.of_meaning("pump_stopped"))
    if not ending or not _is_unfinished(day):
        ending = ()
    elif action.stop_class:
        return ending
    ran_since = pump.last_ran_at is not None and pump.last_ran_at >= since
    if action.stop_class and not ran_since and day.workflow.states[day.state or ""].emergency:
        return ()
    return (*action.answered_by_idle, *(action.answered_by if ran_since else ending))


def _is_unfinished(day: Day) -> bool:
    """Tell whether an infusion was begun and is neither stopped nor complete: a pause or an emergency ends none."""
    ends = (*day.workflow.of_meaning("pump_stopped"), *day.workflow.of_meaning("pump_completed"))
    begun = day.picture.pump.started_at is not None and not day.terminal
    return begun and not any(day.picture.of_type(name) for name in ends)


def _just_charted(out: Appending) -> Iterator[Fact]:
    """The facts of this very decision."""
    if out.cause is not None:
        for fact in out.day.charted.backwards():
            if fact.received_at != out.now:
                return
            if fact.actor.role != SERVICE_ROLE:
                yield fact


def _in_hindsight(standing: _Standing, out: Appending) -> bool:
    """Tell whether an alert is raised only now because what it follows from was charted late, or is read anew."""
    if not standing.opened_by:
        return any(_is_late(fact, out) for fact in _just_charted(out))
    opener = out.day.fact(standing.opened_by)
    if opener is None or opener.received_at is None:
        return False
    return opener.received_at < out.now or _is_late(opener, out)


def _is_late(fact: Fact, out: Appending) -> bool:
    """Tell whether a fact was charted late: past the limit, or after something that happened later."""
    late_after = timedelta(minutes=out.day.workflow.definition.time.late_after_min)
    if (fact.received_at or out.now) - fact.at > late_after:
        return True
    for other in out.day.charted:
        if other.id == fact.id:
            return False
        if other.at > fact.at:
            return True
    return False


def _declare(raised: list[Alert], out: Appending) -> None:
    """A stop-class alert declares the emergency, at the moment the service learns of it, while the day is active."""
    declaring = [alert for alert in raised if _declares(alert, out.day)]
    state = out.day.workflow.states[out.day.state or ""]
    if declaring and state.open and not state.emergency:
        first = declaring[0]
        data = {"alerts": [alert.id for alert in declaring], "reason": first.rule, "rule": first.rule}
        out.move(_declares(first, out.day), first.rule, data, out.now)


def strike_emergencies(out: Appending) -> None:
    """Strike the emergency that was declared by alerts alone whose only evidence is struck.

    It stays while another stop-class sign of it stands, and when the day could not have gone on without it.
    """
    for name in out.day.workflow.of_meaning("emergency"):
        for fact in out.day.picture.of_type(name):
            if fact.actor.role != SERVICE_ROLE:
                continue
            alerts = [out.day.ledger.alerts[id] for id in fact.data["alerts"] if id in out.day.ledger.alerts]
            if not alerts or any(alert.closed_reason != CORRECTED for alert in alerts):
                continue
            if not _still_wanted(fact, out.day) and _possible_without(fact, out.day):
                data = {"entry": fact.id, "reason": CORRECTED, "rule": fact.data["rule"]}
                out.derive(STRUCK, fact.data["rule"], data, out.now)


def _still_wanted(emergency: Fact, day: Day) -> bool:
    """Tell whether another stop-class alert that an emergency answers was raised since and has not been struck."""
    return any(
        _declares(alert, day) == emergency.type
        and alert.closed_reason != CORRECTED
        and alert.learned_at >= (emergency.received_at or emergency.at)
        for alert in day.ledger.alerts.values()
        if alert.id not in emergency.data["alerts"]
    )


def _declares(alert: Alert, day: Day) -> str:
    """The fact that an alert declares, empty for one that declares nothing."""
    band = next(f.rungs[alert.rank].band for f in day.workflow.families if f.id == alert.family)
    return day.workflow.definition.actions[alert.action].declares if band.declares else ""


def _possible_without(emergency: Fact, day: Day) -> bool:
    ledger = day.ledger.copy()
    ledger.struck = ledger.struck | {emergency.id}
    return newly_illegal(day.picture, refold(day.charted, ledger, day.workflow)) is None


def answer_alerts(out: Appending) -> None:
    """Note which open alerts have been answered, by what, and when."""
    for alert in out.day.ledger.open_list():
        if not alert.wants or alert.answered_at is not None:
            continue
        answer = min(_answers_to(alert, out.day), key=lambda fact: fact.pos, default=None)
        if answer is not None:
            data = {"alert_id": alert.id, "by": answer.actor.id, "fact": answer.id, "rule": alert.rule}
            out.derive(ALERT_ANSWERED, alert.rule, data, max(answer.at, alert.raised_at))


def _answers_to(alert: Alert, day: Day) -> Iterator[Fact]:
    """Facts that answer an alert: those it wants, after it became true, and the one that halted the pump.

    That one counts when it was charted since, whenever it happened. Once the pump stands, what answers where no pump
    runs will do as well.
    """
    picture, pump = day.picture, day.picture.pump
    stands_since = None if pump.running_since is not None else pump.last_ran_at
    for name in alert.wants:
        for fact in picture.of_type(name):
            charted_since = fact.received_at is not None and fact.received_at >= alert.learned_at
            halted_it = charted_since and stands_since is not None and fact.at == stands_since
            if (fact.at >= alert.raised_at or halted_it) and fact.id not in alert.evidence:
                yield fact
    action = day.workflow.definition.actions[alert.action]
    if stands_since is not None and not (action.stop_class and _is_unfinished(day)):
        for name in set(action.answered_by_idle).difference(alert.wants):
            for fact in picture.of_type(name):
                if fact.at >= max(alert.raised_at, stands_since) and fact.id not in alert.evidence:
                    yield fact
