"""Representative values for the fields of facts, chosen from the definition alone.

Promises: a plain value is one that as few rules as possible compare with something, so that an unremarkable day can be
made of plain values; a value for a condition lies just on its limit, one against it just beside. Values that depend on
the situation (a time, a bag, the open alerts) are left as markers for `model_check_world` to fill in. Does not: know
any product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any

from infusion_service.clinical import alert_definition as alerts
from infusion_service.clinical import guard_definition as guards
from infusion_service.clinical.alert_families import leaves_of
from infusion_service.clinical.definition import Field, WorkflowFile
from infusion_service.clinical.facts import shortest
from infusion_service.clinical.safety_definition import Condition

LONG_AGO_MIN = 24 * 60
A_TEXT = "stated"
LARGEST = Decimal(1000)
"""Stands for "no upper limit" where a number has none."""


@dataclass(frozen=True, slots=True)
class Now:
    """The moment of posting, moved by so many minutes."""

    minutes: int = 0


@dataclass(frozen=True, slots=True)
class Today:
    """The date of the day, moved by so many days."""

    days: int = 0


@dataclass(frozen=True, slots=True)
class MonthsAgo:
    """The date so many calendar months before the day's, moved by so many days."""

    months: int
    days: int = 0


@dataclass(frozen=True, slots=True)
class PlanRate:
    """So many times the planned rate of the bag; with `above`, one unit of the field's last place more."""

    factor: Decimal
    above: bool = False


@dataclass(frozen=True, slots=True)
class BagRate:
    """The rate at which the bag gives so many milligrams an hour; with `above`, one unit of the field's last place
    more."""

    mg_per_h: Decimal
    above: bool = False


@dataclass(frozen=True, slots=True)
class PlanDose:
    """The dose planned for the day; with `above`, one unit of the field's last place more."""

    above: bool = False


@dataclass(frozen=True, slots=True)
class BagVolume:
    """So many per cent of the bag."""

    percent: Decimal


@dataclass(frozen=True, slots=True)
class Standing:
    """The id of the latest standing fact of one of these types."""

    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BagId:
    """The id of the n-th bag charted, discarded or not; with `needed_only`, of the last open one where several are."""

    index: int = -1
    needed_only: bool = False


@dataclass(frozen=True, slots=True)
class Alerts:
    """The ids of the open alerts; with `one`, the id of the first of them."""

    one: bool = False


LEFT_OUT = "\x00 left out"
"""In place of a value: the field is not there."""


def unit(field: Field) -> Decimal:
    """Return the smallest step of a number field."""
    return Decimal(1).scaleb(-field.scale) if field.type == "decimal" else Decimal(1)


def written(number: Decimal, field: Field) -> int | str:
    """Return a number as a fact carries it."""
    return int(number) if field.type == "integer" else shortest(number)


def plain_number(definition: WorkflowFile, fact_type: str, name: str, field: Field) -> int | str:
    """Return a number that the fewest rules remark on, from the middle of those where that is one of them."""
    lowest, highest = _range_of(field)
    remarks = list(_remarks(definition, fact_type, name))
    step = unit(field)
    candidates = {lowest, highest, min(max(Decimal(1), lowest), highest)}
    for low, high, _weight in remarks:
        candidates |= {limit + by for limit in (low, high) if limit is not None for by in (-step, Decimal(0), step)}
    inside = sorted(value for value in candidates if lowest <= value <= highest)

    def remarked(value: Decimal) -> int:
        return sum(weight for low, high, weight in remarks if _between(value, low, high))

    least = min(remarked(value) for value in inside)
    best = [value for value in inside if remarked(value) == least]
    if not remarks:
        return written(min(max(Decimal(1), lowest), highest), field)
    middle = ((best[0] + best[-1]) / 2).quantize(step, rounding=ROUND_DOWN)
    return written(middle if remarked(middle) == least else best[len(best) // 2], field)


def _range_of(field: Field) -> tuple[Decimal, Decimal]:
    bounds = field.soft or field.hard
    if bounds is not None:
        return bounds
    lowest = field.at_least if field.at_least is not None else Decimal(0)
    if field.above is not None:
        lowest = field.above + unit(field)
    return lowest, field.at_most if field.at_most is not None else max(LARGEST, lowest)


_Remark = tuple[Decimal | None, Decimal | None, int]
"""Lower end, upper end (both included or nearly so), weight."""


def _between(value: Decimal, low: Decimal | None, high: Decimal | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def _remarks(definition: WorkflowFile, fact_type: str, name: str) -> Iterator[_Remark]:
    """Yield the ranges of a field in which some rule of the file says something."""
    meaning = definition.facts[fact_type].means
    for leaf in _alert_leaves(definition):
        yield from _remarks_of(leaf, fact_type, name, meaning, definition)
    if meaning != "vital_signs":
        return
    for guard in definition.guards:
        if isinstance(guard, guards.ReadingBelow) and name in guard.below:
            yield guard.below[name], None, 1
    for score in definition.scores.values():
        for row in _rows_of(score, name):
            if row.points and all(score.defaults.get(sign, value) == value for sign, value in row.when.items()):
                yield row.at_least, row.at_most, row.points


def _alert_leaves(definition: WorkflowFile) -> Iterator[alerts.Test]:
    for rule in definition.alerts:
        for band in rule.bands:
            yield from leaves_of(band.when) if band.when is not None else ()


def _rows_of(score: alerts.Score, sign: str) -> Iterator[alerts.ScoreBand]:
    return (row for part in score.parts if part.sign == sign for row in part.bands)


def _remarks_of(
    leaf: alerts.Test, fact_type: str, name: str, meaning: str | None, definition: WorkflowFile
) -> Iterator[_Remark]:
    match leaf:
        case alerts.Reading(sign=sign) if meaning == "vital_signs" and sign == name:
            low, high = _lower(leaf), _upper(leaf)
            if (low, high) != (None, None) and _default_scale(leaf, definition):
                yield low, high, 1
        case alerts.Trend(sign=sign) if meaning == "vital_signs" and sign == name:
            yield leaf.at_least, None, 1
        case alerts.Finding(fact=fact, field=field) if fact == fact_type and field == name:
            if leaf.at_least is not None or leaf.at_most is not None:
                yield leaf.at_least, leaf.at_most, 1
        case alerts.Lab() if meaning == "lab_resulted" and name == "value":
            if not leaf.above_reference and leaf.fall_percent is None:
                yield _lower(leaf), _upper(leaf), 1
        case _:
            pass


def _default_scale(leaf: alerts.Reading, definition: WorkflowFile) -> bool:
    defaults = [score.defaults.get(leaf.scale_sign) for score in definition.scores.values()]
    return not leaf.scale_sign or leaf.scale in defaults


def _lower(leaf: alerts.Reading | alerts.Lab) -> Decimal | None:
    return leaf.at_least if leaf.at_least is not None else leaf.above


def _upper(leaf: alerts.Reading | alerts.Lab) -> Decimal | None:
    return leaf.at_most if leaf.at_most is not None else leaf.below


def plain_code(definition: WorkflowFile, fact_type: str, name: str, field: Field) -> str:
    """Return the code that the fewest rules remark on; of several, the first."""
    meaning = definition.facts[fact_type].means

    def remarked(code: str) -> int:
        count = sum(_code_remarked(leaf, code, fact_type, name, meaning) for leaf in _alert_leaves(definition))
        if meaning != "vital_signs":
            return count
        scored = (row for score in definition.scores.values() for row in _rows_of(score, name) if code in row.among)
        return count + sum(row.points for row in scored)

    return min(field.of, key=remarked)


def _code_remarked(leaf: alerts.Test, code: str, fact_type: str, name: str, meaning: str | None) -> bool:
    match leaf:
        case alerts.CodeReading(sign=sign) if meaning == "vital_signs" and sign == name:
            return code in leaf.among or (bool(leaf.not_among) and code not in leaf.not_among)
        case alerts.Symptom() if meaning in ("symptom", "symptom_resolved") and name == "code":
            return code in leaf.among
        case alerts.Finding(fact=fact, field=field) if fact == fact_type and field == name:
            return code in leaf.among or code == leaf.equals or (bool(leaf.not_among) and code not in leaf.not_among)
        case _:
            return False


def values_for(condition: Condition, field: Field | None) -> tuple[Any, ...]:
    """Return values that just meet a condition: one for each code, else one on its limit. Empty when there is none."""
    if field is None:
        return ()
    if condition.equals is not None:
        return (condition.equals,)
    if condition.among:
        return condition.among
    if condition.past or condition.after_infusion:
        return (Now(),)
    if condition.expired:
        return (Today(-1),)
    limits = tuple(_on_limits(condition, field))
    return tuple(written(number, field) for number in limits)


def values_against(condition: Condition, field: Field | None) -> tuple[Any, ...]:
    """Return values that just miss a condition; `LEFT_OUT` where leaving the field out does."""
    if field is None:
        return ()
    return (*_against(condition, field), *((LEFT_OUT,) if field.optional else ()))


def _against(condition: Condition, field: Field) -> tuple[Any, ...]:
    if isinstance(condition.equals, bool):
        return (not condition.equals,)
    if condition.equals is not None or condition.among:
        named = {condition.equals, *condition.among}
        return tuple(code for code in field.of if code not in named)[:1] if field.of else (A_TEXT,)
    if condition.past or condition.after_infusion:
        return (Now(LONG_AGO_MIN if condition.past else -LONG_AGO_MIN),)
    if condition.expired:
        return (Today(),)
    return tuple(written(number, field) for number in _beside_limits(condition, field))


def _on_limits(condition: Condition, field: Field) -> Iterator[Decimal]:
    step = unit(field)
    for limit, by in ((condition.at_least, 0), (condition.at_most, 0), (condition.above, 1), (condition.below, -1)):
        if limit is not None:
            yield limit + step * by


def _beside_limits(condition: Condition, field: Field) -> Iterator[Decimal]:
    step = unit(field)
    for limit, by in ((condition.at_least, -1), (condition.at_most, 1), (condition.above, 0), (condition.below, 0)):
        if limit is not None:
            yield limit + step * by
