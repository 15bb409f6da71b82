"""The page charts a product whose facts, states and signs it has never heard of."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import expect

from infusion_service.packaged import workflows_dir
from infusion_service.web.page import load_files
from tests.cli.running import Site
from tests.e2e.conftest import Tablets
from tests.e2e.mortal import MortalService
from tests.e2e.ward import DATE, WARD, ServedWard

pytestmark = pytest.mark.asyncio(loop_scope="session")

PRODUCT = Path(__file__).parents[1] / "clinical" / "workflows" / "velorimab.v1.toml"
QUESTIONS = ("infection", "hepatitis_b", "immunosuppressed", "hypersensitivity", "pregnancy_excluded")
SET = {"pulse_per_min": 70, "bp_sys_mmhg": 120, "bp_dia_mmhg": 80, "temp_celsius": 36.7}
BAG = {
    "product": "Velorimab",
    "batch": "V1",
    "vial_expires_on": "2027-11-30",
    "prepared_at": f"{DATE}T07:30:00Z",
    "volume_ml": 250,
    "dose_mg": 300,
}


@pytest.fixture(scope="module")
def other_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with a second workflow file, before there is any event loop."""
    folder = tmp_path_factory.mktemp("another-product")
    files = Path(shutil.copytree(workflows_dir(), folder / "workflows"))
    shutil.copy(PRODUCT, files)
    site = Site(folder, more={"INFUSION_WORKFLOWS_DIRECTORY": str(files)})
    made = site.run("init")
    assert made.code == 0, made.err
    return site


async def start_the_drip(ward: ServedWard) -> None:
    """Bring the one patient from the booking to the running infusion."""
    patient = {"id": "P-1", "family": "Abelin", "given": "Clara", "born": "1989-03-04"}
    day = {"ward": WARD, "chair": "1", "patient": patient, "workflow": "velorimab", "course": 1, "day": 1}
    booked = await ward.call(await ward.token("nurse"), "POST", "/v1/days", {**day, "date": DATE})
    ward.days.append(str(booked["day_id"]))
    answers = [{"item": item, "result": "clear"} for item in QUESTIONS]
    before: list[tuple[str, Mapping[str, Any]]] = [
        ("visit.arrived", {}),
        ("questions.asked", {"items": answers}),
        ("obs.taken", SET),
        ("visit.cleared", {}),
    ]
    await ward.facts(before)
    steroid = {"class": "steroid", "drug": "prednisolone", "ended_at": f"{DATE}T07:00:00Z"}
    await ward.facts([("drug.given", {"class": "antihistamine", "drug": "cetirizine"}), ("drug.given", steroid)])
    await ward.clock("07:40")
    await ward.by_two("bag.made", BAG)
    await ward.facts([("obs.taken", SET)])
    await ward.by_two("drip.on", {"rate_ml_per_h": 30})
    await ward.clock("08:10")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ward(other_site: Site) -> AsyncIterator[ServedWard]:
    """A ward where the other product runs."""
    service = MortalService(other_site)
    url = service.start()
    try:
        async with aiohttp.ClientSession() as client:
            admin = other_site.token_file.read_text(encoding="utf-8").strip()
            ward = ServedWard(url=url, admin=admin, client=client)
            await ward.staff()
            await ward.clock("07:00")
            await start_the_drip(ward)
            yield ward
    finally:
        service.kill()


async def test_a_day_of_another_product_is_read_checked_and_stopped_on_the_page(
    ward: ServedWard, tablets: Tablets
) -> None:
    day = ward.days[0]
    tablet = await tablets.open(ward)
    page = tablet.page
    await tablet.sign_in("nurse")
    await expect(page.locator(".tile .phase")).to_contain_text("Dripping, course 1, day 1")
    await tablet.open_day(day)
    await expect(page.locator("#phase")).to_contain_text("Dripping")
    await expect(page.locator('.step [data-type="drip.hold"]')).to_have_text("Hold")
    await tablet.picture("another_product_day")

    await page.locator('[data-check="obs"] button').tap()
    await tablet.key("81" + "124" + "78" + "369")
    await tablet.picture("another_product_signs")
    await tablet.tap("#save-vitals")
    await expect(page.locator("#said")).to_contain_text("On the record")
    await tablet.tap("#vitals-back")
    await expect(page.locator("#timeline li").first).to_contain_text("Take observations")

    await tablet.tap("#stop")
    await expect(page.locator("#stop-said")).to_contain_text("Stop recorded")
    await tablet.tap('[data-reason="technical"]')
    await expect(page.locator("h2")).to_contain_text("Technical")
    await tablet.tap("#stop-close")
    await expect(page.locator("#phase")).to_contain_text("Watching")

    charted = [(each["type"], each["data"]) for each in (await ward.entries(day))[-3:]]
    signs = {"pulse_per_min": 81, "bp_sys_mmhg": 124, "bp_dia_mmhg": 78, "temp_celsius": "36.9"}
    assert charted == [
        ("obs.taken", signs),
        ("drip.off", {"reason": "hypersensitivity"}),
        ("drip.off", {"reason": "technical"}),
    ]


async def test_a_handover_of_another_product_reads_its_file_and_offers_no_note_where_there_is_none(
    ward: ServedWard, tablets: Tablets
) -> None:
    tablet = await tablets.open(ward)
    await tablet.sign_in("colleague")
    await tablet.tap("#open-handover")
    bed = tablet.page.locator(".bed")
    await expect(bed).to_contain_text("Bag made")
    await expect(bed.locator("button.read-back")).to_have_count(0)


async def test_no_script_of_the_page_names_a_fact_of_the_shipped_product(ward: ServedWard) -> None:
    shipped = await ward.call(ward.tablet, "GET", "/v1/workflows/alemtuzumab/1")
    ours = {name: file.content.decode() for name, file in load_files().items() if name.endswith(".js")}
    named = {
        (name, word)
        for name, text in ours.items()
        for word in re.findall(r'"([a-z_]+\.[a-z_]+)"', text)
        if word in shipped["facts"]
    }

    assert not named
