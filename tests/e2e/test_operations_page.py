"""The operator's page in one night: why an endpoint lags, a parked message brought home, people, tablets, protocols."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from infusion_service.delivery.signing import read_secret, verified
from tests.cli.running import Site
from tests.e2e.desk import Desk, Desks
from tests.e2e.engine import REFUSED, ScriptedEngine
from tests.e2e.night import (
    AS_IT_KEEPS_UP,
    SENTENCES,
    Night,
    another_version,
    clean,
    comes_back_to,
    go,
    looked_at,
    shown_once,
)
from tests.e2e.ward import PIN, SIGNS, WARD, ServedWard

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="session")
def night_site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, ScriptedEngine]:
    """A site that may deliver to an engine of its own, on which `init` has been run."""
    folder = tmp_path_factory.mktemp("night")
    engine = ScriptedEngine()
    settings = {
        "INFUSION_DELIVERY_PLAIN_NETWORKS": "127.0.0.1/32",
        "INFUSION_DELIVERY_PORTS": str(engine.port),
        "INFUSION_WORKFLOWS_DIRECTORY": str(another_version(folder / "workflows")),
    }
    site = Site(folder, settings)
    made = site.run("init")
    assert made.code == 0, made.err
    return site, engine


@pytest_asyncio.fixture(loop_scope="session")
async def night(night_site: tuple[Site, ScriptedEngine], browser: Browser) -> AsyncIterator[Night]:
    """Four patients whose infusion runs, an engine that listens, desks to look from."""
    site, engine = night_site
    await engine.start()
    desks = Desks(browser)
    with site.serving() as serving:
        async with aiohttp.ClientSession() as client:
            ward = ServedWard(url=serving.url, admin=site.token_file.read_text(encoding="utf-8").strip(), client=client)
            await ward.staff()
            token = {"label": "engines", "role": "integration", "expires_at": "2026-12-01T00:00:00Z"}
            minted = await ward.call(ward.admin, "POST", "/v1/tokens", token)
            yield Night(ward, engine, serving, desks, site.directory, minted["token"])
    await engine.stop()
    await desks.close()


async def adds_an_endpoint(night: Night, desk: Desk) -> tuple[str, str]:
    """Add the engine by the form, which says beside the field what it does not take; return id and secret."""
    page = await go(desk, "endpoints", "new")
    await page.locator("#field-name").fill("bed management")
    await page.locator("#field-url").fill("http://192.0.2.7/hook")
    await page.locator("#field-types").fill("day.*, alert.*")
    await page.locator("#field-permanent").fill(str(REFUSED))
    await page.locator("#save-endpoint").click()
    await expect(page.locator("#field-url-fault")).not_to_be_empty()
    await looked_at(desk, "endpoint_refused")
    await page.locator("#field-url").fill(night.engine.url)
    await page.locator("#save-endpoint").click()
    await expect(page.locator("#once")).to_have_value(re.compile("^whsec_"))
    secret = await shown_once(page)
    await page.locator("#once-kept").click()
    await expect(page.locator("#why")).to_have_text("Everything has been taken.")
    assert secret not in await page.content()
    desk.expect_refusal()
    return page.url.rpartition("/")[2], secret


async def finds_out_why_it_lags(night: Night, desk: Desk, endpoint: str) -> None:
    """The engine is away: the service screen says soon, the list says why, a ping once it is back ends the outage."""
    night.engine.away = True
    night.engine.unknown = "P-Brandt"
    for family, given in (("Abelin", "Clara"), ("Brandt", "Jonas"), ("Castel", "Elsa")):
        night.ward.days.append(await night.ward.schedule(family, given, str(len(night.ward.days) + 1)))
    await night.fares(endpoint, "circuit", "open")
    page = await go(desk, "endpoints")
    card = page.locator(f'[data-endpoint="{endpoint}"]')
    await expect(card).to_have_attribute("data-state", "failing")
    await expect(card.locator("#why")).to_contain_text("503: it is not available “maintenance until noon”")
    await expect(card).to_contain_text("docs/operations.md#infusiondeliverylate")
    await looked_at(desk, "endpoints_failing")
    night.engine.away = False
    await card.get_by_role("link", name="bed management").click()
    await page.locator("#ping").click()
    await expect(page.locator("#pong")).to_contain_text("200: taken")
    await expect(page.locator("#why")).to_have_text("1 message is parked and waits for a person.")


async def brings_the_parked_message_home(night: Night, desk: Desk, endpoint: str) -> None:
    """From the service screen to the one message, what was answered, and its second attempt."""
    page = await go(desk, "service")
    finding = page.locator('[data-rule="InfusionDeliveryParked"]')
    await expect(finding).to_contain_text("bed management: messages are parked")
    await finding.get_by_role("link", name="Look at the endpoint").click()
    await expect(page.locator("#why")).to_be_visible()
    await looked_at(desk, "endpoint")
    await page.get_by_role("link", name="Look at 1 parked message").click()
    await expect(page.locator("#deliveries tbody tr")).to_have_count(1)
    await looked_at(desk, "deliveries_parked")
    await page.locator("#deliveries tbody a").click()
    await expect(page.locator("#attempts tbody tr").last).to_contain_text("422: it does not accept this message")
    await expect(page.locator("#attempts tbody tr").last).to_contain_text("no such bed in the bed register")
    await expect(page.locator("#no-body")).to_be_visible()
    await looked_at(desk, "message_parked")
    night.engine.unknown = ""
    await page.locator("#field-reason").fill("bed 2 is in the register now")
    await page.locator("#retry").click()
    await expect(page.locator("#delivery-state")).to_have_attribute("data-state", "done")
    await expect(page.locator("#outcome")).to_contain_text("Taken at")
    await expect(page.locator("#attempts tbody tr").last).to_contain_text("redrive")
    await desk.picture("ops_message_taken")
    assert any(b"P-Brandt" in body for _, body in night.engine.got)
    retried = await night.ward.call(night.ward.admin, "GET", "/v1/log?type=delivery.retried")
    assert retried["entries"][-1]["data"]["reason"] == "bed 2 is in the register now"
    page = await go(desk, "endpoints", endpoint)
    await expect(page.locator("#why")).to_have_text("Everything has been taken.")


async def drops_what_is_wanted_no_more(night: Night, desk: Desk, endpoint: str) -> None:
    """Another message is refused; this one is given up, with a reason."""
    night.engine.unknown = "P-Dorval"
    night.ward.days.append(await night.ward.schedule("Dorval", "Hugo", "4"))
    await night.fares(endpoint, "parked", 1)
    page = await go(desk, "endpoints", endpoint, "deliveries?state=parked")
    await expect(page.locator("#deliveries tbody tr")).to_have_count(1)
    await page.locator("#field-reason").fill("once more")
    await page.locator("#redrive").click()
    await expect(page.locator("#deliveries tbody tr")).to_contain_text("(2 attempts)")
    await page.locator("#deliveries tbody a").click()
    await page.locator("#field-reason").fill("entered by hand")
    await page.locator("#drop").click()
    await expect(page.locator("#delivery-state")).to_have_attribute("data-state", "dropped")
    night.engine.unknown = ""
    page = await go(desk, "endpoints", endpoint, "deliveries")
    await expect(page.locator('#deliveries [data-state="dropped"]')).to_have_count(1)
    await expect(page.locator('#deliveries [data-state="done"]')).to_have_count(3)
    await looked_at(desk, "deliveries")
    await page.locator("#field-answer").fill(str(REFUSED))
    await page.locator("#field-since").fill("2026-01-01 00:00")
    await page.locator("#search").click()
    await expect(page.locator("#deliveries tbody tr")).to_have_count(1)
    await expect(page.locator('#deliveries [data-state="dropped"]')).to_have_count(1)


async def holds_rotates_and_sends_again(night: Night, desk: Desk, endpoint: str, first_secret: str) -> None:
    """Another filter; held and enabled; another secret beside the old one; everything once more; a sample by curl."""
    page = await go(desk, "endpoints", endpoint, "change")
    await page.locator("#field-severities").fill("critical, high")
    await page.locator("#save-endpoint").click()
    await expect(page.locator("main")).to_contain_text("critical, high")
    await page.locator("#field-reason").fill("engine moves to another rack")
    await page.locator("#set-state").click()
    await expect(page.locator("#why")).to_contain_text("A person holds it: “engine moves to another rack”.")
    await page.locator("#field-reason").fill("it has moved")
    await page.locator("#set-state").click()
    await expect(page.locator("#why")).to_have_text("Everything has been taken.")
    await page.locator("#rotate").click()
    secret = await shown_once(page)
    await page.locator("#once-kept").click()
    await expect(page.locator("#old-secret")).to_be_visible()
    before = len(night.engine.got)
    await page.locator("#replay").click()
    await expect(page.get_by_text("are sent again")).to_be_visible()
    headers, body = await night.engine.next_after(before)
    for each in (first_secret, secret):
        stamp = int(headers["webhook-timestamp"])
        assert verified(headers["webhook-signature"], read_secret(each), headers["webhook-id"], stamp, body)
    await page.locator("summary").click()
    sample = await page.locator("#sample").inner_text()
    await clean(desk, "endpoint with its sample")
    await runs_in_a_shell(night, sample, secret)


async def runs_in_a_shell(night: Night, sample: str, secret: str) -> None:
    """The lines the page shows sign as a delivery is signed."""
    folder = night.folder / "shell"
    folder.mkdir()
    (folder / "engine.secret").write_text(secret + "\n", encoding="ascii")
    before = len(night.engine.got)
    shell = await asyncio.create_subprocess_exec("sh", "-e", "-c", sample, cwd=folder, stdout=asyncio.subprocess.PIPE)
    out, _ = await shell.communicate()
    assert b"200 OK" in out
    headers, body = next(each for each in night.engine.got[before:] if each[0]["webhook-id"] == "sample-1")
    stamp = int(headers["webhook-timestamp"])
    assert verified(headers["webhook-signature"], read_secret(secret), headers["webhook-id"], stamp, body)


async def looks_after_tablets(night: Night, desk: Desk) -> None:
    """Enrol one, with the refusal beside the field; its token opens the ward's page; revoke it."""
    page = await go(desk, "devices")
    await expect(page.locator('[data-device="tablet-1"]')).to_contain_text("ago")
    await page.locator("#field-device").fill("Tablet 9")
    await page.locator("#enrol").click()
    await expect(page.locator("#field-device-fault")).not_to_be_empty()
    await looked_at(desk, "devices_refused")
    await page.locator("#field-device").fill("tablet-9")
    await page.locator("#enrol").click()
    await expect(page.locator("#enrol-link")).to_have_value(re.compile("/#device=infd_"))
    token = await shown_once(page)
    assert (await page.locator("#enrol-link").input_value()).endswith(token)
    await page.locator("#once-kept").click()
    row = page.locator('[data-device="tablet-9"]')
    await row.get_by_role("button", name="Revoke").click()
    await row.get_by_role("button", name="Revoke for good").click()
    await expect(row).to_contain_text("Revoked 2026-11-23")
    assert token not in await page.content()
    desk.expect_refusal()


async def looks_after_people(night: Night, desk: Desk) -> None:
    """Somebody forgot the PIN: unlock, another PIN; somebody new; somebody who has left."""
    person = {"staff": "robin", "name": "Robin", "role": "nurse", "badge": "B-robin", "pin": PIN}
    await night.ward.call(night.ward.admin, "POST", "/v1/staff", person)
    for _ in range(5):
        forgotten = {"badge": "B-robin", "pin": "000000"}
        headers = {"Authorization": f"Bearer {night.ward.tablet}"}
        async with night.ward.client.post(f"{night.ward.url}/v1/sessions", json=forgotten, headers=headers) as refused:
            assert refused.status == 401
    page = await go(desk, "staff")
    first = page.locator("#staff tbody tr").first
    await expect(first).to_contain_text("Locked 2026-11-23")
    await looked_at(desk, "staff_locked")
    await first.get_by_role("button", name="Unlock").click()
    robin = page.locator('[data-staff="robin"]')
    await expect(robin).to_contain_text("Active")
    await robin.get_by_role("button", name="PIN or badge").click()
    await robin.get_by_label("New PIN").fill("112358")
    await robin.get_by_role("button", name="Save").click()
    await expect(robin.get_by_label("New PIN")).to_have_count(0)
    await page.locator("#field-name").fill("Noor Agency")
    await page.locator("#field-badge").fill("B-noor")
    await page.locator("#field-pin").fill("12")
    await page.locator("#field-wards").fill(WARD)
    await page.locator("#add-person").click()
    await expect(page.locator("#field-pin-fault")).not_to_be_empty()
    await page.locator("#field-pin").fill("314159")
    await page.locator("#add-person").click()
    await expect(page.get_by_text("Noor Agency is added as")).to_be_visible()
    await page.locator("#find-staff").fill("noor")
    row = page.locator("#staff tbody tr")
    await expect(row).to_have_count(1)
    await row.get_by_role("button", name="Disable").click()
    await row.get_by_role("button", name="Disable for good").click()
    await expect(row).to_contain_text("Disabled 2026-11-23")
    await clean(desk, "staff")
    opened = {"badge": "B-robin", "pin": "112358"}
    assert (await night.ward.call(night.ward.tablet, "POST", "/v1/sessions", opened))["staff"] == "robin"
    desk.expect_refusal()


async def looks_after_tokens(desk: Desk) -> None:
    """Mint one for a scraper, narrowed; revoke it. One that soon expires stands first."""
    page = await go(desk, "tokens")
    await expect(page.locator("#tokens tbody tr").first).to_contain_text("Expires in 7 d 18 h")
    await page.locator("#field-label").fill("prometheus")
    await page.locator("#field-scopes").fill("metrics")
    await page.locator("#mint").click()
    await expect(page.locator("#once")).to_have_value(re.compile("^inft_"))
    await shown_once(page)
    await page.locator("#once-kept").click()
    row = page.locator("#tokens tbody tr").filter(has_text="prometheus")
    await expect(row).to_contain_text("metrics")
    await row.get_by_role("button", name="Revoke").click()
    await row.get_by_role("button", name="Revoke for good").click()
    await expect(row).to_contain_text("Revoked 2026-11-23")
    await expect(page.locator("#tokens tbody tr").filter(has_text="(yours)")).to_have_count(1)
    await looked_at(desk, "tokens")


async def reads_what_a_new_protocol_changes(desk: Desk) -> None:
    """Two versions, what changed, and the drawing whose table says the same."""
    page = await go(desk, "workflows")
    await expect(page.locator('[data-version="alemtuzumab@1"]')).to_contain_text("entry 1")
    await page.locator('[data-version="alemtuzumab@2"] a').click()
    await expect(page.locator("#changes tbody tr")).to_have_count(2)
    await expect(page.locator("#changes")).to_contain_text("from 8 to 6")
    await expect(page.locator(".diagram [data-state]")).to_have_count(16)
    await looked_at(desk, "workflow_changes")
    await page.locator("summary").click()
    drawn = await page.locator(".diagram .move").count()
    stays = await page.locator("#moves").get_by_text("(stays)").count()
    await expect(page.locator("#moves tbody tr")).to_have_count(drawn + stays)
    await page.locator(".diagram").scroll_into_view_if_needed()
    await looked_at(desk, "workflow_diagram")


async def reads_how_the_service_fares(night: Night, desk: Desk) -> None:
    """A ward is told too much; the figures are those of /metrics."""
    page = await go(desk, "service")
    day = night.ward.days[0]
    await night.ward.clock("07:00")
    await night.ward.fact(day, "patient.checked_in", {"identity_check": "two_identifiers"})
    await night.ward.clock("08:10")
    for sign, value in (("systolic_mmhg", 184), ("heart_rate_per_min", 141), ("spo2_percent", 88)):
        await night.ward.fact(day, "vitals.recorded", {**SIGNS, sign: value})
    await comes_back_to(page)
    finding = page.locator('[data-rule="InfusionAlarmBudget"]')
    await expect(finding).to_contain_text(f"{WARD}: more alerts than people can listen to")
    await expect(page.locator(f'#alarm-budget [data-ward="{WARD}"]')).to_contain_text("Over")
    status = await night.ward.call(night.ward.admin, "GET", "/v1/status")
    await expect(page.locator("#log-and-disk")).to_contain_text(f"{status['log']['entries']} entries")
    await expect(page.locator("#trust")).to_contain_text(re.compile(r"of \d+ entries"))
    await looked_at(desk, "service")


async def at_night(night: Night, endpoint: str) -> None:
    """An engine's colleague in the dark: no people, no tablets, and the very bytes that were sent."""
    desk = await night.desks.open(night.ward.url, "/ops", night.integration, dark=True)
    page = desk.page
    await expect(page.locator("#not-shown")).to_contain_text("devices, staff and tokens")
    assert await page.locator(".screens a").all_inner_texts() == ["Service", "Endpoints", "Workflows"]
    await looked_at(desk, "service_night")
    await go(desk, "endpoints")
    await expect(page.locator(f'[data-endpoint="{endpoint}"]')).to_be_visible()
    await clean(desk, "endpoints at night")
    await go(desk, "endpoints", endpoint)
    await expect(page.locator("#why")).to_be_visible()
    await clean(desk, "endpoint at night")
    await go(desk, "endpoints", endpoint, "deliveries")
    await expect(page.locator("#deliveries")).to_be_visible()
    await clean(desk, "deliveries at night")
    await page.locator("#deliveries tbody a").first.click()
    await page.locator("#show-body").click()
    shown = json.loads(await page.locator("#body").inner_text())
    assert shown == json.loads(next(body for headers, body in night.engine.got if headers["webhook-id"] == shown["id"]))
    await looked_at(desk, "message_night")
    await go(desk, "workflows", "alemtuzumab", "2")
    await expect(page.locator("#changes")).to_be_visible()
    await looked_at(desk, "workflow_night")
    await go(desk, "endpoints", "new")
    await expect(page.locator("#save-endpoint")).to_be_visible()
    await clean(desk, "form at night")
    await desk.page.context.close()


async def goes_on_while_nothing_answers(night: Night, desk: Desk) -> None:
    """The service goes away: what was seen stays, with its age, and nothing else complains."""
    page = await go(desk, "endpoints")
    await expect(page.locator(".card")).to_have_count(1)
    night.serving.process.kill()
    await comes_back_to(page)
    await expect(page.locator("[data-stale]")).to_contain_text("The service does not answer.")
    await expect(page.locator(".card")).to_have_count(1)
    await looked_at(desk, "away")
    await page.locator(".try-again").click()
    await expect(page.locator("[data-stale]")).to_contain_text("Tried again in")
    await page.context.close()
    desk.complaints[:] = [each for each in desk.complaints if "net::ERR_" not in each]


async def says_why_of_every_kind(page: Page) -> None:
    """The one sentence, for what no night brings all at once."""
    statuses = [AS_IT_KEEPS_UP | more for more, _, _ in SENTENCES]
    told = await page.evaluate(
        "async (all) => { const { why } = await import('/static/desk/why.js'); return all.map((each) => why(each)); }",
        statuses,
    )
    assert [(each["key"], each["says"]) for each in told] == [(key, says) for _, key, says in SENTENCES]


async def test_a_night_at_the_operators_desk(night: Night) -> None:
    desk = await night.desks.open(night.ward.url, "/ops", night.ward.admin)
    await desk.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await expect(desk.page.locator("#calm")).to_be_visible()
    await says_why_of_every_kind(desk.page)
    endpoint, secret = await adds_an_endpoint(night, desk)
    await finds_out_why_it_lags(night, desk, endpoint)
    await brings_the_parked_message_home(night, desk, endpoint)
    await drops_what_is_wanted_no_more(night, desk, endpoint)
    await holds_rotates_and_sends_again(night, desk, endpoint, secret)
    await looks_after_tablets(night, desk)
    await looks_after_people(night, desk)
    await looks_after_tokens(desk)
    await reads_what_a_new_protocol_changes(desk)
    await reads_how_the_service_fares(night, desk)
    await at_night(night, endpoint)
    await goes_on_while_nothing_answers(night, desk)
