"""Signing in, administration and cookies over HTTP."""

from __future__ import annotations

from typing import Any

from tests.web.conftest import HttpWard, sign_in


async def wrong_pin(ward: HttpWard) -> Any:
    return await ward.post("/v1/sessions", {"badge": "B-nurse-1", "pin": "0000"}, by="device")


async def test_badge_and_pin_give_a_session(ward: HttpWard) -> None:
    answer = await ward.post("/v1/sessions", {"badge": "B-nurse-1", "pin": "1234"}, by="device")
    ward.tokens["new"] = answer.body["token"]

    who = await ward.get("/v1/sessions/current", by="new")

    assert answer.status == 201
    assert (answer.body["staff"], answer.body["role"]) == ("nurse-1", "nurse")
    assert answer.body["expires_at"] == "2026-11-23T19:00:00.000Z"
    assert who.body == {
        "device": "tab-1",
        "session": answer.body["session"],
        "staff": "nurse-1",
        "role": "nurse",
    }
    assert (await ward.get("/v1/sessions/current", by="device")).body["session"] is None


async def test_signing_out_ends_the_session_and_nothing_else(ward: HttpWard) -> None:
    ended = await ward.call("DELETE", "/v1/sessions/current")

    assert (ended.status, ended.body) == (204, "")
    assert (await ward.get("/v1/days")).status == 401
    assert (await ward.get("/v1/days", by="nurse_2")).status == 200


async def test_five_wrong_pins_lock_until_a_charge_nurse_unlocks(ward: HttpWard) -> None:
    tries = [await wrong_pin(ward) for _ in range(5)]
    locked = await ward.post("/v1/sessions", {"badge": "B-nurse-1", "pin": "1234"}, by="device")
    by_a_nurse = await ward.post("/v1/staff/nurse-1/unlock", {}, by="nurse_2")
    listed = (await ward.get("/v1/staff", by="charge_nurse")).body["staff"]
    unlocked = await ward.post("/v1/staff/nurse-1/unlock", {}, by="charge_nurse")

    assert {(answer.status, answer.code) for answer in tries} == {(401, "not_authenticated")}
    assert (locked.status, locked.code, locked.body["locked"]) == (401, "not_authenticated", True)
    assert by_a_nurse.status == 403
    assert [member["staff"] for member in listed if member["locked_at"]] == ["nurse-1"]
    assert unlocked.body["locked_at"] is None
    assert await sign_in(ward, "nurse-1")


async def test_an_unknown_badge_gets_the_answer_of_a_wrong_pin(ward: HttpWard) -> None:
    unknown = await ward.post("/v1/sessions", {"badge": "B-404", "pin": "1234"}, by="device")
    wrong = await wrong_pin(ward)

    assert unknown.body["detail"] == wrong.body["detail"]


async def test_a_session_left_idle_is_over_and_the_clock_decides(ward: HttpWard) -> None:
    ward.pass_by(minutes=29)
    in_time = await ward.get("/v1/days")
    ward.pass_by(minutes=30)

    assert in_time.status == 200
    assert (await ward.get("/v1/days")).code == "not_authenticated"


async def test_a_disabled_person_and_a_revoked_device_are_out_at_once(ward: HttpWard) -> None:
    await ward.call("PATCH", "/v1/staff/nurse-1", {"disabled": True}, by="admin")
    disabled = await ward.get("/v1/days")
    still_in = await ward.get("/v1/days", by="nurse_2")
    await ward.call("PATCH", "/v1/devices/tab-1", {"revoked": True}, by="admin")

    assert (disabled.status, still_in.status) == (401, 200)
    for by in ("device", "nurse_2", "prescriber"):
        assert (await ward.get("/v1/days", by=by)).status == 401


async def test_a_charge_nurse_ends_the_session_on_a_lost_tablet(ward: HttpWard) -> None:
    session = (await ward.get("/v1/sessions/current")).body["session"]

    ended = await ward.call("DELETE", f"/v1/sessions/{session}", by="charge_nurse")
    unknown = await ward.call("DELETE", "/v1/sessions/session-0", by="charge_nurse")

    assert ended.status == 204
    assert (await ward.get("/v1/days")).status == 401
    assert unknown.code == "not_found"


async def test_devices_are_enrolled_listed_and_revoked(ward: HttpWard) -> None:
    enrolled = await ward.post("/v1/devices", {"device": "tab-9", "ward": "neuro-day"}, by="admin")
    taken = await ward.post("/v1/devices", {"device": "tab-9", "ward": "neuro-day"}, by="admin")
    nowhere = await ward.post("/v1/devices", {"device": "tab-10", "ward": "nowhere"}, by="admin")
    revoked = await ward.call("PATCH", "/v1/devices/tab-9", {"revoked": True}, by="admin")
    taken_back = await ward.call("PATCH", "/v1/devices/tab-9", {"revoked": False}, by="admin")
    listed = await ward.get("/v1/devices", by="admin")

    assert (enrolled.status, enrolled.body["token"][:5]) == (201, "infd_")
    assert (taken.status, taken.code) == (409, "already_exists")
    assert (nowhere.status, nowhere.body["errors"][0]["pointer"]) == (400, "/ward")
    assert revoked.body["revoked_at"] is not None
    assert taken_back.status == 400
    assert [device["device"] for device in listed.body["devices"]] == ["tab-1", "tab-2", "tab-9"]
    assert "token" not in listed.body["devices"][0]


async def test_staff_are_added_and_changed_without_their_secrets_coming_back(ward: HttpWard) -> None:
    new = {"name": "Nora Night", "role": "nurse", "badge": "B-77", "pin": "7777", "wards": ["neuro-day"]}

    added = await ward.post("/v1/staff", new, by="admin")
    changed = await ward.call("PATCH", f"/v1/staff/{added.body['staff']}", {"pin": "8888"}, by="admin")
    short = await ward.call("PATCH", f"/v1/staff/{added.body['staff']}", {"pin": "88"}, by="admin")
    unknown = await ward.call("PATCH", "/v1/staff/none-such", {"disabled": True}, by="admin")
    signed_in = await ward.post("/v1/sessions", {"badge": "B-77", "pin": "8888"}, by="device")

    assert (added.status, changed.status, signed_in.status) == (201, 200, 201)
    assert added.body["staff"].startswith("staff-")
    assert not {"badge", "pin", "badge_sha256", "pin_argon2"} & set(added.body)
    assert (short.status, short.body["errors"][0]["pointer"]) == (400, "/pin")
    assert unknown.code == "not_found"


async def test_tokens_are_minted_listed_and_revoked(ward: HttpWard) -> None:
    new = {"label": "engine", "role": "integration", "expires_at": "2026-12-01T00:00:00Z"}

    minted = await ward.post("/v1/tokens", new, by="admin")
    past = await ward.post("/v1/tokens", {**new, "expires_at": "2026-01-01T00:00:00Z"}, by="admin")
    ward.tokens["engine"] = minted.body["token"]
    before = await ward.get("/v1/log", by="engine")
    await ward.call("PATCH", f"/v1/tokens/{minted.body['id']}", {"revoked": True}, by="admin")
    listed = (await ward.get("/v1/tokens", by="admin")).body["tokens"]

    assert past.body["errors"][0]["pointer"] == "/expires_at"
    assert before.status == 200
    assert (await ward.get("/v1/log", by="engine")).status == 401
    assert all("token" not in token for token in listed)


async def test_every_change_is_an_entry_of_the_site_by_who_made_it(ward: HttpWard) -> None:
    await ward.post("/v1/devices", {"device": "tab-9", "ward": "neuro-day"}, by="admin")
    await ward.call("PATCH", "/v1/staff/nurse-1", {"disabled": True}, by="admin")

    entries = (await ward.get("/v1/log?after=0", by="auditor")).body["entries"]
    enrolled, disabled, _own_reading = entries[-3:]

    assert (enrolled["type"], enrolled["kind"], enrolled["stream"]) == ("device.enrolled", "admin", "site")
    assert enrolled["actor"]["role"] == "admin"
    assert disabled["data"] == {"staff": "nurse-1"}


async def test_the_page_signs_in_by_cookies_that_no_script_reads(ward: HttpWard) -> None:
    client = ward.client
    origin = f"http://{client.host}:{client.port}"
    enrol = await client.post(
        "/v1/devices/current/cookie", headers={"Authorization": f"Bearer {ward.tokens['device']}"}
    )
    body = {"badge": "B-nurse-1", "pin": "1234", "cookie": True}
    signed_in = await client.post("/v1/sessions", json=body, headers={"Origin": origin})
    who = await (await client.get("/v1/sessions/current")).json()

    assert enrol.status == 204
    for response, name in ((enrol, "infusion_device"), (signed_in, "infusion_session")):
        cookie = response.cookies[name]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
    assert signed_in.status == 201
    assert "token" not in await signed_in.json()
    assert who["staff"] == "nurse-1"
    out = await client.delete("/v1/sessions/current", headers={"Origin": origin})
    assert out.status == 204
    assert (await (await client.get("/v1/sessions/current")).json())["staff"] is None


async def test_a_cookie_writes_only_for_a_page_of_this_origin(ward: HttpWard) -> None:
    client = ward.client
    await client.post("/v1/devices/current/cookie", headers={"Authorization": f"Bearer {ward.tokens['device']}"})
    body = {"badge": "B-nurse-1", "pin": "1234", "cookie": True}

    origins = ("https://elsewhere.example", "null", "http://", "http://[", f"http://{client.host}:1")
    answers = [await client.post("/v1/sessions", json=body, headers={"Origin": origin}) for origin in origins]
    answers.append(await client.post("/v1/sessions", json=body))
    reading = await client.get("/v1/days", headers={"Origin": "https://elsewhere.example"})

    assert {answer.status for answer in answers} == {403}
    assert {(await answer.json())["code"] for answer in answers} == {"cross_origin"}
    assert reading.status == 200


async def test_a_bad_authorization_header_is_not_made_good_by_a_cookie(ward: HttpWard) -> None:
    client = ward.client
    await client.post("/v1/devices/current/cookie", headers={"Authorization": f"Bearer {ward.tokens['device']}"})

    assert (await client.get("/v1/days", headers={"Authorization": "Bearer forged"})).status == 401


async def test_a_board_that_refreshes_itself_does_not_keep_a_session_alive(ward: HttpWard) -> None:
    client = ward.client
    origin = {"Origin": f"http://{client.host}:{client.port}"}
    await client.post("/v1/devices/current/cookie", headers={"Authorization": f"Bearer {ward.tokens['device']}"})
    await client.post("/v1/sessions", json={"badge": "B-nurse-1", "pin": "1234", "cookie": True}, headers=origin)
    for _ in range(2):
        ward.pass_by(minutes=20)
        await client.get("/v1/days")

    # The session is over; the enrolled device still shows the board.
    assert (await client.get("/v1/days")).status == 200
    assert (await (await client.get("/v1/sessions/current")).json())["session"] is None
