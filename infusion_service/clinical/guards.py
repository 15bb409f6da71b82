"""The guards: may this fact move the day now, and if not, why.

Promises: a guard answers with the reason why it fails - what is, what would do - or with nothing; it is judged at the
moment the fact happened, on the picture of that moment. All failing guards are reported together, in workflow order.
Does not: know overrides or second persons (`decide`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from infusion_service.clinical import guard_definition as guards
from infusion_service.clinical.checks import sampled_after_infusion, wanted_on
from infusion_service.clinical.clock_bands import moments
from infusion_service.clinical.course import Course
from infusion_service.clinical.course_rules import held_reason
from infusion_service.clinical.dose import Bag, milliseconds
from infusion_service.clinical.evidence import PERCENT
from infusion_service.clinical.facts import shortest
from infusion_service.clinical.fold import all_dose_mg, bag_of, hung_ml
from infusion_service.clinical.picture import Fact, Picture, observation_anchor
from infusion_service.clinical.plan import plan_of
from infusion_service.clinical.vocabulary import format_time, parse_time, texts
from infusion_service.clinical.workflow import Workflow

MS_PER_MINUTE = 60_000


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What a guard looks at: the fact, the moment it happened and the picture of that moment."""

    fact_type: str
    data: Mapping[str, Any]
    at: datetime
    picture: Picture
    course: Course
    ordinal: int
    workflow: Workflow
    unconfirmed_since: datetime | None


class _Impossible(msgspec.Struct, frozen=True):
    """A reason that no override answers: what was said cannot be, so it is to be said anew."""

    reason: str


class Failing(msgspec.Struct, frozen=True):
    """A guard that fails, with its reason and who may override it for that reason (None: nobody)."""

    guard: guards.Guard
    reason: str
    override: guards.Override | None

    def as_json(self) -> dict[str, Any]:
        """Return it as a problem document and the day view carry it."""
        by = self.override.by if self.override is not None else ()
        return {"guard": self.guard.id, "reason": self.reason, "override": list(by)}


_NEED_THE_FACT = (guards.RateWithinPlan, guards.FieldTrue)
"""Guards that judge what the fact itself says: nothing to preview."""


def failing_guards(situation: Situation, *, preview: bool = False) -> list[Failing]:
    """Return every guard of the fact that fails, in workflow order; the second person is judged elsewhere.

    `preview` asks before there is a fact: guards that judge what it says are left out.
    """
    failing = []
    for guard in situation.workflow.guards_on(situation.fact_type):
        if isinstance(guard, guards.SecondPerson) or (preview and isinstance(guard, _NEED_THE_FACT)):
            continue
        if not applies(guard, situation.picture.state, situation.ordinal):
            continue
        found = _GUARDS[type(guard)](guard, situation)
        if isinstance(found, _Impossible):
            failing.append(Failing(guard, found.reason, None))
        elif found is not None:
            failing.append(Failing(guard, found, guard.override))
    return failing


def applies(guard: guards.Guard, state: str | None, ordinal: int) -> bool:
    """Tell whether a guard is one for this state and this infusion of the course."""
    if guard.only_from and state not in guard.only_from:
        return False
    return guard.ordinal_at_most is None or ordinal <= guard.ordinal_at_most


def _minutes(span: timedelta) -> int:
    return milliseconds(span) // MS_PER_MINUTE


def _minutes_up(span: timedelta) -> int:
    return -(-milliseconds(span) // MS_PER_MINUTE)


def _is_today(situation: Situation, moment: datetime) -> bool:
    picture = situation.picture
    return picture.local_date(moment) == picture.day_date


def _is_evidence(evidence_on: str, s: Situation) -> bool:
    """Tell whether there was evidence by then: what is dated ahead is a plan."""
    return bool(evidence_on) and evidence_on <= s.picture.local_date(s.at).isoformat()


def _checklist(guard: guards.Checklist, s: Situation) -> str | None:
    present, unanswered, missing = [], [], []
    for item in guard.items:
        result, at, evidence_on = s.picture.checklist.get(item, ("", s.at, ""))
        if not result or not (_is_evidence(evidence_on, s) or _is_today(s, at)):
            missing.append(item)
        elif result == "present":
            present.append(item)
        elif result == "not_applicable" and item not in guard.may_be_not_applicable:
            unanswered.append(item)
    reasons = []
    if present:
        reasons.append(f"present where clear is wanted: {texts(present)} (record a failed screening instead)")
    if unanswered:
        reasons.append(f"not_applicable is no answer to {texts(unanswered)}")
    if missing:
        reasons.append(f"not recorded today: {texts(missing)}")
    return "; ".join(reasons) or None


def _recorded_today(guard: guards.RecordedToday, s: Situation) -> str | None:
    missing = [
        s.workflow.facts[name].title.lower()
        for name in guard.facts
        if not any(_is_today(s, fact.at) for fact in s.picture.of_type(name))
    ]
    if guard.complete_set and not (s.picture.last_complete and _is_today(s, s.picture.last_complete.fact.at)):
        missing.append("record a complete set of vital signs")
    return f"still to do today: {texts(missing)}" if missing else None


def _reading_below(guard: guards.ReadingBelow, s: Situation) -> str | None:
    for sign, limit in guard.below.items():
        reading = s.picture.readings.get(sign)
        if reading is None:
            return f"no {sign} is recorded"
        if reading.value >= limit:
            return f"the last {sign} is {shortest(reading.value)}; below {shortest(limit)} is wanted"
    still_open = [rule for rule in guard.alerts_closed if rule in _open_rules(s)]
    return f"the alert {texts(still_open)} is open: a review closes it" if still_open else None


def _medication_given(guard: guards.MedicationGiven, s: Situation) -> str | None:
    wanted = guard.medication_class
    given = [
        fact
        for name in s.workflow.of_meaning("medication_given")
        for fact in s.picture.of_type(name)
        if fact.data["class"] == wanted and _is_today(s, fact.at)
    ]
    if guard.finished:
        finished = [fact for fact in given if _finished_today(fact, s)]
        if given and not finished:
            return f"the {wanted} given today is not recorded as finished today (ended_at)"
        given = finished
    early = [fact for fact in given if s.at - _taken_at(fact, guard) >= timedelta(minutes=guard.before_min or 0)]
    if early:
        return None
    if guard.or_declined:
        for name in s.workflow.of_meaning("medication_declined"):
            if any(fact.data["class"] == wanted for fact in s.picture.of_type(name)):
                return None
    if given:
        to_go = min(_taken_at(fact, guard) for fact in given) + timedelta(minutes=guard.before_min or 0) - s.at
        return f"the {wanted} is wanted {guard.before_min} min before: {_minutes_up(to_go)} min to go"
    occasion = "" if guard.ordinal_at_most is None else f" (infusion {s.ordinal} of the course)"
    return f"no {wanted} is recorded as given today{occasion}"


def _taken_at(fact: Fact, guard: guards.MedicationGiven) -> datetime:
    """When a medication counts as taken: at its end where it must be finished, else when it was charted as given."""
    return parse_time(fact.data["ended_at"]) if guard.finished else fact.at


def _finished_today(fact: Fact, s: Situation) -> bool:
    if "ended_at" not in fact.data:
        return False
    ended_at = parse_time(fact.data["ended_at"])
    return ended_at <= s.at and _is_today(s, ended_at)


def _bag(s: Situation) -> Bag | None:
    return bag_of(s.picture, s.data.get("bag"))


def _bag_identified(guard: guards.BagIdentified, s: Situation) -> str | None:
    usable = [bag for bag in s.picture.bags.values() if not bag.discarded]
    if not usable:
        return "no bag is prepared for this day"
    bag = _bag(s)
    if bag is None:
        named = s.data.get("bag")
        if named is None:
            return f"{len(usable)} bags are open: name the one that is hung (bag)"
        return "the bag named is discarded" if named in s.picture.bags else "the bag named is not one of this day's"
    if any(before.bag_id == bag.id for before in s.picture.pump.taken_down):
        return "the bag named has hung before: name the one that is hung now"
    return _wrong_with(bag, s, together=guard.together)


def _wrong_with(bag: Bag, s: Situation, *, together: bool) -> str | None:
    if bag.vial_expires_on < s.picture.local_date(s.at).isoformat():
        return f"the vial expired on {bag.vial_expires_on}"
    planned = plan_of(s.picture, s.ordinal, s.workflow).dose_mg
    if planned is None:
        return "no dose is planned for this day: plan it before the bag is hung"
    held = all_dose_mg(s.picture) if together else bag.dose_mg
    if held != planned:
        which = "the bags of the day hold together" if together else "the bag holds"
        return f"{which} {shortest(held)} mg; {shortest(planned)} mg is planned"
    return None


def _without_bag(s: Situation) -> str | None:
    """Fail what depends on the bag once an infusion was begun and the entry of its bag struck."""
    if s.picture.pump.started_at is None or not s.workflow.of_meaning("bag_prepared"):
        return None
    return "the bag that hangs is not on record any more: chart it anew (with its volume, dose and times)"


def _bag_in_date(guard: guards.BagInDate, s: Situation) -> str | _Impossible | None:
    bag = _bag(s)
    if bag is None:
        return _without_bag(s)
    if bag.prepared_at > s.at:
        return _Impossible(f"the bag is said to be prepared at {format_time(bag.prepared_at)}, which is still to come")
    expires_at = bag.prepared_at + timedelta(hours=guard.valid_h)
    if s.at < expires_at:
        return None
    return f"the bag expired {_minutes(s.at - expires_at)} min ago ({guard.valid_h} h after it was prepared)"


def _course_open(_guard: guards.CourseOpen, s: Situation) -> str | None:
    return held_reason(s.course, s.picture.course_number, s.workflow.definition.course_flags.lift_decisions)


def _complete_set_within(guard: guards.CompleteSetWithin, s: Situation) -> str | None:
    allowed = guard.within_min[s.fact_type]
    last = s.picture.last_complete
    if last is None:
        return "no complete set of vital signs is recorded"
    age = s.at - last.fact.at
    if age <= timedelta(minutes=allowed):
        return None
    return f"last complete set is {_minutes_up(age)} min old, {allowed} allowed"


def _open_rungs(s: Situation) -> Sequence[tuple[str, str, str]]:
    """(rule, severity, action) of every alert that stands at the moment, evidence and clock alike."""
    found: list[tuple[str, str, str]] = []
    for family in s.workflow.families:
        episode = s.picture.episodes.get(family.id)
        if episode is not None and episode.open:
            rung = family.rungs[episode.rank]
            found.append((rung.rule.id, rung.band.severity, rung.band.action))
        if family.clock:
            for rung, moment in moments(family, s.picture, s.unconfirmed_since, s.workflow):
                if moment <= s.at:
                    found.append((rung.rule.id, rung.band.severity, rung.band.action))
    return found


def _open_rules(s: Situation) -> set[str]:
    return {rule for rule, _severity, _action in _open_rungs(s)}


def _no_open_alert(guard: guards.NoOpenAlert, s: Situation) -> str | None:
    severities = guard.severities[s.fact_type]
    standing = {rule for rule, severity, action in _open_rungs(s) if severity in severities or action in guard.actions}
    if not standing:
        return None
    return f"open: {texts(sorted(standing))}; a review that names it (alerts) closes what does not close by itself"


def _rate_within_plan(guard: guards.RateWithinPlan, s: Situation) -> str | _Impossible | None:
    rate, bag = Decimal(s.data["rate_ml_per_h"]), _bag(s)
    if rate <= 0:
        return _Impossible("the rate must be above 0")
    ran_ms = s.picture.pump.running_ms(s.at)
    plan = plan_of(s.picture, s.ordinal, s.workflow)
    planned = plan.highest_rate_ml_per_h(bag, ran_ms)
    if planned is None:
        return _without_bag(s) if bag is None else None
    if rate <= planned * guard.factor:
        return None
    places = Decimal(1).scaleb(-s.workflow.facts[s.fact_type].fields["rate_ml_per_h"].scale)
    shown = shortest((planned * guard.factor).quantize(places))
    stage = f" after {ran_ms // MS_PER_MINUTE} min of running" if plan.rates else ""
    return f"{shortest(rate)} mL/h is above the plan's limit of {shown} mL/h{stage}"


def _resume_authorised(guard: guards.ResumeAuthorised, s: Situation) -> str | None:
    reviews = [fact for name in s.workflow.of_meaning("review") for fact in s.picture.of_type(name)]
    ending = next((said for fact in reviews if (said := fact.data["decision"]) in guard.never_after), None)
    if ending is not None:
        return f"a review of today decided {ending}: the infusion is not resumed today"
    entered = s.picture.entered
    if entered is None:
        return None
    paused_min = _minutes_up(s.at - entered.at)
    if s.picture.pump.halt_reason in guard.free_reasons and paused_min <= guard.free_min:
        return None
    if any(fact.data.get("authorises_resume") and fact.pos > entered.pos for fact in reviews):
        return None
    return f"a {s.picture.pump.halt_reason} pause of {paused_min} min: a prescriber's review must authorise the resume"


def _volume_delivered(guard: guards.VolumeDelivered, s: Situation) -> str | None:
    bag = s.picture.pump.bag
    if bag is None:
        return _without_bag(s)
    computed = s.picture.pump.delivered_ml(s.at)
    stated = s.data.get("volume_delivered_ml")
    volume_ml = hung_ml(s.picture)
    wanted = volume_ml * guard.percent / PERCENT
    if max(computed, Decimal(stated) if stated is not None else computed) >= wanted:
        return None
    return (
        f"{shortest(computed.quantize(Decimal('0.1')))} of {shortest(volume_ml)} mL are computed, "
        f"{shortest(guard.percent)} % is wanted: record a stop instead"
    )


def _observed_for(guard: guards.ObservedFor, s: Situation) -> str | None:
    if s.picture.pump.started_at is None:
        return None
    anchor = observation_anchor(s.picture)
    if anchor is None:
        running = s.picture.pump.running_since is not None
        return "the pump is not charted as stopped" if running else "a flush was started and its end is not recorded"
    left = anchor + timedelta(minutes=guard.minimum_min) - s.at
    if left <= timedelta(0):
        return None
    return f"{_minutes(s.at - anchor)} min observed, {guard.minimum_min} wanted: {_minutes_up(left)} min to go"


def _sampled_after_infusion(guard: guards.SampledAfterInfusion, s: Situation) -> str | None:
    if s.picture.pump.started_at is None or not wanted_on(guard.ordinals, s.picture.course_number, s.ordinal):
        return None
    if sampled_after_infusion(s.picture, guard.analyte, s.at):
        return None
    return f"no {guard.analyte} sample is recorded as drawn after the infusion (due on infusion {s.ordinal})"


def _review_says(guard: guards.ReviewSays, s: Situation) -> str | None:
    entered = s.picture.entered
    since = entered.pos if entered is not None else -1
    # A later review that is silent on it takes nothing back; one that says no does.
    said = [
        fact.data[guard.field]
        for name in s.workflow.of_meaning("review")
        for fact in s.picture.of_type(name)
        if fact.pos > since and guard.field in fact.data
    ]
    if said and said[-1]:
        return None
    state, field = f"{s.picture.state}".replace("_", " "), guard.field.replace("_", " ")
    return f"no review since the {state} began says: {field}"


def _field_true(guard: guards.FieldTrue, s: Situation) -> str | None:
    return None if s.data.get(guard.field) is True else f"{guard.field} is not stated as true"


_GUARDS: dict[type, Callable[[Any, Situation], str | _Impossible | None]] = {
    guards.Checklist: _checklist,
    guards.RecordedToday: _recorded_today,
    guards.ReadingBelow: _reading_below,
    guards.MedicationGiven: _medication_given,
    guards.BagIdentified: _bag_identified,
    guards.BagInDate: _bag_in_date,
    guards.CourseOpen: _course_open,
    guards.CompleteSetWithin: _complete_set_within,
    guards.NoOpenAlert: _no_open_alert,
    guards.RateWithinPlan: _rate_within_plan,
    guards.ResumeAuthorised: _resume_authorised,
    guards.VolumeDelivered: _volume_delivered,
    guards.ObservedFor: _observed_for,
    guards.SampledAfterInfusion: _sampled_after_infusion,
    guards.ReviewSays: _review_says,
    guards.FieldTrue: _field_true,
}
