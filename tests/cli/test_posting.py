"""Who posts what in a rehearsal: second persons, labels, alerts by rule, batches; the same in process and over HTTP."""

from __future__ import annotations

from infusion_service.cli.rehearsal.stage import Via
from tests.cli.playing import GIVEN, both_ways, play


@both_ways
async def test_two_people_who_enter_different_values_are_refused(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "ready"
[[step]]
at = "10:00"
post = "infusion.started"
data = { rate_ml_per_h = 25.3 }
second = { by = "nurse", data = { rate_ml_per_h = 23.5 } }
expect = { refused = "double_check_mismatch", state = "ready" }
[[step]]
at = "10:01"
post = "infusion.started"
data = { rate_ml_per_h = 25.3 }
second = false
expect = { refused = "second_person_required" }
[[step]]
at = "10:02"
post = "infusion.started"
data = { rate_ml_per_h = 25.3 }
expect = { state = "infusing" }
"""
    )
    assert await play(text, via) == []


@both_ways
async def test_a_second_person_of_a_refused_step_does_not_stand_in_later(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "ready"
[[step]]
at = "10:06"
post = "infusion.started"
data = { rate_ml_per_h = 25.3 }
expect = { refused = "guard_not_satisfied", guard = "vitals-fresh" }
[[step]]
at = "10:07"
post = "vitals.recorded"
[[step]]
at = "10:08"
post = "infusion.started"
data = { rate_ml_per_h = 25.3 }
second = false
expect = { refused = "second_person_required" }
"""
    )
    assert await play(text, via) == []


@both_ways
async def test_consent_comes_from_the_role_the_guard_names(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "ready"
[[step]]
at = "17:30"
post = "vitals.recorded"
[[step]]
at = "17:31"
post = "infusion.started"
data = { rate_ml_per_h = 25.3 }
expect = { refused = "guard_not_satisfied", guard = "bag-in-date" }
[[step]]
at = "17:32"
post = "override.granted"
second = { by = "nurse" }
data = { guard = "bag-in-date", reason = "no other bag today", valid_minutes = 20 }
expect = { refused = "second_person_required" }
[[step]]
at = "17:33"
post = "override.granted"
data = { guard = "bag-in-date", reason = "no other bag today", valid_minutes = 20 }
[[step]]
at = "17:34"
post = "infusion.started"
data = { rate_ml_per_h = 25.3 }
expect = { state = "infusing" }
"""
    )
    assert await play(text, via) == []


@both_ways
async def test_a_sole_nurse_overrides_the_second_person(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "ready"
[[step]]
at = "09:58"
post = "override.granted"
by = "nurse"
data = { guard = "second-person", reason = "alone on the ward", valid_minutes = 10 }
[[step]]
at = "10:00"
post = "infusion.started"
second = false
data = { rate_ml_per_h = 25.3 }
expect = { state = "infusing" }
"""
    )
    assert await play(text, via) == []


@both_ways
async def test_a_tablet_with_nobody_signed_in_can_stop(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "infusing"
[[step]]
at = "10:10"
by = "device"
post = "infusion.stopped"
data = { reason = "technical" }
expect = { state = "observing", pump = "halted" }
"""
    )
    assert await play(text, via) == []


@both_ways
async def test_a_label_names_the_fact_that_is_struck_or_corrected(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "infusing"
[[step]]
label = "typo"
at = "10:05"
post = "vitals.recorded"
data = { systolic_mmhg = 172, diastolic_mmhg = 96 }
expect = { raised = ["bp-high"] }
[[step]]
at = "10:06"
post = "vitals.recorded"
corrects = "typo"
data = { systolic_mmhg = 127 }
expect = { closed = ["bp-high"], open = [] }
[[step]]
label = "wrong"
at = "10:07"
post = "vitals.recorded"
data = { systolic_mmhg = 172, diastolic_mmhg = 96 }
[[step]]
at = "10:08"
post = "entry.struck"
data = { entry = "wrong", reason = "other patient" }
expect = { closed = ["bp-high"], open = [] }
"""
    )
    assert await play(text, via) == []


@both_ways
async def test_an_alert_is_named_by_its_rule_and_values_may_be_left_out(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "infusing"
[[step]]
at = "10:05"
post = "vitals.recorded"
fill = false
data = { heart_rate_per_min = 134 }
expect = { raised = ["heart-rate"], open = ["heart-rate"] }
[[step]]
at = "10:06"
post = "alert.acknowledged"
data = { alert = "heart-rate" }
[[step]]
at = "10:07"
post = "review.recorded"
data = { alerts = ["heart-rate"], decision = "continue", note = "after the stairs" }
expect = { closed = ["heart-rate"] }
"""
    )
    assert await play(text, via) == []


@both_ways
async def test_a_batch_of_several_people_goes_in_as_one_group(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "infusing"
[[step]]
label = "sync"
at = "10:30"
late_reason = "offline"
group = "pause"
batch = [
  { post = "infusion.paused", by = "nurse", occurred_at = "10:10", data = { reason = "technical" } },
  { post = "vitals.recorded", by = "nurse", occurred_at = "10:11" },
  { post = "infusion.resumed", by = "prescriber", occurred_at = "10:12", data = { rate_ml_per_h = 25.3 } },
]
expect = { state = "infusing", projected_end = "14:02" }
[[step]]
at = "10:31"
replay_of = "sync"
expect = { duplicate = true, raised = [], closed = [] }
"""
    )
    assert await play(text, via) == []


@both_ways
async def test_a_tablet_whose_clock_is_wrong_is_set_right(via: Via) -> None:
    text = (
        GIVEN
        + """
routine_to = "infusing"
[[step]]
at = "10:05"
sent_at = "10:25"
occurred_at = "10:25"
post = "vitals.recorded"
data = { systolic_mmhg = 164, diastolic_mmhg = 96 }
expect = { raised = ["bp-high"], retrospective = [] }
"""
    )
    assert await play(text, via) == []
