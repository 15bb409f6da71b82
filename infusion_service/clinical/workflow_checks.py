"""Load-time checks of a workflow file: what is refused before a single patient is scheduled under it.

Promises: every problem is found in one pass, named by file and key, and says what to do. Checked: names that lead
nowhere, states that cannot be reached or left, no way to an emergency, moves that overlap, facts without the fields
their meaning needs, clinical rules without source, tests on signs that nothing records, units that do not fit their
field. Does not: model-check sequences of facts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from infusion_service.clinical.definition import FactType, Field, Move, WorkflowFile
from infusion_service.clinical.machine import STAY
from infusion_service.clinical.vocabulary import CLINICAL_ROLES, texts
from infusion_service.clinical.workflow_rule_checks import Finding, rules, unknown


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


_UNITS = (
    "_mg", "_ml", "_ml_per_h", "_per_min", "_mmhg", "_percent", "_celsius", "_mmol_per_l", "_minutes", "_min", "_h",
)  # fmt: skip
_NUMBERS_WITHOUT_UNIT = ("course", "day", "severity", "pain_score", "spo2_scale", "ctcae_grade", "infusions_given")

_FIELDS_OF_MEANING: dict[str, dict[str, str]] = {
    "scheduling": {"patient": "object", "course": "integer", "day": "integer", "date": "date", "ward": "text"},
    "checklist": {"items": "list"},
    "pump_started": {"rate_ml_per_h": "decimal"},
    "pump_rate_changed": {"rate_ml_per_h": "decimal"},
    "pump_resumed": {"rate_ml_per_h": "decimal"},
    "pump_paused": {"reason": "choice"},
    "pump_stopped": {"reason": "choice"},
    "pump_alarm": {"flow_stopped": "boolean"},
    "bag_prepared": {
        "product": "text",
        "batch": "text",
        "vial_expires_on": "date",
        "prepared_at": "time",
        "volume_ml": "decimal",
        "dose_mg": "decimal",
    },
    "symptom": {"code": "choice"},
    "symptom_resolved": {"code": "choice"},
    "lab_sampled": {"analyte": "text", "sampled_at": "time"},
    "lab_resulted": {"analyte": "text", "sampled_at": "time", "value": "decimal"},
    "medication_given": {"class": "choice"},
    "medication_declined": {"class": "choice"},
    "review": {"decision": "choice"},
    "diagnosis": {"code": "text", "status": "choice"},
    "baseline": {"deficits": "choices"},
    "stood_down": {"finding": "choice"},
    "override": {"guard": "text", "reason": "text", "valid_minutes": "integer"},
    "strike": {"entry": "id"},
    "confirmation": {"entry": "id"},
    "acknowledgement": {"alert": "id"},
}
_NEEDED_MEANINGS = ("scheduling", "emergency", "strike")


def check(definition: WorkflowFile, *, file: str) -> tuple[WorkflowProblem, ...]:
    """Return every problem of a parsed workflow file; empty for a file that may be used."""
    findings: list[Finding] = [*_states(definition), *_states_named(definition), *_meanings(definition)]
    if not findings:  # without sound states the rest would only repeat it
        for finder in (_moves, _reachable, _facts, rules, _sources):
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
            if move.when is not None and move.when.field not in fact.fields:
                yield key, f"tests the field {move.when.field}, which the fact does not have", "name one of its fields"
            for other in fact.moves[:index]:
                shared = set(move.sources) & set(other.sources)
                if shared and _overlap(move, other):
                    yield (
                        key,
                        f"overlaps another move from {texts(sorted(shared))}",
                        "let the conditions exclude each other",
                    )


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


def _facts(definition: WorkflowFile) -> Iterator[Finding]:
    for name, fact in definition.facts.items():
        key = f"facts.{name}"
        yield from _fields_of_meaning(fact, key)
        if fact.means == "vital_signs" and not fact.complete_set:
            yield key, "says no complete_set", "name the signs that make a set complete"
        named = (*fact.complete_set, *fact.at_least_one_of, *(sign for pair in fact.together for sign in pair))
        yield from unknown(key, "field of it", named, fact.fields)
        if not fact.by and fact.means != "missed":
            yield f"{key}.by", "nobody may post it", "name at least one role"
        yield from _fields(fact, key, definition)
    for held_by, held in definition.roles.items():
        yield from unknown(f"roles.{held_by}", "role", (held_by, *held), CLINICAL_ROLES)


def _fields_of_meaning(fact: FactType, key: str) -> Iterator[Finding]:
    for field, wanted in _FIELDS_OF_MEANING.get(fact.means or "", {}).items():
        if field not in fact.fields:
            yield key, f"means {fact.means} but has no field {field}", f"add {field} of type {wanted}"
        elif fact.fields[field].type != wanted:
            yield f"{key}.fields.{field}", f"is {fact.fields[field].type}", f"a {fact.means} needs {wanted}"


def _fields(fact: FactType, key: str, definition: WorkflowFile) -> Iterator[Finding]:
    for name, field in fact.fields.items():
        where = f"{key}.fields.{name}"
        if field.type in ("choice", "choices") and not field.of:
            yield where, "is a choice of nothing", "list its codes in `of` or name code groups"
        yield from unknown(where, "code group", field.groups, definition.code_groups)
        if _wants_unit(name, field):
            yield where, "is a measured number whose name says no unit", f"end the name in one of {texts(_UNITS)}"
        for bounds in (field.soft, field.hard):
            if bounds is not None and bounds[0] > bounds[1]:
                yield where, "has a range whose lower end is above its upper end", "swap them"
        if field.soft and field.hard and not (field.hard[0] <= field.soft[0] and field.soft[1] <= field.hard[1]):
            yield where, "has a soft range outside its hard range", "the soft range lies within the hard one"
        if field.soft and "confirmed" not in fact.fields:
            yield where, "has a soft range but the fact cannot be confirmed", "add a boolean field `confirmed`"


def _wants_unit(name: str, field: Field) -> bool:
    measured = field.type == "decimal" or field.soft is not None or field.hard is not None
    given_beside = name in ("value", "dose", "reference_high")  # their unit is a field of its own
    return measured and not given_beside and name not in _NUMBERS_WITHOUT_UNIT and not name.endswith(_UNITS)


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
