"""Folds one fact into a clinical picture.

Promises: never refuses - a move that is not legal from here leaves the state and marks `picture.illegal`, which only
the judging of late facts looks at. Each handler does one thing a fact means. Does not: judge guards, read a clock, or
look at the order of the log.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from infusion_service.clinical.dose import Bag
from infusion_service.clinical.episodes import close_named, close_stop_class, judge
from infusion_service.clinical.evidence import reaches
from infusion_service.clinical.laboratory import compared
from infusion_service.clinical.picture import (
    ActiveSymptom,
    Entered,
    Fact,
    LabResult,
    Picture,
    Reading,
    ScoreResult,
    VitalSet,
)
from infusion_service.clinical.scores import ScoreTable
from infusion_service.clinical.signs import SignTable
from infusion_service.clinical.trail import Trail
from infusion_service.clinical.vocabulary import parse_time
from infusion_service.clinical.workflow import Workflow

NO_FACTS: Trail[Fact] = Trail()


def fold(picture: Picture, fact: Fact, workflow: Workflow) -> Picture:
    """Return the picture after one more fact."""
    after = picture.copy()
    fold_into(after, fact, workflow)
    return after


def fold_into(picture: Picture, fact: Fact, workflow: Workflow) -> None:
    """Fold a fact into a picture that nobody else holds."""
    pos = len(picture.facts)
    fact = Fact(fact.id, fact.type, fact.at, fact.data, fact.actor, pos, fact.rules, fact.received_at, fact.replaces)
    picture.facts = picture.facts.plus(fact)
    picture.by_type = {**picture.by_type, fact.type: (picture.by_type.get(fact.type) or NO_FACTS).plus(fact)}
    picture.last_at = fact.at
    meaning = workflow.meaning.get(fact.type)
    if meaning == "scheduling":
        _scheduled(picture, fact, workflow)
    elif workflow.table.moves(fact.type):
        _move(picture, fact, workflow)
    handler = _HANDLERS.get(meaning or "")
    if handler:
        handler(picture, fact, workflow)
    judge(picture, fact, workflow)


def _move(picture: Picture, fact: Fact, workflow: Workflow) -> None:
    if picture.state is None:
        picture.illegal = (*picture.illegal, fact)
        return
    on_the_date = is_on_the_date(picture, fact.at, workflow)
    target = workflow.table.target(picture.state, fact.type, fact.data, on_the_date=on_the_date)
    if target is None:
        if not workflow.facts[fact.type].move_optional:
            picture.illegal = (*picture.illegal, fact)
        return
    if target != picture.state:
        _enter(picture, target, fact)
    if workflow.states[target].terminal and picture.pump.running_since is not None:
        picture.pump = picture.pump.ended_by_terminal_state(fact.at)


def is_on_the_date(picture: Picture, moment: datetime, workflow: Workflow) -> bool:
    """Tell whether a moment lies on the calendar date of the day, ward time. A day that ran past midnight lasts until
    the end of the date on which it ended: who collapses at the door is still its patient."""
    today = picture.local_date(moment)
    if today == picture.day_date or picture.entered is None:
        return today == picture.day_date
    was_open = any(workflow.states[name].open for name in picture.entries_into)
    return was_open and today == picture.local_date(picture.entered.at)


def _enter(picture: Picture, state: str, fact: Fact) -> None:
    picture.state = state
    picture.entered = Entered(fact.at, fact.pos)
    picture.entries_into = {**picture.entries_into, state: picture.entered}


def _scheduled(picture: Picture, fact: Fact, workflow: Workflow) -> None:
    data = fact.data
    _enter(picture, workflow.initial, fact)
    picture.patient = data["patient"]
    picture.course_number = data["course"]
    picture.day_number = data["day"]
    picture.day_date = date.fromisoformat(data["date"])
    picture.zone = ZoneInfo(data.get("timezone", "UTC"))
    picture.cutoff = data.get("missed_cutoff", workflow.definition.time.missed_cutoff)
    picture.ward = data["ward"]
    picture.chair = data.get("chair", "")
    picture.deficits = frozenset(data.get("baseline_deficits", ()))
    picture.attested = tuple(data.get("attested_history", ()))
    _dose_planned(picture, fact, workflow)


def _dose_planned(picture: Picture, fact: Fact, _workflow: Workflow) -> None:
    dose, duration = fact.data.get("dose_mg"), fact.data.get("duration_min")
    picture.planned_dose_mg = picture.planned_dose_mg if dose is None else Decimal(dose)
    picture.planned_duration_min = picture.planned_duration_min if duration is None else int(duration)


def _day_moved(picture: Picture, fact: Fact, _workflow: Workflow) -> None:
    picture.ward = fact.data.get("ward", picture.ward)
    picture.chair = fact.data.get("chair", picture.chair)


def _checklist(picture: Picture, fact: Fact, _workflow: Workflow) -> None:
    items = {item["item"]: (item["result"], fact.at, item.get("evidence_on", "")) for item in fact.data["items"]}
    picture.checklist = {**picture.checklist, **items}


def _vital_signs(picture: Picture, fact: Fact, workflow: Workflow) -> None:
    kind, table = workflow.facts[fact.type], workflow.signs[fact.type]
    signs = table.read(fact.data)
    values = {name: sign.value for name, sign in signs.items()}
    complete = all(sign in values for sign in kind.complete_set)
    picture.readings = picture.readings | {sign: Reading(value, fact.at, fact.pos) for sign, value in values.items()}
    wakes = [sign.wakes for sign in signs.values() if sign.wakes]
    if complete:
        if picture.baseline is None and picture.local_date(fact.at) == picture.day_date:
            picture.baseline = values
        wakes.append(_score(picture, values, table, fact, workflow))
    vital = VitalSet(fact, values, complete, table.together(wakes))
    picture.vitals = picture.vitals.plus(vital)
    if complete:
        picture.last_complete = vital


def _score(
    picture: Picture, values: dict[str, Any], table: SignTable, fact: Fact, workflow: Workflow
) -> frozenset[str]:
    """Keep the scores of a complete set; return the families that one of them could open."""
    scores = dict(picture.scores)
    for name, score in workflow.scores.items():
        parts = score.points(_with_last_known(picture, score, values))
        if parts:
            total, known = sum(parts.values()), scores.get(name)
            before, first = (None, total) if known is None else (known.total, known.first)
            scores[name] = ScoreResult(total, parts, fact.pos, before, first)
    picture.scores = scores
    return frozenset(
        family_id
        for family_id, test in table.scores
        if (result := scores.get(test.score)) is not None and result.pos == fact.pos and reaches(test, result)
    )


def _with_last_known(picture: Picture, table: ScoreTable, values: dict[str, Any]) -> dict[str, Any]:
    """Return a set with what it leaves out as it was last charted: a patient on oxygen or on the second scale stays so
    until somebody says otherwise."""
    known = {sign: picture.readings[sign].value for sign in table.defaults if sign in picture.readings}
    return {**known, **values}


def _symptom(picture: Picture, fact: Fact, _workflow: Workflow) -> None:
    code = fact.data["code"]
    symptom = ActiveSymptom(code, fact.data.get("severity"), fact.at, fact.pos)
    picture.symptoms = {**picture.symptoms, code: symptom}


def _symptom_resolved(picture: Picture, fact: Fact, _workflow: Workflow) -> None:
    picture.symptoms = {code: symptom for code, symptom in picture.symptoms.items() if code != fact.data["code"]}


def _lab_resulted(picture: Picture, fact: Fact, workflow: Workflow) -> None:
    data = fact.data
    reference = data.get("reference_high")
    result = LabResult(
        compared(data["value"], workflow.definition, data),
        # No sample is younger than its result: one dated ahead would hide every later one.
        min(parse_time(data["sampled_at"]), fact.at),
        compared(reference, workflow.definition, data) if reference else None,
        fact.pos,
        fact.id,
    )
    picture.labs = {**picture.labs, data["analyte"]: (*picture.labs.get(data["analyte"], ()), result)}
    _lab_sampled(picture, fact, workflow)


def _lab_sampled(picture: Picture, fact: Fact, _workflow: Workflow) -> None:
    analyte, sampled_at = fact.data["analyte"], parse_time(fact.data["sampled_at"])
    picture.samples = {**picture.samples, analyte: (*picture.samples.get(analyte, ()), sampled_at)}


def _bag_prepared(picture: Picture, fact: Fact, _workflow: Workflow) -> None:
    data = fact.data
    bag = Bag(
        id=fact.id,
        product=data["product"],
        batch=data["batch"],
        vial_expires_on=data["vial_expires_on"],
        prepared_at=parse_time(data["prepared_at"]),
        volume_ml=Decimal(data["volume_ml"]),
        dose_mg=Decimal(data["dose_mg"]),
        replaces=fact.replaces,
    )
    picture.bags = {**picture.bags, fact.id: bag}
    if picture.pump.started_at is not None and picture.pump.bag is None:
        # The entry of the bag that hangs was struck: this is the one that takes its place, whenever it was charted.
        picture.pump = picture.pump.hung(bag)


def _bag_discarded(picture: Picture, fact: Fact, _workflow: Workflow) -> None:
    named = fact.data.get("bag")
    usable = [bag for bag in picture.bags.values() if not bag.discarded]
    gone = picture.bags.get(named) if named else (usable[-1] if usable else None)
    if gone is not None:
        picture.bags = {**picture.bags, gone.id: gone.as_discarded()}


def bag_for_start(picture: Picture, named: str | None) -> Bag | None:
    """Return the bag that an infusion starts with: the one named, else the only one open; None when that is unclear."""
    usable = [bag for bag in picture.bags.values() if not bag.discarded]
    if named:
        return next((bag for bag in usable if named in (bag.id, bag.replaces)), None)
    return usable[0] if len(usable) == 1 else None


def bag_of(picture: Picture, named: str | None) -> Bag | None:
    """Return the bag that a fact is about: the one it names, else the one that hangs, else the only one open."""
    if named or picture.pump.started_at is None:
        return bag_for_start(picture, named)
    return picture.pump.bag


def all_dose_mg(picture: Picture) -> Decimal:
    """Return the dose of the day's bags together: of a discarded one what it had given."""
    usable = sum((bag.dose_mg for bag in picture.bags.values() if not bag.discarded), Decimal(0))
    return sum((bag.given_mg for bag in picture.pump.taken_down if picture.bags[bag.bag_id].discarded), usable)


def hung_ml(picture: Picture) -> Decimal:
    """Return the volume of the bags that have hung: of a discarded one that another followed what it had given."""
    present = picture.pump.bag.volume_ml if picture.pump.bag else Decimal(0)
    before = picture.pump.taken_down
    return sum((bag.given_ml if picture.bags[bag.bag_id].discarded else bag.volume_ml for bag in before), present)


def _pump_started(picture: Picture, fact: Fact, _workflow: Workflow) -> None:
    rate = Decimal(fact.data["rate_ml_per_h"])
    picture.pump = picture.pump.run(fact.at, rate, bag_for_start(picture, fact.data.get("bag")))


def _pump_rate_changed(picture: Picture, fact: Fact, _workflow: Workflow) -> None:
    named = fact.data.get("bag")
    bag = bag_for_start(picture, named) if named else None
    picture.pump = picture.pump.run(fact.at, Decimal(fact.data["rate_ml_per_h"]), bag)


def _pump_paused(picture: Picture, fact: Fact, _workflow: Workflow) -> None:
    picture.pump = picture.pump.halt(fact.at, fact.data["reason"])


def _pump_alarm(picture: Picture, fact: Fact, _workflow: Workflow) -> None:
    if fact.data["flow_stopped"] and picture.pump.running_since is not None:
        picture.pump = picture.pump.halt(fact.at, "technical")


def _pump_stopped(picture: Picture, fact: Fact, _workflow: Workflow) -> None:
    picture.pump = picture.pump.halt(fact.at, fact.data["reason"]).stating(_stated(fact))


def _pump_completed(picture: Picture, fact: Fact, _workflow: Workflow) -> None:
    picture.pump = picture.pump.halt(fact.at, "completed", status="idle").stating(_stated(fact))


def _stated(fact: Fact) -> Decimal | None:
    stated = fact.data.get("volume_delivered_ml")
    return None if stated is None else Decimal(stated)


def _flush_started(picture: Picture, fact: Fact, _workflow: Workflow) -> None:
    picture.flush_started_at = fact.at
    picture.flush_ended_at = None


def _flush_ended(picture: Picture, fact: Fact, _workflow: Workflow) -> None:
    picture.flush_ended_at = fact.at


def _baseline(picture: Picture, fact: Fact, _workflow: Workflow) -> None:
    picture.deficits = picture.deficits | frozenset(fact.data["deficits"])


def _baseline_fixed(picture: Picture, fact: Fact, workflow: Workflow) -> None:
    """What is abnormal when the screening is passed joins the patient's baseline."""
    if fact in picture.illegal[-1:]:
        return
    known = set(workflow.baseline_items.values())
    items = {workflow.baseline_items[code] for code in picture.symptoms if code in workflow.baseline_items}
    for name in workflow.of_meaning("neuro_check"):
        check = picture.last(name)
        if check is not None:
            items |= {item for item in known if check.data.get(item) is True}
    picture.deficits = picture.deficits | items
    picture.baseline_pos = fact.pos


def _review(picture: Picture, fact: Fact, workflow: Workflow) -> None:
    close_named(picture, fact, workflow)


def _stood_down(picture: Picture, fact: Fact, workflow: Workflow) -> None:
    close_stop_class(picture, fact, workflow)


_HANDLERS: dict[str, Callable[[Picture, Fact, Workflow], None]] = {
    "day_moved": _day_moved,
    "checklist": _checklist,
    "dose_planned": _dose_planned,
    "vital_signs": _vital_signs,
    "symptom": _symptom,
    "symptom_resolved": _symptom_resolved,
    "lab_resulted": _lab_resulted,
    "lab_sampled": _lab_sampled,
    "bag_prepared": _bag_prepared,
    "bag_discarded": _bag_discarded,
    "pump_started": _pump_started,
    "pump_rate_changed": _pump_rate_changed,
    "pump_paused": _pump_paused,
    "pump_resumed": _pump_rate_changed,
    "pump_stopped": _pump_stopped,
    "pump_completed": _pump_completed,
    "pump_alarm": _pump_alarm,
    "flush_started": _flush_started,
    "flush_ended": _flush_ended,
    "baseline": _baseline,
    "baseline_fixed": _baseline_fixed,
    "review": _review,
    "stood_down": _stood_down,
}
