"""`infusion log`: what is done to a log's file by hand, while no service runs: going on after a loss, and mending the
tables beside the log."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import cyclopts

from infusion_service.cli.configuration import Config, Json, settings_from
from infusion_service.cli.exits import Exit, refused, usage
from infusion_service.cli.output import say, show, show_json
from infusion_service.clinical.vocabulary import Actor, cut_to_milliseconds

if TYPE_CHECKING:
    from infusion_service.settings import Settings

CONSOLE = Actor(id="console", role="admin", how="service")
"""Whoever can open the database file itself."""

app = cyclopts.App(name="log", help="Go on with a log whose newest entries are lost; mend the tables beside it.")


@app.command(name="continue")
def continue_(*, accept_loss: bool = False, reason: str = "", config: Config = None, json: Json = False) -> int:
    """Open a new origin for a log that is shorter than, or other than, its last signed checkpoint.

    Only while no service runs. Its first entry names that checkpoint, who decided and why. Hand the new public key line
    to whoever keeps the old one.

    Parameters
    ----------
    accept_loss
        Say that the missing entries are lost for good.
    reason
        Why; it is kept in the log.
    config
        Settings file.
    json
        Print one JSON document.
    """
    from infusion_service import logs

    if not accept_loss or not reason.strip():
        raise usage("say --accept-loss, and why by --reason: entries that were acknowledged will be missing for good")
    settings = settings_from(config)
    logs.configure(json=settings.log_json, level="warning")
    done = asyncio.run(_continue(settings, reason.strip()))
    if json:
        show_json(done)
    else:
        say(f"{done['previous']} ended; the log goes on as {done['origin']} with entry {done['seq']}; its keys:")
        for key in done["keys"]:
            show(key["key"])
    return Exit.FINE


async def _continue(settings: Settings, reason: str) -> dict[str, Any]:
    from infusion_service.bootstrap import open_service
    from infusion_service.intake.continuing import continue_log
    from infusion_service.log.checkpoints import LogForked
    from infusion_service.log.store import StoreUnusable

    if not settings.database.exists():
        raise refused(f"there is no database {settings.database}")
    try:
        async with open_service(settings, read_only=True) as service:
            checkpoints = service.checkpoints
            outside = checkpoints.directory.newest()
            try:
                await checkpoints.guard()
            except LogForked:
                pass
            else:
                raise refused("the log is the one its last checkpoint was signed for: there is nothing to accept")
            if outside is None:
                raise refused("there is no checkpoint to go on from")
            now = cut_to_milliseconds(datetime.now(UTC)) if settings.clock == "real" else service.clock.now()
            origin, seq = await continue_log(
                service.store, settings.site, checkpoints.origin, outside, reason=reason, by=CONSOLE, now=now
            )
        async with open_service(settings) as service:  # signs, and shows that it opens again
            return {
                "origin": origin,
                "previous": outside.origin,
                "seq": seq,
                "keys": service.checkpoints.list_keys(),
            }
    except StoreUnusable as unusable:
        raise refused(f"{settings.database}: {unusable}") from None


@app.command
def rebuild(*, config: Config = None) -> int:
    """Derive every table that is a function of the log anew, after `infusion verify` has found one that is not.

    Only while no service runs. The log is not touched. It takes as long as folding every day once.

    Parameters
    ----------
    config
        Settings file.
    """
    from infusion_service import logs

    settings = settings_from(config)
    logs.configure(json=settings.log_json, level="warning")
    asyncio.run(_rebuild(settings))
    say("The derived tables are those of the log again.")
    return Exit.FINE


@app.command
def drop_damaged(*, config: Config = None) -> int:
    """Drop the operational records that are damaged, so that the service starts and they can be made anew.

    Only while no service runs, and only records whose check sum does not hold. What was dropped is an entry of the log.
    A device is enrolled again, a person added again; an endpoint is set up again and gets a new sequence.

    Parameters
    ----------
    config
        Settings file.
    """
    from infusion_service import logs

    settings = settings_from(config)
    logs.configure(json=settings.log_json, level="warning")
    dropped = asyncio.run(_drop_damaged(settings))
    if not dropped:
        raise refused("every record is as it was written: there is nothing to drop")
    say("Dropped; make them anew:")
    for kind, key in dropped:
        show(f"{kind} {key}")
    return Exit.FINE


async def _rebuild(settings: Settings) -> None:
    from infusion_service.bootstrap import open_service, open_store
    from infusion_service.log.store import StoreUnusable

    if not settings.database.exists():
        raise refused(f"there is no database {settings.database}")
    try:
        async with open_store(settings) as store:
            await store.drop_derived()
        async with open_service(settings, read_only=True):
            pass  # whatever is missing is derived anew before anything is asked of it
    except StoreUnusable as unusable:
        raise refused(f"{settings.database}: {unusable}") from None


async def _drop_damaged(settings: Settings) -> list[tuple[str, str]]:
    from infusion_service.bootstrap import open_service, open_store
    from infusion_service.log.log_file import LogFile, reading
    from infusion_service.log.store import Drop, StoreUnusable
    from infusion_service.log.verify_records import RECORDS_DROPPED, damaged_records

    try:
        with reading(settings.database) as connection:
            damaged = damaged_records(LogFile(connection, settings.site))
        if not damaged:
            return []
        async with open_store(settings) as store:
            await store.put(settings.site, [Drop(kind, key) for kind, key in damaged])
        async with open_service(settings) as service:
            names: list[Any] = [{"kind": kind, "key": key} for kind, key in damaged]
            await service.intake.record(RECORDS_DROPPED, {"records": names}, CONSOLE)
    except StoreUnusable as unusable:
        raise refused(f"{settings.database}: {unusable}") from None
    return damaged
