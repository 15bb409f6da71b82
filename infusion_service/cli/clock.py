"""`infusion clock`: what a person says of the service's clock."""

from __future__ import annotations

import cyclopts

from infusion_service.cli.administering import FROM_HERE, Reach, administer
from infusion_service.cli.exits import Exit
from infusion_service.cli.output import say, show_json

app = cyclopts.App(name="clock", help="Say that the service's clock is right, after it was in doubt.")


@app.command
def confirm(*, reach: Reach = FROM_HERE) -> int:
    """Confirm that the clock is right: time follows it again, and moves by time (a missed day) go on.

    Look at the clock first: a day that a wrong clock declares missed is missed for good.

    Parameters
    ----------
    reach
        How the service is reached, and its answer shown.
    """
    confirmed = administer(reach, lambda way: way.confirm_clock())
    if reach.json:
        show_json(confirmed)
    else:
        say(f"the clock says {confirmed['now']}; moves by time were {'held' if confirmed['held'] else 'not held'}")
    return Exit.FINE
