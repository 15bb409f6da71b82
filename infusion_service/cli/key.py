"""`infusion key`: the keys that sign checkpoints."""

from __future__ import annotations

import cyclopts

from infusion_service.cli.administering import FROM_HERE, Reach, administer
from infusion_service.cli.exits import Exit
from infusion_service.cli.output import say, show, show_json, show_table

COLUMNS = ("id", "signs", "added_seq", "retired_seq", "key")

app = cyclopts.App(name="key", help="List, add and retire the keys that sign checkpoints.")


@app.command(name="list")
def list_keys(*, reach: Reach = FROM_HERE) -> int:
    """List all keys, retired ones too. The column `key` is what an auditor keeps."""
    keys = administer(reach, lambda way: way.keys())
    if reach.json:
        show_json({"keys": keys})
    else:
        show_table(COLUMNS, ([key[name] for name in COLUMNS] for key in keys))
    return Exit.FINE


@app.command
def rotate(*, reach: Reach = FROM_HERE) -> int:
    """Add a key. It signs beside the present ones, so that nobody is left without a key they know.

    Hand the line that is printed to everyone who keeps the present key; after that (a month is usual) retire the old
    one by `infusion key retire`.
    """
    added = administer(reach, lambda way: way.rotate_key())
    if reach.json:
        show_json(added)
    else:
        say("added; every checkpoint is signed by the old and the new key until the old one is retired:")
        show(added["key"])
    return Exit.FINE


@app.command
def retire(key: str, *, reach: Reach = FROM_HERE) -> int:
    """Let a key sign no more. Its file beside the database may then be destroyed.

    Parameters
    ----------
    key
        Its id, as `infusion key list` shows it.
    reach
        How the service is reached, and its answer shown.
    """
    retired = administer(reach, lambda way: way.retire_key(key))
    if reach.json:
        show_json(retired)
    else:
        say(f"retired {key}")
    return Exit.FINE
