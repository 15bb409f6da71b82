"""Founding a site and running it: `init`, `serve`, `check`, `doctor`."""

from __future__ import annotations

import base64
import json
import signal
import socket
import stat
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infusion_service.cli.exits import Exit
from tests.cli.running import Site, but_for_the_time

EXIT_S_MAX = 15.0


def mode_of(path: Path) -> int:
    """Return the permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_init_makes_database_key_and_token_for_their_owner_alone(site: Site) -> None:
    assert mode_of(site.database) == 0o600
    assert mode_of(site.token_file) == 0o600
    assert [key.name for key in keys(site)] == ["secrets.key", "signing.key"]
    for key in keys(site):
        assert mode_of(key) == 0o400
        assert len(base64.b64decode(key.read_text())) == 32


def test_init_shows_the_token_nowhere(bare_site: Site) -> None:
    ended = bare_site.run("init", "--json")

    token = bare_site.token_file.read_text().strip()
    assert token
    assert token not in ended.out + ended.err
    assert json.loads(ended.out) == {
        str(path): True for path in (bare_site.database, bare_site.token_file, *keys(bare_site))
    }


def keys(site: Site) -> list[Path]:
    """Return the site's key files."""
    return sorted(site.directory.glob("*.key"))


def test_init_again_leaves_everything_as_it_is(site: Site) -> None:
    before = {path: path.read_bytes() for path in (site.token_file, *keys(site))}

    again = site.run("init", "--json")

    assert again.code == Exit.FINE
    assert set(json.loads(again.out).values()) == {False}
    assert {path: path.read_bytes() for path in before} == before


def test_init_mints_no_second_token_once_the_first_has_been_taken_away(site: Site) -> None:
    site.token_file.unlink()

    assert site.run("init").code == Exit.FINE
    assert not site.token_file.exists()


def test_serve_says_where_and_is_ready(site: Site) -> None:
    with site.serving() as service:
        ready = site.run("check", "--ready", "--url", service.url)
        found_by_its_settings = site.run("check", "--live", env=service.env)

    assert (ready.code, found_by_its_settings.code) == (Exit.FINE, Exit.FINE)
    assert '"ready"' in ready.out


def test_a_crash_would_write_no_memory_to_disk(site: Site) -> None:
    with site.serving() as service:
        limits = Path(f"/proc/{service.process.pid}/limits").read_text()

    (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[4] == "0"


def test_a_second_service_on_the_same_database_is_refused(site: Site) -> None:
    with site.serving():
        second = site.run("serve", "--port", "0")

    assert second.code == Exit.REFUSED
    assert "in use by process" in second.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_well_although_connections_are_open(site: Site, number: signal.Signals) -> None:
    with site.serving() as service:
        address = urlsplit(service.url)
        assert address.hostname
        with (
            socket.create_connection((address.hostname, address.port)) as silent,
            socket.create_connection((address.hostname, address.port)) as kept,
        ):
            silent.sendall(b"POST /v1/days HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\n{")
            kept.sendall(b"GET /health/live HTTP/1.1\r\nHost: here\r\n\r\n")
            assert kept.recv(100).startswith(b"HTTP/1.1 200")
            began = time.monotonic()

            ended = service.stop(number)

    assert ended.code == Exit.FINE
    assert time.monotonic() - began < EXIT_S_MAX


def test_a_real_clock_cannot_be_given_a_beginning(bare_site: Site) -> None:
    ended = bare_site.run("serve", "--clock", "real", "--clock-start", "2026-11-23T08:00:00Z")

    assert ended.code == Exit.USAGE


def test_doctor_says_what_to_do(bare_site: Site) -> None:
    ended = bare_site.run("doctor", "--json")

    found = json.loads(ended.out)
    assert ended.code == Exit.FINDING
    assert not found["sound"]
    wrong = {part["part"] for part in found["parts"] if not part["sound"]}
    assert wrong == {"database", "signing key", "key of endpoints' secrets"}
    assert not bare_site.database.exists()


def test_doctor_finds_nothing_wrong_and_changes_nothing(site: Site) -> None:
    first, again = site.run("doctor"), site.run("doctor")

    assert first.code == Exit.FINE
    assert but_for_the_time(first.out) == but_for_the_time(again.out)


def test_doctor_knows_a_database_that_is_in_use_and_one_that_others_can_read(site: Site) -> None:
    with site.serving():
        in_use = site.run("doctor")
    site.database.chmod(0o644)
    open_to_all = site.run("doctor")

    assert (in_use.code, open_to_all.code) == (Exit.FINE, Exit.FINDING)
    assert "held by the running service" in in_use.out
    assert f"chmod 600 {site.database}" in open_to_all.out
