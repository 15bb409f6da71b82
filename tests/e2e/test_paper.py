"""What is refused without network is offered on paper, and the sheet says who, what, and what to do with it then."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from playwright.async_api import ViewportSize, expect

from tests.e2e.conftest import LYING, SCREENS, Tablet

pytestmark = pytest.mark.asyncio(loop_scope="session")

charted, other = 0, 2
"""Whose day a test looks at."""

A4_PX: ViewportSize = {"width": 794, "height": 1123}
PAGE = re.compile(rb"/Type\s*/Page\b")
FORMS: dict[str, tuple[Any, ...]] = {
    "bag.prepared": (1, "Batch", "First person", "Second person", "Glucose 5 %"),
    "infusion.completed": (1, "Volume given", "Entered", "Signature"),
    "checklist.recorded": (2, "Hypersensitivity to the drug", "Not applicable"),
}
"""How many pages each fills, and some of what stands there."""


async def test_what_the_service_must_answer_is_offered_on_paper_while_it_is_away(tablet: Tablet) -> None:
    page = tablet.page
    await tablet.sign_in("nurse")
    await tablet.open_day(tablet.ward.days[charted])
    await expect(page.locator("[data-paper]")).to_have_count(0)
    await page.context.set_offline(True)
    await page.evaluate("dispatchEvent(new Event('online'))")
    await expect(page.locator('[data-paper="bag.prepared"]')).to_be_visible()
    await expect(page.locator('[data-paper="vitals.recorded"], [data-paper="infusion.paused"]')).to_have_count(0)
    for kind, (pages, *words) in FORMS.items():
        await tablet.tap(f'[data-paper="{kind}"]')
        sheet = page.locator(".paper")
        await expect(sheet).to_contain_text("Chart this as a late entry when the network is back.")
        await expect(sheet).to_contain_text("ABELIN, Clara")
        await expect(sheet).to_contain_text("04-Mar-1989")
        await expect(sheet).to_contain_text("SIMULATION")
        for word in words:
            await expect(sheet).to_contain_text(word)
        printed = await page.pdf(prefer_css_page_size=True)
        assert len(PAGE.findall(printed)) == pages, kind
        if kind == "bag.prepared":
            await tablet.picture("paper_form")
        await page.emulate_media(media="print")
        for gone in ("header", ".pinned", ".bottom-bar", "footer"):
            await expect(page.locator(gone).first).to_be_hidden()
        assert await sheet.evaluate("(each) => getComputedStyle(each).color") == "rgb(0, 0, 0)"
        if os.environ.get("INFUSION_SCREENS") and kind == "bag.prepared":
            was = page.viewport_size or LYING
            await page.set_viewport_size(A4_PX)
            await page.screenshot(path=SCREENS / "paper_form_printed.png")
            await page.set_viewport_size(was)
        await page.emulate_media(media="null")
        await tablet.tap("#paper-back")
    await page.context.set_offline(False)
    tablet.expect_silence()


async def test_with_nobody_signed_in_the_paper_leaves_room_for_the_name(tablet: Tablet) -> None:
    page = tablet.page
    await tablet.open_day(tablet.ward.days[other])
    await page.context.set_offline(True)
    await page.evaluate("dispatchEvent(new Event('online'))")
    await tablet.tap('[data-paper="bag.prepared"]')
    sheet = page.locator(".paper")
    await expect(sheet).to_contain_text("EC")
    assert "CASTEL" not in await sheet.inner_text()
    assert await page.locator(".paper dl .line").count() == 2
    await expect(page.locator("#stop")).to_be_in_viewport()
    tablet.expect_silence()
