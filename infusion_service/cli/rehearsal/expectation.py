"""What a step expects and how it compares with what is found (the `expect` keys of contract 5, all exact).

Promises: every key of the contract is compared and nothing else; sets compare as sets, quantities within 0.06, times
rounded to the minute in the ward's zone. A refused step that expected no refusal is a difference. Does not: fetch
anything (`player` hands in what it found).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from infusion_service.cli.rehearsal.strict import Table
from infusion_service.cli.rehearsal.wall_time import WallTime, to_the_minute

QUANTITY_TOLERANCE = Decimal("0.06")

ALERT_RAISED, ALERT_CLOSED = "alert.raised", "alert.closed"
ALERT_ESCALATED, ALERT_ANSWERED = "alert.escalated", "alert.answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How the service answered one post. `problem` is the problem document of a refusal."""

    event_id: str
    day_id: str
    duplicate: bool = False
    problem: Mapping[str, Any] | None = None

    @property
    def refused(self) -> str | None:
        """The problem code, `None` when accepted."""
        return None if self.problem is None else str(self.problem["code"])

    def failing(self, member: str, name: str) -> set[str]:
        """The guards (`guards`, `guard`) or course rules (`rules`, `rule`) that failed."""
        problem = self.problem or {}
        named = {str(item[name]) for item in problem.get(member, ())}
        return named | ({str(problem[name])} if problem.get(name) else set())


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there was after a step: the answers, the day view, the day's entries since the step before."""

    replies: Sequence[Reply]
    view: Mapping[str, Any]
    entries: Sequence[Mapping[str, Any]]
    zone: ZoneInfo

    def rules_of(self, entry_type: str) -> set[str]:
        """The alert rules of the new entries of a type."""
        return {str(entry["data"]["rule"]) for entry in self.entries if entry["type"] == entry_type}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One expectation that was not met."""

    step: str
    key: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """The `expect` table of a step; `None` means "not looked at"."""

    state: str | None = None
    raised: frozenset[str] | None = None
    closed: frozenset[str] | None = None
    open: frozenset[str] | None = None
    overdue: frozenset[str] | None = None
    escalated: frozenset[str] | None = None
    answered: frozenset[str] | None = None
    retrospective: frozenset[str] | None = None
    course_flags: frozenset[str] | None = None
    delivered_ml: Decimal | None = None
    delivered_mg: Decimal | None = None
    projected_end: WallTime | None = None
    earliest_discharge: WallTime | None = None
    severity: Mapping[str, str] | None = None
    ordinal: int | None = None
    pump: str | None = None
    duplicate: bool | None = None
    refused: str | None = None
    guard: str | None = None
    rule: str | None = None

    @property
    def refusal(self) -> bool:
        """Whether the step is expected to be refused."""
        return self.refused is not None or self.guard is not None or self.rule is not None


KEYS = tuple(field.name for field in fields(Expectation))


def read_expectation(table: Table | None) -> Expectation:
    """Read an `expect` table strictly; absent means that only acceptance is expected. Raises `ScriptInvalid`."""
    if table is None:
        return Expectation()
    sets = {key: _as_set(table.texts(key)) for key in _SETS}
    severity = table.mapping("severity")
    expectation = Expectation(
        **sets,
        state=table.text("state"),
        delivered_ml=table.number("delivered_ml"),
        delivered_mg=table.number("delivered_mg"),
        projected_end=_when(table, "projected_end"),
        earliest_discharge=_when(table, "earliest_discharge"),
        severity=None if severity is None else {rule: str(value) for rule, value in severity.items()},
        ordinal=table.whole("ordinal"),
        pump=table.text("pump"),
        duplicate=table.flag("duplicate"),
        refused=table.text("refused"),
        guard=table.text("guard"),
        rule=table.text("rule"),
    )
    table.finish()
    return expectation


def differences(step: str, expected: Expectation, found: Found) -> list[Difference]:
    """Compare and return every difference, the refusal first, then in the order of `KEYS`."""
    result = _refusal_differences(step, expected, found.replies)
    for key in KEYS:
        wanted = getattr(expected, key)
        if wanted is None or key in _REFUSAL_KEYS:
            continue
        met, shown = _COMPARISONS[key](wanted, found)
        if not met:
            result.append(Difference(step=step, key=key, expected=show(wanted), found=shown))
    return result


def show(value: object) -> str:
    """Write a value as the table of differences shows it."""
    if value is None:
        return "nothing"
    if isinstance(value, str | WallTime):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {show(item)}" for key, item in value.items()) or "none"
    if isinstance(value, Iterable):
        return ", ".join(sorted(str(item) for item in value)) or "none"
    return str(value)


def _refusal_differences(step: str, expected: Expectation, replies: Sequence[Reply]) -> list[Difference]:
    refusals = [reply for reply in replies if reply.refused is not None]
    found = "; ".join(_told(reply) for reply in refusals) or "accepted"
    if not expected.refusal:
        return [Difference(step=step, key="refused", expected="accepted", found=found)] if refusals else []
    if any(_meets(expected, reply) for reply in refusals):
        return []
    key = next(key for key in _REFUSAL_KEYS if getattr(expected, key) is not None)
    wanted = {name: value for name in _REFUSAL_KEYS if (value := getattr(expected, name)) is not None}
    return [Difference(step=step, key=key, expected=show(wanted), found=found)]


def _meets(expected: Expectation, reply: Reply) -> bool:
    return (
        expected.refused in (None, reply.refused)
        and (expected.guard is None or expected.guard in reply.failing("guards", "guard"))
        and (expected.rule is None or expected.rule in reply.failing("rules", "rule"))
    )


def _told(reply: Reply) -> str:
    names = sorted(reply.failing("guards", "guard") | reply.failing("rules", "rule"))
    detail = (reply.problem or {}).get("detail", "")
    return f"{reply.refused}" + (f" ({', '.join(names)})" if names else "") + (f": {detail}" if detail else "")


Comparison = Callable[[Any, Found], tuple[bool, str]]


def _equal(read: Callable[[Found], object]) -> Comparison:
    def compare(wanted: object, found: Found) -> tuple[bool, str]:
        value = read(found)
        return value == wanted, show(value)

    return compare


def _quantity(name: str) -> Comparison:
    def compare(wanted: Decimal, found: Found) -> tuple[bool, str]:
        text = (found.view.get("dose") or {}).get(name)
        if text is None:
            return False, show(None)
        return abs(Decimal(text) - wanted) <= QUANTITY_TOLERANCE, str(text)

    return compare


def _minute(read: Callable[[Mapping[str, Any]], str | None]) -> Comparison:
    def compare(wanted: WallTime, found: Found) -> tuple[bool, str]:
        text = read(found.view)
        if text is None:
            return False, show(None)
        rounded = to_the_minute(datetime.fromisoformat(text), found.zone)
        day = date.fromisoformat(found.view["date"])
        shown = f"{rounded:%H:%M}" if rounded.date() == day else f"{rounded:%Y-%m-%d %H:%M}"
        return wanted.moment(day, found.zone) == rounded, shown

    return compare


def _severities(wanted: Mapping[str, str], found: Found) -> tuple[bool, str]:
    """Compare the severity of each named rule: of its open alert, else of the latest one raised in this step."""
    raised = {
        entry["data"]["rule"]: entry["data"]["severity"] for entry in found.entries if entry["type"] == ALERT_RAISED
    }
    known = raised | {alert["rule"]: alert["severity"] for alert in found.view["alerts"]}
    shown = {rule: known.get(rule) for rule in wanted}
    return shown == dict(wanted), show(shown)


def _retrospective(found: Found) -> set[str]:
    raised = (entry["data"] for entry in found.entries if entry["type"] == ALERT_RAISED)
    return {str(data["rule"]) for data in raised if data.get("retrospective")}


def _overdue(found: Found) -> set[str]:
    return {str(check["check"]) for check in found.view["checks"] if check["status"] == "red"}


def _course_flags(found: Found) -> set[str]:
    flags = found.view["course_flags"]
    return {str(flag["flag"] if isinstance(flag, Mapping) else flag) for flag in flags}


_SETS = ("raised", "closed", "open", "overdue", "escalated", "answered", "retrospective", "course_flags")
_REFUSAL_KEYS = ("refused", "guard", "rule")
_COMPARISONS: dict[str, Comparison] = {
    "state": _equal(lambda found: found.view["state"]),
    "raised": _equal(lambda found: found.rules_of(ALERT_RAISED)),
    "closed": _equal(lambda found: found.rules_of(ALERT_CLOSED)),
    "open": _equal(lambda found: {str(alert["rule"]) for alert in found.view["alerts"]}),
    "overdue": _equal(_overdue),
    "escalated": _equal(lambda found: found.rules_of(ALERT_ESCALATED)),
    "answered": _equal(lambda found: found.rules_of(ALERT_ANSWERED)),
    "retrospective": _equal(_retrospective),
    "course_flags": _equal(_course_flags),
    "delivered_ml": _quantity("delivered_ml"),
    "delivered_mg": _quantity("delivered_mg"),
    "projected_end": _minute(lambda view: (view.get("dose") or {}).get("projected_end")),
    "earliest_discharge": _minute(lambda view: (view.get("observation") or {}).get("earliest_discharge")),
    "severity": _severities,
    "ordinal": _equal(lambda found: found.view["ordinal"]),
    "pump": _equal(lambda found: found.view["pump"]),
    "duplicate": _equal(lambda found: bool(found.replies) and all(reply.duplicate for reply in found.replies)),
}


def _as_set(values: tuple[str, ...] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def _when(table: Table, key: str) -> WallTime | None:
    value = table.take(key)
    if value is None:
        return None
    try:
        return WallTime.parse(value)
    except ValueError as error:
        raise table.invalid(key, str(error)) from None
