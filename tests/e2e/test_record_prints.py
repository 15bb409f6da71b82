"""The record of a day, printed on A4 by a browser from the page the service serves."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext

from infusion_service.bootstrap import Service, open_service
from infusion_service.cli.demo_cast import Cast
from infusion_service.cli.hosting import hosted
from infusion_service.cli.rehearsal.player import WARD_ID
from infusion_service.clinical.vocabulary import Entry, parse_time
from infusion_service.intake.clock import SimulatedClock
from infusion_service.settings import Settings
from tests.audit.played import OFFICE, play
from tests.e2e.conftest import SCREENS
from tests.e2e.printed import Sheet, read_sheets
from tests.intake.ward import check_in, note, receipt, schedule, scheduling, vitals

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

LATER = parse_time("2027-02-15T07:00:00Z")
"""After all that is played."""

PLAYED = {
    "t12": "the clock goes back that night",
    "s02": "alerts, refusals, a pause",
    "5": "an offline tablet's entries",
    "k09": "corrections",
    "g14": "double checks that differ",
}
LONG_FAMILY = "Wolfeschlegelsteinhausenbergerdorff-" * 2 + "Österreicher"
LONG_WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk" * 3
NOTES = 150

PICTURES = {"s02": "hypertension", "5": "offline", "k09": "corrections"}

A4_PT = (595, 842)

ROWS = """() => [...document.querySelectorAll("tbody tr")].map((row) => row.textContent)"""
HEADINGS = """() => [...document.querySelectorAll("h2")].map((heading) => {
  const after = heading.nextElementSibling;
  if (after === null) return heading.textContent;
  const first = after.querySelector("tbody tr");
  return heading.textContent + (after.tagName === "TABLE"
    ? (after.querySelector("thead")?.textContent ?? "") + (first?.textContent ?? "")
    : after.tagName === "P" ? after.textContent : "");
})"""
TIMELINE_HEAD = "no.atwhatvalueswho,throughwhichdevicestate"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A site that has seen some days."""
    cast = Cast(7)
    return play(
        tmp_path_factory.mktemp("printed"), *PLAYED, patients=[cast.patient(number) for number in range(len(PLAYED))]
    )


@dataclass(frozen=True)
class Record:
    """One record as it is printed, and as it stands in the page."""

    pdf: bytes
    sheets: list[Sheet]
    rows: list[str]
    headings: list[str]
    complaints: list[str]

    @property
    def text(self) -> str:
        """Everything that is printed, without spaces."""
        return "".join(sheet.text for sheet in self.sheets)


@dataclass(frozen=True)
class Office:
    """Where records are printed."""

    service: Service
    context: BrowserContext
    days: Mapping[str, str]
    printed: dict[str, Record]

    async def entries(self, day: str) -> list[Entry]:
        """Every entry of a day."""
        return [logged.entry for logged in await self.service.intake.entries(self.days[day]) if logged.entry]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def office(filled: Settings, browser: Browser) -> AsyncIterator[Office]:
    """The site served, an auditor at a browser, and two days more: one with hardly anything on it, one very long."""
    async with open_service(filled, clock=SimulatedClock(LATER)) as service, hosted(service) as base_url:
        days = {name: str(row["day_id"]) for name, row in zip(PLAYED, await _board(service), strict=True)}
        days["empty"] = await schedule(service.intake, "P-empty", ward=WARD_ID, date=f"{LATER:%Y-%m-%d}")
        days["long"] = await _long_day(service)
        _, token = await service.access.mint_token("auditor", "auditor", LATER + timedelta(days=1), OFFICE)
        context = await browser.new_context(
            base_url=base_url, extra_http_headers={"Authorization": f"Bearer {token}"}, locale="en-GB"
        )
        yield Office(service, context, days, {})
        await context.close()


async def _board(service: Service) -> list[dict[str, Any]]:
    return sorted(await service.intake.board(limit=50), key=lambda row: (row["date"], row["day_id"]))


async def _long_day(service: Service) -> str:
    patient = {"id": "P-long", "family": LONG_FAMILY, "given": LONG_WORD[:60], "born": "1989-03-04"}
    fact = scheduling(ward=WARD_ID, date=f"{LATER:%Y-%m-%d}", patient="P-long")
    fact.data["patient"] = patient
    day = str(receipt(await service.intake.submit(fact))["day_id"])
    await service.intake.submit(check_in(day))
    for number in range(NOTES):
        said = vitals(day, systolic_mmhg=110 + number % 30) if number % 5 == 0 else note(day, f"{LONG_WORD} {number}")
        assert (await service.intake.submit(said)).refusal is None
    return day


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=[*PLAYED, "empty", "long"])
async def printed(request: pytest.FixtureRequest, office: Office) -> AsyncIterator[tuple[str, Record]]:
    """Each of the days, printed."""
    yield request.param, await _print(office, request.param)


async def _print(office: Office, day: str) -> Record:
    """Print a day, once."""
    if day not in office.printed:
        office.printed[day] = await _printed(office, day)
    return office.printed[day]


async def _printed(office: Office, day: str) -> Record:
    page = await office.context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(f"/v1/days/{office.days[day]}/report")
    pdf = await page.pdf(prefer_css_page_size=True)
    rows, headings = await page.evaluate(ROWS), await page.evaluate(HEADINGS)
    await page.close()
    return Record(pdf, read_sheets(pdf), [*map(_packed, rows)], [*map(_packed, headings)], complaints)


def _packed(text: str) -> str:
    return re.sub(r"\s", "", unicodedata.normalize("NFC", text))


async def test_a_record_prints_on_a4_with_nothing_cut_and_nothing_left_out(
    printed: tuple[str, Record], office: Office
) -> None:
    day, record = printed

    assert record.complaints == []
    assert {(round(sheet.width_pt), round(sheet.height_pt)) for sheet in record.sheets} == {A4_PT}
    for number, sheet in enumerate(record.sheets, start=1):
        assert f"page{number}of{len(record.sheets)}" in sheet.text
        assert f"({(await office.service.intake.view(office.days[day]) or {})['patient']['id']})" in sheet.text
        assert all(red == green == blue for red, green, blue in sheet.colours)
    cut = [row for row in record.rows if not any(row in sheet.text for sheet in record.sheets)]
    assert cut == []
    orphaned = [heading for heading in record.headings if not any(heading in sheet.text for sheet in record.sheets)]
    assert orphaned == []
    missing = [said for entry in await office.entries(day) for said in _said(entry) if said not in record.text]
    assert missing == []


def _said(entry: Entry) -> Iterator[str]:
    """What stands in a fact, as it was charted; moments are told in ward time."""
    if entry.kind != "fact" or entry.type in ("day.scheduled", "double_check.entered"):
        return
    pending = list(entry.data.values())
    while pending:
        value = pending.pop()
        if isinstance(value, dict | list):
            pending += value.values() if isinstance(value, dict) else value
        elif isinstance(value, str) and not re.fullmatch(r"\d{4}-.*T.*Z|[0-9a-f-]{36}", value):
            yield _packed(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            yield str(value)


async def test_a_long_day_repeats_the_head_of_its_table_on_every_sheet(office: Office) -> None:
    record = await _print(office, "long")

    timeline = [place for place, sheet in enumerate(record.sheets) if TIMELINE_HEAD in sheet.text]
    assert len(timeline) > 3
    assert timeline == list(range(timeline[0], len(record.sheets)))[: len(timeline)]
    assert _packed(LONG_FAMILY) in record.sheets[-1].text


async def test_a_night_on_which_the_clock_goes_back_shows_which_of_the_two_hours_it_was(office: Office) -> None:
    record = await _print(office, "t12")

    assert "2026-10-2502:30:00+02:00" in record.text
    assert "2026-10-2502:59:00+01:00" in record.text
    assert record.text.count("Europe/Paris") == 2  # once on the page, once in the scheduling as it was charted


async def test_every_sheet_says_who_printed_it(office: Office) -> None:
    record = await _print(office, "s02")

    assert all(re.search(r"printedbyauditor-\w+\(auditor\)", sheet.text) for sheet in record.sheets)


@pytest.mark.skipif(not os.environ.get("INFUSION_SCREENS"), reason="pictures are not asked for")
async def test_its_sheets_are_kept_as_pictures(office: Office, tmp_path: Path) -> None:
    for day, numbers in (("s02", (1, 2, 3, 4)), ("5", (1, 3)), ("k09", (1,))):
        file = tmp_path / f"{day}.pdf"
        file.write_bytes((await _print(office, day)).pdf)
        for number in numbers:
            page = await office.context.new_page()
            await page.set_viewport_size({"width": 860, "height": 1200})
            await page.goto(f"{file.as_uri()}#page={number}&toolbar=0&navpanes=0&view=FitH")
            await page.wait_for_load_state("networkidle")
            await page.screenshot(path=SCREENS / f"record_{PICTURES[day]}_{number}.png")
            await page.close()
