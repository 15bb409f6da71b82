"""Load-time checks of what a workflow file plans: dose, duration, and the steps of the rate.

Promises: a file under which no dose could ever be said is refused, and so are steps that overlap, fall or begin too
late. Does not: look at the guards that hold people to the plan (`workflow_rule_checks`).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from infusion_service.clinical.definition import Meaning, Plan, PlanInstead, RateStep, WorkflowFile
from infusion_service.clinical.workflow_findings import Finding, numbers

SAYS_A_PLAN: tuple[Meaning, ...] = ("scheduling", "dose_planned")
"""Facts that say what is planned for their day, in fields of the plan's names."""


def plan(definition: WorkflowFile) -> Iterator[Finding]:
    """Yield what is wrong with the plan of a definition."""
    planned = definition.plan
    if planned.dose_mg is None and not _said_of_the_day(definition, "dose_mg"):
        remedy = "say it, or give the scheduling (or a fact that means dose_planned) a decimal field dose_mg"
        yield "plan", "says no dose_mg, and no fact says one", remedy
    yield from _amounts("plan", planned)
    for index, said in enumerate(planned.instead):
        key = f"plan.instead[{index}]"
        yield from _amounts(key, said)
        if not said.courses and not said.ordinals:
            yield key, "is for every infusion", "name its `courses` or `ordinals`, or say it in [plan] itself"
        if said.dose_mg is None and said.duration_min is None and not said.rates:
            yield key, "says nothing else than the plan", "give it dose_mg, duration_min or rates"


def says_how_fast(definition: WorkflowFile) -> bool:
    """Tell whether a file says, or lets people say, how fast or how long an infusion runs."""
    planned = definition.plan
    return bool(planned.rates) or planned.duration_min is not None or _said_of_the_day(definition, "duration_min")


def _said_of_the_day(definition: WorkflowFile, field: str) -> bool:
    return any(field in fact.fields for fact in definition.facts.values() if fact.means in SAYS_A_PLAN)


def _amounts(key: str, planned: Plan | PlanInstead) -> Iterator[Finding]:
    for name in ("dose_mg", "duration_min"):
        amount: Decimal | int | None = getattr(planned, name)
        if amount is not None and amount <= 0:
            yield f"{key}.{name}", "is not above 0", "say what one day's infusion is planned to be"
    for index, step in enumerate(planned.rates):
        yield from _step(f"{key}.rates[{index}]", step)
    if planned.rates and planned.rates[0].from_min != 0:
        yield f"{key}.rates[0]", "does not begin at the start", "give the first step from_min = 0"
    for index, (one, other) in enumerate(pairwise(planned.rates), 1):
        yield from _after(f"{key}.rates[{index}]", one, other)


def _step(key: str, step: RateStep) -> Iterator[Finding]:
    limits = (step.at_most_ml_per_h, step.at_most_mg_per_h)
    if limits.count(None) != 1:
        yield key, "must have exactly one limit", "give at_most_ml_per_h or at_most_mg_per_h"
    if any(limit == 0 for limit in limits):
        yield key, "lets nothing run", "give a limit above 0"
    yield from numbers(key, step)


def _after(key: str, one: RateStep, other: RateStep) -> Iterator[Finding]:
    if other.from_min <= one.from_min:
        yield key, "begins no later than the step before", "put the steps in order of from_min"
    pairs = ((one.at_most_ml_per_h, other.at_most_ml_per_h), (one.at_most_mg_per_h, other.at_most_mg_per_h))
    if any(first is not None and then is not None and then < first for first, then in pairs):
        yield key, "falls below the step before", "steps only rise: a rate is judged when it is set, not later"
    if all(None in pair for pair in pairs):
        yield key, "limits another unit than the step before", "say all steps in mL or all in mg an hour"
