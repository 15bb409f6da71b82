"""How the result of rehearsals is shown: one line per file, and a table of the differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from infusion_service.cli.rehearsal.expectation import Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of one rehearsal file."""

    file: str
    name: str
    steps: int
    differences: Sequence[Difference]

    @property
    def met(self) -> bool:
        """Whether every expectation was met."""
        return not self.differences

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as the `--json` output shows it."""
        return {
            "file": self.file,
            "name": self.name,
            "steps": self.steps,
            "met": self.met,
            "differences": [asdict(difference) for difference in self.differences],
        }
