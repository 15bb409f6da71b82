"""The typed vocabulary of safety properties: what must hold over every sequence of facts, in words of its own.

A property does not name the guard that protects it. It says again, independently, what may never be accepted - or what
must always be - with tests on the record: what is charted, what the pump did, who it was, what the fact itself says. So
a guard that was dropped, weakened or bypassed by a new move is found (`model_check`). Limits are compared inclusively
unless the name says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A condition on one field of a fact; all that is given must hold. A field that is not there meets none.

    `past` and `after_infusion` are for times, `expired` for dates.
    """

    field: str
    equals: bool | str | None = None
    among: tuple[str, ...] = ()
    at_least: Decimal | None = None
    at_most: Decimal | None = None
    above: Decimal | None = None
    below: Decimal | None = None
    past: bool = False
    """The time has come."""
    after_infusion: bool = False
    """The time is not before the moment the pump last ran."""
    expired: bool = False
    """The date lies before today, ward time."""


class SafetyTestBase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="test"):
    """What every test of a property shares: the tag `test` that names its kind."""


class Charted(SafetyTestBase, frozen=True, kw_only=True, tag="charted"):
    """A fact of one of the types stands in the record (struck ones do not) and meets all conditions.

    `has` names fields it must carry. `within_min`: at most so many minutes ago; `under_min`: fewer. `since`: after the
    latest fact of these types (that meets `since_where`). `since_entered`: after the present state was entered.
    `today`: on the day's date. `course`: on any day of the patient.
    """

    facts: tuple[str, ...]
    where: tuple[Condition, ...] = ()
    has: tuple[str, ...] = ()
    within_min: int | None = None
    under_min: int | None = None
    since: tuple[str, ...] = ()
    since_where: tuple[Condition, ...] = ()
    since_entered: bool = False
    today: bool = False
    course: bool = False


class Latest(SafetyTestBase, frozen=True, kw_only=True, tag="latest"):
    """The latest fact of these types that carries the fields of `has` meets all conditions.

    `older_than_min`: it lies more than so many minutes back.
    """

    facts: tuple[str, ...]
    where: tuple[Condition, ...] = ()
    has: tuple[str, ...] = ()
    older_than_min: int | None = None


class Says(SafetyTestBase, frozen=True, kw_only=True, tag="says"):
    """The fact itself meets all conditions."""

    where: tuple[Condition, ...]


class By(SafetyTestBase, frozen=True, kw_only=True, tag="by"):
    """The fact comes from one of these roles."""

    roles: tuple[str, ...]


class Alone(SafetyTestBase, frozen=True, kw_only=True, tag="alone"):
    """Nobody else stands for the fact: no second person of one of these roles (any, where none is named), or one whose
    own entry is more than `older_than_min` minutes old."""

    roles: tuple[str, ...] = ()
    older_than_min: int | None = None


class PumpTest(SafetyTestBase, frozen=True, kw_only=True, tag="pump"):
    """The pump as charted: it runs, it has been started at all, it ran fewer than so many minutes ago (or runs)."""

    running: bool = False
    started: bool = False
    ran_under_min: int | None = None


class BagTest(SafetyTestBase, frozen=True, kw_only=True, tag="bag"):
    """Something is wrong with the bag that runs or would run: there is none, its dose (with `together` that of all bags
    of the day) is another than the number, or than was said of the day last, its vial had expired, it was discarded,
    or it was prepared so many minutes ago or more."""

    missing: bool = False
    dose_mg_other_than: Decimal | None = None
    dose_mg_other_than_said: bool = False
    together: bool = False
    vial_expired: bool = False
    prepared_min_ago: int | None = None


class RateTest(SafetyTestBase, frozen=True, kw_only=True, tag="rate"):
    """The rate that the fact sets is none at all, above so many times the bag's volume over `planned_min`, or above a
    limit. `ran_under_min`: looks only where the pump has run fewer minutes than that in all."""

    above_plan: Decimal | None = None
    planned_min: int | None = None
    above_ml_per_h: Decimal | None = None
    above_mg_per_h: Decimal | None = None
    ran_under_min: int | None = None


class DeliveredTest(SafetyTestBase, frozen=True, kw_only=True, tag="delivered"):
    """Neither the computed nor the stated volume reaches so many per cent of the bag."""

    below_percent: Decimal


class ItemTest(SafetyTestBase, frozen=True, kw_only=True, tag="item"):
    """One of the checklist items is not recorded, or its latest result is none of `fine`."""

    items: tuple[str, ...]
    fine: tuple[str, ...]


class AlertTest(SafetyTestBase, frozen=True, kw_only=True, tag="alert_open"):
    """An alert is open that has one of the severities, wants one of the actions or is one of the rules."""

    severities: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


class OrdinalTest(SafetyTestBase, frozen=True, kw_only=True, tag="ordinal"):
    """The infusion is one of these of its course, where the course is one of `courses` and none of `other_than`."""

    among: tuple[int, ...]
    courses: tuple[int, ...] = ()
    other_than: tuple[int, ...] = ()


class IntervalTest(SafetyTestBase, frozen=True, kw_only=True, tag="interval"):
    """The date that the fact names lies fewer than so many calendar months (29 February counts as 1 March), or days,
    after the last infusion of the course before, or nothing is known of that course. `within_course`: after the
    infusion before it in its own course, where one is known."""

    below_months: int | None = None
    below_days: int | None = None
    within_course: bool = False


class SameDateTest(SafetyTestBase, frozen=True, kw_only=True, tag="same_date"):
    """The patient has another day on the date that the fact names, one that stands for a dose."""


class StateTest(SafetyTestBase, frozen=True, kw_only=True, tag="in_state"):
    """The day is in one of the states, before the fact."""

    among: tuple[str, ...]


class NotTest(SafetyTestBase, frozen=True, kw_only=True, tag="not"):
    """The test does not hold."""

    of: SafetyTest


class AllTest(SafetyTestBase, frozen=True, kw_only=True, tag="all"):
    """Every one of the tests holds."""

    of: tuple[SafetyTest, ...]


class AnyTest(SafetyTestBase, frozen=True, kw_only=True, tag="any"):
    """At least one of the tests holds."""

    of: tuple[SafetyTest, ...]


SafetyTest = (
    Charted
    | Latest
    | Says
    | By
    | Alone
    | PumpTest
    | BagTest
    | RateTest
    | DeliveredTest
    | ItemTest
    | AlertTest
    | OrdinalTest
    | IntervalTest
    | SameDateTest
    | StateTest
    | NotTest
    | AllTest
    | AnyTest
)


class Safety(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A named property that holds over every sequence of facts. Exactly one of `never`, `never_enters` and `always`."""

    id: str
    says: str
    """What a clinician reads: the property in one sentence."""
    never: tuple[str, ...] = ()
    """Facts that are never accepted while `when` holds."""
    never_enters: tuple[str, ...] = ()
    """States that no fact ever leads into while `when` holds."""
    always: tuple[str, ...] = ()
    """Facts of which each is accepted whenever `when` holds, from every role in `by`."""
    by: tuple[str, ...] = ()
    when: SafetyTest
    unless_overridden: tuple[str, ...] = ()
    """An acceptance that used up an override of one of these guards does not count: somebody answered for it."""
    source: str


def leaves(test: SafetyTest) -> Iterator[SafetyTest]:
    """Yield the simple tests within a test."""
    match test:
        case NotTest():
            yield from leaves(test.of)
        case AllTest() | AnyTest():
            for part in test.of:
                yield from leaves(part)
        case _:
            yield test
