"""Load-time checks of a workflow file: what is refused before a single patient is scheduled under it.

Promises: every problem is found in one pass, named by file and key, and says what to do. Checked: names that lead
nowhere, states that cannot be reached or left, no way to an emergency, moves that overlap, facts without the fields
their meaning needs, clinical rules without source, tests on signs that nothing records, units that do not fit their
field. Does not: model-check sequences of facts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from infusion_service.clinical import alert_definition as tests
from infusion_service.clinical import guard_definition as guards
from infusion_service.clinical.alert_families import leaves_of
from infusion_service.clinical.definition import FactType, Field, Move, WorkflowFile
from infusion_service.clinical.machine import STAY
from infusion_service.clinical.vocabulary import CLINICAL_ROLES, texts


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


_Finding = tuple[str, str, str]
"""Key, problem, remedy."""

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
    findings: list[_Finding] = list(_states(definition))
    if not findings:  # without sound states the rest would only repeat it
        for finder in (_moves, _reachable, _facts, _guards, _course_rules, _checks, _alerts, _sources):
            findings += finder(definition)
    return tuple(WorkflowProblem(file, *finding) for finding in findings)


def _states(definition: WorkflowFile) -> Iterator[_Finding]:
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
    for name, fact in definition.facts.items():
        for index, move in enumerate(fact.moves):
            for state_name in (*move.sources, *(() if move.to == STAY else (move.to,))):
                if state_name not in definition.states:
                    key = f"facts.{name}.moves[{index}]"
                    yield key, f"{state_name} is not a state", f"use one of {texts(list(definition.states))}"
    present = {fact.means for fact in definition.facts.values()}
    for meaning in _NEEDED_MEANINGS:
        if meaning not in present:
            yield "facts", f"no fact means {meaning}", f'give one fact means = "{meaning}"'
    by_meaning: dict[str, list[str]] = {}
    for name, fact in definition.facts.items():
        by_meaning.setdefault(fact.means or "", []).append(name)
    for meaning in ("scheduling", "missed"):
        if len(by_meaning.get(meaning, ())) > 1:
            yield "facts", f"several facts mean {meaning}", "leave one"


def _moves(definition: WorkflowFile) -> Iterator[_Finding]:
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


def _reachable(definition: WorkflowFile) -> Iterator[_Finding]:
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


def _facts(definition: WorkflowFile) -> Iterator[_Finding]:
    for name, fact in definition.facts.items():
        key = f"facts.{name}"
        for field, wanted in _FIELDS_OF_MEANING.get(fact.means or "", {}).items():
            if field not in fact.fields:
                yield key, f"means {fact.means} but has no field {field}", f"add {field} of type {wanted}"
            elif fact.fields[field].type != wanted:
                yield f"{key}.fields.{field}", f"is {fact.fields[field].type}", f"a {fact.means} needs {wanted}"
        if fact.means == "vital_signs" and not fact.complete_set:
            yield key, "says no complete_set", "name the signs that make a set complete"
        for sign in (*fact.complete_set, *fact.at_least_one_of, *(sign for pair in fact.together for sign in pair)):
            if sign not in fact.fields:
                yield key, f"names {sign}, which is not one of its fields", "name one of its fields"
        if not fact.by and fact.means != "missed":
            yield f"{key}.by", "nobody may post it", "name at least one role"
        yield from _fields(fact, key, definition)
    for held_by, held in definition.roles.items():
        for role in (held_by, *held):
            if role not in CLINICAL_ROLES:
                yield f"roles.{held_by}", f"{role} is not a role", f"use one of {texts(CLINICAL_ROLES)}"


def _fields(fact: FactType, key: str, definition: WorkflowFile) -> Iterator[_Finding]:
    for name, field in fact.fields.items():
        where = f"{key}.fields.{name}"
        if field.type in ("choice", "choices") and not field.of:
            yield where, "is a choice of nothing", "list its codes in `of` or name code groups"
        for group in field.groups:
            if group not in definition.code_groups:
                yield where, f"{group} is not a code group", f"use one of {texts(list(definition.code_groups))}"
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


def _guards(definition: WorkflowFile) -> Iterator[_Finding]:
    alerts = {rule.id for rule in definition.alerts}
    signs = _signs(definition)
    seen: set[str] = set()
    for guard in definition.guards:
        key = f"guards.{guard.id}"
        if guard.id in seen:
            yield key, "stands twice", "give every guard its own id"
        seen.add(guard.id)
        yield from _known_facts(key, guard.on, definition)
        for state in guard.only_from:
            if state not in definition.states:
                yield key, f"{state} is not a state", "name a state"
        match guard:
            case guards.ReadingBelow():
                for sign in guard.below:
                    if sign not in signs:
                        yield key, f"{sign} is not a sign that is recorded", f"use one of {texts(sorted(signs))}"
                for rule in guard.alerts_closed:
                    if rule not in alerts:
                        yield key, f"{rule} is not an alert", f"use one of {texts(sorted(alerts))}"
            case guards.CompleteSetWithin():
                yield from _per_fact(key, guard.on, tuple(guard.within_min))
            case guards.NoOpenAlert():
                yield from _per_fact(key, guard.on, tuple(guard.severities))
                for action in guard.actions:
                    if action not in definition.actions:
                        yield key, f"{action} is not an action", f"use one of {texts(list(definition.actions))}"
            case guards.RecordedToday():
                yield from _known_facts(key, guard.facts, definition)
            case guards.MedicationGiven():
                classes = _codes(definition, "medication_given", "class")
                if guard.medication_class not in classes:
                    yield (
                        key,
                        f"{guard.medication_class} is not a medication class",
                        f"use one of {texts(sorted(classes))}",
                    )
            case guards.Checklist():
                items = _checklist_items(definition)
                for item in (*guard.items, *guard.may_be_not_applicable):
                    if item not in items:
                        yield key, f"{item} is not a checklist item", f"use one of {texts(sorted(items))}"
            case _:
                pass
    for name, fact in definition.facts.items():
        if fact.second and not any(isinstance(g, guards.SecondPerson) and name in g.on for g in definition.guards):
            yield f"facts.{name}.second", "no guard of kind second_person names it", "add it to that guard's `on`"


def _known_facts(key: str, names: tuple[str, ...], definition: WorkflowFile) -> Iterator[_Finding]:
    for name in names:
        if name not in definition.facts:
            yield key, f"{name} is not a fact", f"use one of {texts(list(definition.facts))}"


def _per_fact(key: str, on: tuple[str, ...], given: tuple[str, ...]) -> Iterator[_Finding]:
    if set(on) != set(given):
        yield key, "its values per fact do not match its `on`", "give one value for each fact in `on`"


def _codes(definition: WorkflowFile, meaning: str, field: str) -> set[str]:
    return {
        code
        for fact in definition.facts.values()
        if fact.means == meaning and field in fact.fields
        for code in fact.fields[field].of
    }


def _checklist_items(definition: WorkflowFile) -> set[str]:
    return {
        code
        for fact in definition.facts.values()
        if fact.means == "checklist" and "items" in fact.fields and "item" in fact.fields["items"].fields
        for code in fact.fields["items"].fields["item"].of
    }


def _signs(definition: WorkflowFile) -> set[str]:
    return {name for fact in definition.facts.values() if fact.means == "vital_signs" for name in fact.fields}


def _course_rules(definition: WorkflowFile) -> Iterator[_Finding]:
    alerts = {rule.id for rule in definition.alerts}
    for rule in definition.course_rules:
        yield from _known_facts(f"course_rules.{rule.id}", rule.on, definition)
    flags = definition.course_flags
    for alert in (*(rule.alert for rule in flags.permanent_alerts), *(rule.alert for rule in flags.hold_alerts)):
        if alert not in alerts:
            yield "course_flags", f"{alert} is not an alert", f"use one of {texts(sorted(alerts))}"


def _checks(definition: WorkflowFile) -> Iterator[_Finding]:
    signs = _signs(definition)
    for index, check_ in enumerate(definition.checks):
        key = f"checks[{index}] ({check_.check})"
        yield from _known_facts(key, (check_.fact, *check_.after_facts), definition)
        for state in check_.states:
            if state not in definition.states:
                yield key, f"{state} is not a state", "name a state"
        for sign in check_.signs:
            if sign not in signs:
                yield key, f"{sign} is not a sign that is recorded", f"use one of {texts(sorted(signs))}"
        kinds = [check_.every_min is not None, bool(check_.after_facts), check_.calendar, bool(check_.hours_after)]
        if sum(kinds) != 1:
            yield key, "must be of one kind", "give exactly one of every_min, after_facts, calendar, hours_after"


def _alerts(definition: WorkflowFile) -> Iterator[_Finding]:
    ids = {rule.id for rule in definition.alerts}
    bag_guards = {guard.id for guard in definition.guards if isinstance(guard, guards.BagInDate)}
    for rule in definition.alerts:
        key = f"alerts.{rule.id}"
        if [other.id for other in definition.alerts].count(rule.id) > 1:
            yield key, "stands twice", "give every alert its own id"
        for other_id in rule.explained_by:
            if other_id not in ids:
                yield key, f"{other_id} is not an alert", f"use one of {texts(sorted(ids))}"
        for index, band in enumerate(rule.bands):
            where = f"{key}.bands[{index}]"
            if (band.when is None) == (band.since is None):
                yield where, "must have exactly one of `when` and `from`", "leave one"
            if band.action not in definition.actions:
                yield where, f"{band.action} is not an action", f"use one of {texts(list(definition.actions))}"
            if isinstance(band.since, tests.BagExpiry) and band.since.guard not in bag_guards:
                yield where, f"{band.since.guard} is not a guard of kind bag_in_date", "name that guard"
            yield from _known_facts(where, band.wants, definition)
            for leaf in leaves_of(band.when) if band.when is not None else ():
                yield from _leaf(where, leaf, definition)
    for name, action in definition.actions.items():
        declares = (action.declares,) if action.declares else ()
        yield from _known_facts(
            f"actions.{name}", (*action.answered_by, *action.answered_by_idle, *declares), definition
        )


def _leaf(key: str, leaf: tests.Test, definition: WorkflowFile) -> Iterator[_Finding]:
    signs, codes = _signs(definition), _codes(definition, "symptom", "code")
    match leaf:
        case tests.Reading() | tests.CodeReading() | tests.Trend():
            if leaf.sign not in signs:
                yield key, f"{leaf.sign} is not a sign that is recorded", f"use one of {texts(sorted(signs))}"
        case tests.Symptom():
            for code in leaf.among:
                if code not in codes:
                    yield key, f"{code} is not a symptom code", f"use one of {texts(sorted(codes))}"
            if not leaf.among and not leaf.unnamed:
                yield key, "names no symptom", "give `among` or unnamed = true"
        case tests.Finding():
            yield from _known_facts(key, (leaf.fact,), definition)
            if leaf.fact in definition.facts and leaf.field not in definition.facts[leaf.fact].fields:
                yield key, f"{leaf.fact} has no field {leaf.field}", "name one of its fields"
        case tests.Before() | tests.After():
            yield from _known_facts(key, (leaf.fact,), definition)
        case tests.ScoreTest():
            if leaf.score not in definition.scores:
                yield key, f"{leaf.score} is not a score", f"use one of {texts(list(definition.scores))}"
        case tests.InState():
            for state in leaf.among:
                if state not in definition.states:
                    yield key, f"{state} is not a state", "name a state"
        case _:
            pass


def _sources(definition: WorkflowFile) -> Iterator[_Finding]:
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
