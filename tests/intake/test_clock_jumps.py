"""A wall clock that jumps by two days, or by an hour twice a year: nothing is raised twice, comes late or is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from infusion_service.clinical.vocabulary import Entry
from infusion_service.intake.clock_doubt import AHEAD_MAX, CLOCK_CONFIRMED, CLOCK_DOUBTED
from infusion_service.log.memory import MemoryStore
from infusion_service.settings import Ward
from tests.drills.year import KINDS, NOBODY_CAME, Kind, PlannedDay, appointments, scheduling, submission, told
from tests.intake.hands import Hands, Living

THE_DAY = date(2026, 11, 23)
MORNING = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
LONG_AFTER = timedelta(days=3)
TWO_DAYS = timedelta(days=2)
A_MINUTE = timedelta(minutes=1)
BERLIN = ZoneInfo("Europe/Berlin")

Act = Callable[[Living], Awaitable[object]]


@dataclass(frozen=True)
class Lived:
    """A day that was lived through: its entries, and the types of those of the site."""

    entries: list[Entry]
    site: list[str]


async def live(day: PlannedDay, happens: Sequence[tuple[datetime, Act]], *, since: datetime, **changed: Any) -> Lived:
    """Live one day with what people chart and what else happens, at the true times given."""
    service = Living(MemoryStore(), Hands(since), **changed)
    await service.begin()
    made = await service.intake.submit(scheduling(day))
    assert made.receipt is not None, made.refusal
    day_id = str(made.receipt["day_id"])

    def visit(facts: Any) -> Act:
        async def act(service: Living) -> None:
            for number, charted in facts:
                outcome = await service.intake.submit(submission(day, day_id, number, charted))
                assert outcome.receipt is not None, outcome.refusal

        return act

    plan = [(moment, 1, visit(facts)) for moment, _, facts in appointments([day])]
    plan += [(moment, 0, act) for moment, act in happens]
    now = since
    for moment, _, act in sorted(plan, key=lambda step: step[:2]):
        await service.pass_time(moment - now)
        now = moment
        await act(service)
    await service.pass_time(since + LONG_AFTER - now)
    entries = [logged.entry for logged in await service.intake.entries(day_id) if logged.entry]
    site = [logged.entry.type for logged in await service.intake.log_page(0, 500, "site") if logged.entry]
    await service.end()
    return Lived(entries, site)


def jumping(by: timedelta) -> Act:
    """The wall clock is set."""
    return lambda service: service.jump(by)


async def confirming(service: Living) -> None:
    """A person says that the clock is right."""
    assert await service.confirm()


async def restarting(service: Living) -> None:
    """The process ends and begins again."""
    await service.end()
    await service.begin()


async def rebooting(service: Living) -> None:
    """The machine is started anew, and the process with it."""
    await service.end()
    service.hands.reboot()
    await service.begin()


@dataclass(frozen=True)
class Jump:
    """When the clock jumps and by how much, when it is set right, and whether the process restarts in between."""

    after_min: int
    by: timedelta
    right_again_after_min: int
    restarts: bool

    def happens(self) -> list[tuple[datetime, Act]]:
        """The jump, and all that follows until a person has confirmed the clock."""
        jumped = MORNING + timedelta(minutes=self.after_min)
        right_again = jumped + timedelta(minutes=self.right_again_after_min)
        acts: list[tuple[datetime, Act]] = [(jumped, jumping(self.by))]
        if self.restarts:
            acts.append((jumped + A_MINUTE / 2, restarting))
        return [*acts, (right_again + A_MINUTE, jumping(-self.by)), (right_again + 2 * A_MINUTE, confirming)]


def jumps(longest_min: int) -> st.SearchStrategy[Jump]:
    """A jump at any moment from six in the morning to the evening."""
    return st.builds(
        Jump,
        after_min=st.integers(0, 900),
        by=st.sampled_from([TWO_DAYS, -TWO_DAYS]),
        right_again_after_min=st.integers(0, longest_min),
        restarts=st.booleans(),
    )


def hold_through_a_jump(kind: Kind, jump: Jump) -> None:
    """The day is as it would have been, to the millisecond; what would have moved it waited for the person, and what
    was derived meanwhile says that the clock was in doubt."""
    day = PlannedDay(1, kind, THE_DAY)
    happens = jump.happens()
    lived = asyncio.run(live(day, happens, since=MORNING))
    assert told(lived.entries) == day.expected()
    doubted, confirmed = happens[0][0], happens[-1][0]
    for entry in lived.entries:
        if entry.kind == "derived" and entry.received_at not in (doubted, confirmed):
            assert (entry.data.get("clock") == "in_doubt") == (doubted < entry.received_at < confirmed), entry
    assert (lived.site.count(CLOCK_DOUBTED), lived.site.count(CLOCK_CONFIRMED)) == (1, 1)


@hypothesis_settings(max_examples=15, deadline=None)
@given(st.sampled_from(KINDS), jumps(longest_min=300))
def test_a_jump_of_two_days_changes_nothing_of_what_is_raised_and_when(kind: Kind, jump: Jump) -> None:
    hold_through_a_jump(kind, jump)


@pytest.mark.drill
@pytest.mark.timeout(1200)
@hypothesis_settings(max_examples=300, deadline=None)
@given(st.sampled_from(KINDS), jumps(longest_min=2 * 24 * 60))
def test_a_jump_of_two_days_never_changes_what_is_raised_and_when(kind: Kind, jump: Jump) -> None:
    hold_through_a_jump(kind, jump)


def hold_where_the_wall_clock_was_right(kind: Kind, after_min: int, by: timedelta) -> None:
    """The person confirms the clock as it stands after the jump: what was due on the way is there once."""
    day = PlannedDay(1, replace(kind, charted=kind.charted[:1]), THE_DAY)
    # Nobody charts by a clock that has since been set.
    jumped = max(MORNING + timedelta(minutes=after_min), day.start + timedelta(minutes=16))
    happens: list[tuple[datetime, Act]] = [(jumped, jumping(by)), (jumped + 10 * A_MINUTE, confirming)]
    undisturbed = asyncio.run(live(day, [], since=MORNING))
    lived = asyncio.run(live(day, happens, since=MORNING))
    assert len(told(lived.entries)) == len(set(told(lived.entries)))
    assert gravest(lived) == gravest(undisturbed)
    assert [entry.type for entry in lived.entries].count("day.missed") == (0 if kind.infused else 1)


def gravest(lived: Lived) -> set[tuple[str, ...]]:
    """What had been said at the end, whatever milder things a jump in time has passed over."""
    open_alerts: dict[str, tuple[str, ...]] = {}
    checks: set[tuple[str, ...]] = set()
    for entry in lived.entries:
        if entry.type == "alert.raised":
            open_alerts[entry.data["family"]] = (entry.data["rule"], entry.data["severity"])
        elif entry.type in ("check.overdue", "day.missed"):
            checks.add((entry.type, str(entry.data.get("check")), str(entry.data.get("due_at"))))
    return checks | set(open_alerts.values())


@hypothesis_settings(max_examples=8, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 900), st.sampled_from([TWO_DAYS, -TWO_DAYS]))
def test_where_the_wall_clock_was_set_right_by_two_days_everything_is_said_once(
    kind: Kind, after_min: int, by: timedelta
) -> None:
    hold_where_the_wall_clock_was_right(kind, after_min, by)


NIGHTS = {
    "spring": (date(2026, 3, 29), range(60, 240)),
    "autumn": (date(2026, 10, 25), range(5, 240)),
}
"""The dates on which clocks are changed at one o'clock UTC, and the minutes past midnight UTC at which an infusion can
start whose preparation lies on the date."""


def hold_through_a_night(kind: Kind, night: str, start: int) -> None:
    on, starts = NIGHTS[night]
    minute = starts[start % len(starts)]
    day = PlannedDay(1, kind, on, time(minute // 60, minute % 60, tzinfo=UTC), BERLIN)
    since = datetime.combine(on, time(tzinfo=UTC)) - timedelta(hours=6)
    wards = (Ward(id="neuro-day", name="Neurology", timezone="Europe/Berlin"),)
    lived = asyncio.run(live(day, [], since=since, wards=wards))
    assert told(lived.entries) == day.expected()
    assert CLOCK_DOUBTED not in lived.site


@pytest.mark.parametrize("night", NIGHTS)
@hypothesis_settings(max_examples=6, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 1000))
def test_the_night_on_which_clocks_are_changed_is_a_night_like_any_other(night: str, kind: Kind, start: int) -> None:
    hold_through_a_night(kind, night, start)


@pytest.mark.parametrize("night", NIGHTS)
def test_a_day_that_nobody_came_to_is_missed_at_noon_of_the_changed_clock(night: str) -> None:
    hold_through_a_night(NOBODY_CAME, night, 0)


def hold_behind_the_log(kind: Kind, after_min: int, again: Act) -> None:
    """Each thing is said once, late by no more than the time since the last entry; no day is missed unconfirmed."""
    day = PlannedDay(1, replace(kind, charted=kind.charted[:1]), THE_DAY)
    down = max(MORNING + timedelta(minutes=after_min), day.start + timedelta(minutes=16))

    async def start_behind(service: Living) -> None:
        service.hands.wall -= TWO_DAYS
        await again(service)

    undisturbed = asyncio.run(live(day, [], since=MORNING))
    right = (MORNING + timedelta(hours=14), jumping(TWO_DAYS))
    last = (MORNING + timedelta(hours=14, minutes=1), confirming)
    lived = asyncio.run(live(day, [(down, start_behind), right, last], since=MORNING))
    assert gravest(lived) == gravest(undisturbed)
    assert len(told(lived.entries)) == len(set(told(lived.entries)))
    assert lived.site.count(CLOCK_DOUBTED) == 1


def hold_after_a_standstill(kind: Kind, after_min: int, still: timedelta) -> None:
    """What fell due meanwhile is said once, at the start, with its own moment; a day is moved by a clock that has stood
    still for more than a day only when somebody has confirmed it."""
    day = PlannedDay(1, replace(kind, charted=kind.charted[:1]), THE_DAY)
    down = max(MORNING + timedelta(minutes=after_min), day.start + timedelta(minutes=16))
    before: list[str] = []
    doubted = False

    async def stand_still(service: Living) -> None:
        nonlocal doubted
        before.extend(await states(service))
        await service.end()
        service.hands.pass_time(still)
        service.hands.reboot()
        await service.begin()
        doubted = service.intake.clock_doubt != ""
        assert doubted or still <= AHEAD_MAX

    async def look(service: Living) -> None:
        assert not doubted or await states(service) == before

    async def confirm(service: Living) -> None:
        assert await service.confirm() == doubted

    undisturbed = asyncio.run(live(day, [], since=MORNING))
    happens: list[tuple[datetime, Act]] = [(down, stand_still), (down + A_MINUTE, look), (down + 5 * A_MINUTE, confirm)]
    lived = asyncio.run(live(day, happens, since=MORNING))
    assert gravest(lived) == gravest(undisturbed)
    assert len(told(lived.entries)) == len(set(told(lived.entries)))
    for entry in lived.entries:
        meanwhile = down < entry.occurred_at < down + still
        if entry.kind == "derived" and meanwhile and not (doubted and entry.type == "day.missed"):
            assert entry.received_at == down + still, entry


async def states(service: Living) -> list[str]:
    """The state of every day."""
    return [str(row["state"]) for row in await service.intake.board(limit=9)]


_starts = st.sampled_from([restarting, rebooting])
_standstills = st.sampled_from([timedelta(minutes=3), timedelta(hours=2), timedelta(hours=23), timedelta(hours=25)])


@hypothesis_settings(max_examples=8, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 700), _starts)
def test_a_start_with_a_clock_behind_the_log_goes_on_where_the_log_ends(kind: Kind, after_min: int, again: Act) -> None:
    hold_behind_the_log(kind, after_min, again)


@hypothesis_settings(max_examples=8, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 700), _standstills)
def test_after_a_standstill_what_fell_due_is_said_once_and_as_late_as_it_is(
    kind: Kind, after_min: int, still: timedelta
) -> None:
    hold_after_a_standstill(kind, after_min, still)


@pytest.mark.drill
@pytest.mark.timeout(1200)
@hypothesis_settings(max_examples=80, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 900), _starts, _standstills, st.sampled_from([TWO_DAYS, -TWO_DAYS]))
def test_no_start_and_no_confirmation_ever_says_a_thing_twice(
    kind: Kind, after_min: int, again: Act, still: timedelta, by: timedelta
) -> None:
    hold_behind_the_log(kind, after_min, again)
    hold_after_a_standstill(kind, after_min, still)
    hold_where_the_wall_clock_was_right(kind, after_min, by)
    for night in NIGHTS:
        hold_through_a_night(kind, night, after_min)
