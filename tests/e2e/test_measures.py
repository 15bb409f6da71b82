"""What the page weighs, how soon it shows the ward, that a shift does not make it grow, that no other script runs."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from functools import partial

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, CDPSession, Page, Request, Route, expect

from infusion_service.web.page import Vendored, vendored
from tests.cli.running import Site
from tests.e2e.conftest import LYING, Tablets
from tests.e2e.mortal import MortalService
from tests.e2e.ward import DATE, ServedWard

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

DAYS = 40
TRANSFERRED_BYTES_MAX = 150_000
PAINT_MS_MAX = 1000
SHIFT_H = 8
STEP_MIN = 16
STEPS = SHIFT_H * 60 // STEP_MIN
"""A bed charts some sixty facts in eight hours: with forty of them the stream carries 2400, eighty in each step."""
WARM_STEPS = STEPS // 4
"""After these, caches and compiled code have settled."""
HEAP_GROWTH_MAX = 1.05
BEGAN_MIN = 7 * 60

STREAM_OF_THE_TEST = """(() => {
    const BEAT_MS = 5000;
    globalThis.streams = new Set();
    globalThis.beats = 0;
    globalThis.EventSource = class extends EventTarget {
        static CLOSED = 2;
        readyState = 1;
        constructor() {
            super();
            streams.add(this);
            this.beating = setInterval(() => {
                beats += 1;
                const beat = { as_of: globalThis.wardTime, clock: { simulated: true, speed: 0 } };
                if (beat.as_of) this.dispatchEvent(new MessageEvent('beat', { data: JSON.stringify(beat) }));
            }, BEAT_MS);
        }
        close() {
            this.readyState = 2;
            streams.delete(this);
            clearInterval(this.beating);
        }
    };
})()"""
"""The page's clock runs a thousand times faster than the service's stream: this one beats by the page's."""

TELL = """(time) => {
    globalThis.wardTime = time;
    for (const stream of streams) stream.dispatchEvent(new MessageEvent('entry', { data: '{}' }));
}"""

NOTE_THE_FIRST_TILE = """new MutationObserver((_, watch) => {
    if (document.querySelectorAll('.tile').length < 40) return;
    watch.disconnect();
    requestAnimationFrame(() => setTimeout(() => { globalThis.firstBoardMs = performance.now(); }));
}).observe(document, { childList: true, subtree: true })"""

FIRST_BOARD_MS = """async () => {
    while (!globalThis.firstBoardMs) await new Promise(requestAnimationFrame);
    return firstBoardMs;
}"""


@pytest.fixture
def report(record_testsuite_property: Callable[[str, object], None]) -> Callable[[str, object], None]:
    """Note a figure in the test report (`--junit-xml`)."""
    return record_testsuite_property


@pytest.fixture(scope="module")
def full_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site of its own, before there is any event loop."""
    site = Site(tmp_path_factory.mktemp("full"))
    made = site.run("init")
    assert made.code == 0, made.err
    return site


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def full_ward(full_site: Site) -> AsyncIterator[ServedWard]:
    """A ward with forty patients in screening."""
    service = MortalService(full_site)
    url = service.start()
    try:
        async with aiohttp.ClientSession() as client:
            admin = full_site.token_file.read_text(encoding="utf-8").strip()
            ward = ServedWard(url=url, admin=admin, client=client)
            await ward.staff()
            await ward.clock("07:00")
            for chair in range(1, DAYS + 1):
                ward.days.append(await ward.schedule(f"Patient{chair}", "Anna", str(chair)))
            await ward.facts([("patient.checked_in", {"identity_check": "two_identifiers"}), ("screening.started", {})])
            yield ward
    finally:
        service.kill()


async def test_the_board_of_forty_open_days_is_small_and_soon_there(
    full_ward: ServedWard, browser: Browser, tablets: Tablets, report: Callable[[str, object], None]
) -> None:
    tablet = await tablets.open(full_ward)
    state = await tablet.page.context.storage_state()
    cold = await browser.new_context(viewport=LYING, service_workers="block", storage_state=state)
    await cold.add_init_script(NOTE_THE_FIRST_TILE)
    took_ms = []
    transferred_bytes = 0.0
    for _attempt in range(3):
        page = await cold.new_page()
        network = await cold.new_cdp_session(page)
        weights: list[float] = []
        network.on("Network.loadingFinished", partial(weigh, weights))
        await network.send("Network.enable")
        await network.send("Network.clearBrowserCache")
        await page.goto(full_ward.url)
        await expect(page.locator(".tile")).to_have_count(DAYS)
        took_ms.append(await page.evaluate(FIRST_BOARD_MS))
        transferred_bytes = sum(weights)
        await page.close()
    await cold.close()
    report("first_board_ms", sorted(took_ms))
    report("first_board_bytes", transferred_bytes)

    assert transferred_bytes < TRANSFERRED_BYTES_MAX
    assert min(took_ms) < PAINT_MS_MAX


def weigh(weights: list[float], finished: dict[str, float]) -> None:
    """Note what one answer weighed on the wire, headers included."""
    weights.append(finished["encodedDataLength"])


async def heap_bytes(session: CDPSession) -> int:
    """Return what is in use of the page's heap after everything that can go has gone."""
    await session.send("HeapProfiler.collectGarbage")
    return int((await session.send("Runtime.getHeapUsage"))["usedSize"])


async def test_the_stream_of_a_shift_leaves_the_page_s_heap_flat(
    full_ward: ServedWard, tablets: Tablets, report: Callable[[str, object], None]
) -> None:
    tablet = await tablets.open(full_ward, own_clock=True, script=STREAM_OF_THE_TEST)
    page = tablet.page
    session = await page.context.new_cdp_session(page)
    used = []
    for step in range(1, STEPS + 1):
        hour, minute = divmod(BEGAN_MIN + step * STEP_MIN, 60)
        await full_ward.clock(f"{hour:02}:{minute:02}")
        await full_ward.facts([("note.added", {"text": str(uuid.uuid4())}) for _twice in range(2)])
        # The board hears of the facts, asks anew and draws anew, and its own time goes on.
        await page.evaluate(TELL, f"{DATE}T{full_ward.now}:00Z")
        await page.clock.run_for(STEP_MIN * 60_000)
        if step in (WARM_STEPS, STEPS):
            await expect(page.locator(".tile")).to_have_count(DAYS)
            used.append(await heap_bytes(session))
    report("heap_bytes", used)

    assert await page.evaluate("beats") >= SHIFT_H * 3600 / 5
    assert used[1] < used[0] * HEAP_GROWTH_MAX


async def test_a_vendored_file_that_was_changed_by_one_byte_is_refused(full_ward: ServedWard, browser: Browser) -> None:
    context = await browser.new_context(service_workers="block")
    for package in vendored():
        await refused_when_changed(await context.new_page(), full_ward.url, package)
    await context.close()


async def refused_when_changed(page: Page, url: str, package: Vendored) -> None:
    """Open the ward with one byte more in a package, which stops the whole page."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    changed = f"/static/{package.folder}.{package.files[0].file}"

    async def with_one_more_byte(route: Route, request: Request) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, body=await answer.body() + b"\n")

    await page.route(f"**{changed}", with_one_more_byte)
    await page.goto(url)
    await expect(page.locator("footer")).to_be_visible()

    assert [text for text in said if "integrity" in text and changed in text]
    assert await page.locator("#ward").inner_html() == ""
