"""What the service says of itself: readable by machines, and never a patient or a secret in it."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from infusion_service import logs


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Return where the lines go; afterwards logging is as pytest had it."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure(json=True, level="info", stream=stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def said(lines: io.StringIO) -> list[dict[str, Any]]:
    """Return the lines so far, parsed."""
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def fail_over(text: str) -> int:
    """Raise an error whose message quotes `text`."""
    return int(text)


def test_a_line_is_one_object_with_a_constant_event_and_its_facts(lines: io.StringIO) -> None:
    structlog.get_logger("intake").info("intake.batch_committed", entries=3)
    (line,) = said(lines)
    assert (line["event"], line["entries"], line["level"]) == ("intake.batch_committed", 3, "info")
    assert line["at"].endswith("Z")


def test_what_is_bound_to_the_request_is_on_every_line(lines: io.StringIO) -> None:
    structlog.contextvars.bind_contextvars(request_id="r-1")
    structlog.get_logger().warning("web.slow_request")
    logging.getLogger("aiohttp.server").warning("hello")
    assert [line["request_id"] for line in said(lines)] == ["r-1", "r-1"]


def test_lines_below_the_level_are_not_said(lines: io.StringIO) -> None:
    structlog.get_logger().debug("intake.decided")
    logging.getLogger("aiohttp.server").debug("keep-alive")
    assert said(lines) == []


def test_libraries_that_narrate_every_call_are_heard_only_when_something_is_wrong(lines: io.StringIO) -> None:
    logs.configure(json=True, level="debug", stream=lines)
    logging.getLogger("aiosqlite").debug("executing INSERT with P-77")
    logging.getLogger("transitions.core").info("Executed callback")
    logging.getLogger("asyncio").warning("Executing took 2 seconds")
    assert [line["event"] for line in said(lines)] == ["Executing took 2 seconds"]


@pytest.mark.parametrize("key", ["patient", "Authorization", "pin", "set-cookie", "data", "family", "token", "salt"])
def test_patients_and_secrets_are_blanked_however_deep(lines: io.StringIO, key: str) -> None:
    structlog.get_logger().info("web.request", **{key: "P-77"}, nested={"list": [{key: "P-77"}], "fine": 1})
    assert "P-77" not in lines.getvalue()
    (line,) = said(lines)
    assert line["nested"]["fine"] == 1


def test_what_is_nested_too_deep_to_look_through_is_blanked(lines: io.StringIO) -> None:
    deep: Any = "P-77"
    for _ in range(20):
        deep = {"in": deep}
    structlog.get_logger().info("web.request", deep=deep)
    assert "P-77" not in lines.getvalue()


def test_a_foreign_exceptions_text_is_dropped_and_its_place_kept(lines: io.StringIO) -> None:
    try:
        fail_over("P-77")
    except ValueError:
        structlog.get_logger().exception("web.request_failed")
        logging.getLogger("aiohttp.server").exception("Error handling request from %s", "P-77")
    assert "P-77" not in lines.getvalue()
    for line in said(lines):
        assert line["raised"] == "ValueError"
        assert "fail_over" in line["raised_at"][-1]


def test_an_operating_systems_error_keeps_its_text(lines: io.StringIO) -> None:
    structlog.get_logger().error("log.commit_failed", exc_info=OSError(28, "No space left on device"))
    assert "No space left" in said(lines)[0]["raised_message"]


def test_a_librarys_line_keeps_its_template_only(lines: io.StringIO) -> None:
    logging.getLogger("aiohttp.access").info('%s "GET /v1/days?patient=%s"', "127.0.0.1", "P-77")
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: ValueError('P-77')")
    assert "P-77" not in lines.getvalue()
    assert said(lines)[1]["event"] == "Task exception was never retrieved"


def test_lines_for_people_carry_the_same(lines: io.StringIO) -> None:
    logs.configure(json=False, level="warning", stream=lines)
    structlog.get_logger().warning("watch.late", late_s=4, patient="P-77")
    text = lines.getvalue()
    assert "watch.late" in text
    assert "late_s=4" in text
    assert "P-77" not in text
