"""The dose is exact: segments add up as fractions do, pauses add nothing, and no bag holds more than it holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from infusion_service.clinical.dose import Bag, Pump, milliseconds, planned_rate_ml_per_h

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MS_PER_HOUR = 3_600_000
A_DAY_MS = 24 * MS_PER_HOUR
BAG = Bag(
    id="b",
    product="P",
    batch="A1",
    vial_expires_on="2027-06-30",
    prepared_at=START,
    volume_ml=Decimal("101.2"),
    dose_mg=Decimal(12),
)

RATES = st.decimals(min_value="0.01", max_value=1000, places=2)
SPANS_MS = st.integers(0, A_DAY_MS)
LEGS = st.lists(st.tuples(st.sampled_from(["run", "halt"]), RATES, SPANS_MS), max_size=25)


def after(ms: int) -> datetime:
    """The moment so many milliseconds after the start."""
    return START + timedelta(milliseconds=ms)


def played(legs: list[tuple[str, Decimal, int]], bag: Bag | None) -> tuple[Pump, Fraction, int, int]:
    """The pump after the legs, with what it should have delivered, how long it ran, and when it is."""
    pump, delivered, ran_ms, now_ms, rate = Pump(), Fraction(0), 0, 0, Decimal(0)
    for action, asked, span_ms in legs:
        if action == "run":
            pump, rate = pump.run(after(now_ms), asked, bag), asked
        else:
            pump, rate = pump.halt(after(now_ms), "technical"), Decimal(0)
        now_ms += span_ms
        delivered += Fraction(rate) * span_ms / MS_PER_HOUR
        ran_ms += span_ms if rate else 0
    return pump, delivered, ran_ms, now_ms


@given(LEGS)
def test_the_sum_of_the_segments_is_exact(legs: list[tuple[str, Decimal, int]]) -> None:
    pump, delivered, ran_ms, now_ms = played(legs, bag=None)
    product = pump.done_ml_ms_per_h
    if pump.running_since is not None:
        product += pump.rate_ml_per_h * milliseconds(after(now_ms) - pump.running_since)
    assert Fraction(product) / MS_PER_HOUR == delivered
    assert pump.running_ms(after(now_ms)) == ran_ms


@given(LEGS, st.decimals(min_value="0.01", max_value=1000, places=2))
def test_never_more_than_the_bag_and_mg_in_step_with_ml(
    legs: list[tuple[str, Decimal, int]], volume_ml: Decimal
) -> None:
    bag = replace(BAG, volume_ml=volume_ml)
    pump, delivered, _, now_ms = played(legs, bag)
    volume, dose = pump.delivered_ml(after(now_ms)), pump.delivered_mg(after(now_ms))
    assert 0 <= volume <= volume_ml
    assert 0 <= dose <= bag.dose_mg
    if pump.bag is not None:
        assert abs(Fraction(volume) - min(delivered, Fraction(volume_ml))) < Fraction(1, 10**15)
        assert abs(Fraction(dose) - 12 * min(delivered / Fraction(volume_ml), Fraction(1))) < Fraction(1, 10**15)


@given(LEGS)
def test_the_segments_shown_are_the_ones_that_count(legs: list[tuple[str, Decimal, int]]) -> None:
    pump, delivered, _, now_ms = played(legs, BAG)
    ends = [segment.until or after(now_ms) for segment in pump.segments]
    shown = sum(
        Fraction(segment.rate_ml_per_h) * milliseconds(end - segment.since) / MS_PER_HOUR
        for segment, end in zip(pump.segments, ends, strict=True)
    )
    assert shown == delivered
    assert all(segment.until is not None for segment in pump.segments[:-1])
    assert all(end <= later.since for end, later in zip(ends, pump.segments[1:], strict=False))


@given(RATES, st.integers(1, 20), st.lists(SPANS_MS, min_size=1, max_size=6), st.randoms())
def test_pauses_delay_and_neither_their_order_nor_their_number_changes_the_dose(
    rate: Decimal, run_min: int, pauses_ms: list[int], random: object
) -> None:
    run_ms = run_min * 60_000

    def with_pauses(order: list[int]) -> Pump:
        now_ms, pump = 0, Pump()
        for pause_ms in order:
            pump = pump.run(after(now_ms), rate, BAG)
            now_ms += run_ms
            pump = pump.halt(after(now_ms), "technical")
            now_ms += pause_ms
        return pump.run(after(now_ms), rate)

    forwards, backwards = with_pauses(pauses_ms), with_pauses(pauses_ms[::-1])
    assert forwards.done_ml_ms_per_h == backwards.done_ml_ms_per_h == rate * run_ms * len(pauses_ms)
    assert forwards.projected_end() == backwards.projected_end()


@given(RATES, SPANS_MS)
def test_the_projected_end_is_when_the_bag_is_empty_to_the_millisecond(rate: Decimal, so_far_ms: int) -> None:
    pump = Pump().run(START, rate, BAG).run(after(so_far_ms), rate)
    end = pump.projected_end()
    assert end is not None
    exact_ms = Fraction(BAG.volume_ml) * MS_PER_HOUR / Fraction(rate)
    if exact_ms > so_far_ms:
        assert abs(milliseconds(end - START) - exact_ms) <= Fraction(1, 2)
    else:
        assert end == after(so_far_ms)


def test_nothing_is_projected_while_nothing_runs() -> None:
    assert Pump().projected_end() is None
    assert Pump().run(START, Decimal("25.3")).projected_end() is None, "no bag is known"
    halted = Pump().run(START, Decimal("25.3"), BAG).halt(after(1), "clinical")
    assert halted.projected_end() is None
    assert Pump().run(START, Decimal(0), BAG).projected_end() is None


def test_the_nominal_day() -> None:
    pump = Pump().run(START, Decimal("25.3"), BAG)
    assert pump.projected_end() == START + timedelta(hours=4)
    assert pump.delivered_ml(START + timedelta(hours=2)) == Decimal("50.6")
    assert pump.delivered_mg(START + timedelta(hours=2)) == 6
    assert planned_rate_ml_per_h(BAG.volume_ml, 240) == Decimal("25.3")


def test_a_pump_that_never_ran_cannot_be_halted_and_one_that_is_done_stays_done() -> None:
    assert Pump().halt(START, "clinical") == Pump()
    done = Pump().run(START, Decimal("25.3"), BAG).halt(after(MS_PER_HOUR), "completed", status="idle")
    assert done.halt(after(2 * MS_PER_HOUR), "clinical") == done
    assert (done.status, done.last_ran_at) == ("idle", after(MS_PER_HOUR))


def test_a_halt_after_a_halt_keeps_when_it_last_ran() -> None:
    paused = Pump().run(START, Decimal("25.3"), BAG).halt(after(1000), "technical")
    stopped = paused.halt(after(5000), "clinical")
    assert (stopped.halted_at, stopped.last_ran_at, stopped.halt_reason) == (after(1000), after(1000), "clinical")


def test_a_terminal_state_ends_the_segment_and_says_so() -> None:
    ended = Pump().run(START, Decimal("25.3"), BAG).ended_by_terminal_state(after(MS_PER_HOUR))
    assert ended.ended_by_state
    assert (ended.status, ended.running_since) == ("idle", None)
    assert ended.delivered_ml(after(A_DAY_MS)) == Decimal("25.3")


def test_a_stated_volume_is_kept_until_another_is_stated() -> None:
    stated = Pump().stating(Decimal("99.2"))
    assert stated.stating(None).stated_ml == Decimal("99.2")
    assert stated.stating(Decimal(100)).stated_ml == 100


def test_time_that_goes_back_counts_as_none() -> None:
    pump = Pump().run(after(5000), Decimal("25.3"), BAG).halt(after(1000), "technical")
    assert pump.delivered_ml(after(9000)) == 0


def test_a_second_bag_goes_on_where_the_first_ended() -> None:
    """100 mL of 10 mg, then 50 mL of 20 mg: what the first gave stays given, and the second is counted anew."""
    first = replace(BAG, id="bag-1", volume_ml=Decimal(100), dose_mg=Decimal(10))
    second = replace(BAG, id="bag-2", volume_ml=Decimal(50), dose_mg=Decimal(20))
    start = datetime(2026, 11, 23, 9, tzinfo=UTC)

    changed = Pump().run(start, Decimal(50), first).run(start + timedelta(hours=1), Decimal(50), second)
    later = start + timedelta(hours=1, minutes=30)

    assert changed.delivered_ml(later) == Decimal(75)
    assert changed.delivered_mg(later) == Decimal(15)
    assert changed.projected_end() == start + timedelta(hours=2)
    assert changed.running_ms(later) == milliseconds(timedelta(hours=1, minutes=30))
    assert changed.run(later, Decimal(100), second).taken_down == changed.taken_down
