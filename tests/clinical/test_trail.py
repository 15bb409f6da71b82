"""A trail is immutable to look at, however it branches, and appending to the longest line of descent copies nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infusion_service.clinical.trail import Trail


@given(st.lists(st.tuples(st.integers(0, 30), st.integers()), max_size=60))
def test_every_branch_keeps_what_it_was(growth: list[tuple[int, int]]) -> None:
    """Each step goes on from some trail there is; a list of tuples is the oracle."""
    trails: list[Trail[int]] = [Trail()]
    expected: list[tuple[int, ...]] = [()]
    for which, item in growth:
        origin = which % len(trails)
        trails.append(trails[origin].plus(item))
        expected.append((*expected[origin], item))
    for trail, items in zip(trails, expected, strict=True):
        assert tuple(trail) == items
        assert len(trail) == len(items)
        assert tuple(trail.backwards()) == items[::-1]
        assert [trail[index] for index in range(-len(items), len(items))] == [*items, *items]


@given(st.lists(st.integers()), st.integers())
def test_outside_of_a_trail_there_is_nothing(items: list[int], extra: int) -> None:
    trail = Trail(list(items))
    trail.plus(extra)  # a longer one shares the storage, and must not be seen from here
    for index in (len(items), -len(items) - 1):
        with pytest.raises(IndexError):
            trail[index]
    assert bool(trail) == bool(items)


def test_iterating_does_not_see_what_is_appended_meanwhile() -> None:
    trail = Trail([1, 2])
    seen = []
    for item in trail:
        trail.plus(item + 10)
        seen.append(item)
    assert seen == [1, 2]
