"""Forged and damaged credentials: each is refused with its own code, and noted where it is known whose it is."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from infusion_service.clinical.vocabulary import format_time
from tests.web.conftest import BAG, OPERATOR, START, Answer, HttpWard, new_event_id, opened_ward, sign_in
from tests.web.issuing import ISSUER, SETTINGS, Provider, ec_key, encoded, rsa_key

NOW = int(START.timestamp())


@dataclass
class Forger:
    """Somebody with access to everything but the secrets of others."""

    ward: HttpWard
    provider: Provider

    async def use(self, token: str) -> Answer:
        """Ask for the board."""
        return await self.ward.get("/v1/days", by=None, Authorization=f"Bearer {token}")

    async def sign_in(self, badge: str, pin: str = "1234", by: str = "device") -> Answer:
        return await self.ward.post("/v1/sessions", {"badge": badge, "pin": pin}, by=by)


Try = Callable[[Forger], Awaitable[Answer]]


def jwt(*groups: str, **changed: Any) -> Try:
    """Try a token of the issuer in which something is wrong."""

    async def attempt(forger: Forger) -> Answer:
        return await forger.use(forger.provider.token("nurse-1", *groups, **changed))

    return attempt


def parts(change: Callable[[list[str]], list[str]]) -> Try:
    """Try a good token of the issuer whose parts were tampered with."""

    async def attempt(forger: Forger) -> Answer:
        return await forger.use(".".join(change(forger.provider.token("nurse-1").split("."))))

    return attempt


def hs256_with_the_public_key() -> Try:
    pem = rsa_key("k1").public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def signed(genuine: list[str]) -> list[str]:
        header = encoded({"alg": "HS256", "kid": "k1"})
        signature = hmac.digest(pem, f"{header}.{genuine[1]}".encode(), "sha256")
        return [header, genuine[1], encoded(signature)]

    return parts(signed)


async def revoked_device(forger: Forger) -> Answer:
    await forger.ward.service.access.revoke_device("tab-2", OPERATOR)
    return await forger.use(forger.ward.tokens["device_2"])


async def session_of_a_revoked_device(forger: Forger) -> Answer:
    await forger.ward.service.access.revoke_device("tab-1", OPERATOR)
    return await forger.use(forger.ward.tokens["nurse"])


async def session_of_a_disabled_person(forger: Forger) -> Answer:
    await forger.ward.service.access.disable_staff("nurse-1", OPERATOR)
    return await forger.use(forger.ward.tokens["nurse"])


async def closed_session(forger: Forger) -> Answer:
    await forger.ward.call("DELETE", "/v1/sessions/current", by="nurse")
    return await forger.use(forger.ward.tokens["nurse"])


async def idle_session(forger: Forger) -> Answer:
    forger.ward.pass_by(minutes=31)
    return await forger.use(forger.ward.tokens["nurse"])


async def session_past_its_end(forger: Forger) -> Answer:
    for _ in range(36):
        forger.ward.pass_by(minutes=20)
        await forger.ward.get("/v1/workflows", by="nurse")
    return await forger.use(forger.ward.tokens["nurse"])


async def expired_service_token(forger: Forger) -> Answer:
    forger.ward.pass_by(days=366)
    return await forger.use(forger.ward.tokens["auditor"])


async def revoked_service_token(forger: Forger) -> Answer:
    access = forger.ward.service.access
    record = next(token for token in access.list_tokens() if token.role == "auditor")
    await access.revoke_token(record.token_id, OPERATOR)
    return await forger.use(forger.ward.tokens["auditor"])


async def damaged_token(forger: Forger) -> Answer:
    token = forger.ward.tokens["nurse"]
    return await forger.use(token[:-1] + ("A" if token[-1] != "A" else "B"))


async def token_with_a_tail(forger: Forger) -> Answer:
    return await forger.use(forger.ward.tokens["nurse"] + "=")


async def hash_of_a_token(forger: Forger) -> Answer:
    device = forger.ward.service.access.device("tab-1")
    assert device is not None
    return await forger.use(device.token_sha256)


async def token_in_the_address(forger: Forger) -> Answer:
    return await forger.ward.get(f"/v1/days?access_token={forger.ward.tokens['nurse']}", by=None)


async def another_scheme(forger: Forger) -> Answer:
    return await forger.ward.get("/v1/days", by=None, Authorization=f"Token {forger.ward.tokens['nurse']}")


async def locked_badge(forger: Forger) -> Answer:
    for _ in range(5):
        await forger.sign_in("B-nurse-1", "0000")
    return await forger.sign_in("B-nurse-1")


async def wrong_pin(forger: Forger) -> Answer:
    return await forger.sign_in("B-nurse-1", "4321")


async def badge_of_a_disabled_person(forger: Forger) -> Answer:
    await forger.ward.service.access.disable_staff("nurse-1", OPERATOR)
    return await forger.sign_in("B-nurse-1")


async def signing_in_without_a_device(forger: Forger) -> Answer:
    return await forger.sign_in("B-nurse-1", by="admin")


async def post_with_a_session_of(forger: Forger, device: str, by: str) -> Answer:
    day_id = await forger.ward.schedule()
    answer = await forger.ward.post("/v1/sessions", {"badge": "B-nurse-2", "pin": "1234"}, by=device)
    return await forger.ward.fact(day_id, "note.added", {"text": "x"}, by=by, session=answer.body["session"])


async def somebody_elses_session(forger: Forger) -> Answer:
    access = forger.ward.service.access
    forger.ward.tokens["tab-3"] = await access.enrol_device("tab-3", "neuro-day", OPERATOR)
    return await post_with_a_session_of(forger, "tab-3", "device")


async def an_offices_claim_to_a_session(forger: Forger) -> Answer:
    return await post_with_a_session_of(forger, "device", "integration")


async def session_that_had_not_begun(forger: Forger) -> Answer:
    day_id = await forger.ward.schedule()
    before = format_time(forger.ward.clock.now())
    forger.ward.pass_by(minutes=5)
    session = (await forger.sign_in("B-nurse-2")).body["session"]
    return await forger.ward.fact(
        day_id, "note.added", {"text": "x"}, by="device", session=session, recorded_at=before, occurred_at=before
    )


async def reused_double_check(forger: Forger) -> Answer:
    day_id = await forger.ward.schedule()
    check = {"event_id": new_event_id(), "day": day_id, "type": "bag.prepared", "data": BAG}
    await forger.ward.post("/v1/double-checks", check, by="nurse")
    assert (await forger.ward.fact(day_id, "bag.prepared", BAG, by="nurse_2")).status == 201
    return await forger.ward.fact(day_id, "bag.prepared", BAG, by="nurse_2")


async def double_check_by_the_same_person(forger: Forger) -> Answer:
    day_id = await forger.ward.schedule()
    check = {"event_id": new_event_id(), "day": day_id, "type": "bag.prepared", "data": BAG}
    await forger.ward.post("/v1/double-checks", check, by="nurse")
    forger.ward.tokens["again"] = await sign_in(forger.ward, "nurse-1", device="device_2")
    return await forger.ward.fact(day_id, "bag.prepared", BAG, by="again")


async def actor_in_the_body(forger: Forger) -> Answer:
    day_id = await forger.ward.schedule()
    actor = {"id": "doc-1", "role": "prescriber", "how": "session"}
    return await forger.ward.fact(day_id, "note.added", {"text": "x"}, actor=actor)


async def badge_of_nobody(forger: Forger) -> Answer:
    day_id = await forger.ward.schedule()
    return await forger.ward.fact(day_id, "note.added", {"text": "x"}, by="device", badge="B-made-up")


async def cookie_from_elsewhere(forger: Forger) -> Answer:
    cookie = f"infusion_session={forger.ward.tokens['nurse']}"
    return await forger.ward.post("/v1/days", {}, by=None, Cookie=cookie, Origin="https://elsewhere.example")


async def cookie_that_was_forged(forger: Forger) -> Answer:
    return await forger.ward.get(
        "/v1/days", by=None, Cookie="infusion_session=infs_forged; infusion_device=infd_forged"
    )


UNKNOWN = (401, "not_authenticated", None)
NOT_ALLOWED = (403, "role_not_permitted")

CASES: dict[str, tuple[Try, tuple[int, str, str | None]]] = {
    # Tokens of the issuer, none of them genuine.
    "alg none": (parts(lambda p: [encoded({"alg": "none", "kid": "k1"}), p[1], ""]), UNKNOWN),
    "alg none with a signature": (parts(lambda p: [encoded({"alg": "none", "kid": "k1"}), p[1], p[2]]), UNKNOWN),
    "HS256 with the public key": (hs256_with_the_public_key(), UNKNOWN),
    "an algorithm that is not allowed": (jwt(header={"alg": "RS384"}), UNKNOWN),
    "the other key's algorithm": (parts(lambda p: [encoded({"alg": "ES256", "kid": "k1"}), p[1], p[2]]), UNKNOWN),
    "another kid": (jwt(header={"kid": "k2"}), UNKNOWN),
    "an unknown kid": (jwt(header={"kid": "k9"}), UNKNOWN),
    "no kid": (jwt(header={"kid": None}), UNKNOWN),
    "a kid that is a path": (jwt(header={"kid": "../../dev/null"}), UNKNOWN),
    "a key of somebody else under a known kid": (jwt(key=rsa_key("stolen"), header={"kid": "k1"}), UNKNOWN),
    "its own key in the header": (
        jwt(key=rsa_key("own"), header={"kid": "own", "jwk": rsa_key("own").as_dict(private=False)}),
        UNKNOWN,
    ),
    "a place to fetch keys from in the header": (
        jwt(key=rsa_key("own"), header={"kid": "own", "jku": "https://elsewhere.example/jwks.json"}),
        UNKNOWN,
    ),
    "a curve that does not fit": (jwt(key=ec_key("k2", "P-384"), header={"alg": "ES384", "kid": "k2"}), UNKNOWN),
    "crit that nobody understands": (
        parts(lambda p: [encoded({"alg": "RS256", "kid": "k1", "crit": ["exp"], "exp": 1}), p[1], p[2]]),
        UNKNOWN,
    ),
    "a token of another type": (jwt(header={"typ": "logout+jwt"}), UNKNOWN),
    "no signature": (parts(lambda p: [p[0], p[1], ""]), UNKNOWN),
    "a changed signature": (parts(lambda p: [p[0], p[1], p[2][:-4] + "AAAA"]), UNKNOWN),
    "changed claims": (parts(lambda p: [p[0], encoded({"iss": ISSUER, "sub": "doc-1"}), p[2]]), UNKNOWN),
    "claims that are no JSON": (parts(lambda p: [p[0], encoded(b"{"), p[2]]), UNKNOWN),
    "a header that is no JSON": (parts(lambda p: ["!!!", p[1], p[2]]), UNKNOWN),
    "a header nested too deep": (parts(lambda p: [encoded(b"[" * 3000), p[1], p[2]]), UNKNOWN),
    "nested like an encrypted one": (parts(lambda p: [*p, p[1], p[2]]), UNKNOWN),
    "wrong aud": (jwt(aud="other"), UNKNOWN),
    "aud that only begins right": (jwt(aud="infusion-test"), UNKNOWN),
    "several aud without ours": (jwt(aud=["a", "b"]), UNKNOWN),
    "no aud": (jwt(aud=None), UNKNOWN),
    "wrong iss": (jwt(iss="https://elsewhere.example"), UNKNOWN),
    "iss with a slash more": (jwt(iss=f"{ISSUER}/"), UNKNOWN),
    "no exp": (jwt(exp=None), UNKNOWN),
    "exp as text": (jwt(exp=str(NOW + 600)), UNKNOWN),
    "exp true": (jwt(exp=True), UNKNOWN),
    "no sub": (jwt(sub=None), UNKNOWN),
    # Genuine, and still no.
    "expired": (jwt(exp=NOW - 61), (401, "not_authenticated", "expired")),
    "not valid yet": (jwt(nbf=NOW + 120), (401, "not_authenticated", "not_yet_valid")),
    "made in the future": (jwt(iat=NOW + 120), (401, "not_authenticated", "not_yet_valid")),
    "no role here": (jwt("gardeners"), (*NOT_ALLOWED, "role")),
    # Our own.
    "a revoked device": (revoked_device, (401, "not_authenticated", "revoked")),
    "a session on a revoked device": (session_of_a_revoked_device, (401, "not_authenticated", "device_revoked")),
    "a session of a disabled person": (session_of_a_disabled_person, (401, "not_authenticated", "disabled")),
    "a closed session": (closed_session, (401, "not_authenticated", "ended")),
    "an idle session": (idle_session, (401, "not_authenticated", "idle")),
    "a session past its end": (session_past_its_end, (401, "not_authenticated", "expired")),
    "an expired service token": (expired_service_token, (401, "not_authenticated", "expired")),
    "a revoked service token": (revoked_service_token, (401, "not_authenticated", "revoked")),
    "a damaged token": (damaged_token, UNKNOWN),
    "a token with a tail": (token_with_a_tail, UNKNOWN),
    "the hash that is kept of a token": (hash_of_a_token, UNKNOWN),
    "a token in the address": (token_in_the_address, UNKNOWN),
    "another scheme": (another_scheme, UNKNOWN),
    "a locked badge": (locked_badge, (401, "not_authenticated", "badge_locked")),
    "a wrong PIN": (wrong_pin, (401, "not_authenticated", "pin.refused")),
    "the badge of a disabled person": (badge_of_a_disabled_person, (401, "not_authenticated", "disabled")),
    "signing in without a device": (signing_in_without_a_device, (*NOT_ALLOWED, "role")),
    "a forged cookie": (cookie_that_was_forged, UNKNOWN),
    "a cookie from elsewhere": (cookie_from_elsewhere, (403, "cross_origin", None)),
    # In the fact itself.
    "somebody else's session id": (somebody_elses_session, (*NOT_ALLOWED, "fact.refused")),
    "an office's claim to a session": (an_offices_claim_to_a_session, (*NOT_ALLOWED, "fact.refused")),
    "a session that had not begun": (session_that_had_not_begun, (*NOT_ALLOWED, "fact.refused")),
    "a reused double check": (reused_double_check, (409, "second_person_required", "fact.refused")),
    "a double check by the same person": (
        double_check_by_the_same_person,
        (409, "second_person_required", "fact.refused"),
    ),
    "a badge of nobody": (badge_of_nobody, (*NOT_ALLOWED, "fact.refused")),
    "an actor in the body": (actor_in_the_body, (400, "malformed", None)),
}


@pytest.fixture
async def forger() -> AsyncIterator[Forger]:
    provider = Provider()
    async with opened_ward(SETTINGS, issuer_keys=provider.keys) as ward:
        yield Forger(ward, provider)


async def newest_refusal(ward: HttpWard) -> str | None:
    """What the last entry of the log says was refused, if it says so."""
    entry = (await ward.service.intake.log_page(ward.service.intake.log_size - 1, 1))[0].entry
    assert entry is not None
    if entry.type == "access.refused":
        return str(entry.data["reason"])
    return entry.type if entry.type in ("fact.refused", "pin.refused") else None


async def test_a_genuine_one_gets_in(forger: Forger) -> None:
    assert (await forger.use(forger.provider.token("nurse-1"))).status == 200
    assert (await forger.use(forger.provider.token("nurse-1", key=ec_key("k2"), header={"alg": "ES256"}))).status == 200


@pytest.mark.parametrize("case", CASES)
async def test_it_is_refused_with_its_code_and_noted_where_it_is_known_whose_it_is(forger: Forger, case: str) -> None:
    attempt, (status, code, noted) = CASES[case]

    answer = await attempt(forger)

    assert (answer.status, answer.code, await newest_refusal(forger.ward)) == (status, code, noted)


async def test_a_token_is_never_in_an_answer_or_in_the_log(forger: Forger) -> None:
    expired = forger.provider.token("nurse-1", exp=NOW - 61)
    answer = await forger.use(expired)

    log = str([each.as_json() for each in await forger.ward.service.intake.log_page(0, 1000)])

    assert expired not in str(answer.body)
    assert not [token for token in (expired, *forger.ward.tokens.values()) if token in log]
