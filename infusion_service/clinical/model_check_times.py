"""Abstracted time: the few moments at which something could change, just before and just after each limit of the file.

Promises: the limits of the property and of the guards related to it are visited a minute before, exactly and a second
after; those of other guards only where they stop to stand in the way. Between two such moments no verdict differs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from infusion_service.clinical import alert_definition as alerts
from infusion_service.clinical import safety_definition as tests
from infusion_service.clinical.alert_families import Family, leaves_of
from infusion_service.clinical.clock_bands import moments as clock_moments
from infusion_service.clinical.consequences import missed_at
from infusion_service.clinical.model_check_guards import ALERTS, turning
from infusion_service.clinical.model_check_slice import Slice
from infusion_service.clinical.model_check_world import World
from infusion_service.clinical.safety import Asked, limits

JUST_BEFORE = timedelta(minutes=-1)
JUST_AFTER = timedelta(seconds=1)


def interesting_moments(part: Slice, world: World, asked: Asked, failing: frozenset[str]) -> list[datetime]:
    """Return the moments after now at which the property, its guards or what stands in the way may change."""
    state = world.day.state or ""
    near = part.near(state)
    close: set[datetime] = set(limits(part.rule.when, asked)) if near else set()
    exact: set[datetime] = set()
    for fact_type in world.workflow.table.allowed(state):
        for guard in world.workflow.guards_on(fact_type):
            if guard.id in part.related and near:
                close |= set(turning(guard, fact_type, world))
            elif guard.id in failing:
                exact |= set(turning(guard, fact_type, world))
    exact |= {*_by_itself(part, world), *repetitions(part, world)}
    around = {moment + by for moment in close for by in (JUST_BEFORE, timedelta(0), JUST_AFTER)}
    return sorted(moment for moment in around | exact if moment > world.now)


def _by_itself(part: Slice, world: World) -> Iterator[datetime]:
    """Yield when the day is missed, when its date is over, and when alerts the property asks for come by the clock."""
    day = world.day
    missed = missed_at(day)
    if missed is not None:
        yield missed
    if day.date is not None and any(isinstance(leaf, tests.Charted) and leaf.today for leaf in part.tests):
        yield datetime.combine(day.date + timedelta(days=1), time(tzinfo=UTC))
    if ALERTS not in part.touched:
        return
    for family in day.workflow.families:
        if family.clock:
            for _rung, moment in clock_moments(family, day.picture, day.ledger.unconfirmed_since(), day.workflow):
                yield moment


def repetitions(part: Slice, world: World) -> Iterator[datetime]:
    """Yield when a second reading beside the latest would say that something lasts, where the property asks for
    alerts."""
    for family in world.workflow.families if ALERTS in part.touched else ():
        for sign, minutes in _lasting(family):
            reading = world.day.picture.readings.get(sign)
            if reading is not None:
                yield reading.at + timedelta(minutes=minutes)


def _lasting(family: Family) -> Iterator[tuple[str, int]]:
    """Yield the signs of which a family wants two readings, with the minutes between."""
    for rung in family.rungs:
        for leaf in leaves_of(rung.band.when) if rung.band.when is not None else ():
            if isinstance(leaf, alerts.Trend):
                yield leaf.sign, leaf.sustained_min
            elif isinstance(leaf, alerts.Reading) and leaf.apart_min is not None:
                yield leaf.sign, leaf.apart_min[0]
