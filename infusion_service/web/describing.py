"""The form in which a route is described."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a route is for, what it takes and what it gives."""

    summary: str
    tag: str
    takes: type | None = None
    """The payload of its body."""
    gives: type | None = None
    """The shape of its JSON answer; None with no `media` means an answer without a body."""
    media: tuple[str, ...] = ()
    """Media types of an answer that is not JSON, or not only."""
    status: int = 200
    query: tuple[str, ...] = ()
    refuses: tuple[int, ...] = ()
    """Statuses of problems beside those that every route of its kind has."""
    replays: bool = False
    """Whether the same request again is answered 200 with the first answer."""
    unchanged: bool = False
    """Whether 304 is answered to who holds the same bytes already."""
