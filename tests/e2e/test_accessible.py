"""Nothing that axe knows to look for, and nothing too small for a gloved finger, on any screen, by day and by night."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.e2e.conftest import LYING, STANDING, Tablet
from tests.e2e.ward import SIGNS

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOUCH_PX_MIN = 56
KEY_PX_MIN = 104

TOO_SMALL = """([all, least, key]) => [...document.querySelectorAll(all)].flatMap((each) => {
    if (!each.checkVisibility()) return [];
    const box = each.getBoundingClientRect();
    const wanted = each.matches('.keypad button, .stop') ? key : least;
    const found = each.matches('input, select, textarea, a') ? box.height : Math.min(box.width, box.height);
    return found < wanted ? [each.outerHTML.slice(0, 120)] : [];
})"""
TOUCHED = "button, input, select, textarea, summary, a"

alerted = 3
"""Whose day the screens are of."""


async def clean(tablet: Tablet, screen: str) -> None:
    """Hold a screen to every rule of axe, and everything that is touched to its size."""
    assert not await tablet.page.evaluate(TOO_SMALL, [TOUCHED, TOUCH_PX_MIN, KEY_PX_MIN]), screen
    found = (await Axe().run(tablet.page)).response["violations"]
    assert not [
        (screen, each["id"], each["nodes"][0]["html"][:200], each["nodes"][0]["failureSummary"]) for each in found
    ]


async def at_night(tablet: Tablet, name: str) -> None:
    """Keep pictures of the dark theme."""
    if await tablet.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"):
        await tablet.picture(name)


async def around_the_board(tablet: Tablet) -> None:
    """Start of shift, board, handover, tray."""
    page = tablet.page
    await tablet.tap("#open-sign-in")
    await clean(tablet, "start of shift")
    await tablet.sign_in("doctor", opened=True)
    await clean(tablet, "board")
    await at_night(tablet, "board_night")
    await tablet.tap("#open-handover")
    await expect(page.locator(".bed").first).to_be_visible()
    await clean(tablet, "handover")
    await tablet.tap("#handover-back")


async def around_a_day(tablet: Tablet, day: str) -> None:
    """The day, its vital signs, its forms, and what mends it."""
    page = tablet.page
    await tablet.open_day(day)
    await expect(page.locator(".alert").first).to_be_visible()
    await clean(tablet, "day")
    await at_night(tablet, "day_night")
    await tablet.tap("#open-vitals")
    await expect(page.locator(".keypad")).to_be_visible()
    await clean(tablet, "vitals")
    await at_night(tablet, "vitals_night")
    await tablet.tap("#vitals-back")
    await page.locator(".alert").first.get_by_role("button", name="Review").tap()
    await expect(page.locator(".evidence")).to_be_visible()
    await clean(tablet, "review")
    await tablet.tap("#form-back")
    line = page.locator('#timeline li[data-type="vitals.recorded"]').first
    await line.locator("summary").tap()
    await clean(tablet, "mending")
    await line.locator('[data-mend="move"]').tap()
    await expect(page.locator("#move")).to_be_visible()
    await clean(tablet, "wrong patient")
    await page.go_back()
    await expect(page.locator("#open-vitals")).to_be_visible()
    await line.locator("summary").tap()
    await line.locator('[data-mend="correct"]').tap()
    await expect(page.locator(".before")).to_be_visible()
    await clean(tablet, "correction")
    await tablet.tap("#form-back")
    await tablet.tap('.step [data-type="checklist.recorded"]')
    await expect(page.locator(".list-row").first).to_be_visible()
    await clean(tablet, "checklist")


async def without_network(tablet: Tablet) -> None:
    """What waits on the tablet, on the day and in the tray; a stop that is not on the record."""
    page = tablet.page
    await tablet.tap("#form-back")
    await page.context.set_offline(True)
    await tablet.tap('.step [data-type="note.added"]')
    await page.locator("#field-text").fill("seen by the daughter")
    await tablet.tap("#save")
    await expect(page.locator(".waiting-facts")).to_be_visible()
    await clean(tablet, "day without network")
    await tablet.tap("#open-tray")
    await expect(page.locator(".tray-row")).to_be_visible()
    await clean(tablet, "tray")
    await page.context.set_offline(False)
    await expect(page.locator(".tray-row")).to_have_count(0, timeout=20_000)
    tablet.expect_silence()


@pytest.mark.parametrize("tablet", [(LYING, "light"), (STANDING, "dark")], indirect=True)
async def test_axe_finds_nothing_and_nothing_is_too_small_to_touch(tablet: Tablet) -> None:
    day = tablet.ward.days[alerted]
    await tablet.ward.fact(day, "vitals.recorded", {**SIGNS, "systolic_mmhg": 168, "diastolic_mmhg": 104})
    await around_the_board(tablet)
    await around_a_day(tablet, day)
    await without_network(tablet)
