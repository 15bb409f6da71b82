"""Every role tries, as that person would, what it may and what it may not: the real command line and real HTTP."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from infusion_service.cli.exits import Exit
from tests.cli.running import Serving, Site

TIME = "2026-11-23T06:00:00Z"
STAFF = {"nurse-1": "nurse", "charge-1": "charge_nurse", "doc-1": "prescriber", "pharm-1": "pharmacist"}
BAG = {
    "product": "LEMTRADA",
    "batch": "L-1",
    "vial_expires_on": "2027-06-30",
    "prepared_at": "2026-11-23T05:50:00Z",
    "diluent": "sodium_chloride_0_9",
    "volume_ml": 101.2,
    "dose_mg": 12,
}


@dataclass
class Ward:
    """A running service, and the credentials its people were given at the command line."""

    site: Site
    service: Serving
    tokens: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, body: Any = None, *, by: str) -> tuple[int, Any]:
        """Call the service as somebody."""
        headers = {"Authorization": f"Bearer {self.tokens[by]}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.service.url + path, data=data, headers=headers, method=method)  # noqa: S310 - ours
        try:
            with urlopen(request, timeout=20) as response:  # noqa: S310 - ours
                raw = response.read()
                return response.status, json.loads(raw) if raw else None
        except HTTPError as refused:
            with refused:
                return refused.code, json.loads(refused.read())["code"]

    def fact(self, day: str, kind: str, data: Any = None, *, by: str, **more: Any) -> tuple[int, Any]:
        """Post one fact."""
        body = {"event_id": str(uuid.uuid4()), "type": kind, "data": data or {}, **more}
        return self.call("POST", f"/v1/days/{day}/events", body, by=by)

    def page(self, path: str, *, by: str) -> str:
        """Read a page as somebody."""
        headers = {"Authorization": f"Bearer {self.tokens[by]}"}
        with urlopen(Request(self.service.url + path, headers=headers), timeout=20) as response:  # noqa: S310 - ours
            return str(response.read().decode())

    def token_file(self, by: str) -> Path:
        """Return a file with somebody's token in it."""
        file = self.site.directory / f"{by}.token"
        file.write_text(self.tokens[by])
        return file

    def infusion(self, *arguments: str | Path, by: str, typed: str = "") -> int:
        """Give a command with somebody's token."""
        return self.site.run(*arguments, "--token-file", self.token_file(by), env=self.service.env, typed=typed).code


@contextmanager
def opened(site: Site) -> Iterator[Ward]:
    """A ward whose people were added at the command line before and while the service runs."""
    assert site.run("init").code == Exit.FINE
    badges = {}
    for staff, role in STAFF.items():
        badges[staff] = f"B-{staff}", "4829"
        added = site.run("staff", "add", staff, "--name", staff, "--role", role, typed="\n".join(badges[staff]) + "\n")
        assert added.code == Exit.FINE, added.err
    with site.serving() as service:
        made = Ward(site, service)
        made.tokens["admin"] = site.token_file.read_text().strip()
        enrolled = site.run("device", "enrol", "tablet-1", "--ward", "neuro-day", env=service.env)
        made.tokens["device"] = enrolled.out.strip()
        for office in ("auditor", "integration"):
            minted = site.run("token", "mint", office, "--role", office, env=service.env)
            made.tokens[office] = minted.out.strip()
        for staff, role in STAFF.items():
            badge, pin = badges[staff]
            status, session = made.call("POST", "/v1/sessions", {"badge": badge, "pin": pin}, by="device")
            assert status == 201, session
            made.tokens[role] = session["token"]
        yield made


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    with opened(Site(tmp_path_factory.mktemp("ward"))) as made:
        yield made


@pytest.fixture(scope="module")
def day(ward: Ward) -> str:
    """A day whose patient has checked in."""
    body = {"ward": "neuro-day", "patient": {"id": "P-1"}, "course": 1, "day": 1, "date": "2026-11-23"}
    status, view = ward.call("POST", "/v1/days", {**body, "workflow": "alemtuzumab"}, by="nurse")
    assert status == 201, view
    assert ward.fact(view["day_id"], "patient.checked_in", {"identity_check": "wristband_scan"}, by="nurse")[0] == 201
    return str(view["day_id"])


def statuses(*answers: tuple[int, Any]) -> list[int]:
    return [status for status, _ in answers]


def test_a_nurse_charts_and_neither_decides_nor_administers(ward: Ward, day: str) -> None:
    may = statuses(
        ward.fact(day, "note.added", {"text": "calm"}, by="nurse"),
        ward.call("GET", f"/v1/days/{day}", by="nurse"),
        ward.call("GET", "/v1/log", by="nurse"),
    )
    may_not = statuses(
        ward.fact(day, "screening.passed", by="nurse"),
        ward.call("POST", "/v1/staff/doc-1/unlock", {}, by="nurse"),
        ward.call("GET", "/v1/staff", by="nurse"),
        ward.call("GET", "/v1/break-glass", by="nurse"),
    )

    assert (may, may_not) == ([201, 200, 200], [403] * 4)
    assert ward.infusion("device", "list", by="nurse") == Exit.REFUSED


def test_a_charge_nurse_does_what_a_nurse_does_and_unlocks(ward: Ward, day: str) -> None:
    may = statuses(
        ward.fact(day, "note.added", {"text": "calm"}, by="charge_nurse"),
        ward.call("POST", "/v1/staff/nurse-1/unlock", {}, by="charge_nurse"),
        ward.call("GET", "/v1/break-glass", by="charge_nurse"),
    )
    may_not = statuses(
        ward.fact(day, "screening.passed", by="charge_nurse"),
        ward.call("POST", "/v1/devices", {"device": "x", "ward": "neuro-day"}, by="charge_nurse"),
    )

    assert (may, may_not) == ([201, 200, 200], [403, 403])
    assert ward.infusion("staff", "unlock", "nurse-1", by="charge_nurse") == Exit.FINE
    assert ward.infusion("staff", "disable", "nurse-1", by="charge_nurse") == Exit.REFUSED


def test_a_prescriber_decides_and_does_not_start_a_pump(ward: Ward, day: str) -> None:
    may = ward.fact(day, "diagnosis.recorded", {"code": "x", "status": "suspected"}, by="prescriber")
    started = ward.fact(day, "infusion.started", {"rate_ml_per_h": 25.3}, by="prescriber")
    passed = ward.fact(day, "screening.passed", by="prescriber")

    # What is missing is a matter of the protocol, not of the role.
    assert may[0] in (201, 422)
    assert started == (403, "role_not_permitted")
    assert passed[0] == 409


def test_a_pharmacist_enters_the_bag_and_takes_no_vital_signs(ward: Ward, day: str) -> None:
    check = {"event_id": str(uuid.uuid4()), "day": day, "type": "bag.prepared", "data": BAG}

    assert ward.call("POST", "/v1/double-checks", check, by="pharmacist")[0] == 201
    assert ward.fact(day, "bag.prepared", BAG, by="pharmacist") == (409, "second_person_required")
    assert ward.fact(day, "befast.checked", by="pharmacist")[0] in (403, 422)
    assert ward.fact(day, "patient.checked_in", {"identity_check": "wristband_scan"}, by="pharmacist")[0] == 403


def test_a_tablet_with_nobody_signed_in_stops_and_calls_and_no_more(ward: Ward, day: str) -> None:
    assert ward.fact(day, "patient.checked_in", {"identity_check": "wristband_scan"}, by="device")[0] == 403
    assert ward.fact(day, "note.added", {"text": "offline"}, by="device", badge="B-nurse-1")[0] == 201
    assert ward.call("GET", "/v1/staff", by="device")[0] == 403
    assert ward.fact(day, "emergency.declared", {"reason": "other"}, by="device")[0] == 201


def test_an_integration_reads_the_feed_and_writes_nothing_clinical(ward: Ward, day: str) -> None:
    assert ward.call("GET", "/v1/log", by="integration")[0] == 200
    assert ward.call("GET", "/v1/endpoints", by="integration")[0] == 200
    assert ward.fact(day, "note.added", {"text": "x"}, by="integration") == (403, "role_not_permitted")
    assert ward.call("GET", f"/v1/days/{day}", by="integration") == (403, "role_not_permitted")
    assert ward.infusion("token", "list", by="integration") == Exit.REFUSED


def test_an_auditor_reads_everything_is_seen_to_and_writes_nothing(ward: Ward, day: str) -> None:
    assert ward.call("GET", f"/v1/days/{day}", by="auditor")[0] == 200
    _, page = ward.call("GET", f"/v1/days/{day}/entries", by="nurse")
    assert "day.read" in [entry["type"] for entry in page["entries"]]
    assert ward.fact(day, "note.added", {"text": "x"}, by="auditor")[0] == 403
    assert ward.call("POST", "/v1/break-glass/glass-0/review", {}, by="auditor")[0] == 403
    assert ward.infusion("staff", "list", by="auditor") == Exit.REFUSED


def test_who_read_whom_and_why_is_listed_for_review_and_for_the_auditor(ward: Ward, day: str) -> None:
    broken = ward.call("POST", "/v1/break-glass", {"patient": "P-1", "reason": "called to help"}, by="prescriber")
    listed = ward.call("GET", "/v1/break-glass?open=true", by="charge_nurse")[1]["break_glass"]
    own = ward.call("POST", f"/v1/break-glass/{broken[1]['id']}/review", {}, by="prescriber")
    reviewed = ward.call("POST", f"/v1/break-glass/{broken[1]['id']}/review", {}, by="charge_nurse")
    left = ward.call("GET", "/v1/break-glass?open=true", by="charge_nurse")[1]["break_glass"]
    assert ward.call("GET", f"/v1/days/{day}", by="auditor")[0] == 200
    asked = ("audit", "reads", "--patient", "P-1", "--json", "--token-file", ward.token_file("auditor"))
    told = ward.site.run(*asked, env=ward.service.env)

    assert (broken[0], own[0], reviewed[0]) == (201, 403, 200)
    assert [(each["id"], each["reason"]) for each in listed] == [(broken[1]["id"], "called to help")]
    assert left == []
    reads = [(row["type"], row["by"].split()[0], row["reason"]) for row in json.loads(told.out)["reads"]]
    assert ("glass.broken", "prescriber", "called to help") in reads
    assert ("day.read", "auditor", None) in reads
    assert "glass.reviewed" in [kind for kind, _, _ in reads]


def test_an_administrator_administers_and_sees_no_patient(ward: Ward, day: str) -> None:
    assert ward.infusion("device", "enrol", "tablet-2", "--ward", "neuro-day", by="admin") == Exit.FINE
    assert ward.infusion("device", "revoke", "tablet-2", by="admin") == Exit.FINE
    assert ward.call("GET", f"/v1/days/{day}", by="admin") == (403, "role_not_permitted")
    assert ward.fact(day, "note.added", {"text": "x"}, by="admin")[0] == 403
    _, page = ward.call("GET", "/v1/log", by="admin")
    assert {entry["stream"] for entry in page["entries"]} == {"site"}
    assert "P-1" not in str(page)


def test_a_revoked_tablet_is_out_with_everybody_on_it(ward: Ward) -> None:
    enrolled = ward.site.run("device", "enrol", "tablet-3", "--ward", "neuro-day", env=ward.service.env)
    ward.tokens["lost"] = enrolled.out.strip()
    _, session = ward.call("POST", "/v1/sessions", {"badge": "B-doc-1", "pin": "4829"}, by="lost")
    ward.tokens["on_lost"] = session["token"]
    before = ward.call("GET", "/v1/days", by="on_lost")[0]
    ward.site.run("device", "revoke", "tablet-3", env=ward.service.env)

    assert before == 200
    assert ward.call("GET", "/v1/days", by="lost") == (401, "not_authenticated")
    assert ward.call("GET", "/v1/days", by="on_lost") == (401, "not_authenticated")


def test_the_qr_code_is_for_the_eye_and_the_token_for_the_pipe(ward: Ward) -> None:
    shown = ward.site.run("device", "enrol", "tablet-4", "--ward", "neuro-day", "--qr", env=ward.service.env)
    piped = ward.site.run("device", "enrol", "tablet-5", "--ward", "neuro-day", env=ward.service.env)

    assert shown.out.startswith("infd_")
    assert "█" in shown.err
    assert "█" not in piped.err + piped.out
    assert shown.out.strip() not in shown.err
