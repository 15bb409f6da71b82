"""Evaluates the tests of alert rules on a clinical picture.

Promises: a test answers None when it does not hold, else the places (in clinical order) of the facts that speak for it.
Context - a state, an order of events, a negative finding - holds without being evidence, so charting it again can never
raise an alert again. Pure; the latest reading, finding or symptom of each kind counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from infusion_service.clinical import alert_definition as tests
from infusion_service.clinical.picture import Fact, Picture, ScoreResult
from infusion_service.clinical.plan import ordinal_known, plan_of
from infusion_service.clinical.signs import within
from infusion_service.clinical.vocabulary import parse_time
from infusion_service.clinical.workflow import Workflow

Places = tuple[int, ...]
PERCENT = 100
_MS_PER_MINUTE = 60_000
_SETS_THE_RATE = ("pump_started", "pump_rate_changed", "pump_resumed", "pump_completed")


def evaluate(test: tests.Test, picture: Picture, workflow: Workflow) -> Places | None:
    """Return the evidence for a test, or None when it does not hold."""
    return _EVALUATORS[type(test)](test, picture, workflow)


def still_holds(test: tests.Test, picture: Picture, workflow: Workflow) -> bool:
    """Tell whether a test that has held still does: a clean check goes on counting until there is another.

    What was reported once more since has not been checked yet, which is no reason to take an alert back.
    """
    if isinstance(test, tests.All):
        return all(still_holds(part, picture, workflow) for part in test.of)
    if isinstance(test, tests.Any):
        return any(still_holds(part, picture, workflow) for part in test.of)
    if isinstance(test, tests.NegativeCheck):
        check = _neuro(picture, workflow)
        return check is not None and _is_clean(test, check, picture)
    return evaluate(test, picture, workflow) is not None


def _all(test: tests.All, picture: Picture, workflow: Workflow) -> Places | None:
    found: Places = ()
    for part in test.of:
        places = evaluate(part, picture, workflow)
        if places is None:
            return None
        found += places
    return found


def _any(test: tests.Any, picture: Picture, workflow: Workflow) -> Places | None:
    found: Places | None = None
    for part in test.of:
        places = evaluate(part, picture, workflow)
        if places is not None:
            found = (found or ()) + places
    return found


def _reading(test: tests.Reading, picture: Picture, workflow: Workflow) -> Places | None:
    reading = picture.readings.get(test.sign)
    if reading is None or not within(test, reading.value) or not _on_scale(test, picture, workflow):
        return None
    if test.fall_from_baseline is not None:
        base = (picture.baseline or {}).get(test.sign)
        if base is None or base - reading.value < test.fall_from_baseline:
            return None
    if test.apart_min is None:
        return (reading.pos,)
    nearest, farthest = (timedelta(minutes=minutes) for minutes in test.apart_min)
    for earlier in picture.vitals.backwards():
        apart = reading.at - earlier.fact.at
        if apart > farthest:
            return None
        if apart >= nearest and _matched(test, earlier.values):
            return (earlier.fact.pos, reading.pos)
    return None


def _matched(test: tests.Reading, values: Mapping[str, Any]) -> bool:
    """Tell whether an earlier set was within the limits, or beyond one of the limits that stand in for them."""
    if test.sign in values and within(test, values[test.sign]):
        return True
    return any(sign in values and values[sign] >= least for sign, least in test.or_earlier.items())


def _on_scale(test: tests.Reading, picture: Picture, workflow: Workflow) -> bool:
    if not test.scale_sign:
        return True
    reading = picture.readings.get(test.scale_sign)
    if reading is not None:
        return bool(reading.value == test.scale)
    defaults = [score.defaults.get(test.scale_sign) for score in workflow.definition.scores.values()]
    return test.scale in defaults


def _code_reading(test: tests.CodeReading, picture: Picture, _workflow: Workflow) -> Places | None:
    reading = picture.readings.get(test.sign)
    if reading is None:
        return None
    if (test.among and reading.value not in test.among) or reading.value in test.not_among:
        return None
    # A sign that the baseline does not hold counts as unremarkable: the alert is raised rather than missed.
    base = (picture.baseline or {}).get(test.sign)
    if base is not None and (
        (test.baseline_among and base not in test.baseline_among) or base in test.baseline_not_among
    ):
        return None
    return (reading.pos,)


def _trend(test: tests.Trend, picture: Picture, workflow: Workflow) -> Places | None:
    base = (picture.baseline or {}).get(test.sign)
    latest = picture.readings.get(test.sign)
    if base is None or latest is None:
        return None
    threshold = max(base * (PERCENT + test.rise_percent) / PERCENT, test.at_least)
    for family in workflow.families:
        reviewed = picture.reviewed.get(family.id)
        if reviewed and test.sign in reviewed.highest and any(rung.band.when is test for rung in family.rungs):
            threshold = max(threshold, reviewed.highest[test.sign] + test.above_reviewed)
    sustained = timedelta(minutes=test.sustained_min)
    places: Places = ()
    for vital in picture.vitals.backwards():
        value = vital.values.get(test.sign)
        if value is None:
            continue
        if value < threshold:
            return None
        places = (vital.fact.pos, *places)
        if latest.at - vital.fact.at >= sustained:
            return places
    return None


def _symptom(test: tests.Symptom, picture: Picture, workflow: Workflow) -> Places | None:
    if not picture.symptoms:
        return None
    codes = workflow.unnamed_symptoms if test.unnamed else test.among
    found = []
    for code in codes:
        symptom = picture.symptoms.get(code)
        if symptom is None:
            continue
        if test.baseline_items and (
            test.baseline_items.get(code) in picture.deficits or symptom.pos < picture.baseline_pos
        ):
            continue
        severity = symptom.severity
        if test.severity_at_least is not None and (severity is None or severity < test.severity_at_least):
            continue
        if test.severity_at_most is not None and (severity is None or severity > test.severity_at_most):
            continue
        found.append(symptom.pos)
    return tuple(found) or None


def _neuro(picture: Picture, workflow: Workflow) -> Fact | None:
    checks = [fact for name in workflow.of_meaning("neuro_check") if (fact := picture.last(name))]
    return max(checks, key=lambda fact: fact.pos, default=None)


def _deficit(test: tests.Deficit, picture: Picture, workflow: Workflow) -> Places | None:
    check = _neuro(picture, workflow)
    if check is None:
        return None
    new = any(check.data.get(item) and item not in picture.deficits for item in test.items)
    return (check.pos,) if new else None


def _negative_check(test: tests.NegativeCheck, picture: Picture, workflow: Workflow) -> Places | None:
    check = _neuro(picture, workflow)
    since = [picture.symptoms[code].at for code in test.since_symptoms if code in picture.symptoms]
    if check is None or not since or check.at < max(since):
        return None
    return () if _is_clean(test, check, picture) else None


def _is_clean(test: tests.NegativeCheck, check: Fact, picture: Picture) -> bool:
    return not any(check.data.get(item) and item not in picture.deficits for item in test.items)


def _matches(test: tests.Finding, fact: Fact) -> bool:
    value = fact.data.get(test.field)
    if value is None:
        return False
    if test.equals is not None and value != test.equals:
        return False
    if (test.among and value not in test.among) or value in test.not_among:
        return False
    if test.at_least is None and test.at_most is None:
        return True
    number = Decimal(value)
    return (test.at_least is None or number >= test.at_least) and (test.at_most is None or number <= test.at_most)


def _finding(test: tests.Finding, picture: Picture, _workflow: Workflow) -> Places | None:
    fact = picture.last(test.fact)
    if fact is None or not _matches(test, fact):
        return None
    if not test.again_after:
        return (fact.pos,)
    between = [other.pos for other in picture.of_type(test.again_after) if other.pos < fact.pos]
    first = next((other.pos for other in picture.of_type(test.fact) if _matches(test, other)), fact.pos)
    return (fact.pos,) if any(place > first for place in between) else None


def _score(test: tests.ScoreTest, picture: Picture, _workflow: Workflow) -> Places | None:
    result = picture.scores.get(test.score)
    if result is None:
        return None
    return (result.pos,) if reaches(test, result) else None


def reaches(test: tests.ScoreTest, result: ScoreResult) -> bool:
    """Tell whether a score is as high as a test asks, in all or in one sign."""
    total = test.total_at_least is not None and result.total >= test.total_at_least
    return total or (test.single_at_least is not None and max(result.parts.values()) >= test.single_at_least)


def _lab(test: tests.Lab, picture: Picture, _workflow: Workflow) -> Places | None:
    results = picture.labs.get(test.analyte)
    if not results:
        return None
    latest = max(results, key=lambda result: (result.sampled_at, result.pos))
    if test.above_reference and (latest.reference_high is None or latest.value <= latest.reference_high):
        return None
    if test.fall_percent is not None:
        base = _baseline_of_lab(test.analyte, latest.sampled_at, picture)
        if base is None or latest.value * PERCENT > base * (PERCENT - test.fall_percent):
            return None
    return (latest.pos,) if within(test, latest.value) else None


def _baseline_of_lab(analyte: str, before: datetime, picture: Picture) -> Decimal | None:
    """The last result before the course's first infusion, else the last before the one judged."""
    known = [(result.sampled_at, result.value) for result in picture.labs.get(analyte, ())]
    known += [
        (parse_time(lab["sampled_at"]), Decimal(lab["value"]))
        for lab in picture.carried.get("labs", ())
        if lab["analyte"] == analyte
    ]
    first = picture.carried.get("first_infusion_at")
    first_infusion_at = parse_time(first) if first else picture.pump.started_at
    earlier = [item for item in known if item[0] < before]
    untreated = [item for item in earlier if first_infusion_at is None or item[0] < first_infusion_at]
    chosen = untreated or earlier
    return max(chosen)[1] if chosen else None


def _in_state(test: tests.InState, picture: Picture, _workflow: Workflow) -> Places | None:
    return () if picture.state in test.among else None


def _before(test: tests.Before, picture: Picture, _workflow: Workflow) -> Places | None:
    return () if picture.last(test.fact) is None else None


def _after(test: tests.After, picture: Picture, _workflow: Workflow) -> Places | None:
    return () if picture.last(test.fact) is not None else None


def _too_fast(test: tests.TooFast, picture: Picture, workflow: Workflow) -> Places | None:
    pump, place = picture.pump, len(picture.facts) - 1
    meaning = workflow.meaning[picture.facts[-1].type]
    if pump.bag is None or meaning not in _SETS_THE_RATE:
        return None
    if meaning == "pump_completed":
        shortest_ms = (test.shortest_min or 0) * _MS_PER_MINUTE
        return (place,) if pump.running_ms(picture.facts[-1].at) < shortest_ms else None
    plan = plan_of(picture, ordinal_known(picture), workflow)
    highest = plan.highest_rate_ml_per_h(pump.bag, pump.running_ms(picture.facts[-1].at))
    return (place,) if highest is not None and pump.rate_ml_per_h > highest * test.factor else None


def _volume_mismatch(test: tests.VolumeMismatch, picture: Picture, _workflow: Workflow) -> Places | None:
    pump, fact = picture.pump, picture.facts[-1]
    if pump.bag is None:
        return None
    if pump.ended_by_state and pump.halted_at == fact.at:
        return (fact.pos,)
    if pump.stated_ml is None or "volume_delivered_ml" not in fact.data:
        return None
    computed = pump.delivered_ml(fact.at)
    return (fact.pos,) if abs(pump.stated_ml - computed) * PERCENT > computed * test.percent else None


def _left_before(test: tests.LeftBefore, picture: Picture, workflow: Workflow) -> Places | None:
    fact, anchor = picture.facts[-1], picture.pump.last_ran_at
    if picture.pump.started_at is None or workflow.meaning[fact.type] != "left":
        return None
    if picture.flush_started_at is not None:
        # While a flush runs the observation has not begun.
        anchor = max(anchor, picture.flush_ended_at) if anchor and picture.flush_ended_at else None
    observed = fact.at - anchor if anchor is not None else timedelta(0)
    return (fact.pos,) if observed < timedelta(minutes=test.minimum_min) else None


_EVALUATORS: dict[type, Callable[[Any, Picture, Workflow], Places | None]] = {
    tests.All: _all,
    tests.Any: _any,
    tests.Reading: _reading,
    tests.CodeReading: _code_reading,
    tests.Trend: _trend,
    tests.Symptom: _symptom,
    tests.Deficit: _deficit,
    tests.NegativeCheck: _negative_check,
    tests.Finding: _finding,
    tests.ScoreTest: _score,
    tests.Lab: _lab,
    tests.InState: _in_state,
    tests.Before: _before,
    tests.After: _after,
    tests.TooFast: _too_fast,
    tests.VolumeMismatch: _volume_mismatch,
    tests.LeftBefore: _left_before,
}
