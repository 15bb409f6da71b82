"""`infusion staff`: the people who sign in with badge and PIN."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import cyclopts

from infusion_service.cli.administering import FROM_HERE, Reach, administer
from infusion_service.cli.configuration import BADGE_VARIABLE, PIN_VARIABLE
from infusion_service.cli.exits import Exit, usage
from infusion_service.cli.output import say, show_json, show_table

COLUMNS = ("staff", "name", "role", "wards", "locked_at", "disabled_at")

Role = Literal["nurse", "charge_nurse", "prescriber", "pharmacist"]

app = cyclopts.App(name="staff", help="Add, list, disable and unlock the people who sign in.")


@app.command
def add(
    staff: str,
    *,
    name: str,
    role: Role,
    ward: Annotated[list[str] | None, cyclopts.Parameter(negative=())] = None,
    credentials_file: Path | None = None,
    reach: Reach = FROM_HERE,
) -> int:
    """Add a person. Badge code and PIN come from a file, INFUSION_BADGE and INFUSION_PIN, or standard input.

    Parameters
    ----------
    staff
        Id that the log names the person by: lower-case letters, digits and hyphens, no name.
    name
        Name as the ward's screens show it.
    role
        What the person may do.
    ward
        Ward the person works on; may be given several times. Without it: all wards.
    credentials_file
        File with the badge code on its first line and the PIN (4 to 12 digits) on its second.
    reach
        How the service is reached, and its answer shown.
    """
    badge, pin = _credentials(credentials_file)
    added = administer(reach, lambda way: way.add_staff(staff, name=name, role=role, badge=badge, pin=pin, wards=ward))
    if reach.json:
        show_json(added)
    else:
        say(f"added {staff}, {role}")
    return Exit.FINE


@app.command(name="list")
def list_staff(*, reach: Reach = FROM_HERE) -> int:
    """List all staff, disabled ones too."""
    staff = administer(reach, lambda way: way.staff())
    if reach.json:
        show_json({"staff": staff})
    else:
        show_table(COLUMNS, ([_cell(member[name]) for name in COLUMNS] for member in staff))
    return Exit.FINE


@app.command
def disable(staff: str, *, reach: Reach = FROM_HERE) -> int:
    """End a person's access and all their sessions.

    Parameters
    ----------
    staff
        Id of the person.
    reach
        How the service is reached, and its answer shown.
    """
    disabled = administer(reach, lambda way: way.disable_staff(staff))
    if reach.json:
        show_json(disabled)
    else:
        say(f"disabled {staff}")
    return Exit.FINE


@app.command
def unlock(staff: str, *, reach: Reach = FROM_HERE) -> int:
    """Let a badge sign in again that too many wrong PINs have locked.

    Parameters
    ----------
    staff
        Id of the person.
    reach
        How the service is reached, and its answer shown.
    """
    unlocked = administer(reach, lambda way: way.unlock_staff(staff))
    if reach.json:
        show_json(unlocked)
    else:
        say(f"unlocked {staff}")
    return Exit.FINE


def _credentials(path: Path | None) -> tuple[str, str]:
    """Return badge code and PIN, which never stand on a command line."""
    if path is not None:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise usage(f"{path}: {error.strerror or error}") from None
    elif BADGE_VARIABLE in os.environ and PIN_VARIABLE in os.environ:
        lines = [os.environ[BADGE_VARIABLE], os.environ[PIN_VARIABLE]]
    elif sys.stdin.isatty():
        lines = [getpass.getpass("badge code: "), getpass.getpass("PIN: ")]
    else:
        lines = sys.stdin.read().splitlines()
    if len(lines) < 2 or not lines[0].strip() or not lines[1].strip():  # noqa: PLR2004 - two lines
        raise usage(
            f"badge code and PIN are needed: two lines in a file or on stdin, or {BADGE_VARIABLE}, {PIN_VARIABLE}"
        )
    return lines[0].strip(), lines[1].strip()


def _cell(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
