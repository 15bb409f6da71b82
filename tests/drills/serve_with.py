"""`infusion serve` with another `synchronous`: `python -m tests.drills.serve_with NORMAL --config F --port P --json`.

The program itself offers no such choice. What loses facts here shows that the drill would find it there.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import cast

from infusion_service import logs
from infusion_service.bootstrap import open_service
from infusion_service.cli.hosting import hosted, loop_factory
from infusion_service.log.sqlite import SqliteStore, Synchronous
from infusion_service.settings import load_settings

CHECKPOINT_AFTER_S = 0.05
"""Often enough that a short recording holds many checkpoints."""


async def serve(synchronous: Synchronous, config: Path, port: int) -> None:
    """Serve until killed."""
    logs.configure(json=True, level="error")  # to stderr: stdout says where it listens
    settings = replace(load_settings(config, {}), port=port)
    store = SqliteStore(settings.database, synchronous=synchronous, checkpoint_after_s=CHECKPOINT_AFTER_S)
    async with open_service(settings, store=store) as service, hosted(service) as url:
        sys.stdout.write(json.dumps({"listening": url}) + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    level, _, path, _, number, _ = sys.argv[1:]
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(cast("Synchronous", level), Path(path), int(number)))
