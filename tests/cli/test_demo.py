"""The demonstration: six patients, each ending where the script says, in a database that anybody may look into."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from infusion_service.bootstrap import open_service
from infusion_service.cli.demo_play import SCRIPTS, demonstration_settings
from infusion_service.cli.exits import Exit
from infusion_service.cli.rehearsal.script import read_script
from infusion_service.clinical.vocabulary import parse_time
from infusion_service.intake.clock import SimulatedClock
from infusion_service.log.sqlite import SqliteStore
from infusion_service.settings import Settings
from tests.cli.running import PROGRAM, WAIT_S, environment, infusion, infusion_process

ENDS = {
    "clean day": "discharged",
    "mild rash and rate cut": "discharged",
    "stroke sign and stop": "transferred",
    "missed checks": "discharged",
    "tablet offline, then late entries": "discharged",
    "second check mismatch": "discharged",
}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The summary of a demonstration that had time to end."""
    database = tmp_path_factory.mktemp("demo") / "demo.db"

    ended = infusion_process("demo", "--headless-seconds", "20", "--database", database)

    assert ended.code == Exit.FINE, ended.err
    assert len(ended.out.splitlines()) == 1
    summary: dict[str, Any] = json.loads(ended.out)
    assert summary["database"] == str(database)
    return summary


def test_each_script_names_the_state_it_ends_in() -> None:
    scripts = [read_script(path) for path in sorted(SCRIPTS.glob("*.toml"))]

    assert {script.name: script.steps[-1].expect.state for script in scripts} == ENDS


def test_each_script_ends_in_its_state(played: dict[str, Any]) -> None:
    assert {day["script"]: day["state"] for day in played["days"]} == ENDS
    assert {day["script"]: day["expected"] for day in played["days"]} == ENDS


def test_the_sample_receiver_has_taken_what_was_delivered(played: dict[str, Any]) -> None:
    assert played["webhooks"]["taken"] > 100
    assert played["webhooks"]["missing"] == []


async def test_what_the_receiver_refused_was_parked_and_went_out_when_it_was_asked_for_again(
    played: dict[str, Any],
) -> None:
    (number,) = played["endpoint"]["redriven"]
    store = SqliteStore(Path(played["database"]))
    await store.open()
    try:
        delivery = await store.deliveries.one(played["site"], played["endpoint"]["id"], number)
    finally:
        await store.close()

    assert delivery is not None
    assert (delivery.event_type, delivery.state, delivery.reason) == ("bag.prepared", "done", "redrive")
    first, *_, last = json.loads(delivery.history)
    assert (first["status"], last["status"]) == (422, 204)
    assert "stock list" in first["excerpt"]


def test_a_tablet_that_was_offline_brings_its_entries_as_they_were_made(played: dict[str, Any]) -> None:
    day = next(day["day_id"] for day in played["days"] if day["script"] == "tablet offline, then late entries")
    whole = json.loads(infusion("replay", day, "--database", played["database"], "--json").out)

    brought = [entry for entry in whole["entries"] if entry.get("late_reason")]

    assert [entry["type"] for entry in brought] == ["symptom.reported", "befast.checked", "vitals.recorded"]
    assert [entry["device"] for entry in brought] == [{"id": "tablet-5", "seq": number} for number in (1, 2, 3)]
    assert len({entry["rcv"] for entry in brought}) == 1
    for entry in brought:
        happened, entered, received = (parse_time(entry[name]) for name in ("occurred_at", "recorded_at", "rcv"))
        assert happened < entered < received
        assert received - happened > timedelta(minutes=15)
        assert entry["actor"] == {"id": "nurse-1", "role": "nurse", "how": "session"}
    raised = next(entry for entry in whole["entries"] if entry["type"] == "alert.raised")
    assert raised["data"]["retrospective"] is True
    overdue = next(entry for entry in whole["entries"] if entry["type"] == "check.overdue")
    assert parse_time(overdue["rcv"]) < parse_time(brought[0]["rcv"])


def test_everything_else_the_scripts_expect_is_met_too(played: dict[str, Any]) -> None:
    assert played["differences"] == []


def test_a_quiet_day_raises_nothing_and_a_bad_one_does(played: dict[str, Any]) -> None:
    alerts = {day["script"]: day["alerts"] for day in played["days"]}

    assert alerts["clean day"] == []
    assert "stroke-sign" in alerts["stroke sign and stop"]


async def test_dropping_what_is_derived_and_starting_again_gives_the_same_days(played: dict[str, Any]) -> None:
    database = Path(played["database"])
    settings = demonstration_settings(Settings(), database)

    before = await views(settings, played)
    store = SqliteStore(database)
    await store.open()
    try:
        await store.drop_derived()
    finally:
        await store.close()

    assert await views(settings, played) == before
    assert len(before) == len(ENDS)


async def views(settings: Settings, played: dict[str, Any]) -> dict[str, Any]:
    """Start on the demonstration's database, at its last moment, and return the view of every day."""
    clock = SimulatedClock(parse_time(played["now"]))
    async with open_service(settings, clock=clock) as service:
        return {day["day_id"]: await service.intake.view(day["day_id"]) for day in played["days"]}


def test_a_day_of_the_demonstration_can_be_followed_as_a_timeline(played: dict[str, Any]) -> None:
    day = next(day["day_id"] for day in played["days"] if day["script"] == "stroke sign and stop")

    ended = infusion("replay", day, "--database", played["database"])

    assert ended.code == Exit.FINE
    lines = ended.out.splitlines()
    assert any(re.search(r"^  stroke-sign since \d\d:\d\d because of befast.checked of .*SmPC", line) for line in lines)
    what = [re.split(r"  +", line)[1] for line in lines[lines.index("") + 2 :]]
    assert what[0] == "day.scheduled"
    assert what[-1] == "patient.transferred"
    assert what.index("emergency.declared") < what.index("infusion.stopped") < what.index("alert.raised stroke-sign")


@pytest.mark.parametrize("script", ["stroke sign and stop", "missed checks", "tablet offline, then late entries"])
def test_each_alert_open_in_the_past_names_its_evidence_and_its_source(played: dict[str, Any], script: str) -> None:
    day = next(day["day_id"] for day in played["days"] if day["script"] == script)
    whole = json.loads(infusion("replay", day, "--database", played["database"], "--json").out)
    raised = {entry["data"]["alert_id"]: entry for entry in whole["entries"] if entry["type"] == "alert.raised"}
    assert raised
    for alert_id, entry in raised.items():
        then = infusion("replay", day, "--known-at", entry["rcv"], "--database", played["database"], "--json")
        assert then.code == Exit.FINE
        shown = json.loads(then.out)
        alert = next(alert for alert in shown["view"]["alerts"] if alert["alert_id"] == alert_id)
        known = {each["entry_id"] for each in shown["entries"]}
        assert alert["evidence"]
        assert set(alert["evidence"]) <= known
        assert alert["source"]


def test_a_database_that_is_there_is_never_opened(tmp_path: Path) -> None:
    database = tmp_path / "ward.db"
    database.write_bytes(b"a ward's only copy")

    ended = infusion("demo", "--database", database)

    assert ended.code == Exit.REFUSED
    assert database.read_bytes() == b"a ward's only copy"


def test_it_shows_a_visitor_how_to_sign_in_and_ends_when_told(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*PROGRAM, "demo", "--port", "0", "--database", tmp_path / "demo.db"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    shown = ""
    while "What will happen" not in shown:
        shown += process.stdout.readline()
    url = re.findall(r"http://127\.0\.0\.1:\d+", shown)[0]
    alive = infusion("check", "--ready", "--url", url)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=WAIT_S)

    assert (alive.code, process.returncode) == (Exit.FINE, Exit.FINE)
    assert "SIMULATION" in shown
    assert re.search(r"infd_\S+", shown)
    assert re.search(rf"auditor's page +{url}/audit#token=inft_\S+", shown)
    assert re.search(rf"operations +{url}/ops#token=inft_\S+", shown)
    assert re.search(r"webhooks taken +http://127\.0\.0\.1:\d+/", shown)
    assert re.search(r"nurse +nurse-1 +NURSE-1 +\d{4}", shown)


def test_the_same_seed_invents_the_same_people(tmp_path: Path) -> None:
    from infusion_service.cli.demo_cast import STAFF, Cast

    first, again, other = Cast(7), Cast(7), Cast(8)

    assert [first.credentials(person) for person in STAFF] == [again.credentials(person) for person in STAFF]
    assert [first.patient(number) for number in range(6)] == [again.patient(number) for number in range(6)]
    assert [first.patient(number) for number in range(6)] != [other.patient(number) for number in range(6)]
    assert len({first.patient(number)["family"] for number in range(6)}) == 6
