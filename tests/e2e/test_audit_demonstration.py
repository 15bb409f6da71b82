"""An auditor at the demonstration: finds a day across days, sees what the ward saw, verifies it, carries it away."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.cli.running import infusion
from tests.e2e.audit_page import columns, go_to, stand
from tests.e2e.demonstrating import demonstrating
from tests.e2e.desk import Desk, Desks

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(90)]

SPEED = 7200
OFFLINE_SCRIPT = "tablet offline, then late entries"


@pytest_asyncio.fixture(loop_scope="session")
async def desks(browser: Browser) -> AsyncIterator[Desks]:
    """As many desks as a test asks for."""
    opened = Desks(browser)
    yield opened
    await opened.close()


@dataclass
class Demonstration:
    """The demonstration, and what it printed."""

    link: str
    url: str
    token: str


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    """The demonstration in a process of its own, once the script of the offline tablet has ended."""
    where = tmp_path_factory.mktemp("demonstration")
    ended = f"{OFFLINE_SCRIPT}: over"
    with demonstrating(where, speed=SPEED, until=lambda line: line.startswith(ended)) as said:
        found = re.search(r"auditor's page +((http://[^/]+)/audit#token=(\S+))", said)
        assert found is not None, said
        yield Demonstration(*found.groups())


async def test_an_auditor_finds_the_day_of_the_offline_tablet_and_carries_it_away_as_evidence(
    demonstration: Demonstration, desks: Desks, tmp_path: Path
) -> None:
    desk = await desks.open(demonstration.url, "/audit", demonstration.token, timezone="Europe/Paris")
    page = desk.page
    await desk.picture("audit_days")
    await late_question(desk)
    await expect(page.locator("#compare table")).to_be_visible()
    await expect(page.locator("#entry-detail")).to_be_visible()

    await go_to(page, "12:07")
    saw, know = await columns(page, "sign-systolic_mmhg")
    assert know == "148 mmHg at 11:50"
    assert saw != know
    assert await page.locator('#day-chart [data-known="not-yet"]').count() >= 3
    await desk.picture("audit_before_it_came")
    await page.locator("#step-nextLate").click()
    await stand(page, await page.locator("#known-at-time").inner_text())
    assert await columns(page, "sign-systolic_mmhg") == ["148 mmHg at 11:50"] * 2
    await expect(page.locator("#arrived")).to_contain_text("Record vital signs")
    await desk.picture("audit_when_it_came")

    await page.locator("#arrived").get_by_role("button", name="Record vital signs").click()
    await expect(page.locator("#entry-detail")).to_contain_text("charted at 11:50 on a tablet without network")
    key = await key_of(demonstration)
    await page.locator("#key-line").fill(key)
    await page.locator("#pin-key").click()
    await page.locator("#verify-entry").click()
    await expect(page.locator('#verdict[data-verdict="good"]')).to_be_visible()
    await page.locator("#entry-detail").scroll_into_view_if_needed()
    await desk.picture("audit_verified")

    async with page.expect_download() as started:
        await page.locator("#export-day").click()
    bundle = tmp_path / "day.zip"
    await (await started.value).save_as(bundle)
    key_file = tmp_path / "key"
    key_file.write_text(key, encoding="utf-8")
    verified = infusion("verify", bundle, "--public-key", key_file, "--json")
    assert verified.code == 0, verified.out + verified.err


async def late_question(desk: Desk) -> None:
    """Ask for the late entries of all days, and open the day of the first vital signs that stood on a tablet."""
    page = desk.page
    await page.get_by_role("link", name="Questions").click()
    await page.locator("#question").select_option("late")
    await page.locator("#ask").click()
    await expect(page.locator("#looked")).to_have_attribute("data-running", "false")
    await desk.picture("audit_questions")
    row = page.locator("#rows tbody tr", has_text="on a tablet without network").first
    await row.locator("[data-day]").click()


async def key_of(demonstration: Demonstration) -> str:
    """The log's key line, as it is handed to an auditor."""
    headers = {"Authorization": f"Bearer {demonstration.token}"}
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"{demonstration.url}/v1/log/key", headers=headers) as found,
    ):
        keys: list[dict[str, Any]] = (await found.json())["keys"]
        return str(keys[0]["key"])
