"""Tokens, devices, staff: what is kept of them, what they prove, and how they are shut out."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from infusion_service.access.errors import AlreadyThere, UnknownRecord, UnusableValue
from infusion_service.access.records import KIND_DEVICE, KIND_SESSION, KIND_STAFF, KIND_TOKEN
from tests.access.conftest import ADMIN, START, AccessWard


async def test_a_device_token_proves_the_device_and_its_ward(ward: AccessWard) -> None:
    tablet = ward.tablet

    assert (tablet.kind, tablet.actor.id, tablet.role, tablet.wards) == ("device", "tab-1", "device", ("neuro-day",))


async def test_no_token_pin_or_badge_is_kept_or_logged_as_such(ward: AccessWard) -> None:
    session = await ward.sign_in()
    _, admin_token = await ward.access.mint_token("ops", "admin", START + timedelta(days=1), ADMIN)

    kept = json.dumps([await ward.journal.store.records("demo", kind) for kind in (KIND_DEVICE, KIND_STAFF)])
    kept += json.dumps([await ward.journal.store.records("demo", kind) for kind in (KIND_SESSION, KIND_TOKEN)])
    logged = repr(ward.journal.entries)

    for secret in (ward.tablet_token, session.token, admin_token, "1234", "9999", "B-1", "B-2"):
        assert f'"{secret}"' not in kept
        assert secret not in logged.replace("session-", "")
    assert "Nora" not in logged


async def test_what_is_no_token_proves_nothing(ward: AccessWard) -> None:
    for token in ("", "infd_", ward.tablet_token[:-1], ward.tablet_token + "x", "\udc80", "B-1"):
        assert ward.access.authenticate(token, ward.clock.now()) is None


async def test_a_revoked_device_is_out_at_once_with_every_session_on_it(ward: AccessWard) -> None:
    session = await ward.sign_in()

    await ward.access.revoke_device("tab-1", ADMIN)

    assert ward.access.authenticate(ward.tablet_token, ward.clock.now()) is None
    assert ward.access.authenticate(session.token, ward.clock.now()) is None
    assert ward.journal.types()[-1] == "device.revoked"


async def test_whoever_listens_hears_of_a_change_once_it_counts(ward: AccessWard) -> None:
    session = await ward.sign_in()
    found: list[bool] = []

    def look() -> None:
        found.append(ward.access.authenticate(session.token, ward.clock.now()) is not None)

    ward.access.add_listener(look)
    await ward.access.enrol_device("tab-9", "neuro-day", ADMIN)
    await ward.access.revoke_device("tab-1", ADMIN)

    assert found == [True, False]


async def test_a_disabled_person_is_out_of_every_session_and_cannot_be_second(ward: AccessWard) -> None:
    session = await ward.sign_in()

    await ward.access.disable_staff("staff-1", ADMIN)

    assert ward.access.authenticate(session.token, ward.clock.now()) is None
    assert ward.access.second_person(session.token, ward.clock.now()) is None


async def test_a_service_token_ends_when_it_expires_or_is_revoked(ward: AccessWard) -> None:
    record, token = await ward.access.mint_token("engine", "integration", START + timedelta(hours=1), ADMIN)
    _, other = await ward.access.mint_token("office", "auditor", START + timedelta(days=9), ADMIN, scopes=("log",))

    before = ward.access.authenticate(token, ward.clock.now())
    ward.clock.pass_by(hours=1)
    scoped = ward.access.authenticate(other, ward.clock.now())

    assert before is not None
    assert (before.kind, before.role, before.actor.id) == ("token", "integration", record.token_id)
    assert ward.access.authenticate(token, ward.clock.now()) is None
    assert scoped is not None
    assert scoped.scopes == {"log"}
    await ward.access.revoke_token(scoped.actor.id, ADMIN)
    assert ward.access.authenticate(other, ward.clock.now()) is None


async def test_all_of_it_survives_a_restart(ward: AccessWard) -> None:
    session = await ward.sign_in()
    await ward.access.disable_staff("staff-2", ADMIN)

    again = await ward.restarted()

    assert again.tablet == ward.tablet
    assert again.access.authenticate(session.token, ward.clock.now()) is not None
    assert [member.disabled_at is not None for member in again.access.list_staff()] == [False, True]


async def test_ids_and_badges_are_taken_once(ward: AccessWard) -> None:
    with pytest.raises(AlreadyThere):
        await ward.access.enrol_device("tab-1", "neuro-day", ADMIN)
    with pytest.raises(AlreadyThere):
        await ward.access.add_staff("staff-1", "Other", "nurse", badge="B-9", pin="1234", wards=None, by=ADMIN)
    with pytest.raises(AlreadyThere):
        await ward.access.add_staff("staff-9", "Other", "nurse", badge="B-1", pin="1234", wards=None, by=ADMIN)


@pytest.mark.parametrize(
    ("pointer", "changed"),
    [
        ("/pin", {"pin": "12"}),
        ("/pin", {"pin": "12a4"}),
        ("/wards", {"wards": ("nowhere",)}),
        ("/role", {"role": "surgeon"}),
        ("/staff", {"staff_id": "Nora Night"}),
    ],
)
async def test_what_cannot_be_used_is_refused_with_its_place(
    ward: AccessWard, pointer: str, changed: dict[str, object]
) -> None:
    wanted = {"staff_id": "staff-9", "name": "X", "role": "nurse", "badge": "B-9", "pin": "1234", "wards": None}

    with pytest.raises(UnusableValue) as refused:
        await ward.access.add_staff(**{**wanted, **changed}, by=ADMIN)  # type: ignore[arg-type]  # wrong on purpose

    assert refused.value.pointer == pointer


async def test_what_is_not_there_cannot_be_revoked(ward: AccessWard) -> None:
    for revoke in (ward.access.revoke_device, ward.access.revoke_token, ward.access.disable_staff):
        with pytest.raises(UnknownRecord):
            await revoke("nobody", ADMIN)


async def test_a_changed_badge_or_pin_counts_from_then_on(ward: AccessWard) -> None:
    await ward.access.change_staff("staff-1", ADMIN, badge="B-7", pin="7777")

    session = await ward.sign_in("B-7", "7777")

    assert session.staff_id == "staff-1"
    assert ward.journal.entries[-2][1] == {"staff": "staff-1", "changed": ["pin", "badge"]}
