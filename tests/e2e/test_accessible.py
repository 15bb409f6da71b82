"""Nothing that axe knows to look for, on any screen, in daylight and at night."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.e2e.conftest import LYING, STANDING, Tablet

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("tablet", [(LYING, "light"), (STANDING, "dark")], indirect=True)
async def test_axe_finds_nothing(tablet: Tablet, request: pytest.FixtureRequest) -> None:
    day = tablet.ward.days[0]
    await tablet.sign_in("nurse")
    await clean(tablet, "board")
    await tablet.open_day(day)
    await clean(tablet, "day")
    await tablet.picture("day_night")
    await tablet.tap("#open-vitals")
    await expect(tablet.page.locator(".keypad")).to_be_visible()
    await clean(tablet, "vitals")
    await tablet.picture("vitals_night")
    await tablet.tap("#vitals-back")
    await tablet.tap('.step [data-type="infusion.paused"]')
    await expect(tablet.page.locator(".fact-form")).to_be_visible()
    await clean(tablet, "form")


async def clean(tablet: Tablet, screen: str) -> None:
    """Hold a screen to every rule of axe."""
    found = (await Axe().run(tablet.page)).response["violations"]
    assert not [
        (screen, each["id"], each["nodes"][0]["html"][:200], each["nodes"][0]["failureSummary"]) for each in found
    ]
