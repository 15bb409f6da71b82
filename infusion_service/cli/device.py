"""`infusion device`: the ward's tablets."""

from __future__ import annotations

import sys
from typing import Annotated

import cyclopts
from cyclopts import Parameter

from infusion_service.cli.administering import FROM_HERE, Reach, administer
from infusion_service.cli.configuration import settings_from, url_of
from infusion_service.cli.exits import Exit
from infusion_service.cli.output import say, show, show_json, show_table

COLUMNS = ("device", "ward", "enrolled_at", "revoked_at")

app = cyclopts.App(name="device", help="Enrol, list and revoke the ward's tablets.")


@app.command
def enrol(
    device: str,
    *,
    ward: str,
    page: str | None = None,
    qr: Annotated[bool | None, Parameter(negative="--no-qr")] = None,
    reach: Reach = FROM_HERE,
) -> int:
    """Enrol a device and print its token on stdout: it is shown this once, and kept nowhere.

    On a terminal a QR code is shown too. The tablet's camera opens the ward page with it, already enrolled.

    Parameters
    ----------
    device
        Id of the device: lower-case letters, digits and hyphens.
    ward
        Id of the ward it belongs to.
    page
        Address of the ward page as the tablet reaches it; without it the one this command reaches.
    qr
        Show the QR code also where standard error is no terminal, or do not show it.
    reach
        How the service is reached, and its answer shown.
    """
    enrolled = administer(reach, lambda way: way.enrol_device(device, ward))
    if reach.json:
        show_json(enrolled)
        return Exit.FINE
    say(f"enrolled {device} on {ward}; its token, shown this once:")
    show(enrolled["token"])
    if qr or (qr is None and sys.stderr.isatty()):
        _show_qr(page or reach.url or url_of(settings_from(reach.config)), enrolled["token"])
    return Exit.FINE


def _show_qr(page: str, token: str) -> None:
    import segno

    # Behind the #, which no browser sends anywhere: the page reads it and forgets it.
    segno.make(f"{page.rstrip('/')}/#device={token}", error="m").terminal(out=sys.stderr, compact=True)


@app.command(name="list")
def list_devices(*, reach: Reach = FROM_HERE) -> int:
    """List all devices, revoked ones too."""
    devices = administer(reach, lambda way: way.devices())
    if reach.json:
        show_json({"devices": devices})
    else:
        show_table(COLUMNS, ([device[name] for name in COLUMNS] for device in devices))
    return Exit.FINE


@app.command
def revoke(device: str, *, reach: Reach = FROM_HERE) -> int:
    """Shut a device out for good, and every session on it.

    Parameters
    ----------
    device
        Id of the device.
    reach
        How the service is reached, and its answer shown.
    """
    revoked = administer(reach, lambda way: way.revoke_device(device))
    if reach.json:
        show_json(revoked)
    else:
        say(f"revoked {device}")
    return Exit.FINE
