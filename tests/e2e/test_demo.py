"""The demonstration opens on the ward: six beds, a bar that says simulation, and people who can sign in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.conftest import LYING, keep_picture
from tests.e2e.demonstrating import demonstrating
from tests.e2e.desk import Desk, Desks

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
    operations: str
    audit: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printed]:
    """The demonstration in a process of its own."""
    where = tmp_path_factory.mktemp("demo")
    with demonstrating(where, speed=SPEED, until=lambda line: "second check" in line) as said:
        link = re.search(r"ward page +(\S+)", said)
        nurse = re.search(r"(NURSE-1) +(\d+)", said)
        desks = {page: re.search(rf"{page} +(\S+)", said) for page in ("operations", "auditor's page")}
        assert link is not None, said
        assert nurse is not None, said
        assert None not in desks.values(), said
        operations, audit = (found[1] for found in desks.values() if found is not None)
        yield Printed(link[1], nurse[1], nurse[2], operations, audit)


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
    await expect(page.locator(".tile strong").first).to_contain_text(",")
    await keep_picture(page, "demo_board")
    await context.close()


async def open_link(desks: Desks, link: str) -> Desk:
    """Open a desk by the link that is printed for it."""
    url, _, token = link.partition("#token=")
    base, _, page = url.rpartition("/")
    return await desks.open(base, f"/{page}", token)


async def test_the_printed_operations_link_finds_the_parked_message_and_sends_it(
    demo: Printed, browser: Browser
) -> None:
    desks = Desks(browser)
    page = (await open_link(desks, demo.operations)).page
    await page.goto(f"{page.url.partition('#')[0]}#/endpoints")
    await page.get_by_role("link", name="sample receiver").click()
    await page.get_by_role("link", name="Look at 1 parked message").click(timeout=UNDER_WAY_MS)
    await page.locator("#deliveries tbody a").click()
    await expect(page.locator("#attempts tbody tr").last).to_contain_text("This batch is not in our stock list")
    await page.locator("#field-reason").fill("it is in the list now")
    await page.locator("#retry").click()
    await expect(page.locator("#delivery-state")).to_have_attribute("data-state", "done", timeout=UNDER_WAY_MS)
    await desks.close()


async def test_the_printed_auditors_link_opens_the_days_and_the_record_of_one(demo: Printed, browser: Browser) -> None:
    desks = Desks(browser)
    page = (await open_link(desks, demo.audit)).page
    answer = await page.request.get(f"{page.url.partition('/audit')[0]}/v1/days?limit=10")
    day = (await answer.json())["days"][0]["day_id"]
    await page.goto(f"{page.url.partition('/audit')[0]}/v1/days/{day}/report")
    await expect(page.locator("h1")).to_contain_text("Infusion day 2026-11-23")
    await expect(page.locator("dl")).to_contain_text("(auditor)")
    await desks.close()
