"""What the commands print: data on stdout, talk on stderr, no colour where nobody wants it (`NO_COLOR`, a pipe)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from infusion_service.clinical.vocabulary import JSON

PIPE_COLUMNS = 4096
"""Wider than any row: what reads from a pipe wants no cell cut or wrapped."""


def say(text: str) -> None:
    """Tell the person at the terminal something that is not data."""
    print(text, file=sys.stderr, flush=True)


def show(text: str) -> None:
    """Print data meant for people."""
    print(text, flush=True)


def show_json(value: JSON) -> None:
    """Print data meant for programs: one JSON document on one line, at once (the reader may be waiting for it)."""
    print(json.dumps(value, ensure_ascii=False, default=str), flush=True)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Print rows under their columns; "-" for nothing. A pipe gets the full width, so that no cell is cut."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*("-" if cell is None else str(cell) for cell in row))
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = PIPE_COLUMNS
    console.print(table)
