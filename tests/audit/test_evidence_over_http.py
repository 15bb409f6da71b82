"""Openings and bundles over HTTP: the very bytes of the log for who may read them, and none that two people hide."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from infusion_service.bootstrap import open_service
from infusion_service.cli.export import collected
from infusion_service.clinical.vocabulary import SERVICE, Entry, format_time
from infusion_service.intake.clock import SimulatedClock
from infusion_service.log.bundle import unpack
from infusion_service.log.checkpoints import PATIENT_ERASED, origin_of
from infusion_service.log.entry import commitment, leaf_hash, seal
from infusion_service.log.memory import MemoryStore
from infusion_service.log.merkle import Frontier, verify_inclusion
from infusion_service.log.note import Signer, Verifier
from infusion_service.log.signing_keys import make_first_key, read_keys
from infusion_service.log.store import Batch
from infusion_service.log.verify_bundle import verify_bundle
from infusion_service.settings import Settings
from infusion_service.web.evidence import packed_evidence
from infusion_service.web.openings import OPENINGS_MAX
from tests.audit.test_proofs_over_http import Office, opened
from tests.intake.ward import note, schedule
from tests.web.conftest import BAG, START, WARDS, HttpWard, new_event_id, opened_ward

BATCH = "SECRET-BATCH-9"


@dataclass
class SignedOffice:
    """An office whose log is signed, and its one day."""

    office: Office
    directory: Path
    day: str

    @property
    def key(self) -> Verifier:
        """The key line an auditor keeps."""
        return Signer(origin_of("demo", 1), read_keys(self.directory)[0]).verifier

    @property
    def settings(self) -> Settings:
        """What a command beside the service would be told."""
        return Settings(site="demo", database=self.directory / "infusion.db")

    async def bundle(self, more: str = "") -> bytes:
        """The day as the auditor downloads it."""
        headers = {"Authorization": f"Bearer {self.office.tokens['auditor']}"}
        path = f"/v1/days/{self.day}/bundle{more}"
        async with self.office.client.get(path, headers=headers) as response:
            assert response.status == 200, await response.text()
            assert response.content_type == "application/zip"
            named = response.headers["Content-Disposition"]
            assert named == f'attachment; filename="infusion-day-{self.day}.zip"'
            return await response.read()


@pytest.fixture
async def signed(tmp_path: Path) -> AsyncIterator[SignedOffice]:
    make_first_key(tmp_path)
    async with opened(tmp_path) as office:
        (row,) = await office.service.intake.board(limit=10)
        yield SignedOffice(office, tmp_path, str(row["day_id"]))


async def test_a_bundle_is_what_the_command_writes_and_holds_its_own_reading(signed: SignedOffice) -> None:
    downloaded = await signed.bundle()
    # The command finds the same checkpoint outside, as soon as it is published.
    written = await asyncio.to_thread(collected, signed.settings, signed.day, None)

    report, _ = verify_bundle(downloaded, keys=[signed.key])
    assert report.ok
    last = unpack(downloaded).entries[-1].entry.as_json()
    assert (last["type"], last["data"]) == ("day.read", {"what": "bundle"})
    assert packed_evidence(written, START) == downloaded


async def test_a_bundle_proves_that_the_log_only_grew_since_a_size(signed: SignedOffice) -> None:
    intake = signed.office.service.intake
    mine = signed.office.service.checkpoints.note
    assert mine is not None
    size = intake.log_size
    await intake.submit(note(signed.day))

    report, _ = verify_bundle(await signed.bundle(f"?from={size}"), keys=[signed.key], since=mine)

    assert report.status("consistency") == "ok"
    for more in ("from=100000", "from=-1", "from=x", "since=1"):
        status, problem = await signed.office.call("GET", f"/v1/days/{signed.day}/bundle?{more}")
        assert (status, problem["code"]) == (400, "malformed")


async def test_many_ask_for_bundles_while_facts_come_in(signed: SignedOffice) -> None:
    intake = signed.office.service.intake
    facts = [intake.submit(note(signed.day)) for _ in range(20)]
    found = await asyncio.gather(*(signed.bundle() for _ in range(4)), *facts)

    for bundle in found[:4]:
        assert isinstance(bundle, bytes)
        assert verify_bundle(bundle, keys=[signed.key])[0].ok


def held(opening: dict[str, Any]) -> tuple[bytes, bytes, bytes]:
    """Leaf, body and salt."""
    leaf, body, salt = (b64decode(opening[name], validate=True) for name in ("leaf", "body", "salt"))
    return leaf, body, salt


async def test_an_opening_holds_the_bytes_that_were_committed_to_and_its_reading_is_an_entry_of_the_day(
    signed: SignedOffice,
) -> None:
    office = signed.office
    root, size = office.service.intake.root(), office.service.intake.log_size
    for seq in range(1, size + 1):
        opening = await office.get(f"/v1/log/opening?seq={seq}&size={size}")
        leaf, body, salt = held(opening)
        said = json.loads(leaf)
        assert commitment(salt, body) == b64decode(said["pc"])
        verify_inclusion(leaf_hash(leaf), seq - 1, size, root, [b64decode(step) for step in opening["proof"]])
        if said["stream"] == signed.day:
            last = (await office.service.intake.entries(signed.day))[-1].as_json()
            assert (last["type"], last["data"]) == ("day.read", {"what": "opening"})
    reads = await office.service.intake.log_page(size, 1000, entry_type="log.read")
    assert [entry.as_json()["data"] for entry in reads] == [{"what": "opening"}]


async def test_a_day_opens_page_by_page(signed: SignedOffice) -> None:
    intake = signed.office.service.intake
    for _ in range(OPENINGS_MAX):
        await intake.submit(note(signed.day))
    size, wanted = intake.log_size, [entry.seq for entry in await intake.entries(signed.day)]

    found: list[int] = []
    after, more = 0, True
    while more:
        page = await signed.office.get(f"/v1/days/{signed.day}/openings?after={after}&size={size}")
        found += [opening["seq"] for opening in page["openings"]]
        after, more = page["next_after"], page["more"]

    assert found == wanted
    assert (await signed.office.get(f"/v1/days/{signed.day}/openings?after={size}&size={size}"))["openings"] == []


@pytest.mark.parametrize("query", ["", "?seq=0", "?seq=100000", "?seq=3&size=2", "?seq=1&size=100000", "?day=1"])
async def test_what_cannot_be_opened_is_refused(signed: SignedOffice, query: str) -> None:
    status, problem = await signed.office.call("GET", f"/v1/log/opening{query}")
    assert (status, problem["code"]) == (400, "malformed")


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[HttpWard]:
    make_first_key(tmp_path)
    settings = Settings(wards=WARDS, clock="simulated", database=tmp_path / "infusion.db")
    async with opened_ward(settings) as opened:
        yield opened


async def openings(ward: HttpWard, day_id: str) -> list[dict[str, Any]]:
    """Every opening of a day, by the day and one by one."""
    page = (await ward.get(f"/v1/days/{day_id}/openings", by="auditor")).body["openings"]
    alone = [(await ward.get(f"/v1/log/opening?seq={each['seq']}", by="auditor")).body for each in page]
    return [*page, *alone]


async def test_a_blind_entry_is_neither_opened_nor_carried_away_until_it_is_over(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    check = {"event_id": new_event_id(), "day": day_id, "type": "bag.prepared", "data": {**BAG, "batch": BATCH}}
    entered = await ward.post("/v1/double-checks", check)
    assert entered.status == 201

    withheld = [opening for opening in await openings(ward, day_id) if opening["state"] == "withheld"]
    bundle = await ward.get(f"/v1/days/{day_id}/bundle", by="auditor")
    assert len(withheld) == 2
    assert all(opening["body"] is opening["salt"] is None for opening in withheld)
    assert not [
        each for each in await openings(ward, day_id) if each["body"] and BATCH.encode() in b64decode(each["body"])
    ]
    assert (bundle.status, bundle.code) == (409, "not_possible")
    assert bundle.body["until"] == format_time(START + timedelta(minutes=30)) == entered.body["expires_at"]
    assert "07:30 UTC" in bundle.body["detail"]

    ward.pass_by(minutes=31)
    found = await openings(ward, day_id)
    assert {opening["state"] for opening in found} == {"open"}
    assert [each for each in found if BATCH.encode() in b64decode(each["body"])]
    headers = {"Authorization": f"Bearer {ward.tokens['auditor']}"}
    async with ward.client.get(f"/v1/days/{day_id}/bundle", headers=headers) as response:
        assert response.status == 200
        assert verify_bundle(await response.read())[0].ok


async def erase(store: MemoryStore, site: str, day_id: str) -> list[int]:
    """Destroy the bodies of a day as an erasure does; return its entries' numbers."""
    head = await store.log_head(site)
    of_day = await store.read_stream(site, day_id, limit=100)
    entry = Entry(
        entry_id=new_event_id(),
        kind="admin",
        type=PATIENT_ERASED,
        stream="site",
        occurred_at=START,
        received_at=START,
        actor=SERVICE,
        data={"days": [day_id]},
        outcome={},
    )
    row = seal(entry, site=site, seq=head.size + 1, n=head.site_n + 1, previous=head.site_last_hash, salt=bytes(32))
    frontier = Frontier.from_bytes(head.frontier)
    frontier.append(row.leaf_hash)
    await store.append(Batch(site=site, rows=[row], frontier=frontier.to_bytes(), erase=[day_id]))
    return [each.seq for each in of_day]


async def test_an_erased_entry_opens_as_its_leaf_alone() -> None:
    settings, store = Settings(wards=WARDS, clock="simulated"), MemoryStore()
    async with open_service(settings, clock=SimulatedClock(START), store=store) as service:
        day_id = await schedule(service.intake)
    numbers = await erase(store, settings.site, day_id)
    async with opened_ward(settings, store) as ward:
        for seq in numbers:
            opening = (await ward.get(f"/v1/log/opening?seq={seq}", by="auditor")).body
            assert (opening["state"], opening["body"], opening["salt"]) == ("erased", None, None)
            row = (await store.read_log(settings.site, after_seq=seq - 1, limit=1))[0]
            assert b64decode(opening["leaf"]) == row.leaf
        for path in ("", "/entries", "/report", "/openings", "/bundle"):
            assert (await ward.get(f"/v1/days/{day_id}{path}", by="auditor")).code == "not_found"
        assert (await ward.get("/v1/days", by="auditor")).body["days"] == []
