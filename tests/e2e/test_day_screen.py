"""The ward tablet in a real browser, by touch: what is charted there stands in the log."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import LYING, STANDING, Tablet
from tests.e2e.ward import SIGNS

pytestmark = pytest.mark.asyncio(loop_scope="session")

TAPS_MAX = 20
TAPS_TO_GET_THERE = 2
"""The tile, and the vital signs."""
TAPS_FROM_BOARD_MAX = 22
KEY_PX_MIN = 104
TOUCH_PX_MIN = 56

charted, stopped, locked, refused = range(4)
"""Whose day a test writes on."""

FITS = (
    "() => document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth"
)
SMALLEST = """(all) => Math.min(
    ...all.map((each) => each.getBoundingClientRect()).map((box) => Math.min(box.width, box.height)))"""


async def newest(tablet: Tablet, day: str, kind: str) -> dict[str, Any]:
    """Return the newest entry of a type."""
    return [entry for entry in await tablet.ward.entries(day) if entry["type"] == kind][-1]


@pytest.mark.parametrize("tablet", [(LYING, "light"), (STANDING, "light")], indirect=True)
async def test_a_full_set_of_signs_takes_at_most_twenty_taps_on_a_screen_that_does_not_scroll(tablet: Tablet) -> None:
    day = tablet.ward.days[charted]
    await tablet.sign_in("nurse")
    await tablet.picture("board")
    await tablet.open_day(day)
    await tablet.picture("day")
    await tablet.tap("#open-vitals")
    await expect(tablet.page.locator("#save-vitals")).to_be_disabled()
    assert await tablet.page.evaluate(FITS)
    assert await tablet.page.locator(".keypad button").evaluate_all(SMALLEST) >= KEY_PX_MIN
    assert await tablet.page.locator("button:not(.keypad button)").evaluate_all(SMALLEST) >= TOUCH_PX_MIN

    tablet.taps = 0
    await tablet.key("17")
    await tablet.key("97")
    await tablet.tap('[data-choice="on_oxygen:false"]')
    await tablet.key("124")
    await tablet.key("78")
    await tablet.key("74")
    await tablet.key("369")
    await tablet.tap('[data-choice="consciousness:A"]')
    assert await tablet.page.evaluate(FITS)
    await tablet.picture("vitals")
    await tablet.tap("#save-vitals")
    await expect(tablet.page.locator(".score")).to_contain_text("NEWS2 0")
    await tablet.tap("#no-new-sign")
    await expect(tablet.page.locator("#said")).to_contain_text("On the record: No new sign")
    assert tablet.taps <= TAPS_MAX
    assert tablet.taps + TAPS_TO_GET_THERE <= TAPS_FROM_BOARD_MAX
    assert await tablet.page.evaluate(FITS)
    await tablet.picture("vitals_saved")

    signs = (await newest(tablet, day, "vitals.recorded"))["data"]
    wanted = {**SIGNS, "systolic_mmhg": 124, "diastolic_mmhg": 78, "heart_rate_per_min": 74, "spo2_percent": 97}
    assert signs == {**wanted, "respiratory_rate_per_min": 17, "temperature_celsius": "36.9", "source": "manual"}
    assert not any((await newest(tablet, day, "befast.checked"))["data"].values())


async def test_an_unusual_value_is_asked_about_where_it_stands(tablet: Tablet) -> None:
    day = tablet.ward.days[charted]
    await tablet.sign_in("nurse")
    await tablet.open_day(day)
    await tablet.tap("#open-vitals")
    await tablet.key("6")
    await tablet.tap('[data-key="next"]')
    await tablet.tap("#save-vitals")
    await expect(tablet.page.locator(".doubt")).to_contain_text("Breathing 6")
    await tablet.picture("vitals_unusual")
    await tablet.tap("#confirm")
    await expect(tablet.page.locator("#said")).to_contain_text("On the record")

    assert (await newest(tablet, day, "vitals.recorded"))["data"]["respiratory_rate_per_min"] == 6
    tablet.expect_refusal()


async def test_stop_takes_two_taps_and_the_first_is_on_the_record_already(tablet: Tablet) -> None:
    day = tablet.ward.days[stopped]
    await tablet.sign_in("nurse")
    await tablet.open_day(day)
    assert await tablet.page.locator("#stop").evaluate_all(SMALLEST) >= KEY_PX_MIN

    await tablet.tap("#stop")
    await expect(tablet.page.locator("#stop-said")).to_contain_text("Stop recorded")
    first = await newest(tablet, day, "infusion.stopped")
    assert (first["data"]["reason"], first["actor"]["id"]) == ("other_clinical", "nurse")
    await tablet.picture("stop")

    await tablet.tap('[data-reason="stroke_sign"]')
    await expect(tablet.page.locator("h2")).to_contain_text("Stroke sign")
    second = await newest(tablet, day, "infusion.stopped")
    assert (second["data"]["reason"], second["corrects"]) == ("stroke_sign", first["entry_id"])
    assert second["occurred_at"] == first["occurred_at"]

    await tablet.tap('[data-done="Doctor called"]')
    await expect(tablet.page.locator('[data-done="Doctor called"]')).to_have_attribute("aria-pressed", "true")
    async with tablet.page.expect_response("**/v1/batches"):
        await tablet.tap('[data-well="15"]')
    await expect(tablet.page.locator(".last-well")).to_contain_text("Time last seen well: 09:57")
    notes = [entry["data"]["text"] for entry in await tablet.ward.entries(day) if entry["type"] == "note.added"]
    assert notes[-2:] == ["Doctor called", "Time last seen well: 09:57"]
    await tablet.picture("stop_list")
    await tablet.tap("#stop-mistake")
    await expect(tablet.page.locator(".fact-form")).to_have_attribute("data-type", "entry.struck")


async def test_stop_works_with_nobody_signed_in(tablet: Tablet) -> None:
    day = tablet.ward.days[locked]
    await tablet.open_day(day)
    await expect(tablet.page.locator("#patient")).to_have_text("EC")
    await tablet.picture("day_locked")
    await tablet.tap("#stop")
    await expect(tablet.page.locator("#stop-said")).to_contain_text("Stop recorded")
    await tablet.tap('[data-reason="anaphylaxis"]')
    await expect(tablet.page.locator("h2")).to_contain_text("Anaphylaxis")

    entry = await newest(tablet, day, "infusion.stopped")
    assert entry["actor"] == {"how": "device", "id": "tablet-1", "role": "device"}
    assert entry["data"]["reason"] == "anaphylaxis"


async def test_a_blocked_step_says_why_and_a_refusal_is_shown_with_its_reason(tablet: Tablet) -> None:
    day = tablet.ward.days[refused]
    await tablet.sign_in("nurse")
    await tablet.open_day(day)
    complete = tablet.page.locator('.step [data-type="infusion.completed"]')
    await expect(complete).to_be_disabled()
    await expect(tablet.page.locator("#why-infusion-completed")).to_contain_text("98 %")

    await tablet.tap('.step [data-type="infusion.rate_changed"]')
    await tablet.tap("#save")
    await expect(tablet.page.locator("#field-rate_ml_per_h-error")).to_have_text("is needed")
    await tablet.page.locator("#field-rate_ml_per_h").fill("99")
    await tablet.page.locator("#field-reason").fill("faster")
    await tablet.tap("#save")
    await expect(tablet.page.locator("#form-error")).to_contain_text("99")
    await expect(tablet.page.locator("#said")).to_contain_text("NOT recorded")
    await tablet.picture("refused")

    assert (await newest(tablet, day, "fact.refused"))["data"]["type"] == "infusion.rate_changed"
    tablet.expect_refusal()


async def test_an_alert_comes_by_itself_says_what_to_do_and_is_acknowledged_in_one_tap(tablet: Tablet) -> None:
    day = tablet.ward.days[refused]
    await tablet.sign_in("nurse")
    await tablet.open_day(day)
    await tablet.ward.fact(day, "vitals.recorded", {**SIGNS, "systolic_mmhg": 184})
    card = tablet.page.locator(".alert").first
    await expect(card).to_be_visible(timeout=2000)
    await expect(card.get_by_role("button").first).to_be_visible()
    await tablet.picture("alert")
    await card.locator(".acknowledge").tap()
    await expect(card).to_contain_text("acknowledged by nurse")

    assert (await newest(tablet, day, "alert.acknowledged"))["actor"]["id"] == "nurse"


async def test_two_people_enter_a_bag_on_one_tablet_the_second_without_seeing(tablet: Tablet) -> None:
    day = tablet.ward.days[charted]
    bag = {
        "product": "Lemtrada",
        "batch": "B77",
        "volume_ml": "101.2",
        "dose_mg": "12",
        "vial_expires_on": "2027-11-30",
    }

    async def enter() -> None:
        for name, value in {**bag, "prepared_at": "10:05"}.items():
            await tablet.page.locator(f"#field-{name}").fill(value)
        await tablet.tap('[data-value="glucose_5"]')
        await tablet.tap("#save")

    await tablet.sign_in("nurse")
    await tablet.open_day(day)
    await tablet.tap('.step [data-type="bag.prepared"]')
    await enter()
    await expect(tablet.page.locator("#said")).to_contain_text("waits for the second person")
    await expect(tablet.page.locator("#second-note")).to_contain_text("second person")
    await tablet.page.locator("#second-badge").fill("BADGE-colleague")
    await tablet.page.locator("#second-pin").fill("274913")
    await tablet.tap("#second-sign-in")
    await expect(tablet.page.locator("#field-batch")).to_have_value("")
    await tablet.picture("second_person")
    await enter()
    await expect(tablet.page.locator(".fact-form")).to_be_hidden()
    await expect(tablet.page.locator("#said")).to_contain_text("On the record: Bag prepared")

    entry = await newest(tablet, day, "bag.prepared")
    assert (entry["actor"]["id"], entry["second"]["id"]) == ("colleague", "nurse")
    assert entry["data"]["prepared_at"] == "2026-11-23T09:05:00.000Z"


async def test_every_fact_of_the_workflow_has_a_form_made_from_its_fields(tablet: Tablet) -> None:
    workflow = await tablet.ward.call(tablet.ward.tablet, "GET", "/v1/workflows/alemtuzumab/1")
    await tablet.sign_in("charge")
    await tablet.open_day(tablet.ward.days[charted])
    offered = await tablet.page.locator(".step [data-type]:enabled").evaluate_all(
        "(all) => all.map((each) => each.dataset.type)"
    )
    assert len(offered) > 15
    for kind in offered:
        await tablet.tap(f'.step [data-type="{kind}"]')
        await expect(tablet.page.locator(".fact-form")).to_have_attribute("data-type", kind)
        shown = await tablet.page.locator(".fact-form [data-field]").evaluate_all(
            "(all) => all.map((each) => each.dataset.field)"
        )
        assert sorted(shown) == sorted(name for name in workflow["facts"][kind]["fields"] if name != "confirmed"), kind
        if kind == "checklist.recorded":
            await tablet.picture("checklist")
        await tablet.tap("#form-back")
