"""What the rehearsals ask for and what they are answered, against the safety properties of the workflow file.

A safety property says again, independently, what a guard or a course rule already refuses. So on everything that is
posted in the rehearsals the two must agree: what is accepted breaks no property, and what a guard refuses is what a
property of that guard forbids.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from infusion_service.cli.rehearsal.expectation import Difference
from infusion_service.cli.rehearsal.player import Player, opening
from infusion_service.cli.rehearsal.script import Script
from infusion_service.clinical.course import ordinal_of, with_day
from infusion_service.clinical.day import Day, new_day
from infusion_service.clinical.decide import Accepted
from infusion_service.clinical.facts import read_fact
from infusion_service.clinical.ledger import OVERRIDE_USED
from infusion_service.clinical.safety import Asked, holds
from infusion_service.clinical.safety_definition import Safety
from infusion_service.clinical.vocabulary import Actor, Refusal, Submission
from infusion_service.clinical.workflow import Workflow
from tests.clinical.bedside import NURSE, Bedside, BedsideWard

PROPERTIES_OF: dict[str, tuple[str, ...]] = {
    "alert-card": ("alert-card-in-hand",),
    "antiviral-started": ("antiviral-before-infusion",),
    "bag-identified": ("right-bag",),
    "bag-in-date": ("no-expired-bag",),
    "baseline-recorded": ("baseline-before-infusion",),
    "bp-controlled": ("pressure-controlled",),
    "checklist-complete": ("screened-completely",),
    "course-day": ("courses-and-days",),
    "course-interval": ("a-year-between-courses",),
    "course-number": ("courses-and-days",),
    "discharge-bp": ("pressure-controlled", "rising-pressure-reviewed"),
    "no-critical-alert": ("no-start-on-an-alert", "no-discharge-on-an-alert"),
    "observation-minimum": ("observed-long-enough",),
    "platelets-drawn": ("platelets-before-discharge",),
    "rate-in-plan": ("rate-within-plan",),
    "resume-authorised": ("resume-authorised-by-review", "no-resume-after-stop"),
    "second-person": ("two-people",),
    "steroid-given": ("steroid-before-infusion",),
    "symptoms-resolved": ("symptoms-over-before-discharge",),
    "vitals-fresh": ("vitals-before-start", "vitals-before-resume"),
    "volume-delivered": ("whole-bag-given",),
}
"""The properties of which one must forbid what a guard or a course rule refuses."""

SAYS_LESS: dict[tuple[str, str], str] = {
    ("g07_steroid_of_another_day", "steroid-given"): "a steroid charted today but given on another day",
    ("g40_platelets_on_day_three", "platelets-drawn"): "a sample that is only planned",
    ("g44_symptoms_resolved", "symptoms-resolved"): "a later review that takes it back",
    ("z02_a_bag_that_is_still_to_be_prepared", "bag-in-date"): "a bag dated ahead of now",
}
"""Rehearsals in which a guard refuses what its property leaves open, and what that is."""
SAYS_MORE: dict[tuple[str, str], str] = {
    ("c21_held_course_does_not_hold_another_patient", "no-infusion-in-a-held-course"): "the next course, a year later",
}
"""Rehearsals in which a property forbids what is rightly accepted, and what that is."""


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that was asked for, and the answer: the guards and rules that refused it, or the overrides used."""

    script: str
    asked: Asked
    accepted: bool
    refused_by: frozenset[str]
    overridden: frozenset[str]


class Overheard(Bedside):
    """A bedside that notes everything it is asked for and what it answered."""

    def __init__(self, script: Script, workflow: Workflow) -> None:
        super().__init__(opening(script), workflow=workflow, timezone=script.timezone.key)
        self.told: list[Told] = []
        self.differences: list[Difference] = []
        self._script = script.file.removesuffix(".toml")

    def begin(self, data: dict[str, Any], *, by: Actor = NURSE, event_id: str | None = None) -> Accepted | Refusal:
        patient = data["patient"]["id"]
        days = tuple(day for day in self.days.values() if day.patient_id == patient)
        empty = new_day("", "demo", self.workflow)
        asked = self._asked(empty, days, "day.scheduled", data, by)
        return self._noted(asked, super().begin(data, by=by, event_id=event_id))

    def submit(self, *submissions: Submission, settled: bool = True) -> Accepted | Refusal:
        asked = None
        first = submissions[0]
        if len(submissions) == 1 and first.occurred_at is None and first.corrects is None:
            day = self.days[first.day_id]
            days = tuple(other for other in self.days.values() if other.patient_id == day.patient_id)
            asked = self._asked(day, days, first.type, first.data, first.actor, first.second)
        return self._noted(asked, super().submit(*submissions, settled=settled))

    def _asked(
        self, day: Day, days: tuple[Day, ...], fact_type: str, data: Any, by: Actor, second: Actor | None = None
    ) -> Asked | None:
        """What is asked for, as a property sees it; None where it cannot be read."""
        fact = self.workflow.facts.get(fact_type)
        read = None if fact is None else read_fact(fact, data, emergency=False)
        if fact is None or read is None or isinstance(read, Refusal):
            return None
        second_at = None
        for check in day.ledger.double_checks.values():
            if fact.second == "independent" and check.type == fact_type and check.by.id != by.id and not check.spent:
                second, second_at = check.by, check.at
        ordinal = 1 if day.date is None else ordinal_of(with_day(self.course(day.day_id), day), day)
        return Asked(
            fact_type=fact_type, data=read, at=self.now, role=by.role, day=day, days=days, ordinal=ordinal,
            second=second, second_at=second_at,
        )  # fmt: skip

    def _noted(self, asked: Asked | None, answer: Accepted | Refusal) -> Accepted | Refusal:
        if asked is not None:
            accepted = isinstance(answer, Accepted)
            entries = answer.entries if isinstance(answer, Accepted) else ()
            overridden = frozenset(entry.data["rule"] for entry in entries if entry.type == OVERRIDE_USED)
            self.told.append(Told(self._script, asked, accepted, _refused_by(answer), overridden))
        return answer


def _refused_by(answer: Accepted | Refusal) -> frozenset[str]:
    if isinstance(answer, Accepted) or answer.code == "double_check_mismatch":
        return frozenset()
    members = answer.members
    named = {item["guard"] for item in members.get("guards", ())} | {item["rule"] for item in members.get("rules", ())}
    return frozenset(named | ({"second-person"} if answer.code == "second_person_required" else set()))


async def overheard(script: Script, workflow: Workflow) -> Overheard:
    """Play a rehearsal; return the bedside with all that was asked for, answered and appended."""
    bedside = Overheard(script, workflow)
    bedside.differences = await Player(script, BedsideWard(bedside), workflow).play()
    return bedside


def disagreements(told: Iterable[Told], properties: Iterable[Safety]) -> Iterator[str]:
    """Yield where an answer and a safety property do not agree and nothing here says why."""
    rules = {rule.id: rule for rule in properties}
    for each in told:
        what = f"{each.script} {each.asked.at:%H:%M:%S} {each.asked.fact_type}"
        for rule in rules.values() if each.accepted else ():
            named = each.asked.fact_type in rule.never and each.overridden.isdisjoint(rule.unless_overridden)
            if named and holds(rule.when, each.asked) and (each.script, rule.id) not in SAYS_MORE:
                yield f"{what}: accepted, which {rule.id} forbids"
        for guard in sorted(each.refused_by & PROPERTIES_OF.keys()):
            about = [rules[id] for id in PROPERTIES_OF[guard] if each.asked.fact_type in rules[id].never]
            if about and not any(holds(rule.when, each.asked) for rule in about) and not _left_open(guard, each):
                yield f"{what}: refused by {guard}, which none of {', '.join(rule.id for rule in about)} asks for"


def _left_open(guard: str, told: Told) -> bool:
    """Tell whether a property leaves open what the guard refuses: where no pressure was measured or no bag hangs
    that could be compared, what counts from 1, and what `SAYS_LESS` names."""
    data = told.asked.data
    if guard in ("course-number", "course-day") and min(data["course"], data["day"]) < 1:
        return True
    picture = told.asked.day.picture
    if guard in ("rate-in-plan", "volume-delivered") and picture.pump.bag is None:
        return True
    if guard in ("bp-controlled", "discharge-bp") and "systolic_mmhg" not in picture.readings:
        return True
    return (told.script, guard) in SAYS_LESS
