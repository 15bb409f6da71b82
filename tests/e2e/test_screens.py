"""The screens around the day: who is at work, the board by filters, corrections, handover, reviews, checklists."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import STANDING, Tablet, Tablets
from tests.e2e.ward import DATE, PIN, SIGNS, ServedWard

pytestmark = pytest.mark.asyncio(loop_scope="session")

mended, moved_to, reviewed, other = range(4)
"""Whose day a test writes on."""

ON_BOARD_S = 30
ON_DAY_S = 120

standing = pytest.mark.parametrize("tablet", [(STANDING, "light")], indirect=True, ids=["standing"])
"""Half of the screens are touched on a tablet that stands; the pictures are taken both ways."""


async def latest(ward: ServedWard, day: str, kind: str) -> dict[str, Any]:
    """Return the newest entry of a type."""
    return [entry for entry in await ward.entries(day) if entry["type"] == kind][-1]


async def test_a_shift_starts_with_the_tablet_its_sound_and_a_badge(tablet: Tablet) -> None:
    page = tablet.page
    await tablet.tap("#open-sign-in")
    await expect(page.locator(".shift")).to_contain_text("This tablet: tablet-1")
    await expect(page.locator(".shift")).to_contain_text("No sound yet")
    await tablet.tap("#test-sound")
    await expect(page.locator(".shift")).to_contain_text("Sound works")
    await tablet.picture("shift_start")
    await page.locator("#badge").fill("BADGE-nurse")
    await page.locator("#pin").fill(PIN)
    await tablet.tap("#sign-in")
    await expect(page.locator("#signed-in-as")).to_contain_text("nurse")


async def test_who_leaves_is_signed_out_on_the_board_sooner_than_on_a_day(served: ServedWard, tablets: Tablets) -> None:
    tablet = await tablets.open(served, own_clock=True)
    page = tablet.page
    await tablet.sign_in("nurse")
    await page.clock.run_for((ON_BOARD_S - 5) * 1000)
    await expect(page.locator("#signed-in-as")).to_contain_text("nurse")
    await page.clock.run_for(7000)
    await expect(page.locator("#signed-in-as")).to_have_text("Nobody signed in")

    await tablet.sign_in("nurse")
    await tablet.open_day(served.days[other])
    await expect(page.locator("#patient")).to_have_text("DORVAL, Hugo")
    await tablet.tap("#open-vitals")
    await tablet.key("17")
    await page.clock.run_for((ON_DAY_S - 10) * 1000)
    await expect(page.locator("#signed-in-as")).to_contain_text("nurse")
    await page.clock.run_for(12_000)
    await expect(page.locator("#signed-in-as")).to_have_text("Nobody signed in")
    await expect(page.locator("#patient")).to_have_text("HD")
    await expect(page.locator('[data-sign="respiratory_rate_per_min"]')).to_contain_text("17")


@standing
async def test_the_board_shows_what_is_asked_for_and_the_beds_nobody_is_in(tablet: Tablet) -> None:
    page = tablet.page
    day = tablet.ward.days[other]
    beds = len(tablet.ward.days)
    await tablet.sign_in("nurse")
    await tablet.open_day(day)
    if await page.locator("#my-patient").get_attribute("aria-pressed") == "false":
        await tablet.tap("#my-patient")
    await tablet.tap("#to-ward")
    await expect(page.locator(".tile")).to_have_count(beds)
    await tablet.tap('[data-filter="mine"]')
    await expect(page.locator(".tile")).to_have_count(1)
    await expect(page.locator(f'.tile[data-day="{day}"]')).to_be_visible()
    await tablet.tap('[data-filter="wantsSecond"]')
    await expect(page.locator("#beds")).to_contain_text("No bed is like this now")
    await tablet.tap('[data-filter="allBeds"]')
    await expect(page.locator(".empty-bed")).to_have_count(0)


async def test_a_late_entry_says_when_it_happened_and_why_it_is_late(tablet: Tablet) -> None:
    page = tablet.page
    day = tablet.ward.days[mended]
    await tablet.sign_in("nurse")
    await tablet.open_day(day)
    await tablet.tap('.step [data-type="symptom.reported"]')
    await page.locator("#field-code").select_option("nausea")
    await page.locator("#occurred-at").fill("09:40")
    await page.locator("#late-reason").fill("with the patient")
    await tablet.picture("late_entry")
    await tablet.tap("#save")
    line = page.locator("#timeline li").filter(has_text="Nausea").first
    await expect(line).to_have_attribute("data-late", "yes")
    entry = await latest(tablet.ward, day, "symptom.reported")
    assert (entry["occurred_at"], entry["late_reason"]) == (f"{DATE}T08:40:00.000Z", "with the patient")


async def test_a_correction_replaces_an_entry_which_stays_readable(tablet: Tablet) -> None:
    page = tablet.page
    day = tablet.ward.days[mended]
    await tablet.sign_in("nurse")
    await tablet.ward.fact(day, "vitals.recorded", {**SIGNS, "heart_rate_per_min": 27 + 60})
    wrong = await latest(tablet.ward, day, "vitals.recorded")
    await tablet.open_day(day)
    line = page.locator("#timeline li").filter(has_text="Pulse 87").first
    await line.locator("summary").tap()
    await line.locator('[data-mend="correct"]').tap()
    await expect(page.locator(".before")).to_contain_text("Pulse 87")
    await page.locator("#field-heart_rate_per_min").fill("78")
    await tablet.picture("correction")
    await tablet.tap("#save")
    await expect(page.locator('#timeline [data-struck="yes"]').filter(has_text="Pulse 87").first).to_be_visible()
    right = await latest(tablet.ward, day, "vitals.recorded")
    assert right["corrects"] == wrong["entry_id"]
    assert right["occurred_at"] == wrong["occurred_at"]
    assert right["data"] == {**wrong["data"], "heart_rate_per_min": 78}


@standing
async def test_what_was_charted_for_the_wrong_patient_moves_to_the_right_one(tablet: Tablet) -> None:
    page = tablet.page
    wrong_day, right_day = tablet.ward.days[mended], tablet.ward.days[moved_to]
    await tablet.sign_in("nurse")
    await tablet.ward.fact(wrong_day, "symptom.reported", {"code": "itch", "severity": 2})
    wrong = await latest(tablet.ward, wrong_day, "symptom.reported")
    await tablet.open_day(wrong_day)
    line = page.locator('#timeline li[data-struck="no"]').filter(has_text="Itch").first
    await line.locator("summary").tap()
    await line.locator('[data-mend="move"]').tap()
    await tablet.tap(f'[data-to="{right_day}"]')
    await expect(page.locator(".note")).to_contain_text("BRANDT, Jonas")
    await tablet.picture("wrong_patient")
    await tablet.tap("#move")
    await expect(page.locator("#patient")).to_have_text("BRANDT, Jonas")
    await expect(page.locator("#timeline")).to_contain_text("Itch")
    right = await latest(tablet.ward, right_day, "symptom.reported")
    assert (right["corrects"], right["occurred_at"]) == (wrong["entry_id"], wrong["occurred_at"])


async def test_a_prescriber_reviews_with_the_evidence_in_sight(tablet: Tablet) -> None:
    page = tablet.page
    day = tablet.ward.days[reviewed]
    await tablet.ward.fact(day, "vitals.recorded", {**SIGNS, "systolic_mmhg": 168, "diastolic_mmhg": 104})
    await tablet.sign_in("doctor")
    await tablet.open_day(day)
    await page.locator(".alert").first.get_by_role("button", name="Review").tap()
    await expect(page.locator(".evidence")).to_contain_text("168")
    await tablet.tap('[data-value="continue"]')
    await tablet.tap('[data-field="authorises_resume"] [data-value="true"]')
    await tablet.tap('[data-field="symptoms_resolved"] [data-value="true"]')
    await page.locator("#field-note").fill("seen, pressure settles")
    await page.evaluate("scrollTo(0, 0)")
    await tablet.picture("review")
    await tablet.tap("#save")
    await expect(page.locator("#said")).to_contain_text("On the record")
    assert (await latest(tablet.ward, day, "review.recorded"))["actor"]["id"] == "doctor"


@standing
async def test_a_handover_tells_of_each_bed_what_changed_is_due_and_was_overridden(tablet: Tablet) -> None:
    page = tablet.page
    day = tablet.ward.days[moved_to]
    await tablet.sign_in("colleague")
    await tablet.tap("#open-handover")
    bed = page.locator(f'.bed[data-day="{day}"]')
    await expect(bed).to_contain_text("BRANDT, Jonas")
    await expect(bed).to_contain_text("Start the infusion")
    await expect(bed).to_contain_text("sets of vital signs")
    await tablet.picture("handover")
    if await bed.locator("button.read-back").count():
        await bed.locator("button.read-back").tap()
    await expect(bed.locator("p.read-back")).to_contain_text("read back by colleague")
    assert "Handover read back" in str((await latest(tablet.ward, day, "note.added"))["data"])
