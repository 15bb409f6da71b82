"""Keep what a release wrote: `python -m tests.histories.make 0.1.0`, run once with the program that is released.

A few rehearsed days are played on a fresh site. Kept are the database, its checkpoint, and every day view as this
program shows it: as it stood half-way, and at its last entry. A history is never made again for the same release.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from infusion_service.bootstrap import open_service
from infusion_service.log.backup import back_up
from infusion_service.log.checkpoints import CheckpointDirectory
from tests.audit.played import SITE, play, settings_in

HISTORIES = Path(__file__).parent
PLAYED = ("s01", "s02", "s06", "s08", "k01", "l01", "a01", "a60", "g19")
"""Quiet and eventful days, corrections, late entries, an emergency."""
DATABASE = "infusion.db"
VIEWS = "views.json"


def main(release: str) -> None:
    """Make the history of a release."""
    folder = HISTORIES / release
    folder.mkdir()
    with tempfile.TemporaryDirectory() as directory:
        site = Path(directory)
        settings = play(site, *PLAYED)
        checkpoints = CheckpointDirectory(settings.checkpoints, SITE)
        back_up(settings.database, folder / DATABASE, checkpoints=checkpoints, site=SITE, states=True)
    views = asyncio.run(views_of(folder))
    (folder / f"{DATABASE}.lock").unlink()
    (folder / VIEWS).write_text(json.dumps(views, indent=1, sort_keys=True) + "\n", encoding="utf-8")


async def views_of(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Every day of the database in a folder: as it stood, and was known, half-way and at its last entry."""
    views: dict[str, list[dict[str, Any]]] = {}
    async with open_service(settings_in(folder), read_only=True) as service:
        for head in await service.store.day_heads(SITE, limit=1_000):
            entries = await service.intake.entries(head.day_id)
            moments = [entries[place].parsed_leaf.received_at for place in (len(entries) // 2, -1)]
            shown = [await service.intake.view(head.day_id, at=moment, known_at=moment) for moment in moments]
            views[head.day_id] = [json.loads(json.dumps(view)) for view in shown]
    return views


if __name__ == "__main__":
    main(sys.argv[1])
