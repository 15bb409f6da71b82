"""An append-only sequence that shares its storage with what it was before.

A day keeps everything that was charted; copying thousands of facts for each new one would make a long day quadratic. A
`Trail` is immutable to look at: `plus` returns a longer one and leaves this one as it was. Behind it, the longest trail
of a line of descent owns the list; a branch (a decision that was dropped) copies. Not for use across threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Trail(Generic[Item]):
    """A sequence of items in order; see the module for what makes it cheap."""

    __slots__ = ("_items", "_length")

    def __init__(self, items: list[Item] | None = None) -> None:
        """Start empty, or own the given list (the caller lets go of it)."""
        self._items: list[Item] = items if items is not None else []
        self._length = len(self._items)

    def plus(self, item: Item) -> Trail[Item]:
        """Return this trail with one more item at its end."""
        items = self._items
        if len(items) != self._length:  # somebody else has gone on from here already: take another list
            items = items[: self._length]
        items.append(item)
        longer: Trail[Item] = Trail.__new__(Trail)
        longer._items = items
        longer._length = self._length + 1
        return longer

    def __len__(self) -> int:
        """Return how many items there are."""
        return self._length

    def __getitem__(self, index: int) -> Item:
        """Return one item; negative indices count from the end. Raises `IndexError` outside."""
        if not -self._length <= index < self._length:
            raise IndexError(index)
        return self._items[index if index >= 0 else self._length + index]

    def __iter__(self) -> Iterator[Item]:
        """Yield the items from first to last."""
        for index in range(self._length):
            yield self._items[index]

    def backwards(self) -> Iterator[Item]:
        """Yield the items from last to first."""
        for index in range(self._length - 1, -1, -1):
            yield self._items[index]
