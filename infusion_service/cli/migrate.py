"""`infusion migrate`: bringing a database to this program's schema before the service is started on it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from infusion_service.cli.configuration import Config, Json, settings_from
from infusion_service.cli.exits import Exit, refused
from infusion_service.cli.output import show, show_json

if TYPE_CHECKING:
    from infusion_service.settings import Settings


def migrate(*, check: bool = False, config: Config = None, json: Json = False) -> int:
    """Bring the database to this program's schema. The service does the same when it starts; stop it first.

    There is no way back: make a backup before. A database of a newer program is refused. With --check nothing is
    changed, and exit code 3 says that there is something to do.

    Parameters
    ----------
    check
        Only say what would be done.
    config
        Settings file.
    json
        Print one JSON document.
    """
    from infusion_service.log.store import StoreUnusable

    settings = settings_from(config)
    database = settings.database
    if not database.exists():
        raise refused(f"there is no database {database}: run `infusion init`")
    try:
        wanted = _wanted(database)
        if not check:
            asyncio.run(_open_once(settings))
    except StoreUnusable as unusable:
        raise refused(str(unusable)) from None
    if json:
        show_json({"migrations": wanted, "applied": not check})
    elif not wanted:
        show(f"{database} has this program's schema.")
    else:
        show(f"{'To do' if check else 'Done'}: {', '.join(wanted)}")
    return Exit.FINDING if check and wanted else Exit.FINE


def _wanted(database: Path) -> list[str]:
    from infusion_service.log.log_file import reading
    from infusion_service.log.sqlite_schema import check_ours, shipped_migrations

    migrations = shipped_migrations()
    with reading(database) as connection:
        check_ours(connection, migrations)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    return [migration.name for migration in migrations[version:]]


async def _open_once(settings: Settings) -> None:
    from infusion_service.bootstrap import open_service

    async with open_service(settings, read_only=True):
        pass  # opening the store brings it to the schema; nothing else is wanted of the service
