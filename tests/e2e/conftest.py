"""The real command in a process of its own, a browser, and a tablet that lets no complaint of the browser pass."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, ViewportSize, async_playwright, expect

from tests.cli.running import Site
from tests.e2e.ward import PIN, ServedWard

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
SCREENS = Path(__file__).parents[2] / "docs" / "screens"
"""Kept for people to look at: written anew where INFUSION_SCREENS is set."""
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LYING: ViewportSize = {"width": 1024, "height": 768}
PRESS_KEYS = """async (digits) => {
    for (const digit of digits) {
        const key = document.querySelector(`[data-key="${digit}"]`);
        const box = key.getBoundingClientRect();
        if (document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2) !== key) return false;
        key.click();
        await new Promise(requestAnimationFrame);
    }
    return true;
}"""
GROUP_SEPARATOR = "\u001d"
CONTROL = 2
"""What the browser calls the control key: scanners type it with a bracket for the separator of GS1 codes."""
WAIT_MS = 8000
"""A control that cannot be touched within this is not there."""
STANDING: ViewportSize = {"width": 800, "height": 1112}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a browser, and leave it out where there is none."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="the ward page needs chromium"))


HELD: tuple[tuple[ViewportSize, str], ...] = ((LYING, "lying"), (STANDING, "standing"))
"""How a tablet is held."""


async def keep_picture(page: Page, name: str, sizes: tuple[tuple[ViewportSize, str], ...] = HELD) -> None:
    """Keep pictures of a screen in each of the sizes, for people to look at, where pictures are asked for."""
    if not os.environ.get("INFUSION_SCREENS"):
        return
    was = page.viewport_size or LYING
    SCREENS.mkdir(parents=True, exist_ok=True)
    for size, how in sizes:
        await page.set_viewport_size(size)
        await page.screenshot(path=SCREENS / f"{name}_{how}.png")
    await page.set_viewport_size(was)


@dataclass
class Tablet:
    """A page on the ward, and what the browser had to complain about."""

    page: Page
    ward: ServedWard
    name: str = "tablet-1"
    complaints: list[str] = field(default_factory=list)
    taps: int = 0
    was_away: bool = False

    def faults(self) -> list[str]:
        """Return what the browser complained of and the test did not ask for."""
        return [each for each in self.complaints if not (self.was_away and "net::ERR_" in each)]

    async def tap(self, selector: str) -> None:
        """Touch something. A control that is covered or out of sight cannot be touched."""
        await self.page.locator(selector).tap(timeout=5000)
        self.taps += 1

    async def key(self, digits: str) -> None:
        """Touch digits on the keypad."""
        for digit in digits:
            await self.tap(f'[data-key="{digit}"]')

    async def scan(self, code: str, *, gap_ms: float = 8, enter: bool = True) -> None:
        """Let a scanner type a code: a key every `gap_ms`, as the browser is told, and Enter."""
        keyboard = await self.page.context.new_cdp_session(self.page)
        began = await self.page.evaluate("Date.now() / 1000")
        keys: list[dict[str, object]] = []
        for character in code:
            separator = character == GROUP_SEPARATOR
            keys.append({"key": "]", "modifiers": CONTROL} if separator else {"key": character, "text": character})
        if enter:
            keys.append({"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"})
        sent = [
            keyboard.send(
                "Input.dispatchKeyEvent", {"type": "keyDown", "timestamp": began + place * gap_ms / 1000} | key
            )
            for place, key in enumerate(keys)
        ]
        await asyncio.gather(*sent)
        await keyboard.detach()

    async def key_at_once(self, digits: str) -> None:
        """Press digits without a finger's care, where each key lies free: for what another test has done by touch."""
        assert await self.page.evaluate(PRESS_KEYS, digits)

    async def enrol(self) -> None:
        """Open the page as an enrolled tablet."""
        await self.page.goto(f"{self.ward.url}/#device={await self.ward.device(self.name)}")
        await expect(self.page.locator(".tile").first).to_be_visible()

    async def sign_in(self, who: str, *, opened: bool = False) -> None:
        """Sign somebody in with badge and PIN."""
        if not opened:
            await self.page.locator("#open-sign-in").tap()
        await self.page.locator("#badge").fill(f"BADGE-{who}")
        await self.page.locator("#pin").fill(PIN)
        await self.page.locator("#sign-in").tap()
        await expect(self.page.locator("#signed-in-as")).to_contain_text(who)

    async def open_day(self, day: str) -> None:
        """Open a day from its tile."""
        await self.tap(f'.tile[data-day="{day}"]')
        await expect(self.page.locator("#phase")).to_be_visible()

    async def picture(self, name: str) -> None:
        """Keep a picture of the screen, where pictures are asked for."""
        await keep_picture(self.page, name)

    def listen(self) -> None:
        """Note what the browser complains of on this page."""
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)

    async def second_page(self) -> Tablet:
        """Open the page once more, beside this one on the same tablet."""
        beside = Tablet(await self.page.context.new_page(), self.ward, name=self.name, complaints=self.complaints)
        beside.listen()
        await beside.page.goto(self.ward.url)
        await expect(beside.page.locator(".tile").first).to_be_visible()
        return beside

    async def sign_out(self) -> None:
        """Sign out whoever is signed in."""
        await self.tap("#sign-out")
        await expect(self.page.locator("#open-sign-in")).to_be_visible()

    async def keeps_the_page(self) -> None:
        """Wait until the page itself is kept on the tablet."""
        await self.page.evaluate("async () => { await navigator.serviceWorker.ready }")

    def expect_silence(self) -> None:
        """The service was away: the browser names each call it could not make, which is no fault of the page."""
        self.was_away = True

    def expect_refusal(self) -> None:
        """A refusal was wanted: the browser names its status in its console, which is no fault of the page."""
        self.complaints[:] = [each for each in self.complaints if "the server responded with a status of 4" not in each]


@pytest.fixture(scope="session")
def ward_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site on which `init` has been run, before there is any event loop."""
    site = Site(tmp_path_factory.mktemp("ward"))
    made = site.run("init")
    assert made.code == 0, made.err
    return site


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served(ward_site: Site) -> AsyncIterator[ServedWard]:
    """A ward with four patients whose infusion runs."""
    site = ward_site
    with site.serving() as serving:
        async with aiohttp.ClientSession() as client:
            ward = ServedWard(url=serving.url, admin=site.token_file.read_text(encoding="utf-8").strip(), client=client)
            await ward.staff()
            await ward.everybody_infusing()
            yield ward


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all tests."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=ARGUMENTS)
        yield launched
        await launched.close()


@dataclass
class Tablets:
    """Opens tablets on a ward, and lets none of them complain."""

    browser: Browser
    opened: list[Tablet] = field(default_factory=list)

    async def open(
        self,
        ward: ServedWard,
        name: str = "tablet-1",
        *,
        size: ViewportSize = LYING,
        dark: bool = False,
        own_clock: bool = False,
        kept: bool = False,
        script: str = "",
    ) -> Tablet:
        """Open the page on an enrolled tablet of its own. With `own_clock` the test moves the tablet's time; with
        `kept` the page itself is kept there, to be loaded without network; `script` runs before the page's own."""
        context = await self.browser.new_context(
            viewport=size,
            has_touch=True,
            locale="en-GB",
            timezone_id="Europe/London",
            color_scheme="dark" if dark else "light",
            service_workers="allow" if kept else "block",
        )
        context.set_default_timeout(WAIT_MS)
        if own_clock:
            await context.clock.install()
        if script:
            await context.add_init_script(script)
        page = await context.new_page()
        tablet = Tablet(page, ward, name=name)
        tablet.listen()
        self.opened.append(tablet)
        await tablet.enrol()
        if kept:
            await tablet.keeps_the_page()
        return tablet

    async def close(self) -> None:
        """Close them all. Raises `AssertionError` where a browser complained."""
        for tablet in self.opened:
            await tablet.page.context.close()
        assert not [fault for tablet in self.opened for fault in tablet.faults()]


@pytest_asyncio.fixture(loop_scope="session")
async def tablets(browser: Browser) -> AsyncIterator[Tablets]:
    """As many tablets as a test asks for."""
    opened = Tablets(browser)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def tablet(request: pytest.FixtureRequest, tablets: Tablets, served: ServedWard) -> Tablet:
    """A tablet, lying unless the test says otherwise, on which the browser may complain of nothing."""
    wanted: tuple[ViewportSize, Literal["light", "dark"]] = getattr(request, "param", (LYING, "light"))
    size, scheme = wanted
    return await tablets.open(served, size=size, dark=scheme == "dark")
