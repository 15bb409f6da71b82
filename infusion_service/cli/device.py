"""`infusion device`: the ward's tablets."""

from __future__ import annotations

import cyclopts

from infusion_service.cli.administering import FROM_HERE, Reach, administer
from infusion_service.cli.exits import Exit
from infusion_service.cli.output import say, show, show_json, show_table

COLUMNS = ("device", "ward", "enrolled_at", "revoked_at")

app = cyclopts.App(name="device", help="Enrol, list and revoke the ward's tablets.")


@app.command
def enrol(device: str, *, ward: str, reach: Reach = FROM_HERE) -> int:
    """Enrol a device and print its token on stdout: it is shown this once, and kept nowhere.

    Parameters
    ----------
    device
        Id of the device: lower-case letters, digits and hyphens.
    ward
        Id of the ward it belongs to.
    reach
        How the service is reached, and its answer shown.
    """
    enrolled = administer(reach, lambda way: way.enrol_device(device, ward))
    if reach.json:
        show_json(enrolled)
    else:
        say(f"enrolled {device} on {ward}; its token, shown this once:")
        show(enrolled["token"])
    return Exit.FINE


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
