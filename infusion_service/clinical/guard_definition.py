"""The typed vocabulary of guards and course rules that a workflow file may use.

Each class is one kind; its fields are the parameters the file sets. What a kind does is in `guards` and `course_rules`.
Limits are compared inclusively unless the name says otherwise.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

OTHER = "other"
"""Stands for every number of a course or day that is not named."""


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who may override a guard and which role must consent (none named: any other clinician).

    `alone` lets the granting person act without a second one (the sole nurse)."""

    by: tuple[str, ...]
    consent: tuple[str, ...] = ()
    alone: bool = False


class GuardBase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """What every guard says: its id, the facts it applies to, who may override it and its source."""

    id: str
    on: tuple[str, ...]
    override: Override | None = None
    source: str
    only_from: tuple[str, ...] = ()
    """Applies only when the fact is posted in one of these states."""
    ordinal_at_most: int | None = None
    """Applies only to the first so many infusions of a course."""


class Checklist(GuardBase, frozen=True, kw_only=True, tag="checklist"):
    """All items recorded on the day (or with evidence), each `clear`, or `not_applicable` where that may be."""

    items: tuple[str, ...]
    may_be_not_applicable: tuple[str, ...] = ()


class RecordedToday(GuardBase, frozen=True, kw_only=True, tag="recorded_today"):
    """A fact of each named type has been recorded on the day, and a complete set of vital signs."""

    facts: tuple[str, ...]
    complete_set: bool = False


class ReadingBelow(GuardBase, frozen=True, kw_only=True, tag="reading_below"):
    """The last reading of each sign lies below its limit, and none of the named alerts is open."""

    below: dict[str, Decimal]
    alerts_closed: tuple[str, ...] = ()


class MedicationGiven(GuardBase, frozen=True, kw_only=True, tag="medication_given"):
    """A medication of a class was given today, finished where `finished`, or declined with a reason where that will
    do."""

    medication_class: str
    finished: bool = False
    before_min: int | None = None
    """Given (finished, where `finished`) at least so many minutes before."""
    or_declined: bool = False


class BagIdentified(GuardBase, frozen=True, kw_only=True, tag="bag_identified"):
    """The bag that is hung is prepared, not discarded, with product and batch, its vial in date, at the planned dose;
    with `together` all bags of the day hold the planned dose together, and none is hung twice."""

    together: bool = False


class BagInDate(GuardBase, frozen=True, kw_only=True, tag="bag_in_date"):
    """The bag was prepared less than so many hours before."""

    valid_h: int


class SecondPerson(GuardBase, frozen=True, kw_only=True, tag="second_person"):
    """A second person's own credential; for an independent check the values agree. Applies where the fact wants one."""


class CourseOpen(GuardBase, frozen=True, kw_only=True, tag="course_open"):
    """The course is neither held nor stopped."""


class CompleteSetWithin(GuardBase, frozen=True, kw_only=True, tag="complete_set_within"):
    """A complete set of vital signs lies within so many minutes, per fact."""

    within_min: dict[str, int]


class NoOpenAlert(GuardBase, frozen=True, kw_only=True, tag="no_open_alert"):
    """No alert of these severities, or wanting one of these actions, is open."""

    severities: dict[str, tuple[str, ...]]
    actions: tuple[str, ...]


class RateWithinPlan(GuardBase, frozen=True, kw_only=True, tag="rate_within_plan"):
    """The rate is above zero and at most `factor` times what the plan allows: bag volume over planned duration, or the
    step that holds after so long a running."""

    factor: Decimal


class ResumeAuthorised(GuardBase, frozen=True, kw_only=True, tag="resume_authorised"):
    """A short pause for one of these reasons needs nobody; any other needs a prescriber's authorising review after the
    pause; none helps after a review with one of the decisions of `never_after`."""

    free_reasons: tuple[str, ...]
    free_min: int
    never_after: tuple[str, ...] = ("stop",)


class VolumeDelivered(GuardBase, frozen=True, kw_only=True, tag="volume_delivered"):
    """Computed or stated volume is at least so many per cent of the bag."""

    percent: Decimal


class ObservedFor(GuardBase, frozen=True, kw_only=True, tag="observed_for"):
    """So many minutes have passed since the observation anchor; passes when nothing was infused."""

    minimum_min: int


class SampledAfterInfusion(GuardBase, frozen=True, kw_only=True, tag="sampled_after_infusion"):
    """A sample for the analyte was drawn after the infusion, on the ordinals where it is due."""

    analyte: str
    ordinals: dict[str, tuple[int, ...]]


class ReviewSays(GuardBase, frozen=True, kw_only=True, tag="review_says"):
    """The latest review since the state was entered says the named field is true."""

    field: str


class FieldTrue(GuardBase, frozen=True, kw_only=True, tag="field_true"):
    """The fact itself states the named field as true."""

    field: str


Guard = (
    Checklist
    | RecordedToday
    | ReadingBelow
    | MedicationGiven
    | BagIdentified
    | BagInDate
    | SecondPerson
    | CourseOpen
    | CompleteSetWithin
    | NoOpenAlert
    | RateWithinPlan
    | ResumeAuthorised
    | VolumeDelivered
    | ObservedFor
    | SampledAfterInfusion
    | ReviewSays
    | FieldTrue
)


class CourseRuleBase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """What every course rule says: its id, the facts it is judged on, and its source."""

    id: str
    on: tuple[str, ...]
    source: str


class CourseNumber(CourseRuleBase, frozen=True, kw_only=True, tag="course_number"):
    """Courses 1 to `at_most`."""

    at_most: int


class CourseDay(CourseRuleBase, frozen=True, kw_only=True, tag="course_day"):
    """Days 1 to as many as the course has; `days` is keyed by course number or "other"."""

    days: dict[str, int]


class CourseInterval(CourseRuleBase, frozen=True, kw_only=True, tag="course_interval"):
    """A course starts no earlier than so long after the last infusion of the one before: calendar months, weeks or
    days, exactly one of them."""

    months: int | None = None
    weeks: int | None = None
    days: int | None = None


class DayInterval(CourseRuleBase, frozen=True, kw_only=True, tag="day_interval"):
    """A day of a course lies no earlier than so many days after the infusion before it in the course, given or planned;
    `days` is keyed by the number of the day or "other"."""

    days: dict[str, int]


class OneDoseADay(CourseRuleBase, frozen=True, kw_only=True, tag="one_dose_a_day"):
    """No second infusion day of a patient on one date, no two open days. Days that ended in one of the states it
    `ignores` stand for no dose."""

    ignores: tuple[str, ...] = ()


class CourseOrder(CourseRuleBase, frozen=True, kw_only=True, tag="course_order"):
    """No day while an earlier day of the course is open."""


class CourseHeld(CourseRuleBase, frozen=True, kw_only=True, tag="course_held"):
    """No day while the course is held, none ever after a permanent stop."""


CourseRule = CourseNumber | CourseDay | CourseInterval | DayInterval | OneDoseADay | CourseOrder | CourseHeld


class PermanentStop(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An alert that stops the course for ever when raised at stop class, and the diagnoses whose exclusion softens
    it."""

    alert: str
    excluded_by: tuple[str, ...]


class HoldAlert(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An alert that holds the course when raised with one of these actions or severities."""

    alert: str
    actions: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()


class CourseFlags(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What sets `permanent_stop` and `hold_pending_review` on a course."""

    permanent_alerts: tuple[PermanentStop, ...] = ()
    permanent_diagnoses: tuple[str, ...] = ()
    hold_alerts: tuple[HoldAlert, ...] = ()
    hold_decisions: tuple[str, ...] = ()
    lift_decisions: tuple[str, ...] = ()
    source: str
