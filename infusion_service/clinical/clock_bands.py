"""Alert bands that become true by themselves: for each, the moment it does, computed from the picture.

Promises: a closed form - no timer, no stored state; the same picture gives the same moments, so a service that was down
misses nothing and raises nothing twice. Does not: decide what is raised (`consequences`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from infusion_service.clinical import alert_definition as clocks
from infusion_service.clinical.alert_families import Family, Rung
from infusion_service.clinical.picture import Picture
from infusion_service.clinical.workflow import Workflow

_JUST_AFTER = timedelta(milliseconds=1)
"""The log's resolution: what must last *more than* a span is true one step after it."""


PICTURES_KEPT_MAX = 512
"""After each fact the same picture is asked twice: for what follows from it, and, once the whole batch is decided, for
when it changes by itself."""


@lru_cache(maxsize=PICTURES_KEPT_MAX)
def all_moments(
    picture: Picture, unconfirmed_since: datetime | None, workflow: Workflow
) -> dict[str, tuple[tuple[Rung, datetime], ...]]:
    """Return the `moments` of every family that has one, by its id. Not to be changed."""
    found: dict[str, tuple[tuple[Rung, datetime], ...]] = {}
    for family in workflow.clock_families:
        if picture.state in family.clock_states or unconfirmed_since is not None:
            reached = tuple(moments(family, picture, unconfirmed_since, workflow))
            if reached:
                found[family.id] = reached
    return found


def moments(
    family: Family, picture: Picture, unconfirmed_since: datetime | None, workflow: Workflow
) -> Iterator[tuple[Rung, datetime]]:
    """Yield each clock rung of a family with the moment it becomes (or became) true, unless a review has covered it."""
    reviewed = picture.reviewed.get(family.id)
    for rung in family.rungs:
        if rung.band.since is None:
            continue
        moment = _MOMENTS[type(rung.band.since)](rung.band.since, picture, unconfirmed_since, workflow)
        if moment is not None and (reviewed is None or moment > reviewed.at):
            yield rung, moment


def _since(picture: Picture, states: tuple[str, ...]) -> datetime | None:
    """When the present state was entered, if it is one of these."""
    return picture.entered.at if picture.entered is not None and picture.state in states else None


def _gap(clock: clocks.Gap, picture: Picture, _unconfirmed: datetime | None, _workflow: Workflow) -> datetime | None:
    entered = _since(picture, clock.states)
    if entered is None:
        return None
    readings = [picture.readings.get(sign) for sign in clock.signs]
    last = min((reading.at for reading in readings if reading is not None), default=None)
    if last is None or None in readings:
        last = entered
    return max(last + timedelta(minutes=clock.minutes), entered)


def _bag_expiry(
    clock: clocks.BagExpiry, picture: Picture, _unconfirmed: datetime | None, workflow: Workflow
) -> datetime | None:
    entered, bag = _since(picture, clock.states), picture.pump.bag
    if entered is None or bag is None:
        return None
    expires_at = bag.prepared_at + timedelta(hours=workflow.bag_valid_h(clock.guard))
    if clock.projected:
        end, since = picture.pump.projected_end(), picture.pump.running_since
        return since if end is not None and since is not None and end > expires_at else None
    return max(expires_at - timedelta(minutes=clock.before_min or 0), entered)


def _paused_for(
    clock: clocks.PausedFor, picture: Picture, _unconfirmed: datetime | None, workflow: Workflow
) -> datetime | None:
    if picture.entered is None or not workflow.states[picture.state or ""].paused:
        return None
    if clock.reasons and picture.pump.halt_reason not in clock.reasons:
        return None
    return picture.entered.at + timedelta(minutes=clock.minutes) + _JUST_AFTER


def _end_passed(
    clock: clocks.EndPassed, picture: Picture, _unconfirmed: datetime | None, workflow: Workflow
) -> datetime | None:
    end = picture.pump.projected_end()
    if end is None or not workflow.states[picture.state or ""].infusing:
        return None
    return end + timedelta(minutes=clock.minutes)


def _unconfirmed(
    clock: clocks.Unconfirmed, _picture: Picture, unconfirmed: datetime | None, _workflow: Workflow
) -> datetime | None:
    return None if unconfirmed is None else unconfirmed + timedelta(minutes=clock.minutes)


def grounds(rung: Rung, picture: Picture, unconfirmed: Mapping[str, datetime]) -> tuple[str, ...]:
    """Return the ids of the facts that a clock rung counts from."""
    clock, entered = rung.band.since, picture.entered
    if isinstance(clock, clocks.Unconfirmed):
        return tuple(id for id, since in unconfirmed.items() if since == min(unconfirmed.values()))
    places = [] if entered is None else [entered.pos]
    if isinstance(clock, clocks.Gap):
        read = [picture.readings[sign] for sign in clock.signs if sign in picture.readings]
        if len(read) == len(clock.signs):
            places = [min(read, key=lambda reading: reading.at).pos]
    elif isinstance(clock, clocks.BagExpiry | clocks.EndPassed) and picture.pump.running_since is not None:
        set_going = (fact for fact in picture.facts.backwards() if "rate_ml_per_h" in fact.data)
        places = [next(set_going).pos]
    bag = [picture.pump.bag.id] if isinstance(clock, clocks.BagExpiry) and picture.pump.bag is not None else []
    return (*bag, *(picture.facts[place].id for place in places))


_MOMENTS: dict[type, Callable[[Any, Picture, datetime | None, Workflow], datetime | None]] = {
    clocks.Gap: _gap,
    clocks.BagExpiry: _bag_expiry,
    clocks.PausedFor: _paused_for,
    clocks.EndPassed: _end_passed,
    clocks.Unconfirmed: _unconfirmed,
}
