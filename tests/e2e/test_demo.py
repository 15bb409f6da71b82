"""The demonstration opens on the ward: six beds, a bar that says simulation, and people who can sign in."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, expect

from tests.cli.running import PROGRAM, environment
from tests.e2e.conftest import LYING, keep_picture

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

SPEED = 900
"""Fast enough to have patients in every phase after seconds."""
UNDER_WAY_MS = 60_000


@dataclass
class Printed:
    """What a visitor reads on the terminal."""

    link: str
    badge: str
    pin: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printed]:
    """The demonstration in a process of its own."""
    where = str(tmp_path_factory.mktemp("demo"))
    process = subprocess.Popen(
        [*PROGRAM, "demo", "--port", "0", "--speed", str(SPEED)],
        env=environment({"TMPDIR": where}),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "second check" in line:
                break
        link = re.search(r"ward page +(\S+)", said)
        nurse = re.search(r"(NURSE-1) +(\d+)", said)
        assert link is not None, said
        assert nurse is not None, said
        yield Printed(link[1], nurse[1], nurse[2])
    finally:
        process.kill()
        process.communicate()


async def test_the_printed_link_opens_a_moving_ward_and_a_printed_badge_signs_in(
    demo: Printed, browser: Browser
) -> None:
    context = await browser.new_context(viewport=LYING, has_touch=True, locale="en-GB")
    page = await context.new_page()
    await page.goto(demo.link)
    await expect(page.locator(".tile")).to_have_count(6)
    await expect(page.locator(".simulation")).to_contain_text(re.compile(rf"SIMULATION .{SPEED}:"))
    striped = await page.locator(".simulation").evaluate("(bar) => getComputedStyle(bar).backgroundImage")
    assert "repeating-linear-gradient" in striped
    assert "device=" not in page.url

    await expect(page.locator('.tile[data-state="infusing"]').nth(2)).to_be_visible(timeout=UNDER_WAY_MS)
    await expect(page.locator(".tile .alert-line").first).to_be_visible(timeout=UNDER_WAY_MS)
    await page.locator("#open-sign-in").tap()
    await page.locator("#badge").fill(demo.badge)
    await page.locator("#pin").fill(demo.pin)
    await page.locator("#sign-in").tap()
    await expect(page.locator("#signed-in-as")).to_contain_text("nurse-1")
    await keep_picture(page, "demo_board")
    await context.close()
