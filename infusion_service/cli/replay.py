"""`infusion replay`: a day as it stood at one time, as known at another."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from infusion_service.cli.administering import FROM_HERE, Reach
from infusion_service.cli.configuration import settings_from, url_of
from infusion_service.cli.exits import Exit, refused, usage
from infusion_service.cli.output import show, show_json, show_table
from infusion_service.clinical.vocabulary import format_time, parse_time

if TYPE_CHECKING:
    from infusion_service.bootstrap import Service
    from infusion_service.clinical.day import Day
    from infusion_service.settings import Settings


def replay(
    day: str,
    *,
    at: str | None = None,
    known_at: str | None = None,
    database: Path | None = None,
    reach: Reach = FROM_HERE,
) -> int:
    """Show a day as a timeline, with the state it was in; folded from the log, never from memory.

    Reads the database where no service holds it, else asks the service (with an auditor's token).

    Parameters
    ----------
    day
        Id of the day.
    at
        Clinical time (RFC 3339 with offset): only what had happened by then. Without it: everything.
    known_at
        Only what had been received by then. Without it: what is known now.
    database
        Database file to read instead of the one the settings name.
    reach
        How the service is reached, and its answer shown.
    """
    from infusion_service import logs
    from infusion_service.cli import timeline

    settings = settings_from(reach.config, database=database)
    logs.configure(json=settings.log_json, level="error")
    then, known = _moment("--at", at), _moment("--known-at", known_at)
    view, entries = asyncio.run(_read(settings, reach, day, then, known))
    known_entries = timeline.known_entries(entries, at=then, known_at=known)
    if reach.json:
        show_json({"day": day, "at": at, "known_at": known_at, "view": view, "entries": known_entries})
        return Exit.FINE
    zone = ZoneInfo(view.get("timezone") or "UTC")
    for line in timeline.headline(view, zone=zone, at=then, known_at=known):
        show(line)
    for line in timeline.explained(view, entries, zone=zone):
        show(line)
    show("")
    show_table(timeline.COLUMNS, timeline.rows(known_entries, zone=zone, struck=view.get("struck", ())))
    return Exit.FINE


async def _read(
    settings: Settings, reach: Reach, day: str, at: datetime | None, known_at: datetime | None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    from infusion_service.bootstrap import open_service
    from infusion_service.log.store import StoreUnusable

    if reach.url is not None:
        return await _ask(settings, reach, day, at, known_at)
    if not settings.database.exists():
        raise refused(f"there is no database {settings.database}; name one by --database, or a service by --url")
    try:
        async with open_service(settings, read_only=True) as service:
            folded = await service.intake.day(day)
            entries = [] if folded is None else await _shown(service, folded)
            if at is None and known_at is None and entries:
                known_at = parse_time(entries[-1]["rcv"])
            view = await service.intake.view(day, at=at, known_at=known_at)
    except StoreUnusable:
        return await _ask(settings, reach, day, at, known_at)
    except ValueError:
        raise usage(f"{day!r} is not the id of a day") from None
    if view is None:
        raise refused(f"there is no day {day} in {settings.database}, or there was none then")
    return view, entries


async def _shown(service: Service, day: Day) -> list[dict[str, Any]]:
    """Return the entries of a day as everybody else gets them: who holds the file is nobody's second person either."""
    from infusion_service.web.blind import as_shown

    entries = await service.intake.entries(day.day_id)
    # A simulated clock begins anew with every start; the log does not go back.
    now = max(service.clock.now(), entries[-1].parsed_leaf.received_at)
    return as_shown(day, entries, now)


async def _ask(
    settings: Settings, reach: Reach, day: str, at: datetime | None, known_at: datetime | None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Ask the running service. Raises `CommandFailed`."""
    import aiohttp

    from infusion_service.cli.administration import WAIT_S, HttpAdministration, read_token

    when = {"at": at, "known_at": known_at}
    query = "&".join(f"{name}={format_time(moment)}" for name, moment in when.items() if moment is not None)
    timeout = aiohttp.ClientTimeout(total=WAIT_S)
    async with aiohttp.ClientSession(reach.url or url_of(settings), timeout=timeout) as client:
        service = HttpAdministration(client, read_token(settings, reach.token_file))
        view = await service.call("GET", f"/v1/days/{day}" + (f"?{query}" if query else ""))
        entries = (await service.call("GET", f"/v1/days/{day}/entries"))["entries"]
    return view, entries


def _moment(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError:
        raise usage(f"{option} {text!r} is not a time with offset, such as 2026-11-23T14:05:00+01:00") from None
