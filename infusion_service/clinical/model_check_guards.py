"""What the model check knows of each kind of guard: what it looks at, what satisfies it, what lies on its limits.

Promises: one entry per kind in each table; a kind that is missing is met by luck alone (a test compares the tables with
the kinds there are). Does not: judge; the real guards do that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from infusion_service.clinical import guard_definition as guards
from infusion_service.clinical.dose import MINUTES_PER_HOUR
from infusion_service.clinical.guard_definition import Guard
from infusion_service.clinical.model_check_letters import Alphabet, Letter
from infusion_service.clinical.model_check_values import LEFT_OUT, LONG_AGO_MIN, Now, PlanDose, unit, written
from infusion_service.clinical.model_check_world import World
from infusion_service.clinical.picture import observation_anchor
from infusion_service.clinical.plan import plan_of
from infusion_service.clinical.vocabulary import parse_time
from infusion_service.clinical.workflow import Workflow

ALERTS, RATE, VOLUME, SECOND, COURSE, ORDINAL = "@alerts", "@rate", "@volume", "@second", "@course", "@ordinal"
"""Things that guards and properties look at beside facts of a type."""
SAYS = "@says:"
"""Followed by the field of the fact itself."""

PUMP = (
    "pump_started",
    "pump_rate_changed",
    "pump_paused",
    "pump_resumed",
    "pump_stopped",
    "pump_completed",
    "pump_alarm",
)
BAG = ("bag_prepared", "bag_discarded")


def touched(guard: Guard, workflow: Workflow) -> frozenset[str]:
    """Return what a guard looks at: types of fact, and the things named above."""
    meanings, things = _LOOKS_AT.get(type(guard), ((), ()))
    more: tuple[str, ...] = ()
    match guard:
        case guards.RecordedToday():
            more = (*guard.facts, *(workflow.of_meaning("vital_signs") if guard.complete_set else ()))
        case guards.ReadingBelow():
            more = (ALERTS,) if guard.alerts_closed else ()
        case guards.FieldTrue():
            more = (SAYS + guard.field,)
        case _:
            pass
    return frozenset((*workflow.of_meaning(*meanings), *things, *more))


_LOOKS_AT: dict[type, tuple[tuple[Any, ...], tuple[str, ...]]] = {
    guards.Checklist: (("checklist",), ()),
    guards.RecordedToday: ((), ()),
    guards.ReadingBelow: (("vital_signs",), ()),
    guards.MedicationGiven: (("medication_given", "medication_declined"), ()),
    guards.BagIdentified: ((*BAG, "dose_planned"), ()),
    guards.BagInDate: (BAG, ()),
    guards.SecondPerson: ((), (SECOND,)),
    guards.CourseOpen: ((), (COURSE,)),
    guards.CompleteSetWithin: (("vital_signs",), ()),
    guards.NoOpenAlert: ((), (ALERTS,)),
    guards.RateWithinPlan: ((), (RATE,)),
    guards.ResumeAuthorised: (("review", "pump_paused", "pump_alarm"), ()),
    guards.VolumeDelivered: ((), (VOLUME,)),
    guards.ObservedFor: ((*PUMP, "flush_started", "flush_ended"), ()),
    guards.SampledAfterInfusion: (("lab_sampled", "lab_resulted"), ()),
    guards.ReviewSays: (("review",), ()),
    guards.FieldTrue: ((), ()),
}


def satisfying(guard: Guard, alphabet: Alphabet) -> Iterator[Letter]:
    """Yield letters that may make a failing guard pass, the straightest way first."""
    ways = _SATISFYING.get(type(guard))
    if ways is not None:
        yield from ways(guard, alphabet)


def _recorded(guard: guards.RecordedToday, alphabet: Alphabet) -> Iterator[Letter]:
    yield from (alphabet.plain(name) for name in guard.facts)
    if guard.complete_set:
        yield from alphabet.meaning("vital_signs")


def _readings(guard: guards.ReadingBelow, alphabet: Alphabet) -> Iterator[Letter]:
    yield from alphabet.meaning("vital_signs")
    if guard.alerts_closed:
        yield from alphabet.meaning("review")


def _medications(guard: guards.MedicationGiven, alphabet: Alphabet) -> Iterator[Letter]:
    ways = ("medication_given", "medication_declined") if guard.or_declined else ("medication_given",)
    yield from (letter.saying(**{"class": guard.medication_class}) for letter in alphabet.meaning(*ways))


def _samples(guard: guards.SampledAfterInfusion, alphabet: Alphabet) -> Iterator[Letter]:
    sampled = alphabet.meaning("lab_sampled", "lab_resulted")
    yield from (letter.saying(analyte=guard.analyte) for letter in sampled)


def _reviews_saying(field: str, alphabet: Alphabet, *, value: bool) -> Iterator[Letter]:
    yield from (review.saying(**{field: value}) for review in alphabet.meaning("review"))


def _of_meanings(*meanings: str) -> Callable[[Guard, Alphabet], Iterator[Letter]]:
    return lambda _guard, alphabet: alphabet.meaning(*meanings)


_SATISFYING: dict[type, Callable[[Any, Alphabet], Iterator[Letter]]] = {
    guards.Checklist: _of_meanings("checklist"),
    guards.RecordedToday: _recorded,
    guards.ReadingBelow: _readings,
    guards.MedicationGiven: _medications,
    guards.BagIdentified: _of_meanings("dose_planned", *BAG),
    guards.BagInDate: _of_meanings(*BAG),
    guards.CourseOpen: _of_meanings("review"),
    guards.CompleteSetWithin: _of_meanings("vital_signs"),
    guards.NoOpenAlert: _of_meanings("review", "vital_signs", "neuro_check", "symptom_resolved"),
    guards.ResumeAuthorised: lambda _guard, alphabet: _reviews_saying("authorises_resume", alphabet, value=True),
    guards.ObservedFor: _of_meanings("flush_ended"),
    guards.SampledAfterInfusion: _samples,
    guards.ReviewSays: lambda guard, alphabet: _reviews_saying(guard.field, alphabet, value=True),
}


def on_either_side(guard: Guard, fact_type: str, alphabet: Alphabet) -> Iterator[Letter]:
    """Yield letters on either side of what a guard asks for."""
    sides = _SIDES.get(type(guard))
    if sides is not None:
        yield from sides(guard, fact_type, alphabet)


def _pressures(guard: guards.ReadingBelow, _fact_type: str, alphabet: Alphabet) -> Iterator[Letter]:
    for vitals in alphabet.meaning("vital_signs"):
        for sign, limit in guard.below.items():
            field = alphabet.field(vitals.fact_type, sign)
            if field is not None:
                yield vitals.saying(**{sign: written(limit, field)})
                yield vitals.saying(**{sign: written(limit - unit(field), field)})


def _unfinished(guard: guards.MedicationGiven, _fact_type: str, alphabet: Alphabet) -> Iterator[Letter]:
    for given in _medications(guard, alphabet):
        if "ended_at" in given.data:
            yield given.saying(ended_at=LEFT_OUT)
            yield given.saying(ended_at=Now(MINUTES_PER_HOUR))


def _early_samples(guard: guards.SampledAfterInfusion, _fact_type: str, alphabet: Alphabet) -> Iterator[Letter]:
    yield from (letter.saying(sampled_at=Now(-LONG_AGO_MIN)) for letter in _samples(guard, alphabet))


def _authorisations(_guard: guards.ResumeAuthorised, _fact_type: str, alphabet: Alphabet) -> Iterator[Letter]:
    yield from _reviews_saying("authorises_resume", alphabet, value=False)
    yield from alphabet.decisions()


def _course(_guard: guards.CourseOpen, _fact_type: str, alphabet: Alphabet) -> Iterator[Letter]:
    yield from alphabet.decisions()
    yield from alphabet.diagnoses()


_SIDES: dict[type, Callable[[Any, str, Alphabet], Iterator[Letter]]] = {
    guards.Checklist: lambda guard, _fact, alphabet: alphabet.checklists(guard.items),
    guards.ReadingBelow: _pressures,
    guards.MedicationGiven: _unfinished,
    guards.BagIdentified: lambda _guard, _fact, alphabet: alphabet.bags(PlanDose(), ()),
    guards.BagInDate: lambda guard, _fact, alphabet: alphabet.bags(None, (guard.valid_h * MINUTES_PER_HOUR,)),
    guards.CourseOpen: _course,
    guards.ResumeAuthorised: _authorisations,
    guards.ObservedFor: lambda _guard, _fact, alphabet: alphabet.meaning("flush_started", "flush_ended"),
    guards.SampledAfterInfusion: _early_samples,
    guards.ReviewSays: lambda guard, _fact, alphabet: _reviews_saying(guard.field, alphabet, value=False),
    guards.RateWithinPlan: lambda guard, fact, alphabet: alphabet.rates(fact, guard.factor),
    guards.VolumeDelivered: lambda guard, fact, alphabet: alphabet.volumes(fact, guard.percent),
    guards.FieldTrue: lambda guard, fact, alphabet: iter((alphabet.plain(fact).saying(**{guard.field: False}),)),
}


def turning(guard: Guard, fact_type: str, world: World) -> Iterator[datetime]:
    """Yield the moments at which a guard changes its mind by the passing of time alone."""
    turns = _TURNING.get(type(guard))
    if turns is not None:
        yield from turns(guard, fact_type, world)


def _set_ages(guard: guards.CompleteSetWithin, fact_type: str, world: World) -> Iterator[datetime]:
    last = world.day.picture.last_complete
    if last is not None:
        yield last.fact.at + timedelta(minutes=guard.within_min[fact_type])


def _bags_expire(guard: guards.BagInDate, _fact_type: str, world: World) -> Iterator[datetime]:
    yield from (bag.prepared_at + timedelta(hours=guard.valid_h) for bag in world.day.picture.bags.values())


def _observation_ends(guard: guards.ObservedFor, _fact_type: str, world: World) -> Iterator[datetime]:
    anchor = observation_anchor(world.day.picture)
    if anchor is not None:
        yield anchor + timedelta(minutes=guard.minimum_min)


def _pause_grows_long(guard: guards.ResumeAuthorised, _fact_type: str, world: World) -> Iterator[datetime]:
    entered = world.day.picture.entered
    if entered is not None:
        yield entered.at + timedelta(minutes=guard.free_min)


def _medication_ends(guard: guards.MedicationGiven, _fact_type: str, world: World) -> Iterator[datetime]:
    for name in world.workflow.of_meaning("medication_given"):
        given = world.day.picture.of_type(name)
        ends = [parse_time(fact.data["ended_at"]) for fact in given if "ended_at" in fact.data]
        yield from ends
        for minutes in () if guard.before_min is None else (guard.before_min,):
            taken = ends if guard.finished else [fact.at for fact in given]
            yield from (moment + timedelta(minutes=minutes) for moment in taken)


def _step_begins(_guard: guards.RateWithinPlan, _fact_type: str, world: World) -> Iterator[datetime]:
    pump = world.day.picture.pump
    if pump.running_since is not None:
        ran = timedelta(milliseconds=pump.running_ms(world.now))
        for step in plan_of(world.day.picture, world.ordinal, world.workflow).rates:
            yield world.now + timedelta(minutes=step.from_min) - ran


def _bag_runs_empty(_guard: guards.VolumeDelivered, _fact_type: str, world: World) -> Iterator[datetime]:
    end = world.day.picture.pump.projected_end()
    if end is not None:
        yield end


_TURNING: dict[type, Callable[[Any, str, World], Iterator[datetime]]] = {
    guards.CompleteSetWithin: _set_ages,
    guards.BagInDate: _bags_expire,
    guards.ObservedFor: _observation_ends,
    guards.ResumeAuthorised: _pause_grows_long,
    guards.MedicationGiven: _medication_ends,
    guards.VolumeDelivered: _bag_runs_empty,
    guards.RateWithinPlan: _step_begins,
}
