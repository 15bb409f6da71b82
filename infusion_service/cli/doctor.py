"""`infusion doctor`: one line per part, with what to do where something is wrong."""

from __future__ import annotations

import asyncio
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from infusion_service import __version__
from infusion_service.cli.configuration import Config, Json, origins_from, settings_from, url_of
from infusion_service.cli.doctor_log import look_into
from infusion_service.cli.doctor_part import Part
from infusion_service.cli.exits import CommandFailed, Exit
from infusion_service.cli.init import KEY_FILE, token_file_of
from infusion_service.cli.output import show_json, show_table

if TYPE_CHECKING:
    from infusion_service.settings import Settings

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def doctor(*, settings: bool = False, config: Config = None, json: Json = False) -> int:
    """Look at the installation, the settings, the workflow files, the keys and the database.

    Changes nothing. Exit code 3 when a part needs attention.

    Parameters
    ----------
    settings
        Show every setting and where its value came from, instead.
    config
        Settings file.
    json
        Print the parts as one JSON object.
    """
    from infusion_service import logs

    logs.configure(json=False, level="error")
    if settings:
        return _show_settings(config, json=json)
    parts = _parts(config)
    if json:
        found = [{"part": each.part, "sound": each.sound, "found": each.found, "advice": each.advice} for each in parts]
        show_json({"sound": all(each.sound for each in parts), "parts": found})
    else:
        rows = [("ok" if each.sound else "LOOK", each.part, each.found, each.advice or None) for each in parts]
        show_table(("", "part", "found", "what to do"), rows)
    return Exit.FINE if all(each.sound for each in parts) else Exit.FINDING


def _parts(config: Path | None) -> list[Part]:
    parts = [Part("program", f"infusion {__version__}, Python {sys.version.split()[0]}, {sys.platform}")]
    try:
        settings = settings_from(config)
    except CommandFailed as failed:
        parts.append(Part("settings", "cannot be used", str(failed)))
    else:
        parts.append(Part("settings", f"site {settings.site}, {url_of(settings)}, {settings.clock} clock"))
        looks: tuple[Callable[[Settings], Part], ...] = (_time_zones, _workflows, _database, _key, _vault_key, _token)
        parts += [look(settings) for look in looks]
        if settings.database.exists():
            parts += look_into(settings)
    return parts


def _show_settings(config: Path | None, *, json: bool) -> int:
    found = origins_from(config)
    if json:
        show_json({each.key: {"value": each.value, "source": each.source} for each in found})
    else:
        show_table(("setting", "value", "from"), ((each.key, each.value, each.source) for each in found))
    return Exit.FINE


def _time_zones(settings: Settings) -> Part:
    now = datetime.now(UTC)
    shown = ", ".join(f"{ward.id} {now.astimezone(ZoneInfo(ward.timezone)):%H:%M}" for ward in settings.wards)
    return Part("wards", shown or "none", "" if settings.wards else "name a ward in the settings file")


def _workflows(settings: Settings) -> Part:
    from infusion_service.clinical.workflow import WorkflowInvalid
    from infusion_service.intake.workflows import read_workflow_files

    try:
        workflows = read_workflow_files(settings.workflows_dir)
    except (WorkflowInvalid, OSError) as error:
        return Part("workflows", f"{settings.workflows_dir} cannot be used", str(error))
    shown = ", ".join(f"{workflow.name}@{workflow.version}" for workflow in workflows)
    return Part("workflows", shown or "none", "" if workflows else f"put a workflow file into {settings.workflows_dir}")


def _database(settings: Settings) -> Part:
    path = settings.database
    if not path.exists():
        return Part("database", f"{path} is not there", "run `infusion init`")
    if path.stat().st_mode & OTHERS:
        return Part("database", f"{path} can be read by others", f"chmod 600 {path}")
    return asyncio.run(_log(settings))


async def _log(settings: Settings) -> Part:
    from infusion_service.bootstrap import open_service
    from infusion_service.log.store import StoreError

    try:
        async with open_service(settings, read_only=True) as service:
            root = service.intake.root().hex()
            return Part("database", f"{settings.database}, {service.intake.log_size} entries, root {root[:16]}")
    except StoreError as error:
        if "in use by process" in str(error):
            return Part("database", f"{settings.database}, held by the running service")
        return Part("database", f"{settings.database} cannot be opened", str(error))


def _key(settings: Settings) -> Part:
    return _secret(settings.database.parent / KEY_FILE, "signing key", "run `infusion init`")


def _vault_key(settings: Settings) -> Part:
    from infusion_service.delivery.vault import KEY_FILE as VAULT_KEY_FILE

    advice = "bring it back from its backup: the secrets of endpoints are sealed under it; a new site: `infusion init`"
    return _secret(settings.database.parent / VAULT_KEY_FILE, "key of endpoints' secrets", advice)


def _token(settings: Settings) -> Part:
    path = token_file_of(settings)
    if not path.exists():
        return Part("admin token", "kept elsewhere")
    return _secret(path, "admin token", "")


def _secret(path: Path, part: str, advice: str) -> Part:
    if not path.exists():
        return Part(part, f"{path} is not there", advice)
    if path.stat().st_mode & OTHERS:
        return Part(part, f"{path} can be read by others", f"chmod go= {path}")
    return Part(part, str(path))
