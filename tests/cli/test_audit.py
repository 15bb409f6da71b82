"""`infusion audit` and `infusion clock`: questions across days, through the real command line on a real database."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infusion_service.cli.audit_questions import QUESTIONS, answers_to
from infusion_service.clinical.vocabulary import parse_time


def entry(entry_type: str, seconds: int, **members: Any) -> dict[str, Any]:
    """One entry as the wire shows it, received so many seconds after eight."""
    received = f"2026-11-23T08:{seconds // 60:02}:{seconds % 60:02}.000Z"
    return {
        "entry_id": f"id-{entry_type}-{seconds}",
        "kind": "fact",
        "type": entry_type,
        "stream": "day-1",
        "rcv": received,
        "occurred_at": received,
        "actor": {"id": "nurse-1", "role": "nurse", "how": "session"},
        "data": {},
        **members,
    }


SCHEDULED = entry("day.scheduled", 0, data={"patient": {"id": "P-1"}})


def test_an_override_is_listed_with_both_names_its_reason_and_what_it_was_used_for() -> None:
    granted = entry(
        "override.granted",
        60,
        actor={"id": "dr-1", "role": "prescriber", "how": "session"},
        second={"id": "ph-1", "role": "pharmacist", "how": "session"},
        data={"guard": "bag-in-date", "reason": "minutes over", "valid_minutes": 30},
    )
    used = entry("override.used", 90, kind="derived", data={"override": granted["entry_id"], "fact": "f-1"})

    (row,) = answers_to("overrides", [SCHEDULED, granted, used], since=None, patient="P-1")

    assert (row["guard"], row["by"], row["second"]) == ("bag-in-date", "prescriber dr-1", "pharmacist ph-1")
    assert (row["reason"], row["used_for"]) == ("minutes over", "f-1")


def test_who_read_the_log_has_read_everybody_who_was_in_it_by_then() -> None:
    other = entry("day.scheduled", 90, stream="day-2", data={"patient": {"id": "P-2"}})
    read = entry(
        "log.read", 60, kind="access", stream="site", actor={"id": "a-1", "role": "auditor"}, data={"what": "log"}
    )

    early, late, nobody = (
        answers_to("reads", [SCHEDULED, read, other], since=None, patient=patient) for patient in ("P-1", "P-2", "P-3")
    )

    assert [(row["by"], row["type"], row["what"]) for row in early] == [("auditor a-1", "log.read", "log")]
    assert late == nobody == []


def test_a_fact_received_long_after_it_happened_is_late_and_one_in_time_is_not() -> None:
    late = entry("vitals.recorded", 2400, occurred_at="2026-11-23T08:00:00.000Z", late_reason="offline")

    rows = answers_to("late", [SCHEDULED, entry("note.added", 70), late], since=None, patient=None)

    assert [(row["type"], row["minutes"], row["reason"]) for row in rows] == [("vitals.recorded", 40, "offline")]


def test_an_alert_tells_the_minutes_to_each_step_and_whom_it_went_to() -> None:
    raised = entry(
        "alert.raised", 600, kind="derived", data={"rule": "bp-crisis", "severity": "critical", "action": "pause"}
    )
    about = {"alert_id": raised["entry_id"], "rule": "bp-crisis"}
    told = [
        entry("alert.escalated", 720, kind="derived", data={**about, "to": ["charge_nurse"]}),
        entry("alert.acknowledged", 780, data={"alert": raised["entry_id"]}),
        entry("alert.answered", 840, kind="derived", data={**about, "by": "nurse-1", "fact": "f-2"}),
        entry("alert.closed", 1500, kind="derived", data={**about, "reason": "review"}),
    ]

    (row,) = answers_to("answers", [SCHEDULED, raised, *told], since=None, patient=None)

    assert (row["acknowledged_min"], row["answered_min"], row["closed_min"]) == (3, 4, 15)
    assert (row["escalated_to"], row["closed"]) == (["charge_nurse"], "review")


@pytest.mark.parametrize("question", QUESTIONS)
def test_another_patient_and_an_earlier_time_are_left_out(question: str) -> None:
    entries = [
        SCHEDULED,
        entry("day.read", 30, kind="access"),
        entry("vitals.recorded", 2400, occurred_at="2026-11-23T08:00:00.000Z"),
        entry("override.granted", 60, data={"guard": "g", "reason": "r", "valid_minutes": 5}),
        entry("alert.raised", 90, kind="derived", data={"rule": "r", "severity": "low", "action": "alert"}),
    ]

    assert answers_to(question, entries, since=None, patient="P-1")
    assert not answers_to(question, entries, since=None, patient="P-2")
    assert not answers_to(question, entries, since=parse_time("2026-11-23T09:00:00Z"), patient=None)


def infusion(*arguments: str, database: Path) -> subprocess.CompletedProcess[str]:
    """Run the real command on a database of its own."""
    return subprocess.run(
        [sys.executable, "-m", "infusion_service", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "INFUSION_STORAGE_DATABASE": str(database)},
    )


def test_both_commands_work_on_a_database_that_no_service_holds(tmp_path: Path) -> None:
    database = tmp_path / "ward.db"
    assert infusion("init", database=database).returncode == 0

    asked = infusion("audit", "answers", "--json", database=database)
    confirmed = infusion("clock", "confirm", "--json", database=database)
    mistaken = infusion("audit", "late", "--since", "yesterday", database=database)

    assert json.loads(asked.stdout) == {"answers": []}, asked.stderr
    assert json.loads(confirmed.stdout)["held"] is False, confirmed.stderr
    assert mistaken.returncode == 2
