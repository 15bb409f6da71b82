"""A night at the operator's desk: who is there, what every screen is held to, and what is said of an endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from infusion_service.packaged import workflows_dir
from tests.cli.running import Serving
from tests.e2e.desk import Desk, Desks
from tests.e2e.engine import ScriptedEngine
from tests.e2e.ward import ServedWard

LEAST_PX = 40
TOUCHED = "main button, main input:not([type=checkbox]), main select, main textarea, main summary, .screens a"
SMALL = """([touched, least]) => [...document.querySelectorAll(touched)]
    .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < least - 0.5)
    .map((each) => each.outerHTML.slice(0, 120))"""
TINY_TEXT = """() => [...document.querySelectorAll('main *')].filter((each) => each.checkVisibility()
    && [...each.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())
    && parseFloat(getComputedStyle(each).fontSize) < 16).map((each) => each.outerHTML.slice(0, 120))"""


@dataclass
class Night:
    """A service with an engine, and who looks after it."""

    ward: ServedWard
    engine: ScriptedEngine
    serving: Serving
    desks: Desks
    folder: Path
    integration: str
    """The token of an engine's team."""

    async def fares(self, endpoint: str, name: str, value: object) -> None:
        """Wait until an endpoint's status says so: a page looks once in a few seconds."""
        address = f"/v1/endpoints/{endpoint}/status"
        while (await self.ward.call(self.ward.admin, "GET", address)).get(name) != value:
            continue


def another_version(folder: Path) -> Path:
    """A directory with the shipped protocol, and a version after it in which a bag lasts shorter."""
    shipped = (workflows_dir() / "alemtuzumab.v1.toml").read_text(encoding="utf-8")
    newer = shipped.replace("\nversion = 1\n", "\nversion = 2\n", 1)
    newer = newer.replace("valid_h = 8", "valid_h = 6").replace('title = "Observation"', 'title = "Observing"')
    assert newer.count("valid_h = 6") > 0
    folder.mkdir()
    (folder / "alemtuzumab.v1.toml").write_text(shipped, encoding="utf-8")
    (folder / "alemtuzumab.v2.toml").write_text(newer, encoding="utf-8")
    return folder


async def clean(desk: Desk, screen: str) -> None:
    """Hold a screen to every rule of axe, to its sizes, and to having nothing beside it."""
    page = desk.page
    assert not await page.evaluate(SMALL, [TOUCHED, LEAST_PX]), screen
    assert not await page.evaluate(TINY_TEXT), screen
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), screen
    found = (await Axe().run(page)).response["violations"]
    assert not [
        (screen, each["id"], each["nodes"][0]["html"][:200], each["nodes"][0]["failureSummary"]) for each in found
    ]


async def go(desk: Desk, *place: str) -> Page:
    """Go to a screen by its address."""
    await desk.page.goto(f"{desk.page.url.partition('#')[0]}#/{'/'.join(place)}")
    return desk.page


async def looked_at(desk: Desk, name: str) -> None:
    """Hold a screen to what every screen is held to, and keep its picture."""
    await clean(desk, name)
    await desk.picture(f"ops_{name}")


async def comes_back_to(page: Page) -> None:
    """Have the page noticed again, as by who comes back to its tab: it looks at once."""
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def shown_once(page: Page) -> str:
    """Take a secret down, copy it as a person would, and let it go."""
    secret = await page.locator("#once").input_value()
    await page.locator(".once .copied button").first.click()
    assert await page.evaluate("navigator.clipboard.readText()") == secret
    return secret


AS_IT_KEEPS_UP = {
    "state": "active",
    "state_reason": "",
    "as_of": "2026-11-23T02:00:00.000Z",
    "dispatching": True,
    "lag_entries": 0,
    "parked": 0,
    "parked_deliveries": [],
    "blocked": 0,
    "blocked_deliveries": [],
    "circuit": "closed",
    "paused_until": None,
}
HELD_UP = {
    "n": 7,
    "type": "vitals.recorded",
    "next_attempt_at": "2026-11-23T02:04:00.000Z",
    "last_attempt": {"at": "2026-11-23T01:59:00.000Z", "ms": 2, "reason": "retry", "fault": "timeout"},
}
SENTENCES: tuple[tuple[dict[str, object], str, str], ...] = (
    ({}, "fine", "Everything has been taken."),
    ({"lag_entries": 3}, "behind", "3 events on the way."),
    ({"state": "pending"}, "pending", "Nothing is sent: somebody other than who made or re-pointed it must enable it."),
    (
        {"state": "disabled", "state_reason": "gone", "lag_entries": 1},
        "disabled",
        "It was disabled: the engine answered 410, gone. 1 event waits meanwhile.",
    ),
    ({"dispatching": False}, "unusable", "Nothing is sent: its secrets or certificates cannot be opened."),
    (
        {"paused_until": "2026-11-23T02:10:00.000Z", "lag_entries": 2},
        "paused",
        "The engine asked to be left alone for another 10 min 00 s (Retry-After); 2 events wait.",
    ),
    (
        {"blocked": 1, "blocked_deliveries": [HELD_UP], "lag_entries": 4, "parked": 1},
        "blocked",
        (
            "1 day is held up, the first by message 7 (vitals.recorded): timeout: no answer in time. "
            "Tried again in 4 min 00 s; other days go on. 1 message is parked and waits for a person."
        ),
    ),
)
"""What a status adds to that of an endpoint that keeps up, and what is said of it."""
