"""`infusion token`: the tokens of programs and offices."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import cyclopts

from infusion_service.cli.administering import FROM_HERE, Reach, administer
from infusion_service.cli.exits import Exit, refused, usage
from infusion_service.cli.init import write_secret
from infusion_service.cli.output import say, show, show_json, show_table
from infusion_service.clinical.vocabulary import parse_time

COLUMNS = ("id", "label", "role", "scopes", "wards", "expires_at", "revoked_at")

LIFE_DAYS = 90

Several = Annotated[list[str] | None, cyclopts.Parameter(negative=())]

app = cyclopts.App(name="token", help="Mint, list and revoke the tokens of programs and offices.")


@app.command
def mint(
    label: str,
    *,
    role: Literal["integration", "auditor", "admin"],
    expires_at: str | None = None,
    scope: Several = None,
    ward: Several = None,
    out: Path | None = None,
    reach: Reach = FROM_HERE,
) -> int:
    """Mint a token: into a new file (mode 0600), or on stdout. It is shown this once, and kept nowhere.

    Parameters
    ----------
    label
        What the token is for.
    role
        What it may do.
    expires_at
        When it ends (RFC 3339 with offset); 90 days from now if not given.
    scope
        Group of routes it is narrowed to; may be given several times.
    ward
        Ward it is narrowed to; may be given several times.
    out
        File to write it to; it must not exist.
    reach
        How the service is reached, and its answer shown.
    """
    if out is not None and out.exists():
        raise refused(f"{out} exists: a token is never written over another one")
    ends = _moment(expires_at)
    minted = administer(
        reach, lambda way: way.mint_token(label, role=role, expires_at=ends, scopes=scope or (), wards=ward)
    )
    if out is not None:
        write_secret(out, minted.pop("token"), mode=0o600)
        say(f"minted {minted['id']} into {out}")
    if reach.json:
        show_json(minted)
    elif out is None:
        say(f"minted {minted['id']}; the token, shown this once:")
        show(minted["token"])
    return Exit.FINE


@app.command(name="list")
def list_tokens(*, reach: Reach = FROM_HERE) -> int:
    """List all tokens without their secrets, expired and revoked ones too."""
    tokens = administer(reach, lambda way: way.tokens())
    if reach.json:
        show_json({"tokens": tokens})
    else:
        show_table(COLUMNS, ([_cell(token[name]) for name in COLUMNS] for token in tokens))
    return Exit.FINE


@app.command
def revoke(token: str, *, reach: Reach = FROM_HERE) -> int:
    """Shut a token out for good.

    Parameters
    ----------
    token
        Id of the token, as `token list` shows it.
    reach
        How the service is reached, and its answer shown.
    """
    revoked = administer(reach, lambda way: way.revoke_token(token))
    if reach.json:
        show_json(revoked)
    else:
        say(f"revoked {token}")
    return Exit.FINE


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC) + timedelta(days=LIFE_DAYS)
    try:
        return parse_time(text)
    except ValueError:
        raise usage(f"--expires-at {text!r} is not a time with offset, such as 2027-01-31T12:00:00Z") from None


def _cell(value: object) -> object:
    return (", ".join(map(str, value)) or None) if isinstance(value, list | tuple) else value
