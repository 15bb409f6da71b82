"""The auditor's page: a day is found, replayed by what was recorded and what happened, verified and carried away."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Request, Route, expect

from infusion_service.web.record_marks import MARKS as MARK_KINDS
from tests.cli.running import PROGRAM, Site, environment, infusion
from tests.e2e.desk import DESK_SIZE, Desk, Desks
from tests.e2e.offline_tablet import A_MINUTE_BEFORE, CAME_BACK, live_through
from tests.e2e.ward import PATIENTS, ServedWard

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]

SPEED = 7200
OFFLINE_SCRIPT = "tablet offline, then late entries"
SIZES = ({"width": 1440, "height": 900}, {"width": 1024, "height": 768}, {"width": 800, "height": 1112})
SCHEME = "matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'"
A_PICTURE_OF_60 = timedelta(seconds=6)
"""A play draws ten times a second."""
TOO_SMALL = """(least) => [...document.querySelectorAll("button, input, select, summary")].flatMap((each) => {
    if (!each.checkVisibility() || each.matches(".inline, .unseen, [type=checkbox], pre *")) return [];
    return each.getBoundingClientRect().height < least ? [each.outerHTML.slice(0, 120)] : [];
})"""
SMALL_PRINT = """(least) => [...document.querySelectorAll("main *")].filter((each) => each.checkVisibility()
    && [...each.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())
    && !each.closest("code, pre")
    && parseFloat(getComputedStyle(each).fontSize) < least).map((each) => each.outerHTML.slice(0, 120))"""
MARKS = """() => [...document.querySelectorAll("#day-chart [data-mark]")].map((mark) => Object.fromEntries(
    [...mark.attributes].filter(({ name }) => name.startsWith("data-") && name !== "data-known")
      .map(({ name, value }) => [name, value])))"""

DRAWN_AT_RANDOM = """async (count) => {
    const { LEFT, RIGHT, axisOf, hoursOf, levelsOf, xOf } = await import("/static/desk/audit_layout.js");
    const { marksOf } = await import("/static/desk/audit_marks.js");
    const wrong = [];
    const any = (least, most) => least + Math.random() * (most - least);
    for (let round = 0; round < count; round += 1) {
        const values = Array.from({ length: Math.ceil(any(0, 30)) }, () => Math.round(any(-50, 400) * 10) / 10);
        const levels = levelsOf(values, Math.ceil(any(0, 6)));
        const steps = levels.slice(1).map((level, place) => level - levels[place]);
        if (levels[0] > Math.min(...values) + 1e-6 || levels.at(-1) < Math.max(...values) - 1e-6 || levels.length > 40
            || steps.some((step) => step <= 0)) wrong.push(["levels", values, levels]);
        const marks = values.map((value) => ({ kind: value > 100 ? "pulse" : "alert", at: value * 1e6 }));
        const axis = axisOf(marks, []);
        const width = any(480, 2000);
        const places = [...marks.map((mark) => mark.at), null].map((at) => xOf(axis, width, at));
        const inside = places.every((x) => x >= LEFT && x <= width - RIGHT + 1e-6);
        if (!(axis.first < axis.last) || !inside) wrong.push(["axis", values, axis]);
        if (hoursOf(axis, width).some((hour) => hour % 3600000 !== 0)) wrong.push(["hours", axis]);
    }
    const view = { struck: [], state: null, dose: { segments: [] } };
    const nothing = marksOf({ entries: [], view, file: { facts: {}, states: {}, checks: [] } });
    return [...wrong, ...nothing];
}"""


@dataclass
class Audited:
    """The day of the offline tablet on a ward of its own, whose clock stands still after it."""

    ward: ServedWard
    token: str

    @property
    def day(self) -> str:
        """That day."""
        return self.ward.days[0]

    def address(self, **asked: str) -> str:
        """The address of the day behind the #."""
        query = "&".join(f"{name}={value}" for name, value in asked.items())
        return f"#/day/{self.day}" + (f"?{query}" if query else "")


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


async def stand(page: Page, at: str) -> None:
    """Wait until then and now are shown of a moment (by the ward's clock)."""
    compared = page.locator("#compare")
    await expect(compared).to_have_attribute("data-known", at)
    await expect(compared).to_have_attribute("aria-busy", "false")


async def go_to(page: Page, time: str) -> None:
    """Go to a time of the day (by the ward's clock)."""
    await page.locator("#go-to").fill(time)
    await page.locator("#go").click()
    await stand(page, f"{time}:00")


async def columns(page: Page, row: str) -> list[str]:
    """What the ward saw, and what is known now."""
    return await page.locator(f'#compare tr[data-row="{row}"] td').all_inner_texts()


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
    rows = page.locator("#chart-table tbody tr")
    assert await rows.count() == len(drawn)
    assert await page.evaluate(DRAWN_AT_RANDOM, 300) == []


async def test_what_came_late_is_not_yet_known_before_and_the_slider_asks_for_what_stands_still(
    audited: Audited, desks: Desks
) -> None:
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

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if _is_view(request) else None)
    slider = page.locator("#known-at")
    await slider.focus()
    for _ in range(15):
        await slider.press("ArrowRight")
    await stand(page, "11:45:00")
    assert len(asked) < 12, asked
    await expect(ghosts).to_have_count(0)
    await page.locator("#step-previous").click()
    assert await page.evaluate("document.activeElement.id") == "step-previous"
    before = len(asked)
    await go_to(page, "11:30")
    assert len(asked) - before <= 2  # the step was passed over, or asked for; this moment is known already

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
    await clean(page, "then")
    if dark:
        await desk.picture("audit_night")
    await page.locator('#day-chart [data-mark="symptom"] .hit').click()
    await expect(page.locator("#entry-title")).to_be_focused()
    await page.locator(".chart-table summary").click()
    await clean(page, "entry")
    await page.goto(page.url.partition("#")[0] + "#/questions")
    await page.locator("#question").select_option("late")
    await page.locator("#ask").click()
    await expect(page.locator("#rows")).to_be_visible()
    await clean(page, "questions")
    await page.goto(page.url.partition("#")[0] + "#/day/00000000-0000-7000-8000-000000000000")
    await expect(page.locator("main .error")).to_be_visible()
    await clean(page, "no such day")
    desk.expect_refusal()


async def clean(page: Page, screen: str) -> None:
    """Hold a screen to every rule of axe, to the size of its print and of what is touched, and to its width."""
    assert not await page.evaluate(TOO_SMALL, 40), screen
    assert not await page.evaluate(SMALL_PRINT, 16), screen
    found = (await Axe().run(page)).response["violations"]
    assert not [
        (screen, each["id"], each["nodes"][0]["html"][:200], each["nodes"][0]["failureSummary"]) for each in found
    ]
    for size in SIZES if "light" in await page.evaluate(SCHEME) else ():
        await page.set_viewport_size(size)  # type: ignore[arg-type]  # its own shape
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (screen, size)
    await page.set_viewport_size(DESK_SIZE)


@dataclass
class Demonstration:
    """The demonstration, and what it printed."""

    link: str
    url: str
    token: str


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    """The demonstration in a process of its own, once the script of the offline tablet has ended."""
    where = str(tmp_path_factory.mktemp("demonstration"))
    process = subprocess.Popen(
        [*PROGRAM, "demo", "--port", "0", "--speed", str(SPEED)],
        env=environment({"TMPDIR": where}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith(f"{OFFLINE_SCRIPT}: over"):
                break
        found = re.search(r"auditor's page +((http://[^/]+)/audit#token=(\S+))", said)
        assert found is not None, said
        yield Demonstration(*found.groups())
    finally:
        process.kill()
        process.communicate()


async def test_an_auditor_finds_the_day_of_the_offline_tablet_and_carries_it_away_as_evidence(
    demonstration: Demonstration, desks: Desks, tmp_path: Path
) -> None:
    desk = await desks.open(demonstration.url, "/audit", demonstration.token, timezone="Europe/Paris")
    page = desk.page
    await desk.picture("audit_days")
    await late_question(desk)
    await expect(page.locator("#compare table")).to_be_visible()
    await expect(page.locator("#entry-detail")).to_be_visible()

    await go_to(page, "12:07")
    saw, know = await columns(page, "sign-systolic_mmhg")
    assert know == "148 mmHg at 11:50"
    assert saw != know
    assert await page.locator('#day-chart [data-known="not-yet"]').count() >= 3
    await desk.picture("audit_before_it_came")
    await page.locator("#step-nextLate").click()
    await stand(page, await page.locator("#known-at-time").inner_text())
    assert await columns(page, "sign-systolic_mmhg") == ["148 mmHg at 11:50"] * 2
    await expect(page.locator("#arrived")).to_contain_text("Record vital signs")
    await desk.picture("audit_when_it_came")

    await page.locator("#arrived").get_by_role("button", name="Record vital signs").click()
    await expect(page.locator("#entry-detail")).to_contain_text("charted at 11:50 on a tablet without network")
    key = await key_of(demonstration)
    await page.locator("#key-line").fill(key)
    await page.locator("#pin-key").click()
    await page.locator("#verify-entry").click()
    await expect(page.locator('#verdict[data-verdict="good"]')).to_be_visible()
    await page.locator("#entry-detail").scroll_into_view_if_needed()
    await desk.picture("audit_verified")

    async with page.expect_download() as started:
        await page.locator("#export-day").click()
    bundle = tmp_path / "day.zip"
    await (await started.value).save_as(bundle)
    key_file = tmp_path / "key"
    key_file.write_text(key, encoding="utf-8")
    verified = infusion("verify", bundle, "--public-key", key_file, "--json")
    assert verified.code == 0, verified.out + verified.err


async def late_question(desk: Desk) -> None:
    """Ask for the late entries of all days, and open the day of the first vital signs that stood on a tablet."""
    page = desk.page
    await page.get_by_role("link", name="Questions").click()
    await page.locator("#question").select_option("late")
    await page.locator("#ask").click()
    await expect(page.locator("#looked")).to_have_attribute("data-running", "false")
    await desk.picture("audit_questions")
    row = page.locator("#rows tbody tr", has_text="on a tablet without network").first
    await row.locator("[data-day]").click()


async def key_of(demonstration: Demonstration) -> str:
    """The log's key line, as it is handed to an auditor."""
    headers = {"Authorization": f"Bearer {demonstration.token}"}
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"{demonstration.url}/v1/log/key", headers=headers) as found,
    ):
        keys: list[dict[str, Any]] = (await found.json())["keys"]
        return str(keys[0]["key"])
