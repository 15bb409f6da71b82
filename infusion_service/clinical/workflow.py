"""A loaded workflow: the definition, its content hash, and the look-ups that folding and deciding need.

Promises: a `Workflow` that exists has passed every load-time check; the same bytes always give the same workflow. Does
not: read files (bytes come in) or hold any state of a day.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from infusion_service.clinical.alert_definition import AlertRule
from infusion_service.clinical.alert_families import Family, baseline_items, families_of, unnamed_symptoms
from infusion_service.clinical.definition import ADDED_TO_SCHEDULING, FactType, Field, Meaning, WorkflowFile
from infusion_service.clinical.guard_definition import BagInDate, CourseRule, Guard
from infusion_service.clinical.machine import MoveTable, mermaid
from infusion_service.clinical.scores import ScoreTable
from infusion_service.clinical.signs import SignTable
from infusion_service.clinical.vocabulary import JSON, WorkflowRef
from infusion_service.clinical.workflow_checks import WorkflowProblem, check
from infusion_service.clinical.workflow_shape import SEE, shape_faults

Rule = TypeVar("Rule", bound=Guard | CourseRule)


class WorkflowInvalid(Exception):
    """A workflow file that may not be used. `problems` say where and what to do."""

    def __init__(self, problems: tuple[WorkflowProblem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class Workflow:
    """One version of one workflow, ready to use. Compare by `hash`."""

    def __init__(self, definition: WorkflowFile, raw: bytes) -> None:
        """Index a definition that has been checked; use `load_workflow`."""
        self.definition = definition
        self.raw = raw
        self.hash = content_hash(raw)
        self.name = definition.name
        self.version = definition.version
        self.title = definition.title
        self.ref = WorkflowRef(name=self.name, version=self.version, hash=self.hash)
        self.states = definition.states
        self.facts: Mapping[str, FactType] = definition.facts
        self.initial = next(name for name, state in definition.states.items() if state.initial)
        self.table = MoveTable(definition.states, definition.facts)
        self.meaning: dict[str, Meaning | None] = {name: fact.means for name, fact in definition.facts.items()}
        self._by_meaning: dict[Meaning, tuple[str, ...]] = {}
        for name, meaning in self.meaning.items():
            if meaning is not None:
                self._by_meaning[meaning] = (*self._by_meaning.get(meaning, ()), name)
        self._of_meanings: dict[tuple[Meaning, ...], tuple[str, ...]] = {}
        self.guards: dict[str, Guard] = {guard.id: guard for guard in definition.guards}
        self._guards_on = _by_fact(definition.guards)
        self._course_rules_on = _by_fact(definition.course_rules)
        self.bag_guards = tuple(guard for guard in definition.guards if isinstance(guard, BagInDate))
        self.plans_by_ordinal = any(said.ordinals for said in definition.plan.instead)
        self.alerts: dict[str, AlertRule] = {rule.id: rule for rule in definition.alerts}
        self.families: tuple[Family, ...] = families_of(definition)
        self.families_on: dict[str, tuple[Family, ...]] = {
            name: tuple(family for family in self.families if name in family.triggers) for name in definition.facts
        }
        self.signs = {
            name: SignTable(fact, self.families_on[name])
            for name, fact in definition.facts.items()
            if fact.means == "vital_signs"
        }
        self.unnamed_symptoms = unnamed_symptoms(definition)
        self.baseline_items = baseline_items(definition)
        self.clock_families = tuple(family for family in self.families if family.clock)
        self.family = {family.id: family for family in self.families}
        self.scores = {name: ScoreTable(score) for name, score in definition.scores.items()}
        self.rehearsal: dict[str, Any] = definition.rehearsal

    def guards_on(self, fact_type: str) -> tuple[Guard, ...]:
        """Return the guards of a fact, in workflow order."""
        return self._guards_on.get(fact_type, ())

    def course_rules_on(self, fact_type: str) -> tuple[CourseRule, ...]:
        """Return the course rules judged on a fact, in workflow order."""
        return self._course_rules_on.get(fact_type, ())

    def of_meaning(self, *meanings: Meaning) -> tuple[str, ...]:
        """Return the fact types that mean one of these."""
        names = self._of_meanings.get(meanings)
        if names is None:
            names = tuple(name for meaning in meanings for name in self._by_meaning.get(meaning, ()))
            self._of_meanings[meanings] = names
        return names

    def only_of_meaning(self, meaning: Meaning) -> str:
        """Return the one fact type with this meaning; load-time checks see to it that there is one where needed."""
        return self.of_meaning(meaning)[0]

    def may_post(self, role: str, fact_type: str) -> bool:
        """Tell whether a role may post a fact, directly or as one who may do all that another role may."""
        by = self.facts[fact_type].by
        return role in by or any(held in by for held in self.definition.roles.get(role, ()))

    def bag_valid_h(self, guard_id: str) -> int:
        """Return how many hours a prepared bag lasts, as the named guard says."""
        guard = self.guards[guard_id]
        assert isinstance(guard, BagInDate)
        return guard.valid_h

    def diagram(self) -> str:
        """Return the states and moves as Mermaid text."""
        return mermaid(self.table, self.states)

    def as_json(self) -> dict[str, JSON]:
        """Return what the wire shows of a workflow: all that a page needs to name and chart a product it never saw."""
        return {
            **self.ref.as_json(),
            "title": self.title,
            "states": {name: msgspec.to_builtins(state) for name, state in self.states.items()},
            "facts": {name: msgspec.to_builtins(fact) for name, fact in self.facts.items()},
            "guards": [msgspec.to_builtins(guard) for guard in self.definition.guards],
            "course_rules": [msgspec.to_builtins(rule) for rule in self.definition.course_rules],
            "alerts": [msgspec.to_builtins(rule) for rule in self.definition.alerts],
            "actions": {name: msgspec.to_builtins(action) for name, action in self.definition.actions.items()},
            "scores": {name: msgspec.to_builtins(score) for name, score in self.definition.scores.items()},
            "checks": [
                {
                    "check": check.check,
                    "fact": check.fact,
                    "analyte": check.analyte,
                    "complete_set": check.complete_set,
                    "signs": list(check.signs),
                }
                for check in self.definition.checks
            ],
        }


def content_hash(raw: bytes) -> str:
    """Name the bytes of a workflow file: `sha256:` and the hex digest."""
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def load_workflow(raw: bytes, *, file: str) -> Workflow:
    """Parse and check a workflow file. Raises `WorkflowInvalid` with every problem found, each naming file and key."""
    definition = parse_workflow(raw, file=file)
    problems = check(definition, file=file)
    if problems:
        raise WorkflowInvalid(problems)
    return Workflow(definition, raw)


def adopted_workflow(raw: bytes, *, file: str) -> Workflow:
    """Read a definition that a log has adopted: it was checked then, and is not judged again.

    What a later program finds to say against a file must not keep the days under it from being read. Raises
    `WorkflowInvalid` when its shape is wrong.
    """
    return Workflow(parse_workflow(raw, file=file), raw)


def parse_workflow(raw: bytes, *, file: str) -> WorkflowFile:
    """Parse the bytes into a definition, without judging it. Raises `WorkflowInvalid` when the shape is wrong."""
    try:
        tree = tomllib.loads(raw.decode("utf-8"), parse_float=Decimal)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problem = WorkflowProblem(file, "", f"is not TOML: {error}", "mend the syntax at the place named")
        raise WorkflowInvalid((problem,)) from error
    try:
        definition = msgspec.convert(tree, WorkflowFile)
    except msgspec.ValidationError as error:
        faults = shape_faults(tree) or (("", str(error), SEE),)
        raise WorkflowInvalid(tuple(WorkflowProblem(file, *fault) for fault in faults)) from error
    return msgspec.structs.replace(definition, facts=_with_groups(definition))


def _with_groups(definition: WorkflowFile) -> dict[str, FactType]:
    def resolved(field: Field) -> Field:
        codes = tuple(code for group in field.groups for code in definition.code_groups.get(group, ()))
        inner = {name: resolved(member) for name, member in field.fields.items()}
        return msgspec.structs.replace(field, of=codes + field.of, fields=inner)

    def all_fields(fact: FactType) -> dict[str, Field]:
        added = ADDED_TO_SCHEDULING if fact.means == "scheduling" else {}
        own = {key: resolved(field) for key, field in fact.fields.items()}
        return {**own, **{key: field for key, field in added.items() if key not in own}}

    return {name: msgspec.structs.replace(fact, fields=all_fields(fact)) for name, fact in definition.facts.items()}


def _by_fact(rules: Sequence[Rule]) -> dict[str, tuple[Rule, ...]]:
    facts = {fact_type for rule in rules for fact_type in rule.on}
    return {fact_type: tuple(rule for rule in rules if fact_type in rule.on) for fact_type in facts}
