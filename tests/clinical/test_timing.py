"""The times of a fact: a wrong clock is corrected, the future refused, lateness explained."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infusion_service.clinical.timing import Times, read_times
from infusion_service.clinical.vocabulary import Actor, Refusal, Submission, parse_time
from tests.clinical.one_day import NURSE, TABLET, WORKFLOW

NOW = parse_time("2026-11-23T11:00:00.000Z")
RULES = WORKFLOW.definition.time
MS = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def times(fact_type: str = "note.added", *, by: Actor = NURSE, **given_times: Any) -> Times | Refusal:
    """The times of a fact received at noon."""
    submission = Submission(event_id="e", day_id="d", type=fact_type, actor=by, **given_times)
    return read_times(submission, WORKFLOW.facts[fact_type], RULES, NOW)


def kept(answer: Times | Refusal) -> Times:
    """The times of a fact that was not refused."""
    assert isinstance(answer, Times), answer
    return answer


def code(answer: Times | Refusal) -> str:
    """The problem code of a refusal."""
    assert isinstance(answer, Refusal), answer
    assert answer.status == 422
    return answer.code


def test_what_says_no_time_happened_now() -> None:
    assert times() == Times(occurred_at=NOW, recorded_at=None, claimed=None)


@pytest.mark.parametrize("off", [2 * SECOND, -2 * SECOND, timedelta(0)])
def test_a_clock_that_is_off_by_two_seconds_is_believed(off: timedelta) -> None:
    answer = kept(times(occurred_at=NOW - MINUTE, recorded_at=NOW - SECOND, sent_at=NOW - off))
    assert answer == Times(occurred_at=NOW - MINUTE, recorded_at=NOW - SECOND, claimed=None)


@pytest.mark.parametrize("off", [2 * SECOND + MS, -2 * SECOND - MS, timedelta(hours=30), timedelta(days=-400)])
def test_a_clock_that_is_further_off_is_corrected_and_its_claims_are_kept(off: timedelta) -> None:
    sent_at = NOW - off
    answer = kept(times(occurred_at=sent_at - MINUTE, recorded_at=sent_at - SECOND, sent_at=sent_at))
    assert (answer.occurred_at, answer.recorded_at) == (NOW - MINUTE, NOW - SECOND)
    assert answer.claimed is not None
    assert set(answer.claimed) == {"occurred_at", "offset_ms", "recorded_at"}
    assert parse_time(answer.claimed["occurred_at"]) == sent_at - MINUTE
    assert parse_time(answer.claimed["recorded_at"]) == sent_at - SECOND
    assert int(answer.claimed["offset_ms"]) * MS == off


def test_a_wrong_clock_does_not_move_what_has_no_time() -> None:
    answer = kept(times(sent_at=NOW - MINUTE))
    assert answer == Times(occurred_at=NOW, recorded_at=None, claimed={"offset_ms": "60000"})


def test_two_minutes_ahead_count_as_now_and_more_is_the_future() -> None:
    answer = kept(times(occurred_at=NOW + 2 * MINUTE))
    assert answer.occurred_at == NOW
    assert answer.claimed == {"occurred_at": "2026-11-23T11:02:00.000Z"}
    assert code(times(occurred_at=NOW + 2 * MINUTE + MS)) == "occurred_in_future"
    assert code(times("emergency.declared", occurred_at=NOW + 2 * MINUTE + MS)) == "occurred_in_future"


def test_only_what_is_still_ahead_after_the_correction_is_the_future() -> None:
    ahead = NOW + timedelta(hours=1)
    assert kept(times(occurred_at=ahead, sent_at=ahead)).occurred_at == NOW
    assert code(times(occurred_at=ahead, sent_at=NOW)) == "occurred_in_future"
    assert code(times(occurred_at=NOW, sent_at=NOW - timedelta(hours=1))) == "occurred_in_future"


def test_fifteen_minutes_late_need_no_reason_and_a_millisecond_more_does() -> None:
    late = NOW - 15 * MINUTE
    assert kept(times(occurred_at=late)).occurred_at == late
    refusal = times(occurred_at=late - MS)
    assert code(refusal) == "late_reason_required"
    assert kept(times(occurred_at=late - MS, late_reason="offline")).occurred_at == late - MS
    assert code(times(occurred_at=late - MS, late_reason="")) == "late_reason_required"


def test_lateness_counts_after_the_correction() -> None:
    sent_at = NOW - timedelta(hours=2)
    assert kept(times(occurred_at=sent_at - MINUTE, sent_at=sent_at)).occurred_at == NOW - MINUTE


@pytest.mark.parametrize("fact_type", ["emergency.declared", "infusion.stopped"])
def test_an_emergency_and_a_stop_are_never_asked_why_they_come_late(fact_type: str) -> None:
    late = NOW - timedelta(hours=3)
    assert kept(times(fact_type, occurred_at=late)).occurred_at == late


def test_facts_of_a_device_need_no_reason() -> None:
    late = NOW - timedelta(hours=3)
    assert kept(times("vitals.recorded", by=TABLET, occurred_at=late)).occurred_at == late
    by_badge = Actor(id="nurse-1", role="nurse", how="offline_badge")
    assert code(times("vitals.recorded", by=by_badge, occurred_at=late)) == "late_reason_required"


@given(
    st.datetimes(datetime(2026, 11, 22), datetime(2026, 11, 25)),  # noqa: DTZ001 # the zone is added below
    st.none() | st.datetimes(datetime(2026, 11, 22), datetime(2026, 11, 25)),  # noqa: DTZ001 # the same
)
def test_nothing_happens_after_it_was_received(occurred_at: datetime, sent_at: datetime | None) -> None:
    occurred = occurred_at.replace(tzinfo=NOW.tzinfo)
    sent = None if sent_at is None else sent_at.replace(tzinfo=NOW.tzinfo)
    answer = times(occurred_at=occurred, sent_at=sent, late_reason="offline")
    if isinstance(answer, Times):
        assert answer.occurred_at <= NOW
        if answer.occurred_at != occurred:
            assert answer.claimed is not None
            assert "occurred_at" in answer.claimed
