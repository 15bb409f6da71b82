"""Facts without a move and without stop-class evidence, at distinct times: any order of arrival ends alike."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clinical.drawn_days import WINDOW_MIN, Drawn, accepted, bedside_in, comes_to, quiet_hours

STATES = ("ready", "infusing", "paused", "observing")


def as_it_happened(state: str, facts: list[Drawn]) -> dict[str, Any]:
    """Every fact charted the moment it happened."""
    bedside, day_id = _begin(state)
    start = bedside.now
    for fact in facts:
        at = start + timedelta(milliseconds=fact.after_ms)
        bedside.advance(at)
        accepted(bedside.submit(fact.submission(day_id, at)))
    return _end(bedside, day_id, start)


def as_it_arrived(state: str, arrivals: list[tuple[int, Drawn]], *, together: bool) -> dict[str, Any]:
    """Every fact charted so many milliseconds late, in the order of arrival; `together`: each moment's as one batch."""
    bedside, day_id = _begin(state)
    start = bedside.now
    for position, (after_ms, fact) in enumerate(arrivals):
        bedside.advance(start + timedelta(milliseconds=after_ms))
        at = start + timedelta(milliseconds=fact.after_ms)
        last = position + 1 == len(arrivals) or arrivals[position + 1][0] != after_ms
        accepted(bedside.submit(fact.submission(day_id, at), settled=not together))
        if together and last:
            bedside.settle(day_id, fact.event_id)
    return _end(bedside, day_id, start)


def _begin(state: str) -> tuple[Any, str]:
    bedside, day_id = bedside_in("infusing" if state == "paused" else state)
    if state == "paused":
        pause = Drawn("infusion.paused", {"reason": "technical"}, 0, "00000000-0000-4000-8000-00000000ffff")
        accepted(bedside.submit(pause.submission(day_id, bedside.now)))
    return bedside, day_id


def _end(bedside: Any, day_id: str, start: Any) -> dict[str, Any]:
    bedside.advance(start + timedelta(minutes=WINDOW_MIN + 20))
    bedside.tick(day_id)
    return comes_to(bedside, day_id)


@st.composite
def arrivals_of(draw: st.DrawFn) -> tuple[str, list[Drawn], list[tuple[int, Drawn]], bool]:
    facts = draw(quiet_hours())
    if draw(st.booleans()):  # all of them from one tablet that was offline
        return (
            draw(st.sampled_from(STATES)),
            facts,
            [(WINDOW_MIN * 60_000, f) for f in draw(st.permutations(facts))],
            draw(st.booleans()),
        )
    delays = draw(
        st.lists(st.sampled_from([0, 1, 60_000, 900_000, 3_000_000]), min_size=len(facts), max_size=len(facts))
    )
    last = WINDOW_MIN * 60_000
    arrivals = [
        (min(fact.after_ms + delay, max(last, fact.after_ms)), fact) for fact, delay in zip(facts, delays, strict=True)
    ]
    return draw(st.sampled_from(STATES)), facts, sorted(arrivals, key=lambda pair: pair[0]), False


def hold(drawn: tuple[str, list[Drawn], list[tuple[int, Drawn]], bool]) -> None:
    state, facts, arrivals, together = drawn
    assert as_it_arrived(state, arrivals, together=together) == as_it_happened(state, facts)


@settings(max_examples=60, deadline=None)
@given(arrivals_of())
def test_the_order_of_arrival_does_not_matter(drawn: Any) -> None:
    hold(drawn)


@pytest.mark.drill
@pytest.mark.timeout(1200)
@settings(max_examples=3000, deadline=None)
@given(arrivals_of())
def test_the_order_of_arrival_never_matters(drawn: Any) -> None:
    hold(drawn)
