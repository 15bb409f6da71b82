"""The shape of a workflow file: typed, frozen, strict (an unknown key is an error).

Promises: everything a protocol says is data of these types; Python knows kinds of facts (`means`), kinds of guards,
tests, checks and course rules, never a drug, a dose or a limit. The same types generate the JSON Schema that serves
editors. Does not: judge whether a file makes sense (`workflow_checks`), read files, or know time.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import msgspec

from infusion_service.clinical.alert_definition import ActionRule, AlertRule, Score
from infusion_service.clinical.guard_definition import CourseFlags, CourseRule, Guard
from infusion_service.clinical.safety_definition import Safety

Role = Literal["nurse", "charge_nurse", "prescriber", "pharmacist", "device"]
TEXT_CHARS_MAX = 200

FieldType = Literal[
    "text", "texts", "integer", "decimal", "boolean", "choice", "choices", "time", "date", "id", "ids", "list", "object"
]

Meaning = Literal[
    "scheduling",
    "check_in",
    "baseline_fixed",
    "checklist",
    "dose_planned",
    "pump_started",
    "pump_rate_changed",
    "pump_paused",
    "pump_resumed",
    "pump_stopped",
    "pump_completed",
    "pump_alarm",
    "bag_prepared",
    "bag_discarded",
    "flush_started",
    "flush_ended",
    "vital_signs",
    "neuro_check",
    "symptom",
    "symptom_resolved",
    "lab_sampled",
    "lab_resulted",
    "medication_given",
    "medication_declined",
    "review",
    "diagnosis",
    "baseline",
    "emergency",
    "stood_down",
    "left",
    "observation_extended",
    "callback",
    "override",
    "strike",
    "confirmation",
    "acknowledgement",
    "day_moved",
    "missed",
]
"""What a kind of fact means to the core, whatever the file calls it."""


class Field(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One field of a fact. Units are in the field's name; `soft` and `hard` are plausibility ranges (inclusive)."""

    type: FieldType
    optional: bool = False
    of: tuple[str, ...] = ()
    """The codes of a `choice` or `choices`."""
    groups: tuple[str, ...] = ()
    """Groups of `code_groups` whose codes belong to `of` too."""
    fields: dict[str, Field] = {}
    """The members of an `object`, or of each item of a `list`."""
    scale: int = 0
    """Decimals a `decimal` may carry; more digits are refused."""
    above: Decimal | None = None
    at_least: Decimal | None = None
    at_most: Decimal | None = None
    soft: tuple[Decimal, Decimal] | None = None
    hard: tuple[Decimal, Decimal] | None = None
    hint_range: tuple[Decimal, Decimal] | None = None
    hint: str = ""
    """Said when a value is outside `hard` but inside `hint_range` (another unit, say)."""
    unrecordable_counts_as: Decimal | None = None
    max_chars: int = TEXT_CHARS_MAX


ADDED_TO_SCHEDULING: dict[str, Field] = {
    name: Field(type="text", optional=True, max_chars=64) for name in ("workflow", "timezone", "missed_cutoff")
}
"""Fields of the scheduling that come with the request and from the ward's settings, also where a file does not name
them."""


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A test on one field of the fact that moves: equal to `equals`, or one of `among`."""

    field: str
    equals: str | bool | None = None
    among: tuple[str, ...] = ()


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"sources": "from"}):
    """Where a fact leads from which states. `to = "="` keeps the state (the fact is legal there and acts on the
    pump)."""

    sources: tuple[str, ...]
    to: str
    when: When | None = None
    same_date: bool = False
    """Legal only on the calendar date of the day, ward time."""


class Greater(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`higher` must exceed `lower` by more than `by` (a swapped pair is refused with a hint)."""

    higher: str
    lower: str
    by: Decimal
    hint: str


class FactType(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One kind of fact: who may post it, what it carries, what it moves."""

    title: str
    by: tuple[Role, ...]
    means: Meaning | None = None
    moves: tuple[Move, ...] = ()
    move_optional: bool = False
    """A fact that moves only under its condition and is a plain observation otherwise."""
    second: Literal["independent", "consent"] | None = None
    offline: bool = False
    urgent: bool = False
    """Never held up by queue, rate or a missing late reason: stops and emergencies."""
    fields: dict[str, Field] = {}
    together: tuple[tuple[str, ...], ...] = ()
    at_least_one_of: tuple[str, ...] = ()
    greater: tuple[Greater, ...] = ()
    needs: dict[str, dict[str, tuple[str, ...]]] = {}
    """`needs.code.note = ["other"]`: with one of these codes the other field may not be left out."""
    complete_set: tuple[str, ...] = ()
    """Signs that make a set of vital signs complete."""
    source: str = ""


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One state. `open` counts as an open day of the patient; `active` is where an alert may declare an emergency."""

    title: str
    initial: bool = False
    terminal: bool = False
    open: bool = False
    emergency: bool = False
    infusing: bool = False
    paused: bool = False


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A check that falls due again and again in a phase. One of the kinds of `every_min`, `after_fact` or calendar."""

    check: str
    states: tuple[str, ...] = ()
    fact: str
    signs: tuple[str, ...] = ()
    complete_set: bool = False
    every_min: int | None = None
    from_min: int | None = None
    until_min: int | None = None
    """Minutes since the infusion started that bound the phase, where it has such bounds."""
    pause_reasons: tuple[str, ...] = ()
    on_entry: bool = False
    counts_from_start: bool = False
    after_facts: tuple[str, ...] = ()
    after_min: int | None = None
    calendar: bool = False
    analyte: str = ""
    ordinals: dict[str, tuple[int, ...]] = {}
    """Course number (or "other") to the ordinals on which a sample is wanted."""
    hours_after: tuple[int, ...] = ()
    never_red: bool = False
    source: str


class Grace(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Minutes after its due time at which a check turns amber and red."""

    amber_min: int
    red_min: int
    source: str


class RateStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The highest rate from so many minutes of running on, until the next step begins. Exactly one of the two
    limits."""

    from_min: int
    at_most_ml_per_h: Decimal | None = None
    at_most_mg_per_h: Decimal | None = None


class PlanInstead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is planned otherwise for some infusions: of these courses (all, where none is named), and in them of these
    ordinals (all, where none is named). What it does not say stays as planned."""

    courses: tuple[int, ...] = ()
    ordinals: tuple[int, ...] = ()
    dose_mg: Decimal | None = None
    duration_min: int | None = None
    rates: tuple[RateStep, ...] = ()


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The planned infusion of one day. A dose or duration that is not here is said of each day, when it is scheduled or
    by a fact that means `dose_planned`; what is said of the day goes before all that is planned here."""

    dose_mg: Decimal | None = None
    duration_min: int | None = None
    rates: tuple[RateStep, ...] = ()
    """The highest rate by minutes of running; without steps it is the bag's volume over the duration."""
    instead: tuple[PlanInstead, ...] = ()
    """Exceptions; the first that fits counts."""
    source: str


class TimeRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the times of a fact are judged."""

    future_tolerance_s: int
    offset_tolerance_s: int
    late_after_min: int
    double_check_valid_min: int
    missed_cutoff: str
    source: str


class Escalation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whom an unacknowledged alert of a severity reaches after how long."""

    severity: str
    after_min: int
    to: str
    source: str


class Analyte(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A laboratory value that rules look at: under which name, in which units, and which values can be."""

    also_called: tuple[str, ...] = ()
    """Other names people write: refused with the right one, so that no result stays unseen under them."""
    units: dict[str, Decimal] = {}
    """Each unit as it may be written, with what turns a value into the unit that the rules compare in (that one: 1).
    Any unit, where none is named: then a result can only be compared with its own reference."""
    hard: tuple[Decimal, Decimal] | None = None
    """What can be, in the unit of the rules."""
    source: str


class WorkflowFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole workflow file as parsed."""

    format: Literal[1]
    name: str
    version: int
    title: str
    plan: Plan
    time: TimeRules
    roles: dict[str, tuple[str, ...]] = {}
    """A role to the roles whose facts it may post too."""
    states: dict[str, State]
    facts: dict[str, FactType]
    course_rules: tuple[CourseRule, ...] = ()
    course_flags: CourseFlags
    guards: tuple[Guard, ...] = ()
    grace: Grace
    checks: tuple[Check, ...] = ()
    scores: dict[str, Score] = {}
    actions: dict[str, ActionRule] = {}
    alerts: tuple[AlertRule, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    unattributed_how: tuple[str, ...] = ()
    safety: tuple[Safety, ...] = ()
    code_groups: dict[str, tuple[str, ...]] = {}
    analytes: dict[str, Analyte] = {}
    rehearsal: dict[str, Any] = {}
    """How an unremarkable day is played by rehearsals; no clinical rule reads it, the player judges it."""
