"""Load-time checks of a workflow file: what is refused before a single patient is scheduled under it.

Promises: every problem is found in one pass, named by file and key, and says what to do. Checked: names that lead
nowhere, states that cannot be reached or left, no way to an emergency, moves that overlap, clinical rules without
source; facts, rules, alerts and safety properties in the modules beside this one. Does not: model-check sequences of
facts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from infusion_service.clinical.definition import FactType, Move, WorkflowFile
from infusion_service.clinical.machine import STAY
from infusion_service.clinical.vocabulary import texts
from infusion_service.clinical.workflow_alert_checks import alerts
from infusion_service.clinical.workflow_fact_checks import facts
from infusion_service.clinical.workflow_findings import Finding, unknown
from infusion_service.clinical.workflow_laboratory_checks import laboratory
from infusion_service.clinical.workflow_limit_checks import limits
from infusion_service.clinical.workflow_rule_checks import rules
from infusion_service.clinical.workflow_safety_checks import safety


@dataclass(frozen=True, slots=True)
class WorkflowProblem:
    """One thing wrong with a workflow file."""

    file: str
    key: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.file}: {self.key or 'the file'}: {self.problem} ({self.remedy})"


_NEEDED_MEANINGS = ("scheduling", "emergency", "strike")


def check(definition: WorkflowFile, *, file: str) -> tuple[WorkflowProblem, ...]:
    """Return every problem of a parsed workflow file; empty for a file that may be used."""
    findings: list[Finding] = [*_states(definition), *_states_named(definition), *_meanings(definition)]
    if not findings:  # without sound states the rest would only repeat it
        for finder in (_moves, _reachable, facts, rules, alerts, laboratory, limits, safety, _sources):
            findings += finder(definition)
    return tuple(WorkflowProblem(file, *finding) for finding in findings)


def _states(definition: WorkflowFile) -> Iterator[Finding]:
    initial = [name for name, state in definition.states.items() if state.initial]
    if len(initial) != 1:
        yield "states", f"{len(initial)} states are initial", "mark exactly one with initial = true"
    if not any(state.terminal for state in definition.states.values()):
        yield "states", "no state is terminal", "mark those in which a day ends with terminal = true"
    if not any(state.emergency for state in definition.states.values()):
        yield "states", "no state is the emergency", "mark one with emergency = true"
    for name, state in definition.states.items():
        if state.terminal and state.open:
            yield f"states.{name}", "is terminal and open at once", "choose one"


def _states_named(definition: WorkflowFile) -> Iterator[Finding]:
    for name, fact in definition.facts.items():
        for index, move in enumerate(fact.moves):
            if not move.sources:
                yield f"facts.{name}.moves[{index}]", "leads from no state", "name the states it leads from"
            named = (*move.sources, *(() if move.to == STAY else (move.to,)))
            yield from unknown(f"facts.{name}.moves[{index}]", "state", named, definition.states)


def _meanings(definition: WorkflowFile) -> Iterator[Finding]:
    meanings: list[str | None] = [fact.means for fact in definition.facts.values()]
    for meaning in _NEEDED_MEANINGS:
        if meaning not in meanings:
            yield "facts", f"no fact means {meaning}", f'give one fact means = "{meaning}"'
    for meaning in ("scheduling", "missed"):
        if meanings.count(meaning) > 1:
            yield "facts", f"several facts mean {meaning}", "leave one"


def _moves(definition: WorkflowFile) -> Iterator[Finding]:
    for name, fact in definition.facts.items():
        for index, move in enumerate(fact.moves):
            key = f"facts.{name}.moves[{index}]"
            yield from _when(key, move, fact)
            for other in fact.moves[:index]:
                shared = set(move.sources) & set(other.sources)
                if shared and _overlap(move, other):
                    yield (
                        key,
                        f"overlaps another move from {texts(sorted(shared))}",
                        "let the conditions exclude each other",
                    )


def _when(key: str, move: Move, fact: FactType) -> Iterator[Finding]:
    when = move.when
    if when is None:
        return
    yield from unknown(key, "field of it", (when.field,), fact.fields)
    if (when.equals is None) == (not when.among):
        yield f"{key}.when", "must have exactly one of `equals` and `among`", "leave one"
    if when.field in fact.fields and fact.fields[when.field].of:
        said = (*when.among, *((when.equals,) if isinstance(when.equals, str) else ()))
        yield from unknown(f"{key}.when", f"code of {when.field}", said, fact.fields[when.field].of)


def _overlap(one: Move, other: Move) -> bool:
    if one.when is None or other.when is None or one.when.field != other.when.field:
        return True
    values_one: set[str | bool | None] = {*one.when.among} or {one.when.equals}
    values_other: set[str | bool | None] = {*other.when.among} or {other.when.equals}
    return bool(values_one & values_other)


def _edges(definition: WorkflowFile) -> dict[str, set[str]]:
    edges: dict[str, set[str]] = {name: set() for name in definition.states}
    for fact in definition.facts.values():
        for move in fact.moves:
            for source in move.sources:
                if move.to != STAY:
                    edges[source].add(move.to)
    return edges


def _reached(edges: dict[str, set[str]], start: str) -> set[str]:
    seen, todo = {start}, [start]
    while todo:
        for target in edges[todo.pop()] - seen:
            seen.add(target)
            todo.append(target)
    return seen


def _reachable(definition: WorkflowFile) -> Iterator[Finding]:
    edges = _edges(definition)
    initial = next(name for name, state in definition.states.items() if state.initial)
    reached = _reached(edges, initial)
    emergencies = {
        source
        for fact in definition.facts.values()
        if fact.means == "emergency"
        for move in fact.moves
        for source in move.sources
    }
    for name, state in definition.states.items():
        key = f"states.{name}"
        if name not in reached:
            yield key, "cannot be reached", "add a move to it or take it out"
        if not state.terminal and not any(definition.states[other].terminal for other in _reached(edges, name)):
            yield key, "is a trap: no terminal state can be reached from it", "add a way out"
        if state.open and name not in emergencies:
            yield key, "has no way to an emergency", "add it to the moves of the fact that means emergency"


def _sources(definition: WorkflowFile) -> Iterator[Finding]:
    ruled = [("plan", definition.plan.source), ("time", definition.time.source), ("grace", definition.grace.source)]
    ruled += [("course_flags", definition.course_flags.source)]
    ruled += [(f"guards.{guard.id}", guard.source) for guard in definition.guards]
    ruled += [(f"course_rules.{rule.id}", rule.source) for rule in definition.course_rules]
    ruled += [(f"checks[{index}]", rule.source) for index, rule in enumerate(definition.checks)]
    ruled += [(f"alerts.{rule.id}", rule.source) for rule in definition.alerts]
    ruled += [(f"actions.{name}", action.source) for name, action in definition.actions.items()]
    ruled += [(f"scores.{name}", score.source) for name, score in definition.scores.items()]
    ruled += [(f"facts.{n}", f.source) for n, f in definition.facts.items() if any(x.hard for x in f.fields.values())]
    for key, source in ruled:
        if not source.strip():
            yield key, "has no source", 'say where the rule comes from (a document and section, or "local")'
