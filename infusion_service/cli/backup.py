"""`infusion backup` and `infusion restore`: a verified copy of the log, and putting one back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from infusion_service.cli.configuration import Config, Json, settings_from
from infusion_service.cli.exits import CommandFailed, Exit, refused, unreachable
from infusion_service.cli.output import say, show, show_json
from infusion_service.cli.verify import read_public_keys

if TYPE_CHECKING:
    from infusion_service.log.backup import Copied
    from infusion_service.settings import Settings


def backup(*, out: Path, states: bool = False, config: Config = None, json: Json = False) -> int:
    """Copy the database to a file, also while the service runs, and verify the copy before it gets its name.

    Beside it, `<out>.checkpoint` is the newest signed checkpoint. Keep both together, on another machine. Signing keys
    and configuration are not in it.

    Parameters
    ----------
    out
        File to make; it may not be there yet.
    states
        Derive the states of every day again as well (slower).
    config
        Settings file.
    json
        Print one JSON document.
    """
    from infusion_service.log.backup import back_up
    from infusion_service.log.checkpoints import CheckpointDirectory

    settings = settings_from(config)
    directory = CheckpointDirectory(settings.checkpoints, settings.site)
    try:
        copied = back_up(settings.database, out, checkpoints=directory, site=settings.site, states=states)
    except Exception as error:
        raise _told(error) from error
    _show(copied, json=json, missing=0)
    if copied.checkpoint_size is None:
        say(f"No checkpoint is kept in {settings.checkpoints}: nothing outside the file vouches for it.")
    return Exit.FINE


def restore(backup: Path, *, public_key: Path | None = None, config: Config = None, json: Json = False) -> int:
    """Put a backup where the settings want the database, verified; nothing may be there yet.

    Exit code 3 when the newest checkpoint outside knows entries that the backup lacks: the service then does not write
    before the newer database is brought back, or the loss is accepted by `infusion log continue`.

    Parameters
    ----------
    backup
        File made by `infusion backup`, its `.checkpoint` beside it.
    public_key
        File with the log's public key lines, so that the backup need not be believed about them.
    config
        Settings file.
    json
        Print one JSON document.
    """
    from infusion_service.log.backup import missing_since
    from infusion_service.log.backup import restore as put_back
    from infusion_service.log.checkpoints import CheckpointDirectory

    settings = settings_from(config)
    try:
        copied = put_back(backup, settings.database, site=settings.site, keys=read_public_keys(public_key))
        missing = missing_since(copied, CheckpointDirectory(settings.checkpoints, settings.site).newest())
    except Exception as error:
        raise _told(error) from error
    _show(copied, json=json, missing=missing)
    if missing:
        say(_of_the_loss(settings, missing))
        return Exit.FINDING
    return Exit.FINE


def _of_the_loss(settings: Settings, missing: int) -> str:
    return (
        f"The checkpoint in {settings.checkpoints} knows {missing} entries more: they were acknowledged and are not in "
        "this backup. The service will not write. Bring back a newer database or backup; if there is none, "
        "`infusion log continue --accept-loss --reason TEXT`."
    )


def _show(copied: Copied, *, json: bool, missing: int) -> None:
    if json:
        show_json(
            {
                "file": str(copied.path),
                "size": copied.size,
                "root": copied.root,
                "bytes": copied.size_bytes,
                "checkpoint_size": copied.checkpoint_size,
                "missing": missing,
            }
        )
        return
    signed = "unsigned" if copied.checkpoint_size is None else f"signed up to entry {copied.checkpoint_size}"
    measured = f"{copied.size} entries, {signed}, {copied.size_bytes / 1e6:.1f} MB"
    show(f"{copied.path}: {measured}, verified; root {copied.root}")


def _told(error: Exception) -> CommandFailed:
    """How the person at the terminal learns of it. Raises what is our own fault again."""
    from infusion_service.log.backup import BackupUnsound
    from infusion_service.log.note import NoteRejected
    from infusion_service.log.store import StoreUnusable

    match error:
        case CommandFailed():
            return error
        case BackupUnsound():
            return CommandFailed(Exit.FINDING, f"{error}. Nothing was kept of it.")
        case StoreUnusable():
            return refused(str(error))
        case NoteRejected():
            return refused(f"the checkpoint outside cannot be read: {error}")
        case OSError():
            return unreachable(f"a file cannot be read or written: {error}")
        case _:
            raise error
