"""What is planned for one infusion: its dose, how long it lasts, how fast it may run at which point.

Promises: what was said of the day itself (when it was scheduled, or since) goes before the exceptions of the workflow
file, and these before its plan. Does not: judge a bag or a rate (`guards`), or know a dose.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

import msgspec

from infusion_service.clinical.definition import Plan, PlanInstead, RateStep
from infusion_service.clinical.dose import Bag, ml_per_h, planned_rate_ml_per_h
from infusion_service.clinical.picture import Picture
from infusion_service.clinical.workflow import Workflow

MS_PER_MINUTE = 60_000
CARRIED_ORDINAL = "ordinal"
"""Where a picture keeps the ordinal that the patient's other days give it, when it is not the day's number."""
T = TypeVar("T")


class DayPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of one day. A dose or duration is None where nobody has said it yet."""

    dose_mg: Decimal | None
    duration_min: int | None
    rates: tuple[RateStep, ...] = ()

    def highest_rate_ml_per_h(self, bag: Bag | None, running_ms: int) -> Decimal | None:
        """Return how fast a pump may be set that has run so long in all; None where the plan does not say."""
        step = self.step(running_ms)
        if step is not None and step.at_most_mg_per_h is None:
            return step.at_most_ml_per_h
        if bag is None:
            return None
        if step is not None and step.at_most_mg_per_h is not None:
            return ml_per_h(step.at_most_mg_per_h, bag)
        return None if self.duration_min is None else planned_rate_ml_per_h(bag.volume_ml, self.duration_min)

    def step(self, running_ms: int) -> RateStep | None:
        """Return the step of the rate that holds after so long a running; None where the plan has no steps."""
        begun = [step for step in self.rates if step.from_min * MS_PER_MINUTE <= running_ms]
        return begun[-1] if begun else None


def plan_of(picture: Picture, ordinal: int, workflow: Workflow) -> DayPlan:
    """Return what is planned for a day, the `ordinal`-th infusion of its course."""
    plan = workflow.definition.plan
    said = _instead(plan, picture.course_number, ordinal) or PlanInstead()
    return DayPlan(
        dose_mg=_first(picture.planned_dose_mg, said.dose_mg, plan.dose_mg),
        duration_min=_first(picture.planned_duration_min, said.duration_min, plan.duration_min),
        rates=said.rates or plan.rates,
    )


def _instead(plan: Plan, course: int, ordinal: int) -> PlanInstead | None:
    for said in plan.instead:
        if (not said.courses or course in said.courses) and (not said.ordinals or ordinal in said.ordinals):
            return said
    return None


def ordinal_known(picture: Picture) -> int:
    """Return which infusion of its course a day is, as far as its own record says."""
    return int(picture.carried.get(CARRIED_ORDINAL, picture.day_number))


def _first(*values: T | None) -> T | None:
    return next((value for value in values if value is not None), None)
