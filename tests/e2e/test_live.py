"""What one tablet charts the others see, and a tablet that no longer hears anything says so."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import Tablets
from tests.e2e.ward import ServedWard

pytestmark = pytest.mark.asyncio(loop_scope="session")

seen_by_both = 0
"""Whose day the tests write on."""

SEEN_MS = 2000
STALE_MS = 15_000
BEFORE_MS = 9_000
"""Not yet stale, however late in it the last beat came."""


async def test_two_tablets_on_one_day_see_each_other_s_facts(served: ServedWard, tablets: Tablets) -> None:
    day = served.days[seen_by_both]
    one, other = await tablets.open(served), await tablets.open(served, "tablet-2")
    await one.sign_in("nurse")
    await other.sign_in("colleague")
    for tablet in (one, other):
        await tablet.open_day(day)

    for writer, reader, pulse in ((one, other, "81"), (other, one, "83")):
        await writer.tap("#open-vitals")
        await writer.tap('[data-sign="heart_rate_per_min"]')
        await writer.key(pulse)
        await writer.tap("#save-vitals")
        await expect(reader.page.locator("#timeline li").first).to_contain_text(f"Pulse {pulse}", timeout=SEEN_MS)
        await writer.tap("#vitals-back")


ORDER = """async () => {
    const [{ inOrder }, { rows }] = await Promise.all([import("/static/board.js"), import("/static/ward_state.js")]);
    const bed = (name, state, severities) => ({ ...rows.value[0], day_id: name, state, checks: [],
        alerts: severities.map((severity) => ({ severity })) });
    const { first, last } = inOrder([bed("left settled", "discharged", []),
        bed("left unsettled", "transferred", ["critical"]),
        bed("quiet", "infusing", []), bed("alarmed", "infusing", ["medium"])]);
    return [first.map((row) => row.day_id), last.map((row) => row.day_id)];
}"""


async def test_a_patient_who_left_with_an_alert_nobody_settled_stands_before_the_empty_chairs(
    served: ServedWard, tablets: Tablets
) -> None:
    tablet = await tablets.open(served)

    assert await tablet.page.evaluate(ORDER) == [["alarmed", "quiet", "left unsettled"], ["left settled"]]


async def test_a_tablet_that_hears_nothing_says_so_and_greys_what_it_shows(
    served: ServedWard, tablets: Tablets
) -> None:
    tablet = await tablets.open(served, own_clock=True)
    page = tablet.page
    await expect(page.locator(".link")).to_have_text("live")

    await page.context.set_offline(True)
    await page.clock.run_for(BEFORE_MS)
    await expect(page.locator(".link")).to_have_text("NO ANSWER: trying again")
    await expect(page.locator("body")).to_have_attribute("data-stale", "no")
    await page.clock.run_for(STALE_MS - BEFORE_MS + 1000)
    await expect(page.locator(".link")).to_contain_text("NOT LIVE: last heard 0:1")
    await expect(page.locator("body")).to_have_attribute("data-stale", "yes")
    assert await page.locator("main").evaluate("(main) => getComputedStyle(main).filter") == "grayscale(1)"
    await tablet.picture("board_stale")

    await page.context.set_offline(False)
    await page.clock.run_for(6000)
    await expect(page.locator(".link")).to_have_text("live")
    tablet.expect_silence()


async def test_a_tablet_whose_stream_hangs_without_a_word_opens_a_new_one(served: ServedWard, tablets: Tablets) -> None:
    tablet = await tablets.open(served, own_clock=True)
    page = tablet.page
    streams: list[str] = []
    page.on("request", lambda request: streams.append(request.url) if "/stream" in request.url else None)
    await page.context.set_offline(True)
    await page.clock.run_for(2 * STALE_MS)
    await page.context.set_offline(False)
    await page.clock.run_for(6000)
    await expect(page.locator(".link")).to_have_text("live")
    await served.fact(served.days[seen_by_both], "note.added", {"text": "heard again"})
    await page.clock.run_for(2000)

    assert streams
    tablet.expect_silence()
