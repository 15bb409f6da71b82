"""`infusion replay` and `infusion simulate` on a running and a stopped service."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infusion_service.cli.exits import Exit
from tests.cli.running import Site, but_for_the_time, infusion

START = "2026-11-23T06:00:00Z"


def simulated(site: Site, url: str, *more: str) -> dict[str, Any]:
    """Put a little load on a service and return the figures."""
    ended = site.run("simulate", "--to", url, "--days", "3", "--facts", "4", "--rate", "200", *more, "--json")
    assert ended.code == Exit.FINE, ended.err
    figures: dict[str, Any] = json.loads(ended.out)
    return figures


def auditor_of(site: Site, env: dict[str, str]) -> str:
    """Mint an auditor's token on the running service."""
    ended = site.run("token", "mint", "audit", "--role", "auditor", "--expires-at", "2027-01-01T00:00:00Z", env=env)
    assert ended.code == Exit.FINE, ended.err
    return ended.out.strip()


def days_of(site: Site) -> list[str]:
    """Return the ids of the site's days, from the log of a service that does not run."""
    import asyncio

    from infusion_service.bootstrap import open_service
    from infusion_service.settings import Settings

    async def read() -> list[str]:
        async with open_service(Settings(database=site.database), read_only=True) as service:
            page = await service.intake.log_page(0, 1000, None, "day.scheduled")
            return [entry.as_json()["stream"] for entry in page]

    return asyncio.run(read())


def test_load_is_charted_over_kept_connections(site: Site) -> None:
    with site.serving() as service:
        figures = simulated(site, service.url)

    assert (figures["sent"], figures["accepted"], figures["not_accepted"]) == (12, 12, {})
    assert figures["p50_ms"] <= figures["p95_ms"] <= figures["p99_ms"] <= figures["slowest_ms"]


def test_replay_is_the_same_from_the_database_and_from_the_service(site: Site) -> None:
    with site.serving() as service:
        simulated(site, service.url)
        service.stop()
    day = days_of(site)[-1]
    stopped = site.run("replay", day, "--at", "2026-11-23T07:00:00Z", "--json")
    with site.serving() as service:
        token = auditor_of(site, dict(service.env))
        running = site.run(
            "replay", day, "--at", "2026-11-23T07:00:00Z", "--json", env={**service.env, "INFUSION_TOKEN": token}
        )

    assert (stopped.code, running.code) == (Exit.FINE, Exit.FINE), stopped.err + running.err
    here, there = json.loads(stopped.out), json.loads(running.out)
    facts = [entry for entry in there["entries"] if entry["kind"] != "access"]
    assert here["view"]["state"] == there["view"]["state"] == "checked_in"
    assert [entry["entry_id"] for entry in here["entries"]] == [entry["entry_id"] for entry in facts]


def test_every_value_of_a_fact_is_in_its_line(site: Site) -> None:
    with site.serving() as service:
        simulated(site, service.url)
        service.stop()
    day = days_of(site)[-1]
    lines = site.run("replay", day).out
    for entry in json.loads(site.run("replay", day, "--json").out)["entries"]:
        for name, value in entry.get("data", {}).items():
            assert value in ("", [], {}) or name in ("rule", "alert_id") or f"{name}=" in lines, entry["type"]


def test_replay_leaves_no_trace(site: Site) -> None:
    with site.serving() as service:
        simulated(site, service.url)
        service.stop()
    day, before = days_of(site)[-1], site.run("doctor")

    first, again = site.run("replay", day, "--json"), site.run("replay", day, "--json")

    assert first.code == Exit.FINE
    assert first.out == again.out
    assert but_for_the_time(site.run("doctor").out) == but_for_the_time(before.out)


@pytest.mark.parametrize("option", ["--at", "--known-at"])
def test_a_time_needs_its_offset(site: Site, option: str) -> None:
    ended = site.run("replay", "0197c0de-7000-7000-8000-000000000001", option, "2026-11-23T07:00:00")

    assert ended.code == Exit.USAGE


def test_openapi_is_one_document_on_stdout_or_in_a_file(site: Site) -> None:
    file = site.directory / "openapi.json"

    shown, written = infusion("openapi"), infusion("openapi", "--out", file)

    assert json.loads(shown.out)["openapi"].startswith("3.1")
    assert written.out == ""
    assert json.loads(file.read_text()) == json.loads(shown.out)
