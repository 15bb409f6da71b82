"""What every load-time check of a workflow file says, and two things most of them ask: is it known, is it below zero.

Promises: a finding names the key, what is wrong there and what to do. Does not: know the parts of a file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal

import msgspec

from infusion_service.clinical.vocabulary import texts

Finding = tuple[str, str, str]
"""Key, problem, remedy."""


def unknown(key: str, kind: str, names: Iterable[str], known: Collection[str]) -> Iterator[Finding]:
    """Yield a finding for each name that is not known, with those that are."""
    for name in names:
        if name not in known:
            article = "an" if kind[0] in "aeiou" else "a"
            remedy = f"use one of {texts(sorted(known))}" if known else "there is none in this file: add one first"
            yield key, f"{name} is not {article} {kind}", remedy


def numbers(key: str, rule: msgspec.Struct) -> Iterator[Finding]:
    """Yield a finding for each number of a rule that is below zero; none of them may be."""
    for name in rule.__struct_fields__:
        value = getattr(rule, name)
        for each in value.values() if isinstance(value, Mapping) else (value,):
            if isinstance(each, int | Decimal) and not isinstance(each, bool) and each < 0:
                yield key, f"{name} is {each}", "give a number that is not below 0"
