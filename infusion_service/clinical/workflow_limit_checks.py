"""Load-time checks of limits that belong together: what one degree or phase leaves the next takes, and nothing twice.

Promises: where the bands of a score or of an alert overlap, where a score leaves a value out, where one phase of a
check does not end where the next begins, the file is refused with the place. So each number of such a row is said in
one place only, and one that is wrong shows. Does not: say whether a limit is the right one; the tests of a file's own
rules do.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from infusion_service.clinical import alert_definition as tests
from infusion_service.clinical.alert_definition import AlertRule, Band, Score, ScoreBand, ScorePart
from infusion_service.clinical.definition import Check, FactType, WorkflowFile
from infusion_service.clinical.vocabulary import texts
from infusion_service.clinical.workflow_findings import Finding


def limits(definition: WorkflowFile) -> Iterator[Finding]:
    """Yield where limits that belong together do not fit together."""
    for name, score in definition.scores.items():
        for part in score.parts:
            yield from _score_part(f"scores.{name}", part, score, definition)
    families = {rule.id: rule.family for rule in definition.alerts}
    for rule in definition.alerts:
        if rule.family in families and not families[rule.family]:
            problem = f"belongs to the family of {rule.family}, which names none"
            yield f"alerts.{rule.id}", problem, f'give {rule.family} the same: family = "{rule.family}"'
        yield from _degrees(f"alerts.{rule.id}", rule)
        for index, band in enumerate(rule.bands):
            yield from _of_band(f"alerts.{rule.id}.bands[{index}]", band, definition)
    for place, check in enumerate(definition.checks):
        yield from _pairs(f"checks[{place}]", check.signs, definition)
    yield from _phases(definition.checks)


# --- Scores


def _score_part(key: str, part: ScorePart, score: Score, definition: WorkflowFile) -> Iterator[Finding]:
    step = _step(part.sign, definition)
    if step is None:
        return
    for conditions in _conditions(part, score):
        told = "".join(f", {sign} = {str(value).lower()}" for sign, value in conditions.items())
        bands = [band for band in part.bands if band.when.items() <= conditions.items()]
        yield from _abutting(f"{key} ({part.sign}{told})", bands, step)


def _step(sign: str, definition: WorkflowFile) -> Decimal | None:
    """Return how far two neighbouring values of a sign lie apart; None for one that is no number."""
    for fact in _vitals(definition):
        field = fact.fields.get(sign)
        if field is not None and field.type in ("integer", "decimal"):
            return Decimal(1).scaleb(-field.scale)
    return None


def _vitals(definition: WorkflowFile) -> Iterator[FactType]:
    yield from (fact for fact in definition.facts.values() if fact.means == "vital_signs")


def _conditions(part: ScorePart, score: Score) -> Iterator[Mapping[str, Any]]:
    """Yield every way in which the signs that bands depend on may stand, as far as the file tells them apart."""
    values: dict[str, dict[Any, None]] = {}
    for band in part.bands:
        for sign, value in band.when.items():
            values.setdefault(sign, {})[value] = None
    for sign, known in values.items():
        if sign in score.defaults:
            known[score.defaults[sign]] = None
    for chosen in itertools.product(*values.values()):
        yield dict(zip(values, chosen, strict=True))


def _abutting(key: str, bands: Sequence[ScoreBand], step: Decimal) -> Iterator[Finding]:
    ordered = sorted(bands, key=lambda band: (band.at_least is not None, band.at_least or 0))
    if not ordered:
        yield key, "no band fits", "give bands for it"
        return
    if ordered[0].at_least is not None:
        yield key, f"no band takes what lies below {ordered[0].at_least}", "leave out the lowest `at_least`"
    if ordered[-1].at_most is not None:
        yield key, f"no band takes what lies above {ordered[-1].at_most}", "leave out the highest `at_most`"
    for lower, higher in itertools.pairwise(ordered):
        if lower.at_most is None or higher.at_least is None or higher.at_least <= lower.at_most:
            yield key, f"two bands take {higher.at_least or lower.at_most}", "let one end before the other begins"
        elif higher.at_least - lower.at_most != step:
            yield key, f"no band takes {lower.at_most + step}", "let one begin where the other ends"


# --- Alerts


def _degrees(key: str, rule: AlertRule) -> Iterator[Finding]:
    """Yield the values that two bands of a rule take: each belongs to one degree, so that a reader sees to which."""
    taken: dict[Hashable, list[tuple[int, Any]]] = {}
    for index, band in enumerate(rule.bands):
        for leaf in _alternatives(band.when):
            told = _limits_what(leaf)
            for other_index, other in taken.get(told, ()) if told is not None else ():
                if other_index != index and _overlap(leaf, other):
                    problem = f"bands {other_index + 1} and {index + 1} both take some of the same values"
                    yield key, problem, "let one end where the other begins: each value belongs to one band"
            taken.setdefault(told, []).append((index, leaf))


def _alternatives(test: tests.Test | None) -> Iterator[tests.Test]:
    """Yield the simple tests of which each alone is enough."""
    if isinstance(test, tests.Any):
        for part in test.of:
            yield from _alternatives(part)
    elif test is not None and not isinstance(test, tests.All):
        yield test


def _limits_what(leaf: tests.Test) -> Hashable:
    """Return what a test of nothing but limits is about; None for any other."""
    match leaf:
        case tests.Reading(apart_min=None, fall_from_baseline=None):
            return (leaf.sign, leaf.scale_sign, leaf.scale)
        case tests.Finding(equals=None, among=(), not_among=(), again_after=""):
            return (leaf.fact, leaf.field)
        case tests.Lab(fall_percent=None, above_reference=False):
            return leaf.analyte
        case _:
            return None


def _overlap(one: Any, other: Any) -> bool:
    return not (_ends_before(one, other) or _ends_before(other, one))


def _ends_before(one: Any, other: Any) -> bool:
    """Tell whether all that one takes lies below all that the other takes."""
    high, below = one.at_most, getattr(one, "below", None)
    low, above = other.at_least, getattr(other, "above", None)
    ends = high if high is not None else below
    begins = low if low is not None else above
    if ends is None or begins is None:
        return False
    return bool(ends < begins or (ends == begins and (high is None or low is None)))


def _of_band(key: str, band: Band, definition: WorkflowFile) -> Iterator[Finding]:
    if band.when is not None:
        yield from _of_test(key, band.when, definition)
    if band.since is not None and band.closes != "auto":
        yield key, "ends when its clock does, whatever `closes` says", 'say closes = "auto"'
    match band.since:
        case tests.Gap(signs=signs):
            yield from _pairs(key, signs, definition)
        case tests.BagExpiry(projected=projected, before_min=before_min) if projected == (before_min is not None):
            yield key, "must have exactly one of `projected` and `before_min`", "leave one"


def _of_test(key: str, test: tests.Test, definition: WorkflowFile) -> Iterator[Finding]:
    if isinstance(test, tests.All | tests.Any):
        if len(test.of) < 2:  # noqa: PLR2004 - it is about more than one
            yield key, f"has {len(test.of)} tests in an `all` or `any`", "write the one test itself"
        for part in test.of:
            yield from _of_test(key, part, definition)
    if isinstance(test, tests.Finding) and test.at_least is not None:
        field = definition.facts[test.fact].fields.get(test.field) if test.fact in definition.facts else None
        if field is not None and field.at_least is not None and test.at_least < field.at_least:
            yield key, f"wants {test.field} at least {test.at_least}", f"it is never below {field.at_least}: say so"
    if isinstance(test, tests.Reading) and bool(test.scale_sign) != (test.scale is not None):
        yield key, "has one of `scale` and `scale_sign`", "give both or neither"


def _pairs(key: str, signs: Sequence[str], definition: WorkflowFile) -> Iterator[Finding]:
    """Yield the signs that are named without those that are always charted with them."""
    for fact in _vitals(definition):
        for together in fact.together:
            missing = [sign for sign in together if sign not in signs]
            if missing and len(missing) < len(together):
                yield key, f"names signs that come with {texts(missing)}, but not those", "name all or none"


# --- Checks


def _phases(checks: Sequence[Check]) -> Iterator[Finding]:
    """Yield where the phases of a check in a state do not follow one another, or its reasons leave one out."""
    rows: dict[tuple[str, str], list[tuple[int, Check]]] = {}
    for place, check in enumerate(checks):
        for state in check.states if check.every_min is not None else ():
            rows.setdefault((check.check, state), []).append((place, check))
    for row in rows.values():
        begins = {check.from_min for _, check in row if check.from_min is not None}
        ends = {check.until_min for _, check in row if check.until_min is not None}
        for place, check in row:
            key = f"checks[{place}]"
            if check.until_min is not None and check.until_min not in begins:
                yield (
                    key,
                    f"ends after {check.until_min} minutes, where nothing begins",
                    "let the next phase begin there",
                )
            if check.from_min is not None and check.from_min not in ends:
                yield (
                    key,
                    f"begins after {check.from_min} minutes, where nothing ends",
                    "let the phase before end there",
                )
            if check.until_min is None and any(begin > (check.from_min or 0) for begin in begins):
                yield key, "goes on beside the phase that follows", "give it `until_min`"
            if not check.pause_reasons and any(other.pause_reasons for _, other in row):
                yield key, "is for every reason of a pause, beside one for some", "give it `pause_reasons`"
