"""A tablet without network goes on charting: nothing is lost or comes twice, nothing is called saved that is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.cli.running import Site
from tests.e2e.conftest import Tablet, Tablets
from tests.e2e.mortal import MortalService
from tests.e2e.ward import DATE, PATIENTS, ServedWard

pytestmark = pytest.mark.asyncio(loop_scope="session")

killed, conflicting, stopped, resumed = range(4)
"""Whose day a test writes on."""

BACK_MS = 20_000
"""Within this a tablet notices by itself that the service is back."""


@dataclass
class Outage:
    """A ward whose service can be killed."""

    ward: ServedWard
    service: MortalService

    async def return_at(self, time: str) -> None:
        """Start the service again, at a later time of the day."""
        self.service.start(time)
        self.ward.now = time


@pytest.fixture(scope="module")
def mortal_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site of its own, before there is any event loop."""
    site = Site(tmp_path_factory.mktemp("outage"))
    made = site.run("init")
    assert made.code == 0, made.err
    return site


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def outage(mortal_site: Site) -> AsyncIterator[Outage]:
    """A ward with three running infusions and a service that will be killed."""
    service = MortalService(mortal_site)
    url = service.start()
    try:
        async with aiohttp.ClientSession() as client:
            admin = mortal_site.token_file.read_text(encoding="utf-8").strip()
            ward = ServedWard(url=url, admin=admin, client=client, patients=PATIENTS)
            await ward.staff()
            await ward.everybody_infusing()
            yield Outage(ward, service)
    finally:
        service.kill()


async def chart_signs(tablet: Tablet, breathing: str) -> None:
    """Chart a complete set from the day's screen."""
    await tablet.tap("#open-vitals")
    await tablet.key(breathing + "97")
    await tablet.tap('[data-choice="on_oxygen:false"]')
    await tablet.key("124" + "78" + "74" + "369")
    await tablet.tap('[data-choice="consciousness:A"]')
    await tablet.tap("#save-vitals")


async def pause_and_resume(tablet: Tablet) -> None:
    """Chart that the infusion was paused five minutes ago and goes on now."""
    await tablet.tap('.step [data-type="infusion.paused"]')
    await tablet.tap('[data-value="technical"]')
    await tablet.page.get_by_role("button", name="5 min ago", exact=True).tap()
    await tablet.tap("#save")
    await expect(tablet.page.locator("#said")).to_contain_text("NOT yet on the record: Pause")
    await tablet.tap('.step [data-type="infusion.resumed"]')
    await tablet.page.locator("#field-rate_ml_per_h").fill("25.3")
    await tablet.tap("#save")
    await expect(tablet.page.locator('.waiting-facts [data-type="infusion.resumed"]')).to_be_visible()


async def charted(ward: ServedWard, day: str, after: int) -> list[dict[str, Any]]:
    """Return the entries of a day after the first ones."""
    return (await ward.entries(day))[after:]


# Long because it is one outage, from the last word to the first.
async def test_what_is_charted_while_the_service_is_dead_arrives_once_in_order_under_who_entered_it(
    outage: Outage, tablets: Tablets
) -> None:
    ward = outage.ward
    day = ward.days[killed]
    tablet = await tablets.open(ward, kept=True)
    page = tablet.page
    await tablet.sign_in("colleague")
    await tablet.sign_out()
    await tablet.sign_in("nurse")
    await tablet.open_day(day)
    before = len(await ward.entries(day))

    outage.service.kill()
    await chart_signs(tablet, "17")
    await expect(page.locator("#said")).to_contain_text("NOT yet on the record")
    await page.reload()
    await expect(page.locator("#signed-in-as")).to_contain_text("nurse")
    await expect(page.locator("#open-tray")).to_contain_text("1 on this tablet")
    await tablet.tap("#vitals-back")
    await expect(page.locator('.waiting-facts li[data-type="vitals.recorded"]')).to_contain_text("on this tablet")

    await expect(page.locator('.step [data-type="bag.prepared"]')).to_be_disabled()
    await expect(page.locator("#why-bag-prepared")).to_contain_text("not without the service")
    await expect(page.locator('.step [data-type="infusion.resumed"]')).to_have_count(0)
    await pause_and_resume(tablet)
    await expect(page.locator("#open-tray")).to_contain_text("3 on this tablet")
    await page.evaluate("scrollTo(0, 0)")
    await tablet.picture("offline_day")

    await tablet.sign_out()
    await tablet.tap("#open-sign-in")
    await page.locator("#badge").fill("BADGE-colleague")
    await page.locator("#pin").fill("000000")
    await tablet.tap("#sign-in")
    await expect(page.locator("#signed-in-as")).to_contain_text("to be confirmed")
    await chart_signs(tablet, "19")
    await expect(page.locator("#open-tray")).to_contain_text("4 on this tablet")
    assert "On the record" not in (await page.locator("body").inner_text()).replace("NOT yet on the record", "")

    await outage.return_at("09:43")
    await expect(page.locator("#open-tray")).to_have_count(0, timeout=BACK_MS)
    tablet.expect_silence()
    arrived = await charted(ward, day, before)
    told = [(each["type"], each["occurred_at"], each["actor"]["id"], each["actor"]["how"]) for each in arrived]
    assert told == [
        ("vitals.recorded", f"{DATE}T09:12:00.000Z", "nurse", "session_expired"),
        ("infusion.paused", f"{DATE}T09:07:00.000Z", "nurse", "session_expired"),
        ("infusion.resumed", f"{DATE}T09:12:00.000Z", "nurse", "session_expired"),
        ("vitals.recorded", f"{DATE}T09:12:00.000Z", "colleague", "offline_badge"),
    ]
    assert [each["device"]["seq"] for each in arrived] == sorted(each["device"]["seq"] for each in arrived)
    assert [each["data"].get("respiratory_rate_per_min") for each in arrived] == [17, None, None, 19]
    assert all("without network" in each["late_reason"] for each in arrived)
    await expect(page.locator("#open-sign-in")).to_be_visible()


async def test_what_the_record_no_longer_takes_waits_for_a_person_and_other_screens_say_so(
    outage: Outage, tablets: Tablets
) -> None:
    ward = outage.ward
    day = ward.days[conflicting]
    tablet, other = await tablets.open(ward), await tablets.open(ward, "tablet-2")
    await tablet.sign_in("nurse")
    await tablet.open_day(day)
    await tablet.page.context.set_offline(True)
    await tablet.tap('.step [data-type="infusion.paused"]')
    await tablet.tap('[data-value="patient"]')
    await tablet.tap("#save")
    await expect(tablet.page.locator("#open-tray")).to_contain_text("1 on this tablet")
    await ward.fact(day, "infusion.stopped", {"reason": "line_lost"}, by="colleague")
    before = len(await ward.entries(day))

    await tablet.page.context.set_offline(False)
    await expect(tablet.page.locator("#open-tray")).to_contain_text("1 needs you", timeout=BACK_MS)
    await expect(other.page.locator(f'.tile[data-day="{day}"] .missing')).to_have_text("tablet-1: 1 fact not yet here")
    await other.picture("board_missing")
    await tablet.tap("#open-tray")
    row = tablet.page.locator(".tray-row")
    await expect(row).to_contain_text("Pause the infusion")
    await expect(row).to_contain_text("nurse")
    await tablet.picture("tray")
    await tablet.tap('[data-do="note"]')
    await expect(row).to_have_count(0)
    tablet.expect_silence()

    refused, note = (await ward.entries(day))[before:]
    assert (refused["kind"], refused["data"]["type"]) == ("refused", "infusion.paused")
    assert (note["type"], note["actor"]["id"]) == ("note.added", "nurse")
    assert "Pause the infusion" in note["data"]["text"]
    await expect(other.page.locator(f'.tile[data-day="{day}"] .missing')).to_have_count(0)


async def test_a_pause_that_happened_stands_also_where_its_resume_does_not(outage: Outage, tablets: Tablets) -> None:
    ward = outage.ward
    day = ward.days[resumed]
    tablet = await tablets.open(ward)
    await tablet.sign_in("nurse")
    await tablet.open_day(day)
    before = len(await ward.entries(day))
    await tablet.page.context.set_offline(True)
    await pause_and_resume(tablet)

    await tablet.page.context.set_offline(False)
    await expect(tablet.page.locator("#open-tray")).to_contain_text("1 needs you", timeout=BACK_MS)
    await tablet.tap("#open-tray")
    await expect(tablet.page.locator(".tray-row")).to_contain_text("last complete set")
    await tablet.tap('[data-do="withdraw"]')
    await expect(tablet.page.locator("#open-tray")).to_have_count(0)
    tablet.expect_silence()
    kept = [each["type"] for each in await charted(ward, day, before) if each["kind"] == "fact"]
    assert kept == ["infusion.paused"]


async def test_stop_without_network_is_kept_and_arrives_with_its_own_time(outage: Outage, tablets: Tablets) -> None:
    ward = outage.ward
    day = ward.days[stopped]
    tablet = await tablets.open(ward, kept=True)
    await tablet.open_day(day)
    before = len(await ward.entries(day))
    time = ward.now

    outage.service.kill()
    await tablet.tap("#stop")
    await expect(tablet.page.locator("#stop-said")).to_contain_text("NOT YET ON THE RECORD")
    await tablet.tap('[data-reason="anaphylaxis"]')
    await expect(tablet.page.locator("h2")).to_contain_text("Anaphylaxis")
    await tablet.page.reload()
    await expect(tablet.page.locator("#stop-said")).to_contain_text("NOT YET ON THE RECORD")
    await tablet.picture("stop_offline")

    await outage.return_at("09:50")
    await expect(tablet.page.locator("#stop-said")).to_contain_text("Stop recorded", timeout=BACK_MS)
    await expect(tablet.page.locator("#open-tray")).to_have_count(0)
    tablet.expect_silence()
    first, second = [each for each in await charted(ward, day, before) if each["kind"] == "fact"]
    assert [each["data"]["reason"] for each in (first, second)] == ["other_clinical", "anaphylaxis"]
    assert {each["occurred_at"] for each in (first, second)} == {f"{DATE}T{time}:00.000Z"}
    assert first["actor"] == {"how": "device", "id": "tablet-1", "role": "device"}
    assert second["corrects"] == first["entry_id"]
