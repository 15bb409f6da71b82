"""What the last verification of the whole log found, for whoever watches the service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True)
class Soundness:
    """Empty until the log has been verified once since the start."""

    verified_at: datetime | None = None
    sound: bool | None = None
    """Of the log itself."""
    tables_sound: bool | None = None
    """Of the derived tables and operational records beside it."""
    size: int = 0
    first_bad_seq: int | None = None

    def found(
        self, *, at: datetime, sound: bool, size: int, first_bad_seq: int | None, tables_sound: bool = True
    ) -> None:
        """Keep what a verification found."""
        self.verified_at, self.sound, self.size, self.first_bad_seq = at, sound, size, first_bad_seq
        self.tables_sound = tables_sound
