"""How the service fares in one answer: the numbers of /metrics, the rules of the alarms, and nobody's name."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from infusion_service.delivery.figures import EndpointFigures
from infusion_service.settings import Settings
from infusion_service.web import findings
from infusion_service.web.shapes import Clock
from infusion_service.web.status_shapes import (
    CommitStatus,
    DiskStatus,
    Finding,
    LogStatus,
    ServiceStatus,
    Verification,
    WardStatus,
)
from tests.web.conftest import START, VITALS, HttpWard, opened_ward
from tests.web.conftest import WARDS as WARDS_OF_SITE

RULES = Path(__file__).parents[2] / "deploy" / "alerts.yml"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

BOUNDS = {
    "InfusionWatchLate": findings.WATCH_LATE_S_MAX,
    "InfusionDiskLow": findings.DISK_FREE_BYTES_MIN,
    "InfusionLogNotVerified": findings.VERIFIED_WITHIN_S,
    "InfusionQueueLong": findings.QUEUE_MAX,
    "InfusionCommitsSlow": findings.COMMIT_S_MAX,
    "InfusionWalGrows": findings.WAL_BYTES_MAX,
    "InfusionDeliveryLate": findings.DELIVERY_LAG_S_MAX,
    "InfusionAlarmBudget": findings.ALERTS_PER_PATIENT_HOUR_MAX,
}

NEED_THE_PAST = {"InfusionErrors", "InfusionBadgesLocked"}
"""Rules about a rate over minutes: one look at the service cannot tell."""


async def samples(ward: HttpWard) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every figure that /metrics shows, by name and labels."""
    exposition = (await ward.get("/metrics", by="integration")).body
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }


async def test_the_status_and_the_figures_say_the_same(tmp_path: Path) -> None:
    async with opened_ward(Settings(wards=WARDS_OF_SITE, clock="simulated", database=tmp_path / "infusion.db")) as ward:
        day = await ward.schedule()
        await ward.fact(day, "patient.checked_in", {"identity_check": "two_identifiers"})
        ward.pass_by(hours=2)
        await ward.fact(day, "vitals.recorded", {**VITALS, "systolic_mmhg": 184})
        await ward.get("/v1/status", by="admin")  # what the asking itself brings about has happened then
        status = (await ward.get("/v1/status", by="admin")).body
        found = await samples(ward)

    one = {name: value for (name, labels), value in found.items() if not labels}
    assert status["log"]["entries"] == one["infusion_log_entries"]
    assert status["log"]["entries_since_start"] == one["infusion_commit_entries_total"]
    assert status["log"]["database_bytes"] == one["infusion_database_bytes"]
    assert status["log"]["wal_bytes"] == one["infusion_wal_bytes"]
    assert status["commits"]["commits"] == one["infusion_commits_total"]
    mean_s = one["infusion_commit_seconds_total"] / one["infusion_commits_total"]
    assert status["commits"]["mean_ms"] == pytest.approx(1000 * mean_s, abs=0.001)
    assert status["commits"]["queue"] == one["infusion_intake_queue_submissions"]
    assert status["watch_lateness_s"] == pytest.approx(one["infusion_watch_lateness_seconds"])
    assert status["streams"] == one["infusion_streams"]
    assert bool(status["clock_doubt"]) == bool(one["infusion_clock_in_doubt"])
    (neuro,) = [each for each in status["wards"] if each["ward"] == "neuro-day"]
    assert neuro["patient_hours"] == pytest.approx(found["infusion_patient_hours_total", (("ward", "neuro-day"),)])
    raised = {
        dict(labels)["severity"]: value
        for (name, labels), value in found.items()
        if name == "infusion_alerts_raised_total" and dict(labels)["ward"] == "neuro-day"
    }
    assert neuro["alerts"] == raised
    assert neuro["alerts_per_patient_hour"] == pytest.approx(sum(raised.values()) / neuro["patient_hours"])


async def test_it_says_what_was_verified_and_when_the_service_began(ward: HttpWard) -> None:
    ward.service.soundness.found(at=ward.clock.now(), sound=False, size=7, first_bad_seq=3)
    ward.pass_by(hours=1)
    status = (await ward.get("/v1/status", by="auditor")).body

    assert status["verification"]["first_bad_seq"] == 3
    assert datetime.fromisoformat(status["started_at"]) == START
    assert status["findings"][0]["rule"] == "InfusionLogUnsound"
    assert status["checkpoint"] is None  # nothing signs here
    assert "Mustermann" not in str(status)


def calm() -> ServiceStatus:
    """A service with nothing to look at."""
    return ServiceStatus(
        as_of=NOW,
        machine_time=NOW,
        clock=Clock(simulated=False, speed=1),
        clock_doubt="",
        site="demo",
        version="1",
        python="3.11",
        started_at=NOW - timedelta(days=3),
        taking_facts=True,
        watch_lateness_s=0.0,
        streams=0,
        log=LogStatus(entries=10, entries_since_start=10, database_bytes=1, wal_bytes=1),
        disk=DiskStatus(free_bytes=10**12, reserve_bytes=findings.DISK_FREE_BYTES_MIN),
        commits=CommitStatus(commits=10, mean_ms=2.0, conflicts=0, storage_full=0, queue=0),
        checkpoint=None,
        verify_at="03:00",
        verification=Verification(
            verified_at=NOW - timedelta(hours=9), sound=True, tables_sound=True, entries=10, first_bad_seq=None
        ),
        wards=[WardStatus(ward="neuro-day", name="N", patient_hours=9.0, alerts={}, alerts_per_patient_hour=0.0)],
        alerts_per_patient_hour_max=1.0,
    )


def endpoint(**changed: Any) -> EndpointFigures:
    """An endpoint that keeps up."""
    keeps_up = EndpointFigures(
        endpoint="e1", state="active", attempts={}, lag_entries=0, lag_s=0.0, parked=0, in_flight=0, circuit_open=False
    )
    return replace(keeps_up, **changed)


def test_a_calm_service_has_nothing_to_look_at() -> None:
    assert findings.findings(calm(), [endpoint()]) == []


def test_each_rule_speaks_past_its_bound_and_the_gravest_comes_first() -> None:
    status = calm()
    status.taking_facts = False
    status.watch_lateness_s = 31
    status.clock_doubt = "the wall clock jumped"
    status.verification = Verification(
        verified_at=NOW - timedelta(hours=27), sound=False, tables_sound=False, entries=10, first_bad_seq=4
    )
    status.disk.free_bytes = 999_999_999
    status.commits = CommitStatus(commits=10, mean_ms=201.0, conflicts=0, storage_full=1, queue=1001)
    status.log.wal_bytes = findings.WAL_BYTES_MAX + 1
    status.wards[0].alerts_per_patient_hour = 1.1
    late, parked, held = endpoint(lag_s=901), endpoint(endpoint="e2", parked=1), endpoint(state="held", lag_s=9999)

    found = findings.findings(status, [late, parked, held])

    assert {each.rule for each in found} == {
        *BOUNDS,
        *(
            "InfusionDown",
            "InfusionClockInDoubt",
            "InfusionLogUnsound",
            "InfusionTablesUnsound",
            "InfusionStorageFull",
            "InfusionDeliveryParked",
        ),
    }
    order = [each.severity for each in found]
    assert order == sorted(order, key=["critical", "warning", "info"].index)
    assert Finding("InfusionDeliveryLate", "warning", endpoint="e1") in found
    assert Finding("InfusionAlarmBudget", "info", ward="neuro-day") in found


def test_names_bounds_and_severities_are_those_of_the_alerting_rules() -> None:
    rules = {
        name: (expression, severity)
        for name, expression, severity in re.findall(
            r"- alert: (\w+)\n\s+expr: (.+)\n(?:\s+for: .+\n)?\s+labels: \{ severity: (\w+) \}",
            RULES.read_text("utf-8"),
        )
    }
    spoken = {*re.findall(r'Finding\("(\w+)"', Path(findings.__file__).read_text("utf-8"))}
    assert spoken | NEED_THE_PAST == set(rules)
    words = (Path(findings.__file__).parent / "static" / "desk" / "operations_strings.js").read_text("utf-8")
    assert not [rule for rule in spoken if f"  {rule}: [" not in words]
    for rule, bound in BOUNDS.items():
        assert float(rules[rule][0].split()[-1]) == bound, rule

    status = calm()
    status.taking_facts, status.watch_lateness_s, status.clock_doubt = False, 31, "x"
    status.wards[0].alerts_per_patient_hour = 2.0
    for each in findings.findings(status, [endpoint(lag_s=901, parked=1)]):
        assert rules[each.rule][1] == each.severity, each.rule


async def last_seen(ward: HttpWard) -> dict[str, Any]:
    """When each device was heard of."""
    devices = (await ward.get("/v1/devices", by="admin")).body["devices"]
    return {each["device"]: each["last_seen_at"] for each in devices}


async def test_a_device_says_when_it_was_heard_of_last(ward: HttpWard) -> None:
    before = await last_seen(ward)
    ward.pass_by(minutes=5)
    await ward.get("/v1/days", by="device_2")
    after = await last_seen(ward)

    assert before["tab-2"] is None
    assert datetime.fromisoformat(after["tab-2"]) == START + timedelta(minutes=5)
