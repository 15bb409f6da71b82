"""The log as FHIR AuditEvents, judged by the R4B classes of fhir.resources and by the definitions in Node's fhir."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from infusion_service.clinical.vocabulary import Actor, Entry
from infusion_service.log.entry import NO_PREVIOUS, LogEntry, leaf_hash, seal
from infusion_service.log.log_file import LogFile, reading
from infusion_service.web.audit_event import audit_event
from tests.audit.played import SITE, play
from tests.cli.running import infusion
from tests.intake.ward import MORNING
from tests.node_judges import verdicts

PROFILES = """
const { Fhir } = require('fhir'); // with the structure definitions and value sets of R4
const judge = new Fhir();
const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const faults = given.map((event) => judge.validate(event).messages.map((of) => of.location + ': ' + of.message));
console.log(JSON.stringify(faults.map((found) => (found.length ? found.join('; ') : 'accepted'))));
"""

DAY = "0197c0de-7000-7000-8000-000000000001"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory: Path = tmp_path_factory.mktemp("events")
    play(directory, "g19", "s06")
    return directory


def exported(site: Path, out: Path, *more: str) -> list[dict[str, Any]]:
    """What `infusion export --audit-events` writes."""
    env = {"INFUSION_SITE_NAME": SITE, "INFUSION_STORAGE_DATABASE": str(site / "infusion.db")}
    done = infusion("export", "--audit-events", "--out", out, *more, env=env)
    assert done.code == 0, done.err
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def details(event: dict[str, Any]) -> dict[str, str]:
    """What the data entity says of itself."""
    return {detail["type"]: detail["valueString"] for detail in event["entity"][0]["detail"]}


def test_every_entry_gives_one_event_that_the_judge_accepts(site: Path, tmp_path: Path) -> None:
    judge = pytest.importorskip("fhir.resources.R4B.auditevent").AuditEvent
    events = exported(site, tmp_path / "all.ndjson")
    with reading(site / "infusion.db") as connection:
        leaves = [row[3] for row in LogFile(connection).rows()]
    assert [details(event)["seq"] for event in events] == [str(seq) for seq in range(1, len(leaves) + 1)]
    for event, leaf in zip(events, leaves, strict=True):
        assert details(event)["leaf-hash"] == b64encode(leaf_hash(leaf)).decode()
        judged = judge.model_validate(event) if hasattr(judge, "model_validate") else judge.parse_obj(event)
        assert judged.recorded is not None


def test_another_judge_with_the_value_sets_of_r4_accepts_every_event(site: Path, tmp_path: Path) -> None:
    events = exported(site, tmp_path / "all.ndjson")
    undated = {name: value for name, value in events[0].items() if name != "recorded"}
    broken = [undated, {**events[0], "action": "Z"}, {**events[0], "invented": 1}]
    said = verdicts(PROFILES, [*events, *broken])
    assert set(said[: len(events)]) == {"accepted"}
    assert [fault.split(":")[0] for fault in said[len(events) :]] == [
        "AuditEvent.recorded",
        "AuditEvent.action",
        "AuditEvent.invented",
    ]


def test_a_range_knows_its_patients_although_their_days_began_before_it(site: Path, tmp_path: Path) -> None:
    events = exported(site, tmp_path / "all.ndjson")
    some = exported(site, tmp_path / "some.ndjson", "--from-seq", "20", "--to-seq", "30")
    assert some == events[19:30]
    assert all(event["entity"][1]["what"]["identifier"]["value"] == "P-1" for event in some)


def event_of(entry_type: str, *, kind: Any = "fact", patient_id: str | None = "P-1", **data: Any) -> dict[str, Any]:
    """The event of one invented entry."""
    entry = Entry(
        entry_id="0197c0de-7000-7000-8000-0000000000a1",
        kind=kind,
        type=entry_type,
        stream=DAY,
        occurred_at=MORNING,
        received_at=MORNING,
        actor=Actor(id="auditor-1", role="auditor", how="token"),
        data=data,
    )
    row = seal(entry, site=SITE, seq=7, n=1, previous=NO_PREVIOUS, salt=bytes(32))
    return audit_event(LogEntry.of(row), patient_id=patient_id)


def roles(event: dict[str, Any]) -> list[str]:
    """The codes of the agents, client and server first."""
    return [agent["type"]["coding"][0]["code"] for agent in event["agent"]]


def test_a_fact_is_a_create_by_client_server_and_author() -> None:
    event = event_of("note.added", text="asleep")
    assert event["meta"]["profile"] == [
        "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientCreate"
    ]
    assert (event["action"], event["outcome"], event["subtype"][0]["code"]) == ("C", "0", "create")
    assert roles(event) == ["110153", "110152", "AUT"]
    assert [agent["requestor"] for agent in event["agent"]] == [False, False, True]
    assert "asleep" not in json.dumps(event)


def test_on_a_read_client_and_server_change_roles() -> None:
    event = event_of("day.read", kind="access", what="view")
    assert event["meta"]["profile"][0].endswith("IHE.BasicAudit.PatientRead")
    assert (event["action"], roles(event)) == ("R", ["110152", "110153", "AUT"])


def test_a_refusal_failed_and_claims_no_profile() -> None:
    event = event_of("fact.refused", kind="refused", code="guard_not_satisfied", detail="...", type="infusion.started")
    assert (event["outcome"], event["outcomeDesc"]) == ("4", "guard_not_satisfied")
    assert "meta" not in event


def test_a_broken_glass_is_an_emergency_override() -> None:
    event = event_of("glass.broken", kind="access", patient_id=None, reason="collapsed in the corridor")
    assert (event["type"]["code"], event["subtype"][0]["code"]) == ("110113", "110127")
    assert event["purposeOfEvent"][0]["coding"][0]["code"] == "ETREAT"


def test_an_erased_entry_still_says_that_something_was_recorded() -> None:
    entry = Entry(
        entry_id="0197c0de-7000-7000-8000-0000000000a1",
        kind="fact",
        type="note.added",
        stream=DAY,
        occurred_at=MORNING,
        received_at=MORNING,
        actor=Actor(id="nurse-1", role="nurse"),
        data={"text": "asleep"},
    )
    row = seal(entry, site=SITE, seq=7, n=1, previous=NO_PREVIOUS, salt=bytes(32))
    erased = LogEntry(seq=7, n=1, leaf=row.leaf, leaf_hash=row.leaf_hash, body=None, salt=None)
    event = audit_event(erased, patient_id=None)
    assert details(event).keys() == {"seq", "leaf-hash", "n"}
    assert "nurse-1" not in json.dumps(event)


def test_a_day_or_events_but_not_both(site: Path, tmp_path: Path) -> None:
    assert infusion("export", "--out", tmp_path / "x").code == 2
    assert infusion("export", "--out", tmp_path / "x", "--day", DAY, "--audit-events").code == 2
