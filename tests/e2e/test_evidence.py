"""What an auditor's browser checks by itself, against the real service: what is true passes, what is not does not."""

from __future__ import annotations

import json
import uuid
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from infusion_service.log.checkpoints import origin_of
from infusion_service.log.entry import canonical
from infusion_service.log.merkle import Frontier, consistency_proof, inclusion_proof, subtrees_of
from infusion_service.log.note import Checkpoint, Signer, Verifier, parse_note, sign_checkpoint
from infusion_service.log.signing_keys import make_further_key, read_keys
from infusion_service.log.verify_bundle import verify_bundle
from tests.cli.running import Site
from tests.e2e.conftest import WAIT_MS
from tests.e2e.ward import DATE, SIGNS, ServedWard
from tests.log.test_note import NOTE, ORIGIN, VKEY

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHANGES = 200

JUDGE = (Path(__file__).parent / "judge_of_proofs.js").read_text(encoding="utf-8")
"""Runs inside the page: verifies all there is, then changes it in every way and says what was noticed."""

NOTICED = {
    "leaf": {"inclusion": "differs", "leaf": "differs", "shown": "differs"},
    "leaf not in its one form": {
        "inclusion": "differs", "leaf": "notCanonical", "body": "notCanonical", "shown": "notCanonical",
    },
    "body": {"body": "differs", "shown": "differs"},
    "body and what is shown": {"body": "differs"},
    "salt": {"body": "differs"},
    "salt too short": {"body": "notASalt"},
    "proof": {"inclusion": "differs"},
    "proof too long": {"inclusion": "notAProof"},
    "another entry's": {"inclusion": "differs", "leaf": "differs", "shown": "differs"},
    "size of the checkpoint": {"signature": "notSigned"},
    "root of the checkpoint": {"signature": "notSigned"},
    "signature": {"signature": "notSigned"},
    "another log's key": {"signature": "unknownKey"},
    "a stranger's signature": {"signature": "unknownKey"},
    "withheld and another value": {"shown": "differs"},
    "withheld and another person": {"shown": "differs"},
    "value shown": {"shown": "differs"},
    "member hidden": {"shown": "differs"},
    "member added": {"shown": "differs"},
    "rolled back": {"consistency": "rolledBack"},
    "forked": {"consistency": "forked", "inclusion": "differs"},
    "another past": {"consistency": "forked"},
    "growth": {"consistency": "forked"},
    "growth from elsewhere": {"consistency": "otherProof"},
    "growth of another length": {"consistency": "notAProof"},
}  # fmt: skip
"""What was changed, the steps that fail, and why."""


@dataclass
class Desk:
    """An auditor at a desk, on the page of a service of their own."""

    ward: ServedWard
    page: Page
    auditor: str
    signer: Signer
    older: str
    """A checkpoint from before the infusion."""
    complaints: list[str] = field(default_factory=list)

    @property
    def day(self) -> str:
        """The one patient's day."""
        return self.ward.days[0]

    async def ask(self, path: str) -> Any:
        """Ask the service as the auditor, outside the page."""
        return await self.ward.call(self.auditor, "GET", path)

    async def note(self) -> str:
        """The newest checkpoint."""
        headers = {"Authorization": f"Bearer {self.auditor}"}
        async with self.ward.client.get(f"{self.ward.url}/v1/log/checkpoint", headers=headers) as response:
            return await response.text()

    async def pin(self, *lines: str) -> None:
        """Have this browser hold these key lines and no others, and have seen no checkpoint."""
        await self.page.evaluate(
            """async (lines) => {
              const { pins, pinKey } = await import("/static/desk/pins.js");
              localStorage.clear();
              pins.value = { keys: [], seen: {} };
              for (const line of lines) pinKey(line, true);
            }""",
            lines,
        )

    async def show(self, component: str, properties: Any) -> None:
        """Put one component into the page, alone; `opened` on the window remembers which day it wanted opened."""
        await self.page.evaluate(
            """async ([component, properties]) => {
              const { render } = await import("preact");
              const { html } = await import("/static/markup.js");
              const files = { ProofPanel: "proof_panel", DayProof: "day_proof", ExportButton: "export_button" };
              const shown = (await import(`/static/desk/${files[component] ?? "questions"}.js`))[component];
              const place = document.getElementById("desk");
              render(null, place);
              const openDay = (day, seq) => { window.opened = [day, seq]; };
              const openEntry = (seq) => { window.opened = seq; };
              render(html`<main><${shown} ...${{ openDay, openEntry, ...properties }} /></main>`, place);
            }""",
            [component, properties],
        )


async def infusing(ward: ServedWard) -> None:
    """One patient up to the infusion, with a fact that came late, one that was refused, and an alert."""
    await ward.staff()
    await ward.everybody_infusing()
    late = {"event_id": str(uuid.uuid4()), "type": "note.added", "data": {"text": "rash since 8"}}
    fact = {**late, "occurred_at": f"{DATE}T08:20:00Z", "late_reason": "tablet was away"}
    await ward.call(await ward.token("nurse"), "POST", f"/v1/days/{ward.days[0]}/events", fact)
    await ward.fact(ward.days[0], "vitals.recorded", {**SIGNS, "systolic_mmhg": 186, "diastolic_mmhg": 112})
    refused = {"event_id": str(uuid.uuid4()), "type": "screening.passed", "data": {}}
    headers = {"Authorization": f"Bearer {await ward.token('nurse')}"}
    async with ward.client.post(f"{ward.url}/v1/days/{ward.days[0]}/events", json=refused, headers=headers) as answer:
        assert answer.status in (403, 409)


@pytest.fixture(scope="module")
def audited_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with its key, before there is any event loop."""
    site = Site(tmp_path_factory.mktemp("audited"))
    made = site.run("init")
    assert made.code == 0, made.err
    return site


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(audited_site: Site, browser: Browser) -> AsyncIterator[Desk]:
    """An auditor who has signed in."""
    with audited_site.serving() as serving:
        async with aiohttp.ClientSession() as client:
            admin = audited_site.token_file.read_text(encoding="utf-8").strip()
            ward = ServedWard(url=serving.url, admin=admin, client=client, patients=(("Abelin", "Clara"),))
            wanted = {"label": "a", "role": "auditor", "expires_at": "2027-06-01T00:00:00Z"}
            minted = await ward.call(admin, "POST", "/v1/tokens", wanted)
            signer = Signer(origin_of("demo", 1), read_keys(audited_site.directory)[0])
            context = await browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
            context.set_default_timeout(WAIT_MS)
            desk = Desk(ward, await context.new_page(), minted["token"], signer, older="")
            desk.older = await desk.note()
            await infusing(ward)
            desk.page.on("pageerror", lambda error: desk.complaints.append(str(error)))
            desk.page.on("console", lambda said: desk.complaints.append(said.text) if said.type == "error" else None)
            await desk.page.goto(f"{serving.url}/audit#token={minted['token']}")
            await expect(desk.page.locator("#signed-in-as")).to_be_visible()
            yield desk
            await context.close()
            assert not desk.complaints


def text(hashes: list[bytes]) -> list[str]:
    """Hashes as the wire has them."""
    return [b64encode(each).decode() for each in hashes]


def trees() -> dict[str, Any]:
    """Every inclusion and consistency proof of every tree up to 17 leaves, as the service's own code makes them."""
    leaves = [bytes([number]) * 32 for number in range(17)]
    read = subtrees_of(leaves)
    roots = [b64encode(Frontier(leaves[:size]).root()).decode() for size in range(18)]
    return {
        "leaves": text(leaves),
        "roots": roots,
        "inclusions": [
            [index, size, text(inclusion_proof(read, index, size))] for size in range(1, 18) for index in range(size)
        ],
        "growths": [
            [old, size, text(consistency_proof(read, old, size))] for size in range(2, 18) for old in range(1, size)
        ],
    }


REFUSED = ["1.5", "null", "9007199254740992", "-0", '"\\ud800"', '{"\u00e4":1}', "[[null]]", "1e400"]
"""Values that have no place in the log."""


def values() -> Iterator[Any]:
    """Values of every shape the log can hold, with the characters that are written in a way of their own."""
    chance = Random(8)  # noqa: S311 - the same values every time
    alphabet = [
        chr(code) for code in (*range(0x20), 0x22, 0x2F, 0x5C, 0x7F, 0x80, 0xE9, 0x2028, 0xFEFF, 0xFFFD, 0x1F600)
    ]

    def value(depth: int) -> Any:
        kind = chance.randrange(6 if depth else 4)
        if kind == 0:
            return chance.choice([True, False])
        if kind == 1:
            return chance.choice([0, -1, 2**53 - 1, 1 - 2**53, chance.randrange(10**15)])
        if kind < 4:
            return "".join(chance.choice(alphabet) for _ in range(chance.randrange(6)))
        if kind == 4:
            return [value(depth - 1) for _ in range(chance.randrange(4))]
        names = ("a", "B", "_", "10", "9", "aa", "", "~", "\x00", "__proto__", "constructor")
        return {name: value(depth - 1) for name in chance.sample(names, chance.randrange(6))}

    return (value(3) for _ in range(400))


# Long because the page judges everything in one go, and all of what it says is looked at here.
async def test_what_is_true_passes_and_what_was_changed_does_not(desk: Desk, tmp_path: Path) -> None:
    seen = await desk.note()
    newest = Checkpoint.from_text(parse_note(seen.encode()).text)
    other = Checkpoint(newest.origin, newest.size, bytes(32))
    stranger = Signer(newest.origin, make_further_key(tmp_path))

    judged = await desk.page.evaluate(
        JUDGE,
        {
            "day": desk.day,
            "key": desk.signer.verifier.as_text(),
            "older": desk.older,
            "seen": seen,
            "forked": sign_checkpoint(other, [desk.signer]).decode(),
            "strangers": sign_checkpoint(newest, [stranger]).decode(),
            "both": sign_checkpoint(newest, [stranger, desk.signer]).decode(),
            "golden": {"note": NOTE.decode(), "key": VKEY, "origin": ORIGIN},
            "canonical": [[json.dumps(value), b64encode(canonical(value)).decode()] for value in values()],
            "refused": REFUSED,
            "trees": trees(),
            "changes": CHANGES,
        },
    )

    assert judged["lacking"] == ""
    assert judged["golden"] == {"ok": True, "size": "3"}
    assert judged["golden_bits_that_passed"] == []
    assert judged["canonical"] == judged["not_refused"] == []
    assert judged["trees"] == {"right": [], "wrong": []}
    # Every entry of the day and of the site's own stream, whatever its kind.
    assert {"fact", "derived", "refused", "access", "admin"} <= set(judged["kinds"])
    assert judged["not_good"] == []
    assert judged["chains"] == {
        "whole": "whole",
        "without the first": "broken",
        "with a hole": "broken",
        "in another order": "broken",
        "with another stream's": "broken",
        "one not shown": "notAllShown",
        "one shown too many": "notAllShown",
    }
    assert judged["changed"] == NOTICED
    assert judged["not_made"] == {
        "no key": ["signature", "consistency", "inclusion"],
        "erased": ["body", "shown"],
        "withheld": ["body", "shown"],
        "withheld when loaded": ["shown"],
        "not signed yet": ["inclusion"],
    }
    assert judged["verdicts"] == {"both keys": "good", "no key": "partly", "erased": "partly", "no growth": "partly"}
    assert judged["one_byte"] == {"tried": CHANGES, "survived": []}


async def verdict(desk: Desk, wanted: str) -> None:
    """Press the button and wait for what it says."""
    await desk.page.locator("#verify-entry").click()
    await expect(desk.page.locator("#verdict")).to_have_attribute("data-verdict", wanted)


async def test_an_auditor_pins_a_key_and_verifies_and_is_told_in_red_of_a_log_that_lost_something(desk: Desk) -> None:
    page = desk.page
    entries = (await desk.ask(f"/v1/days/{desk.day}/entries"))["entries"]
    raised = next(entry for entry in entries if entry["type"] == "alert.raised")
    await desk.pin()
    await desk.show("ProofPanel", {"entry": raised})
    await expect(page.locator(".proof")).to_contain_text("None is pinned")
    await expect(page.locator("[data-take]")).to_have_count(1)
    await verdict(desk, "partly")
    line = desk.signer.verifier.as_text()
    await page.locator("#key-line").fill(line[:-3] + "x" + line[-2:])
    await page.locator("#pin-key").click()
    await expect(page.locator(".proof [role=alert]")).to_be_visible()
    await page.locator("#key-line").fill(line)
    await page.locator("#pin-key").click()
    await expect(page.locator("[data-key]")).to_contain_text("pasted")

    await verdict(desk, "good")
    await expect(page.locator('[data-step="consistency"]')).to_contain_text("first visit")
    await desk.ward.fact(desk.day, "note.added", {"text": "between two visits"})
    await verdict(desk, "good")
    await expect(page.locator('[data-step="consistency"]')).to_have_attribute("data-ok", "true")
    seen = await page.evaluate("localStorage.getItem('infusion-audit-pins')")

    async def rolled_back(route: Route) -> None:
        await route.fulfill(body=desk.older, content_type="text/plain; charset=utf-8")

    await page.route("**/v1/log/checkpoint", rolled_back)
    await verdict(desk, "bad")
    await expect(page.locator("#verdict")).to_have_attribute("role", "alert")
    await expect(page.locator('[data-step="consistency"]')).to_contain_text("ROLLED BACK")
    assert await page.evaluate("localStorage.getItem('infusion-audit-pins')") == seen
    await page.unroute("**/v1/log/checkpoint")

    await desk.show("ProofPanel", {"entry": {**raised, "data": {**raised["data"], "severity": "low"}}})
    await verdict(desk, "bad")
    await expect(page.locator('[data-step="shown"]')).to_have_attribute("data-ok", "false")


async def test_a_whole_day_is_verified_and_what_was_changed_or_left_out_of_it_is_named(desk: Desk) -> None:
    page = desk.page
    entries = (await desk.ask(f"/v1/days/{desk.day}/entries"))["entries"]
    day_verdict = page.locator("#day-verdict")
    await desk.pin(desk.signer.verifier.as_text())

    async def verify(shown: list[dict[str, Any]], wanted: str) -> None:
        await desk.show("DayProof", {"day": desk.day, "entries": shown})
        await page.locator("#verify-day").click()
        await expect(day_verdict).to_have_attribute("data-verdict", wanted)

    await verify(entries, "good")
    await expect(page.locator(".proof")).to_contain_text(f"{len(entries)} verified, 0 not checked to the end, 0 wrong")
    changed = [{**entry, "occurred_at": entry["rcv"]} if entry.get("late_reason") else entry for entry in entries]
    await verify(changed, "bad")
    (late,) = [entry["seq"] for entry in entries if entry.get("late_reason")]
    await page.locator(f'[data-wrong="{late}"] button').first.click()
    assert await page.evaluate("window.opened") == late
    await verify(entries[:3] + entries[4:], "bad")
    await expect(page.locator('[data-step="chain"]')).to_contain_text("other entries of the day than are shown")


async def test_a_question_names_days_and_a_day_leaves_as_evidence(desk: Desk, tmp_path: Path) -> None:
    page = desk.page
    await desk.ask(f"/v1/days/{desk.day}")
    await desk.show("Questions", {})
    await page.locator("#question").select_option("late")
    await page.locator("#ask").click()
    await expect(page.locator("#rows tbody tr")).to_have_count(1)
    await expect(page.locator("#rows")).to_contain_text("tablet was away")
    await page.locator("#rows [data-day]").click()
    assert (await page.evaluate("window.opened"))[0] == desk.day
    await page.locator("#question").select_option("answers")
    await page.locator("#patient-asked").fill("P-nobody")
    await page.locator("#ask").click()
    await expect(page.locator(".questions")).to_contain_text("Nothing to tell")

    await desk.show("AccessList", {"patient": "P-Abelin", "day": desk.day})
    await page.locator("#show-access").click()
    await expect(page.locator("#rows")).to_contain_text("day read")
    await expect(page.locator("#rows")).to_contain_text("whole log read")

    await desk.show("ExportButton", {"day": desk.day})
    async with page.expect_download() as download:
        await page.locator("#export-day").click()
    saved = await download.value
    assert saved.suggested_filename == f"infusion-day-{desk.day}.zip"
    await saved.save_as(tmp_path / "day.zip")
    key = Verifier.from_text(desk.signer.verifier.as_text())
    report, _ = verify_bundle((tmp_path / "day.zip").read_bytes(), keys=[key])
    assert report.ok
