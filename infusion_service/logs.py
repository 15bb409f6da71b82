"""What the service says of itself while it runs: structured lines on standard error.

An event is a constant dotted name (`intake.batch_committed`), facts are fields. No patient data and no secret leaves
through here: fields of a name that may hold them are blanked, however deep they lie, and the message of a foreign
exception is dropped, because a parser quotes what it could not read. This is not the audit trail: that is the log in
the database, and losing these lines loses nothing of it.
"""

import logging
import sys
import traceback
from collections.abc import Mapping
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"

_NEVER_LOGGED = frozenset(
    {
        # patients, and the bodies and queries they travel in
        "patient", "patient_id", "family", "given", "born", "identifiers", "data", "body", "payload", "text", "query",
        "chair", "reason", "late_reason", "name",
        # secrets
        "authorization", "badge", "bearer", "cookie", "password", "pin", "private_key", "salt", "second", "secret",
        "session_token", "set_cookie", "token",
    }
)  # fmt: skip
_NESTING_MAX = 6
"""Levels of a nested field that are looked through; what lies deeper is blanked whole."""

_TALKATIVE = ("aiosqlite", "asyncio", "transitions")
"""Libraries that narrate every call at info or debug: heard from warning on, whatever our own level."""

_SPEAKS_OF_MACHINES = ("aiosqlite", "pysqlite3", "sqlite3", "ssl")
"""Libraries whose messages name files, constraints and addresses, never values."""


def configure(*, json: bool = False, level: str = "info", stream: TextIO | None = None) -> None:
    """Send the service's and its libraries' lines to `stream` (None: standard error), one JSON object each or readable.

    `level` is debug, info, warning or error. Safe to call again: the last call counts.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        describe_exception,
        redact,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(json=json)],
        )
    )
    handler.addFilter(TemplatesOnly())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(logging.WARNING)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Blank every field whose name may hold a patient or a secret."""
    return {key: REDACTED if _forbidden(key) else _redacted(value, depth=1) for key, value in event.items()}


def describe_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Turn `exc_info` into the exception's type and place; its message only where that cannot quote what came in."""
    info = event.pop("exc_info", None)
    error = info if isinstance(info, BaseException) else (info[1] if isinstance(info, tuple) else _current(info))
    if error is not None:
        event["raised"] = type(error).__qualname__
        if isinstance(error, OSError) or type(error).__module__.startswith(_SPEAKS_OF_MACHINES):
            event["raised_message"] = str(error)
        frames = traceback.extract_tb(error.__traceback__)
        event["raised_at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return event


class TemplatesOnly(logging.Filter):
    """Keeps a library's message template and drops what it would have filled in: a URL, a header, a task's result.

    Of several lines only the first stays: asyncio prints the failed task, and with it the exception's text, below it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Trim `record` in place; it is always let through. Our own records carry a dict and are redacted elsewhere."""
        if not isinstance(record.msg, dict):
            record.msg = str(record.msg).partition("\n")[0]
            record.args = ()
        return True


def _renderer(*, json: bool) -> Processor:
    if json:
        return structlog.processors.JSONRenderer(sort_keys=True)
    return structlog.dev.ConsoleRenderer(colors=False, timestamp_key="at")


def _current(info: object) -> BaseException | None:
    return sys.exc_info()[1] if info else None


def _forbidden(key: object) -> bool:
    return str(key).lower().replace("-", "_") in _NEVER_LOGGED


def _redacted(value: object, *, depth: int) -> object:
    if depth > _NESTING_MAX:
        return REDACTED
    if isinstance(value, Mapping):
        return {key: REDACTED if _forbidden(key) else _redacted(inner, depth=depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(inner, depth=depth + 1) for inner in value]
    return value
