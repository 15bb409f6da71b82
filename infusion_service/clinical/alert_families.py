"""Alert rules arranged for use: families of bands, and which facts can touch them.

A family is one row of degrees from mild to grave, of one rule or of several that supersede each other. While one of its
bands stands, a milder one is not raised and a graver one replaces it. Does not: evaluate tests (`evidence`).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from infusion_service.clinical import alert_definition as tests
from infusion_service.clinical.alert_definition import AlertRule, Band, Test
from infusion_service.clinical.definition import WorkflowFile


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """One band of a family with the rule it belongs to. `rank` counts from the mildest."""

    rule: AlertRule
    band_index: int
    band: Band
    rank: int


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """A row of rungs. `triggers` are the fact types that can change it; for vital signs and symptoms only facts with
    one of `signs` or `codes` do."""

    id: str
    rungs: tuple[Rung, ...]
    triggers: frozenset[str]
    signs: frozenset[str]
    codes: frozenset[str]
    clock: bool
    clock_states: frozenset[str]
    """Where one of its clocks can have a moment, while nothing waits for confirmation."""
    sign_tests: tuple[Test, ...]
    """The simple tests that look at vital signs."""


def families_of(definition: WorkflowFile) -> tuple[Family, ...]:
    """Group the alert rules of a definition into families, in file order."""
    grouped: dict[str, list[AlertRule]] = {}
    for rule in definition.alerts:
        grouped.setdefault(rule.family or rule.id, []).append(rule)
    families = [_family(name, rules, definition) for name, rules in grouped.items()]
    # A rule that others may explain is judged after them, so that it sees what the same set has raised.
    return tuple(sorted(families, key=lambda family: any(rung.rule.explained_by for rung in family.rungs)))


def _family(name: str, rules: list[AlertRule], definition: WorkflowFile) -> Family:
    pairs = [(rule, index, band) for rule in rules for index, band in enumerate(rule.bands)]
    rungs = tuple(
        Rung(rule=rule, band_index=index, band=band, rank=rank) for rank, (rule, index, band) in enumerate(pairs)
    )
    leaves = [leaf for rung in rungs if rung.band.when for leaf in leaves_of(rung.band.when)]
    return Family(
        id=name,
        rungs=rungs,
        triggers=frozenset(fact for leaf in leaves for fact in _triggers(leaf, definition)),
        signs=frozenset(sign for leaf in leaves for sign in _signs(leaf, definition)),
        codes=frozenset(code for leaf in leaves for code in symptom_codes(leaf, definition)),
        clock=any(rung.band.since is not None for rung in rungs),
        clock_states=frozenset(state for rung in rungs for state in _clock_states(rung.band.since, definition)),
        sign_tests=tuple(leaf for leaf in leaves if _signs(leaf, definition)),
    )


def _clock_states(clock: tests.Clock | None, definition: WorkflowFile) -> Iterator[str]:
    for name, state in definition.states.items():
        match clock:
            case tests.Gap() | tests.BagExpiry():
                counts = name in clock.states
            case tests.PausedFor():
                counts = state.paused
            case tests.EndPassed():
                counts = state.infusing
            case _:
                counts = False
        if counts:
            yield name


def leaves_of(test: Test) -> Iterator[Test]:
    """Yield the simple tests within a test."""
    if isinstance(test, tests.All | tests.Any):
        for part in test.of:
            yield from leaves_of(part)
    else:
        yield test


def named_symptoms(definition: WorkflowFile) -> frozenset[str]:
    """Return every symptom code that some rule names."""
    return frozenset(
        code
        for rule in definition.alerts
        for band in rule.bands
        if band.when
        for leaf in leaves_of(band.when)
        if isinstance(leaf, tests.Symptom)
        for code in leaf.among
    )


def symptom_codes(leaf: Test, definition: WorkflowFile) -> frozenset[str]:
    """Return the symptom codes a simple test looks at."""
    if not isinstance(leaf, tests.Symptom):
        return frozenset()
    return unnamed_symptoms(definition) if leaf.unnamed else frozenset(leaf.among)


def unnamed_symptoms(definition: WorkflowFile) -> frozenset[str]:
    """Return the symptom codes that no rule names."""
    every = {
        code
        for fact in definition.facts.values()
        if fact.means == "symptom" and "code" in fact.fields
        for code in fact.fields["code"].of
    }
    return frozenset(every) - named_symptoms(definition)


def baseline_items(definition: WorkflowFile) -> dict[str, str]:
    """Return, for each symptom that a baseline deficit can explain, that deficit."""
    return {
        code: item
        for rule in definition.alerts
        for band in rule.bands
        if band.when
        for leaf in leaves_of(band.when)
        if isinstance(leaf, tests.Symptom)
        for code, item in leaf.baseline_items.items()
    }


def _signs(leaf: Test, definition: WorkflowFile) -> tuple[str, ...]:
    match leaf:
        case tests.Reading() | tests.CodeReading() | tests.Trend():
            return (leaf.sign,)
        case tests.ScoreTest():
            return tuple(part.sign for part in definition.scores[leaf.score].parts)
        case _:
            return ()


_MEANINGS: dict[type, tuple[str, ...]] = {
    tests.Reading: ("vital_signs",),
    tests.CodeReading: ("vital_signs",),
    tests.Trend: ("vital_signs",),
    tests.ScoreTest: ("vital_signs",),
    tests.Symptom: ("symptom", "symptom_resolved"),
    tests.Deficit: ("neuro_check",),
    tests.NegativeCheck: ("neuro_check",),
    tests.Lab: ("lab_resulted",),
    tests.TooFast: ("pump_started", "pump_rate_changed", "pump_resumed", "pump_completed"),
    tests.LeftBefore: ("left",),
    tests.VolumeMismatch: ("pump_stopped", "pump_completed"),
}


def _triggers(leaf: Test, definition: WorkflowFile) -> Iterator[str]:
    if isinstance(leaf, tests.Finding):
        yield leaf.fact
    meanings = _MEANINGS.get(type(leaf), ())
    terminal = {name for name, state in definition.states.items() if state.terminal}
    for name, fact in definition.facts.items():
        ends = isinstance(leaf, tests.VolumeMismatch) and any(move.to in terminal for move in fact.moves)
        if fact.means in meanings or ends:
            yield name
