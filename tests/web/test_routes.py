"""The table of routes: who reaches what, what a cookie may, what every error looks like."""

from __future__ import annotations

import re

import pytest
from openapi_spec_validator import validate

from infusion_service.clinical.vocabulary import ROLES
from infusion_service.web import openapi
from infusion_service.web.descriptions import DESCRIPTIONS
from infusion_service.web.problems import PROBLEM_TYPES
from infusion_service.web.routes import ROUTES
from infusion_service.web.routing import Route
from tests.web.conftest import HttpWard, new_event_id

PAGES = {"/", "/audit", "/ops", "/sw.js", "/static/{file}", "/static/desk/{file}"}
DOCUMENTS = {"/health/live", "/health/ready", "/openapi.json", "/asyncapi.json", "/schemas/{schema}"}
WHO_ASKS = "/v1/credentials/current"
"""Says of nobody that it is nobody."""
PUBLIC_ADDRESSES = {*PAGES, *DOCUMENTS, WHO_ASKS}

guarded_routes = pytest.mark.parametrize(
    "route", [route for route in ROUTES if not route.public], ids=lambda route: f"{route.method} {route.path}"
)


def address_of(route: Route) -> str:
    """An address of the route that names nothing that exists."""
    return re.sub(r"\{\w+\}", lambda found: new_event_id() if found[0] == "{day}" else "none-such", route.path)


def test_only_health_the_pages_and_the_documents_are_public() -> None:
    assert {route.path for route in ROUTES if route.public} == PUBLIC_ADDRESSES


def test_every_route_says_which_roles_reach_it_and_what_scope_it_belongs_to() -> None:
    for route in ROUTES:
        assert route.allowed <= frozenset(ROLES)
        assert route.public or route.scope


def test_no_address_answers_by_a_method_that_is_another_ones() -> None:
    methods: dict[str, set[str]] = {}
    for route in ROUTES:
        methods.setdefault(route.path, set()).add(route.method)

    for path, own in methods.items():
        for pattern, theirs in methods.items():
            takes_it = re.fullmatch(re.sub(r"\{\w+\}", "[^/{}]+", pattern), path)
            assert not takes_it or theirs <= own, f"{theirs - own} {path} would be answered by {pattern}"


@guarded_routes
async def test_nobody_gets_in_without_a_credential(ward: HttpWard, route: Route) -> None:
    without = await ward.call(route.method, address_of(route), by=None)
    forged = await ward.call(route.method, address_of(route), by=None, Authorization="Bearer infs_forged")
    basic = await ward.call(route.method, address_of(route), by=None, Authorization="Basic YTpi")

    for answer in (without, forged, basic):
        assert (answer.status, answer.code) == (401, "not_authenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@guarded_routes
async def test_a_role_that_is_not_in_the_row_is_not_let_in(ward: HttpWard, route: Route) -> None:
    for role in set(ROLES) - route.allowed:
        answer = await ward.call(route.method, address_of(route), by=role)

        assert (answer.status, answer.code) == (403, "role_not_permitted"), role


@guarded_routes
async def test_a_role_in_the_row_gets_past_the_door(ward: HttpWard, route: Route) -> None:
    if route.path == "/v1/log/stream":
        return  # it does not end by itself; it has its own tests
    for role in route.allowed:
        answer = await ward.call(route.method, address_of(route), by=role)

        assert answer.status not in (401, 403), role
        if route.path == "/v1/sessions/current" and route.method == "DELETE":
            break  # that was this person's session


async def test_a_narrowed_token_reaches_its_scopes_alone(ward: HttpWard) -> None:
    minted = await ward.post(
        "/v1/tokens",
        {"label": "scraper", "role": "integration", "expires_at": "2027-01-01T00:00:00Z", "scopes": ["metrics"]},
        by="admin",
    )
    ward.tokens["scraper"] = minted.body["token"]

    assert (await ward.get("/metrics", by="scraper")).status == 200
    assert (await ward.get("/v1/log", by="scraper")).status == 403


async def test_public_routes_answer_without_a_credential(ward: HttpWard) -> None:
    for path in {path for path in PUBLIC_ADDRESSES if "{" not in path}:
        assert (await ward.get(path, by=None)).status == 200


@pytest.mark.parametrize(
    "path", ["/nowhere", "/v1", "/v1/days/", "/v1//days", "/%00", "/static/..%2fapp.py", "/v1/x/y/z"]
)
async def test_an_address_that_leads_nowhere_is_a_problem_document(ward: HttpWard, path: str) -> None:
    answer = await ward.get(path)

    assert (answer.status, answer.code) == (404, "not_found")
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PROPFIND"])
async def test_a_method_that_is_not_taken_names_those_that_are(ward: HttpWard, method: str) -> None:
    answer = await ward.call(method, "/v1/days")

    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, POST"
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_every_answer_carries_the_security_headers_and_its_id(ward: HttpWard) -> None:
    good = await ward.get("/v1/days", X_Request_Id="0b9f7f4e-6e0a-4a34-9d0c-5d0a3c0e7a11")
    bad = await ward.get("/nowhere", X_Request_Id="bad\tid")

    for answer in (good, bad):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert good.headers["X-Request-Id"] == "0b9f7f4e-6e0a-4a34-9d0c-5d0a3c0e7a11"
    assert bad.body["instance"] == f"urn:infusion:request:{bad.headers['X-Request-Id']}"
    assert "\t" not in bad.headers["X-Request-Id"]


def test_the_document_is_valid_openapi_and_describes_exactly_the_routes() -> None:
    document = openapi.document()

    validate(document)
    described = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    assert described == {(route.method, route.path) for route in ROUTES} == set(DESCRIPTIONS)


def test_every_code_of_the_contract_has_its_row() -> None:
    of_the_contract = {
        ("malformed", 400), ("not_authenticated", 401), ("role_not_permitted", 403), ("not_found", 404),
        ("transition_not_allowed", 409), ("guard_not_satisfied", 409), ("conflicts_with_later", 409),
        ("second_person_required", 409), ("double_check_mismatch", 409), ("course_rule", 409), ("group_refused", 409),
        ("version_conflict", 412), ("too_large", 413), ("unsupported_media_type", 415), ("invalid_fact", 422),
        ("implausible", 422), ("needs_confirmation", 422), ("event_id_reused", 422), ("occurred_in_future", 422),
        ("late_reason_required", 422), ("rate_limited", 429), ("unavailable", 503), ("storage_full", 507),
    }  # fmt: skip

    assert of_the_contract <= {(code, kind.status) for code, kind in PROBLEM_TYPES.items()}
