"""`infusion init`: what a new site needs before its first start."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from infusion_service.cli.configuration import Config, Json, settings_from
from infusion_service.cli.exits import Exit, refused, usage
from infusion_service.cli.output import say, show_json
from infusion_service.clinical.vocabulary import Actor
from infusion_service.log.signing_keys import FIRST_KEY_FILE, make_first_key

if TYPE_CHECKING:
    from infusion_service.settings import Settings

KEY_FILE = FIRST_KEY_FILE
TOKEN_FILE = "admin.token"  # noqa: S105 - the name of a file
TOKEN_LIFE = timedelta(days=365)

FOUNDER = Actor(id="init", role="admin", how="service")


def init(*, config: Config = None, json: Json = False) -> int:
    """Create the database, the keys that sign checkpoints and seal endpoints' secrets, the first administrator's token.

    The token goes into `admin.token` beside the database, readable for its owner alone, and is shown nowhere else.
    What is there already stays as it is.

    Parameters
    ----------
    config
        Settings file.
    json
        Print what was made as one JSON object.
    """
    from infusion_service import logs

    settings = settings_from(config)
    logs.configure(json=settings.log_json, level="warning")
    settings.database.parent.mkdir(parents=True, exist_ok=True)
    made = asyncio.run(_make(settings))
    if json:
        show_json(made)
    for path, new in made.items():
        say(f"{'made' if new else 'left as it is:'} {path}")
    return Exit.FINE


def token_file_of(settings: Settings) -> Path:
    """Return where the first administrator's token lies."""
    return settings.database.parent / TOKEN_FILE


def write_secret(path: Path, content: str, *, mode: int) -> bool:
    """Write a new file with this mode from its first byte on; False when there is one already, which stays."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(content + "\n")
        file.flush()
        os.fsync(file.fileno())
    return True


async def _make(settings: Settings) -> dict[str, bool]:
    """Make what is missing and return each path with whether it was made."""
    from infusion_service.bootstrap import open_service
    from infusion_service.clinical.workflow import WorkflowInvalid
    from infusion_service.delivery.vault import KEY_FILE as VAULT_KEY_FILE
    from infusion_service.delivery.vault import VaultUnusable, make_key
    from infusion_service.intake.workflows import WorkflowEdited
    from infusion_service.log.store import StoreUnusable

    made = {str(settings.database): not settings.database.exists()}
    made[str(settings.database.parent / KEY_FILE)] = make_first_key(settings.database.parent)
    vault_key = settings.database.parent / VAULT_KEY_FILE
    try:
        made[str(vault_key)] = make_key(vault_key)
    except VaultUnusable as unusable:
        raise refused(str(unusable)) from None
    token_file = token_file_of(settings)
    try:
        async with open_service(settings) as service:
            made[str(token_file)] = False
            now = service.clock.now()
            held = [token for token in service.access.list_tokens() if token.role == "admin" and not token.revoked_at]
            if not token_file.exists() and not any(token.expires_at > now for token in held):
                _, token = await service.access.mint_token("first administrator", "admin", now + TOKEN_LIFE, FOUNDER)
                made[str(token_file)] = write_secret(token_file, token, mode=0o600)
    except StoreUnusable as unusable:
        raise refused(f"{settings.database}: {unusable}") from None
    except (WorkflowInvalid, WorkflowEdited) as invalid:
        raise usage(f"{settings.workflows_dir}: {invalid}") from None
    return made
