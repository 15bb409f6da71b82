"""Tokens of the house's identity provider: whom they let in, as what, and how often its keys are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from infusion_service.access.jwks import ANSWER_BYTES_MAX, fetch_from
from tests.web.conftest import BAG, OPERATOR, START, VITALS, Answer, HttpWard, new_event_id, opened_ward
from tests.web.issuing import SETTINGS, Provider, ec_key, rsa_key


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
async def ward(provider: Provider) -> AsyncIterator[HttpWard]:
    async with opened_ward(SETTINGS, issuer_keys=provider.keys) as opened:
        yield opened


async def ask(ward: HttpWard, token: str, path: str = "/v1/days") -> Answer:
    return await ward.get(path, by=None, Authorization=f"Bearer {token}")


async def test_a_nurse_posts_under_the_id_she_signs_in_with(ward: HttpWard, provider: Provider) -> None:
    day_id = await ward.schedule()
    ward.tokens["jwt"] = provider.token("nurse-1")

    posted = await ward.fact(day_id, "vitals.recorded", VITALS, by="jwt")
    entry = (await ward.get(f"/v1/days/{day_id}/entries", by="jwt")).body["entries"][1]

    assert posted.status == 201
    assert entry["actor"] == {"id": "nurse-1", "role": "nurse", "how": "token"}
    assert "session" not in entry


async def test_one_person_is_not_two_by_badge_and_by_token(ward: HttpWard, provider: Provider) -> None:
    day_id = await ward.schedule()
    check = {"event_id": new_event_id(), "day": day_id, "type": "bag.prepared", "data": BAG}
    await ward.post("/v1/double-checks", check, by="nurse")
    ward.tokens["jwt"] = provider.token("nurse-1")

    assert (await ward.fact(day_id, "bag.prepared", BAG, by="jwt")).code == "second_person_required"


async def test_somebody_with_a_token_is_the_second_of_two_as_with_badge_and_pin(
    ward: HttpWard, provider: Provider
) -> None:
    day_id, other_day = await ward.schedule(), await ward.schedule()
    for day, first in ((day_id, "nurse"), (other_day, "jwt_1")):
        ward.tokens["jwt_1"], ward.tokens["jwt_2"] = provider.token("nurse-1"), provider.token("nurse-2")
        check = {"event_id": new_event_id(), "day": day, "type": "bag.prepared", "data": BAG}
        assert (await ward.post("/v1/double-checks", check, by=first)).status == 201
        prepared = await ward.fact(day, "bag.prepared", BAG, by="jwt_2")
        entries = (await ward.get(f"/v1/days/{day}/entries", by="nurse")).body["entries"]

        assert prepared.status == 201, prepared.body
        (bag,) = [entry for entry in entries if entry["type"] == "bag.prepared"]
        assert (bag["actor"]["id"], bag["second"]["id"]) == ("nurse-2", "nurse-1")


async def override(ward: HttpWard, day_id: str, token: str) -> Answer:
    """Have the prescriber grant what needs a pharmacist's consent, with the token of who consents."""
    guards = (await ward.get("/v1/workflows/alemtuzumab/1")).body["guards"]
    guard = next(guard["id"] for guard in guards if (guard.get("override") or {}).get("consent"))
    data = {"guard": guard, "reason": "agreed at the bedside", "valid_minutes": 20}
    return await ward.fact(day_id, "override.granted", data, by="prescriber", second={"token": token})


async def test_consent_is_given_by_a_token_of_the_issuer_too(ward: HttpWard, provider: Provider) -> None:
    day_id = await ward.schedule()
    expired = int(START.timestamp()) - 61
    tokens = {
        "oneself": provider.token("doc-1", "neurologists", "pharmacy"),
        "an office": provider.token("0b1c", "audit-office"),
        "somebody the issuer gives no role here": provider.token("pharm-1", "gardeners"),
        "somebody of another role": provider.token("nurse-1"),
        "an expired token": provider.token("pharm-1", "pharmacy", exp=expired),
        "a forged token": provider.token("pharm-1", "pharmacy", key=rsa_key("k9"), header={"kid": "k1"}),
    }
    refused = {who: (await override(ward, day_id, token)).code for who, token in tokens.items()}
    consent = provider.token("pharm-1", "pharmacy", key=ec_key("k2"), header={"alg": "ES256"})
    granted = await override(ward, day_id, consent)
    entries = (await ward.get(f"/v1/days/{day_id}/entries", by="nurse")).body["entries"]
    await ward.service.access.disable_staff("pharm-1", OPERATOR)
    disabled = await override(ward, day_id, consent)

    assert refused == dict.fromkeys(tokens, "second_person_required")
    assert granted.status == 201, granted.body
    assert disabled.code == "second_person_required"
    assert [entry["second"] for entry in entries if "second" in entry] == [
        {"id": "pharm-1", "role": "pharmacist", "how": "token"}
    ]
    assert consent not in str(entries)


async def test_an_office_is_narrowed_to_the_wards_its_token_names(ward: HttpWard, provider: Provider) -> None:
    own, other = await ward.schedule(), await ward.schedule(ward="onco-day")
    token = provider.token("0b1c-auditor", "audit-office")

    assert (await ask(ward, token, f"/v1/days/{own}")).status == 200
    assert (await ask(ward, token, f"/v1/days/{other}")).status == 404
    assert (await ask(ward, provider.token("x", "audit-office", wards=None), f"/v1/days/{own}")).status == 404
    entry = (await ward.get(f"/v1/days/{own}/entries")).body["entries"][-1]
    assert (entry["type"], entry["actor"]["role"]) == ("day.read", "auditor")
    assert entry["actor"]["id"].startswith("oidc-")
    assert "0b1c" not in entry["actor"]["id"]


@pytest.mark.parametrize(
    ("subject", "groups"),
    [
        ("nurse-1", ("audit-office",)),  # staff, but not as that
        ("nurse-1", ("nobody-knows",)),
        ("somebody", ("ward-nurses",)),  # a clinical role for somebody who is not staff
        ("somebody", ("audit-office", "it")),  # two offices in one hand
        ("somebody", ()),
    ],
)
async def test_who_gets_no_role_gets_nowhere(
    ward: HttpWard, provider: Provider, subject: str, groups: tuple[str, ...]
) -> None:
    for path in ("/v1/days", "/v1/log", "/v1/workflows", "/v1/devices"):
        answer = await ask(ward, provider.token(subject, *(groups or ("none",))), path)

        assert (answer.status, answer.code) == (403, "role_not_permitted")


async def test_who_is_disabled_here_is_out_whatever_the_issuer_says(ward: HttpWard, provider: Provider) -> None:
    token = provider.token("nurse-1")
    before = await ask(ward, token)
    await ward.call("PATCH", "/v1/staff/nurse-1", {"disabled": True}, by="admin")

    assert (before.status, (await ask(ward, token)).status) == (200, 401)


async def test_a_minute_of_clock_difference_is_forgiven_and_no_more(ward: HttpWard, provider: Provider) -> None:
    token = provider.token("nurse-1")
    ward.pass_by(seconds=600 + 59)
    in_time = await ask(ward, token)
    ward.pass_by(seconds=1)

    assert (in_time.status, (await ask(ward, token)).status) == (200, 401)


async def test_roles_may_lie_deep_and_be_written_in_one_text(provider: Provider) -> None:
    settings = replace(SETTINGS, oidc_roles_claim="realm_access.roles")
    async with opened_ward(settings, issuer_keys=provider.keys) as ward:
        deep = provider.token("nurse-1", realm_access={"roles": "other ward-nurses"})

        assert (await ask(ward, deep)).status == 200
        assert (await ask(ward, provider.token("nurse-1"))).status == 403


async def test_a_new_key_is_found_by_one_fetch_and_unknown_ones_cause_no_more(
    ward: HttpWard, provider: Provider
) -> None:
    await asyncio.gather(*(ask(ward, provider.token("nurse-1")) for _ in range(5)))
    first = provider.fetched
    provider.published.append(rsa_key("k3"))
    too_soon = await ask(ward, provider.token("nurse-1", key=rsa_key("k3")))
    provider.now_s += 61
    found = await ask(ward, provider.token("nurse-1", key=rsa_key("k3")))
    for number in range(10):
        await ask(ward, provider.token("nurse-1", header={"kid": f"made-up-{number}"}))

    assert (first, too_soon.status, found.status, provider.fetched) == (1, 401, 200, 2)


async def test_a_key_that_was_withdrawn_counts_no_more_once_the_keys_are_renewed(
    ward: HttpWard, provider: Provider
) -> None:
    token = provider.token("nurse-1")
    before = await ask(ward, token)
    provider.published = [ec_key("k2")]
    provider.now_s += 601

    assert (before.status, (await ask(ward, token)).status) == (200, 401)


async def test_keys_outlast_an_issuer_that_is_down_for_a_while_and_not_for_ever(
    ward: HttpWard, provider: Provider
) -> None:
    token = provider.token("nurse-1", exp=2_000_000_000)
    await ask(ward, token)
    provider.down = True
    provider.now_s += 3000
    for_a_while = await ask(ward, token)
    provider.now_s += 3000

    assert (for_a_while.status, (await ask(ward, token)).status) == (200, 401)


async def test_keys_are_fetched_without_redirects_and_not_without_end() -> None:
    async def good(_request: web.Request) -> web.Response:
        return web.Response(body=b'{"keys": []}')

    async def elsewhere(_request: web.Request) -> web.Response:
        raise web.HTTPFound("/good")

    async def endless(_request: web.Request) -> web.Response:
        return web.Response(body=b" " * (ANSWER_BYTES_MAX + 1))

    app = web.Application()
    app.add_routes([web.get("/good", good), web.get("/elsewhere", elsewhere), web.get("/endless", endless)])
    async with TestServer(app) as server:
        assert await fetch_from(str(server.make_url("/good")))() == b'{"keys": []}'
        for path in ("/elsewhere", "/endless", "/nowhere"):
            with pytest.raises(OSError, match="answered"):
                await fetch_from(str(server.make_url(path)))()
        gone = str(server.make_url("/good"))
    with pytest.raises(OSError, match="Client"):
        await fetch_from(gone)()
