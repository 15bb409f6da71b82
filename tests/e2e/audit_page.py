"""What the tests of the auditor's page ask of it: where it stands, what it shows, and that everybody can read it."""

from __future__ import annotations

from dataclasses import dataclass

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.e2e.desk import DESK_SIZE
from tests.e2e.ward import ServedWard

SIZES = ({"width": 1440, "height": 900}, {"width": 1024, "height": 768}, {"width": 800, "height": 1112})
SCHEME = "matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'"
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
