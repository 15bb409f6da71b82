"""The auditor's page: a day is found, replayed by what was recorded and what happened, verified and carried away."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Request, Route, expect

from infusion_service.web.record_marks import MARKS as MARK_KINDS
from tests.cli.running import Site
from tests.e2e.audit_page import DRAWN_AT_RANDOM, MARKS, Audited, clean, columns, go_to, stand
from tests.e2e.desk import Desk, Desks
from tests.e2e.offline_tablet import A_MINUTE_BEFORE, CAME_BACK, live_through
from tests.e2e.ward import PATIENTS, ServedWard

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]

A_PICTURE_OF_60 = timedelta(seconds=6)
"""A play draws ten times a second."""


@pytest.fixture(scope="module")
def audit_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site on which `init` has been run, before there is any event loop."""
    site = Site(tmp_path_factory.mktemp("audit"))
    made = site.run("init")
    assert made.code == 0, made.err
    return site


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def audited(audit_site: Site) -> AsyncIterator[Audited]:
    """A ward that has lived through the day."""
    with audit_site.serving() as serving:
        async with aiohttp.ClientSession() as client:
            admin = audit_site.token_file.read_text(encoding="utf-8").strip()
            ward = ServedWard(url=serving.url, admin=admin, client=client, patients=PATIENTS[:2])
            await ward.staff()
            await ward.everybody_infusing()
            await live_through(ward, ward.days[0])
            wanted = {"label": "auditor", "role": "auditor", "expires_at": "2027-11-23T00:00:00Z"}
            minted = await ward.call(admin, "POST", "/v1/tokens", wanted)
            yield Audited(ward, minted["token"])


@pytest_asyncio.fixture(loop_scope="session")
async def desks(browser: Browser) -> AsyncIterator[Desks]:
    """As many desks as a test asks for."""
    opened = Desks(browser)
    yield opened
    await opened.close()


async def open_day(desk: Desk, audited: Audited, **asked: str) -> Page:
    """Open the day by its address."""
    await desk.page.evaluate("(hash) => { location.hash = hash; }", audited.address(**asked))
    await expect(desk.page.locator("#compare table")).to_be_visible()
    return desk.page


async def test_the_chart_draws_the_very_marks_of_the_printed_record(audited: Audited, desks: Desks) -> None:
    headers = {"Authorization": f"Bearer {audited.token}"}
    async with audited.ward.client.get(f"{audited.ward.url}/v1/days/{audited.day}/report", headers=headers) as answer:
        printed = await answer.text()
    found = [
        dict(re.findall(r'(data-[a-z]+)="([^"]*)"', tag))
        for tag in re.findall(r"<[a-z]+[^>]*data-mark=[^>]*>", printed)
    ]
    in_record = sorted(json.dumps(mark, sort_keys=True) for mark in found)
    page = await open_day(await desks.open(audited.ward.url, "/audit", audited.token), audited)
    on_page = sorted(json.dumps(mark, sort_keys=True) for mark in await page.evaluate(MARKS))

    assert on_page == in_record
    drawn = [json.loads(mark) for mark in in_record]
    assert {mark["data-mark"] for mark in drawn} == set(MARK_KINDS)
    assert {mark.get("data-doubt") for mark in drawn} == {None, "unusual"}
    assert {"true", "false"} == {mark["data-late"] for mark in drawn} == {mark["data-struck"] for mark in drawn}
    await page.locator(".chart-table summary").click()
    await expect(page.locator("#chart-table tbody tr")).to_have_count(len(drawn))
    assert await page.evaluate(DRAWN_AT_RANDOM, 300) == []


async def test_what_came_late_is_not_yet_known_before_it_came(audited: Audited, desks: Desks) -> None:
    desk = await desks.open(audited.ward.url, "/audit", audited.token)
    page = await open_day(desk, audited, at=A_MINUTE_BEFORE, known_at=A_MINUTE_BEFORE)
    await stand(page, "11:30:00")
    ghosts = page.locator('#day-chart [data-known="not-yet"]')
    late = page.locator('#day-chart [data-mark="pressure"][data-late="true"]')
    assert await ghosts.count() > await late.count() == 3
    assert await late.evaluate_all("(marks) => marks.every((mark) => mark.dataset.known === 'not-yet')")
    assert await columns(page, "sign-systolic_mmhg") == ["126 mmHg at 10:30", "158 mmHg at 11:15"]
    assert await columns(page, "sign-news2") == ["0 at 10:30", "0, down 1 at 11:15"]
    on_chart = await page.locator('[data-strip="score-news2"] .said text').all_text_contents()
    assert on_chart[2:6] == ["0", "0", "1", "0"]  # 10:30, and what the tablet charted
    saw, know = await columns(page, "alerts")
    assert ("Hypertensive crisis" in saw, "Hypertensive crisis" in know) == (False, True)
    assert await columns(page, "state") == ["Infusing since 10:00"] * 2
    await expect(page.locator("#not-yet")).to_contain_text("were not yet on record")

    await page.locator("#step-nextLate").click()
    await stand(page, "11:31:00")
    assert CAME_BACK in page.url.replace("%3A", ":")
    await expect(ghosts).to_have_count(0)
    assert (
        await page.locator("#differences").inner_text()
        == "Nothing differs: the ward knew of this moment all that is known now."
    )
    await page.locator("#together").uncheck()
    await page.locator("#happened-by").focus()
    await page.locator("#happened-by").press("Home")
    await expect(page.locator("#happened-by-time")).not_to_have_text("11:31:00")
    await expect(page.locator("#known-at-time")).to_have_text("11:31:00")
    desk.expect_refusal()  # there was no day yet


async def test_the_slider_asks_for_what_stands_still_and_never_twice(audited: Audited, desks: Desks) -> None:
    page = await open_day(
        await desks.open(audited.ward.url, "/audit", audited.token),
        audited,
        at=A_MINUTE_BEFORE,
        known_at=A_MINUTE_BEFORE,
    )
    await stand(page, "11:30:00")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if _is_view(request) else None)
    slider = page.locator("#known-at")
    await slider.focus()
    for _ in range(15):
        await slider.press("ArrowRight")
    await stand(page, "11:45:00")
    assert len(asked) < 12, asked
    await page.locator("#step-previous").click()
    assert await page.evaluate("document.activeElement.id") == "step-previous"
    before = len(asked)
    await go_to(page, "11:30")
    assert len(asked) - before <= 2  # the step was passed over, or asked for; this moment is known already


def _is_view(request: Request) -> bool:
    return "known_at=" in request.url or bool(re.search(r"/v1/days/[^/]+\?at=", request.url))


async def test_a_day_plays_by_the_clock_as_many_times_as_fast_and_stops_at_its_end(
    audited: Audited, desks: Desks
) -> None:
    desk = await desks.open(audited.ward.url, "/audit", audited.token)
    await desk.page.clock.install()
    await desk.page.reload()
    await expect(desk.page.locator("#signed-in-as")).to_be_visible()
    page = await open_day(desk, audited, at=A_MINUTE_BEFORE, known_at=A_MINUTE_BEFORE)
    await page.clock.pause_at("2030-01-01")
    await page.locator("#play-60").click()
    await expect(page.locator("#stop-play")).to_be_visible()
    await page.clock.run_for(500)
    began = await shown_time(page)
    await page.clock.run_for(1_000)
    played = await shown_time(page) - began
    assert abs(played - timedelta(minutes=1)) <= A_PICTURE_OF_60
    await page.locator("#stop-play").click()
    await expect(page.locator("#stop-play")).to_have_count(0)
    await page.clock.run_for(500)
    stopped = await shown_time(page)
    await page.clock.run_for(1_000)
    assert await shown_time(page) == stopped
    await page.locator("#play-600").click()
    await page.clock.run_for(4_000)
    await expect(page.locator("#stop-play")).to_have_count(0)
    await expect(page.locator("#known-at-time")).to_have_text("12:05:00")
    await page.clock.resume()


async def shown_time(page: Page) -> datetime:
    """The time on the upper ruler."""
    return datetime.strptime(await page.locator("#known-at-time").inner_text(), "%H:%M:%S")  # noqa: DTZ007 - a time of day


async def test_one_changed_byte_of_what_is_served_is_seen_in_the_page(audited: Audited, desks: Desks) -> None:
    desk = await desks.open(audited.ward.url, "/audit", audited.token)

    async def changed(route: Route) -> None:
        served = await route.fetch()
        text = (await served.text()).replace('"systolic_mmhg":194', '"systolic_mmhg":164')
        await route.fulfill(response=served, body=text)

    await desk.page.route("**/entries", changed)
    page = await open_day(desk, audited)
    await page.locator("#filter-text").fill("164")
    await page.locator("#entries [data-open]").first.click()
    await expect(page.locator("#entry-detail")).to_contain_text("164 mmHg")
    await page.locator("[data-take]").click()
    await page.locator("#verify-entry").click()
    await expect(page.locator('#verdict[data-verdict="bad"]')).to_be_visible()
    await expect(page.locator('[data-step="shown"][data-ok="false"]')).to_be_visible()
    await desk.picture("audit_does_not_add_up")

    await page.unroute("**/entries", changed)
    await page.locator("#read-again").click()
    await page.locator("#filter-text").fill("194")
    await page.locator("#entries [data-open]").first.click()
    await page.locator("#verify-entry").click()
    await expect(page.locator('#verdict[data-verdict="good"]')).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_every_screen_is_accessible_and_no_page_scrolls_sideways(
    audited: Audited, desks: Desks, dark: bool
) -> None:
    desk = await desks.open(audited.ward.url, "/audit", audited.token, dark=dark)
    page = desk.page
    await expect(page.locator("#days tbody tr")).to_have_count(2)
    await clean(page, "days")
    await page.locator("#find-patient").fill("P-Abelin")
    await page.locator("#find").click()
    await expect(page.locator("#days tbody tr")).to_have_count(1)
    assert "Abelin" not in page.url
    await page.locator("#days a").first.click()
    await go_to(page, "11:30")
    if dark:
        await desk.picture("audit_night")
    await page.locator('#day-chart [data-mark="symptom"] .hit').click()
    await expect(page.locator("#entry-title")).to_be_focused()
    await page.locator(".chart-table summary").click()
    await clean(page, "a day, its chart as a table, one of its entries")
    if dark:
        return  # the colours of the other screens are all on this one
    await page.goto(page.url.partition("#")[0] + "#/questions")
    await page.locator("#question").select_option("late")
    await page.locator("#ask").click()
    await expect(page.locator("#rows")).to_be_visible()
    await clean(page, "questions")
    await page.goto(page.url.partition("#")[0] + "#/day/00000000-0000-7000-8000-000000000000")
    await expect(page.locator("main .error")).to_be_visible()
    await clean(page, "no such day")
    desk.expect_refusal()
