"""Which checks are due: a function of picture, ordinal and open alerts; never stored.

Promises: one row per check, with the earliest due time of all the reasons for it. An interval runs from the later of
the last sufficient check and the moment the state was entered, and keeps the length of the phase it began in. A missed
interval does not add rows: it raises the count. Does not: append anything (`consequences` does, when a check turns
red).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache

import msgspec

from infusion_service.clinical.clock_bands import PICTURES_KEPT_MAX
from infusion_service.clinical.definition import Check
from infusion_service.clinical.guard_definition import OTHER
from infusion_service.clinical.ledger import Ledger
from infusion_service.clinical.picture import Picture
from infusion_service.clinical.workflow import Workflow


class DueCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A check with its due time and how it stands: `upcoming`, `due`, `amber` or `red`."""

    check: str
    due_at: datetime
    status: str
    missed: int
    turns_red_at: datetime | None


class _Wanted(msgspec.Struct, frozen=True):
    """One reason for a check: when it falls due and, where it recurs, after how long again."""

    check: Check | None
    name: str
    due_at: datetime
    interval: timedelta | None


@lru_cache(maxsize=PICTURES_KEPT_MAX)
def due_checks(
    picture: Picture, ledger: Ledger, ordinal: int, now: datetime, workflow: Workflow
) -> tuple[DueCheck, ...]:
    """Return the checks of the day, soonest first. Remembered for a moment: after each fact it is asked twice."""
    earliest: dict[str, _Wanted] = {}
    for wanted in _all_wanted(picture, ledger, ordinal, now, workflow):
        known = earliest.get(wanted.name)
        if known is None or wanted.due_at < known.due_at:
            earliest[wanted.name] = wanted
    rows = [_row(wanted, now, workflow) for wanted in earliest.values()]
    return tuple(sorted(rows, key=lambda row: row.due_at))


def _row(wanted: _Wanted, now: datetime, workflow: Workflow) -> DueCheck:
    grace = workflow.definition.grace
    red_at = wanted.due_at + timedelta(minutes=grace.red_min)
    never_red = wanted.check is not None and wanted.check.never_red
    if now < wanted.due_at:
        status = "upcoming"
    elif now >= red_at and not never_red:
        status = "red"
    elif now >= wanted.due_at + timedelta(minutes=grace.amber_min):
        status = "amber"
    else:
        status = "due"
    missed = 0
    if status == "red":
        missed = 1 + ((now - wanted.due_at) // wanted.interval if wanted.interval else 0)
    return DueCheck(
        check=wanted.name,
        due_at=wanted.due_at,
        status=status,
        missed=missed,
        turns_red_at=None if never_red else red_at,
    )


def _all_wanted(picture: Picture, ledger: Ledger, ordinal: int, now: datetime, workflow: Workflow) -> Iterator[_Wanted]:
    if picture.state is None or picture.entered is None or workflow.states[picture.state].emergency:
        return
    for check in workflow.definition.checks:
        if picture.state in check.states:
            wanted = _kind(check)(check, picture, ordinal, now)
            if wanted is not None:
                yield wanted
    yield from _wanted_by_alerts(picture, ledger, workflow)


def _kind(check: Check) -> Callable[[Check, Picture, int, datetime], _Wanted | None]:
    if check.calendar:
        return _calendar
    if check.hours_after:
        return _hours_after
    return _after_fact if check.after_facts else _every


def _last_sufficient(check: Check, picture: Picture, not_before: datetime) -> datetime | None:
    """When the check was last done sufficiently, looking back no further than it matters."""
    if not check.complete_set and not check.signs:
        fact = picture.last(check.fact)
        return fact.at if fact else None
    if check.complete_set:
        return picture.last_complete.fact.at if picture.last_complete else None
    for vital in picture.vitals.backwards():
        if vital.fact.at < not_before:
            return None
        if all(sign in vital.values for sign in check.signs):
            return vital.fact.at
    return None


def _every(check: Check, picture: Picture, _ordinal: int, _now: datetime) -> _Wanted | None:
    entered, started = picture.entered, picture.pump.started_at
    assert entered is not None
    if check.pause_reasons and picture.pump.halt_reason not in check.pause_reasons:
        return None
    since = started if check.counts_from_start and started is not None else entered.at
    last = _last_sufficient(check, picture, since)
    interval = timedelta(minutes=check.every_min or 0)
    if check.on_entry and (last is None or last < entered.at):
        return _Wanted(check, check.check, entered.at, interval)
    base = since if last is None else max(last, since)
    if check.from_min is not None and started is not None:
        base = max(base, started + timedelta(minutes=check.from_min))
    if check.until_min is not None and started is not None and base - started >= timedelta(minutes=check.until_min):
        return None
    return _Wanted(check, check.check, base + interval, interval)


def _after_fact(check: Check, picture: Picture, _ordinal: int, _now: datetime) -> _Wanted | None:
    facts = [fact for name in check.after_facts if (fact := picture.last(name)) is not None]
    if not facts or picture.entered is None:
        return None
    latest = max(facts, key=lambda fact: fact.pos)
    last = _last_sufficient(check, picture, latest.at)
    if latest.at < picture.entered.at or (last is not None and last > latest.at):
        return None
    return _Wanted(check, check.check, latest.at + timedelta(minutes=check.after_min or 0), None)


def wanted_on(ordinals: dict[str, tuple[int, ...]], course_number: int, ordinal: int) -> bool:
    """Tell whether something that the calendar wants on certain ordinals is wanted on this one."""
    return ordinal in ordinals.get(str(course_number), ordinals.get(OTHER, ()))


def sampled_after_infusion(picture: Picture, analyte: str, now: datetime) -> bool:
    """Tell whether a sample for the analyte was drawn after the pump last ran. One planned for later is not drawn."""
    ended = picture.pump.last_ran_at
    return ended is not None and any(ended <= sampled_at <= now for sampled_at in picture.samples.get(analyte, ()))


def _calendar(check: Check, picture: Picture, ordinal: int, now: datetime) -> _Wanted | None:
    ended = picture.pump.last_ran_at
    if ended is None or not wanted_on(check.ordinals, picture.course_number, ordinal):
        return None
    if sampled_after_infusion(picture, check.analyte, now):
        return None
    return _Wanted(check, check.check, ended, None)


def _hours_after(check: Check, picture: Picture, _ordinal: int, now: datetime) -> _Wanted | None:
    assert picture.entered is not None
    done = picture.last(check.fact)
    dues = [picture.entered.at + timedelta(hours=hours) for hours in check.hours_after]
    left = [due for due in dues if done is None or due > done.at]
    if not left:
        return None
    passed = [due for due in left if due <= now]
    interval = (now - left[0]) / len(passed) if len(passed) > 1 else None
    return _Wanted(check, check.check, left[0], interval)


def _wanted_by_alerts(picture: Picture, ledger: Ledger, workflow: Workflow) -> Iterator[_Wanted]:
    for alert_id in ledger.open_alerts.values():
        alert = ledger.alerts[alert_id]
        if not alert.wants_check:
            continue
        band = workflow.alerts[alert.rule].bands
        wanted = next(b.wants_check for b in band if b.wants_check and b.wants_check.check == alert.wants_check)
        # From when it was true, not from when it was learned: a check does not wait because a tablet was offline.
        episode = picture.episodes.get(alert.family)
        since = episode.raised_at if episode is not None and episode.open else alert.raised_at
        done = picture.last(wanted.fact)
        if done is None or done.at < since:
            yield _Wanted(None, wanted.check, since + timedelta(minutes=wanted.within_min), None)
