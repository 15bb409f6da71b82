"""Signing in: sessions and their ends, wrong PINs, second persons, facts of ended sessions."""

from __future__ import annotations

import asyncio

import pytest

from infusion_service.access.errors import BadgeLocked, UnknownRecord, WrongPin
from tests.access.conftest import ADMIN, AccessWard


async def test_badge_and_pin_open_a_session_of_the_person_on_the_device(ward: AccessWard) -> None:
    session = await ward.sign_in()

    identity = ward.access.authenticate(session.token, ward.clock.now())

    assert identity is not None
    assert (identity.actor.id, identity.actor.role, identity.actor.how) == ("staff-1", "nurse", "session")
    assert (identity.device_id, identity.session_id) == ("tab-1", session.session_id)
    assert ward.journal.entries[-1][0] == "session.opened"


async def test_an_idle_session_ends_after_half_an_hour(ward: AccessWard) -> None:
    session = await ward.sign_in()

    used = [ward.access.authenticate(session.token, ward.clock.pass_by(minutes=29)) for _ in range(3)]
    idle = ward.access.authenticate(session.token, ward.clock.pass_by(minutes=30))

    assert None not in used
    assert idle is None


async def test_a_page_that_refreshes_itself_does_not_keep_a_session_alive(ward: AccessWard) -> None:
    session = await ward.sign_in()

    ward.access.authenticate(session.token, ward.clock.pass_by(minutes=29), counts_as_use=False)

    assert ward.access.authenticate(session.token, ward.clock.pass_by(minutes=2)) is None


async def test_a_session_in_use_ends_after_twelve_hours(ward: AccessWard) -> None:
    session = await ward.sign_in()

    for _ in range(24 * 60 // 20 // 2 - 1):
        assert ward.access.authenticate(session.token, ward.clock.pass_by(minutes=20)) is not None

    assert ward.access.authenticate(session.token, ward.clock.pass_by(minutes=20)) is None


async def test_a_closed_session_is_closed(ward: AccessWard) -> None:
    session = await ward.sign_in()
    identity = ward.access.authenticate(session.token, ward.clock.now())
    assert identity is not None

    await ward.access.close_session(session.session_id, identity.actor, ward.clock.now())

    assert ward.access.authenticate(session.token, ward.clock.now()) is None
    with pytest.raises(UnknownRecord):
        await ward.access.close_session("session-0", ADMIN, ward.clock.now())


async def test_five_wrong_pins_lock_the_badge_until_it_is_unlocked(ward: AccessWard) -> None:
    for _ in range(5):
        with pytest.raises(WrongPin):
            await ward.sign_in(pin="0000")

    with pytest.raises(BadgeLocked):
        await ward.sign_in()
    again = await ward.restarted()
    with pytest.raises(BadgeLocked):
        await again.sign_in()
    await again.access.unlock_staff("staff-1", ADMIN)

    assert (await again.sign_in()).staff_id == "staff-1"
    assert ward.journal.types()[-7:] == [*["pin.refused"] * 4, "staff.locked", "staff.unlocked", "session.opened"]


async def test_wrong_pins_at_the_same_time_all_count(ward: AccessWard) -> None:
    tries = await asyncio.gather(*(ward.sign_in(pin="0000") for _ in range(8)), return_exceptions=True)

    assert [type(result) for result in tries] == [*[WrongPin] * 5, *[BadgeLocked] * 3]


async def test_a_right_pin_forgives_the_wrong_ones_before(ward: AccessWard) -> None:
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(WrongPin):
                await ward.sign_in(pin="0000")

        assert (await ward.sign_in()).role == "nurse"


async def test_an_unknown_badge_and_a_disabled_person_sound_like_a_wrong_pin(ward: AccessWard) -> None:
    await ward.access.disable_staff("staff-2", ADMIN)

    for badge, pin in (("B-404", "1234"), ("B-2", "9999")):
        with pytest.raises(WrongPin):
            await ward.sign_in(badge, pin)


async def test_the_second_person_is_who_bears_the_other_session(ward: AccessWard) -> None:
    other = await ward.sign_in("B-2", "9999")

    second = ward.access.second_person(other.token, ward.clock.now())

    assert second is not None
    assert (second.id, second.role, second.how) == ("staff-2", "prescriber", "session")
    assert ward.access.second_person(ward.tablet_token, ward.clock.now()) is None
    assert ward.access.second_person("infs_made-up", ward.clock.now()) is None


async def test_a_fact_counts_under_the_session_it_was_entered_in_also_when_that_has_ended(ward: AccessWard) -> None:
    session = await ward.sign_in()
    entered = ward.clock.pass_by(minutes=40)
    later = ward.clock.pass_by(hours=14)

    too_late = ward.access.session_bearer(session.session_id, "tab-1", session.expires_at, later)
    actor = ward.access.session_bearer(session.session_id, "tab-1", entered, later)

    assert too_late is None
    assert actor is not None
    assert (actor.actor.id, actor.role, actor.actor.how) == ("staff-1", "nurse", "session_expired")


async def test_a_fact_outside_its_session_or_of_another_device_counts_under_nobody(ward: AccessWard) -> None:
    opened = ward.clock.now()
    session = await ward.sign_in()
    ended = ward.clock.pass_by(minutes=10)
    await ward.access.close_session(session.session_id, ADMIN, ended)
    now = ward.clock.pass_by(minutes=10)

    def counts(session_id: str, device_id: str, recorded_at: object) -> bool:
        return ward.access.session_bearer(session_id, device_id, recorded_at, now) is not None  # type: ignore[arg-type]  # a time

    assert counts(session.session_id, "tab-1", opened)
    assert not counts(session.session_id, "tab-1", ended)
    assert not counts(session.session_id, "tab-1", now)
    assert not counts(session.session_id, "tab-2", opened)
    assert not counts("session-0", "tab-1", opened)


async def test_a_session_that_ended_a_week_ago_is_forgotten(ward: AccessWard) -> None:
    old = await ward.sign_in()
    ward.clock.pass_by(days=8)

    await ward.sign_in()

    assert old.session_id not in await ward.journal.store.records("demo", "session")
