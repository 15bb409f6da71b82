"""Laboratory results as rules can compare them: the name, the unit and the value of what is watched.

Promises: a value is compared in the unit of the rules, whatever known unit it was written in; another spelling of a
watched name is recognised. Source: the workflow's `[analytes]`. Does not: refuse (`watched`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from infusion_service.clinical.definition import Analyte, WorkflowFile

_BETWEEN_WORDS = re.compile(r"[\s_.-]+")
_LOOKS_ALIKE = str.maketrans({"µ": "u", "μ": "u", "\u00d7": "x", "⁹": "^9", "³": "^3"})


def compared(number: str, definition: WorkflowFile, data: Mapping[str, Any]) -> Decimal:
    """Return a number of a result - its value, its reference - in the unit that the rules compare in."""
    analyte = definition.analytes.get(data["analyte"])
    factor = factor_of(analyte, data["unit"]) if analyte is not None else None
    return Decimal(number) if factor is None else Decimal(number) * factor


def unit_of_rules(definition: WorkflowFile, name: str) -> str | None:
    """Return the unit in which the rules compare an analyte; None where any will do."""
    analyte = definition.analytes.get(name)
    return next((unit for unit, factor in analyte.units.items() if factor == 1), None) if analyte is not None else None


def watched_name(written: str, known: Mapping[str, tuple[str, ...]]) -> str | None:
    """Return the watched name that another spelling stands for: one of its synonyms, or the same letters otherwise
    written."""
    for name, synonyms in known.items():
        if written != name and plain(written) in {plain(each) for each in (name, *synonyms)}:
            return name
    return None


def plain(name: str) -> str:
    """Return a name without what people write differently: case, and what stands between its words."""
    return _BETWEEN_WORDS.sub("", name).casefold()


def factor_of(analyte: Analyte, unit: str) -> Decimal | None:
    """Return what turns a value in this unit into the unit of the rules; None for a unit nobody named."""
    return {_unit(each): factor for each, factor in analyte.units.items()}.get(_unit(unit))


def _unit(text: str) -> str:
    return "".join(text.split()).translate(_LOOKS_ALIKE).casefold()
