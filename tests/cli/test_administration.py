"""Devices, staff and tokens: the same commands with the same result, whether the service runs or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infusion_service.cli.exits import Exit
from tests.cli.running import Ended, Serving, Site

SECRETS = {"INFUSION_BADGE": "B-17", "INFUSION_PIN": "482913"}


class Office:
    """Where commands are given: on the database, or on the running service."""

    def __init__(self, site: Site, service: Serving | None) -> None:
        self.site = site
        self._service = service

    def run(self, *arguments: str | Path, typed: str = "", env: dict[str, str] | None = None) -> Ended:
        """Give a command; it finds the service by its settings."""
        where = {} if self._service is None else self._service.env
        return self.site.run(*arguments, typed=typed, env=dict(where) | (env or {}))

    def asked(self, *arguments: str) -> Any:
        """Give a command and return its JSON."""
        ended = self.run(*arguments, "--json", env=SECRETS)
        assert ended.code == Exit.FINE, ended.err
        return json.loads(ended.out)


@pytest.fixture(params=["database", "service"])
def office(request: pytest.FixtureRequest, site: Site) -> Iterator[Office]:
    """An office with, and one without a running service."""
    if request.param == "database":
        yield Office(site, None)
        return
    with site.serving() as service:
        yield Office(site, service)


def test_a_device_is_enrolled_listed_and_revoked(office: Office) -> None:
    enrolled = office.run("device", "enrol", "tablet-1", "--ward", "neuro-day")
    (listed,) = office.asked("device", "list")["devices"]
    revoked = office.asked("device", "revoke", "tablet-1")

    assert enrolled.code == Exit.FINE
    assert enrolled.out.strip().startswith("infd_")
    assert (listed["device"], listed["ward"], listed["revoked_at"]) == ("tablet-1", "neuro-day", None)
    assert revoked["revoked_at"] is not None


def test_a_person_is_added_listed_disabled_and_unlocked(office: Office) -> None:
    office.asked("staff", "add", "nurse-1", "--name", "Ines Castel", "--role", "nurse", "--ward", "neuro-day")
    (listed,) = office.asked("staff", "list")["staff"]
    unlocked = office.asked("staff", "unlock", "nurse-1")
    disabled = office.asked("staff", "disable", "nurse-1")

    assert (listed["staff"], listed["role"], listed["wards"]) == ("nurse-1", "nurse", ["neuro-day"])
    assert unlocked["locked_at"] is None
    assert disabled["disabled_at"] is not None


def test_a_token_is_minted_listed_and_revoked(office: Office) -> None:
    minted = office.asked("token", "mint", "engine", "--role", "integration", "--expires-at", "2027-01-01T00:00:00Z")
    listed = {each["id"]: each for each in office.asked("token", "list")["tokens"]}
    revoked = office.asked("token", "revoke", minted["id"])

    assert minted["token"].startswith("inft_")
    assert listed[minted["id"]]["label"] == "engine"
    assert "token" not in listed[minted["id"]]
    assert revoked["revoked_at"] is not None


def test_what_is_there_already_or_not_there_is_refused(office: Office) -> None:
    office.asked("device", "enrol", "tablet-1", "--ward", "neuro-day")

    assert office.run("device", "enrol", "tablet-1", "--ward", "neuro-day").code == Exit.REFUSED
    assert office.run("device", "enrol", "tablet-2", "--ward", "nowhere").code == Exit.REFUSED
    assert office.run("staff", "disable", "nobody").code == Exit.REFUSED
    assert office.run("token", "revoke", "nothing").code == Exit.REFUSED


def test_badge_and_pin_come_from_a_file_from_the_environment_or_from_standard_input(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text("B-1\n111111\n")
    person = ("--name", "A", "--role", "nurse")

    added = [
        site.run("staff", "add", "nurse-1", *person, "--credentials-file", file),
        site.run("staff", "add", "nurse-2", *person, env=SECRETS),
        site.run("staff", "add", "nurse-3", *person, typed="B-3\n333333\n"),
    ]

    assert [ended.code for ended in added] == [Exit.FINE] * 3
    assert site.run("staff", "add", "nurse-4", *person, typed="B-4\n").code == Exit.USAGE
    assert site.run("staff", "add", "nurse-5", *person, typed="B-5\nnot a pin\n").code == Exit.REFUSED


def test_a_token_goes_into_a_new_file_only(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "engine.token"
    mint = ("token", "mint", "engine", "--role", "auditor", "--expires-at", "2027-01-01T00:00:00Z", "--out", file)

    first, second = site.run(*mint), site.run(*mint)

    assert (first.code, second.code) == (Exit.FINE, Exit.REFUSED)
    assert file.read_text().startswith("inft_")
    assert file.stat().st_mode & 0o077 == 0
    assert first.out == ""


def test_another_address_needs_a_token_that_counts_there(site: Site, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.token"
    wrong.write_text("inft_nothing")
    with site.serving() as service:
        by_file = site.run("device", "list", "--url", service.url, "--token-file", site.token_file)
        by_variable = site.run(
            "device", "list", "--url", service.url, env={"INFUSION_TOKEN": site.token_file.read_text()}
        )
        refused = site.run("device", "list", "--url", service.url, "--token-file", wrong)
        unread = site.run("device", "list", "--url", service.url, "--token-file", tmp_path / "nothing")

    assert (by_file.code, by_variable.code) == (Exit.FINE, Exit.FINE)
    assert (refused.code, unread.code) == (Exit.REFUSED, Exit.USAGE)


def test_without_a_database_nothing_is_made(bare_site: Site) -> None:
    ended = bare_site.run("device", "list")

    assert ended.code == Exit.REFUSED
    assert "infusion init" in ended.err
    assert not bare_site.database.exists()
