"""Every role at every route, for what lies on their ward, on another ward and at another site: 100 % of the table."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any

import pytest

from infusion_service.access.records import STAFF_ROLES, TOKEN_ROLES
from infusion_service.log.memory import MemoryStore
from infusion_service.settings import Settings
from infusion_service.web.routes import ROUTES
from infusion_service.web.routing import Route
from tests.web.access_table import in_document, table
from tests.web.conftest import OPERATOR, START, VITALS, WARDS, Answer, HttpWard, new_event_id, opened_ward
from tests.web.matrix import MATRIX, ROLE_OF, WARD_OF, Place, Row, World

PLACES: tuple[Place, ...] = ("own", "other", "site")

rows = pytest.mark.parametrize(("route", "row"), MATRIX.items(), ids=[f"{method} {path}" for method, path in MATRIX])


@pytest.fixture
async def world() -> AsyncIterator[World]:
    store = MemoryStore()
    settings = Settings(wards=WARDS, clock="simulated")
    async with (
        opened_ward(settings, store) as here,
        opened_ward(replace(settings, site="st-anna"), store) as elsewhere,
    ):
        made = World(here, elsewhere)
        for place in PLACES:
            made.patients[place] = f"patient-{place}"
            patient = {"id": made.patients[place], "family": f"Family-{place}"}
            made.days[place] = await made.at(place).schedule(by="nurse", ward=WARD_OF[place], patient=patient)
        for site in (here, elsewhere):
            await narrow(site)
        yield made


async def narrow(site: HttpWard) -> None:
    """Have everybody be of one ward alone."""
    for role in STAFF_ROLES:
        await sign_in(site, role)
    for office in TOKEN_ROLES:
        _, token = await site.service.access.mint_token(
            office, office, START.replace(year=2027), OPERATOR, wards=(WARD_OF["own"],)
        )
        site.tokens[office] = token


async def sign_in(site: HttpWard, role: Any) -> None:
    """Sign in somebody of this role who belongs to one ward; they are added the first time."""
    staff = f"{role.replace('_', '-')}-of-one-ward"
    access = site.service.access
    if access.staff_member(staff) is None:
        badge = f"B-{staff}"
        await access.add_staff(staff, staff, role, badge=badge, pin="1234", wards=(WARD_OF["own"],), by=OPERATOR)
    answer = await site.post("/v1/sessions", {"badge": f"B-{staff}", "pin": "1234"}, by="device")
    site.tokens[role] = answer.body["token"]


def without_a_row(routes: Iterable[Route]) -> set[tuple[str, str]]:
    """Routes that the matrix does not try."""
    return {(route.method, route.path) for route in routes if not route.public} - set(MATRIX)


def test_every_route_has_its_row_and_every_row_its_route() -> None:
    assert without_a_row(ROUTES) == set()
    assert set(MATRIX) <= {(route.method, route.path) for route in ROUTES if not route.public}


def test_a_new_route_without_a_row_is_found() -> None:
    known = ROUTES[-1]
    added = Route(method="GET", path="/v1/new", handler=known.handler, allowed=known.allowed)
    other_method = Route(method="PUT", path=known.path, handler=known.handler, allowed=known.allowed)

    assert without_a_row((*ROUTES, added, other_method)) == {("GET", "/v1/new"), ("PUT", known.path)}


def test_the_table_of_the_document_is_the_matrix() -> None:
    assert in_document() == table(), "python -m tests.web.access_table writes it anew"


def test_a_row_and_the_table_agree_on_who_gets_past_the_door() -> None:
    for route in ROUTES:
        if not route.public:
            named = {ROLE_OF[letter] for letter in MATRIX[route.method, route.path].roles}
            assert named == route.allowed, route.path


async def ask(world: World, route: tuple[str, str], row: Row, letter: str, place: Place) -> tuple[int, str]:
    """Ask as a role and return status and text."""
    if row.fresh and letter in row.roles:
        await sign_in(world.here, ROLE_OF[letter])
    method, pattern = route
    path, body = await row.ask(world, place)
    assert re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path.partition("?")[0]), f"{path} is not {pattern}"
    if row.stream:
        return await listen(world, path, ROLE_OF[letter])
    answer = await world.here.call(method, path, body, by=ROLE_OF[letter])
    if row.items and answer.status == 200:
        (result,) = answer.body["items"]
        return 201 if result["status"] == "accepted" else result["problem"]["status"], str(answer.body)
    return answer.status, str(answer.body)


async def listen(world: World, path: str, role: str) -> tuple[int, str]:
    """Read a stream up to its first beat."""
    headers = {"Authorization": f"Bearer {world.here.tokens[role]}"}
    seen = b""
    async with world.here.client.get(path, headers=headers) as response:
        while response.status == 200 and b"event: beat" not in seen:
            seen += await response.content.readany()
        return response.status, seen.decode()


def expected(row: Row, letter: str, place: Place) -> int:
    """What the row says of a role and a place."""
    if letter not in row.roles:
        return 403
    elsewhere = row.site if place == "site" else row.other
    if place != "own" and elsewhere is not None:
        return elsewhere
    return 403 if letter in row.refused else row.own


@rows
async def test_every_role_gets_what_its_row_says(world: World, route: tuple[str, str], row: Row) -> None:
    found, wanted, leaks = {}, {}, {}
    for letter in ROLE_OF:
        for place in PLACES:
            status, text = await ask(world, route, row, letter, place)
            found[letter, place] = status
            wanted[letter, place] = expected(row, letter, place)
            told = [world.patients[hidden] for hidden in ("other", "site") if world.patients[hidden] in text]
            told += [f"Family-{hidden}" for hidden in ("other", "site") if f"Family-{hidden}" in text]
            if told and route != ("POST", "/v1/break-glass"):
                leaks[letter, place] = told

    assert found == wanted
    assert not leaks


async def test_endpoints_are_for_those_who_are_narrowed_to_no_ward(ward: HttpWard) -> None:
    for role in ("integration", "auditor", "admin"):
        assert (await ward.get("/v1/endpoints", by=role)).status == 200
        assert (await ward.get("/v1/endpoints/none-such", by=role)).status == 404
    for role in (*STAFF_ROLES, "device"):
        assert (await ward.get("/v1/endpoints", by=role)).status == 403
    assert (await ward.post("/v1/endpoints", {}, by="integration")).status == 400
    assert (await ward.post("/v1/endpoints", {}, by="auditor")).status == 403


@pytest.mark.parametrize(
    ("route", "row"),
    [(route, row) for route, row in MATRIX.items() if row.lists is not None],
    ids=[f"{method} {path}" for (method, path), row in MATRIX.items() if row.lists is not None],
)
async def test_a_list_shows_what_lies_on_the_own_ward_and_nothing_else(
    world: World, route: tuple[str, str], row: Row
) -> None:
    assert row.lists is not None
    made = {place: await row.lists(world, place) for place in PLACES}
    for letter in row.roles:
        _, text = await ask(world, route, row, letter, "own")

        assert {place: name in text for place, name in made.items()} == {"own": True, "other": False, "site": False}


async def test_a_credential_of_another_site_is_none(world: World) -> None:
    for (method, _), row in MATRIX.items():
        path, body = await row.ask(world, "own")
        for letter, role in ROLE_OF.items():
            token = world.elsewhere.tokens[role]
            answer = await world.here.call(method, path, body, by=None, Authorization=f"Bearer {token}")

            assert (answer.status, answer.code) == (401, "not_authenticated"), (path, letter)


async def refusals(world: World) -> list[dict[str, Any]]:
    """What the log says of who was refused, as the site's auditor sees it."""
    _, token = await world.here.service.access.mint_token("a", "auditor", START.replace(year=2027), OPERATOR)
    world.here.tokens["site_auditor"] = token
    page: Answer = await world.here.get("/v1/log?type=access.refused", by="site_auditor")
    return [{**entry["data"], "by": entry["actor"]["id"]} for entry in page.body["entries"]]


async def test_who_is_turned_away_is_in_the_log_once(world: World) -> None:
    day = world.days["other"]
    for _ in range(3):
        await world.here.get(f"/v1/days/{day}", by="nurse")
        await world.here.get("/v1/devices", by="nurse")

    nurse = "nurse-of-one-ward"
    assert await refusals(world) == [
        {"by": nurse, "route": "GET /v1/days/{day}", "reason": "ward", "day": day},
        {"by": nurse, "route": "GET /v1/devices", "reason": "role"},
    ]


async def test_a_stop_is_taken_on_any_ward_and_a_day_that_moved_keeps_its_old_tablet_for_writing(world: World) -> None:
    here = world.here
    here.tokens["site_nurse"] = here.tokens["nurse_2"]
    moved = await here.fact(world.days["own"], "day.moved", {"ward": "onco-day", "reason": "room"}, by="site_nurse")
    read = await here.get(f"/v1/days/{world.days['own']}", by="nurse")
    then = await here.get(f"/v1/days/{world.days['own']}?at=2026-11-23T07:00:00Z", by="nurse")
    note = await here.fact(world.days["own"], "note.added", {"text": "written before the move"}, by="nurse")
    foreign = await here.fact(world.days["other"], "note.added", {"text": "x"}, by="nurse")
    await here.fact(world.days["other"], "patient.checked_in", {"identity_check": "wristband_scan"}, by="site_nurse")
    emergency = await here.fact(world.days["other"], "emergency.declared", {"reason": "other"}, by="nurse")

    assert (moved.status, read.status, then.status, note.status, foreign.status) == (201, 404, 404, 201, 404)
    assert emergency.status == 201


async def test_what_a_fact_corrects_must_be_in_reach_as_the_day_itself(world: World) -> None:
    here, day = world.here, world.days["own"]
    here.tokens["site_nurse"] = here.tokens["nurse_2"]
    here.tokens["charge_of_one_ward"] = here.tokens["charge_nurse"]
    event_ids = {}
    for place in ("own", "other"):
        event_ids[place] = new_event_id()
        path = f"/v1/days/{world.days[place]}/events"
        charted = {"event_id": event_ids[place], "type": "vitals.recorded", "data": VITALS}
        assert (await here.post(path, charted, by="site_nurse")).status == 201
    elsewhere = {"event_id": new_event_id(), "type": "vitals.recorded", "data": VITALS}
    await world.elsewhere.post(f"/v1/days/{world.days['site']}/events", elsewhere, by="nurse_2")

    other = await here.fact(day, "vitals.recorded", VITALS, corrects=event_ids["other"], by="charge_of_one_ward")
    site = await here.fact(day, "vitals.recorded", VITALS, corrects=elsewhere["event_id"], by="charge_of_one_ward")
    item = {"day": day, "event_id": new_event_id(), "type": "vitals.recorded", "data": VITALS}
    batch = await here.post(
        "/v1/batches", {"items": [{**item, "corrects": event_ids["other"]}]}, by="charge_of_one_ward"
    )
    own = await here.fact(day, "vitals.recorded", VITALS, corrects=event_ids["own"], by="charge_of_one_ward")
    reaching = await here.fact(day, "vitals.recorded", VITALS, corrects=event_ids["other"], by="site_nurse")
    view = (await here.get(f"/v1/days/{world.days['other']}", by="site_nurse")).body

    assert (other.status, other.code) == (404, "not_found")
    assert (site.status, site.code) == (422, "invalid_fact")
    assert batch.body["items"][0]["problem"]["code"] == "not_found"
    assert (own.status, reaching.status) == (201, 201)
    assert view["struck"] == [event_ids["other"]]
    assert {refusal["day"] for refusal in await refusals(world)} == {world.days["other"]}


async def test_a_narrowed_administrator_makes_nothing_wider(world: World) -> None:
    here = world.here
    scoped = {"label": "x", "role": "admin", "expires_at": "2027-01-01T00:00:00Z", "scopes": ["administration"]}
    minted = await here.post("/v1/tokens", {**scoped, "wards": ["neuro-day"]}, by="admin")
    here.tokens["scoped"] = minted.body["token"]

    all_wards = await here.post("/v1/tokens", scoped, by="admin")
    all_staff = await here.call(
        "POST", "/v1/staff", {"name": "x", "role": "nurse", "badge": "B-x", "pin": "1234"}, by="admin"
    )
    all_scopes = await here.post("/v1/tokens", {**scoped, "scopes": [], "wards": ["neuro-day"]}, by="scoped")
    other_scope = await here.post("/v1/tokens", {**scoped, "scopes": ["log"], "wards": ["neuro-day"]}, by="scoped")

    assert minted.status == 201
    assert {answer.code for answer in (all_wards, all_staff, all_scopes, other_scope)} == {"role_not_permitted"}
