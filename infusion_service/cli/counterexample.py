"""A violated safety property as a rehearsal file: the shortest way to see it, played again with `infusion rehearse`.

Promises: the file is complete - every value that the search chose stands in it - and its last step expects what ought
not to be: the acceptance that breaks the property, or the refusal of what must always be possible. So it is met while
the hole is there and fails once it is mended. Does not: search (`clinical.model_check`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from infusion_service.cli.rehearsal.script import DEFAULT_START
from infusion_service.clinical.model_check import Violation
from infusion_service.clinical.model_check_world import ZONE, Posted
from infusion_service.clinical.vocabulary import DOUBLE_CHECK_ENTERED
from infusion_service.clinical.workflow import Workflow

REFERENCES = ("id", "ids")


def rehearsal_of(violation: Violation, workflow: Workflow, *, file: str) -> str:
    """Return the text of a rehearsal file that shows a violation in the workflow of `file`."""
    posts = [step for step in violation.steps if isinstance(step, Posted)]
    return "\n".join(_Writer(violation, workflow, posts).lines(file)) + "\n"


def told(violation: Violation) -> Iterator[tuple[str, str, str, str]]:
    """Yield the steps of a violation for a table: time, who, what, with which data."""
    for step in violation.steps:
        if isinstance(step, Posted):
            who = step.role + (f" and {step.second_role}" if step.second_role else "")
            answer = "" if step.refusal is None else f"refused: {step.refusal.detail}"
            yield f"{step.at:%Y-%m-%d %H:%M:%S}", who, step.fact_type, answer or _inline(step.data)


class _Writer:
    """Writes one rehearsal."""

    def __init__(self, violation: Violation, workflow: Workflow, posts: list[Posted]) -> None:
        self._violation = violation
        self._workflow = workflow
        self._posts = posts
        self._scheduling = workflow.only_of_meaning("scheduling")
        self._opened = date.fromisoformat(posts[0].data["date"])
        self._labels = dict(self._referred())
        self._rules = {alert.id: alert.rule for day in violation.world.days for alert in day.ledger.alerts.values()}

    def _referred(self) -> Iterator[tuple[str, str]]:
        """Yield (event id, label) of each step that a later one refers to."""
        named = {value for step in self._posts for value in self._references(step)}
        for number, step in enumerate(self._posts):
            if step.event_id in named:
                yield step.event_id, f"{step.fact_type} {number}"

    def _references(self, step: Posted) -> Iterator[str]:
        for name, field in self._workflow.facts[step.fact_type].fields.items():
            if field.type in REFERENCES and name in step.data:
                value = step.data[name]
                yield from value if isinstance(value, list) else (value,)

    def lines(self, file: str) -> Iterator[str]:
        """Yield the lines of the file."""
        rule = self._violation.rule
        yield f"# Counterexample to the safety property {rule.id} of {file}:"
        yield f"# {rule.says} ({rule.source})."
        yield "# The last step expects what ought not to be: this rehearsal is met as long as the hole is there."
        yield f"name = {_value(f'Hole: {rule.id}')}"
        yield f"workflow = {_value(f'{self._workflow.name}@{self._workflow.version}')}"
        yield f"timezone = {_value(ZONE)}"
        yield from ("[given]", *self._day(self._posts[0]), f"start = {_value(f'{DEFAULT_START:%H:%M}')}")
        if len(self._posts) == 1:
            yield from ("", "[[step]]", "tick = true", self._expected(self._posts[0]))
        for step in self._posts[1:]:
            yield ""
            yield from self._step(step)

    def _day(self, step: Posted) -> Iterator[str]:
        data = step.data
        yield f"course = {data['course']}"
        yield f"day = {data['day']}"
        yield f"date = {data['date']}"
        if data.get("attested_history"):
            yield f"attested_history = {_value(data['attested_history'])}"

    def _step(self, step: Posted) -> Iterator[str]:
        if step.entered_at != step.at:
            yield from self._stale_double_check(step)
        yield "[[step]]"
        yield f"at = {_value(self._time(step.at))}"
        if step.fact_type == self._scheduling:
            yield f"given_day = {{ {', '.join(self._day(step))} }}"
        else:
            yield from self._fact(step)
        if step is self._posts[-1]:
            yield self._expected(step)

    def _fact(self, step: Posted) -> Iterator[str]:
        fact = self._workflow.facts[step.fact_type]
        yield f"post = {_value(step.fact_type)}"
        yield f"by = {_value(step.role)}"
        if step.event_id in self._labels:
            yield f"label = {_value(self._labels[step.event_id])}"
        if len(self._violation.world.days) > 1:
            yield f"day = {step.day + 1}"
        if fact.means == "vital_signs":
            yield "fill = false"
        if fact.second is not None:
            fresh = step.second_role and step.entered_at == step.at
            yield f"second = {{ by = {_value(step.second_role)} }}" if fresh else "second = false"
        elif step is self._posts[-1]:
            # Here nobody is asked for; where the hole is mended somebody may be, and nobody stands there.
            yield "second = false"
        if step.data:
            yield f"data = {_value(self._resolved(step))}"

    def _stale_double_check(self, step: Posted) -> Iterator[str]:
        yield "[[step]]"
        yield f"at = {_value(self._time(step.entered_at))}"
        yield f"post = {_value(DOUBLE_CHECK_ENTERED)}"
        yield f"by = {_value(step.second_role)}"
        yield f"data = {_value({'type': step.fact_type, 'data': step.data})}"
        yield ""

    def _resolved(self, step: Posted) -> Mapping[str, Any]:
        """Return the data with labels and alert rules in place of ids."""
        fields = self._workflow.facts[step.fact_type].fields
        return {
            name: self._named(value) if name in fields and fields[name].type in REFERENCES else value
            for name, value in step.data.items()
        }

    def _named(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._named(item) for item in value]
        return self._labels.get(value) or self._rules.get(value) or value

    def _expected(self, step: Posted) -> str:
        if step.refusal is not None:
            return f"expect = {{ refused = {_value(step.refusal.code)} }}"
        state = self._violation.state_after or self._violation.world.days[step.day].state or self._workflow.initial
        return f"expect = {{ state = {_value(state)} }}"

    def _time(self, moment: datetime) -> str:
        clock = f"{moment:%H:%M:%S}"
        return clock if moment.date() == self._opened else f"{moment:%Y-%m-%d} {clock}"


def _inline(data: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name} = {_value(value)}" for name, value in data.items())
    return text if len(text) <= CELL_CHARS_MAX else text[:CELL_CHARS_MAX] + " ..."


CELL_CHARS_MAX = 100


def _value(value: Any) -> str:
    """Write a value as TOML does, tables inline."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {_value(item)}" for name, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() else json.dumps(name)
