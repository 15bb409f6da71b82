"""Reading over HTTP: the board, the past, the feed, workflows, the clock, figures."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.web.conftest import VITALS, HttpWard
from tests.web.test_stream import listening


async def test_the_board_shows_days_by_date_and_pages_through_them(ward: HttpWard) -> None:
    days = [await ward.schedule(date=f"2026-11-{day}") for day in (25, 23, 24)]

    whole = await ward.get("/v1/days")
    first = await ward.get("/v1/days?limit=2")
    rest = await ward.get(f"/v1/days?limit=2&after={first.body['next']}")

    in_order = [days[1], days[2], days[0]]
    assert [row["day_id"] for row in whole.body["days"]] == in_order
    assert [row["day_id"] for row in first.body["days"] + rest.body["days"]] == in_order
    assert "next" not in rest.body
    newest = await ward.get("/v1/days?newest=true&limit=2")
    oldest = await ward.get(f"/v1/days?newest=true&limit=2&after={newest.body['next']}")
    assert [row["day_id"] for row in newest.body["days"] + oldest.body["days"]] == in_order[::-1]
    assert whole.body["as_of"] == "2026-11-23T07:00:00.000Z"
    assert whole.body["clock"] == {"simulated": True, "speed": 0}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("date=2026-11-23", 2),
        ("date=2026-11-24", 1),
        ("state=checked_in", 1),
        ("state=no-such-state", 0),
        ("open=true", 1),
        ("ward=neuro-day", 2),
        ("ward=neuro-day&date=2026-11-24", 0),
    ],
)
async def test_the_board_is_narrowed(ward: HttpWard, query: str, count: int) -> None:
    arrived = await ward.schedule()
    await ward.schedule()
    await ward.schedule(date="2026-11-24", ward="onco-day")
    await ward.fact(arrived, "patient.checked_in", {"identity_check": "two_identifiers"})

    assert len((await ward.get(f"/v1/days?{query}")).body["days"]) == count


async def test_a_screen_with_nobody_signed_in_shows_initials_and_no_names(ward: HttpWard) -> None:
    await ward.schedule()

    locked = await ward.get("/v1/days", by="device")
    signed_in = await ward.get("/v1/days")

    assert locked.body["days"][0]["patient"]["initials"] == "EM"
    assert "Mustermann" not in json.dumps(locked.body)
    assert signed_in.body["days"][0]["patient"]["family"] == "Mustermann"


async def test_days_of_another_ward_are_not_there(ward: HttpWard) -> None:
    here, there = await ward.schedule(), await ward.schedule(ward="onco-day")

    board = await ward.get("/v1/days", by="device")
    narrowed = await ward.get("/v1/days?ward=onco-day", by="device")
    log = await ward.get("/v1/log", by="device")

    assert [row["day_id"] for row in board.body["days"]] == [here]
    assert narrowed.body["days"] == []
    assert {entry["stream"] for entry in log.body["entries"]} == {here}
    for path in (f"/v1/days/{there}", f"/v1/days/{there}/entries"):
        assert (await ward.get(path, by="device")).code == "not_found"
        assert (await ward.get(path, by="device_2")).status == 200


async def test_a_day_can_be_read_as_it_stood_and_as_it_was_known(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    ward.pass_by(minutes=10)
    await ward.fact(day_id, "patient.checked_in", {"identity_check": "two_identifiers"})

    then = await ward.get(f"/v1/days/{day_id}?at=2026-11-23T07:05:00Z")
    unescaped = await ward.get(f"/v1/days/{day_id}?known_at=2026-11-23T08:05:00+01:00")
    before = await ward.get(f"/v1/days/{day_id}?at=2026-11-22T07:05:00Z")

    assert then.body["state"] == unescaped.body["state"] == "scheduled"
    assert before.code == "not_found"
    assert (await ward.get(f"/v1/days/{day_id}")).body["state"] == "checked_in"


async def test_an_auditors_reading_is_itself_an_entry_and_changes_no_version(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    before = await ward.get(f"/v1/days/{day_id}")

    await ward.get(f"/v1/days/{day_id}", by="auditor")
    await ward.get(f"/v1/days/{day_id}/entries", by="auditor")
    after = await ward.get(f"/v1/days/{day_id}")
    entries = (await ward.get(f"/v1/days/{day_id}/entries")).body["entries"]

    assert after.headers["ETag"] == before.headers["ETag"]
    read = [entry for entry in entries if entry["kind"] == "access"]
    assert [(entry["type"], entry["data"]["what"]) for entry in read] == [
        ("day.read", "view"),
        ("day.read", "entries"),
    ]
    assert {entry["actor"]["role"] for entry in read} == {"auditor"}


async def test_a_day_replayed_moment_by_moment_is_one_reading_in_a_while_and_each_day_has_its_own(
    ward: HttpWard,
) -> None:
    day_id, other = await ward.schedule(), await ward.schedule(patient={"id": "P-2"})

    async def replayed(*moments: str, of: str = day_id) -> None:
        for moment in moments:
            assert (await ward.get(f"/v1/days/{of}?at={moment}&known_at={moment}", by="auditor")).status == 200

    async def read(of: str = day_id) -> list[str]:
        entries = (await ward.get(f"/v1/days/{of}/entries")).body["entries"]
        return [entry["data"]["what"] for entry in entries if entry["kind"] == "access"]

    await replayed("2026-11-23T07:00:01Z", "2026-11-23T07:00:02Z", "2026-11-23T07:00:03Z")
    await replayed("2026-11-23T07:00:01Z", of=other)
    assert len(await read()) == len(await read(other)) == 1
    await ward.get(f"/v1/days/{day_id}", by="auditor")
    assert len(await read()) == 2
    ward.pass_by(minutes=6)
    await replayed("2026-11-23T07:00:01Z", "2026-11-23T07:00:02Z")
    assert await read() == ["view", "view", "view"]


async def test_an_auditor_who_reads_the_log_is_in_it_before_it_is_shown_and_once_in_a_while(ward: HttpWard) -> None:
    async def noted() -> list[tuple[str, str]]:
        logged = [entry.entry for entry in await ward.service.intake.log_page(0, 1000)]
        return [
            (entry.actor.role, str(entry.data["what"]))
            for entry in logged
            if entry is not None and entry.type == "log.read"
        ]

    await ward.schedule()
    for by in ("nurse", "integration", "admin", "device"):
        await ward.get("/v1/log", by=by)
        await ward.get("/v1/days", by=by)
    before = await noted()
    first = (await ward.get("/v1/log", by="auditor")).body["entries"]
    for after in range(5):
        await ward.get(f"/v1/log?after={after}", by="auditor")
    async with listening(ward, "auditor", "?after=0") as listener:
        await listener.event("beat")
    await ward.get("/v1/days", by="auditor")
    at_once = await noted()
    ward.pass_by(minutes=6)
    await ward.get("/v1/log", by="auditor")

    assert before == []
    assert first[-1]["type"] == "log.read"
    assert at_once == [("auditor", "log"), ("auditor", "stream"), ("auditor", "board")]
    assert (await noted())[3:] == [("auditor", "log")]


async def test_the_feed_pages_without_gaps_and_narrows(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    await ward.fact(day_id, "vitals.recorded", VITALS)
    size = ward.service.intake.log_size

    whole = await ward.get("/v1/log", by="auditor")
    pages: list[Any] = []
    after = 0
    while (page := (await ward.get(f"/v1/log?after={after}&limit=3", by="auditor")).body)["entries"]:
        pages += page["entries"]
        after = page["next_after"]
    of_the_day = await ward.get(f"/v1/log?day={day_id}", by="auditor")
    of_a_type = await ward.get("/v1/log?type=vitals.recorded", by="auditor")

    # The last one is the auditor's reading itself.
    assert [entry["seq"] for entry in whole.body["entries"]] == list(range(1, size + 2))
    assert pages == whole.body["entries"]
    assert [entry["type"] for entry in of_the_day.body["entries"]] == ["day.scheduled", "vitals.recorded"]
    assert [entry["stream"] for entry in of_a_type.body["entries"]] == [day_id]


async def test_the_feed_comes_one_entry_per_line_where_that_is_asked_for(ward: HttpWard) -> None:
    await ward.schedule()

    lines = await ward.get("/v1/log", by="auditor", Accept="application/x-ndjson")
    page = await ward.get("/v1/log", by="auditor")

    assert [json.loads(line) for line in lines.body.splitlines()] == page.body["entries"]
    assert lines.headers["Next-After"] == str(page.body["next_after"])


async def test_who_sees_what_of_the_feed(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    await ward.post("/v1/days", {"ward": "neuro-day", "patient": {"id": "P-1", "family": "Geheim"}, "course": 9})

    async def streams(by: str) -> set[str]:
        return {entry["stream"] for entry in (await ward.get("/v1/log", by=by)).body["entries"]}

    assert await streams("auditor") == {"site", day_id}
    assert await streams("admin") == {"site"}
    assert await streams("integration") == await streams("nurse") == {day_id}
    assert await streams("device_2") == set()
    assert "Geheim" not in json.dumps((await ward.get("/v1/log", by="admin")).body)


async def test_a_workflow_is_shown_as_data_as_its_own_bytes_and_as_a_diagram(ward: HttpWard) -> None:
    named = (await ward.get("/v1/workflows")).body["workflows"][0]
    path = f"/v1/workflows/{named['name']}/{named['version']}"

    shown = await ward.get(path)
    raw = await ward.get(path, Accept="application/toml")
    diagram = await ward.get(f"{path}/diagram")

    workflow = ward.service.intake.workflows()[0]
    assert shown.body["hash"] == named["hash"] == workflow.hash
    assert shown.headers["ETag"] == raw.headers["ETag"] == diagram.headers["ETag"] == f'"{workflow.hash}"'
    assert raw.body.encode() == workflow.raw
    assert "infusing" in shown.body["states"]
    assert diagram.body.startswith("stateDiagram-v2")
    for path in ("/v1/workflows/alemtuzumab/99", "/v1/workflows/none/1", "/v1/workflows/alemtuzumab/01"):
        assert (await ward.get(path)).code == "not_found"


async def test_the_simulated_clock_is_moved_forward_only_and_answers_after_what_fell_due(ward: HttpWard) -> None:
    day_id = await ward.schedule()

    moved = await ward.call("PUT", "/v1/clock", {"now": "2026-11-23T13:00:00+01:00"}, by="admin")
    back = await ward.call("PUT", "/v1/clock", {"now": "2026-11-23T12:59:00+01:00"}, by="admin")
    read = await ward.get("/v1/clock", by="admin")
    view = await ward.get(f"/v1/days/{day_id}", by="auditor")

    assert (moved.status, moved.body["now"]) == (200, "2026-11-23T12:00:00.000Z")
    assert (back.status, back.body["errors"][0]["pointer"]) == (400, "/now")
    assert read.body == {"now": "2026-11-23T12:00:00.000Z", "simulated": True, "speed": 0}
    assert view.body["state"] == "missed"


async def test_figures_name_routes_and_roles_but_no_day_and_no_person(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    await ward.fact(day_id, "vitals.recorded", VITALS)
    await ward.get("/v1/nowhere")

    figures = (await ward.get("/metrics", by="admin")).body

    assert 'infusion_http_requests_total{method="POST",route="/v1/days/{day}/events",status="201"} 1.0' in figures
    assert 'route="unmatched"' in figures
    assert f"infusion_log_entries {ward.service.intake.log_size}.0" in figures
    assert 'infusion_facts_total{result="accepted"} 2.0' in figures
    assert day_id not in figures
    assert "nurse-1" not in figures


async def test_an_open_alert_names_its_evidence_and_the_source_of_its_rule(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    await ward.fact(day_id, "patient.checked_in", {"identity_check": "wristband_scan"})
    reading = await ward.fact(day_id, "vitals.recorded", {**VITALS, "systolic_mmhg": 165})

    (alert,) = (await ward.get(f"/v1/days/{day_id}")).body["alerts"]

    assert alert["rule"] == "bp-high"
    assert alert["evidence"] == [reading.body["event_id"]]
    assert alert["source"]


async def test_figures_show_the_alerts_for_each_hour_of_a_patient_under_way(ward: HttpWard) -> None:
    day_id = await ward.schedule()
    await ward.fact(day_id, "patient.checked_in", {"identity_check": "wristband_scan"})
    await ward.fact(day_id, "vitals.recorded", {**VITALS, "systolic_mmhg": 165})
    await ward.service.watch.advance(ward.clock.now() + timedelta(minutes=30))

    figures = (await ward.get("/metrics", by="admin")).body

    assert 'infusion_alerts_raised_total{severity="medium",ward="neuro-day"} 1.0' in figures
    assert 'infusion_patient_hours_total{ward="neuro-day"} 0.5' in figures
    assert 'infusion_alerts_per_patient_hour{severity="medium",ward="neuro-day"} 2.0' in figures
    assert "infusion_clock_in_doubt 0.0" in figures


async def test_health_says_alive_and_ready(ward: HttpWard) -> None:
    assert (await ward.get("/health/live", by=None)).body == {"status": "alive"}
    assert (await ward.get("/health/ready", by=None)).body["status"] == "ready"


async def test_the_document_of_the_figures_names_each_of_them(ward: HttpWard) -> None:
    text = (await ward.get("/metrics", by="admin")).body
    document = (Path(__file__).parents[2] / "docs" / "figures.md").read_text(encoding="utf-8")

    served = {
        family.name + ("_total" if family.type == "counter" else "") for family in text_string_to_metric_families(text)
    }
    # The client library's own: when a counter began.
    served = {name for name in served if not name.endswith("_created")}

    assert set(re.findall(r"^\| `(infusion_\w+)`", document, re.MULTILINE)) == served
