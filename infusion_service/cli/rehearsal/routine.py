"""The unremarkable day of a workflow, as its file's `[rehearsal]` table writes it.

Promises: read strictly; an error names the workflow file's key. Does not: play it (`player`), or know any product:
drugs, doses and clock times all stand in the file.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Any

from infusion_service.cli.rehearsal.script import UNREMARKABLE
from infusion_service.cli.rehearsal.strict import ScriptInvalid, Table, as_json
from infusion_service.cli.rehearsal.wall_time import WallTime
from infusion_service.clinical.model_check_letters import Alphabet
from infusion_service.clinical.workflow import Workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckDone:
    """How a due check is done unremarkably. `baseline`: what the patient's baseline names is true."""

    name: str
    post: str
    data: Mapping[str, Any] = field(default_factory=dict)
    fill: bool = False
    baseline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutineStep:
    """One step of the routine: post a fact, do a check, or (`due`) all checks that fall due until `at`."""

    to: str
    at: time
    post: str | None = None
    check: str | None = None
    due: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)
    days_after: Mapping[str, int] = field(default_factory=dict)
    ordinal_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Routine:
    """The whole routine, written for a day that begins at `start`."""

    file: str
    start: time
    checks: Mapping[str, CheckDone]
    steps: tuple[RoutineStep, ...]
    unremarkable: Mapping[str, Any]
    """Values of signs on which no rule remarks: the file's, else those of the rehearsal format, else plain ones."""

    def up_to(self, target: str) -> tuple[RoutineStep, ...]:
        """Return the steps that lead to `target`. Raises `ScriptInvalid` when the routine knows no such target."""
        targets = [step.to for step in self.steps]
        if target not in targets:
            known = ", ".join(dict.fromkeys(targets)) or "none: the workflow file has no [rehearsal] routine"
            raise ScriptInvalid(self.file, "[given]", "routine_to", f"{target!r} is not one of {known}")
        return self.steps[: len(targets) - targets[::-1].index(target)]

    def shift(self, start: time) -> timedelta:
        """Return by how much the routine's times move for a day that begins at `start`."""
        return _since_midnight(start) - _since_midnight(self.start)


def read_routine(workflow: Workflow) -> Routine:
    """Read the `[rehearsal]` table of a workflow; without one the checks follow from what its facts mean.

    Raises `ScriptInvalid`.
    """
    file = f"{workflow.name}.v{workflow.version}"
    table = Table(workflow.rehearsal, file=file, where="[rehearsal]")
    start = _clock(table, "start") or time(8)
    raw_checks = table.mapping("checks")
    checks = _checks_meant(workflow) if raw_checks is None else _checks(raw_checks, file)
    steps = tuple(_step(raw, number, file, checks) for number, raw in enumerate(table.tables("routine") or [], 1))
    said = as_json(table.mapping("unremarkable") or {})
    table.finish()
    _known(said, checks, steps, workflow)
    return Routine(
        file=file, start=start, checks=checks, steps=steps, unremarkable=_unremarkable(said, checks, workflow)
    )


def _unremarkable(said: Mapping[str, Any], checks: Mapping[str, CheckDone], workflow: Workflow) -> dict[str, Any]:
    kinds = workflow.of_meaning("vital_signs")
    plain = {
        sign: Alphabet(workflow).plain(kind).data[sign] for kind in kinds for sign in workflow.facts[kind].complete_set
    }
    done = {sign: value for check in checks.values() if check.post in kinds for sign, value in check.data.items()}
    return {**plain, **UNREMARKABLE, **done, **said}


def _known(
    said: Mapping[str, Any], checks: Mapping[str, CheckDone], steps: Sequence[RoutineStep], workflow: Workflow
) -> None:
    """Look whether every fact and field that the table names is there. Raises `ScriptInvalid`."""
    file = f"{workflow.name}.v{workflow.version}"
    signs = {name for fact in workflow.of_meaning("vital_signs") for name in workflow.facts[fact].fields}
    _each(said, signs, "sign that is recorded", file, "[rehearsal.unremarkable]")
    posts = [(f"[rehearsal.checks.{name}]", check.post, check.data) for name, check in checks.items()]
    posts += [
        (f"[[rehearsal.routine]] {number}", step.post, {**step.data, **step.days_after})
        for number, step in enumerate(steps, 1)
        if step.post is not None
    ]
    for where, post, data in posts:
        _each((post,), workflow.facts, "fact", file, where)
        _each(data, workflow.facts[post].fields, f"field of {post}", file, where)


def _each(names: Iterable[str], known: Iterable[str], what: str, file: str, where: str) -> None:
    listed = sorted(known)
    for name in names:
        if name not in listed:
            near = difflib.get_close_matches(name, listed, n=1)
            meant = f"did you mean {near[0]!r}" if near else f"use one of {', '.join(listed)}"
            raise ScriptInvalid(file, where, name, f"is no {what}: {meant}")


def _checks(raw: dict[str, Any], file: str) -> dict[str, CheckDone]:
    checks = {}
    for name, body in raw.items():
        table = Table(body, file=file, where=f"[rehearsal.checks.{name}]")
        checks[name] = CheckDone(
            name=name,
            post=table.required("post", table.text),
            data=as_json(table.mapping("data") or {}),
            fill=table.flag("fill") or False,
            baseline=table.text("baseline") == "baseline_deficits",
        )
        table.finish()
    return checks


def _checks_meant(workflow: Workflow) -> dict[str, CheckDone]:
    """Derive how a check is done from the fact it wants: vital signs are filled, a neurological check finds nothing."""
    checks: dict[str, CheckDone] = {}
    for check in workflow.definition.checks:
        fact = workflow.facts[check.fact]
        if fact.means == "vital_signs":
            checks.setdefault(check.check, CheckDone(name=check.check, post=check.fact, fill=True))
        elif fact.means == "neuro_check":
            nothing = {
                name: False for name, kind in fact.fields.items() if kind.type == "boolean" and not kind.optional
            }
            done = CheckDone(name=check.check, post=check.fact, data=nothing, baseline=True)
            checks.setdefault(check.check, done)
    return checks


def _step(raw: dict[str, Any], number: int, file: str, checks: Mapping[str, CheckDone]) -> RoutineStep:
    table = Table(raw, file=file, where=f"[[rehearsal.routine]] {number}")
    at = _clock(table, "at")
    step = RoutineStep(
        to=table.required("to", table.text),
        at=at or time(0),
        post=table.text("post"),
        check=table.text("check"),
        due=table.flag("due") or False,
        data=as_json(table.mapping("data") or {}),
        days_after=table.mapping("days_after") or {},
        ordinal_max=table.whole("ordinal_max"),
    )
    table.finish()
    if at is None:
        raise table.invalid("at", "is required")
    if sum((step.post is not None, step.check is not None, step.due)) != 1:
        raise table.invalid("post", "a routine step has one of post, check and due = true")
    if step.check is not None and step.check not in checks:
        raise table.invalid("check", f"{step.check!r} is not one of {', '.join(checks)}")
    return step


def _clock(table: Table, key: str) -> time | None:
    value = table.take(key)
    if value is None:
        return None
    try:
        return WallTime.parse(value).clock
    except ValueError as error:
        raise table.invalid(key, str(error)) from None


def _since_midnight(clock: time) -> timedelta:
    return timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)
