"""A rehearsal file as typed values, read strictly (contract 5).

Promises: an unknown key, a wrong type or an impossible combination raises `ScriptInvalid` with file, step and key,
before anything is played. Does not: know fact types, roles or rules, which are the workflow's.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from infusion_service.cli.rehearsal.expectation import Expectation, read_expectation
from infusion_service.cli.rehearsal.strict import ScriptInvalid, Table, as_json
from infusion_service.cli.rehearsal.wall_time import WallTime

UNREMARKABLE: Mapping[str, Any] = {
    "systolic_mmhg": 122,
    "diastolic_mmhg": 76,
    "heart_rate_per_min": 72,
    "spo2_percent": 98,
    "on_oxygen": False,
    "spo2_scale": 1,
    "respiratory_rate_per_min": 16,
    "temperature_celsius": Decimal("36.8"),
    "consciousness": "A",
}
"""The unremarkable complete set the rehearsal format itself defines. A workflow's `[rehearsal.unremarkable]` replaces
and adds values, a script's `[given.unremarkable]` goes before both."""

DEFAULT_START = time(8, 0)
DEFAULT_PATIENT = "P-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondPerson:
    """Who the second person is (`by`, a role) and what they enter (`data`; `None`: the same as the first)."""

    by: str | None = None
    data: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One fact to post. `second`: False leaves the second person out, None supplies one wherever required."""

    type: str
    data: dict[str, Any] = field(default_factory=dict)
    by: str | None = None
    second: SecondPerson | bool | None = None
    fill: bool = True
    occurred_at: WallTime | None = None
    sent_at: WallTime | None = None
    late_reason: str | None = None
    group: str | None = None
    corrects: str | None = None
    label: str | None = None
    day: int | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenDay:
    """A day to schedule."""

    course: int
    day: int
    date: date
    patient: str = DEFAULT_PATIENT
    baseline_deficits: tuple[str, ...] = ()
    attested_history: tuple[dict[str, Any], ...] = ()
    unremarkable: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the fact that schedules the day."""
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Action: post one fact, or several as one batch."""

    posts: tuple[Post, ...]
    batch: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutineUntil:
    """Action: do every check that falls due up to and including the moment, on time and unremarkably."""

    until: WallTime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOf:
    """Action: post the same bytes of a labelled step again."""

    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleDay:
    """Action: schedule a further day."""

    given: GivenDay
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Action: none, only time passes."""


Action = Facts | RoutineUntil | ReplayOf | ScheduleDay | Tick


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: go to `at`, act, then compare with `expect`."""

    number: int
    action: Action
    expect: Expectation
    at: WallTime | None = None
    day: int | str | None = None
    label: str | None = None

    @property
    def name(self) -> str:
        """How the step is called in errors and differences."""
        return f"step {self.number}" + (f" ({self.label})" if self.label else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A whole rehearsal. `workflow_version` None means the newest there is."""

    file: str
    name: str
    workflow: str
    workflow_version: int | None
    timezone: ZoneInfo
    given: GivenDay
    start: time
    routine_to: str | None
    steps: tuple[Step, ...]


def read_script(path: Path) -> Script:
    """Read a rehearsal file. Raises `ScriptInvalid`; `OSError` when the file cannot be read."""
    return parse_script(path.read_bytes(), file=path.name)


def parse_script(raw: bytes, *, file: str) -> Script:
    """Parse the bytes of a rehearsal file. Raises `ScriptInvalid`."""
    try:
        document = tomllib.loads(raw.decode("utf-8"), parse_float=Decimal)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScriptInvalid(file, "file", "(syntax)", str(error)) from None
    top = Table(document, file=file, where="top level")
    name = top.required("name", top.text)
    workflow, version = _workflow(top)
    zone = _zone(top)
    given_table = Table(top.required("given", top.mapping), file=file, where="[given]")
    start = given_table.take("start")
    routine_to = given_table.text("routine_to")
    given = read_given(given_table, {}, DEFAULT_PATIENT)
    steps = tuple(_step(raw_step, number, file, given) for number, raw_step in enumerate(top.tables("step") or [], 1))
    top.finish()
    _check_labels(steps, file)
    return Script(
        file=file, name=name, workflow=workflow, workflow_version=version, timezone=zone, given=given,
        start=_start(given_table, start), routine_to=routine_to, steps=steps,
    )  # fmt: skip


def read_given(table: Table, unremarkable: Mapping[str, Any], patient: str) -> GivenDay:
    """Read the keys of a day to schedule; what is not given comes from the arguments. Raises `ScriptInvalid`."""
    given = GivenDay(
        course=table.required("course", table.whole),
        day=table.required("day", table.whole),
        date=table.required("date", table.day),
        patient=table.text("patient") or patient,
        baseline_deficits=table.texts("baseline_deficits") or (),
        attested_history=tuple(as_json(table.tables("attested_history") or [])),
        unremarkable={**unremarkable, **as_json(table.mapping("unremarkable") or {})},
        data=as_json(table.mapping("data") or {}),
        label=table.text("label"),
    )
    table.finish()
    return given


def _workflow(top: Table) -> tuple[str, int | None]:
    name, at, version = top.required("workflow", top.text).partition("@")
    if at and not version.isdigit():
        raise top.invalid("workflow", f'{version!r} is not a version; write "{name}@1" or "{name}"')
    return name, int(version) if at else None


def _zone(top: Table) -> ZoneInfo:
    name = top.required("timezone", top.text)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise top.invalid("timezone", f"{name!r} is not a known time zone") from None


def _start(table: Table, value: object) -> time:
    if value is None:
        return DEFAULT_START
    try:
        return WallTime.parse(value).clock
    except ValueError as error:
        raise table.invalid("start", str(error)) from None


def _step(raw: dict[str, Any], number: int, file: str, first: GivenDay) -> Step:
    table = Table(raw, file=file, where=f"step {number}")
    label = table.text("label")
    day = _which_day(table)
    expect = read_expectation(table.table("expect", f"step {number}, expect"))
    at = _when(table, "at")
    action = _action(table, number, label, day, first)
    table.finish()
    return Step(number=number, action=action, expect=expect, at=at, day=day, label=label)


def _action(table: Table, number: int, label: str | None, day: int | str | None, first: GivenDay) -> Action:
    kinds = [key for key in ("post", "batch", "routine_until", "replay_of", "given_day", "tick") if key in table]
    if len(kinds) != 1:
        found = " and ".join(kinds) or "none"
        raise table.invalid(
            "post", f"a step has one of post, batch, routine_until, replay_of, given_day, tick: {found}"
        )
    match kinds[0]:
        case "post":
            return Facts(posts=(_post(table, label, day, Post(type="")),))
        case "batch":
            return _batch(table, number, day)
        case "routine_until":
            return RoutineUntil(until=table.required("routine_until", lambda key: _when(table, key)))
        case "replay_of":
            return ReplayOf(label=table.required("replay_of", table.text))
        case "given_day":
            given = Table(table.take("given_day"), file=table.file, where=f"step {number}, given_day")
            return ScheduleDay(given=read_given(given, first.unremarkable, first.patient), by=table.text("by"))
    if table.flag("tick") is not True:
        raise table.invalid("tick", "can only be true")
    return Tick()


def _batch(table: Table, number: int, day: int | str | None) -> Facts:
    items = table.required("batch", table.tables)
    if not items:
        raise table.invalid("batch", "needs at least one item")
    shared = _post_keys(table, None, day, Post(type="", data={}))
    posts = []
    for index, raw in enumerate(items, 1):
        item = Table(raw, file=table.file, where=f"step {number}, batch item {index}")
        posts.append(_post(item, item.text("label"), _which_day(item) or day, shared))
        item.finish()
    return Facts(posts=tuple(posts), batch=True)


def _post(table: Table, label: str | None, day: int | str | None, shared: Post) -> Post:
    fact_type = table.required("post", table.text)
    post = _post_keys(table, label, day, shared)
    data = as_json(table.mapping("data") or {})
    entry = table.text("entry")
    if entry is not None:
        data = {"entry": entry, **data}
    return Post(
        type=fact_type, data=data, by=post.by, second=post.second, fill=post.fill, occurred_at=post.occurred_at,
        sent_at=post.sent_at, late_reason=post.late_reason, group=post.group, corrects=post.corrects,
        label=post.label, day=post.day,
    )  # fmt: skip


def _post_keys(table: Table, label: str | None, day: int | str | None, shared: Post) -> Post:
    """Read what a post may carry beside `post`, `data` and `entry`; a batch gives its items' defaults the same way."""
    second, fill = _second(table), table.flag("fill")
    return Post(
        type="",
        by=table.text("by") or shared.by,
        second=shared.second if second is None else second,
        fill=shared.fill if fill is None else fill,
        occurred_at=_when(table, "occurred_at") or shared.occurred_at,
        sent_at=_when(table, "sent_at") or shared.sent_at,
        late_reason=table.text("late_reason") or shared.late_reason,
        group=table.text("group") or shared.group,
        corrects=table.text("corrects") or shared.corrects,
        label=label,
        day=day,
    )


def _second(table: Table) -> SecondPerson | bool | None:
    if "second" not in table:
        return None
    value = table.take("second")
    if isinstance(value, bool):
        return value
    second = Table(value, file=table.file, where=f"{table.where}, second")
    data = second.mapping("data")
    person = SecondPerson(by=second.text("by"), data=None if data is None else as_json(data))
    second.finish()
    return person


def _when(table: Table, key: str) -> WallTime | None:
    value = table.take(key)
    if value is None:
        return None
    try:
        return WallTime.parse(value)
    except ValueError as error:
        raise table.invalid(key, str(error)) from None


def _which_day(table: Table) -> int | str | None:
    value = table.take("day")
    if value is None or (isinstance(value, int | str) and not isinstance(value, bool)):
        return value
    raise table.invalid("day", "must be the number of a day, in order of scheduling from 1, or the label of one")


def _check_labels(steps: tuple[Step, ...], file: str) -> None:
    """Refuse a label used twice and a `replay_of` that points at no earlier label."""
    seen: set[str] = set()
    for step in steps:
        if isinstance(step.action, ReplayOf) and step.action.label not in seen:
            raise ScriptInvalid(file, step.name, "replay_of", f"no earlier step is labelled {step.action.label!r}")
        posts = step.action.posts if isinstance(step.action, Facts) and step.action.batch else ()
        for label in (step.label, *(post.label for post in posts)):
            if label in seen:
                raise ScriptInvalid(file, step.name, "label", f"{label!r} is used twice")
            if label is not None:
                seen.add(label)
