"""`infusion audit`: questions across days, answered from the log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts
from cyclopts import Parameter

from infusion_service.cli.administering import FROM_HERE, Reach
from infusion_service.cli.configuration import settings_from, url_of
from infusion_service.cli.exits import Exit, refused, usage
from infusion_service.cli.output import show_json, show_table
from infusion_service.clinical.vocabulary import parse_time

if TYPE_CHECKING:
    from infusion_service.settings import Settings

PAGE_ENTRIES = 1000

app = cyclopts.App(name="audit", help="Ask across days: overrides, late entries, minutes to answer, who read.")


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is asked about; the same options for every question."""

    since: Annotated[str | None, Parameter(help="Only what was received since then (RFC 3339 with offset).")] = None
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
    from infusion_service.cli import audit_questions

    try:
        from_then = None if about.since is None else parse_time(about.since)
    except ValueError:
        raise usage(f"--since {about.since!r} is not a time with offset, such as 2026-11-23T14:05:00+01:00") from None
    settings = settings_from(reach.config)
    logs.configure(json=settings.log_json, level="error")
    entries = asyncio.run(_entries(settings, reach))
    rows = audit_questions.answers_to(question, _as_read(entries), since=from_then, patient=about.patient)
    if reach.json:
        show_json({question: rows})
    else:
        columns = list(rows[0]) if rows else ["nothing to tell"]
        show_table(columns, ([_cell(row[column]) for column in columns] for row in rows))
    return Exit.FINE


def _as_read(pages: list[list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    for page in pages:
        yield from page


async def _entries(settings: Settings, reach: Reach) -> list[list[dict[str, Any]]]:
    """Read the whole log in pages, from the database where no service holds it, else from the service."""
    from infusion_service.bootstrap import open_service
    from infusion_service.log.store import StoreUnusable

    if reach.url is None:
        if not settings.database.exists():
            raise refused(f"there is no database {settings.database}; name a service by --url")
        try:
            async with open_service(settings, read_only=True) as service:
                pages, after = [], 0
                while page := await service.intake.log_page(after, PAGE_ENTRIES):
                    pages.append([entry.as_json() for entry in page])
                    after = page[-1].seq
                return pages
        except StoreUnusable:
            pass  # a service holds it: ask that
    return await _asked(settings, reach)


async def _asked(settings: Settings, reach: Reach) -> list[list[dict[str, Any]]]:
    import aiohttp

    from infusion_service.cli.administration import WAIT_S, HttpAdministration, read_token

    timeout = aiohttp.ClientTimeout(total=WAIT_S)
    async with aiohttp.ClientSession(reach.url or url_of(settings), timeout=timeout) as client:
        service = HttpAdministration(client, read_token(settings, reach.token_file))
        pages, after = [], 0
        while page := (await service.call("GET", f"/v1/log?after={after}&limit={PAGE_ENTRIES}"))["entries"]:
            pages.append(page)
            after = page[-1]["seq"]
        return pages


def _cell(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
