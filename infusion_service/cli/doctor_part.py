"""One line of `infusion doctor`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """What was found of one part. `advice` is empty where nothing is to be done."""

    part: str
    found: str
    advice: str = ""

    @property
    def sound(self) -> bool:
        """Whether nothing is to be done."""
        return not self.advice
