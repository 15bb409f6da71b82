"""The desk: a browser signs in with a token, beside whatever else it is, and asks as what its page says it is."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any

from infusion_service.web.credentials import AS, DESK_COOKIE, DEVICE_COOKIE, SESSION_COOKIE
from tests.web.conftest import START, Answer, HttpWard

COOKIE = "/v1/credentials/current/cookie"
CURRENT = "/v1/credentials/current"
AS_DESK = {AS: "desk"}


async def seated(ward: HttpWard, role: str) -> str:
    """Sign in at a desk; return the cookie as a browser sends it."""
    answer = await ward.post(COOKIE, {}, by=role)
    assert answer.status == 201
    ward.client.session.cookie_jar.clear()  # each test says itself what the browser sends
    return cookie_of(answer)


def cookie_of(answer: Answer) -> str:
    morsel = SimpleCookie(answer.headers["Set-Cookie"])[DESK_COOKIE]
    assert morsel["httponly"]
    assert morsel["samesite"] == "Strict"
    return f"{DESK_COOKIE}={morsel.value}"


def origin_of(ward: HttpWard) -> str:
    """What a browser says its page is from."""
    return str(ward.client.make_url("/")).rstrip("/")


async def test_a_token_becomes_a_cookie_that_no_script_reads_and_the_page_learns_whose_it_is(ward: HttpWard) -> None:
    cookie = await seated(ward, "auditor")
    here = await ward.get(CURRENT, by=None, Cookie=cookie, **AS_DESK)

    assert (here.body["role"], here.body["wards"], here.body["scopes"]) == ("auditor", None, [])
    assert here.body["site"] == ward.service.intake.site
    assert (await ward.get("/v1/days", by=None, Cookie=cookie, **AS_DESK)).status == 200


async def test_nobody_at_a_desk_is_told_so_without_an_error(ward: HttpWard) -> None:
    for headers in ({}, {"Cookie": f"{DESK_COOKIE}=infa_forged"}, {"Authorization": "Bearer infa_forged"}):
        nobody = await ward.call("GET", CURRENT, by=None, **headers)

        assert nobody.status == 200
        assert {nobody.body[name] for name in ("id", "role", "wards", "site")} == {None}


async def test_who_leaves_takes_the_cookie_along_and_the_token_stays(ward: HttpWard) -> None:
    cookie = await seated(ward, "auditor")
    left = await ward.call("DELETE", COOKIE, by=None, Cookie=cookie, Origin=origin_of(ward), **AS_DESK)

    assert left.status == 204
    assert SimpleCookie(left.headers["Set-Cookie"])[DESK_COOKIE].value == ""
    assert (await ward.get("/v1/days", by="auditor")).status == 200


async def test_a_browser_that_is_a_tablet_and_a_desk_asks_as_what_the_page_says(ward: HttpWard) -> None:
    cookies = f"{DEVICE_COOKIE}={ward.tokens['device']}; {await seated(ward, 'auditor')}"
    asked: dict[str, Any] = {}
    for name in ("desk", "device", ""):
        asked[name] = await ward.get(CURRENT, by=None, Cookie=cookies, **({AS: name} if name else {}))

    assert [asked[name].body["role"] for name in ("desk", "device", "")] == ["auditor", "device", "device"]


async def test_an_address_opened_in_its_own_tab_takes_the_cookie_that_reaches_it(ward: HttpWard) -> None:
    day = await ward.schedule(by="nurse")
    cookies = f"{DEVICE_COOKIE}={ward.tokens['device']}; {await seated(ward, 'auditor')}"

    report = await ward.get(f"/v1/days/{day}/report", by=None, Cookie=cookies)
    alone = await ward.get(f"/v1/days/{day}/report", by=None, Cookie=f"{DEVICE_COOKIE}={ward.tokens['device']}")
    read = [entry["actor"]["role"] for entry in (await entries(ward, day)) if entry["kind"] == "access"]

    assert report.status == 200
    assert alone.code == "role_not_permitted"
    assert read == ["auditor"]


async def entries(ward: HttpWard, day: str) -> list[dict[str, Any]]:
    """The day's entries."""
    found: list[dict[str, Any]] = (await ward.get(f"/v1/days/{day}/entries", by="charge_nurse")).body["entries"]
    return found


async def test_a_write_takes_the_cookie_the_page_means_and_no_other(ward: HttpWard) -> None:
    cookies = f"{SESSION_COOKIE}={ward.tokens['nurse']}; {await seated(ward, 'admin')}"
    enrolled = {"device": "tablet-9", "ward": "neuro-day"}
    at_desk = await ward.post("/v1/devices", enrolled, by=None, Cookie=cookies, Origin=origin_of(ward), **AS_DESK)
    on_ward = await ward.post("/v1/devices", enrolled, by=None, Cookie=cookies, Origin=origin_of(ward))
    foreign = await ward.post("/v1/devices", enrolled, by=None, Cookie=cookies, Origin="https://x.test", **AS_DESK)

    assert at_desk.status == 201
    assert on_ward.code == "role_not_permitted"
    assert foreign.code == "cross_origin"


async def test_a_narrowed_or_revoked_token_gives_no_more_at_a_desk(ward: HttpWard) -> None:
    minted = await ward.post(
        "/v1/tokens",
        {
            "label": "engine desk",
            "role": "integration",
            "expires_at": START.replace(year=2027).isoformat(),
            "scopes": ["endpoints"],
        },
        by="admin",
    )
    ward.tokens["engine"] = minted.body["token"]
    cookie = await seated(ward, "engine")
    asked = {"Cookie": cookie, **AS_DESK}

    assert (await ward.get("/v1/endpoints", by=None, **asked)).status == 200
    assert (await ward.get("/v1/log", by=None, **asked)).code == "role_not_permitted"
    revoked = await ward.call("PATCH", f"/v1/tokens/{minted.body['id']}", {"revoked": True}, by="admin")
    assert revoked.status == 200
    assert (await ward.get("/v1/endpoints", by=None, **asked)).code == "not_authenticated"
