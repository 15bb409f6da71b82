"""`infusion openapi`: the description of the HTTP interface."""

from __future__ import annotations

from pathlib import Path

from infusion_service.cli.exits import Exit
from infusion_service.cli.output import say, show


def openapi(*, out: Path | None = None) -> int:
    """Print the OpenAPI 3.1 document of this version, or write it to a file.

    Parameters
    ----------
    out
        File to write; without it stdout.
    """
    from infusion_service.web.openapi import encoded

    document = encoded().decode()
    if out is None:
        show(document)
    else:
        out.write_text(document + "\n", encoding="utf-8")
        say(f"wrote {out}")
    return Exit.FINE
