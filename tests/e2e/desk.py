"""An auditor's or an operator's desk: a browser on `/audit` or `/ops` that lets no complaint pass."""

from __future__ import annotations

from dataclasses import dataclass, field

from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.e2e.conftest import STANDING, WAIT_MS, keep_picture

DESK_SIZE: ViewportSize = {"width": 1280, "height": 800}


@dataclass
class Desk:
    """A page at a desk, and what the browser had to complain about."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Note what the browser complains of; what the policy refuses is in its console, too."""
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)

    def expect_refusal(self) -> None:
        """A refusal was wanted: the browser names its status in its console, which is no fault of the page."""
        self.complaints[:] = [each for each in self.complaints if "the server responded with a status of 4" not in each]

    async def picture(self, name: str) -> None:
        """Keep pictures of the screen as a desk and as an upright tablet show it, where pictures are asked for."""
        await keep_picture(self.page, name, ((DESK_SIZE, "desk"), (STANDING, "standing")))


@dataclass
class Desks:
    """Opens desks, and lets none of them complain."""

    browser: Browser
    opened: list[Desk] = field(default_factory=list)

    async def open(
        self, url: str, page: str, token: str, *, dark: bool = False, timezone: str = "Europe/London"
    ) -> Desk:
        """Sign in at `/audit` or `/ops` of the service at `url` by a link that carries the token."""
        context = await self.browser.new_context(
            viewport=DESK_SIZE,
            locale="en-GB",
            timezone_id=timezone,
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )
        context.set_default_timeout(WAIT_MS)
        desk = Desk(await context.new_page())
        desk.listen()
        self.opened.append(desk)
        await desk.page.goto(f"{url}{page}#token={token}")
        await expect(desk.page.locator("#signed-in-as")).to_be_visible()
        assert "token=" not in desk.page.url
        return desk

    async def close(self) -> None:
        """Close them all. Raises `AssertionError` where a browser complained."""
        for desk in self.opened:
            await desk.page.context.close()
        assert not [complaint for desk in self.opened for complaint in desk.complaints]
