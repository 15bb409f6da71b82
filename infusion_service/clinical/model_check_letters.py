"""The alphabet of the model check: for each fact its plainest representative, and variations by what facts mean.

Promises: every letter follows from the definition - fields, codes, limits, meanings. Does not: know which letters a
guard (`model_check_guards`) or a property (`model_check_slice`) needs, or fill in what depends on the situation
(`model_check_world`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from typing import Any

from infusion_service.clinical import guard_definition as guards
from infusion_service.clinical.definition import FactType, Field
from infusion_service.clinical.dose import MINUTES_PER_HOUR
from infusion_service.clinical.guard_definition import Guard
from infusion_service.clinical.laboratory import unit_of_rules
from infusion_service.clinical.model_check_values import (
    A_TEXT,
    LEFT_OUT,
    Alerts,
    BagId,
    BagRate,
    BagVolume,
    MonthsAgo,
    Now,
    PlanDose,
    PlanRate,
    Standing,
    Today,
    plain_code,
    plain_number,
    unit,
    written,
)
from infusion_service.clinical.safety_definition import RateTest
from infusion_service.clinical.vocabulary import CLINICAL_ROLES
from infusion_service.clinical.workflow import Workflow

VIAL_LASTS_DAYS = 30
DAYS_PER_WEEK = 7
ROUND_RATE = Decimal(10)
"""A bag of the model runs at this many millilitres an hour when it runs as planned."""
NOT_FINE = ("present", "not_applicable")
DEVICE = "device"
A_PATIENT = "P-1"
CLINICIANS = tuple(role for role in CLINICAL_ROLES if role != DEVICE)


@dataclass(frozen=True, slots=True, eq=False)
class Letter:
    """One representative fact. `second_role` is who stands beside, so many minutes before; empty: nobody."""

    fact_type: str
    data: Mapping[str, Any]
    role: str
    second_role: str = ""
    second_min_before: int = 0

    def saying(self, **values: Any) -> Letter:
        """Return this letter with some fields said otherwise or left out."""
        data = {**self.data, **values}
        return replace(self, data={name: value for name, value in data.items() if value != LEFT_OUT})


class Alphabet:
    """The letters of one workflow."""

    def __init__(self, workflow: Workflow) -> None:
        """Prepare for a workflow; letters are made when they are asked for."""
        self.workflow = workflow
        self._plain: dict[str, Letter] = {}
        self._wanted_true = {
            (name, guard.field)
            for guard in workflow.definition.guards
            if isinstance(guard, guards.FieldTrue)
            for name in guard.on
        }

    def field(self, fact_type: str, name: str) -> Field | None:
        """Return a field of a fact, None when it has none of that name."""
        fact = self.workflow.facts.get(fact_type)
        return None if fact is None else fact.fields.get(name)

    def codes(self, fact_type: str, name: str) -> tuple[str, ...]:
        """Return the codes of a choice."""
        field = self.field(fact_type, name)
        return () if field is None else field.of

    def plain(self, fact_type: str) -> Letter:
        """Return the plainest letter of a fact: everything required, nothing remarkable, by the first who may."""
        if fact_type not in self._plain:
            fact = self.workflow.facts[fact_type]
            role = next((role for role in fact.by if role != DEVICE), fact.by[0] if fact.by else "")
            second = role if fact.second == "independent" else ""
            data = dict(self._plain_fields(fact_type, fact))
            data |= {name: self._plain_value(fact_type, name, fact.fields[name]) for name in _still_needed(fact, data)}
            self._plain[fact_type] = Letter(fact_type, data, role, second)
        return self._plain[fact_type]

    def _plain_fields(self, fact_type: str, fact: FactType) -> Iterator[tuple[str, Any]]:
        for name, field in fact.fields.items():
            meant = _MEANT.get((fact.means, name)) or _MEANT.get((None, name))
            wanted = not field.optional or name in fact.complete_set or (fact_type, name) in self._wanted_true
            if meant is not None:
                yield name, meant(self, field)
            elif wanted:
                yield name, self._plain_value(fact_type, name, field)

    def _plain_value(self, fact_type: str, name: str, field: Field) -> Any:
        definition = self.workflow.definition
        if field.type in ("integer", "decimal"):
            return plain_number(definition, fact_type, name, field)
        if field.type == "choice":
            return plain_code(definition, fact_type, name, field)
        if field.type == "boolean":
            return (fact_type, name) in self._wanted_true
        return self._members(field) if field.type == "object" else _ANY_VALUE[field.type]

    def _members(self, field: Field, *without: str) -> dict[str, Any]:
        """Return plain values for what an object, or each item of a list, must hold."""
        wanted = {name: member for name, member in field.fields.items() if not member.optional and name not in without}
        return {name: member.of[0] if member.of else _ANY_VALUE[member.type] for name, member in wanted.items()}

    def items(self, field: Field, **results: str) -> list[dict[str, Any]]:
        """Return one item of each code, fine unless `results` says otherwise (`LEFT_OUT`: not there)."""
        fine = next(code for code in field.fields["result"].of if code not in NOT_FINE)
        rest = self._members(field, "item", "result")
        told = {item: results.get(item, fine) for item in field.fields["item"].of}
        return [{**rest, "item": item, "result": result} for item, result in told.items() if result != LEFT_OUT]

    def schedule(self, course: int, day: int, *, days_later: int = 0, last_infusion_on: Any = None) -> Letter:
        """Return the scheduling of a day; the course before it, or the infusion before it where days of a course lie
        apart, is attested where the fact has a field for that."""
        name = self.workflow.only_of_meaning("scheduling")
        letter = self.plain(name).saying(course=course, day=day, date=Today(days_later), patient={"id": A_PATIENT})
        field = self.field(name, "attested_history")
        if field is None:
            return letter
        attested = []
        if course > 1:
            before = last_infusion_on if day == 1 else None
            attested.append({"course": course - 1, "last_infusion_on": before or self._long_enough_ago()})
        if day > 1 and (self.days_apart or last_infusion_on is not None):
            since = last_infusion_on or MonthsAgo(0, -self.days_apart)
            given = {"infusions_given": day - 1} if "infusions_given" in field.fields else {}
            attested.append({"course": course, "last_infusion_on": since, **given})
        members = self._members(field)
        return letter.saying(attested_history=[{**members, **item} for item in attested]) if attested else letter

    @property
    def days_apart(self) -> int:
        """How many days the rules want between two days of a course, at most; 0 where no rule wants any."""
        rules = (rule for rule in self.workflow.definition.course_rules if isinstance(rule, guards.DayInterval))
        return max((days for rule in rules for days in rule.days.values()), default=0)

    def _long_enough_ago(self) -> MonthsAgo:
        rules = [rule for rule in self.workflow.definition.course_rules if isinstance(rule, guards.CourseInterval)]
        days = max(((rule.weeks or 0) * DAYS_PER_WEEK + (rule.days or 0) for rule in rules), default=0)
        return MonthsAgo(max((rule.months or 0 for rule in rules), default=0) + 1, -days)

    def meaning(self, *meanings: Any) -> Iterator[Letter]:
        """Yield the plain letters of the facts that mean one of these and that people may post."""
        for name in self.workflow.of_meaning(*meanings):
            if self.workflow.facts[name].by:
                yield self.plain(name)

    def override(self, guard: Guard) -> Letter | None:
        """Return the override of a guard with whoever must consent, None where nobody may grant one."""
        if guard.override is None:
            return None
        second = "" if guard.override.alone else (guard.override.consent or CLINICIANS)[0]
        for plain in self.meaning("override"):
            return replace(plain.saying(guard=guard.id), role=guard.override.by[0], second_role=second)
        return None

    def overrides(self) -> Iterator[Letter]:
        """Yield an override of every guard, also of those that nobody may override."""
        for guard in self.workflow.guards.values():
            granted = self.override(guard)
            if granted is not None:
                yield granted
                continue
            for plain in self.meaning("override"):
                others = (role for role in CLINICIANS if role != plain.role)
                yield replace(plain.saying(guard=guard.id), second_role=next(others))

    def strike(self, fact_type: str) -> Letter | None:
        """Return the strike of the latest standing fact of a type."""
        for plain in self.meaning("strike"):
            by = self.workflow.facts[plain.fact_type].by
            role = next((role for role in by if role in ("charge_nurse", "prescriber")), plain.role)
            return replace(plain.saying(entry=Standing((fact_type,))), role=role)
        return None

    def checklists(self, items: tuple[str, ...]) -> Iterator[Letter]:
        """Yield checklists in which one of the items is not there, or has a result that is not fine."""
        for letter in self.meaning("checklist"):
            field = self.workflow.facts[letter.fact_type].fields["items"]
            for item in items:
                for result in (LEFT_OUT, *NOT_FINE):
                    yield letter.saying(items=self.items(field, **{item: result}))

    def bags(self, dose_mg: Decimal | PlanDose | None, minutes: tuple[int, ...]) -> Iterator[Letter]:
        """Yield bags with another dose, an expired vial, or prepared so many minutes ago, and the discarding of one."""
        for letter in self.meaning("bag_prepared"):
            field = self.workflow.facts[letter.fact_type].fields["dose_mg"]
            yield from (letter.saying(dose_mg=dose) for dose in _doses_beside(dose_mg, field))
            for days in () if dose_mg is None else (-1, 0):
                yield letter.saying(vial_expires_on=Today(days))
            for ago in minutes:
                yield from (letter.saying(prepared_at=Now(by - ago)) for by in (0, 1))
        yield from self.meaning("bag_discarded")

    def decisions(self) -> Iterator[Letter]:
        """Yield a review with each decision there is."""
        for review in self.meaning("review"):
            yield from (review.saying(decision=code) for code in self.codes(review.fact_type, "decision"))

    def diagnoses(self) -> Iterator[Letter]:
        """Yield each diagnosis that stops the course for ever, with each status."""
        for letter in self.meaning("diagnosis"):
            for code in self.workflow.definition.course_flags.permanent_diagnoses:
                statuses = self.codes(letter.fact_type, "status")
                yield from (letter.saying(code=code, status=status) for status in statuses)

    def rates(self, fact_type: str, factor: Decimal) -> Iterator[Letter]:
        """Yield the fact at so many times the planned rate, just above it, and at no rate at all."""
        if self.field(fact_type, "rate_ml_per_h") is not None:
            for rate in (PlanRate(factor), PlanRate(factor, above=True), 0):
                yield self.plain(fact_type).saying(rate_ml_per_h=rate)

    def rates_beside(self, fact_type: str, leaf: RateTest) -> Iterator[Letter]:
        """Yield the fact at the limits that a test names, and just above them."""
        field = self.field(fact_type, "rate_ml_per_h")
        for above in (False, True) if field is not None else ():
            if leaf.above_ml_per_h is not None and field is not None:
                rate = leaf.above_ml_per_h + (unit(field) if above else 0)
                yield self.plain(fact_type).saying(rate_ml_per_h=written(rate, field))
            if leaf.above_mg_per_h is not None:
                yield self.plain(fact_type).saying(rate_ml_per_h=BagRate(leaf.above_mg_per_h, above=above))

    def volumes(self, fact_type: str, percent: Decimal) -> Iterator[Letter]:
        """Yield the fact with so much of the bag stated as delivered, with less, and with nothing stated."""
        if self.field(fact_type, "volume_delivered_ml") is not None:
            for volume in (BagVolume(percent), BagVolume(percent - 1), LEFT_OUT):
                yield self.plain(fact_type).saying(volume_delivered_ml=volume)


def _doses_beside(dose_mg: Decimal | PlanDose | None, field: Field) -> tuple[Any, ...]:
    if isinstance(dose_mg, Decimal):
        return (written(dose_mg, field), written(dose_mg + unit(field), field))
    return () if dose_mg is None else (PlanDose(), PlanDose(above=True))


def _still_needed(fact: FactType, data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the optional fields without which what is said already would be refused."""
    if fact.at_least_one_of and data.keys().isdisjoint(fact.at_least_one_of):
        yield fact.at_least_one_of[0]
    for name, wanted in fact.needs.items():
        yield from (other for other, values in wanted.items() if data.get(name) in values and other not in data)


_ANY_VALUE: dict[str, Any] = {
    "text": A_TEXT,
    "integer": 1,
    "decimal": "1",
    "boolean": False,
    "time": Now(),
    "date": Today(),
    "id": Standing(()),
    "texts": [],
    "choices": [],
    "ids": [],
    "list": [],
    "object": {},
}
"""Values of a type where no rule reads them."""


def _bag_volume(alphabet: Alphabet, field: Field) -> int | str:
    lasts_min = alphabet.workflow.definition.plan.duration_min or MINUTES_PER_HOUR
    volume = (ROUND_RATE * lasts_min / MINUTES_PER_HOUR).quantize(unit(field), rounding=ROUND_DOWN)
    return written(volume if field.at_most is None else min(volume, field.at_most), field)


def _lifting(alphabet: Alphabet, field: Field) -> str:
    lifting = alphabet.workflow.definition.course_flags.lift_decisions
    return next((code for code in field.of if code in lifting), field.of[0])


def _analyte(alphabet: Alphabet, _field: Field) -> str:
    definition = alphabet.workflow.definition
    drawn = [guard.analyte for guard in definition.guards if isinstance(guard, guards.SampledAfterInfusion)]
    return next(iter(drawn), A_TEXT)


def _unit(alphabet: Alphabet, field: Field) -> str:
    return unit_of_rules(alphabet.workflow.definition, _analyte(alphabet, field)) or A_TEXT


def _valid_minutes(_alphabet: Alphabet, field: Field) -> int:
    return int(field.at_most) if field.at_most is not None else MINUTES_PER_HOUR


_MEANT: dict[tuple[str | None, str], Callable[[Alphabet, Field], Any]] = {
    (None, "rate_ml_per_h"): lambda *_: PlanRate(Decimal(1)),
    ("pump_completed", "volume_delivered_ml"): lambda *_: BagVolume(Decimal(100)),
    ("pump_started", "bag"): lambda *_: BagId(needed_only=True),
    ("bag_prepared", "volume_ml"): _bag_volume,
    ("bag_prepared", "dose_mg"): lambda *_: PlanDose(),
    ("bag_prepared", "vial_expires_on"): lambda *_: Today(VIAL_LASTS_DAYS),
    ("checklist", "items"): lambda alphabet, field: alphabet.items(field),
    ("review", "alerts"): lambda *_: Alerts(),
    ("review", "decision"): _lifting,
    ("acknowledgement", "alert"): lambda *_: Alerts(one=True),
    ("lab_sampled", "analyte"): _analyte,
    ("lab_resulted", "analyte"): _analyte,
    ("lab_resulted", "unit"): _unit,
    ("medication_given", "ended_at"): lambda *_: Now(),
    ("override", "valid_minutes"): _valid_minutes,
}
"""Fields that the core knows by what their fact means, and what they say on an unremarkable day."""
