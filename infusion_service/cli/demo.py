"""`infusion demo`: a ward of six simulated patients on an accelerated clock, in a database of its own."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from infusion_service.cli.configuration import settings_from
from infusion_service.cli.exits import CommandFailed, Exit, refused

Positive = Annotated[float | None, Parameter(validator=validators.Number(gt=0))]


def demo(
    *,
    port: int | None = None,
    speed: Positive = None,
    seed: int = 7,
    headless_seconds: Positive = None,
    database: Path | None = None,
) -> int:
    """Run a ward of six simulated patients, with its web page; everything in it is invented.

    Six scripts are played by people who sign in over HTTP: a clean day; a mild rash and rate cut; a stroke sign and
    stop; missed checks; a tablet that is offline and brings its entries later; a second check that does not match. A
    sample receiver refuses one webhook and fails for a while; the operations page sends the parked one again.

    Parameters
    ----------
    port
        TCP port of the page (8080); 0 picks a free one, as a headless run does.
    speed
        How many times as fast as life (60). A headless run without it takes the speed that ends all six days in time.
    seed
        Which names, PINs and small differences in the readings.
    headless_seconds
        Run for so many seconds, print one JSON line and exit.
    database
        Database file to make; one that exists is never opened. Without it a file in a new temporary directory.
    """
    from infusion_service import logs
    from infusion_service.cli.demo_play import Demonstration, demonstration_settings
    from infusion_service.cli.hosting import loop_factory
    from infusion_service.log.signing_keys import make_first_key

    if database is None:
        database = Path(tempfile.mkdtemp(prefix="infusion-demo-")) / "demo.db"
        make_first_key(database.parent)
    elif database.exists():
        raise refused(f"{database} exists: the demonstration writes only a file of its own")
    logs.configure(json=False, level="error")
    free_port = None if headless_seconds is None else 0
    settings = demonstration_settings(settings_from(None, port=free_port if port is None else port), database)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(Demonstration(settings, seed=seed).run(speed, headless_seconds))
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise CommandFailed(Exit.FAULT, f"cannot listen on {where} ({error}); take another --port") from None
    return Exit.FINE
