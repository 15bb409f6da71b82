"""What a person does with facts that lie on a tablet: add late, correct, replace; and what the tablet does alone."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Route, expect

from tests.cli.running import Site
from tests.e2e.conftest import Tablet, Tablets
from tests.e2e.mortal import MortalService
from tests.e2e.ward import DATE, PATIENTS, ServedWard

pytestmark = pytest.mark.asyncio(loop_scope="session")

settled, replaced, shared, updated = range(4)
"""Whose day a test writes on."""

REPOSITORY = Path(__file__).parents[2]
BACK_MS = 20_000
"""Within this a tablet notices by itself that the service is back."""
SLEPT_S = 3 * 3600


@pytest.fixture(scope="module")
def tray_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site of its own, before there is any event loop."""
    site = Site(tmp_path_factory.mktemp("tray"))
    made = site.run("init")
    assert made.code == 0, made.err
    return site


@pytest.fixture(scope="module")
def earlier_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program as it was before somebody changed a word of its page."""
    folder = tmp_path_factory.mktemp("earlier")
    for name in ("infusion_service", "workflows", "config"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    page = folder / "infusion_service" / "web" / "static" / "index.html"
    page.write_text(page.read_text(encoding="utf-8").replace("Infusion ward", "Infusions"), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def service(tray_site: Site, earlier_program: Path) -> Iterator[MortalService]:
    """A service of an earlier version, which will be replaced."""
    mortal = MortalService(tray_site, program_in=earlier_program)
    yield mortal
    mortal.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ward(tray_site: Site, service: MortalService) -> AsyncIterator[ServedWard]:
    """A ward with four running infusions."""
    url = service.start()
    async with aiohttp.ClientSession() as client:
        admin = tray_site.token_file.read_text(encoding="utf-8").strip()
        ward = ServedWard(url=url, admin=admin, client=client, patients=PATIENTS)
        await ward.staff()
        await ward.everybody_infusing()
        yield ward


async def chart_symptom(tablet: Tablet, code: str) -> None:
    """Chart a symptom by its form."""
    await tablet.tap('.step [data-type="symptom.reported"]')
    await tablet.page.locator("#field-code").select_option(code)
    await tablet.tap("#save")
    await expect(tablet.page.locator(".fact-form")).to_have_count(0)


async def at_the_bed(
    tablets: Tablets, ward: ServedWard, day: str, who: str, *, kept: bool = False
) -> tuple[Tablet, int]:
    """Return a tablet that shows a day to somebody, and how many entries the day has."""
    tablet = await tablets.open(ward, kept=kept)
    await tablet.sign_in(who)
    await tablet.open_day(day)
    return tablet, len(await ward.entries(day))


async def back_with_a_refusal(tablet: Tablet) -> None:
    """Bring the network back, and open the tray with what was refused."""
    await tablet.page.context.set_offline(False)
    await expect(tablet.page.locator("#open-tray")).to_contain_text("1 needs you", timeout=BACK_MS)
    await tablet.tap("#open-tray")
    tablet.expect_silence()


async def test_what_came_without_a_reason_is_added_as_late_entry_with_one(ward: ServedWard, tablets: Tablets) -> None:
    day = ward.days[settled]
    tablet, before = await at_the_bed(tablets, ward, day, "nurse")
    page = tablet.page
    await page.context.set_offline(True)
    await tablet.tap('.step [data-type="symptom.reported"]')
    await page.locator("#field-code").select_option("nausea")
    await page.get_by_role("button", name="30 min ago", exact=True).tap()
    await tablet.tap("#save")
    await expect(page.locator("#open-tray")).to_contain_text("1 on this tablet")

    await back_with_a_refusal(tablet)
    await page.locator(".decisions input").fill("was with the neighbour")
    await tablet.tap('[data-do="late"]')
    await expect(page.locator(".tray-row")).to_have_count(0)

    refused, late = (await ward.entries(day))[before:]
    assert (refused["kind"], refused["data"]["code"]) == ("refused", "late_reason_required")
    assert (late["type"], late["late_reason"]) == ("symptom.reported", "was with the neighbour")
    assert late["occurred_at"] == f"{DATE}T08:42:00.000Z"


async def test_what_was_entered_wrongly_is_corrected_and_sent_with_its_own_time(
    ward: ServedWard, tablets: Tablets
) -> None:
    day = ward.days[settled]
    tablet, before = await at_the_bed(tablets, ward, day, "nurse")
    page = tablet.page
    await page.context.set_offline(True)
    await tablet.tap("#open-vitals")
    await tablet.tap('[data-sign="systolic_mmhg"]')
    await tablet.key("90" + "88")
    await tablet.tap("#save-vitals")
    await expect(page.locator("#open-tray")).to_contain_text("1 on this tablet")

    await back_with_a_refusal(tablet)
    await tablet.tap('[data-do="correct"]')
    await page.locator("#field-diastolic_mmhg").fill("58")
    await tablet.tap("#save")
    await expect(page.locator("#open-tray")).to_have_count(0)

    refused, right = (await ward.entries(day))[before:]
    assert refused["data"]["type"] == right["type"] == "vitals.recorded"
    assert (right["data"]["systolic_mmhg"], right["data"]["diastolic_mmhg"]) == (90, 58)
    assert right["occurred_at"] == f"{DATE}T{ward.now}:00.000Z"


async def test_a_fact_that_another_stands_in_the_way_of_replaces_it(ward: ServedWard, tablets: Tablets) -> None:
    day = ward.days[replaced]
    tablet, before = await at_the_bed(tablets, ward, day, "charge")
    await tablet.page.context.set_offline(True)
    await tablet.tap('.step [data-type="infusion.paused"]')
    await tablet.tap('[data-value="technical"]')
    await tablet.tap("#save")
    await expect(tablet.page.locator("#open-tray")).to_contain_text("1 on this tablet")
    charted_at = ward.now
    await ward.clock("09:14")
    await ward.fact(day, "infusion.paused", {"reason": "patient"}, by="colleague")

    await back_with_a_refusal(tablet)
    await tablet.tap('[data-do="replace"]')
    await expect(tablet.page.locator(".tray-row")).to_have_count(0)

    in_the_way, _refused, mine = (await ward.entries(day))[before:]
    assert mine["corrects"] == in_the_way["entry_id"]
    assert (mine["data"]["reason"], mine["occurred_at"]) == ("technical", f"{DATE}T{charted_at}:00.000Z")


async def test_two_pages_of_one_tablet_share_its_queue(ward: ServedWard, tablets: Tablets) -> None:
    day = ward.days[shared]
    one, before = await at_the_bed(tablets, ward, day, "nurse")
    other = await one.second_page()
    await other.open_day(day)
    await one.page.context.set_offline(True)
    wanted = ["itch", "rash", "flushing", "chills"]
    for place, code in enumerate(wanted):
        writer = (one, other)[place % 2]
        await writer.page.bring_to_front()
        await chart_symptom(writer, code)
    for tablet in (one, other):
        await expect(tablet.page.locator("#open-tray")).to_contain_text("4 on this tablet")

    await one.page.context.set_offline(False)
    for tablet in (one, other):
        await expect(tablet.page.locator("#open-tray")).to_have_count(0, timeout=BACK_MS)
        tablet.expect_silence()
    arrived = (await ward.entries(day))[before:]
    assert [each["data"]["code"] for each in arrived] == wanted
    numbers = [each["device"]["seq"] for each in arrived]
    assert numbers == sorted(set(numbers))


async def test_a_new_version_of_the_page_takes_over_what_waits_on_the_tablet(
    ward: ServedWard, service: MortalService, tablets: Tablets
) -> None:
    day = ward.days[updated]
    tablet, before = await at_the_bed(tablets, ward, day, "nurse", kept=True)
    page = tablet.page

    async def not_yet(route: Route) -> None:
        await route.abort()

    await expect(page).to_have_title("Infusions")
    await page.context.route("**/v1/batches", not_yet)
    await chart_symptom(tablet, "itch")
    await expect(page.locator("#open-tray")).to_contain_text("1 on this tablet")
    service.kill()
    service.program_in = None
    ward.now = "09:16"
    service.start(ward.now)
    await expect(page.locator("#new-version")).to_be_visible(timeout=BACK_MS)
    async with page.expect_event("load"):
        await tablet.tap("#new-version")
    await expect(page).to_have_title("Infusion ward")
    await expect(page.locator("#open-tray")).to_contain_text("1 on this tablet")
    assert len(await page.evaluate("() => caches.keys()")) == 1

    await page.context.unroute("**/v1/batches")
    await page.evaluate("() => { dispatchEvent(new Event('online')) }")
    await expect(page.locator("#open-tray")).to_have_count(0, timeout=BACK_MS)
    tablet.expect_silence()
    assert [each["data"].get("code") for each in (await ward.entries(day))[before:]] == ["itch"]


@pytest.mark.parametrize("stands_still", [False, True], ids=["every clock went on", "one clock stood still"])
async def test_a_tablet_that_wakes_up_is_locked_and_says_that_it_is_stale(
    ward: ServedWard, tablets: Tablets, *, stands_still: bool
) -> None:
    tablet = await tablets.open(ward, own_clock=True)
    page = tablet.page
    await tablet.sign_in("nurse")
    await tablet.open_day(ward.days[settled])
    await expect(page.locator("#patient")).to_have_text("ABELIN, Clara")
    await page.context.set_offline(True)
    if stands_still:
        began_s = await page.evaluate("Date.now() / 1000")
        await page.clock.set_system_time(began_s + SLEPT_S)
    else:
        await page.clock.fast_forward(SLEPT_S * 1000)
        assert "NOT LIVE" in await page.locator(".link").inner_text()

    await tablet.tap("#to-ward")
    assert await page.locator("#signed-in-as").inner_text() == "Nobody signed in"
    await page.clock.run_for(1000)
    await expect(page.locator(".link")).to_contain_text("NOT LIVE: last heard 3 h")
    assert "ABELIN" not in await page.locator("body").inner_text()
    tablet.expect_silence()
