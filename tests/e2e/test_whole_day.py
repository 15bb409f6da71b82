"""One patient's day, from check-in to discharge, charted on the page by touch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.cli.running import Site
from tests.e2e.conftest import GROUP_SEPARATOR, Tablet, Tablets
from tests.e2e.mortal import MortalService
from tests.e2e.ward import DATE, PIN, ServedWard, band_of

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

PILLS = (
    ("antihistamine", "cetirizine", "10"),
    ("antipyretic", "paracetamol", "1000"),
    ("antiviral", "aciclovir", "200"),
)


@pytest.fixture(scope="module")
def day_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site of its own, before there is any event loop."""
    site = Site(tmp_path_factory.mktemp("whole-day"))
    made = site.run("init")
    assert made.code == 0, made.err
    return site


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def morning(day_site: Site) -> AsyncIterator[ServedWard]:
    """A ward at seven, with one patient scheduled."""
    service = MortalService(day_site)
    url = service.start()
    try:
        async with aiohttp.ClientSession() as client:
            admin = day_site.token_file.read_text(encoding="utf-8").strip()
            ward = ServedWard(url=url, admin=admin, client=client)
            await ward.staff()
            await ward.clock("07:00")
            ward.days.append(await ward.schedule("Abelin", "Clara", "1"))
            yield ward
    finally:
        service.kill()


@dataclass
class Bedside:
    """A tablet beside one patient: what is charted on it is written down as it should stand in the log."""

    tablet: Tablet
    script: list[tuple[str, str, str]] = field(default_factory=list)
    """Type, time and person of each fact."""
    who: str = ""

    async def at(self, time: str, who: str) -> None:
        """Let time pass, and somebody sign in by scanned badge and PIN."""
        page = self.tablet.page
        if await page.locator("#sign-out").count():
            async with page.expect_response(lambda answer: answer.request.method == "DELETE"):
                await self.tablet.sign_out()
        if time != self.tablet.ward.now:
            await self.tablet.ward.clock(time)
        await self.tablet.scan(f"BADGE-{who}")
        await expect(page.locator("#pin")).to_be_focused()
        await page.keyboard.type(PIN)
        await page.keyboard.press("Enter")
        await expect(page.locator("#pin")).to_have_count(0)
        await expect(page.locator("#signed-in-as")).to_contain_text(who)
        await expect(page.locator(".clock")).to_contain_text(f"{int(time[:2]) + 1:02}:{time[3:]}")
        self.who = who

    def wrote(self, kind: str, *, ago_min: int = 0) -> None:
        """Note what was charted just now."""
        hour, minute = map(int, self.tablet.ward.now.split(":"))
        hour, minute = divmod(hour * 60 + minute - ago_min, 60)
        self.script.append((kind, f"{DATE}T{hour:02}:{minute:02}:00.000Z", self.who))

    async def chart(
        self, kind: str, *, choices: dict[str, str] | None = None, texts: dict[str, str] | None = None, late: int = 0
    ) -> None:
        """Chart a fact by its form."""
        await self.tablet.tap(f'.step [data-type="{kind}"]')
        await self.fill(choices or {}, texts or {})
        if late:
            await self.tablet.page.get_by_role("button", name=f"{late} min ago", exact=True).tap()
        await self.tablet.tap("#save")
        await expect(self.tablet.page.locator("#said")).to_contain_text("On the record")
        await expect(self.tablet.page.locator(".fact-form")).to_have_count(0)
        self.wrote(kind, ago_min=late)

    async def fill(self, choices: dict[str, str], texts: dict[str, str]) -> None:
        """Touch the choices and type the rest."""
        for name, value in choices.items():
            await self.tablet.tap(f'[data-field="{name}"] [data-value="{value}"]')
        for name, value in texts.items():
            await self.tablet.page.locator(f"#field-{name}").fill(value)

    # Long because it is two people's turn, one after the other.
    async def by_two(
        self, kind: str, choices: dict[str, str], texts: dict[str, str], second: str, *, label: str = ""
    ) -> None:
        """Chart a fact that two people enter, on one tablet; each scans the label where there is one."""
        await self.tablet.tap(f'.step [data-type="{kind}"]')
        await self.fill(choices, texts)
        if label:
            await self.tablet.scan(label)
            await expect(self.tablet.page.locator(".scan")).to_contain_text("From the label: batch A1234")
        await self.tablet.tap("#save")
        await expect(self.tablet.page.locator("#second-badge")).to_be_visible()
        await self.tablet.scan(f"BADGE-{second}")
        await expect(self.tablet.page.locator("#second-badge")).to_have_value(f"BADGE-{second}")
        await self.tablet.page.locator("#second-pin").fill("274913")
        await self.tablet.tap("#second-sign-in")
        await expect(self.tablet.page.locator("#save")).to_be_visible()
        await self.fill(choices, texts)
        if label:
            await self.tablet.scan(label)
            await expect(self.tablet.page.locator("#field-batch")).to_have_value("A1234")
        await self.tablet.tap("#save")
        await expect(self.tablet.page.locator(".fact-form")).to_have_count(0)
        first, self.who = self.who, second
        self.wrote(kind)
        self.who = first

    async def signs(self, *, neuro: bool = False) -> None:
        """Chart a complete set, and that there is no new sign where asked."""
        await self.tablet.tap("#open-vitals")
        await self.tablet.key_at_once("16" + "98")
        await self.tablet.tap('[data-choice="on_oxygen:false"]')
        await self.tablet.key_at_once("122" + "76" + "72" + "368")
        await self.tablet.tap('[data-choice="consciousness:A"]')
        await self.tablet.tap("#save-vitals")
        await expect(self.tablet.page.locator("#said")).to_contain_text("On the record: Vital signs")
        self.wrote("vitals.recorded")
        if neuro:
            await self.tablet.tap("#no-new-sign")
            await expect(self.tablet.page.locator("#said")).to_contain_text("On the record: No new sign")
            self.wrote("befast.checked")
        await self.tablet.tap("#vitals-back")


async def check_in_by_band(bedside: Bedside) -> None:
    """Another patient's band answers nothing; the right one says how identity was checked."""
    page = bedside.tablet.page
    answer = page.locator('[data-field="identity_check"] [aria-pressed="true"]')
    await bedside.tablet.tap('.step [data-type="patient.checked_in"]')
    await bedside.tablet.scan(f"]d28018{band_of('Nobody')}")
    await expect(page.locator(".scan")).to_contain_text("WRONG PATIENT")
    await expect(answer).to_have_count(0)
    await bedside.tablet.scan(f"]d28018{band_of('Abelin')}")
    await expect(page.locator(".scan")).to_contain_text("Right patient: ABELIN, Clara, Chair 1")
    await expect(answer).to_have_text("Wristband scan")
    await bedside.tablet.picture("check_in_by_band")
    await bedside.tablet.tap("#save")
    await expect(page.locator(".fact-form")).to_have_count(0)
    bedside.wrote("patient.checked_in")


async def screen(bedside: Bedside) -> None:
    """From the door to the prescriber's word."""
    await check_in_by_band(bedside)
    await bedside.chart("screening.started")
    await bedside.tablet.tap('.step [data-type="checklist.recorded"]')
    await bedside.tablet.tap("#all-clear")
    await bedside.tablet.tap("#save")
    await expect(bedside.tablet.page.locator("#said")).to_contain_text("On the record")
    bedside.wrote("checklist.recorded")
    ecg = {"st_change": "none", "changed_from_baseline": "false"}
    await bedside.chart("ecg.recorded", choices=ecg, texts={"rhythm": "sinus", "rate_per_min": "72"})
    await bedside.signs(neuro=True)
    await bedside.at("07:10", "doctor")
    await bedside.chart("screening.passed")


async def prepare(bedside: Bedside) -> None:
    """Pre-medication, and the bag by two."""
    await bedside.at("07:30", "nurse")
    for kind, drug, dose in PILLS:
        texts = {"drug": drug, "dose_mg": dose, "route": "oral"}
        await bedside.chart("premed.given", choices={"class": kind}, texts=texts, late=5)
    await bedside.at("08:45", "nurse")
    steroid = {
        "drug": "methylprednisolone",
        "dose_mg": "1000",
        "route": "iv",
        "started_at": "08:30",
        "ended_at": "09:30",
    }
    await bedside.chart("premed.given", choices={"class": "corticosteroid"}, texts=steroid)
    await bedside.chart("premed.completed")
    # Batch and expiry stand on the label, and on it that the bag is this patient's.
    label = f"]d28018{band_of('Abelin')}{GROUP_SEPARATOR}10A1234{GROUP_SEPARATOR}17271100"
    written = {"product": "Lemtrada", "prepared_at": "09:20", "volume_ml": "101.2", "dose_mg": "12"}
    await bedside.by_two("bag.prepared", {"diluent": "sodium_chloride_0_9"}, written, "colleague", label=label)
    await bedside.signs()


async def infuse(bedside: Bedside) -> None:
    """Four hours, with a pause."""
    await bedside.at("09:00", "nurse")
    await bedside.by_two("infusion.started", {}, {"rate_ml_per_h": "25.3"}, "colleague")
    await bedside.at("09:15", "nurse")
    await bedside.signs()
    await bedside.chart("infusion.paused", choices={"reason": "patient"})
    await bedside.chart("infusion.resumed", texts={"rate_ml_per_h": "25.3"})
    for time in ("10:00", "10:55", "11:50", "12:45"):
        await bedside.at(time, "nurse")
        await bedside.signs()
    await bedside.at("13:00", "nurse")
    await bedside.chart("infusion.completed")
    await bedside.signs(neuro=True)


async def test_a_whole_day_charted_by_touch_stands_in_the_log_as_it_was_charted(
    morning: ServedWard, tablets: Tablets
) -> None:
    day = morning.days[0]
    tablet = await tablets.open(morning)
    bedside = Bedside(tablet)
    await bedside.at("07:00", "nurse")
    await tablet.open_day(day)
    await screen(bedside)
    await prepare(bedside)
    await infuse(bedside)
    await bedside.at("15:00", "nurse")
    await bedside.signs(neuro=True)
    await tablet.picture("day_before_discharge")
    await tablet.tap('.step [data-type="patient.discharged"]')
    await expect(tablet.page.locator('.guards [data-guard="observation-minimum"]')).to_have_attribute("data-met", "yes")
    await tablet.picture("discharge_checklist")
    await tablet.tap("#form-back")
    await bedside.chart("patient.discharged", choices={"alert_card_given": "true"})
    await expect(tablet.page.locator("#phase")).to_contain_text("Discharged")
    await tablet.picture("day_discharged")
    await tablet.tap("#to-ward")
    await tablet.tap("#open-handover")
    await tablet.tap('[data-hours="8"]')
    await expect(tablet.page.locator(".bed details summary")).to_contain_text("earlier")
    await expect(tablet.page.locator(".bed li time")).not_to_have_count(0)
    await tablet.picture("handover_long_day")

    entries = [entry for entry in await morning.entries(day) if entry["type"] != "day.scheduled"]
    assert not [entry for entry in entries if entry["kind"] == "refused"]
    halves = {"double_check.entered"}
    charted = [(e["type"], e["occurred_at"], e["actor"]["id"]) for e in entries if e["type"] not in halves]
    assert charted == bedside.script
