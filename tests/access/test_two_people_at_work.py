"""Two people at the command line: what is entered apart stays unseen there too, and who worked alone is named."""

from __future__ import annotations

import json
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infusion_service.cli.exits import Exit
from tests.access.test_roles_at_work import BAG, Ward, opened
from tests.cli.running import Site

CANARY = "SECRET-BATCH-7"
AFTER_IT_EXPIRED = "2026-11-23T06:31:00Z"
ALONE = "nobody else on the ward"


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    with opened(Site(tmp_path)) as made:
        yield made


def scheduled(ward: Ward, patient: str) -> str:
    body = {"ward": "neuro-day", "patient": {"id": patient}, "course": 1, "day": 1, "date": "2026-11-23"}
    status, view = ward.call("POST", "/v1/days", {**body, "workflow": "alemtuzumab"}, by="nurse")
    assert status == 201, view
    return str(view["day_id"])


def enter_first(ward: Ward, day: str) -> None:
    check = {"event_id": str(uuid.uuid4()), "day": day, "type": "bag.prepared", "data": {**BAG, "batch": CANARY}}
    assert ward.call("POST", "/v1/double-checks", check, by="pharmacist")[0] == 201


def every_report(ward: Ward, day: str, out: Path) -> dict[str, str]:
    """What each command that reads says of a day, or why it says nothing."""
    told = {}
    commands = {
        "replay": ("replay", day),
        "replay as JSON": ("replay", day, "--json"),
        **{f"audit {asked}": ("audit", asked, "--json") for asked in ("overrides", "late", "answers", "reads")},
        "audit events": ("export", "--audit-events", "--out", out / f"{uuid.uuid4()}.ndjson"),
        "verify": ("verify",),
    }
    token = ("--token-file", ward.token_file("auditor"))
    for name, command in commands.items():
        reads_files_alone = command[0] in ("export", "verify")
        ended = ward.site.run(*command, *(() if reads_files_alone else token), env=ward.service.env)
        assert ended.code == Exit.FINE, (name, ended.err)
        told[name] = ended.out
    for path in out.glob("*.ndjson"):
        told[f"file {path.name}"] = path.read_text()
    return told


def test_no_command_shows_what_the_first_person_entered_while_it_counts(ward: Ward, tmp_path: Path) -> None:
    day = scheduled(ward, "P-blind")
    enter_first(ward, day)
    bundle = tmp_path / "day.zip"

    running = every_report(ward, day, tmp_path)
    refused = ward.site.run("export", "--day", day, "--out", bundle)
    ward.service.stop()
    stopped = every_report(ward, day, tmp_path)

    assert [name for name, text in {**running, **stopped}.items() if CANARY in text] == []
    assert "not shown while two people enter this apart" in stopped["replay"]
    assert (refused.code, bundle.exists()) == (Exit.REFUSED, False)
    assert "after 06:30 UTC" in refused.err


def test_once_it_has_expired_it_is_on_record_like_everything_else(ward: Ward, tmp_path: Path) -> None:
    day = scheduled(ward, "P-seen")
    enter_first(ward, day)
    assert ward.call("PUT", "/v1/clock", {"now": AFTER_IT_EXPIRED}, by="admin")[0] == 200
    assert ward.call("GET", f"/v1/days/{day}", by="auditor")[0] == 200  # an entry after it expired

    replayed = ward.site.run("replay", day, "--token-file", ward.token_file("auditor"), env=ward.service.env)
    ward.service.stop()
    exported = ward.site.run("export", "--day", day, "--out", tmp_path / "day.zip")

    assert CANARY in replayed.out
    assert exported.code == Exit.FINE, exported.err
    assert ward.site.run("verify", tmp_path / "day.zip").code == Exit.FINE


def test_who_prepared_alone_is_named_in_every_report(ward: Ward, tmp_path: Path) -> None:
    day = scheduled(ward, "P-alone")
    granted = ward.fact(
        day, "override.granted", {"guard": "second-person", "reason": ALONE, "valid_minutes": 30}, by="nurse"
    )
    prepared = ward.fact(day, "bag.prepared", BAG, by="nurse")
    token = ("--token-file", ward.token_file("auditor"))

    listed = ward.site.run("audit", "overrides", "--patient", "P-alone", "--json", *token, env=ward.service.env)
    replayed = ward.site.run("replay", day, *token, env=ward.service.env)
    page = ward.page(f"/v1/days/{day}/report", by="auditor")
    view = ward.call("GET", f"/v1/days/{day}", by="auditor")[1]
    ward.service.stop()
    exported = ward.site.run("export", "--day", day, "--out", tmp_path / "day.zip")

    assert (granted[0], prepared[0]) == (201, 201), (granted, prepared)
    (row,) = json.loads(listed.out)["overrides"]
    assert (row["guard"], row["reason"], row["by"], row["second"]) == ("second-person", ALONE, "nurse nurse-1", None)
    assert row["used_for"] == prepared[1]["event_id"]
    with zipfile.ZipFile(tmp_path / "day.zip") as archive:
        record = archive.read("record.html").decode()
    assert exported.code == Exit.FINE, exported.err
    for text in (replayed.out, page, record):
        assert ALONE in text
        assert "nurse-1" in text
    assert [(override["by"], override["reason"]) for override in view["overrides"]] == [("nurse-1", ALONE)]
