"""The typed vocabulary of alert rules: tests on the evidence, bands, closing ways, actions.

A rule is a list of bands from mild to grave. A band matches when its test holds on what is charted (`when`), or, for a
clock band, from a moment that can be computed ahead (`from`). Rules of one `family` count as one row of bands, in file
order. Limits are inclusive: `at_least`, `at_most`; `below` and `above` are not.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[str, ...] = ("low", "medium", "high", "critical")


class TestBase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="test"):
    """What every test shares: the tag `test` that names its kind."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Bounds on a number; all that are given must hold."""

    at_least: Decimal | None = None
    at_most: Decimal | None = None
    above: Decimal | None = None
    below: Decimal | None = None


class Reading(TestBase, frozen=True, kw_only=True, tag="reading"):
    """The latest reading of a sign lies within limits, under the named SpO2-like scale where one is given.

    With `apart_min = [a, b]` an earlier reading, a to b minutes before the latest, must lie within the limits too, or
    one of `or_earlier` be at least so high in it (either pressure may have been the high one).
    `fall_from_baseline` wants the reading at least so much below the day's baseline.
    """

    sign: str
    at_least: Decimal | None = None
    at_most: Decimal | None = None
    above: Decimal | None = None
    below: Decimal | None = None
    apart_min: tuple[int, int] | None = None
    or_earlier: dict[str, Decimal] = {}
    fall_from_baseline: Decimal | None = None
    scale_sign: str = ""
    scale: int | None = None


class CodeReading(TestBase, frozen=True, kw_only=True, tag="code_reading"):
    """The latest reading of a coded sign is (not) one of the codes while the baseline's is not (is)."""

    sign: str
    among: tuple[str, ...] = ()
    not_among: tuple[str, ...] = ()
    baseline_among: tuple[str, ...] = ()
    baseline_not_among: tuple[str, ...] = ()


class Trend(TestBase, frozen=True, kw_only=True, tag="trend"):
    """A sign has stayed at or above `rise_percent` over baseline and `at_least`, on the latest reading, one at least
    `sustained_min` before it and every reading between; after a review, `above_reviewed` over the highest reviewed."""

    sign: str
    rise_percent: Decimal
    at_least: Decimal
    sustained_min: int
    above_reviewed: Decimal


class Symptom(TestBase, frozen=True, kw_only=True, tag="symptom"):
    """A symptom with one of the codes is present; `baseline_items` maps codes to the baseline deficit that explains
    them.

    `unnamed` takes every code that no symptom test of another rule names.
    """

    among: tuple[str, ...] = ()
    unnamed: bool = False
    severity_at_least: int | None = None
    severity_at_most: int | None = None
    baseline_items: dict[str, str] = {}


class Deficit(TestBase, frozen=True, kw_only=True, tag="deficit"):
    """The latest neurological check shows one of the items that the baseline does not."""

    items: tuple[str, ...]


class Finding(TestBase, frozen=True, kw_only=True, tag="finding"):
    """The latest fact of a type says so: `equals`, `among`, `not_among` or number limits on a field."""

    fact: str
    field: str
    equals: bool | str | None = None
    among: tuple[str, ...] = ()
    not_among: tuple[str, ...] = ()
    at_least: Decimal | None = None
    at_most: Decimal | None = None
    again_after: str = ""
    """Holds only when an earlier fact of the type matched too and a fact of this type lies between."""


class NegativeCheck(TestBase, frozen=True, kw_only=True, tag="negative_check"):
    """A neurological check at or after the latest of these symptoms shows nothing that the baseline does not.

    It is context, never evidence: charting it again raises nothing again."""

    since_symptoms: tuple[str, ...]
    items: tuple[str, ...]


class ScoreTest(TestBase, frozen=True, kw_only=True, tag="score"):
    """A score of the latest complete set: total at least, or any single part at least.

    Not raised by a set in which one of `explained_by` already stands at the same or a higher severity for a sign that
    scores in this set."""

    score: str
    total_at_least: int | None = None
    single_at_least: int | None = None


class Lab(TestBase, frozen=True, kw_only=True, tag="lab"):
    """The latest result of an analyte: limits on the value, a fall from baseline, or above its own reference."""

    analyte: str
    at_least: Decimal | None = None
    at_most: Decimal | None = None
    above: Decimal | None = None
    below: Decimal | None = None
    fall_percent: Decimal | None = None
    above_reference: bool = False


class InState(TestBase, frozen=True, kw_only=True, tag="in_state"):
    """The day is in one of the states. Context, never evidence."""

    among: tuple[str, ...]


class Before(TestBase, frozen=True, kw_only=True, tag="before"):
    """No fact of the type has been recorded yet. Context, never evidence."""

    fact: str


class After(TestBase, frozen=True, kw_only=True, tag="after"):
    """A fact of the type has been recorded. Context, never evidence."""

    fact: str


class TooFast(TestBase, frozen=True, kw_only=True, tag="too_fast"):
    """The rate exceeds `factor` x plan, or the bag was done in less than `shortest_min` of running pump (where it is
    given)."""

    factor: Decimal
    shortest_min: int | None = None


class VolumeMismatch(TestBase, frozen=True, kw_only=True, tag="volume_mismatch"):
    """A stated volume differs from the computed one by more than `percent`, or a terminal state ended a running
    segment."""

    percent: Decimal


class LeftBefore(TestBase, frozen=True, kw_only=True, tag="left_before"):
    """The patient left before so many minutes of observation."""

    minimum_min: int


class All(TestBase, frozen=True, kw_only=True, tag="all"):
    """Every one of the tests holds."""

    of: tuple[Test, ...]


class Any(TestBase, frozen=True, kw_only=True, tag="any"):
    """At least one of the tests holds."""

    of: tuple[Test, ...]


Test = (
    Reading
    | CodeReading
    | Trend
    | Symptom
    | Deficit
    | Finding
    | NegativeCheck
    | ScoreTest
    | Lab
    | InState
    | Before
    | After
    | TooFast
    | VolumeMismatch
    | LeftBefore
    | All
    | Any
)


class ClockBase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="clock"):
    """What every clock shares: the tag `clock` that names what it counts from."""


class Gap(ClockBase, frozen=True, kw_only=True, tag="gap"):
    """So many minutes in these states without a reading that has all the signs."""

    states: tuple[str, ...]
    signs: tuple[str, ...]
    minutes: int


class BagExpiry(ClockBase, frozen=True, kw_only=True, tag="bag_expiry"):
    """The bag in use: `projected` end lies after its expiry, or now is at most `before_min` before the expiry (0:
    expired)."""

    guard: str
    """The guard whose `valid_h` says how long a bag lasts."""
    projected: bool = False
    before_min: int | None = None
    states: tuple[str, ...]


class PausedFor(ClockBase, frozen=True, kw_only=True, tag="paused_for"):
    """The pump has been paused so many minutes, for one of the reasons where some are named."""

    minutes: int
    reasons: tuple[str, ...] = ()


class EndPassed(ClockBase, frozen=True, kw_only=True, tag="end_passed"):
    """The projected end passed so many minutes ago and the pump still counts as running."""

    minutes: int


class Unconfirmed(ClockBase, frozen=True, kw_only=True, tag="unconfirmed"):
    """A fact without a known person has waited so many minutes for its confirmation."""

    minutes: int


Clock = Gap | BagExpiry | PausedFor | EndPassed | Unconfirmed


class WantedCheck(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A check that an alert wants within so many minutes of being raised."""

    check: str
    fact: str
    within_min: int


class Band(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"since": "from"}):
    """One degree of an alert. Exactly one of `when` and `from`."""

    severity: Severity
    action: str = "alert"
    closes: Literal["auto", "review"]
    when: Test | None = None
    since: Clock | None = None
    declares: bool = True
    """Whether an action that declares an emergency does so in this band."""
    wants: tuple[str, ...] = ()
    """Facts that answer it, where the action's own do not fit."""
    wants_check: WantedCheck | None = None
    says: str = ""
    """What the nurse reads, without patient data."""


class AlertRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"event_class": "class"}):
    """One alert rule."""

    id: str
    event_class: str
    source: str
    family: str = ""
    explained_by: tuple[str, ...] = ()
    bands: tuple[Band, ...]


class ActionRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an action asks for: the facts that answer it, by when, and whether it declares an emergency."""

    answered_by: tuple[str, ...] = ()
    answered_by_idle: tuple[str, ...] = ()
    """Facts that answer it while no pump runs."""
    within_min: int | None = None
    declares: str = ""
    stop_class: bool = False
    escalates_in_emergency: bool = False
    source: str


class ScoreBand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Points for a sign: within limits, or one of the codes, under the conditions named."""

    points: int
    at_least: Decimal | None = None
    at_most: Decimal | None = None
    among: tuple[str, ...] = ()
    when: dict[str, int | bool] = {}
    """Other signs of the same set that must have these values (`spo2_scale = 2`, `on_oxygen = true`)."""


class ScorePart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One sign of a score with its bands; the first that fits counts."""

    sign: str
    bands: tuple[ScoreBand, ...]


class Score(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An aggregate score over one complete set; `defaults` are values of signs that were not charted."""

    parts: tuple[ScorePart, ...]
    defaults: dict[str, int | bool] = {}
    source: str
