"""`infusion endpoint`, on the database and on a running service: adding one, looking through what it was sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiohttp.test_utils import unused_port

from infusion_service.cli.exits import Exit
from tests.cli.running import Ended, Serving, Site


@dataclass
class Engine:
    """A receiver that takes what it is told to take."""

    port: int
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    said: bytes = b""


@contextmanager
def listening() -> Iterator[Engine]:
    engine = Engine(unused_port())

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(engine.status)
            for name, value in {**engine.headers, "content-length": str(len(engine.said))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(engine.said)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", engine.port), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield engine
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Office:
    """Where commands are given: on the database, or on the running service."""

    site: Site
    engine: Engine
    service: Serving | None = None

    @property
    def env(self) -> dict[str, str]:
        ports = {"INFUSION_DELIVERY_PLAIN_NETWORKS": "127.0.0.1/32", "INFUSION_DELIVERY_PORTS": str(self.engine.port)}
        return ports | (dict(self.service.env) if self.service is not None else {})

    def run(self, *arguments: str | Path) -> Ended:
        return self.site.run("endpoint", *arguments, env=self.env)

    def asked(self, *arguments: str, code: int = Exit.FINE) -> Any:
        ended = self.run(*arguments, "--json")
        assert ended.code == code, ended.err
        return json.loads(ended.out)

    def add(self, name: str, *more: str) -> str:
        return str(self.asked("add", name, f"http://127.0.0.1:{self.engine.port}/", *more)["id"])

    def deliveries(self, endpoint: str, *search: str) -> list[dict[str, Any]]:
        return list(self.asked("deliveries", endpoint, *search)["deliveries"])

    def settled(self, endpoint: str, state: str, count: int) -> list[dict[str, Any]]:
        """Ask until so many deliveries are in this state."""
        while len(found := self.deliveries(endpoint, "--state", state)) < count:
            pass
        return found


@pytest.fixture(params=["database", "service"])
def office(request: pytest.FixtureRequest, site: Site) -> Iterator[Office]:
    with listening() as engine:
        alone = Office(site, engine)
        if request.param == "database":
            yield alone
            return
        with _serving(alone) as served:
            yield served


@contextmanager
def _serving(alone: Office) -> Iterator[Office]:
    site = Site(alone.site.directory, more=alone.env)
    with site.serving() as service:
        yield Office(alone.site, alone.engine, service)


def test_an_endpoint_is_added_held_enabled_given_a_new_secret_and_removed(office: Office, tmp_path: Path) -> None:
    first, second = tmp_path / "first.secret", tmp_path / "second.secret"

    assert office.run("add", "engine", f"http://127.0.0.1:{office.engine.port}/", "--secret-out", first).code == 0
    (endpoint,) = office.asked("list")["endpoints"]
    held = office.asked("hold", endpoint["id"], "--reason", "upgrade of the engine")
    enabled = office.asked("enable", endpoint["id"])
    assert office.run("rotate-secret", endpoint["id"], "--overlap-s", "60", "--secret-out", second).code == 0
    again = office.run("rotate-secret", endpoint["id"])
    over = office.run("rotate-secret", endpoint["id"], "--secret-out", first)
    status = office.asked("status", endpoint["id"])
    removed = office.run("remove", endpoint["id"])

    assert (held["state"], held["state_reason"], enabled["state"]) == ("held", "upgrade of the engine", "active")
    assert first.read_text().startswith("whsec_")
    assert first.read_text() != second.read_text()
    assert second.stat().st_mode & 0o777 == 0o600
    assert (again.code, over.code, removed.code) == (Exit.REFUSED, Exit.REFUSED, Exit.FINE)
    assert status["state"] == "active"
    assert office.asked("list") == {"endpoints": []}


def test_what_does_not_exist_or_cannot_be_read_is_refused_alike(office: Office) -> None:
    endpoint = office.add("engine")
    nobody = "0197c0de-7000-7000-8000-0000000000e1"

    for unknown in (("status", nobody), ("hold", nobody), ("attempts", endpoint, "7"), ("deliveries", nobody)):
        assert office.run(*unknown).code == Exit.REFUSED, unknown
    for unreadable in (("retry", endpoint, "7"), ("deliveries", endpoint, "--since", "yesterday")):
        assert office.run(*unreadable).code == Exit.USAGE, unreadable
    nothing = office.run("retry", endpoint, "1", "--to", "9", "--reason", "engine mended")

    assert nothing.code == Exit.REFUSED
    assert office.deliveries(endpoint) == []


def test_what_was_sent_is_searched_and_what_is_parked_tried_again_or_dropped(site: Site) -> None:
    with listening() as engine, _serving(Office(site, engine)) as office:
        engine.status, engine.said = 422, b"no such channel, MRN 00123456"
        engine.headers = {"webhook-delivery": "abort-message"}
        told = office.add("operations", "--type", "endpoint.*")
        for name in ("one", "two", "three"):
            office.add(name)
        refused = office.settled(told, "parked", 3)
        by_answer = office.deliveries(told, "--answer", "422", "--type", "endpoint.created", "--limit", "2")
        never = office.deliveries(told, "--until", refused[0]["attempts"][0]["at"])
        parked = office.asked("parked", told, code=Exit.FINDING)["deliveries"]
        shown = office.run("attempts", told, "2")
        wrong = office.run("status", told)
        dropped = office.asked("drop", told, "1", "--reason", "a test")
        engine.status, engine.headers, engine.said = 204, {}, b""
        assert office.run("ping", told).code == Exit.FINE
        retried = office.asked("retry", told, "1", "--to", "3", "--reason", "the channel is there now")
        done = office.settled(told, "done", 2)

    assert [row["n"] for row in parked] == [1, 2, 3]
    assert [row["n"] for row in by_answer] == [1, 2]
    assert never == []
    assert "no such channel, MRN [...]" in shown.out
    assert wrong.code == Exit.FINDING
    assert (dropped["state"], retried) == ("dropped", {"retried": 2})
    assert [(row["n"], row["attempts"][-1]["reason"]) for row in done] == [(2, "redrive"), (3, "redrive")]
