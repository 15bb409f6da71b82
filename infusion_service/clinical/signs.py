"""What a charted value of a sign says by itself: its number, and the alert families that it alone could open.

A set of vital signs is charted far more often than anything else, most sets are unremarkable, and a ward measures the
same few hundred values; so what a value says is found out once and remembered. Promises: a pure function of workflow,
sign and value. Does not: know a patient's other values (`evidence` does).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from infusion_service.clinical import alert_definition as tests
from infusion_service.clinical.alert_families import Family
from infusion_service.clinical.definition import FactType

VALUES_KEPT_MAX = 4_096
"""Values remembered of one sign."""

_NOT_SIGNS = ("unrecordable", "confirmed", "source", "position")
_NOBODY: frozenset[str] = frozenset()


class Sign(msgspec.Struct, frozen=True):
    """One value of a sign: comparable, with the ids of the families that one of its tests speaks up for."""

    value: Any
    wakes: frozenset[str]


class SignTable:
    """Reads sets of vital signs of one fact type."""

    def __init__(self, kind: FactType, families: Sequence[Family]) -> None:
        """`families` are those that the fact type can change."""
        self._numeric = {
            name: field.type in ("integer", "decimal") for name, field in kind.fields.items() if name not in _NOT_SIGNS
        }
        self._counts_as = {name: field.unrecordable_counts_as for name, field in kind.fields.items()}
        self._tests = {
            sign: [(family.id, test) for family in families for test in family.sign_tests if _looks_at(test, sign)]
            for sign in kind.fields
        }
        self.scores = tuple(
            (family.id, test) for family in families for test in family.sign_tests if isinstance(test, tests.ScoreTest)
        )
        """Tests on scores, each with its family."""
        self._together: dict[frozenset[str], frozenset[str]] = {}
        self._known: list[tuple[str, dict[Any, Sign]]] = [(name, {}) for name in self._numeric]

    def read(self, data: Mapping[str, Any]) -> dict[str, Sign]:
        """Return the signs of a set; an unrecordable one counts as its workflow says, or not at all."""
        signs: dict[str, Sign] = {}
        for name, known in self._known:
            raw = data.get(name)
            if raw is not None:
                signs[name] = known.get(raw) or self._learned(name, raw, known)
        for name in data.get("unrecordable", ()):
            counts_as = self._counts_as[name]
            if counts_as is not None:
                signs[name] = self._sign(name, counts_as)
        return signs

    def together(self, wakes: Iterable[frozenset[str]]) -> frozenset[str]:
        """Return all of these families. Days keep many such sets, nearly all alike: each is made once."""
        found = _NOBODY.union(*wakes)
        if len(self._together) < VALUES_KEPT_MAX:
            return self._together.setdefault(found, found)
        return self._together.get(found, found)

    def _learned(self, name: str, raw: Any, known: dict[Any, Sign]) -> Sign:
        sign = self._sign(name, Decimal(raw) if self._numeric[name] else raw)
        if len(known) < VALUES_KEPT_MAX:
            known[raw] = sign
        return sign

    def _sign(self, name: str, value: Any) -> Sign:
        return Sign(value, frozenset(self._woken(name, value)) or _NOBODY)

    def _woken(self, name: str, value: Any) -> Iterator[str]:
        for family_id, test in self._tests[name]:
            if speaks_up(test, value):
                yield family_id


def _looks_at(test: tests.Test, sign: str) -> bool:
    return isinstance(test, tests.Reading | tests.CodeReading | tests.Trend) and test.sign == sign


def speaks_up(test: tests.Test, value: Any) -> bool:
    """Tell whether a test on a sign could hold because of a value; never False when it would."""
    match test:
        case tests.Reading():
            return within(test, value)
        case tests.Trend():
            return bool(value >= test.at_least)
        case tests.CodeReading():
            return not ((test.among and value not in test.among) or value in test.not_among)
    return True


def within(limits: Any, value: Decimal) -> bool:
    """Tell whether a number lies within `at_least`, `at_most`, `above` and `below` where they are given."""
    return not (
        (limits.at_least is not None and value < limits.at_least)
        or (limits.at_most is not None and value > limits.at_most)
        or (limits.above is not None and value <= limits.above)
        or (limits.below is not None and value >= limits.below)
    )
