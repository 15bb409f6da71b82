"""The scanner first: what it types goes where it belongs, wherever the cursor is, and says whose band it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.conftest import GROUP_SEPARATOR, Tablet, Tablets
from tests.e2e.ward import PIN, ServedWard, band_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "codes.json").read_text(encoding="utf-8"))
abelin, brandt, castel, dorval = range(4)

READ = """async ([scan, year]) => (await import('/static/codes.js')).readCode(scan, year)"""
RECORD_TONES = """(() => {
    globalThis.tones = [];
    globalThis.AudioContext = class {
        state = 'running';
        currentTime = 0;
        destination = {};
        async resume() {}
        createOscillator() {
            const tone = { frequency: { value: 0 }, connect() {}, stop() {},
                start(at) { tones.push([tone.frequency.value, Math.round(at * 100) / 100]); } };
            return tone;
        }
    };
})()"""
"""Notes what the page asks the browser to sound, instead of sounding."""
RIGHT, WRONG = [1175, 1568], [330, 220]


def band(family: str) -> str:
    """Return what a scanner types for a patient's band."""
    return f"]d28018{band_of(family)}"


async def heard(page: Page) -> list[int]:
    """Return the tones since the last time somebody asked."""
    tones: list[list[int]] = await page.evaluate("tones.splice(0)")
    return [hertz for hertz, _at in tones]


async def test_every_code_is_read_as_the_vectors_say(tablet: Tablet) -> None:
    for vector in VECTORS["codes"]:
        read = await tablet.page.evaluate(READ, [vector["scan"], VECTORS["this_year"]])
        assert read == vector["is"], vector["why"]


async def test_a_badge_signs_in_and_takes_over_with_its_pin_and_what_is_half_typed_stays(tablet: Tablet) -> None:
    page = tablet.page
    await tablet.open_day(tablet.ward.days[dorval])
    await tablet.scan("BADGE-nurse")
    await expect(page.locator("#badge")).to_have_value("BADGE-nurse")
    await expect(page.locator("#pin")).to_be_focused()
    await page.keyboard.type(PIN)
    await page.keyboard.press("Enter")
    await expect(page.locator("#signed-in-as")).to_contain_text("nurse")

    await tablet.tap("#open-vitals")
    await tablet.key("17")
    await tablet.scan("BADGE-colleague")
    await expect(page.locator("#switch-title")).to_have_text("Take over this tablet")
    await tablet.picture("switch_user")
    await page.keyboard.type(PIN)
    await page.keyboard.press("Enter")
    await expect(page.locator("#signed-in-as")).to_contain_text("colleague")
    await expect(page.locator("#switch-title")).to_have_count(0)
    await tablet.tap("#save-vitals")
    await expect(page.locator("#said")).to_contain_text("On the record")
    signs = [
        entry for entry in await tablet.ward.entries(tablet.ward.days[dorval]) if entry["type"] == "vitals.recorded"
    ]
    assert signs[-1]["actor"]["id"] == "colleague"
    assert signs[-1]["data"]["respiratory_rate_per_min"] == 17


async def test_a_band_opens_its_day_and_says_aloud_whether_the_open_one_is_right(
    served: ServedWard, tablets: Tablets
) -> None:
    tablet = await tablets.open(served, script=RECORD_TONES)
    page = tablet.page
    said = page.locator(".scan")
    await tablet.tap("#open-sign-in")
    await tablet.tap("#test-sound")
    await tablet.tap("#open-sign-in")
    await tablet.scan(band("Castel"))
    await expect(said).to_contain_text("Sign in and scan again")
    await tablet.sign_in("nurse")
    await heard(page)

    await tablet.scan(band("Castel"))
    await expect(page.locator("#patient")).to_have_text("CASTEL, Elsa")
    await expect(said).to_contain_text("Band of CASTEL, Elsa")
    assert await heard(page) == RIGHT
    await tablet.tap('.step [data-type="note.added"]')
    await page.locator("#field-text").fill("sleeps")
    await tablet.scan(band("Castel"), enter=False)
    await expect(said).to_contain_text("Right patient: CASTEL, Elsa")
    assert await heard(page) == RIGHT
    await expect(page.locator("#field-text")).to_have_value("sleeps")

    await tablet.scan(band("Brandt"))
    await expect(said).to_contain_text("WRONG PATIENT. Scanned: BRANDT, Jonas, Chair 2. Open is: CASTEL, Elsa, Chair 3")
    assert await said.evaluate("(band) => band.getBoundingClientRect().width === document.documentElement.clientWidth")
    assert await heard(page) == WRONG
    await tablet.picture("wrong_band")
    await expect(page.locator("#field-text")).to_have_value("sleeps")
    await expect(page.locator("#stop")).to_be_in_viewport()
    await tablet.scan(band("Nobody"))
    await expect(said).to_contain_text("of nobody on this board")
    await tablet.scan("]E04012345678901")
    await expect(said).to_contain_text("the code of a product (4012345678901)")
    await tablet.scan("]d2801840123")
    await expect(said).to_contain_text("damaged or misread")


async def test_fingers_are_no_scanner_and_a_badge_of_the_house_is_read_where_one_is_wanted(tablet: Tablet) -> None:
    page = tablet.page
    await tablet.scan("00012345")
    await expect(page.locator(".scan")).to_contain_text("Scanned: 00012345. This is no badge")
    await tablet.tap("#open-sign-in")
    await tablet.scan("00012345")
    await expect(page.locator("#badge")).to_have_value("00012345")
    await tablet.tap("#open-sign-in")
    await tablet.tap("#scan-close")
    await tablet.sign_in("nurse")
    await tablet.open_day(tablet.ward.days[dorval])
    await tablet.tap('.step [data-type="note.added"]')
    await page.locator("#field-text").focus()
    await tablet.scan("asleep", gap_ms=60, enter=False)
    await expect(page.locator("#field-text")).to_have_value("asleep")
    await tablet.scan(" at 01", gap_ms=10, enter=False)
    await expect(page.locator("#field-text")).to_have_value("asleep at 01")
    await tablet.scan("01.30 and 02.15", gap_ms=60, enter=False)
    await tablet.scan("0130", gap_ms=10, enter=False)
    await expect(page.locator("#field-text")).to_have_value("asleep at 0101.30 and 02.150130")
    await expect(page.locator(".scan")).to_have_count(0)


async def test_a_tablet_is_enrolled_by_scanning_its_code(served: ServedWard, browser: Browser) -> None:
    context = await browser.new_context(service_workers="block", has_touch=True)
    tablet = Tablet(await context.new_page(), served, name="tablet-by-scan")
    await tablet.page.goto(served.url)
    await expect(tablet.page.locator("#device-token")).to_be_visible()
    await tablet.scan(f"{served.url}/#device={await served.device(tablet.name)}")
    await expect(tablet.page.locator(".tile")).to_have_count(len(served.days))
    await tablet.scan(f"infd_{'x' * 43}")
    await expect(tablet.page.locator(".scan")).to_contain_text("This one is enrolled already")
    await context.close()


async def test_a_bag_label_is_held_against_the_bag_of_the_day(tablet: Tablet) -> None:
    page = tablet.page
    said = page.locator(".scan")
    await tablet.sign_in("nurse")
    await tablet.scan(f"]d210A1234{GROUP_SEPARATOR}17271100")
    await expect(said).to_contain_text("a bag label (batch A1234, use by 2027-11-30). Open the patient's day first")
    await tablet.open_day(tablet.ward.days[castel])
    await tablet.scan(f"]d210A1234{GROUP_SEPARATOR}17271100")
    await expect(said).to_contain_text("This is the bag of this day: batch A1234")
    await tablet.scan("]d21727113010OTHER")
    await expect(said).to_contain_text("ANOTHER BAG. Scanned: batch OTHER. This day has: batch A1234")
    await tablet.scan(f"]d28018{band_of('Brandt')}{GROUP_SEPARATOR}10A1234")
    await expect(said).to_contain_text("WRONG PATIENT")
