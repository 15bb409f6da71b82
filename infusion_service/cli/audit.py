"""`infusion audit`: questions across days, answered from the log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts
from cyclopts import Parameter

from infusion_service.cli.administering import FROM_HERE, Reach
from infusion_service.cli.configuration import settings_from, url_of
from infusion_service.cli.exits import Exit, refused, usage
from infusion_service.cli.output import show_json, show_table
from infusion_service.clinical.vocabulary import format_time, parse_time

if TYPE_CHECKING:
    from infusion_service.settings import Settings
    from infusion_service.web.audit_scan import Asked

app = cyclopts.App(name="audit", help="Ask across days: overrides, late entries, minutes to answer, who read.")


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is asked about; the same options for every question."""

    since: Annotated[str | None, Parameter(help="Only what was received since then (RFC 3339 with offset).")] = None
    until: Annotated[str | None, Parameter(help="Only what was received before then.")] = None
    patient: Annotated[str | None, Parameter(help="Only days of this patient (pseudonym).")] = None


EVERYTHING = About()


@app.command
def overrides(*, about: About = EVERYTHING, reach: Reach = FROM_HERE) -> int:
    """List every override with the names and the reason behind it, and what it was used for."""
    return _answer("overrides", about, reach)


@app.command
def late(*, about: About = EVERYTHING, reach: Reach = FROM_HERE) -> int:
    """List every fact that was received noticeably after it happened, with the reason given."""
    return _answer("late", about, reach)


@app.command
def answers(*, about: About = EVERYTHING, reach: Reach = FROM_HERE) -> int:
    """List every alert with the minutes to its acknowledgement, answer and closing, and whom it was escalated to."""
    return _answer("answers", about, reach)


@app.command
def reads(*, about: About = EVERYTHING, reach: Reach = FROM_HERE) -> int:
    """List every logged reading of a day: who, when, and why where a reason was asked for."""
    return _answer("reads", about, reach)


def _answer(question: str, about: About, reach: Reach) -> int:
    from infusion_service import logs
    from infusion_service.web.audit_scan import Asked

    asked = Asked(
        question=question,
        since=_moment("--since", about.since),
        until=_moment("--until", about.until),
        patient=about.patient,
    )
    settings = settings_from(reach.config)
    logs.configure(json=settings.log_json, level="error")
    rows = asyncio.run(_rows(settings, reach, asked))
    if reach.json:
        show_json({question: rows})
    else:
        columns = list(rows[0]) if rows else ["nothing to tell"]
        show_table(columns, ([_cell(row[column]) for column in columns] for row in rows))
    return Exit.FINE


def _moment(option: str, text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_time(text)
    except ValueError:
        raise usage(f"{option} {text!r} is not a time with offset, such as 2026-11-23T14:05:00+01:00") from None


async def _rows(settings: Settings, reach: Reach, asked: Asked) -> list[dict[str, Any]]:
    """Ask the database where no service holds it, else the service: the same code answers."""
    from infusion_service.bootstrap import open_service
    from infusion_service.log.store import StoreUnusable
    from infusion_service.web.audit_scan import Scan

    if reach.url is None:
        if not settings.database.exists():
            raise refused(f"there is no database {settings.database}; name a service by --url")
        try:
            async with open_service(settings, read_only=True) as service:
                scan, size = Scan(service.store, settings.site, asked), service.intake.log_size

                async def here(after: int) -> Stretch:
                    found = await scan.stretch(after)
                    return Stretch(found.rows, found.next_after, found.more, size)

                return await _through(here, quiet=reach.json)
        except StoreUnusable:
            pass  # a service holds it: ask that
    return await _asked(settings, reach, asked)


async def _asked(settings: Settings, reach: Reach, asked: Asked) -> list[dict[str, Any]]:
    import aiohttp

    from infusion_service.cli.administration import WAIT_S, HttpAdministration, read_token

    about = {
        "since": None if asked.since is None else format_time(asked.since),
        "until": None if asked.until is None else format_time(asked.until),
        "patient": asked.patient,
    }
    given = {name: value for name, value in about.items() if value is not None}
    timeout = aiohttp.ClientTimeout(total=WAIT_S)
    async with aiohttp.ClientSession(reach.url or url_of(settings), timeout=timeout) as client:
        service = HttpAdministration(client, read_token(settings, reach.token_file))

        async def there(after: int) -> Stretch:
            found = await service.call("POST", f"/v1/audit/{asked.question}", {**given, "after": after})
            return Stretch(found["rows"], found["next_after"], found["more"], found["log_size"])

        return await _through(there, quiet=reach.json)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was found in a stretch of the log, and how far that is."""

    rows: list[dict[str, Any]]
    next_after: int
    more: bool
    log_size: int


async def _through(ask: Callable[[int], Awaitable[Stretch]], *, quiet: bool) -> list[dict[str, Any]]:
    """Ask stretch after stretch, to the end of the log."""
    from infusion_service.cli.verify import progress

    stretch = await ask(0)
    rows = stretch.rows
    if stretch.more:
        with progress(stretch.log_size, quiet=quiet) as told:
            while stretch.more:
                told(stretch.next_after)
                stretch = await ask(stretch.next_after)
                rows += stretch.rows
    return rows


def _cell(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
