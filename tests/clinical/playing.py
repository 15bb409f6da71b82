"""Playing a rehearsal without an event loop: a bedside in memory waits for nothing."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def at_once(playing: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine that never waits, and return its result. Raises `AssertionError` for one that does."""
    try:
        playing.send(None)
    except StopIteration as ended:
        result: Result = ended.value
        return result
    raise AssertionError("a bedside does not wait")
