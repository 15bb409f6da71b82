"""The rules of the ward tablet that are no single screen's: nothing covered, nothing filled in, nothing only by colour,
by sound or by touch; and that the screen stays on while a pump runs."""

from __future__ import annotations

import base64
import random
import re
from decimal import Decimal
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Route, ViewportSize, expect

from infusion_service.clinical.scores import ScoreTable
from infusion_service.clinical.workflow import load_workflow
from infusion_service.packaged import workflows_dir
from tests.e2e.conftest import LYING, Tablet, Tablets, keep_picture
from tests.e2e.test_scanner import RECORD_TONES
from tests.e2e.ward import SIGNS, ServedWard

pytestmark = pytest.mark.asyncio(loop_scope="session")

charted, stopped, locked, alerted = range(4)
"""Whose day a test looks at or writes on."""

WORKFLOW = workflows_dir() / "alemtuzumab.v1.toml"
SUPPORTED: tuple[ViewportSize, ...] = (
    {"width": 1024, "height": 768},
    {"width": 1280, "height": 800},
    {"width": 800, "height": 1280},
    {"width": 834, "height": 1112},
)
GAP_PX_MIN, SAVE_TO_STOP_PX_MIN = 8, 24
TEXT_PX_MIN, NUMBER_PX_MIN, RING_PX = 18, 24, 4
FLASH_S_MIN = 0.5
SLEPT_MIN = 5
TABS = 20
WHITE_MAX = 0.2
"""How much of a dark board may be bright: it hangs where people sleep. The bar of a simulation hangs on no ward."""
PANELS = (('.step [data-type="note.added"]', ".fact-form"), ("#open-vitals", ".vitals"))

FITS = (
    "() => document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth"
)
SMALLEST_TEXT = """() => Math.min(...[...document.querySelectorAll('body *')].filter((each) => each.checkVisibility()
    && !each.closest('.unseen') && [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .map((each) => parseFloat(getComputedStyle(each).fontSize)))"""
NUMBERS = """(all) => all.map((each) => [parseFloat(getComputedStyle(each).fontSize),
    getComputedStyle(each).fontVariantNumeric])"""
NARROWEST_GAP = """(all) => {
    const boxes = all.map((each) => each.getBoundingClientRect());
    return Math.min(...boxes.flatMap((one, place) => boxes.slice(place + 1).map((other) => Math.hypot(
        Math.max(0, other.left - one.right, one.left - other.right),
        Math.max(0, other.top - one.bottom, one.top - other.bottom)))));
}"""
ON_TOP = """(each) => {
    const box = each.getBoundingClientRect();
    const found = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    return box.top >= 0 && box.bottom <= innerHeight && (found === each || each.contains(found));
}"""
WALK = """() => {
    const all = [...document.querySelectorAll('button, input, select, textarea, summary')];
    return all.indexOf(document.activeElement);
}"""
RING = "getComputedStyle(document.activeElement).outlineWidth"
RECORD_WAKE = """(() => {
    globalThis.wakes = [];
    const lock = () => Object.assign(new EventTarget(), { async release() {
        wakes.push('released');
        this.dispatchEvent(new Event('release'));
    } });
    const request = async (kind) => { wakes.push(kind); globalThis.held = lock(); return held; };
    Object.defineProperty(navigator, 'wakeLock', { value: { request } });
})()"""
"""Notes when the page asks for the screen to stay on."""
TAKE_AWAY = """(hidden) => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
    if (hidden) held.dispatchEvent(new Event('release'));
    document.dispatchEvent(new Event('visibilitychange'));
}"""
HEAR = """async () => {
    const { hear, serviceNow } = await import('/static/times.js');
    hear('2026-11-23T09:12:00Z', { simulated: false, speed: 1 });
    return serviceNow();
}"""
POINTS = """async ([score, sets]) => {
    const { pointsOf } = await import('/static/trend.js');
    return sets.map((each) => pointsOf(score, {}, each));
}"""
SOME_SIGNS: dict[str, list[Any]] = {
    "respiratory_rate_per_min": [3, 8, 9, 11, 12, 20, 21, 24, 25, 70],
    "spo2_percent": [50, 83, 84, 87, 88, 91, 92, 93, 94, 95, 96, 97, 100],
    "on_oxygen": [True, False],
    "spo2_scale": [1, 2],
    "systolic_mmhg": [40, 90, 91, 100, 101, 110, 111, 219, 220],
    "heart_rate_per_min": [20, 40, 41, 50, 51, 90, 91, 110, 111, 130, 131],
    "consciousness": ["A", "C", "V", "P", "U"],
    "temperature_celsius": [30.0, 35.0, 35.1, 36.0, 36.1, 38.0, 38.1, 39.0, 39.1, 43.0],
}
"""Both sides of every limit of the chart."""
ALLERGY = ('{"item":"hypersensitivity","result":"clear"}', '{"item":"hypersensitivity","result":"present"}')
ON_DATE = """async (moment) => {
    const { hear, ticks } = await import('/static/times.js');
    hear(moment, { simulated: true, speed: 0 });
    ticks.value += 1000;
}"""
NOW = "async () => (await import('/static/times.js')).serviceNow()"
COME_NEAR = """async (minutes_left) => {
    const { startAnnouncing } = await import('/static/announce.js');
    const { hear, ticks } = await import('/static/times.js');
    const due = Date.parse('2026-11-23T08:30:00Z');
    const look = (left) => {
        hear(new Date(due - left * 60000).toISOString(), { simulated: true, speed: 0 });
        ticks.value += 1000;
    };
    look(10);
    const checks = [{ check: 'vitals', due_at: new Date(due).toISOString() }];
    startAnnouncing(() => [{ day_id: 'd', chair: '9', checks }]);
    const said = [];
    for (const left of minutes_left) {
        look(left);
        await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
        said.push(document.querySelector('#said-quietly').textContent);
    }
    return said;
}"""
WHITE = """async (png) => {
    const bytes = Uint8Array.from(atob(png), (each) => each.charCodeAt(0));
    const picture = await createImageBitmap(new Blob([bytes]));
    const canvas = new OffscreenCanvas(picture.width, picture.height).getContext('2d');
    canvas.drawImage(picture, 0, 0);
    const { data } = canvas.getImageData(0, 0, picture.width, picture.height);
    let bright = 0;
    for (let place = 0; place < data.length; place += 4)
        bright += 0.2126 * data[place] + 0.7152 * data[place + 1] + 0.0722 * data[place + 2] > 127;
    return bright / (picture.width * picture.height);
}"""
FLASHES = """() => document.getAnimations().map((each) => Number(each.effect.getComputedTiming().duration) / 1000)"""


async def every(page: Page, selector: str, script: str) -> Any:
    """Return what a script says of everything a selector finds."""
    return await page.locator(selector).evaluate_all(script)


async def test_a_screen_fits_keeps_its_distances_and_has_nothing_filled_in(tablet: Tablet) -> None:
    page = tablet.page
    await tablet.ward.fact(tablet.ward.days[stopped], "vitals.recorded", {"glucose_mmol_per_l": 2.1, "confirmed": True})
    await tablet.sign_in("nurse")
    await tablet.open_day(tablet.ward.days[charted])
    await expect(page.locator("#elsewhere")).to_be_visible()
    assert await page.evaluate(SMALLEST_TEXT) >= TEXT_PX_MIN
    for size, figures in await every(page, ".number dd:first-of-type, .checks b", NUMBERS):
        assert size >= NUMBER_PX_MIN
        assert figures == "tabular-nums"
    await tablet.tap("#open-vitals")
    for size in SUPPORTED:
        await page.set_viewport_size(size)
        assert await page.evaluate(FITS), size
        assert await every(page, ".keypad button, .vitals-bar button", NARROWEST_GAP) >= GAP_PX_MIN, size
        assert await every(page, "#save-vitals, #stop", NARROWEST_GAP) >= SAVE_TO_STOP_PX_MIN, size
    await page.set_viewport_size(LYING)
    assert set(await page.locator(".sign b").all_inner_texts()) == {"\N{EN DASH}"}
    assert await page.locator('.choice[aria-pressed="true"]').all_inner_texts() == ["Now"]
    between = "() => document.querySelector('#save-vitals').nextElementSibling.matches('.vitals-said')"
    assert await page.evaluate(between)


async def test_banner_and_stop_are_never_covered_and_back_closes_what_is_open(tablet: Tablet) -> None:
    page = tablet.page
    await tablet.sign_in("nurse")
    await tablet.open_day(tablet.ward.days[charted])
    for where in ("scrollTo(0, 0)", "scrollTo(0, document.body.scrollHeight / 2)", "scrollTo(0, 9e9)"):
        await page.evaluate(where)
        for covered in ("#patient", "#stop"):
            assert await page.locator(covered).evaluate(ON_TOP), (covered, where)
    for opens, panel in PANELS:
        await tablet.tap(opens)
        await expect(page.locator(panel)).to_be_visible()
        for covered in ("#patient", "#stop"):
            assert await page.locator(covered).evaluate(ON_TOP), (covered, panel)
        await page.go_back()
        await expect(page.locator(panel)).to_have_count(0)
    await tablet.tap("#to-ward")
    await tablet.tap("#open-handover")
    await expect(page.locator(".handover")).to_be_visible()
    await page.go_back()
    await expect(page.locator("#beds")).to_be_visible()


async def test_two_touches_on_save_are_one_event_and_the_keyboard_reaches_everything_in_order(tablet: Tablet) -> None:
    page, day = tablet.page, tablet.ward.days[charted]
    await tablet.sign_in("nurse")
    await tablet.open_day(day)
    before = len(await tablet.ward.entries(day))
    await tablet.tap("#open-vitals")
    await tablet.tap('[data-sign="heart_rate_per_min"]')
    await tablet.key("74")
    await page.locator("#save-vitals").dblclick()
    await expect(page.locator("#said")).to_contain_text("On the record")
    assert len(await tablet.ward.entries(day)) == before + 1

    await tablet.tap("#vitals-back")
    await expect(page.locator("#my-patient")).to_be_visible()
    await page.locator("#to-ward").focus()
    reached = []
    for _step in range(TABS):
        await page.keyboard.press("Tab")
        reached.append(await page.evaluate(WALK))
        assert await page.evaluate(RING) == f"{RING_PX}px", await page.evaluate("document.activeElement.outerHTML")
    assert reached == sorted(set(reached))


async def test_a_grave_alert_sounds_three_tones_on_every_screen_a_medium_one_two_a_low_one_none(
    served: ServedWard, tablets: Tablets
) -> None:
    tablet = await tablets.open(served, script=RECORD_TONES)
    page, day = tablet.page, served.days[alerted]
    await tablet.tap("#open-sign-in")
    await tablet.tap("#test-sound")
    await tablet.tap("#open-sign-in")
    await page.evaluate("tones.splice(0)")
    await tablet.open_day(served.days[locked])
    quietly, at_once = page.locator("#said-quietly"), page.locator("#said-at-once")

    await served.fact(day, "vitals.recorded", {"temperature_celsius": 38.4})
    await expect(quietly).to_contain_text("Chair 4: LOW: Temperature is raised")
    assert await page.evaluate("tones.splice(0)") == []
    await served.fact(day, "reaction.graded", {"ctcae_grade": 2})
    await expect(quietly).to_contain_text("MEDIUM")
    assert await page.evaluate("tones.splice(0)") == [[660, 0], [660, 0.28]]
    await served.fact(day, "vitals.recorded", {"glucose_mmol_per_l": 2.2, "confirmed": True})
    await expect(at_once).to_contain_text("Chair 4: HIGH")
    assert await page.evaluate("tones.splice(0)") == [[880, 0], [880, 0.28], [880, 0.56]]
    await expect(page.get_by_role("button", name=re.compile("(HIGH|CRITICAL): Chair"))).to_be_visible()
    await tablet.picture("alert_elsewhere")
    await tablet.tap("#elsewhere")
    await expect(page.locator("#patient")).to_have_text(re.compile("CA|JB|HD"))


async def test_the_screen_stays_on_in_sight_of_a_running_pump_and_not_longer(
    served: ServedWard, tablets: Tablets
) -> None:
    tablet = await tablets.open(served, script=RECORD_WAKE)
    page, day = tablet.page, served.days[charted]
    await tablet.open_day(day)
    assert await page.evaluate("wakes.splice(0)") == ["screen"]
    await page.evaluate(TAKE_AWAY, True)
    assert await page.evaluate("wakes.splice(0)") == []
    await page.evaluate(TAKE_AWAY, False)
    assert await page.evaluate("wakes.splice(0)") == ["screen"]

    async def halted(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, json={**await answer.json(), "pump": "halted"})

    await page.route(f"**/v1/days/{day}", halted)
    await page.evaluate("dispatchEvent(new Event('online'))")
    await expect(page.locator("#infused + dd")).to_have_text("halted")
    assert await page.evaluate("wakes.splice(0)") == ["released"]
    await page.unroute_all()


async def test_a_countdown_is_right_after_a_sleep(served: ServedWard, tablets: Tablets) -> None:
    tablet = await tablets.open(served, own_clock=True)
    page = tablet.page
    await page.context.set_offline(True)
    heard_at = await page.evaluate(HEAR)
    await page.clock.fast_forward(SLEPT_MIN * 60_000)
    slept_ms = await page.evaluate(NOW) - heard_at
    assert slept_ms >= SLEPT_MIN * 60_000
    tablet.expect_silence()


async def test_on_the_day_the_clocks_change_a_time_says_which_of_the_two_it_is(tablet: Tablet) -> None:
    page = tablet.page
    await page.context.set_offline(True)
    for date, offset in (("2026-10-24", ""), ("2026-10-25", "clocks change today: GMT+1"), ("2026-11-23", "")):
        await page.evaluate(ON_DATE, f"{date}T10:00:00Z")
        await expect(page.locator(".clock small")).to_have_text(f"Europe/Paris{' · ' if offset else ''}{offset}")
    tablet.expect_silence()


async def test_points_shown_while_typing_are_those_the_service_gives(tablet: Tablet) -> None:
    file = await tablet.ward.call(tablet.ward.tablet, "GET", "/v1/workflows/alemtuzumab/1")
    service = ScoreTable(load_workflow(WORKFLOW.read_bytes(), file=WORKFLOW.name).definition.scores["news2"])
    chance = random.Random(2)  # noqa: S311 - the same sets every time
    sets = [{sign: chance.choice(values) for sign, values in SOME_SIGNS.items()} for _ in range(200)]

    shown = await tablet.page.evaluate(POINTS, [file["scores"]["news2"], sets])
    assert shown == [
        service.points({name: Decimal(str(one)) if type(one) in (int, float) else one for name, one in each.items()})
        for each in sets
    ]


async def test_a_score_says_which_way_it_goes_and_an_allergy_stands_on_the_banner(tablet: Tablet) -> None:
    page, day = tablet.page, tablet.ward.days[alerted]
    await tablet.ward.fact(day, "vitals.recorded", SIGNS)
    await tablet.ward.fact(day, "vitals.recorded", {**SIGNS, "heart_rate_per_min": 115})
    score = page.locator(f'.tile[data-day="{day}"] [data-score="news2"]')
    await expect(score).to_contain_text("2 ▲2up")
    await expect(page.locator(f'.tile[data-day="{day}"] .since')).to_have_text("+2 since the first set")

    async def allergic(route: Route) -> None:
        answer = await route.fetch()
        text = (await answer.text()).replace(*ALLERGY)
        await route.fulfill(response=answer, body=text)

    await page.route(f"**/v1/days/{day}/entries", allergic)
    await tablet.open_day(day)
    await expect(page.locator("#news2")).to_contain_text("2 ▲2")
    await expect(page.locator('[data-flag="allergy"]')).to_have_text("Allergy: Hypersensitivity to the drug")
    await page.unroute_all()


async def test_what_somebody_wrote_is_read_as_it_was_written(tablet: Tablet) -> None:
    told = "async ([entry, file]) => (await import('/static/telling.js')).summary(entry, file)"
    fields = {"batch": {"type": "text"}, "text": {"type": "text"}, "reason": {"type": "choice", "of": ["line_lost"]}}
    file = {"facts": {"bag.made": {"fields": fields}}}
    data = {"batch": "a-12_b", "text": "well-known", "reason": "line_lost"}
    entry = {"kind": "fact", "type": "bag.made", "data": data}
    assert await tablet.page.evaluate(told, [entry, file]) == "Batch a-12_b, well-known, Reason Line lost"


async def test_a_check_is_announced_as_it_comes_near_and_not_every_second(served: ServedWard, tablets: Tablets) -> None:
    tablet = await tablets.open(served)
    await tablet.page.context.set_offline(True)
    said = await tablet.page.evaluate(COME_NEAR, [6, 5, 4, 3, 1, 0.5, 0, -2])
    five, one, now = (f"Chair 9: Vitals {when}" for when in ("in 5 minutes", "in 1 minute", "is due now"))
    assert said == ["", five, five, five, one, one, now, now]
    tablet.expect_silence()


@pytest.mark.parametrize("how", ["forced colours", "reduced motion"])
async def test_the_page_keeps_its_meaning_without_its_colours_and_its_movement(
    served: ServedWard, tablets: Tablets, browser: Browser, how: str
) -> None:
    tablet = await tablets.open(served)
    page = tablet.page
    forced = how == "forced colours"
    await page.emulate_media(forced_colors="active" if forced else "none", reduced_motion=None if forced else "reduce")
    await tablet.sign_in("nurse")
    await tablet.open_day(served.days[alerted])
    await tablet.tap("#open-vitals")
    await tablet.tap('[data-choice="consciousness:A"]')
    for name in ("vitals_forced_colours", "day_forced_colours"):
        if forced:
            found = (await Axe().run(page)).response["violations"]
            assert not [(name, each["id"], each["nodes"][0]["html"][:200]) for each in found]
            await keep_picture(page, name)
        if name.startswith("vitals"):
            await tablet.tap("#vitals-back")
    if not forced:
        await page.context.set_offline(True)
        await page.evaluate(
            """() => { const said = document.createElement('p'); said.className = 'stop-said';
            said.dataset.kind = 'sending'; document.querySelector('main').append(said); }"""
        )
        assert await page.evaluate(FLASHES) == []
        await page.emulate_media(reduced_motion="no-preference")
        flashes = await page.evaluate(FLASHES)
        assert flashes
        assert min(flashes) >= FLASH_S_MIN
        tablet.expect_silence()


async def test_a_ward_chooses_light_or_dark_and_its_tablet_remembers(tablet: Tablet) -> None:
    page = tablet.page
    ground = "getComputedStyle(document.body).backgroundColor"
    light = await page.evaluate(ground)
    await tablet.tap("#theme")
    await expect(page.locator("#theme")).to_have_text("Day")
    dark = await page.evaluate(ground)
    assert (light, dark) == ("rgb(244, 246, 248)", "rgb(13, 20, 24)")
    # Asked behind the write and therefore answered after it: only a choice that is on the disk can be remembered.
    assert await page.evaluate("import('/static/kept.js').then(({ kept }) => kept('theme'))") == "dark"
    await page.reload()
    await expect(page.locator("#theme")).to_have_text("Day")
    assert await page.evaluate(ground) == dark
    await tablet.sign_in("nurse")
    below = await page.locator(".top").bounding_box()
    assert below is not None
    top, width, height = below["y"], LYING["width"], LYING["height"]
    seen = await page.screenshot(clip={"x": 0, "y": top, "width": width, "height": height - top})
    board = base64.b64encode(seen).decode()
    blank = await page.context.new_page()
    assert await blank.evaluate(WHITE, board) <= WHITE_MAX
    await tablet.tap("#theme")
    assert await page.evaluate(ground) == light
